"""A plan that scales in, or that tries again what SageMaker undid, is said before it is applied."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from glue import auditing, foreseeing
from glue.core.capacity import guards_in, scales_in
from glue.core.environment import Environment
from glue.core.plan import Change, PlanSummary
from glue.core.truth import Live
from glue.foreseeing import Foreseen, foresee
from glue.tf.runner import Planned
from glue.workspace import Stack
from tests.unit.revision_support import NEXT_RELEASE, history, revision
from tests.unit.test_truth import live_of

QA = Environment(name="qa", account_id="222222222222", region="eu-west-1")
STACK = Stack(QA, "serving", "ranker")
NAME = "slipway-qa-ranker"
BOTH = history(revision(5), revision(2, release=NEXT_RELEASE))
FIRST = next(iter(BOTH.revisions))
ENDPOINT = Change("module.endpoint.aws_sagemaker_endpoint.this", "aws_sagemaker_endpoint", "update")


def target(maximum: int | None, *, what: str = "update", variant: str = "main") -> Change:
    values = {"resource_id": f"endpoint/{NAME}/variant/{variant}", "max_capacity": maximum}
    return Change("t", "aws_appautoscaling_target", what, values)


@pytest.mark.parametrize(
    ("changes", "live", "expected"),
    [
        ((), {"main": 5}, {}),
        ((ENDPOINT,), {"main": 5}, {"main": (5, 2)}),
        ((ENDPOINT,), {"main": 2}, {}),
        ((ENDPOINT,), {}, {}),
        ((target(3),), {"main": 5}, {"main": (5, 3)}),
        ((target(3, what="create"),), {"main": 5}, {"main": (5, 3)}),
        ((target(3, what="delete"),), {"main": 5}, {}),
        ((target(5),), {"main": 5}, {}),
        ((target(None),), {"main": 5}, {}),
        ((ENDPOINT, target(1)), {"main": 5}, {"main": (5, 1)}),
        ((ENDPOINT, target(4)), {"main": 5}, {"main": (5, 2)}),
    ],
)
def test_where_a_plan_scales_in(changes: tuple[Change, ...], live: dict[str, int], expected: dict[str, Any]) -> None:
    assert scales_in(PlanSummary(changes), BOTH, live) == expected


def test_which_alarms_a_planned_deployment_listens_to() -> None:
    alarms = [{"alarm_name": "b"}, {"alarm_name": "a"}]
    values = {"deployment_config": [{"auto_rollback_configuration": [{"alarms": alarms}]}]}
    update = Change("e", "aws_sagemaker_endpoint", "update", values)
    assert guards_in(PlanSummary((update,))) == ("a", "b")
    create = Change("e", "aws_sagemaker_endpoint", "create", values)
    assert guards_in(PlanSummary((create,))) == ()
    assert guards_in(PlanSummary((ENDPOINT, target(1)))) == ()


@dataclass
class Aws:
    """A session whose SageMaker serves the first revision."""

    live: Live
    configs: tuple[str, ...] = ()
    asked: list[str] = field(default_factory=list)

    @property
    def sagemaker(self) -> Aws:
        return self

    def config_names(self, prefix: str, *, until: str = "") -> tuple[str, ...]:
        self.asked.append(prefix)
        return tuple(name for name in self.configs if name.startswith(prefix))


def seen(monkeypatch: pytest.MonkeyPatch, aws: Aws, *changes: Change, held: str | None = None) -> Foreseen:
    monkeypatch.setattr(foreseeing.reading, "read", lambda *_: aws.live)
    monkeypatch.setattr(auditing, "records", lambda *_, **__: [])
    summary = PlanSummary(changes, held_config=held)
    return foresee(aws, Planned(STACK, summary, None, 0.0), BOTH)  # type: ignore[arg-type]


def test_what_was_undone_is_told_before_it_is_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    live = live_of(FIRST, BOTH.revisions[FIRST], failure="alarm x fired")
    aws = Aws(live, (f"{NAME}-{BOTH.live}-0badcafe",))
    found = seen(monkeypatch, aws, ENDPOINT)
    assert found.undone == f"SageMaker rolled {BOTH.live} back: alarm x fired"
    assert found.scales_in == {"main": (5, 2)}
    assert len(found.lines("qa/serving/ranker")) == 2
    assert seen(monkeypatch, Aws(live), ENDPOINT).undone is None  # its config was never made
    assert seen(monkeypatch, Aws(live), ENDPOINT, held=f"{NAME}-{BOTH.live}-0badcafe").undone is not None


def test_aws_is_not_asked_about_what_does_not_concern_instances(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = Aws(live_of(FIRST, BOTH.revisions[FIRST]))
    monkeypatch.setattr(foreseeing.reading, "read", lambda *_: pytest.fail("asked"))
    summary = PlanSummary((Change("a", "aws_cloudwatch_metric_alarm", "update"),))
    assert foresee(aws, Planned(STACK, summary, None, 0.0), BOTH) == Foreseen()  # type: ignore[arg-type]
