"""A deployment that fails goes back to what was live, and nothing is half done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from glue import deploying, verifying
from glue.console import Console
from glue.core.environment import Environment
from glue.core.golden import GoldenResult
from glue.core.plan import Change, PlanSummary
from glue.core.revision import Revisions
from glue.core.truth import Live
from glue.core.watch import Verdict
from glue.deploying import Deployer
from glue.errors import RefusedError, SlipwayError
from glue.tf import revisions_file
from glue.tf.messages import AlreadyExistsError, RolledBackError
from glue.tf.runner import Planned
from glue.tf.tfvars import Estate
from glue.verifying import GoldenReport
from glue.workspace import Stack
from tests.unit.revision_support import NEXT_RELEASE, RELEASE, history, revision
from tests.unit.test_truth import live_of

QA = Environment(name="qa", account_id="222222222222", region="eu-west-1")
STACK = Stack(QA, "serving", "ranker")
ONE = history(revision(1))
TWO = history(revision(1), revision(1, release=NEXT_RELEASE))


@dataclass
class World:
    """Terraform and AWS in memory: applying makes the file's live revision live, unless told otherwise."""

    path: Path
    served: Revisions | None = None
    fail: list[SlipwayError | None] = field(default_factory=list)
    effect: bool = True
    steps: list[str] = field(default_factory=list)
    mark: bool = False

    # Stacks
    def plan_held(self, stack: Stack) -> Planned:
        wanted = revisions_file.load(self.path)
        self.steps.append(f"plan {wanted.live}")
        served = self.served.live if self.served else None
        changes = (Change("a", "t", "update"),) if served != wanted.live else ()
        return Planned(stack, PlanSummary(changes), self.path, 0.0)

    def apply_held(self, stack: Stack) -> None:
        wanted = revisions_file.load(self.path)
        self.steps.append(f"apply {wanted.live}")
        error = self.fail.pop(0) if self.fail else None
        if error is None or self.effect:
            self.served = wanted
        if error is not None:
            raise error

    def unclean(self, stack: Stack) -> bool:
        return self.mark

    # Session and its SageMaker
    environment = QA

    @property
    def sagemaker(self) -> World:
        return self

    def endpoint(self, name: str) -> Any:
        return self.live().endpoint

    def live(self) -> Live:
        if self.served is None or self.served.live is None or self.served.live_revision is None:
            return Live()
        return live_of(self.served.live, self.served.live_revision)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path / "qa" / "endpoints" / "ranker.revisions.tfvars")
    monkeypatch.setattr(deploying.reading, "settled", lambda *_, **__: made.live())
    monkeypatch.setattr(verifying.reading, "read", lambda *_, **__: made.live())
    monkeypatch.setattr(verifying, "ask_golden", lambda *_, **__: ())
    monkeypatch.setattr(deploying.aborting, "reason_of", lambda *_, **__: None)
    return made


def deploy(world: World, before: Revisions, after: Revisions, **options: Any) -> deploying.Deployed:
    if after.revisions:
        revisions_file.save(world.path, after)
    deployer = Deployer(
        stacks=world,  # type: ignore[arg-type]
        estate=Estate(world.path.parent.parent.parent),
        session=world,  # type: ignore[arg-type]
        console=Console(environ={}),
        **options,
    )
    return deployer.deploy(STACK, before=before, after=after)


def test_it_is_planned_applied_and_proven(world: World) -> None:
    world.served = ONE
    done = deploy(world, ONE, TWO)
    assert (done.exit_code, done.failure, done.changed, done.revision) == (0, None, True, TWO.live)
    assert world.steps == [f"plan {TWO.live}", f"apply {TWO.live}"]


def test_what_is_live_already_is_proven_and_not_applied(world: World) -> None:
    world.served = TWO
    done = deploy(world, TWO, TWO)
    assert (done.exit_code, done.changed) == (0, False)
    assert world.steps == [f"plan {TWO.live}"]


def test_a_roll_back_by_sagemaker_moves_live_back(world: World) -> None:
    world.served, world.effect = ONE, False
    world.fail = [RolledBackError("endpoint x was rolled back")]
    done = deploy(world, ONE, TWO)
    assert (done.exit_code, done.returned_to) == (1, ONE.live)
    assert done.failure == "endpoint x was rolled back"
    file = revisions_file.load(world.path)
    assert file.live == ONE.live
    assert set(file.revisions) == set(TWO.revisions)  # the failed one is kept for diagnosis
    assert world.served.live == ONE.live


def test_an_abort_by_somebody_else_is_the_failures_reason(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploying.aborting, "reason_of", lambda *_, **__: "aborted by jo: prices are wrong")
    world.served, world.effect = ONE, False
    world.fail = [RolledBackError("endpoint x was rolled back")]
    done = deploy(world, ONE, TWO)
    assert done.failure == "aborted by jo: prices are wrong (endpoint x was rolled back)"
    assert done.returned_to == ONE.live


class Watched:
    """A watch that ends with a verdict."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.seen: list[tuple[str | None, str | None]] = []

    @contextmanager
    def during(self, stack: Stack, before: Revisions, after: Revisions) -> Iterator[Watched]:
        self.seen.append((before.live, after.live))
        yield self


def test_what_the_watch_found_fails_the_deployment(world: World) -> None:
    world.served, world.effect = ONE, False
    world.fail = [RolledBackError("endpoint x was rolled back")]
    watch: Any = Watched(Verdict("failed", "golden request 'q': no", aborted=True))
    done = deploy(world, ONE, TWO, watch=watch)
    assert (done.exit_code, done.returned_to, done.watched) == (1, ONE.live, watch.verdict)
    assert done.failure == "golden request 'q': no (endpoint x was rolled back)"
    assert watch.seen == [(ONE.live, TWO.live)]


def test_what_the_watch_found_too_late_goes_back_as_well(world: World) -> None:
    world.served = ONE
    watch: Any = Watched(Verdict("failed", "golden request 'q': no"))
    done = deploy(world, ONE, TWO, watch=watch)
    assert (done.failure, done.returned_to) == ("golden request 'q': no", ONE.live)
    assert world.served.live == ONE.live


def test_a_first_deployment_has_nothing_before_it_and_what_is_live_is_not_watched(world: World) -> None:
    watch: Any = Watched(Verdict("skipped", "it is the first deployment"))
    assert deploy(world, Revisions(), ONE, watch=watch).exit_code == 0
    assert deploy(world, ONE, ONE, watch=watch).watched is None
    assert watch.seen == [(None, ONE.live)]


def golden_that_fails(*_: Any, **__: Any) -> tuple[GoldenReport, ...]:
    return (GoldenReport("main", RELEASE, (GoldenResult("q", False, "no", 1.0),)),)


def test_golden_requests_that_fail_move_live_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "ask_golden", golden_that_fails)
    world.served = ONE
    done = deploy(world, ONE, TWO)
    assert (done.exit_code, done.returned_to) == (1, ONE.live)
    assert world.steps == [f"plan {TWO.live}", f"apply {TWO.live}", f"plan {ONE.live}", f"apply {ONE.live}"]
    assert world.served.live == ONE.live


def test_what_was_not_changed_now_is_not_rolled_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "ask_golden", golden_that_fails)
    world.served = TWO
    done = deploy(world, TWO, TWO)
    assert (done.exit_code, done.returned_to) == (1, None)
    assert world.steps == [f"plan {TWO.live}"]


def test_after_a_kill_it_goes_back_to_what_was_replaced(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "ask_golden", golden_that_fails)
    world.served, world.mark = TWO, True
    planned = Planned(STACK, PlanSummary((Change("a", "t", "create"),)), world.path, 0.0)
    monkeypatch.setattr(world, "plan_held", lambda _: planned, raising=False)
    done = deploy(world, TWO, TWO)
    assert done.returned_to == ONE.live


def test_the_first_revision_has_no_way_back_and_stays(world: World) -> None:
    world.fail, world.effect = [SlipwayError("no capacity")], False
    done = deploy(world, Revisions(), ONE)
    assert (done.exit_code, done.returned_to, done.failure) == (1, None, "no capacity")
    assert revisions_file.load(world.path).live == ONE.live


def test_a_way_back_that_fails_too_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "ask_golden", golden_that_fails)
    world.served = ONE
    world.fail = [None, SlipwayError("the network is gone")]
    world.effect = False
    done = deploy(world, ONE, TWO)
    assert done.returned_to is None
    assert "Going back to" in str(done.failure)
    assert "the network is gone" in str(done.failure)


@pytest.mark.parametrize("before", [ONE, Revisions()])
def test_a_plan_that_fails_leaves_the_file_as_it_was(
    world: World, before: Revisions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Stack) -> Planned:
        raise RefusedError("the state is locked")

    monkeypatch.setattr(world, "plan_held", refuse, raising=False)
    world.served = ONE
    with pytest.raises(RefusedError):
        deploy(world, before, TWO)
    assert revisions_file.load(world.path).live == before.live
    assert world.path.exists() == bool(before.revisions)


def test_a_no_at_the_prompt_leaves_the_file_as_it_was(world: World) -> None:
    world.served = ONE
    with pytest.raises(RefusedError, match="the answer was no"):
        deploy(world, ONE, TWO, confirm=lambda _: False)
    assert revisions_file.load(world.path) == ONE
    assert world.steps == [f"plan {TWO.live}"]


def test_what_exists_since_a_killed_run_is_adopted_and_applied_once_more(world: World) -> None:
    world.served, world.effect = ONE, False
    world.fail = [AlreadyExistsError("config exists")]
    done = deploy(world, ONE, TWO)
    assert (done.exit_code, done.failure) == (0, None)
    assert world.steps == [f"plan {TWO.live}", f"apply {TWO.live}", f"plan {TWO.live}", f"apply {TWO.live}"]
