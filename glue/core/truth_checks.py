"""The truth check's table: everything about an endpoint that was asked of AWS, what is wanted and what was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glue.core.revision import Revision
from glue.core.serving import Bounds, EndpointSettings
from glue.core.surroundings import ScalableTarget, ScheduledAction, Surroundings

if TYPE_CHECKING:
    from glue.core.described import VariantState
    from glue.core.truth import Live


@dataclass(frozen=True)
class Check:
    """One row. `wrong` says what is not as wanted; None when it is, or when the comparison of the content says it.

    `exact`: both texts must be equal.
    """

    name: str
    wanted: str
    found: str
    wrong: str | None = None
    exact: bool = False

    @property
    def good(self) -> bool:
        """Whether it is as wanted."""
        return self.wrong is None and (not self.exact or self.wanted == self.found)


@dataclass(frozen=True)
class Wanted:
    """What an endpoint should be: its full name, the revision, and the settings around it (None: not looked at)."""

    endpoint: str
    revision: Revision
    settings: EndpointSettings | None = None
    around: Surroundings | None = None
    ringing_is_wrong: bool = True


def checks(wanted: Wanted, live: Live) -> Iterator[Check]:
    """Yield a row for everything that was looked at."""
    yield from _variants(wanted, live)
    yield _capture(wanted.revision, live)
    yield _shadow(wanted.revision, live)
    if wanted.revision.asynchronous is not None or (live.config is not None and live.config.asynchronous is not None):
        yield _asynchronous(wanted.revision, live)
    if wanted.around is None:
        return
    if wanted.settings is not None:
        for name in wanted.revision.variants:
            yield from _scaling(wanted.endpoint, name, wanted.settings.autoscaling.get(name), wanted.around)
    yield _alarms(wanted.around, ringing_is_wrong=wanted.ringing_is_wrong)


def _variants(wanted: Wanted, live: Live) -> Iterator[Check]:
    config = live.config
    states = {**live.endpoint.variants, **live.endpoint.shadow_variants} if live.endpoint else {}
    entries = {**config.variants, **config.shadow_variants} if config else {}
    total = sum(states[name].current_weight for name in wanted.revision.variants if name in states)
    weights = sum(variant.weight for variant in wanted.revision.variants.values())
    for name, variant in wanted.revision.all_variants.items():
        model = live.models.get(entries[name].model) if name in entries else None
        yield Check(f"{name}: release", variant.release, live.release_of(name) or "none", exact=True)
        yield Check(f"{name}: image", _digest(variant.image), _digest(model.image) if model else "gone", exact=True)
        yield Check(
            f"{name}: model data", variant.model_data_url, model.model_data_url if model else "gone", exact=True
        )
        state = states.get(name)
        if state is None:
            yield Check(f"{name}: instances", "to be there", "absent", f"variant {name} is not served")
            continue
        bounds = wanted.settings.autoscaling.get(name) if wanted.settings else None
        yield _instances(name, variant.initial_instance_count, bounds, state)
        if name in wanted.revision.variants:
            yield _weight(name, variant.weight, weights, state.current_weight, total)


def _instances(name: str, frozen: int | None, bounds: Bounds | None, state: VariantState) -> Check:
    """Between its bounds autoscaling moves a variant, and to them when they change: only having none is wrong."""
    current, desired = state.current_instances, state.desired_instances
    if frozen is None or state.serverless is not None:
        return Check(f"{name}: instances", "serverless", "serverless" if current is None else f"{current}")
    now = current or 0
    found = f"{now}" if desired in {None, now} else f"{now}, going to {desired}"
    low, high = (bounds.minimum, bounds.maximum) if bounds else (frozen, None)
    wanted = f"{low} to {high}" if bounds else f"{low} or more"
    short = now < low and (bounds is None or now == 0) and (desired is None or desired < max(low, 1))
    wrong = f"variant {name} has {found} instances, not {wanted}" if short else None
    return Check(f"{name}: instances", wanted, found, wrong)


def _weight(name: str, weight: int, weights: int, current: float, total: float) -> Check:
    """Compare shares: a weight says nothing but its share of the sum."""
    wanted, found = weight / weights if weights else 0.0, current / total if total else 0.0
    off = abs(wanted - found) > 0.0005
    wrong = (
        f"variant {name} takes {found:.1%} of the traffic, not {wanted:.1%}: its weight was changed" if off else None
    )
    return Check(f"{name}: traffic", f"{wanted:.1%}", f"{found:.1%}", wrong)


def _capture(revision: Revision, live: Live) -> Check:
    wanted = revision.data_capture
    asked = f"{wanted.sampling_percentage} %" if wanted else "off"
    found = live.config.data_capture if live.config else None
    stopped = live.endpoint is not None and live.endpoint.capture_status == "Stopped"
    if found is None or not found.enabled or (stopped and wanted is None):
        return Check("data capture", asked, "off", "data capture is off" if wanted and found is not None else None)
    said = f"{found.sampling_percentage} %"
    if stopped:
        return Check("data capture", asked, "stopped", "data capture is configured, and SageMaker says it is stopped")
    return Check("data capture", asked, said, exact=True)


def _shadow(revision: Revision, live: Live) -> Check:
    found = sorted(live.config.shadow_variants) if live.config else []
    return Check(
        "shadow", ", ".join(sorted(revision.shadow_variants)) or "none", ", ".join(found) or "none", exact=True
    )


def _asynchronous(revision: Revision, live: Live) -> Check:
    wanted, found = revision.asynchronous, live.config.asynchronous if live.config else None
    return Check(
        "asynchronous", wanted.output_s3_uri if wanted else "no", found.output_s3_uri if found else "no", exact=True
    )  # what differs is told with the content


def _scaling(endpoint: str, name: str, bounds: Bounds | None, around: Surroundings) -> Iterator[Check]:
    target = around.targets.get(name)
    yield _target(name, bounds, target)
    if bounds is None:
        return
    yield _policies(endpoint, name, bounds, around)
    if bounds.schedules:
        yield _schedules(endpoint, name, bounds, around)


def _target(name: str, bounds: Bounds | None, target: ScalableTarget | None) -> Check:
    key = f"{name}: scaling"
    found = f"{target.minimum} to {target.maximum}" if target else "none"
    if bounds is None:
        wrong = f"variant {name} is scaled from {found} instances, and its settings do not scale it" if target else None
        return Check(key, "none", found, wrong)
    wanted = f"{bounds.minimum} to {bounds.maximum}" + (" by schedule" if bounds.schedules else "")
    if target is None:
        return Check(key, wanted, found, f"variant {name} is not registered with autoscaling: nothing scales it")
    if target.suspended:
        said = ", ".join(target.suspended)
        return Check(key, wanted, f"{found}, suspended", f"autoscaling of variant {name} is suspended ({said})")
    within = bounds.minimum <= target.minimum and target.maximum <= bounds.maximum
    same = (target.minimum, target.maximum) == (bounds.minimum, bounds.maximum)
    fine = within if bounds.schedules else same
    return Check(key, wanted, found, None if fine else f"variant {name} is scaled from {found} instances, not {wanted}")


def _policies(endpoint: str, name: str, bounds: Bounds, around: Surroundings) -> Check:
    wanted = {f"{endpoint}-{name}-{kind}": target for kind, target in bounds.policies.items()}
    found = {policy.name: policy for policy in around.policies if policy.variant == name}
    missing = sorted(set(wanted) - set(found))
    off = [
        f"{policy} keeps {found[policy].target:g}, not {target:g}"
        for policy, target in sorted(wanted.items())
        if policy in found and target is not None and found[policy].target not in {None, target}
    ]
    problems = [f"scaling policy {policy} is missing" for policy in missing] + off
    return Check(f"{name}: policies", _listed(wanted), _listed(found), "; ".join(problems) or None)


def _schedules(endpoint: str, name: str, bounds: Bounds, around: Surroundings) -> Check:
    wanted = {f"{endpoint}-{name}-{key}": schedule for key, schedule in bounds.schedules.items()}
    found = {action.name: action for action in around.actions if action.variant == name}
    problems = [
        f"scheduled action {key} is missing"
        if key not in found
        else f"scheduled action {key} is not as the settings say"
        for key, schedule in sorted(wanted.items())
        if key not in found or not _same_schedule(schedule, found[key])
    ]
    return Check(f"{name}: schedules", _listed(wanted), _listed(found), "; ".join(problems) or None)


def _same_schedule(wanted: tuple[str, str, int | None, int | None], found: ScheduledAction) -> bool:
    return wanted == (found.schedule, found.time_zone, found.minimum, found.maximum)


def _alarms(around: Surroundings, *, ringing_is_wrong: bool) -> Check:
    missing = sorted(set(around.guards) - set(around.alarms))
    problems = [f"rollback alarm {name} does not exist" for name in missing]
    if not around.guards:
        problems.append("no alarm rolls a deployment back")
    ringing = [f"rollback alarm {alarm.name} is in ALARM since {alarm.since[:19]}" for alarm in around.ringing]
    told = [f"{len(around.alarms)} of {len(around.guards)}"]
    told += [f"{alarm.name} {alarm.state}" for _, alarm in sorted(around.alarms.items()) if alarm.state != "OK"]
    wrong = "; ".join([*problems, *(ringing if ringing_is_wrong else ())])
    return Check("rollback alarms", "all there, none in ALARM", ", ".join(told), wrong or None)


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(sorted(names)) or "none"


def _digest(image: str) -> str:
    return image.rpartition("@")[2]
