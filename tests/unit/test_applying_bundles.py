"""What `slipway apply` asks of a bundle before it applies it: is it the plan that was looked at, and who said yes."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from glue import gates
from glue.admitting import Admitted
from glue.bundles import READING, Bundles
from glue.cli import passing, planned
from glue.core.bundle import Manifest
from glue.core.environment import Environment
from glue.core.gates import GateError, Refusal
from glue.core.plan import PlannedLive
from glue.errors import RefusedError
from glue.workspace import Stack, Workspace
from tests.unit.bundle_support import bundles_of
from tests.unit.test_bundles import STACK, elsewhere, here, make, root, workspace

__all__ = ["elsewhere", "here", "root", "workspace"]

NO = Admitted({"bundle": "b"}, Refusal("plan-approval", "nobody approved it", "ask"))
FOUNDATION = Stack(STACK.environment, "foundation")


class Steps(list[str]):
    """What was done, in order; and an app that does it."""

    def app(self, bundles: Bundles, *, plans: Any = None, known: Admitted | None = None) -> Any:
        def plan_held(stack: Stack) -> Any:
            self.append(f"plan {stack.label}")
            return SimpleNamespace(bundle=plans())

        return SimpleNamespace(
            bundles=bundles,
            stacks=SimpleNamespace(plan_held=plan_held, remote=lambda _: True),
            runner=SimpleNamespace(check=lambda *_, **__: self.append("check"), saved=lambda _: None),
            console=SimpleNamespace(step=lambda *_, **__: None, say=lambda *_, **__: None),
        )


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planned, "_judge", lambda *_: Admitted({"bundle": "b"}))


def test_a_plan_of_this_machine_is_checked_and_judged(here: Bundles, judged: None) -> None:
    steps = Steps()
    make(here)
    assert planned.admitted(steps.app(here), STACK).facts == {"bundle": "b"}
    assert steps == ["check"]


def test_without_a_plan_the_apply_itself_says_so(here: Bundles, judged: None) -> None:
    assert planned.admitted(Steps().app(here), STACK) == Admitted()


def test_a_plan_of_the_reading_role_is_made_again_once(
    here: Bundles, judged: None, elsewhere: tuple[Manifest, dict[str, bytes]]
) -> None:
    wanted, files = elsewhere
    here.take(STACK, files, origin=READING)
    steps = Steps()
    app = steps.app(here, plans=lambda: make(here))
    assert planned.admitted(app, STACK).facts == {"bundle": "b", "looked_at": wanted.digest}
    assert planned.admitted(app, STACK).facts["looked_at"] == wanted.digest, "after a refusal, it is compared again"
    assert steps == [f"plan {STACK.label}", "check", "check"]


def test_another_plan_than_that_is_refused_and_gone(
    workspace: Workspace, here: Bundles, judged: None, elsewhere: tuple[Manifest, dict[str, bytes]]
) -> None:  # fmt: skip
    here.take(STACK, elsewhere[1], origin=READING)
    bundles = bundles_of(workspace)
    steps = Steps()
    app = steps.app(bundles, plans=lambda: make(bundles, lambda plan: plan["resource_changes"].pop(0)))
    for _ in range(2):  # and it is planned again each time, never applied by accident
        with pytest.raises(RefusedError, match="is not the one that was looked at"):
            planned.admitted(app, STACK)
    assert steps == [f"plan {STACK.label}"] * 2


def judge(monkeypatch: pytest.MonkeyPatch, stack: Stack, live: PlannedLive | None, *, back: bool = False) -> None:
    monkeypatch.setattr(gates, "are_set", lambda _: False)
    monkeypatch.setattr(planned, "way_back", lambda *_: back)
    app: Any = SimpleNamespace(console=SimpleNamespace(say=lambda *_: None))
    passing._judge_plan(app, stack, live, NO, None)


@pytest.mark.parametrize(("stack", "live"), [(STACK, PlannedLive("r1-0badcafe")), (STACK, None), (FOUNDATION, None)])
def test_the_gate_holds_for_every_stack(
    stack: Stack, live: PlannedLive | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(GateError, match="plan-approval: nobody approved it"):
        judge(monkeypatch, stack, live)


def test_a_way_back_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    judge(monkeypatch, STACK, PlannedLive("r1-0badcafe", returning=True), back=True)


def test_only_a_returning_plan_of_what_was_live_is_a_way_back(monkeypatch: pytest.MonkeyPatch) -> None:
    were = {"r1-0badcafe"}
    monkeypatch.setattr(gates, "is_way_back", lambda _s, _e, live: live.revision in were)
    app: Any = SimpleNamespace(accounts=SimpleNamespace(terraform=lambda *_, **__: None))
    assert planned.way_back(app, STACK, PlannedLive("r1-0badcafe", returning=True))
    assert not planned.way_back(app, STACK, PlannedLive("r1-0badcafe"))
    assert not planned.way_back(app, STACK, PlannedLive("r2-0badcafe", returning=True))
    assert not planned.way_back(app, FOUNDATION, None)


@pytest.mark.parametrize(("action", "refused"), [("promote", True), ("traffic", True), ("rollback", False)])
def test_deployments_need_it_too_and_rollbacks_do_not(
    action: str, refused: bool, here: Bundles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planned, "_judge", lambda *_: NO)
    plan: Any = SimpleNamespace(stack=STACK, bundle=make(here))
    with pytest.raises(GateError) if refused else nullcontext():
        assert planned.admit(SimpleNamespace(), plan, SimpleNamespace(action=action)) == NO.facts  # type: ignore[arg-type]


def test_an_environment_without_the_gate_asks_nobody() -> None:
    assert not Environment(name="qa", account_id="222222222222", region="eu-west-1").gates.plan_approval
