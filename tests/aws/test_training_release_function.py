"""The queue's release function: what it believes, what it tells, what comes back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from glue.aws.session import Session
from glue.core.job_release import Outcome
from glue.core.training.record import Record
from glue.core.training.words import Status
from glue.errors import AwsError

from .test_training_release import a_job

SOURCE = Path(__file__).resolve().parents[2] / "modules" / "training-queue" / "src"


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SOURCE))
    import queue_release as module  # type: ignore[import-not-found] # noqa: PLC0415

    loaded: ModuleType = module
    return loaded


@dataclass
class World:
    """A table of one job and a topic that keeps what it was told."""

    record: Record | None
    told: list[tuple[dict[str, Any], dict[str, str]]] = field(default_factory=list)
    made: list[int] = field(default_factory=list)
    outcome: Outcome = field(default_factory=lambda: Outcome("released", release="ranker-x"))

    def get(self, job: str) -> Record | None:
        return self.record if self.record and self.record.job == job else None

    def publish(self, message: str, attributes: dict[str, str]) -> None:
        self.told.append((json.loads(message), attributes))

    def make(self, record: Record, *, session: Session, tries: int, threads: int) -> Outcome:
        del record, session, threads
        self.made.append(tries)
        return self.outcome


def message(body: object, tries: int = 1) -> dict[str, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    return {"messageId": "m1", "body": text, "attributes": {"ApproximateReceiveCount": str(tries)}}


def work(function: ModuleType, world: World, dev: Session, body: object, tries: int = 1) -> Outcome | None:
    given = function.Services(world, world, dev)
    found: Outcome | None = function.work(message(body, tries), given, make=world.make)
    return found


def test_the_owner_is_told_what_became_of_it(function: ModuleType, dev: Session) -> None:
    world = World(a_job())
    assert world.record is not None
    body = {"job": world.record.job, "remote_name": world.record.remote_name, "attempt": 2}
    assert work(function, world, dev, body, tries=3) == world.outcome
    world.outcome = Outcome("refused", ("ndcg is 0.1", "and more"))
    work(function, world, dev, body)
    assert world.made == [3, 1]
    (said, attributes), (refused, others) = world.told
    assert (said["status"], said["release"], said["job"]) == ("Released", "ranker-x", world.record.job)
    assert attributes == {"owner": "search-team", "model": "ranker", "status": "Released"}
    assert (refused["status"], refused["reason"]) == ("ReleaseRefused", "ndcg is 0.1; and more")
    assert others["status"] == "ReleaseRefused"


def test_what_was_decided_is_told_again_and_not_made_again(function: ModuleType, dev: Session) -> None:
    world = World(a_job())
    assert world.record is not None
    key = f"training/{world.record.job}/release.json"
    document = {
        "remote_name": world.record.remote_name,
        "result": "refused",
        "reasons": ["too poor"],
        "release": None,
        "created": False,
        "package_arn": None,
        "metrics": {},
    }
    dev.artifacts().put(key, json.dumps(document).encode(), content_type="application/json")
    work(function, world, dev, {"job": world.record.job})
    assert (world.made, world.told[0][0]["reason"]) == ([], "too poor")
    for damaged in (
        b"{",
        b"[]",
        b'{"remote_name": "ranker-1-9"}',
        json.dumps(document | {"result": "working"}).encode(),
    ):
        dev.artifacts().put(key, damaged, content_type="application/json")
        work(function, world, dev, {"job": world.record.job})
    assert len(world.made) == 4


def test_a_job_without_release_settings_is_left_alone(function: ModuleType, dev: Session) -> None:
    world = World(a_job(arguments='{"kind": "training", "release": null}'))
    assert world.record is not None
    assert work(function, world, dev, {"job": world.record.job}) is None
    assert (world.made, world.told) == ([], [])


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ("{", Status.COMPLETED, "not a message of this queue"),
        ("[]", Status.COMPLETED, "not a message of this queue"),
        ({"job": 7}, Status.COMPLETED, "not a message of this queue"),
        ({"job": "another"}, Status.COMPLETED, "no job 'another' in the table"),
        ({}, Status.FAILED, "is Failed as"),
        ({"remote_name": "someone-elses-1"}, Status.COMPLETED, "and the message tells otherwise"),
    ],
)
def test_only_the_table_is_believed(function: ModuleType, dev: Session, body: Any, status: Status, words: str) -> None:
    world = World(a_job(status=status))
    assert world.record is not None
    if isinstance(body, dict):
        body = {"job": world.record.job} | body
    with pytest.raises(function.MessageError, match=words):
        work(function, world, dev, body)
    assert world.made == []


def test_what_fails_comes_back_alone(
    function: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def work_on(given: dict[str, Any], _services: object) -> None:
        if given["messageId"] == "bad":
            raise AwsError("no\nluck")

    monkeypatch.setattr(function, "services", lambda: None)
    monkeypatch.setattr(function, "work", work_on)
    records = [message("{}") | {"messageId": name} for name in ("good", "bad", "fine")]
    assert function.handle({"Records": records}, None) == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    line = json.loads(capsys.readouterr().out)
    assert (line["message_id"], line["error"]) == ("bad", "AwsError: no luck")
