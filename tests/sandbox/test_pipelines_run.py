"""The pipelines' own files, run step by step on three accounts, with nothing but the identities that the vendors give.

What each run said lies in build/pipelines/<name>.log. tests/sandbox/machines plays the vendors' machines.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.estate import Estate
from tests.sandbox.machines.github import Runner
from tests.sandbox.machines.vendor import serving
from tests.sandbox.machines.world import NAME, World, trust, world

pytestmark = pytest.mark.sandbox
PULL_REQUEST = ".github/workflows/pull-request.yml"
DEPLOY = ".github/workflows/deploy.yml"
QA = "environments/qa/endpoints/ranker.tfvars"
PRODUCTION = "environments/production/endpoints/ranker.tfvars"


@pytest.fixture(scope="module")
def ours(estate: Estate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    trust(estate)
    found = world(estate, tmp_path_factory.mktemp("pipelines"))
    with serving(found.server):
        yield found


def runner(ours: World, name: str, event: dict[str, Any], *, sha: str, subject: tuple[str, ...], **more: Any) -> Runner:
    made = Runner(
        estate=ours.estate, origin=ours.origin, folder=ours.workspace(), server=ours.server,
        transcript=ours.transcript(name), event=event, event_name=name, sha=sha, subject=subject, **more,
    )  # fmt: skip
    ours.tokens["now"] = made
    return made


def opened(ours: World, sha: str, *, head: str = NAME) -> dict[str, Any]:
    return {
        "pull_request": {"number": 7, "base": {"sha": ours.main}, "head": {"repo": {"full_name": head}, "sha": sha}}
    }


def most(ours: World, path: str) -> tuple[str, int]:
    """Return the line of an endpoint's file that bounds its scaling, and the bound: other tests may have moved it."""
    (line,) = [one for one in (ours.origin / path).read_text().splitlines() if one.strip().startswith("max ")]
    return line, int(line.split("=")[1])


def raised(ours: World, path: str, *, branch: str = "main") -> str:
    """Let an endpoint scale to one instance more, on a branch, and return the commit."""
    line, number = most(ours, path)
    return ours.commit(path, line, f"{line[: line.rindex('=')]}= {number + 1}", branch=branch)


def test_a_pull_request_is_planned_and_reviewed_in_one_comment(ours: World) -> None:
    sha = raised(ours, QA, branch="more-instances")
    since = ours.estate.mark()
    run = runner(ours, "github-pull-request", opened(ours, sha), sha=sha, subject=("--pull-request",))
    run.workflow(PULL_REQUEST)
    assert run.jobs == dict.fromkeys(("check", "test", "touched", "plan", "review"), "success")
    (comment,) = ours.server.comments[7]
    assert "ranker" in comment["body"]
    assert [label.partition(":")[0] for label in ours.server.labels[7]] == ["risk"]
    workers = {str(line["principal"]) for line in ours.estate.requests(since)}
    assert any("assumed-role/slipway-qa-plan/github-4711-1" in who for who in workers)
    assert not any(f"slipway-qa-{role}/" in who for who in workers for role in ("promote", "deploy-serving"))
    assert ours.server.problems == []


def test_a_forks_pull_request_gets_no_identity(ours: World) -> None:
    sha = raised(ours, QA, branch="of-a-fork")
    event = opened(ours, sha, head="stranger/slipway")
    run = runner(ours, "github-fork", event, sha=sha, subject=("--pull-request",))
    run.workflow(PULL_REQUEST)
    assert (run.jobs["plan"], run.jobs["review"]) == ("skipped", "skipped")
    assert run.subjects == {}
    assert not any("identity" in command for command in run.transcript.commands)


def test_a_merge_goes_to_qa_and_after_an_approval_to_production(ours: World) -> None:
    """What was planned in the reading role is applied, by its digest, in a role that only the environment's job has."""
    before = ours.main
    raised(ours, QA)
    sha = raised(ours, PRODUCTION)
    asked: list[str] = []

    def approve(environment: str) -> str | None:
        asked.append(environment)
        return "bea" if environment == "production" else "nobody asked"

    since = ours.estate.mark()
    on_main = ("--ref", "refs/heads/main")
    run = runner(ours, "github-deploy", {"before": before}, sha=sha, subject=on_main, approve=approve)
    run.workflow(DEPLOY)
    for path in (QA, PRODUCTION):  # other tests work on these accounts by the estate's own files
        shutil.copy(ours.origin / path, ours.estate.environments.parent / path)
    assert set(run.jobs.values()) <= {"success", "skipped"}, run.jobs
    assert run.jobs["production / serving (ranker) / apply"] == "success"
    assert asked == ["qa", "production"]
    for environment, path in (("qa", QA), ("production", PRODUCTION)):
        assert most_instances(ours, environment) == most(ours, path)[1]
    workers = [str(line["principal"]) for line in ours.estate.requests(since)]
    assert any("slipway-production-plan/github-4711-1" in who for who in workers)
    assert any("slipway-production-deploy-serving/" in who for who in workers)
    told = ours.estate.slipway("history", "--env", "production", "--endpoint", "ranker", "--format", "json")
    (record, *_) = [one for one in told.document["records"] if one["action"] == "apply"]
    assert record["details"]["approval_claimed"].startswith("bea ")
    assert record["details"]["looked_at"] in run.transcript.file.read_text()


def most_instances(ours: World, environment: str) -> int:
    scaling = ours.estate.client(environment, "application-autoscaling")
    (found,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    return int(found["MaxCapacity"])
