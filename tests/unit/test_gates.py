"""The gates: what each says, that all speak at once, and whom they do not ask."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from glue import breaking_glass, gates
from glue.console import Console
from glue.core import audit
from glue.core import gates as rules
from glue.core.described import ModelPackage
from glue.core.environment import Environment, Freeze, Gates, Neighbour
from glue.core.gates import GateError, Refusal
from glue.core.plan import PlannedLive, PlannedVariant
from glue.errors import AwsError, NotFoundError, UsageError
from glue.evidence import Found

from .test_evidence import MANIFEST, NOW, RELEASE, some

SOURCE = Neighbour("qa", "222222222222", "eu-west-1")
EVERY = Gates(evidence=True, approval=True, soak_minutes=60)
WEEK = {"week": Freeze("nobody is here", weekly_from="sun 00:00", weekly_until="sun 23:59")}  # NOW is a Sunday
PRODUCTION = Environment(
    "production", "333333333333", "eu-west-1", promotes_from=SOURCE, gates=EVERY, freezes=WEEK, models=("ranker",)
)
BUCKET = PRODUCTION.artifact_bucket
IMAGE = RELEASE.image_uri(PRODUCTION.account_id, PRODUCTION.region)
ARCHIVE = RELEASE.model_data_url(BUCKET)
PACKAGE = ModelPackage("arn:package/1", "slipway-production-ranker", 1, "Approved", "", {}, IMAGE, ARCHIVE)


@dataclass
class World:
    """What AWS and the store say."""

    environment: Environment = PRODUCTION
    package: ModelPackage | None = PACKAGE
    found: Found = field(default_factory=lambda: Found((some(),), ()))
    served: tuple[str | None, frozenset[str]] = ("r1-00000000", frozenset({"ranker-20260101t000000-0000000"}))
    records: list[audit.Kept] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    loads: bool = True

    @property
    def session(self) -> Any:
        model = SimpleNamespace(model_package_group="slipway-production-ranker")
        foundation = SimpleNamespace(model=lambda _: model, artifact_bucket=BUCKET)
        return SimpleNamespace(
            environment=self.environment,
            parameters=SimpleNamespace(foundation=lambda _: foundation),
            sagemaker=SimpleNamespace(find_package=lambda *_: self.package),
            artifacts=lambda *_: SimpleNamespace(name=BUCKET),
        )


LOADED: Any = SimpleNamespace(release=RELEASE, manifest=MANIFEST, bucket=SimpleNamespace(name=BUCKET))
PLANNED = PlannedLive("r2-11111111", (PlannedVariant("main", RELEASE.release, IMAGE, ARCHIVE),))
Judge = Callable[[World], dict[str, Refusal]]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()

    def find(_session: Any, _loaded: Any, source: Neighbour, **_: Any) -> Found:
        made.asked.append(source.name)
        return made.found

    def load(_bucket: Any, release: str) -> Any:
        if not made.loads:
            raise NotFoundError(f"release {release} is not in {BUCKET}")
        return LOADED

    monkeypatch.setattr("glue.evidence.find", find)
    monkeypatch.setattr("glue.releases.load_release", load)
    monkeypatch.setattr("glue.gates._served", lambda *_: made.served)
    monkeypatch.setattr("glue.auditing.records", lambda *_, **__: made.records)
    return made


def promotion(world: World) -> dict[str, Refusal]:
    entry = SimpleNamespace(endpoint="ranker", rendered=SimpleNamespace(live="r2-11111111"))
    plan = SimpleNamespace(target=world.environment, release=RELEASE, endpoints=(entry,), package=None)
    prepared: Any = SimpleNamespace(plan=plan, loaded=LOADED)
    found = gates.of_promotion(world.session, prepared, now=NOW, console=Console(environ={}))
    return {one.gate: one for one in found}


def apply(world: World, planned: PlannedLive = PLANNED) -> dict[str, Refusal]:
    found = gates.of_apply(world.session, "ranker", planned, now=NOW, console=Console(environ={}))
    return {one.gate: one for one in found}


BOTH = pytest.mark.parametrize("judge", [promotion, apply])


@BOTH
def test_all_that_say_no_say_so_at_once_with_the_next_command(world: World, judge: Judge) -> None:
    world.found = Found((), ("evidence/x.json: it expired",))
    world.package = replace(PACKAGE, approval="PendingManualApproval")
    found = judge(world)
    assert list(found) == ["freeze", "evidence", "approval"]
    error = GateError("r2 to production", tuple(found.values()), environment=world.environment)
    assert error.exit_code == 3
    assert "3 gates say no" in error.message
    for said in (
        "nobody is here",
        "it expired",
        "slipway verify --env qa --endpoint ranker --evidence",
        f"slipway promote {RELEASE.release} --to qa --apply",
        f"slipway release approve {RELEASE.release} --env production",
    ):
        assert said in error.message
    assert "break_glass in environments/production/environment.tfvars is empty" in (error.remedy or "")


@BOTH
def test_nobody_says_no_to_what_is_proven_approved_and_soaked(world: World, judge: Judge) -> None:
    world.environment = replace(PRODUCTION, freezes={})
    assert judge(world) == {}
    assert world.asked == ["qa"], "the key is named from one's own data"


@BOTH
def test_an_environment_without_gates_asks_nothing(world: World, judge: Judge) -> None:
    world.environment = replace(PRODUCTION, gates=Gates(), freezes={})
    assert judge(world) == {}
    assert world.asked == []


@BOTH
def test_what_is_live_already_asks_nobody(world: World, judge: Judge) -> None:
    world.served = ("r2-11111111", frozenset({RELEASE.release}))
    assert judge(world) == {}


@BOTH
def test_new_weights_of_live_releases_ask_the_calendar_only(world: World, judge: Judge) -> None:
    world.served = ("r1-00000000", frozenset({RELEASE.release}))
    assert list(judge(world)) == ["freeze"]


@BOTH
def test_what_was_live_too_short_waits(world: World, judge: Judge) -> None:
    world.environment = replace(PRODUCTION, freezes={})
    short = some(live_since=some().checked_at - timedelta(minutes=59))
    world.found = Found((short,), ())
    assert "59 min" in judge(world)["soak"].reason
    world.found = Found((some(live_since=None),), ())
    assert "since when" in judge(world)["soak"].reason


def test_a_plan_of_something_else_under_a_releases_name_is_refused(world: World) -> None:
    world.environment = replace(PRODUCTION, freezes={})
    for variant in (
        PlannedVariant("main", RELEASE.release, IMAGE[:-1] + "0", ARCHIVE),
        PlannedVariant("main", RELEASE.release, IMAGE, ARCHIVE.replace("model.tar", "other.tar")),
    ):
        found = apply(world, PlannedLive("r2-11111111", (variant,)))
        assert "edited by hand" in found["release"].remedy
    world.loads = False
    assert "is not in" in apply(world)["release"].reason


def test_a_rollback_asks_nobody(world: World) -> None:
    world.found = Found((), ())
    assert set(apply(world)) == {"freeze", "evidence"}
    was = audit.Record(
        id="20260101T000000000000Z-promote-r1-11111111", environment="production", scope="ranker", action="promote",
        by="jo", started="2026-01-01T00:00:00Z", ended="2026-01-01T00:10:00Z", releases=(RELEASE.release,),
    )  # fmt: skip
    world.records = [(replace(was, outcome=audit.FAILED), NOW), (audit.Unreadable("k", "why"), NOW)]
    assert set(apply(world)) == {"freeze", "evidence"}, "a failed move was no life"
    world.records = [(was, NOW)]
    assert set(apply(world)) == {"freeze", "evidence"}, "forward again, to what was live once"
    assert apply(world, replace(PLANNED, returning=True)) == {}
    world.records = []
    assert set(apply(world, replace(PLANNED, returning=True))) == {"freeze", "evidence"}, "the word alone opens nothing"


def test_a_trail_that_cannot_be_read_opens_no_gate(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> list[audit.Kept]:
        raise AwsError("AWS did not answer")

    monkeypatch.setattr("glue.auditing.records", broken)
    assert set(apply(world, replace(PLANNED, returning=True))) == {"freeze"}


@pytest.mark.parametrize(
    ("package", "said", "next_step"),
    [
        (None, "is not registered in production yet", "release approve"),
        (replace(PACKAGE, approval="PendingManualApproval"), "waits for approval", "release approve"),
        (replace(PACKAGE, approval="Rejected", comment="by jo: slow"), "rejected in production (by jo", "better"),
        (replace(PACKAGE, image=IMAGE[:-1] + "0"), "is said to be", "not registered by slipway"),
        (replace(PACKAGE, model_data_url="s3://else/model.tar.gz"), "is said to be", "not registered by slipway"),
    ],
)  # fmt: skip
def test_what_is_not_approved_says_why(package: ModelPackage | None, said: str, next_step: str) -> None:
    found = rules.approval(RELEASE, package, environment=PRODUCTION, bucket=BUCKET)
    assert found is not None
    assert said in found.reason
    assert next_step in found.remedy
    assert rules.approval(RELEASE, PACKAGE, environment=PRODUCTION, bucket=BUCKET) is None


def test_only_a_release_that_nobody_could_approve_yet_is_registered() -> None:
    waiting, late = Refusal("approval", "", ""), Refusal("evidence", "", "")
    assert gates.is_to_register([waiting], package=None)
    assert not gates.is_to_register([waiting], package="arn")
    assert not gates.is_to_register([waiting, late], package=None)
    assert not gates.is_to_register([], package=None)


@pytest.mark.parametrize("reason", ["", "   ", "...", "\x00\n", "x" * 1001])
def test_a_reason_must_say_something(reason: str) -> None:
    with pytest.raises(UsageError, match="needs a reason"):
        breaking_glass.check_reason(reason)


def test_a_reason_is_one_harmless_line() -> None:
    assert breaking_glass.check_reason("  search is\ndown \x1b[2J ") == "search is down [2J"


@dataclass
class Written:
    """A break-glass session that notes what it writes and says."""

    environment: Environment = PRODUCTION
    objects: dict[str, bytes] = field(default_factory=dict)
    messages: list[tuple[str, str, str]] = field(default_factory=list)
    fails: bool = False
    principal: str = "arn:aws:sts::333333333333:assumed-role/operator/jo"
    caller: str = "arn:aws:iam::333333333333:role/slipway-production-break-glass"

    def artifacts(self) -> Any:
        def put_once(key: str, data: bytes, *, content_type: str) -> bool:
            return self.objects.setdefault(key, data) is data

        return SimpleNamespace(put_once=put_once)

    @property
    def parameters(self) -> Any:
        return SimpleNamespace(foundation=lambda _: SimpleNamespace(notification_topic_arn="arn:topic"))

    @property
    def topics(self) -> Any:
        def publish(topic: str, *, subject: str, text: str) -> None:
            if self.fails:
                raise AwsError("AWS did not answer")
            self.messages.append((topic, subject, text))

        return SimpleNamespace(publish=publish)


@pytest.mark.parametrize("fails", [False, True])
def test_an_emergency_is_written_first_and_told(fails: bool) -> None:
    session: Any = Written(fails=fails)
    noted: list[dict[str, Any]] = []
    trail: Any = SimpleNamespace(note=lambda **more: noted.append(more), unrecorded=[])
    emergency = breaking_glass.Emergency("promote", "ranker", "r2-11111111", (RELEASE.release,))
    refusals = [Refusal("evidence", "none", "make some"), Refusal("freeze", "week", "wait")]
    key = breaking_glass.record(
        session, emergency, "search is down", refusals, trail=trail, console=Console(environ={})
    )
    assert key.startswith("break-glass/ranker/")
    document = json.loads(session.objects[key])
    assert document["by"] == session.principal
    assert (document["reason"], document["releases"]) == ("search is down", [RELEASE.release])
    assert [one["gate"] for one in document["gates"]] == ["evidence", "freeze"]
    assert noted[0]["action"] == "break-glass"
    assert noted[0]["details"]["record"] == key
    assert len(session.messages) == (0 if fails else 1)
    assert bool(trail.unrecorded) is fails, "nobody was told: the exit code says it"
