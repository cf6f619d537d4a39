"""History and prune, as the command says them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from glue import auditing
from glue.aws.session import Session
from glue.core.request import ReleaseRequest
from glue.releasing import create_release, plan_release
from tests.aws.conftest import archive, model_members
from tests.cli.conftest import ENDPOINT, Said, check_golden

Call = Callable[..., Said]
R1, R2 = "r1-aaaaaaaa", "r2-bbbbbbbb"


@pytest.fixture
def endpoint(data: Path) -> str:
    """An endpoint of qa that no other test knows."""
    name = f"e{uuid.uuid4().hex[:8]}"
    (data / f"environments/qa/endpoints/{name}.tfvars").write_text(ENDPOINT.replace('"ranker"', f'"{name}"', 1))
    return name


@pytest.fixture
def pruner(estate: Any) -> None:
    """The role that prunes, as bootstrap makes it."""
    iam = estate.client("iam", "qa")
    promote = iam.get_role(RoleName="slipway-qa-promote")["Role"]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    for name in ("slipway-qa-prune", "slipway-qa-deploy-serving"):
        if name not in {role["RoleName"] for role in iam.list_roles()["Roles"]}:
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(promote["AssumeRolePolicyDocument"]))
            iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(policy))


def test_a_history_tells_who_did_what_and_how_it_ended(
    slipway: Call, endpoint: str, qa: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    auditing.record(qa, action="promote", endpoint=endpoint, to=R1, releases=["one"], plan="ab" * 32)
    auditing.record(
        qa, action="promote", endpoint=endpoint, source=R1, to=R2, why="faster | cheaper", outcome="failed",
        reason="golden\nrequests failed", returned_to=R1,
    )  # fmt: skip
    qa.artifacts().put_once(f"audit/{endpoint}/note.txt", b"hello", content_type="text/plain")
    said = slipway("history", "--env", "qa", "--endpoint", endpoint)
    assert said.code == 0
    check_golden("history", said.out.replace(endpoint, "<endpoint>"))
    said = slipway("history", "--env", "qa", "--endpoint", endpoint, "--format", "markdown")
    assert "faster \\| cheaper; golden requests failed" in said.out
    document = json.loads(slipway("history", "--env", "qa", "--endpoint", endpoint, "--format", "json").out)
    first, second, third = document["records"]
    assert {"unreadable", "reason"} <= set(first)
    assert (second["outcome"], second["returned_to"], second["live"]) == ("failed", R1, False)
    assert (third["to"], third["plan"]) == (R1, "ab" * 32)
    assert len(slipway("history", "--env", "qa", "--endpoint", endpoint, "--limit", "2").out.splitlines()) == 4


def test_an_endpoint_without_records_says_so(slipway: Call, endpoint: str) -> None:
    said = slipway("history", "--env", "qa", "--endpoint", endpoint)
    assert (said.code, said.out) == (0, "Nothing is recorded yet.\n")


def test_a_history_of_nothing_readable_fails(slipway: Call, endpoint: str, qa: Session) -> None:
    qa.artifacts().put_once(f"audit/{endpoint}/x.json", b"{}", content_type="application/json")
    said = slipway("history", "--env", "qa", "--endpoint", endpoint)
    assert said.code == 1
    assert f"Unreadable: audit/{endpoint}/x.json" in said.out


@pytest.mark.usefixtures("pruner")
def test_nothing_to_prune_is_said_with_counts(slipway: Call, endpoint: str) -> None:
    said = slipway("prune", "--env", "qa", "--endpoint", endpoint, "--yes")
    assert said.code == 0
    assert said.out.splitlines()[-1].startswith("Nothing to do: 0 revisions and ")
    document = json.loads(slipway("prune", "--env", "qa", "--endpoint", endpoint, "--dry-run", "--format", "json").out)
    assert (document["changed"], document["keep"], document["releases"], document["images"]) == (False, 5, [], [])


@pytest.mark.usefixtures("pruner")
def test_a_prune_says_what_goes_and_needs_a_yes(
    slipway: Call, endpoint: str, data: Path, own_releases: list[str]
) -> None:
    path = data / f"environments/qa/endpoints/{endpoint}.revisions.tfvars"
    for release in own_releases:
        said = slipway("promote", release, "--to", "qa", "--endpoint", endpoint, "--image-timeout", "0")
        assert said.code == 0, said.err
    before = path.read_bytes()
    words = ("prune", "--env", "qa", "--endpoint", endpoint, "--keep", "1")
    said = slipway(*words, "--dry-run")
    assert said.code == 0
    assert f"{own_releases[0]}  removed" in said.out
    assert "Dry run: nothing was removed." in said.out
    assert "1 revision would go, 1 release with 3 files and 0 images" in said.out
    said = slipway(*words)
    assert said.code == 3
    assert "Say --yes." in said.err
    assert path.read_bytes() == before
    said = slipway("prune", "--env", "qa", "--endpoint", endpoint, "--keep", "0")
    assert said.code == 2


@pytest.fixture
def own_releases(dev: Session, image: str, tmp_path: Path) -> list[str]:
    """Three releases that no other test has promoted."""
    made = []
    for number in range(3):
        path = tmp_path / f"model{number}.tar.gz"
        path.write_bytes(archive(model_members(n=f"{tmp_path}{number}".encode())))
        wanted = ReleaseRequest(model="ranker", archive=str(path), image=image, commit="1a2b3c4d")
        moment = datetime(2026, 4, 1, tzinfo=UTC) + timedelta(seconds=number)
        plan = plan_release(wanted, session=dev, clock=partial(lambda when: when, moment))
        made.append(create_release(plan, session=dev).release.release)
    return made
