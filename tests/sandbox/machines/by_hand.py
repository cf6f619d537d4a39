"""The pipelines that train, and the search for drift: minutes each, so they are run by hand and not by `make test`.

    .venv/bin/python -m pytest tests/sandbox/machines/by_hand.py

DEMO_ESTATE=<.sandbox folder>:<folder of the report> names accounts that run already (tests/sandbox/telling.py).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.estate import Estate
from tests.sandbox.machines.github import Runner
from tests.sandbox.machines.host import git
from tests.sandbox.machines.others import Circle, Concourse
from tests.sandbox.machines.vendor import serving
from tests.sandbox.machines.world import World, trust, world

pytestmark = pytest.mark.sandbox
SETTINGS = "models/ranker/model.toml"


@pytest.fixture(scope="module")
def ours(estate: Estate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    trust(estate)
    found = world(estate, tmp_path_factory.mktemp("pipelines"))
    with serving(found.server):
        yield found


def served(ours: World, environment: str) -> str | None:
    """What an environment serves, None before its first promotion."""
    found = ours.estate.client(environment, "sagemaker").list_endpoints(NameContains="ranker")["Endpoints"]
    return ours.estate.live_release(environment) if found else None


def circle(ours: World, name: str, *, sha: str, ref: str, before: str) -> Circle:
    return Circle(ours.estate, ours.origin, ours.workspace(), ours.transcript(name), sha, ref, before)


def test_circleci_trains_and_deploys_a_merge_and_promotes_a_tag(ours: World) -> None:
    before, before_tag = ours.main, served(ours, "production")
    sha = ours.commit(SETTINGS, "leaves = 4\n", "leaves = 6\n")
    merged = circle(ours, "circleci-merge", sha=sha, ref="refs/heads/main", before=before)
    assert merged.run() == ["models", "qa"]
    release = ours.estate.live_release("qa")
    assert sha[:7] in release
    assert served(ours, "production") == before_tag
    assert "Record what is live in qa" in git(ours.origin, "log", "-1", "--format=%B", "main")
    assert release in (ours.origin / "environments/qa/endpoints/ranker.revisions.tfvars").read_text()
    tagged = circle(ours, "circleci-tag", sha=sha, ref="refs/tags/release-2026-11-21", before=before)
    assert tagged.run() == ["production"]
    assert ours.estate.live_release("production") == release


def test_circleci_does_nothing_for_other_refs(ours: World) -> None:
    for number, ref in enumerate(("refs/heads/feature", "refs/tags/v1", "refs/heads/release-1")):
        assert circle(ours, f"circleci-none-{number}", sha=ours.main, ref=ref, before=ours.main).run() == []


def test_concourse_builds_data_trains_and_deploys(ours: World) -> None:
    before = served(ours, "qa")
    run = Concourse(ours.estate, ours.origin, ours.workspace(), ours.transcript("concourse-nightly"))
    run.run()
    release = ours.estate.live_release("qa")
    assert release != before
    assert release in (ours.origin / "environments/qa/endpoints/ranker.revisions.tfvars").read_text()


def github(ours: World, name: str, *, sha: str, before: str) -> Runner:
    made = Runner(
        estate=ours.estate, origin=ours.origin, folder=ours.workspace(), server=ours.server,
        transcript=ours.transcript(name), event={"before": before}, event_name="push", sha=sha,
        subject=("--ref", "refs/heads/main"),
    )  # fmt: skip
    ours.tokens["now"] = made
    return made


def test_a_changed_model_becomes_a_release_that_waits(ours: World) -> None:
    before = ours.main
    sha = ours.commit(SETTINGS, "min_leaf = 20", "min_leaf = 25")
    run = github(ours, "github-models", sha=sha, before=before)
    run.workflow(".github/workflows/models.yml")
    assert run.jobs == {"changed": "success", "image": "success", "train": "success"}
    found = ours.estate.slipway("release", "list", "--env", "dev", "--format", "json").document["releases"]
    assert [one["release"].endswith(f"-{sha[:7]}") for one in found].count(True) == 1


def test_drift_opens_one_issue_and_its_end_closes_it(ours: World) -> None:
    scaling = ours.estate.client("qa", "application-autoscaling")
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    named = {name: target[name] for name in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
    scaling.register_scalable_target(**named, MaxCapacity=target["MaxCapacity"] + 3)
    run = github(ours, "github-drift", sha=ours.main, before="")
    run.workflow(".github/workflows/drift.yml")
    assert run.jobs == {"drift": "failure"}
    (issue,) = ours.server.issues
    assert issue["state"] == "open"
    assert "qa" in issue["body"]
    scaling.register_scalable_target(**named, MaxCapacity=target["MaxCapacity"])
    run = github(ours, "github-no-drift", sha=ours.main, before="")
    run.workflow(".github/workflows/drift.yml")
    assert (run.jobs, issue["state"]) == ({"drift": "success"}, "closed")
