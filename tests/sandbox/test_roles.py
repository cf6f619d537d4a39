"""The roles at work: a printed command typed by hand, and what somebody is told whose role may not."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.sandbox.estate import REPOSITORY, Estate

pytestmark = pytest.mark.sandbox


def test_a_printed_command_does_the_same_when_typed(estate: Estate) -> None:
    said = estate.slipway("plan", "--env", "qa", "--stack", "foundation")
    assert said.code == 0, said.err
    printed = next(line for line in said.err.splitlines() if " plan -input=false" in line)
    command = printed[printed.index("TF_DATA_DIR=") :]
    assert "AWS_PROFILE=slipway-qa-deploy-foundation" in command
    kept = re.search(r"AWS_CONFIG_FILE=(\S+)/config ", command)
    assert kept is not None
    kept_credentials = REPOSITORY / kept[1] / "roles" / "slipway-qa-deploy-foundation.credentials"
    kept_credentials.unlink()  # as an hour later: the profile's program assumes the role anew
    since = estate.mark()
    typed = subprocess.run(
        ["bash", "-c", command],
        cwd=REPOSITORY,
        env=estate.environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert typed.returncode == 0, typed.stdout + typed.stderr
    assert "No changes." in typed.stdout
    assert kept_credentials.exists()
    lines = estate.requests(since)
    terraform = [line for line in lines if "Terraform" in str(line["client"])]
    assert len(terraform) > 10
    assert {str(line["principal"]).split("/")[1] for line in terraform} == {"slipway-qa-deploy-foundation"}


@pytest.fixture
def narrowed(estate: Estate) -> Iterator[Estate]:
    """The estate whose serving role in qa may not read the foundation's parameter."""
    iam = estate.client("qa", "iam")
    role = {"RoleName": "slipway-qa-deploy-serving", "PolicyName": "deploy-serving"}
    policy = iam.get_role_policy(**role)["PolicyDocument"]
    document = policy if isinstance(policy, dict) else json.loads(policy)
    less = {**document, "Statement": [one for one in document["Statement"] if one["Sid"] != "ReadParameter"]}
    assert len(less["Statement"]) == len(document["Statement"]) - 1
    iam.put_role_policy(**role, PolicyDocument=json.dumps(less))
    yield estate
    iam.put_role_policy(**role, PolicyDocument=json.dumps(document))


def test_a_missing_permission_is_named_with_its_role_and_its_file(narrowed: Estate) -> None:
    said = narrowed.slipway("plan", "--env", "qa", "--format", "json")
    assert said.code == 1
    error = said.document["results"][0]["error"]
    parameter = "arn:aws:ssm:eu-west-1:222222222222:parameter/slipway/qa/foundation"
    assert f"AWS denied terraform ssm:GetParameter on {parameter} in qa/serving/ranker" in error["message"]
    assert "assumed-role/slipway-qa-deploy-serving/" in error["message"]
    assert "the role's own policy does not allow it" in error["message"]
    assert "modules/deploy-role/serving.tf" in error["remedy"]
