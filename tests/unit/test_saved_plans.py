"""The apply of a saved plan: as strong as a promotion, where the role promote can be had; else it says who verifies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from glue import verifying
from glue.admitting import Admitted
from glue.cli import passing, planned
from glue.cli.app import App
from glue.core.golden import GoldenResult
from glue.core.plan import Change, PlannedLive, PlanSummary
from glue.core.revision import Revisions
from glue.core.surroundings import Alarm
from glue.core.truth import Truth
from glue.core.watch import Verdict
from glue.errors import AccessDeniedError, RefusedError, SlipwayError
from glue.tf import revisions_file
from glue.tf.messages import AlreadyExistsError
from glue.tf.runner import Applied
from glue.verifying import GoldenReport, Verified
from glue.watching import Watched
from glue.workspace import Stack
from tests.unit.revision_support import NEXT_RELEASE, RELEASE, history, revision
from tests.unit.test_deploying import ALARM, ONE, QA, STACK, TWO, World, golden_that_fails, made, world

__all__ = ["world"]

SAME = history(revision(1), revision(2))  # more instances of the same release
DENIED = AccessDeniedError("somebody may not assume it")


@dataclass
class Watch:
    """A watch that has made up its mind, and notes what it was to watch."""

    verdict: Verdict = field(default_factory=lambda: Verdict("passed"))
    watched: list[tuple[str | None, str | None]] = field(default_factory=list)

    @contextmanager
    def during(self, stack: Stack, before: Revisions, after: Revisions) -> Iterator[Watched]:
        self.watched.append((before.live, after.live))
        watched = Watched()
        yield watched
        watched.verdict = self.verdict


@dataclass
class Questions:
    """Golden requests that are answered well, each time they are asked."""

    by: list[object] = field(default_factory=list)

    def __call__(self, session: Any, *_: Any) -> tuple[GoldenReport, ...]:
        self.by.append(session)
        return (GoldenReport("main", RELEASE, (GoldenResult("q", True, None, 1.0),)),)


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> Questions:
    asked = Questions()
    monkeypatch.setattr(verifying, "ask_golden", asked)
    return asked


def saved(world: World, after: Revisions, served: Revisions | None) -> None:
    """Render `after` and save its plan, while AWS serves something else."""
    revisions_file.save(world.path, after)
    world.served = served


def test_the_saved_plan_goes_back_too(world: World) -> None:
    revisions_file.save(world.path, TWO)
    world.served = ONE
    world.undo = ["no capacity"]
    with pytest.raises(SlipwayError, match=f"SageMaker rolled {TWO.live} back: no capacity") as caught:
        made(world).apply_saved(STACK)
    assert "--retry" in str(caught.value.remedy)
    assert revisions_file.load(world.path).live == ONE.live


def test_a_saved_plan_that_is_refused_changes_nothing(world: World) -> None:
    revisions_file.save(world.path, TWO)
    world.served, world.fail, world.effect = ONE, [RefusedError("stale")], False
    with pytest.raises(RefusedError, match="stale"):
        made(world).apply_saved(STACK)
    assert revisions_file.load(world.path) == TWO


def test_a_red_alarm_refuses_a_saved_plan(world: World) -> None:
    revisions_file.save(world.path, TWO)
    world.served = ONE
    world.state = {ALARM: Alarm(ALARM, "ALARM", "2026-11-21T10:00:00+00:00", "Threshold Crossed")}
    with pytest.raises(RefusedError, match=ALARM):
        made(world).apply_saved(STACK)
    assert world.steps == []
    assert revisions_file.load(world.path) == TWO


def test_a_saved_plan_that_works_is_proven(world: World) -> None:
    revisions_file.save(world.path, TWO)
    world.served = ONE
    applied, verified = made(world).apply_saved(STACK)
    assert (applied.changed, verified) == (True, None)
    assert world.served.live == TWO.live


def test_another_release_is_watched_and_asked_and_that_proof_is_returned(world: World, questions: Questions) -> None:
    saved(world, TWO, ONE)
    watch = Watch()
    applied, verified = made(world, watch=watch, asker=world).apply_saved(STACK)
    assert (applied.changed, watch.watched, questions.by) == (True, [(ONE.live, TWO.live)], [world])
    assert verified is not None
    assert (verified.exit_code, len(verified.golden)) == (0, 1)


def test_the_first_deployment_is_asked_too(world: World, questions: Questions) -> None:
    saved(world, ONE, None)
    _, verified = made(world, watch=Watch(), asker=world).apply_saved(STACK)
    assert verified is not None
    assert len(questions.by) == 1


def gone_back(world: World, reason: str) -> None:
    """Assert that live is back, the revision marked with a reason, and the next plan empty."""
    file = revisions_file.load(world.path)
    assert (file.live, world.served.live if world.served else None) == (ONE.live, ONE.live)
    assert reason in str(file.revisions[str(TWO.live)].failed)
    assert world.steps == [f"apply {TWO.live}", f"plan {ONE.live}", f"apply {ONE.live}", f"plan {ONE.live}"]


def test_golden_requests_that_fail_afterwards_go_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "ask_golden", golden_that_fails)
    saved(world, TWO, ONE)
    with pytest.raises(SlipwayError, match="golden request 'q'") as caught:
        made(world, watch=Watch(), asker=world).apply_saved(STACK)
    gone_back(world, "golden request 'q'")
    assert caught.value.exit_code == 1
    assert f"It went back to {ONE.live}, which is proven live. The next plan is empty." in caught.value.message
    assert f"{TWO.live} is marked as failed." in caught.value.message
    assert f"slipway promote {NEXT_RELEASE} --to qa --apply --retry" in str(caught.value.remedy)


@pytest.mark.parametrize("error", [None, SlipwayError("the provider lost track")])
def test_what_the_watch_found_goes_back_however_the_apply_ended(
    world: World, questions: Questions, error: SlipwayError | None
) -> None:
    saved(world, TWO, ONE)
    world.fail = [error]
    watch = Watch(Verdict("failed", "golden request 'q' of it: wrong"))
    with pytest.raises(SlipwayError, match="golden request 'q' of it: wrong"):
        made(world, watch=watch, asker=world).apply_saved(STACK)
    gone_back(world, "golden request 'q' of it: wrong")
    assert questions.by == []


def test_another_revision_of_the_same_release_is_asked_too(world: World, questions: Questions) -> None:
    saved(world, SAME, history(revision(1)))
    verified = made(world, watch=Watch(), asker=world).apply_saved(STACK)[1]
    assert verified is not None
    assert (questions.by, world.served) == ([world], SAME)


def test_settings_alone_are_not_asked(world: World, questions: Questions, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(world, TWO, TWO)
    bounds = PlanSummary((Change("a", "aws_appautoscaling_target", "update"),))
    monkeypatch.setattr(world, "saved", lambda _: bounds, raising=False)
    watch = Watch(Verdict("failed", "never"))
    assert made(world, watch=watch, asker=world).apply_saved(STACK)[1] is None
    assert (watch.watched, questions.by, world.steps) == ([], [], [f"apply {TWO.live}"])


def test_a_saved_plan_is_never_made_anew(world: World) -> None:
    saved(world, TWO, ONE)
    world.fail, world.effect = [AlreadyExistsError("config exists")], False
    with pytest.raises(SlipwayError, match="config exists"):
        made(world, watch=Watch(), asker=world).apply_saved(STACK)
    assert world.steps == [f"apply {TWO.live}", f"plan {ONE.live}"]


def test_a_refusal_ends_the_watch_and_goes_nowhere(world: World) -> None:
    saved(world, TWO, ONE)
    world.fail, world.effect = [RefusedError("stale")], False
    with pytest.raises(RefusedError, match="stale"):
        made(world, watch=Watch(), asker=world).apply_saved(STACK)
    assert revisions_file.load(world.path) == TWO


class Accounts:
    """Sessions of a caller; `promote` may be an error instead."""

    def __init__(self, world: World, promote: object) -> None:
        self._world, self._promote = world, promote

    def terraform(self, *_: Any, **__: Any) -> World:
        return self._world

    def session(self, *_: Any) -> Any:
        if isinstance(self._promote, SlipwayError):
            raise self._promote
        return self._promote


def app_of(world: World, promote: object) -> App:
    app = App(environ={})
    app.__dict__["accounts"] = Accounts(world, promote)
    app.__dict__["stacks"] = world
    app.__dict__["estate"] = made(world)._estate
    return app


@pytest.mark.parametrize("error", [DENIED, RefusedError("these credentials are of deploy-serving")])
def test_without_the_role_promote_it_says_who_verifies_and_goes_on(
    world: World, questions: Questions, error: SlipwayError, capsys: pytest.CaptureFixture[str]
) -> None:
    saved(world, TWO, ONE)
    applied, verified = app_of(world, error).apply_saved(STACK)
    assert (applied.changed, verified, questions.by) == (True, None, [])
    assert world.served == TWO
    said = capsys.readouterr().err
    assert "nobody watches this deployment" in said
    assert QA.promote_role_arn in said
    assert "slipway verify --env qa --endpoint ranker" in said


def test_without_the_role_promote_nothing_is_said_of_settings(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    saved(world, TWO, TWO)
    bounds = PlanSummary((Change("a", "aws_appautoscaling_target", "update"),))
    monkeypatch.setattr(world, "saved", lambda _: bounds, raising=False)
    app_of(world, DENIED).apply_saved(STACK)
    assert "watches" not in capsys.readouterr().err


def test_golden_requests_are_asked_in_the_role_promote(world: World, questions: Questions) -> None:
    saved(world, ONE, None)  # a first deployment: the watch has nothing to ask
    promote = SimpleNamespace(**{name: getattr(world, name) for name in ("environment", "sagemaker", "cloudwatch")})
    promote.autoscaling = world
    app_of(world, promote).apply_saved(STACK)
    assert questions.by == [promote]


PROOF = Verified(
    "ranker", Truth("ranker", "true", TWO.live, TWO.live, None, "InService"), (GoldenReport("main", RELEASE, ()),)
)


@pytest.mark.parametrize(("proof", "asked"), [(PROOF, 0), (None, 1)])
def test_evidence_reuses_the_proof_of_the_apply(
    proof: Verified | None, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was asked is not asked again; what was not asked is asked for the evidence."""
    asking: list[str] = []
    signed: list[Verified] = []

    def verify(*words: Any) -> Verified:
        asking.append(words[1])
        return PROOF

    monkeypatch.setattr(verifying, "verify", verify)
    monkeypatch.setattr(planned, "admitted", lambda *_: Admitted())
    monkeypatch.setattr(passing, "sign_or_say", lambda *words: signed.append(words[2]))
    summary = PlanSummary((Change("a", "t", "update"),), live=PlannedLive(str(TWO.live)))
    foundation = SimpleNamespace(evidence_key_arn="arn:key")
    session = SimpleNamespace(parameters=SimpleNamespace(foundation=lambda _: foundation))
    done = Applied(STACK, summary, changed=True, seconds=0.0)
    app: Any = SimpleNamespace(
        runner=SimpleNamespace(saved=lambda _: summary),
        accounts=SimpleNamespace(session=lambda _: session),
        estate=SimpleNamespace(revisions=lambda *_: TWO),
        recorded=lambda *_: nullcontext(),
        apply_saved=lambda _: (done, proof),
    )
    assert passing.guarded(app, glass=None)(STACK) is done
    assert (len(asking), signed) == (asked, [PROOF])
