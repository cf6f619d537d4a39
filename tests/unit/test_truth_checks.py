"""The truth check's table: scaling, traffic, capture and rollback alarms, each from AWS against what is wanted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from glue.core import truth
from glue.core.described import VariantState
from glue.core.revision import DataCapture, Revision
from glue.core.serving import Bounds, EndpointSettings
from glue.core.surroundings import Alarm, ScalableTarget, ScalingPolicy, ScheduledAction, Surroundings
from glue.core.truth import Live, Truth
from tests.unit.revision_support import history, revision, settings, variant
from tests.unit.test_truth import NAME, live_of

GUARD = f"{NAME}-main-errors-5xx"
QUIET = Surroundings(guards=(GUARD,), alarms={GUARD: Alarm(GUARD, "OK")})
SCALED = replace(
    QUIET,
    targets={"main": ScalableTarget("main", 1, 3)},
    policies=(ScalingPolicy(f"{NAME}-main-invocations", "main", "TargetTrackingScaling", 20.0),),
)
BOUNDS = Bounds(1, 3, {"invocations": 20.0})


def scaled(bounds: Bounds = BOUNDS) -> EndpointSettings:
    return replace(settings(), autoscaling={"main": bounds})


def check(
    content: Revision | None = None,
    *,
    around: Surroundings = QUIET,
    wanted: EndpointSettings | None = None,
    alarms: bool = True,
    **state: Any,
) -> Truth:
    content = content or revision()
    found = history(content)
    live = live_of(str(found.live), content)
    return judge(found.live, content, changed(live, **state), around=around, wanted=wanted, alarms=alarms)


def judge(
    name: str | None,
    content: Revision,
    live: Live,
    *,
    around: Surroundings,
    wanted: EndpointSettings | None,
    alarms: bool,
) -> Truth:
    return truth.check(
        endpoint=NAME, wanted=name, revision=content, live=live,
        settings=wanted or settings(), around=around, alarms=alarms,
    )  # fmt: skip


def changed(live: Live, **state: Any) -> Live:
    assert live.endpoint is not None
    variants = {name: replace(entry, **state) for name, entry in live.endpoint.variants.items()}
    return replace(live, endpoint=replace(live.endpoint, variants=variants))


def row(found: Truth, name: str) -> tuple[str, str, bool]:
    entry = next(entry for entry in found.checks if entry.name == name)
    return entry.wanted, entry.found, entry.good


def test_everything_is_looked_at_and_true() -> None:
    found = check(around=SCALED, wanted=scaled())
    assert (found.state, found.reasons) == ("true", ())
    assert [entry.name for entry in found.checks] == [
        "status", "config", "main: release", "main: image", "main: model data", "main: instances", "main: traffic",
        "data capture", "shadow", "main: scaling", "main: policies", "rollback alarms",
    ]  # fmt: skip
    assert all(entry.good for entry in found.checks)


@pytest.mark.parametrize(
    ("around", "said"),
    [
        (QUIET, "variant main is not registered with autoscaling: nothing scales it"),
        (
            replace(SCALED, targets={"main": ScalableTarget("main", 1, 9)}),
            "is scaled from 1 to 9 instances, not 1 to 3",
        ),
        (replace(SCALED, targets={"main": ScalableTarget("main", 1, 3, ("DynamicScalingInSuspended",))}), "suspended"),
        (replace(SCALED, policies=()), f"scaling policy {NAME}-main-invocations is missing"),
        (
            replace(SCALED, policies=(replace(SCALED.policies[0], target=99.0),)),
            f"{NAME}-main-invocations keeps 99, not 20",
        ),
    ],
)
def test_scaling_is_as_the_settings_say(around: Surroundings, said: str) -> None:
    found = check(around=around, wanted=scaled())
    assert found.state == "false"
    assert any(said in reason for reason in found.reasons), found.reasons


def test_what_the_settings_do_not_scale_is_not_scaled() -> None:
    assert check().state == "true"
    found = check(around=SCALED)
    assert "its settings do not scale it" in found.reasons[0]


def test_schedules() -> None:
    bounds = Bounds(1, 5, {"invocations": 20.0}, {"day": ("cron(0 7 * * ? *)", "UTC", 2, 5)})
    action = ScheduledAction(f"{NAME}-main-day", "main", "cron(0 7 * * ? *)", "UTC", 2, 5)
    moved = replace(SCALED, targets={"main": ScalableTarget("main", 2, 5)}, actions=(action,))
    assert check(around=moved, wanted=scaled(bounds)).reasons == ()
    missing = check(around=replace(moved, actions=()), wanted=scaled(bounds))
    assert missing.reasons == (f"scheduled action {NAME}-main-day is missing",)
    other = check(around=replace(moved, actions=(replace(action, maximum=9),)), wanted=scaled(bounds))
    assert other.reasons == (f"scheduled action {NAME}-main-day is not as the settings say",)
    beyond = replace(moved, targets={"main": ScalableTarget("main", 2, 9)})
    assert "is scaled from 2 to 9 instances" in check(around=beyond, wanted=scaled(bounds)).reasons[0]


@pytest.mark.parametrize(
    ("current", "desired", "bounds", "good"),
    [
        (2, 2, None, True),  # scaled out by hand
        (1, 2, None, True),  # on its way
        (0, 0, None, False),
        (1, 1, Bounds(2, 3), True),  # autoscaling is about to move it
        (0, 0, Bounds(1, 3), False),
        (0, 0, Bounds(0, 3), True),  # an asynchronous endpoint at rest
    ],
)
def test_instances(current: int, desired: int, bounds: Bounds | None, good: bool) -> None:
    wanted = scaled(bounds) if bounds else settings()
    found = check(
        around=SCALED if bounds else QUIET, wanted=wanted, current_instances=current, desired_instances=desired
    )
    assert row(found, "main: instances")[2] is good
    assert any("instances, not" in reason and "variant main has" in reason for reason in found.reasons) is not good


def test_shares_of_the_traffic() -> None:
    content = Revision(variants={"a": variant(weight=1), "b": variant(weight=3)})
    found = history(content)
    live = live_of(str(found.live), content)
    assert live.endpoint is not None

    def with_weights(a: float, b: float) -> Truth:
        states = {
            "a": VariantState("a", a, a, 1, 1),
            "b": VariantState("b", b, b, 1, 1),
        }
        of = replace(live, endpoint=replace(live.endpoint, variants=states))  # type: ignore[type-var]
        return judge(found.live, content, of, around=QUIET, wanted=None, alarms=True)

    assert with_weights(0.25, 0.75).state == "true"
    assert "variant a takes 50.0% of the traffic, not 25.0%: its weight was changed" in with_weights(1, 1).reasons


@pytest.mark.parametrize(
    ("around", "alarms", "said"),
    [
        (replace(QUIET, alarms={GUARD: Alarm(GUARD, "INSUFFICIENT_DATA")}), True, None),
        (
            replace(QUIET, alarms={GUARD: Alarm(GUARD, "ALARM", "2026-11-21T10:00:00+00:00")}),
            True,
            f"rollback alarm {GUARD} is in ALARM since 2026-11-21T10:00:00",
        ),
        (replace(QUIET, alarms={GUARD: Alarm(GUARD, "ALARM")}), False, None),
        (replace(QUIET, alarms={}), False, f"rollback alarm {GUARD} does not exist"),
        (Surroundings(), True, "no alarm rolls a deployment back"),
    ],
)
def test_rollback_alarms(around: Surroundings, alarms: bool, said: str | None) -> None:
    found = check(around=around, alarms=alarms)
    assert found.reasons == (() if said is None else (said,))


def test_data_capture_that_stopped_by_itself() -> None:
    content = replace(revision(), data_capture=DataCapture(10, "s3://b/capture/ranker"))
    found = history(content)
    live = live_of(str(found.live), content, capture_status="Started")
    assert live.endpoint is not None
    assert row(judge(found.live, content, live, around=QUIET, wanted=None, alarms=True), "data capture") == (
        "10 %",
        "10 %",
        True,
    )
    stopped = replace(live, endpoint=replace(live.endpoint, capture_status="Stopped"))
    said = judge(found.live, content, stopped, around=QUIET, wanted=None, alarms=True)
    assert said.reasons == ("data capture is configured, and SageMaker says it is stopped",)


def test_of_another_config_only_that_is_said() -> None:
    content = revision()
    found = judge(
        str(history(content).live), content, live_of("r9-00000000", content), around=QUIET, wanted=None, alarms=True
    )
    assert [(entry.name, entry.good) for entry in found.checks] == [("status", True), ("config", False)]
