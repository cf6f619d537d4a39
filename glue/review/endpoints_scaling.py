"""Autoscaling of an endpoint's variants in a plan: bounds, detachment, and where instances are taken away.

Every update of an endpoint starts with the counts of the new config, whatever autoscaling had made of the old ones: the
provider never asks SageMaker to retain them
(https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateEndpoint.html, RetainAllVariantProperties).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from glue.review.endpoints_saying import Said, safe
from glue.review.endpoints_shape import UNKNOWN, Served, Variant, block
from glue.review.model import FieldChange

_OF_VARIANT = re.compile(r"^endpoint/(?P<endpoint>[^/]+)/variant/(?P<variant>[^/]+)$")
# When autoscaling may have made more than twice the instances that an update starts with, half of them may be lost.
_MANY_TIMES = 2
_SWITCHES = ("dynamic_scaling_in_suspended", "dynamic_scaling_out_suspended", "scheduled_scaling_suspended")


@dataclass(frozen=True)
class Bounds:
    """What scales one variant: how few and many instances, by what policies and schedules (their texts by name)."""

    least: object = None
    most: object = None
    policies: Mapping[str, str] = field(default_factory=dict)
    suspended: tuple[str, ...] = ()
    address: str = ""
    concurrency: bool = False  # it scales a serverless variant's provisioned concurrency

    @property
    def text(self) -> str:
        """Bounds and policies in words."""
        asleep = f", suspended: {', '.join(self.suspended)}" if self.suspended else ""
        rules = f" by {', '.join(self.policies.values())}" if self.policies else " by nothing"
        unit = "provisioned concurrency" if self.concurrency else "instances"
        return safe(f"{self.least} to {self.most} {unit}{rules}{asleep}")


def variant_of(resource_id: object) -> tuple[str, str] | None:
    """Return the endpoint's and the variant's name in a scalable target's id; None when it names something else."""
    match = _OF_VARIANT.match(resource_id) if isinstance(resource_id, str) else None
    return (match["endpoint"], match["variant"]) if match else None


def suspended(target: Mapping[str, Any]) -> tuple[str, ...]:
    """Return which kinds of scaling a scalable target suspends."""
    state = block(target, "suspended_state")
    return tuple(name for name in _SWITCHES if state.get(name) is True)


def changes(before: Mapping[str, Bounds], after: Mapping[str, Bounds]) -> Iterator[FieldChange]:
    """Yield what changes in how each variant is scaled."""
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        texts = old.text if old else None, new.text if new else None
        if texts[0] != texts[1]:
            text = f"{safe(name)}: autoscaling {texts[0] or 'none'} → {texts[1] or 'none'}"
            yield FieldChange("autoscaling", name, texts[0], texts[1], text)


def detached(before: Mapping[str, Bounds], after: Mapping[str, Bounds], served: Served | None) -> Iterator[Said]:
    """Yield variants that were scaled and are not any more, though they still have instances."""
    for name, old in sorted(before.items()):
        variant = _kept(name, old, served)
        if variant is None:
            continue
        new = after.get(name)
        where = old.address
        if new is None:
            yield Said(
                "autoscaling-detached", f"variant {safe(name)} is no longer scaled ({old.text})", "interrupts", where
            )
        elif old.policies and not new.policies:
            lost = ", ".join(map(safe, old.policies))
            text = f"nothing moves the instances of variant {safe(name)} any more: it loses {lost}"
            yield Said("autoscaling-detached", text, "interrupts", new.address)
        elif set(new.suspended) - set(old.suspended):
            text = f"scaling of variant {safe(name)} is suspended: {', '.join(new.suspended)}"
            yield Said("autoscaling-detached", text, "interrupts", new.address)


def _kept(name: str, old: Bounds, served: Served | None) -> Variant | None:
    """Return a variant that stays and has instances to scale; one that cannot be seen counts as staying."""
    if served is None:
        return None
    if served.unresolved and name not in served.everything:
        return Variant(name=name, model_name=None, model=None)
    variant = served.everything.get(name)
    return None if variant is None or (variant.serverless is not None) is not old.concurrency else variant


def nobody(after: Mapping[str, Bounds], served: Served | None) -> Iterator[Said]:
    """Yield autoscaling of variants that the endpoint will not have."""
    if served is None or served.unresolved:
        return
    for name, bounds in sorted(after.items()):
        if name not in served.everything:
            text = f"autoscaling names variant {safe(name)}, which the endpoint will not have"
            yield Said("autoscaling-detached", text, "interrupts", bounds.address)


@dataclass(frozen=True)
class Capacity:
    """What is needed to tell a scale-in: what is served and scaled before and after, and what runs, where known."""

    before: Served
    after: Served
    bounds_before: Mapping[str, Bounds]
    bounds_after: Mapping[str, Bounds]
    live: Mapping[str, int]
    deploys: bool


def scale_in(capacity: Capacity) -> Iterator[Said]:
    """Yield where an apply takes instances or concurrency away, and where it may."""
    for name, old in capacity.before.everything.items():
        new = capacity.after.everything.get(name)
        if new is None:
            continue
        yield from _serverless(name, old, new)
        if new.serverless is None and old.serverless is None:
            yield from _instances(name, old, new, capacity)
            yield from _managed(name, old, new)
    if capacity.deploys and set(capacity.before.variants) != set(capacity.after.variants):
        sums = [_sum(served) for served in (capacity.before, capacity.after)]
        if sums[0] is not None and sums[1] is not None and sums[1] < sums[0]:
            text = f"all variants together: {sums[0]:g} → {sums[1]:g} instances"
            yield Said("scale-in", text, "scales_in")


def _sum(served: Served) -> float | None:
    counts = [_number(entry.count) for entry in served.variants.values() if entry.serverless is None]
    return sum(count for count in counts if count is not None) if counts and None not in counts else None


def _instances(name: str, old: Variant, new: Variant, capacity: Capacity) -> Iterator[Said]:
    then = _number(new.count) if capacity.deploys else None
    scaled = capacity.bounds_before.get(name)
    bounds = capacity.bounds_after.get(name)
    limit = _number(bounds.most) if bounds is not None else None
    running = capacity.live.get(name)
    was = _number(old.count)
    known = float(running) if running is not None else None if scaled is not None else was
    if known is not None:
        yield from _fewer(name, known, then, limit)
        if running is None and then is None and capacity.deploys and new.count is UNKNOWN:
            yield Said(
                "scale-in-possible", f"variant {safe(name)}: its instances are known after apply only", "scales_in"
            )
        return
    most = _number(scaled.most) if scaled is not None else None
    if capacity.deploys and was is not None and then is not None and then < was:
        yield Said("scale-in", f"variant {safe(name)}: its config has {was:g} → {then:g} instances", "scales_in")
    elif capacity.deploys:
        yield from _perhaps(name, most, then)
    if scaled is not None and bounds is not None:
        yield from lower({name: scaled}, {name: bounds}, {})


def _perhaps(name: str, most: float | None, then: float | None) -> Iterator[Said]:
    """Yield that a deployment starts with fewer instances than autoscaling may have made; how many run is not known."""
    text = f"{_to(most)} may run now, and the deployment starts with {_to(then)}"
    if most is None or then is None or most > _MANY_TIMES * then:
        yield Said("scale-in-possible", f"variant {safe(name)} may scale in: {text}", "scales_in")
    elif most > then:
        yield Said("scale-in-unseen", f"variant {safe(name)}: {text}; autoscaling makes up for it after a while")


def lower(before: Mapping[str, Bounds], after: Mapping[str, Bounds], live: Mapping[str, int]) -> Iterator[Said]:
    """Yield where autoscaling alone takes instances away: its maximum falls."""
    for name in sorted(set(before) & set(after)):
        was, will = _number(before[name].most), _number(after[name].most)
        if will is not None and name in live:
            yield from _fewer(name, float(live[name]), None, will)
        elif was is not None and (will is None or will < was):
            text = f"variant {safe(name)} may scale in: autoscaling allows {was:g} → {_to(will)} instances"
            yield Said("scale-in-possible", text, "scales_in")


def _fewer(name: str, running: float, then: float | None, limit: float | None) -> Iterator[Said]:
    """Yield the scale-in of a variant whose instances are known."""
    if then is not None and then < running:
        yield Said("scale-in", f"variant {safe(name)}: {running:g} → {then:g} instances", "scales_in")
    if limit is not None and limit < running and (then is None or limit < then):
        text = f"variant {safe(name)}: autoscaling allows {limit:g} of its {running:g} instances"
        yield Said("scale-in", text, "scales_in")


def _to(number: float | None) -> str:
    return "an unknown number" if number is None else f"{number:g}"


def _serverless(name: str, old: Variant, new: Variant) -> Iterator[Said]:
    if not isinstance(old.serverless, Mapping) or not isinstance(new.serverless, Mapping):
        return
    for key in ("max_concurrency", "provisioned_concurrency", "memory_size_in_mb"):
        was, will = _number(old.serverless.get(key)), _number(new.serverless.get(key)) or 0
        if was is not None and will < was and new.serverless.get(key) is not UNKNOWN:
            yield Said("scale-in", f"variant {safe(name)}: {key} {was:g} → {will:g}", "scales_in")


def _managed(name: str, old: Variant, new: Variant) -> Iterator[Said]:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariantManagedInstanceScaling.html."""
    was, will = (_most_managed(entry) for entry in (old, new))
    if was is not None and will is not None and will < was:
        text = f"variant {safe(name)} may scale in: SageMaker may keep {was:g} → {will:g} instances"
        yield Said("scale-in-possible", text, "scales_in")


def _most_managed(entry: Variant) -> float | None:
    found = entry.rest.get("managed_instance_scaling")
    values = found[0] if isinstance(found, list) and found else {}
    return _number(values.get("max_instance_count")) if isinstance(values, Mapping) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
