"""What terraform says becomes one error of ours, with an exit code and a remedy."""

import pytest

from glue.core.environment import Environment
from glue.errors import AccessDeniedError, CredentialsError, RefusedError, SlipwayError
from glue.tf.messages import AlreadyExistsError, RolledBackError, StalePlanError, StateLockedError, errors_in, explain
from glue.workspace import Stack

STACK = Stack(Environment(name="qa", account_id="222222222222", region="eu-west-1"), "serving", "ranker")
LOCKED = """
Error: Error acquiring the state lock

Error message: operation error S3: PutObject, https response error
StatusCode: 412, api error PreconditionFailed: At least one of the
pre-conditions you specified did not hold
Lock Info:
  ID:        954ae4a7-c1ad-9629-40b3-ac48886f9f55
  Path:      bucket/serving/ranker.tfstate
  Operation: OperationTypeApply
  Who:       ann@laptop
  Version:   1.11.4
  Created:   2026-11-21 09:36:50.978935339 +0000 UTC
  Info:
"""


def said(output: str) -> SlipwayError:
    return explain(output, stack=STACK, verb="plan", log="plan.log")


def test_a_lock_names_its_holder_and_how_to_free_it() -> None:
    error = said(LOCKED)
    assert isinstance(error, StateLockedError)
    assert error.exit_code == 3
    assert error.lock_id == "954ae4a7-c1ad-9629-40b3-ac48886f9f55"
    assert "ann@laptop since 2026-11-21 09:36:50" in error.message
    assert "force-unlock 954ae4a7" in (error.remedy or "")


def test_a_boxed_and_coloured_lock_is_read_as_well() -> None:
    boxed = "\n".join(f"\x1b[31m│\x1b[0m {line}" for line in LOCKED.splitlines())
    error = said(boxed)
    assert isinstance(error, StateLockedError)
    assert error.lock_id == "954ae4a7-c1ad-9629-40b3-ac48886f9f55"


@pytest.mark.parametrize(
    ("output", "kind", "code", "words"),
    [
        ("Error: Saved plan is stale\n\nThe given plan file", StalePlanError, 3, "make plan ENV=qa STACK=serving"),
        (
            "Error: Resource postcondition failed\n\nendpoint x was\nrolled back: it serves config a, wanted is b.",
            RolledBackError,
            1,
            "it serves config a, wanted is b",
        ),
        (
            "Error: waiting for update: unexpected state 'RollingBack', wanted target 'InService'.",
            RolledBackError,
            1,
            "RollingBack",
        ),
        ("Error: AWS account ID not allowed: 111111111111", RefusedError, 3, "account 222222222222"),
        ("Error: No valid credential sources found\n\nPlease see", CredentialsError, 1, "Log in again"),
        ("Error: x\n\napi error ExpiredToken: The security token", CredentialsError, 1, "ExpiredToken"),
        (
            "Error: creating: api error AccessDenied: a is not authorized to perform: s3:PutObject on resource: y",
            AccessDeniedError,
            1,
            "s3:PutObject on resource: y",
        ),
        ("Error: creating: EntityAlreadyExists: Role with name x already exists.", AlreadyExistsError, 1, "Plan again"),
        ('Error: Failed to get existing workspaces: S3 bucket "b" does not exist.', SlipwayError, 1, "STACK=bootstrap"),
        ("Error: x\n\ndial tcp 127.0.0.1:1: connect: connection refused", SlipwayError, 1, "Check the network"),
        ("Error: Invalid value for variable\n\nendpoint ranker: weights are whole", SlipwayError, 1, "plan.log"),
        ("", SlipwayError, 1, "it printed nothing"),
    ],
)
def test_every_known_message(output: str, kind: type[SlipwayError], code: int, words: str) -> None:
    error = said(output)
    assert type(error) is kind
    assert error.exit_code == code
    assert words in str(error)


def test_long_errors_are_cut_and_say_so() -> None:
    text = errors_in("noise\nError: many\n" + "\n".join(f"line {n}" for n in range(100)))
    assert text.splitlines()[0] == "Error: many"
    assert text.splitlines()[-1] == "... 61 more lines"
