"""How traffic moves to a new fleet, for how long, and what would stop it: an endpoint's deployment_config.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeploymentConfig.html. Without one, SageMaker moves all
traffic at once and rolls nothing back by itself
(https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green.html).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from glue.review.endpoints_saying import Said, safe
from glue.review.endpoints_shape import UNKNOWN, Served, block, blocks, opaque
from glue.review.model import FieldChange, Traffic
from glue.review.values import Secret

KINDS = {"ALL_AT_ONCE": "all_at_once", "CANARY": "canary", "LINEAR": "linear", "ROLLING": "rolling"}
_WORDS = {"all_at_once": "all traffic at once", "canary": "canary", "linear": "linear", "rolling": "rolling"}
# how much of the traffic a bad release gets before anybody has looked at it: a higher number is less
_CAUTION = {"all_at_once": 0, "rolling": 1, "canary": 2, "linear": 2}


@dataclass(frozen=True)
class Deployment:
    """An endpoint's deployment config: `size` in percent (or instances) a step, waits in seconds; None is not said.

    `alarms` None: no automatic rollback. `unknown`: parts of it are known after apply only.
    """

    kind: str = "all_at_once"
    size: float | None = None
    unit: str = "%"
    wait_s: float | None = None
    termination_s: float | None = None
    max_s: float | None = None
    alarms: tuple[object, ...] | None = None
    configured: bool = False
    unknown: bool = False

    @property
    def steps(self) -> int:
        """How often it waits between steps."""
        if self.kind == "canary":
            return 1
        if self.kind in {"linear", "rolling"} and self.unit == "%" and self.size:
            return math.ceil(100 / self.size)
        return 1 if self.kind == "rolling" else 0

    @property
    def waits_s(self) -> float:
        """The seconds in which alarms watch the new fleet, at least."""
        return self.steps * (self.wait_s or 0) + (self.termination_s or 0)


def deployment(values: Mapping[str, Any]) -> Deployment:
    """Return the deployment config in an endpoint's values."""
    if opaque(values, "deployment_config"):
        return Deployment(unknown=True, configured=True)
    config = block(values, "deployment_config")
    if not config:
        return Deployment()
    unknown = any(opaque(config, name) for name in ("blue_green_update_policy", "rolling_update_policy"))
    rolling, blue_green = block(config, "rolling_update_policy"), block(config, "blue_green_update_policy")
    routing = block(blue_green, "traffic_routing_configuration")
    kind = "rolling" if rolling else KINDS.get(str(routing.get("type")), "all_at_once")
    size = block(rolling, "maximum_batch_size") or block(routing, f"{kind}_size") or block(routing, f"{kind}_step_size")
    policy = rolling or blue_green
    return Deployment(
        kind=kind,
        size=_number(size.get("value")),
        unit="instances" if size.get("type") == "INSTANCE_COUNT" else "%",
        wait_s=_number((rolling or routing).get("wait_interval_in_seconds")),
        termination_s=_number(blue_green.get("termination_wait_in_seconds")),
        max_s=_number(policy.get("maximum_execution_timeout_in_seconds")),
        alarms=_alarms(config),
        configured=True,
        unknown=unknown or UNKNOWN in (routing.get("type"), size.get("value")),
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _alarms(config: Mapping[str, Any]) -> tuple[object, ...] | None:
    if opaque(config, "auto_rollback_configuration"):
        return (UNKNOWN,)
    rollback = blocks(config, "auto_rollback_configuration")
    if not rollback:
        return None
    if opaque(rollback[0], "alarms"):
        return (UNKNOWN,)
    named = [entry.get("alarm_name") for entry in blocks(rollback[0], "alarms")]
    return tuple(name for name in named if name is UNKNOWN or isinstance(name, str | Secret))


def traffic(found: Deployment, *, same_config: bool = False) -> Traffic:
    """Return how traffic moves, in words and minutes: of waits at least, of the time limit at most."""
    if found.unknown:
        return Traffic("none", "how traffic moves is known after apply only")
    least = found.waits_s / 60
    most = found.max_s / 60 if found.max_s is not None else None
    again = "the same config is deployed once more: " if same_config else ""
    return Traffic(found.kind, f"{again}{words(found)}; {_minutes(least, most)}", least, most, _steps(found))


def _steps(found: Deployment) -> tuple[tuple[float, float], ...]:
    """Return minutes from the start and the percent of traffic on the new fleet then; empty when that is not known."""
    wait = (found.wait_s or 0) / 60
    if found.kind == "all_at_once":
        return (0.0, 0.0), (0.0, 100.0)
    if found.size is None or found.unit != "%" or not 0 < found.size <= 100:
        return ()
    sizes = (
        [found.size, 100.0]
        if found.kind == "canary"
        else [min(100.0, found.size * at) for at in range(1, found.steps + 1)]
    )
    steps, share = [(0.0, 0.0)], 0.0
    for at, size in enumerate(sizes):
        steps += [(at * wait, share), (at * wait, size)] if at else [(0.0, size)]
        share = size
    return tuple(steps)


def words(found: Deployment) -> str:
    """Return what happens, in the order in which it happens."""
    if found.unknown:
        return "known after apply only"
    size = f"{_plainly(found.size)} {found.unit}" if found.size is not None else "a part"
    wait = _span(found.wait_s)
    kept = f", the old fleet stays for {_span(found.termination_s)}" if found.termination_s else ""
    if found.kind == "canary":
        return f"canary: {size} of capacity for {wait}, then the rest{kept}"
    if found.kind == "linear":
        return f"linear: {size} of capacity every {wait}{kept}"
    if found.kind == "rolling":
        return f"rolling: {size} of the instances at a time, {wait} after each"
    return f"{_WORDS['all_at_once']}{kept}" if found.configured else "all traffic at once, without a deployment config"


def _plainly(number: float | None) -> str:
    return f"{number:g}" if number is not None else "unknown"


def _span(seconds: float | None) -> str:
    if seconds is None:
        return "an unknown time"
    return f"{seconds:g} s" if seconds < 60 else f"{seconds / 60:.3g} min"


def _minutes(least: float, most: float | None) -> str:
    """Say how long: the waits are certain, starting instances comes on top, the limit ends it."""
    at_most = f", {most:.3g} min at most" if most is not None else ""
    waits = f"{least:.3g} min of waits and the start of the new fleet" if least else "as long as the new fleet starts"
    return f"{waits}{at_most}"


def alarm_changes(before: Deployment, after: Deployment) -> Iterator[FieldChange]:
    """Yield which alarms begin and cease to roll deployments back."""
    old, new = set(before.alarms or ()), set(after.alarms or ())
    gone, come = (sorted(safe(name) for name in names) for names in (old - new, new - old))
    if gone or come:
        parts = [f"{word} {', '.join(names)}" for word, names in (("adds", come), ("drops", gone)) if names]
        texts = [", ".join(sorted(safe(name) for name in names)) or None for names in (old, new)]
        yield FieldChange("alarms", None, texts[0], texts[1], f"rollback alarms: {'; '.join(parts)}")


def guards(before: Deployment, after: Deployment, *, deploys: bool, returning: bool) -> Iterator[Said]:
    """Yield what an endpoint loses of its guardrails."""
    if after.unknown or UNKNOWN in (after.alarms or ()):
        text = "how it deploys, or which alarms roll back, is known after apply only"
        yield Said("deployment-unresolved", text)
        return
    if before.configured and not after.configured:
        yield Said(
            "guardrails-void", "its deployment config is dropped: traffic moves at once, and nothing rolls back",
            "interrupts",
        )  # fmt: skip
    elif before.alarms and not after.alarms:
        yield Said(
            "guardrails-void", "its automatic rollback is removed: no alarm undoes a bad deployment", "interrupts"
        )
    elif deploys and not after.alarms:
        yield Said("deployment-unguarded", "no alarm rolls this deployment back by itself")
    elif before.alarms and after.alarms and not returning:
        gone = [name for name in before.alarms if name not in after.alarms]
        if gone:
            listed = ", ".join(safe(name) for name in gone)
            yield Said("alarms-fewer", f"{len(gone)} alarms no longer roll a deployment back: {listed}")


def slower_or_faster(before: Deployment, after: Deployment, *, returning: bool) -> Iterator[Said]:
    """Yield when deployments become less cautious than before."""
    if returning or not before.configured or not after.configured or before.unknown or after.unknown:
        return
    first = (_CAUTION[before.kind], before.waits_s)
    then = (_CAUTION[after.kind], after.waits_s)
    larger = before.kind == after.kind and before.unit == after.unit and (after.size or 0) > (before.size or 0)
    if then[0] < first[0] or then[1] < first[1] or larger:
        yield Said("deployment-faster", f"deployments become less cautious: {words(before)} → {words(after)}")


def excluded(found: Deployment, before: Served, after: Served) -> Iterator[Said]:
    """Yield where SageMaker would not do what the deployment config says.

    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html
    """
    if found.kind == "all_at_once" or found.unknown:
        return
    types = {str(entry.instance_type) for entry in after.everything.values()}
    if any(kind.startswith("ml.inf1.") for kind in types):
        yield Said("guardrails-void", f"on ml.inf1 SageMaker falls back from {found.kind} to all at once", "interrupts")
    if any(entry.serverless is not None for entry in after.everything.values()):
        yield Said("deployment-refused", f"SageMaker takes no {found.kind} deployment for serverless variants")
    elif found.kind == "rolling" and len(after.everything) > 1:
        yield Said("deployment-refused", "SageMaker takes no rolling deployment with several variants")
    if before.variants and set(before.variants) != set(after.variants):
        yield Said("deployment-refused", f"variant names change, which SageMaker takes with no {found.kind} deployment")
