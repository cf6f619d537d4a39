"""A deployment that fails goes back to what was live, and nothing is half done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from glue import auditing, deploying, returning, verifying
from glue.console import Console
from glue.core.audit import Record
from glue.core.environment import Environment
from glue.core.failure import Failure
from glue.core.golden import GoldenResult
from glue.core.plan import Change, PlanSummary
from glue.core.revision import Revisions
from glue.core.surroundings import Alarm
from glue.core.truth import Live
from glue.deployed import Deployed
from glue.deploying import Deployer
from glue.errors import AccessDeniedError, RefusedError, SlipwayError
from glue.tf import revisions_file
from glue.tf.messages import AlreadyExistsError, RolledBackError
from glue.tf.runner import Applied, Planned
from glue.tf.tfvars import Estate
from glue.verifying import GoldenReport
from glue.workspace import Stack
from tests.unit.revision_support import NEXT_RELEASE, RELEASE, history, revision
from tests.unit.test_truth import live_of

QA = Environment(name="qa", account_id="222222222222", region="eu-west-1")
STACK = Stack(QA, "serving", "ranker")
WHEN = datetime(2026, 11, 21, tzinfo=UTC)
ALARM = "slipway-qa-ranker-main-errors-5xx"
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
    reason: str | None = None  # SageMaker's FailureReason
    held: str | None = None  # the config in Terraform's state
    configs: tuple[str, ...] = ()
    configs_made: str = "2026-11-20T00:00:00Z"  # before the endpoint changed last
    state: dict[str, Alarm] = field(default_factory=dict)
    history: list[Alarm] = field(default_factory=list)
    undo: list[str | None] = field(default_factory=list)  # deployments that SageMaker undoes, each with its reason
    waited: int = 0
    recorded: list[Record] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)

    # Stacks
    def wait_held(self, stack: Stack) -> None:
        self.waited += 1

    def records(self, stack: Stack) -> Path:
        return self.path.parent / "records"

    def saved(self, stack: Stack) -> PlanSummary | None:
        summary = self.summary()
        return summary if summary.changes else None

    def summary(self) -> PlanSummary:
        wanted = revisions_file.load(self.path)
        served = self.served.live if self.served else None
        kind = "aws_sagemaker_endpoint"
        changes = (Change("a", kind, "update", self.values),) if served != wanted.live else ()
        return PlanSummary(changes, held_config=self.held)

    def plan_held(self, stack: Stack) -> Planned:
        wanted = revisions_file.load(self.path)
        self.steps.append(f"plan {wanted.live}")
        return Planned(stack, self.summary(), self.path, 0.0)

    def apply_held(self, stack: Stack) -> Applied:
        wanted = revisions_file.load(self.path)
        self.steps.append(f"apply {wanted.live}")
        error = self.fail.pop(0) if self.fail else None
        if self.undo:
            self.reason = self.undo.pop(0)
        elif error is None or self.effect:
            self.served = wanted
        if error is not None:
            raise error
        return Applied(stack, PlanSummary(), changed=True, seconds=0.0)

    def unclean(self, stack: Stack) -> bool:
        return self.mark

    # Session and its SageMaker
    environment = QA

    @property
    def sagemaker(self) -> World:
        return self

    def endpoint(self, name: str) -> Any:
        return self.live().endpoint

    @property
    def cloudwatch(self) -> World:
        return self

    @property
    def autoscaling(self) -> World:
        return self

    def targets(self, endpoint: str, variants: tuple[str, ...]) -> dict[str, Any]:
        return {}

    def alarms(self, names: Sequence[str]) -> dict[str, Alarm]:
        return {name: self.state.get(name, Alarm(name, "OK", "2026-11-20T00:00:00+00:00")) for name in names}

    def rang(self, name: str, *, after: str) -> Alarm | None:
        return next((alarm for alarm in self.history if alarm.name == name and alarm.since > after), None)

    def config_names(self, prefix: str, *, until: str = "") -> tuple[str, ...]:
        late = bool(until) and self.configs_made > until
        return () if late else tuple(name for name in self.configs if name.startswith(prefix))

    def live(self) -> Live:
        if self.served is None or self.served.live is None or self.served.live_revision is None:
            return Live()
        deployment = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": ALARM}]}}
        return live_of(self.served.live, self.served.live_revision, failure=self.reason, last_deployment=deployment)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path / "qa" / "endpoints" / "ranker.revisions.tfvars")
    made.path.parent.mkdir(parents=True)
    (tmp_path / "qa" / "environment.tfvars").write_text(
        'environment = { name = "qa", account_id = "222222222222", region = "eu-west-1" }\n'
    )
    made.path.with_name("ranker.tfvars").write_text(
        'endpoint = "ranker"\n'
        'serving = { variants = { main = { model = "ranker", instance_type = "ml.m5.large", instance_count = 1 } } }\n'
    )
    monkeypatch.setattr(returning.reading, "settled", lambda *_, **__: made.live())
    monkeypatch.setattr(verifying.reading, "read", lambda *_, **__: made.live())
    monkeypatch.setattr(verifying, "ask_golden", lambda *_, **__: ())
    monkeypatch.setattr(deploying.aborting, "reason_of", lambda *_, **__: None)
    monkeypatch.setattr(auditing, "records", lambda *_, **__: [(entry, WHEN) for entry in made.recorded])
    return made


def made(world: World, **options: Any) -> Deployer:
    return Deployer(
        stacks=world,  # type: ignore[arg-type]
        estate=Estate(world.path.parent.parent.parent),
        session=world,  # type: ignore[arg-type]
        console=Console(environ={}),
        **options,
    )


def deploy(
    world: World, before: Revisions, after: Revisions, call: dict[str, Any] | None = None, **options: Any
) -> Deployed:
    if after.revisions:
        revisions_file.save(world.path, after)
    return made(world, **options).deploy(STACK, before=before, after=after, **(call or {}))


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


FACES = {
    "the postcondition": RolledBackError("endpoint x was rolled back: it serves config y, wanted is z."),
    "the waiter": RolledBackError("unexpected state 'RollingBack', wanted target 'InService'"),
    "exit 0": None,
}


@pytest.mark.parametrize("error", FACES.values(), ids=FACES)
def test_a_roll_back_by_sagemaker_moves_live_back(world: World, error: SlipwayError | None) -> None:
    world.served, world.fail = ONE, [error]
    world.undo = ["alarm(s) went into ALARM state"]
    world.history = [Alarm(ALARM, "ALARM", "2026-11-21T10:00:00+00:00")]
    done = deploy(world, ONE, TWO)
    assert (done.exit_code, done.returned_to, done.marked) == (1, ONE.live, True)
    assert done.failure == (
        f"SageMaker rolled {TWO.live} back: alarm(s) went into ALARM state; alarm {ALARM} went into ALARM at "
        "2026-11-21T10:00:00"
    )
    assert f"slipway promote {NEXT_RELEASE} --to qa --apply --retry" in str(done.remedy)
    file = revisions_file.load(world.path)
    assert (file.live, file.returning) == (ONE.live, False)  # AWS is there already
    assert file.revisions.keys() == TWO.revisions.keys()  # the failed one is kept for diagnosis
    assert "alarm(s) went into ALARM state" in str(file.revisions[str(TWO.live)].failed)
    assert world.served.live == ONE.live
    assert world.steps[-1] == f"plan {ONE.live}"  # nothing to apply
    assert "The next plan is empty." in done.failed_text


def test_an_old_reason_is_not_given_for_a_new_roll_back(world: World) -> None:
    world.served, world.reason = ONE, "the alarm of last week"
    world.fail = [RolledBackError("endpoint x was rolled back")]
    world.undo = ["the alarm of last week"]
    world.history = [Alarm(ALARM, "ALARM", "2026-11-21T10:00:00+00:00")]
    done = deploy(world, ONE, TWO)
    assert done.failure == (
        f"SageMaker rolled {TWO.live} back: it gave no reason; alarm {ALARM} went into ALARM at 2026-11-21T10:00:00"
    )


def test_the_same_reason_twice_is_given_twice(world: World) -> None:
    reason = f"alarm(s) [{ALARM}] went into ALARM state"
    world.served, world.reason, world.undo = ONE, reason, [reason]
    world.history = [Alarm(ALARM, "ALARM", "2026-11-21T10:00:00+00:00")]
    assert f"back: {reason}; alarm" in str(deploy(world, ONE, TWO).failure)


def test_what_never_came_to_the_endpoint_is_no_failure_of_the_revision(world: World) -> None:
    world.served, world.effect = ONE, False
    world.fail = [AccessDeniedError("AWS denied terraform sagemaker:CreateModel.")]
    done = deploy(world, ONE, TWO)
    assert (done.exit_code, done.returned_to, done.marked) == (1, ONE.live, False)
    assert done.failure == "AWS denied terraform sagemaker:CreateModel"
    assert "--retry" not in str(done.remedy)
    assert revisions_file.load(world.path).revisions[str(TWO.live)].failed is None


def test_what_is_live_though_terraform_failed_is_completed(world: World) -> None:
    world.served = ONE
    world.fail = [SlipwayError("terraform was killed")]
    done = deploy(world, ONE, TWO)
    assert (done.exit_code, done.failure, world.served.live) == (0, None, TWO.live)


def record(to: str | None, *, started: str, outcome: str, action: str = "promote") -> Record:
    return Record(f"{started}-{action}", "qa", "ranker", action, "arn", started, to=to, outcome=outcome)


@pytest.mark.parametrize(
    ("records", "undone"),
    [
        ([("two", "2026-11-20T23:00:00Z", "interrupted")], True),
        ([("two", "2026-11-20T23:00:00Z", "started")], True),
        ([("two", "2026-11-20T23:00:00Z", "failed")], False),  # it came to its end, and said so
        ([("two", "2026-11-22T00:00:00Z", "started")], False),  # this very call: AWS knows nothing of it yet
        ([("two", "2026-11-19T00:00:00Z", "interrupted"), ("one", "2026-11-20T00:00:00Z", "done")], False),
        ([("two", "2026-11-20T23:00:00Z", "interrupted"), ("two", "2026-11-21T01:00:00Z", "failed")], False),  # handled
        ([("two", "2026-11-20T23:00:00Z", "interrupted"), ("two", "2026-11-21T01:00:00Z", "started")], True),
        ([], False),
    ],
)
def test_the_audit_trail_is_evidence_when_sagemaker_gives_the_reason_of_last_time(
    world: World, records: list[tuple[str, str, str]], undone: bool
) -> None:
    ids = {"one": ONE.live, "two": TWO.live}
    world.recorded = [record(ids[to], started=started, outcome=outcome) for to, started, outcome in records]
    forgiven = TWO.fail(str(TWO.live), reason="alarm x fired").admit(TWO.revisions[str(TWO.live)], retry=True)
    world.served, world.reason = ONE, "alarm x fired"
    done = deploy(world, forgiven, forgiven)
    assert done.exit_code == (1 if undone else 0)
    assert world.served.live == (ONE if undone else TWO).live


@pytest.mark.parametrize("evidence", ["state", "reason"])
def test_what_was_undone_in_a_killed_call_is_not_tried_again(world: World, evidence: str) -> None:
    world.served = ONE
    if evidence == "state":
        world.held = f"slipway-qa-ranker-{TWO.live}-0badcafe"
    else:
        world.reason, world.configs = "alarm x fired", (f"slipway-qa-ranker-{TWO.live}-0badcafe",)
    done = deploy(world, TWO, TWO)
    assert (done.exit_code, done.returned_to, done.marked) == (1, ONE.live, True)
    assert f"apply {TWO.live}" not in world.steps
    assert revisions_file.load(world.path).live == ONE.live
    again = deploy(world, TWO, TWO, call={"retry": True})
    assert (again.exit_code, world.served.live) == (0, TWO.live)


def test_a_reason_that_is_older_than_the_config_is_no_evidence(world: World) -> None:
    # Killed after its config was made, before the endpoint was updated: the reason is of an earlier deployment.
    world.served, world.reason = ONE, "alarm x fired"
    world.configs, world.configs_made = (f"slipway-qa-ranker-{TWO.live}-0badcafe",), "2026-11-21T00:00:01Z"
    done = deploy(world, TWO, TWO)
    assert (done.exit_code, world.served.live) == (0, TWO.live)


def test_a_reason_that_is_known_is_no_evidence(world: World) -> None:
    three = TWO.fail(str(TWO.live), reason="2026: SageMaker rolled it back: alarm x fired").back(str(ONE.live))
    three = three.add(revision(1, environment={"A": "3"}), created="now")
    world.served, world.reason = ONE, "alarm x fired"
    world.configs = (f"slipway-qa-ranker-{three.live}-0badcafe",)
    done = deploy(world, three, three)
    assert (done.exit_code, world.served.live) == (0, three.live)


def test_a_red_alarm_refuses_the_deployment_before_it_begins(world: World) -> None:
    world.served = ONE
    world.values = {"deployment_config": [{"auto_rollback_configuration": [{"alarms": [{"alarm_name": ALARM}]}]}]}
    world.state = {ALARM: Alarm(ALARM, "ALARM", "2026-11-21T10:00:00+00:00", "Threshold Crossed")}
    with pytest.raises(RefusedError, match=ALARM) as caught:
        deploy(world, ONE, TWO)
    assert "slipway rollback" in str(caught.value.remedy)
    assert revisions_file.load(world.path) == ONE
    # a way back is what a red alarm asks for
    back = deploy(world, TWO, TWO.back(str(ONE.live)))
    assert back.exit_code == 0


def test_a_killed_way_back_is_completed_by_the_next_call(world: World) -> None:
    world.served, world.fail = TWO, [SlipwayError("the network is gone")]
    file = TWO.fail(str(TWO.live), reason="no").back(str(ONE.live))
    world.effect = False  # the network is gone before anything happens
    deployer = made(world)
    done = deployer._returning.back(STACK, TWO, Failure("no", of_revision=True), to=ONE.live)
    assert done.problem is not None
    assert revisions_file.load(world.path).live == file.live
    world.effect = True
    assert deployer.finish(STACK) is True
    assert world.served.live == ONE.live
    assert deployer.finish(STACK) is False


def test_fewer_instances_are_told(world: World) -> None:
    many = history(revision(5), revision(2, release=NEXT_RELEASE))
    world.served = replace(many, live=next(iter(many.revisions)))
    done = deploy(world, world.served, many)
    assert done.scales_in == {"main": (5, 2)}


def golden_that_fails(*_: Any, **__: Any) -> tuple[GoldenReport, ...]:
    return (GoldenReport("main", RELEASE, (GoldenResult("q", False, "no", 1.0),)),)


def test_golden_requests_that_fail_move_live_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "ask_golden", golden_that_fails)
    world.served = ONE
    done = deploy(world, ONE, TWO)
    assert (done.exit_code, done.returned_to) == (1, ONE.live)
    there, back = [f"plan {TWO.live}", f"apply {TWO.live}"], [f"plan {ONE.live}", f"apply {ONE.live}"]
    assert world.steps == [*there, *back, f"plan {ONE.live}"]  # and the next plan is empty
    assert revisions_file.load(world.path).returning is True
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


def test_the_way_back_waits_until_the_abort_is_forgotten(world: World) -> None:
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            world.state.clear()

    world.state = {ALARM: Alarm(ALARM, "ALARM", "2026-11-21T10:00:00+00:00")}
    way = returning.Returning(
        stacks=world,  # type: ignore[arg-type]
        estate=Estate(world.path.parent.parent.parent),
        session=world,  # type: ignore[arg-type]
        console=Console(environ={}),
        sleep=sleep,
    )
    way.quiet(STACK, [ALARM])
    assert len(naps) == 3
    way.quiet(STACK, [])
    assert len(naps) == 3
