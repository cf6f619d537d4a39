"""Documents that want to hurt: they are refused, or they cost little."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.iam import (
    Policy,
    PolicyError,
    PolicySet,
    Principal,
    Request,
    dump_policy,
    evaluate,
    parse_policy,
    session_of,
)

ALLOW = {"Effect": "Allow", "Action": "*", "Resource": "*"}
CALLER = session_of("arn:aws:iam::111111111111:role/Trainer")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 20_000,
        '{"Statement":' + "[" * 20_000 + "]" * 20_000 + "}",
        '{"Statement":' + "9" * 50_000 + "}",
        '{"Version":' + "9" * 5_000 + "}",
        "",
        "\x00",
        '"' + "a" * 200_000 + '"',
        '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Sid":"\\ud800"}}\ud800',
    ],
)
def test_nonsense_is_refused_with_a_policy_error(text: str) -> None:
    start = time.process_time()
    with pytest.raises(PolicyError):
        parse_policy(text)
    assert time.process_time() - start < 2


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(
    ["Version", "Statement", "Id", "Effect", "Action", "NotAction", "Resource", "Principal", "Condition", "Sid"]
)
KNOWN: list[Any] = ["Allow", "Deny", "*", "s3:*", "2012-10-17", {"AWS": "*"}, {"StringLike": {"a:b": "*"}}]
almost = st.recursive(
    anything | st.sampled_from(KNOWN),
    lambda inner: st.dictionaries(keys, inner, max_size=4) | st.lists(inner, max_size=2),
    max_leaves=12,
)


@given(almost)
def test_parsing_ends_in_a_policy_or_a_policy_error(document: Any) -> None:
    for given_as in (document, json.dumps(document)):
        try:
            policy = parse_policy(given_as)
        except PolicyError:
            continue
        assert policy.statements


@given(st.dictionaries(st.text(max_size=6), st.sampled_from(KNOWN) | anything, max_size=3))
def test_one_strange_statement_is_never_half_understood(extra: dict[str, Any]) -> None:
    known = {
        "Sid",
        "Condition",
        "Effect",
        "Action",
        "Resource",
        "NotAction",
        "NotResource",
        "Principal",
        "NotPrincipal",
    }
    if set(extra) - known:
        with pytest.raises(PolicyError):
            parse_policy({"Version": "2012-10-17", "Statement": ALLOW | extra})


def test_many_duplicate_keys_are_found_quickly() -> None:
    text = "{" + ",".join(f'"k{number // 2}":1' for number in range(8000)) + "}"
    start = time.process_time()
    with pytest.raises(PolicyError, match="appears twice"):
        parse_policy(text)
    assert time.process_time() - start < 2


def test_a_large_policy_of_patterns_is_decided_quickly() -> None:
    patterns = ["arn:aws:s3:::" + "*a" * 200 + str(number) for number in range(200)]
    document = {"Version": "2012-10-17", "Statement": ALLOW | {"Resource": patterns}}
    policy = parse_policy(json.dumps(document))
    request = Request(CALLER, "s3:GetObject", "arn:aws:s3:::" + "a" * 1024)
    start = time.process_time()
    assert not evaluate(request, PolicySet(identity=(policy,))).allowed
    assert time.process_time() - start < 3


def test_values_from_the_caller_are_never_patterns() -> None:
    statement = ALLOW | {"Resource": "arn:aws:s3:::home/${aws:PrincipalTag/team}/*"}
    policy = parse_policy({"Version": "2012-10-17", "Statement": statement})
    hostile = Principal("session", CALLER.arn, CALLER.account_id, role_arn=CALLER.role_arn, tags={"team": "*"})
    request = Request(hostile, "s3:GetObject", "arn:aws:s3:::home/secret/x")
    assert not evaluate(request, PolicySet(identity=(policy,))).allowed


def policy_with_principal() -> Policy:
    return parse_policy({"Statement": ALLOW | {"Principal": "*"}}, name="bucket")


@pytest.mark.parametrize("where", ["identity", "session", "boundary", "service_control"])
def test_a_resource_policy_cannot_stand_elsewhere(where: str) -> None:
    policy = policy_with_principal()
    value: Any = {"boundary": policy, "service_control": ((policy,),)}.get(where, (policy,))
    with pytest.raises(PolicyError, match=r"bucket: Statement\[1\] names a principal"):
        PolicySet(**{where: value})


@pytest.mark.parametrize("where", ["resource", "resource_control"])
def test_an_identity_policy_cannot_be_a_resources(where: str) -> None:
    policy = parse_policy({"Statement": ALLOW}, name="mine")
    value: Any = (policy,) if where == "resource" else ((policy,),)
    with pytest.raises(PolicyError, match=r"mine: Statement\[1\] has no Principal"):
        PolicySet(**{where: value})


def test_one_statement_of_the_wrong_kind_is_enough() -> None:
    mixed = parse_policy({"Statement": [ALLOW, ALLOW | {"Principal": "*"}]}, name="mixed")
    for policies in ({"identity": (mixed,)}, {"resource": (mixed,)}):
        with pytest.raises(PolicyError, match="mixed"):
            PolicySet(**policies)


@pytest.mark.parametrize("action", ["GetObject", "s3:", ":x", "s3:Get*", "*", ""])
def test_a_request_names_one_action(action: str) -> None:
    with pytest.raises(ValueError, match="is not an action"):
        Request(CALLER, action)


def test_texts_parsed_before_are_remembered_and_names_kept_apart() -> None:
    text = json.dumps({"Statement": ALLOW})
    assert parse_policy(text, name="a") is parse_policy(text, name="a")
    assert parse_policy(text, name="b").name == "b"


def test_a_dumped_document_keeps_its_id_and_is_nobodys_to_change() -> None:
    policy = parse_policy({"Id": "mine", "Statement": ALLOW})
    dumped = dump_policy(policy)
    assert dumped["Id"] == policy.id == "mine"
    dumped["Statement"].clear()
    assert dump_policy(policy)["Statement"]


def test_what_a_policy_remembers_is_bounded() -> None:
    policy = parse_policy({"Statement": ALLOW | {"Action": "s3:*"}})
    for number in range(5000):
        assert policy.about(f"s3:action{number}") == policy.statements
    assert policy.about("s3:action0") == policy.statements
    assert policy.about("sqs:sendmessage") == ()
    assert len(policy._by_action) < 3000


def test_the_evaluator_needs_neither_aws_nor_the_command_line() -> None:
    root = Path(__file__).parents[2] / "glue" / "iam"
    for path in root.glob("*.py"):
        text = path.read_text()
        assert not any(name in text for name in ("boto", "click", "sandbox", "moto", "import time", "now(")), path
