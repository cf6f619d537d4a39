"""Pipelines at work: a job's token from its issuer, the roles whose trust names its subject, and no key anywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sandbox.estate import REPOSITORY, Estate, Said
from tests.sandbox.machines.world import trust

pytestmark = pytest.mark.sandbox
Job = Callable[..., Said]


@pytest.fixture(scope="module")
def pipelines(estate: Estate) -> Estate:
    """The estate whose accounts trust a repository's jobs, by bootstraps as administrators apply them."""
    trust(estate)
    return estate


@pytest.fixture
def job(pipelines: Estate, tmp_path: Path) -> Job:
    """Run a command as a job that has a token and the name of a role: no profile, no key."""

    def run(role: str, of: tuple[str, ...], *arguments: str) -> Said:
        command = [sys.executable, "-m", "sandbox", "token", "--issuer", "github", "--repository", "example/slipway"]
        done = subprocess.run(
            [*command, *of], cwd=REPOSITORY, env=pipelines.environ, capture_output=True, text=True, check=True
        )
        token = tmp_path / "token"
        token.write_text(done.stdout.strip())
        return pipelines.slipway(
            *arguments,
            AWS_CONFIG_FILE=os.devnull,
            AWS_SHARED_CREDENTIALS_FILE=os.devnull,
            AWS_ROLE_ARN=f"arn:aws:iam::222222222222:role/slipway-qa-{role}",
            AWS_WEB_IDENTITY_TOKEN_FILE=str(token),
            AWS_ROLE_SESSION_NAME="job-7",
        )

    return run


PULL_REQUEST = ("--pull-request",)
DEPLOYMENT = ("--environment", "qa")


def test_a_pull_requests_job_plans_without_a_lock(pipelines: Estate, job: Job) -> None:
    since = pipelines.mark()
    said = job("plan", PULL_REQUEST, "plan", "--env", "qa", "--format", "json")
    assert said.code == 0, said.err
    assert [result["empty"] for result in said.document["results"]] == [True]
    assert " -lock=false " in said.err
    lines = pipelines.requests(since)
    assert "assumed-role/slipway-qa-plan/job-7" in {
        line["principal"].partition(":sts::222222222222:")[2] for line in lines
    }
    assert {line["operation"] for line in lines} & {"PutObject", "DeleteObject"} == set()


def test_a_pull_requests_job_changes_nothing(job: Job) -> None:
    said = job("plan", PULL_REQUEST, "rollback", "--env", "qa", "--endpoint", "ranker", "--yes")
    assert said.code != 0
    assert "slipway-qa-" in said.err
    said = job("deploy-serving", PULL_REQUEST, "plan", "--env", "qa")
    assert said.code == 1
    assert "AWS denied sts:AssumeRoleWithWebIdentity" in said.out


def test_a_deployments_job_has_each_role_by_its_own_token(pipelines: Estate, job: Job) -> None:
    release = pipelines.live_release("qa")
    since = pipelines.mark()
    said = job("promote", DEPLOYMENT, "promote", release, "--to", "qa", "--apply", "--yes", "--format", "json")
    assert said.code == 0, said.err
    assert said.document["changed"] is False
    lines = pipelines.requests(since)
    assert {line["operation"] for line in lines if line["service"] == "sts"} >= {"AssumeRoleWithWebIdentity"}
    assert "AssumeRole" not in {line["operation"] for line in lines}
    workers = {
        str(line["principal"]).split("/")[1] for line in lines if "assumed-role/slipway-qa-" in str(line["principal"])
    }
    assert workers >= {"slipway-qa-promote", "slipway-qa-deploy-serving"}
