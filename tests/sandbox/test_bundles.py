"""Approved means applied: a pull request's plan, somebody's yes, and a deployment that applies nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.sandbox.estate import Estate, Said

pytestmark = pytest.mark.sandbox
ACCOUNT = "222222222222"
STORE = f"slipway-qa-artifacts-{ACCOUNT}"
HERE = ("--env", "qa", "--endpoint", "ranker")
OPERATOR = "role/operator"


@dataclass
class Job:
    """A pipeline's job: a role's session, no profile, and a work folder of its own."""

    estate: Estate
    role: str
    work: Path

    def __post_init__(self) -> None:
        arn = f"arn:aws:iam::{ACCOUNT}:role/slipway-qa-{self.role}"
        answer = self.estate.client("qa", "sts").assume_role(RoleArn=arn, RoleSessionName="job-7")
        self.arn = str(answer["AssumedRoleUser"]["Arn"])
        keys = answer["Credentials"]
        self.environ = {
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
            "SLIPWAY_WORK": str(self.work),
        }
        self.s3 = boto3.client(
            "s3",
            region_name="eu-west-1",
            endpoint_url=self.estate.environ["AWS_ENDPOINT_URL"],
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
            config=Config(s3={"addressing_style": "path"}),
        )

    @property
    def bundle(self) -> Path:
        return self.work / "plans" / "qa" / "serving" / "ranker"

    def slipway(self, *words: str) -> Said:
        return self.estate.slipway(*words, **self.environ)

    def said(self, *words: str) -> Any:
        said = self.slipway(*words, "--format", "json")
        assert said.code == 0, said.out + said.err
        return said.document

    def refused(self, *words: str) -> str:
        said = self.slipway(*words)
        assert said.code == 3, said.out + said.err
        return said.out + said.err


@pytest.fixture(scope="module")
def strict(estate: Estate) -> Iterator[Estate]:
    """The estate whose qa asks for an approval of each plan, with one that changes a bound of scaling."""
    settings = estate.environments / "qa" / "environment.tfvars"
    endpoint = estate.environments / "qa" / "endpoints" / "ranker.tfvars"
    before, bounds = settings.read_text(), endpoint.read_text()
    settings.write_text(before.replace("\n  models = {", "\n  gates = { plan_approval = true }\n\n  models = {", 1))
    assert "plan_approval" in settings.read_text()
    most = next(line for line in bounds.splitlines() if line.strip().startswith("max "))
    number = int(most.split("=")[1])
    endpoint.write_text(bounds.replace(most, most.replace(str(number), str(number + 1))))
    yield estate
    settings.write_text(before)


@pytest.fixture(scope="module")
def pull_request(strict: Estate, tmp_path_factory: pytest.TempPathFactory) -> Job:
    return Job(strict, "plan", tmp_path_factory.mktemp("pull-request"))


@pytest.fixture(scope="module")
def deployment(strict: Estate, tmp_path_factory: pytest.TempPathFactory) -> Job:
    return Job(strict, "deploy-serving", tmp_path_factory.mktemp("deployment"))


@pytest.fixture(scope="module")
def shared(pull_request: Job) -> Any:
    """The plan of a pull request's job, in the store."""
    (planned,) = pull_request.said("plan", *HERE)["results"]
    assert planned["changes"] == {"update": [planned["changes"]["update"][0]]}
    (pushed,) = pull_request.said("bundle", "push", *HERE)["results"]
    assert (pushed["digest"], pushed["semantic"]) == (planned["bundle"], planned["semantic"])
    assert pushed["where"] == f"s3://{STORE}/plans/pull-requests/serving/ranker/{pushed['digest']}.tar"
    return pushed


def test_the_story_from_pull_request_to_audit_trail(deployment: Job, shared: Any) -> None:
    estate, digest = deployment.estate, shared["digest"]
    deployment.said("bundle", "pull", *HERE, "--digest", digest)

    told = deployment.refused("apply", *HERE)
    assert "made in a role that only reads" in told
    assert "plan-approval: nobody approved this plan of qa/serving/ranker" in told
    (own,) = [deployment.said("bundle", "show", *HERE)]
    assert (own["made"], own["semantic"]) == ("made", shared["semantic"])
    assert own["digest"] != digest

    given = estate.slipway("bundle", "approve", *HERE, "--digest", digest, "--comment", "as discussed")
    assert given.code == 0, given.err

    tampered(deployment)

    (applied,) = deployment.said("apply", *HERE)["results"]
    assert applied["changed"] is True
    assert "there is no saved plan" not in deployment.refused("apply", *HERE)

    history = estate.slipway("history", "--env", "qa", "--endpoint", "ranker", "--limit", "5", "--format", "json")
    record = next(one for one in history.document["records"] if one.get("action") == "apply")
    details = record["details"]
    assert details["approved_by"].startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/operator/")
    assert (details["bundle"], details["looked_at"]) == (own["digest"], digest)
    assert (details["semantic"], details["grade"]) == (shared["semantic"], shared["grade"])
    assert details["planned_by"] == deployment.arn


def tampered(deployment: Job) -> None:
    """Each part of the bundle, changed in turn, refuses it with its name; as it was, it may be applied."""
    data = deployment.estate.environments / "qa" / "endpoints" / "ranker.tfvars"
    for file, name in (
        (deployment.bundle / "plan.tfplan", "the saved plan"),
        (deployment.bundle / "review.json", "the review"),
        (data, "tfvars: endpoints/ranker.tfvars"),
    ):
        before = file.read_bytes()
        file.write_bytes(before + b"\n")
        assert name in deployment.refused("apply", *HERE)
        file.write_bytes(before)


def test_a_pull_request_can_write_nowhere_else(pull_request: Job, deployment: Job, shared: Any) -> None:
    """What a place says of its writer is what IAM and the bucket's policy hold everybody to."""
    pushed = f"plans/pull-requests/serving/ranker/{shared['digest']}.tar"
    key = f"plans/deploy/serving/ranker/{'0' * 64}.tar"
    approval = f"plans/approvals/serving/ranker/{shared['semantic']}/20261121T000000000000Z.json"
    for job, place in (
        (pull_request, key),
        (pull_request, approval),
        (pull_request, "plans/deploy/foundation/x.tar"),
        (deployment, approval),
        (deployment, "plans/pull-requests/serving/ranker/x.tar"),
        (deployment, "plans/deploy/foundation/x.tar"),
    ):
        assert denied(job, place, IfNoneMatch="*") == "AccessDenied", place
    assert denied(pull_request, pushed, IfNoneMatch="*") == "PreconditionFailed"
    assert denied(pull_request, pushed) == "AccessDenied", "nobody may overwrite"
    assert denied(deployment, key) == "AccessDenied", "only where nothing is yet"


def denied(job: Job, key: str, **more: Any) -> str:
    with pytest.raises(ClientError) as caught:
        job.s3.put_object(Bucket=STORE, Key=key, Body=b"forged", **more)
    return str(caught.value.response["Error"]["Code"])


def test_a_pull_requests_job_neither_approves_nor_launders(pull_request: Job, deployment: Job, shared: Any) -> None:
    assert "approve" in pull_request.refused("bundle", "approve", *HERE, "--digest", shared["digest"])
    assert "was not made here in the role deploy-serving" in Job(
        deployment.estate, "deploy-serving", pull_request.work
    ).refused("bundle", "push", *HERE)
