"""What a deployment leaves in the audit trail: an intent before anything is changed, and how it ended."""

from __future__ import annotations

from typing import Any

import pytest

from glue import verifying
from glue.core.revision import Revisions
from glue.errors import RefusedError
from glue.tf import revisions_file
from glue.tf.messages import RolledBackError
from tests.unit.test_deploying import ONE, TWO, World, deploy, golden_that_fails, world

__all__ = ["world"]


class Trail:
    """The trail in memory, between the steps of Terraform."""

    def __init__(self, steps: list[str]) -> None:
        self.steps = steps
        self.told: list[dict[str, Any]] = []

    def reconcile(self, endpoint: str, *, served: str | None) -> None:
        self.steps.append(f"reconcile {endpoint} {served}")

    def begin(self, **said: Any) -> str:
        self.steps.append("begin")
        self.told.append(said)
        return "begun"

    def end(self, begun: str, **said: Any) -> None:
        self.steps.append(f"end {begun}")
        self.told.append(said)


def test_an_intent_comes_before_the_apply_and_the_end_after_the_proof(world: World) -> None:
    world.served = ONE
    trail = Trail(world.steps)
    deploy(world, ONE, TWO, trail=trail)
    assert world.steps == [
        f"reconcile ranker {ONE.live}", f"plan {TWO.live}", "begin", f"apply {TWO.live}", "end begun",
    ]  # fmt: skip
    begun, ended = trail.told
    assert (begun["action"], begun["endpoint"], begun["source"], begun["to"]) == (
        "promote",
        "ranker",
        ONE.live,
        TWO.live,
    )
    assert TWO.live_revision is not None
    assert begun["releases"] == TWO.live_revision.releases
    assert ended == {"outcome": "done", "reason": None, "returned_to": None}


def test_a_failure_is_recorded_with_its_reason_and_where_it_went_back_to(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "ask_golden", golden_that_fails)
    world.served = ONE
    trail = Trail(world.steps)
    deploy(world, ONE, TWO, trail=trail)
    ended = trail.told[-1]
    assert (ended["outcome"], ended["returned_to"]) == ("failed", ONE.live)
    assert ended["reason"]


def test_a_roll_back_by_sagemaker_is_a_failure(world: World) -> None:
    world.served, world.effect = ONE, False
    world.fail = [RolledBackError("endpoint x was rolled back")]
    trail = Trail(world.steps)
    deploy(world, ONE, TWO, trail=trail)
    assert trail.told[-1]["outcome"] == "failed"
    assert "SageMaker rolled " in trail.told[-1]["reason"]


def test_what_changes_nothing_is_not_recorded(world: World) -> None:
    world.served = TWO
    trail = Trail(world.steps)
    deploy(world, TWO, TWO, trail=trail)
    assert trail.told == []


def test_a_no_at_the_prompt_is_not_recorded(world: World) -> None:
    world.served = ONE
    trail = Trail(world.steps)
    with pytest.raises(RefusedError):
        deploy(world, ONE, TWO, trail=trail, confirm=lambda _: False)
    assert trail.told == []


def test_the_first_deployment_comes_from_nothing(world: World) -> None:
    trail = Trail(world.steps)
    deploy(world, Revisions(), ONE, trail=trail)
    assert trail.told[0]["source"] is None


def test_a_plan_that_nobody_approved_changes_nothing(world: World) -> None:
    world.served = ONE
    trail = Trail(world.steps)

    def refuse(*_: Any) -> dict[str, str]:
        raise RefusedError("nobody approved this plan")

    with pytest.raises(RefusedError, match="nobody approved this plan"):
        deploy(world, ONE, TWO, trail=trail, admit=refuse)
    assert trail.told == []
    assert world.steps[-1] == f"plan {TWO.live}"
    assert revisions_file.load(world.path) == ONE


def test_the_record_says_which_plan_it_was_and_who_approved_it(world: World) -> None:
    world.served = ONE
    trail = Trail(world.steps)
    facts = {"bundle": "b" * 64, "approved_by": "lea"}
    deploy(world, ONE, TWO, trail=trail, admit=lambda *_: facts)
    assert trail.told[0]["details"] == facts
