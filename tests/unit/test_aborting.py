"""An abort: what can be ended, how long it rings, what it says is live, and what another process finds of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from glue import aborting, auditing
from glue.cli import main
from glue.cli.app import App
from glue.console import Console
from glue.core.abort import UnderWay, under_way
from glue.core.described import Endpoint
from glue.core.environment import Environment
from glue.core.surroundings import Alarm
from glue.errors import AwsError, RefusedError, SlipwayError

QA = Environment(name="qa", account_id="222222222222", region="eu-west-1")
NAME = "slipway-qa-ranker"
OLD, NEW = "r1-0a1b2c3d", "r2-4e5f6a7b"
CONFIG = f"{NAME}-{OLD}-11112222"


def endpoint(status: str, *, live: str = OLD, pending: str | None = NEW, failure: str | None = None) -> Endpoint:
    return Endpoint(
        name=NAME,
        arn="arn",
        status=status,
        config=f"{NAME}-{live}-11112222",
        created="2026-11-21T10:00:00+00:00",
        modified="2026-11-21T10:00:00+00:00",
        failure=failure,
        pending_config=f"{NAME}-{pending}-33334444" if pending else None,
    )


@dataclass
class World:
    """An endpoint that goes through `states`, one for each look at it; the last one stays."""

    states: list[Endpoint | None]
    alarm: str | None = "OK"
    data: list[float] = field(default_factory=list)
    seconds: float = 0.0
    objects: dict[str, bytes] = field(default_factory=dict)
    broken: bool = False
    red_until: float | None = None
    environment = QA
    caller = principal = "arn:aws:iam::222222222222:user/jo"

    @property
    def sagemaker(self) -> World:
        return self

    @property
    def cloudwatch(self) -> World:
        return self

    def artifacts(self) -> World:
        return self

    def endpoint(self, name: str) -> Endpoint | None:
        assert name == NAME
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    def config(self, name: str) -> None:
        return None

    def alarms(self, names: list[str]) -> dict[str, Alarm]:
        assert names == [f"{NAME}-abort"]
        if self.red_until is not None:
            self.alarm = "ALARM" if self.seconds < self.red_until else "OK"
        return {names[0]: Alarm(names[0], self.alarm, "", "")} if self.alarm else {}

    def put(self, namespace: str, metric: str, *, dimensions: dict[str, str]) -> None:
        assert (namespace, metric, dimensions) == ("Slipway/Deployments", "Abort", {"EndpointName": NAME})
        self.data.append(self.seconds)

    def put_once(self, key: str, data: bytes, **_: object) -> bool:
        if self.broken:
            raise AwsError("the bucket's key is disabled")
        self.objects.setdefault(key, data)
        return True

    def wait(self, seconds: float) -> bool:
        self.seconds += seconds
        return False

    def clock(self) -> float:
        return self.seconds


def abort(world: World, found: UnderWay | None = None) -> aborting.Aborted:
    session: Any = world
    return aborting.abort(
        session,
        found or UnderWay(NAME, NEW, OLD, CONFIG),
        console=Console(environ={}),
        wait=world.wait,
        clock=world.clock,
    )


def test_it_rings_until_sagemaker_rolls_back_and_says_what_is_live() -> None:
    world = World([endpoint("Updating")] * 7 + [endpoint("RollingBack"), endpoint("InService", failure="because")])
    done = abort(world)
    assert (done.well, done.live, done.status, done.said) == (True, OLD, "InService", "because")
    # a datum in each period of the alarm, and none once it rolls back
    assert world.data == [0.0, 5.0]


@pytest.mark.parametrize(("red_until", "seconds"), [(30.0, 32.0), (1e9, 182.0)])
def test_it_ends_when_the_next_deployment_can_begin(red_until: float, seconds: float) -> None:
    world = World([endpoint("Updating"), endpoint("InService")], red_until=red_until)
    assert abort(world).well
    assert world.seconds == seconds


def test_too_late_is_not_well() -> None:
    world = World([endpoint("Updating"), endpoint("InService", live=NEW, pending=None)])
    done = abort(world)
    assert (done.well, done.live) == (False, NEW)


def test_a_deployment_that_does_not_listen_is_told_with_the_alarms_state() -> None:
    world = World([endpoint("Updating")], alarm="ALARM")
    with pytest.raises(SlipwayError, match=r"still Updating 300 s after .* alarm slipway-qa-ranker-abort is ALARM"):
        abort(world)
    assert len(world.data) == 60


def test_an_endpoint_that_is_deleted_meanwhile_is_gone() -> None:
    done = abort(World([None]))
    assert (done.well, done.live, done.status) == (False, None, "gone")


def test_what_rolls_back_already_is_only_waited_for() -> None:
    world = World([endpoint("InService")])
    done = abort(world, UnderWay(NAME, NEW, OLD, CONFIG, rolls_back=True))
    assert (done.well, world.data) == (True, [])


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (None, "does not exist"),
        (endpoint("Creating", pending=None), "a first deployment has nothing to go back to"),
        (endpoint("InService", pending=None), f"it is InService, {OLD} is live"),
        (endpoint("Failed", pending=None), "no deployment of endpoint"),
        (endpoint("SystemUpdating", pending=None), "no deployment of endpoint"),
        (endpoint("Deleting"), "no deployment of endpoint"),
        (endpoint("Updating", pending=None), "its weights or instance counts change"),
    ],
)
def test_where_nothing_can_be_undone_it_is_refused(state: Endpoint | None, reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        under_way(NAME, state)


def test_without_its_alarm_it_is_refused_before_anything_is_done() -> None:
    session: Any = World([endpoint("Updating")], alarm=None)
    with pytest.raises(RefusedError, match="alarm slipway-qa-ranker-abort does not exist"):
        aborting.find(session, "ranker")
    session.alarm = "OK"
    assert aborting.find(session, "ranker") == UnderWay(NAME, NEW, OLD, CONFIG)


# what another process finds of it


def record(**changes: Any) -> Any:
    session: Any = World([None])
    made = {"action": "abort", "endpoint": "ranker", "source": NEW, "to": OLD, "why": "prices are wrong", **changes}
    return auditing.record(session, **made)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, "aborted by arn:aws:iam::222222222222:user/jo: prices are wrong"),
        ({"source": "r3-00000000"}, None),
        ({"action": "promote"}, None),
        ({"started": datetime(2020, 1, 1, tzinfo=UTC)}, None),
    ],
)
def test_the_promotion_that_waits_finds_the_reason(
    changes: dict[str, Any], found: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = [(record(**changes), datetime.now(UTC))]
    monkeypatch.setattr(auditing, "records", lambda *_, **__: kept)
    session: Any = None
    assert aborting.reason_of(session, "ranker", revision=NEW, since=datetime.now(UTC)) == found


def test_records_that_cannot_be_read_are_no_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> None:
        raise AwsError("no")

    monkeypatch.setattr(auditing, "records", denied)
    session: Any = None
    assert aborting.reason_of(session, "ranker", revision=NEW, since=datetime.now(UTC)) is None


# the command


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any]]:
    """Call the command in a world; its clock is the world's."""

    def call(world: World, *words: str) -> tuple[int, Any]:
        class Accounts:
            def session(self, where: Environment) -> World:
                assert where.name == "qa"
                return world

            api_calls: dict[str, dict[str, int]] = {}  # noqa: RUF012 - never written

            def close(self) -> None:
                return None

        monkeypatch.setattr(App, "accounts", Accounts())
        monkeypatch.setattr(aborting, "_sleep", world.wait)
        code = main.main(["abort", "--env", "qa", "--endpoint", "ranker", "--format", "json", *words])
        return code, json.loads(capsys.readouterr().out)

    return call


def test_the_command_records_before_it_rings_and_ends_with_what_is_live(command: Any) -> None:
    world = World([endpoint("Updating")] * 3 + [endpoint("RollingBack"), endpoint("InService", failure="rolled back")])
    code, document = command(world, "--reason", "prices are wrong")
    assert code == 0
    assert (document["aborted"], document["live"], document["revision"]) == (True, OLD, NEW)
    assert [json.loads(data)["outcome"] for data in world.objects.values()] == ["started", "done"]
    assert {json.loads(data)["why"] for data in world.objects.values()} == {"prices are wrong"}


def test_the_command_rings_though_the_record_cannot_be_written(command: Any) -> None:
    world = World([endpoint("Updating")] * 2 + [endpoint("RollingBack"), endpoint("InService")], broken=True)
    code, document = command(world, "--reason", "x")
    assert (code, document["aborted"]) == (1, True)
    assert len(document["unrecorded"]) == 2
    assert world.data


def test_the_command_that_came_too_late_names_the_way_back(command: Any) -> None:
    world = World([endpoint("Updating")] * 2 + [endpoint("InService", live=NEW, pending=None)])
    code, document = command(world, "--reason", "x")
    assert (code, document["aborted"], document["live"]) == (1, False, NEW)


@pytest.mark.parametrize(
    ("states", "words", "code", "said"),
    [
        ([endpoint("InService", pending=None)], ["--reason", "x"], 3, "no deployment of endpoint"),
        ([endpoint("Updating")], ["--reason", " "], 2, "--reason is empty"),
        ([endpoint("Updating")], [], 2, "Missing option '--reason'"),
    ],
)
def test_what_the_command_refuses(command: Any, states: list[Any], words: list[str], code: int, said: str) -> None:
    world = World(states)
    found, document = command(world, *words)
    assert (found, world.data, world.objects) == (code, [], {})
    assert said in document["error"]["message"]


def test_a_dry_run_only_looks(command: Any) -> None:
    world = World([endpoint("Updating")])
    code, document = command(world, "--reason", "x", "--dry-run")
    assert (code, document["changed"], document["before"]) == (0, False, OLD)
    assert (world.data, world.objects) == ([], {})
