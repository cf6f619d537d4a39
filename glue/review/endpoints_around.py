"""What stands around the endpoints of a plan: their autoscaling and their alarms, by the endpoint's name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from glue.review.endpoints_compare import shown
from glue.review.endpoints_references import References
from glue.review.endpoints_resolve import ENDPOINT
from glue.review.endpoints_saying import Said, safe
from glue.review.endpoints_scaling import Bounds, suspended, variant_of
from glue.review.endpoints_shape import UNKNOWN, block, blocks, planned, quiet
from glue.review.endpoints_traffic import Deployment
from glue.review.model import FieldChange
from glue.review.plan import Plan
from glue.review.resource import Resource

TARGET, POLICY, ACTION = "aws_appautoscaling_target", "aws_appautoscaling_policy", "aws_appautoscaling_scheduled_action"
ALARM = "aws_cloudwatch_metric_alarm"
_ALARMS = (ALARM, "aws_cloudwatch_composite_alarm")
_COMES_OR_GOES = {"create": "made", "delete": "destroyed", "forget": "forgotten"}
_LAX = {
    "GreaterThanThreshold": 1,
    "GreaterThanOrEqualToThreshold": 1,
    "LessThanThreshold": -1,
    "LessThanOrEqualToThreshold": -1,
}
_OTHER_METRIC = (
    "metric_name", "namespace", "dimensions", "statistic", "extended_statistic", "metric_query", "comparison_operator",
    "unit",
)  # fmt: skip


class Around:
    """The autoscaling and alarms of all endpoints of a plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._references = References(plan.configuration)
        self._scaling: dict[str, dict[str, list[Resource]]] = {}
        entries = {(r.address, r.deposed): r for r in (*plan.changes, *plan.resources()) if r.mode == "managed"}
        self._targets = list(_targets(entries.values()))
        self._of_target = {
            str(values["id"]): place
            for target, place in self._targets
            for values in (target.before, target.after)
            if values and values.get("id")
        }
        for resource in entries.values():
            if resource.type in (TARGET, POLICY, ACTION):
                for endpoint, variant in self._of(resource):
                    self._scaling.setdefault(endpoint, {}).setdefault(variant, []).append(resource)
        self._alarms = [resource for resource in entries.values() if resource.type in _ALARMS]
        self._kept_alarms = {(r.after or {}).get("alarm_name") for r in plan.resources() if r.type in _ALARMS}

    def scaling(self, endpoint: str) -> tuple[dict[str, Bounds], dict[str, Bounds]]:
        """Return how the variants of an endpoint are scaled, before and after."""
        found = self._scaling.get(endpoint, {})
        both: tuple[dict[str, Bounds], dict[str, Bounds]] = ({}, {})
        for variant, resources in found.items():
            for after, into in zip((False, True), both, strict=True):
                bounds = _bounds(resources, after=after)
                if bounds is not None:
                    into[variant] = bounds
        return both

    def scaling_resources(self, endpoint: str) -> Iterator[Resource]:
        """Yield the resources that scale an endpoint."""
        for resources in self._scaling.get(endpoint, {}).values():
            yield from resources

    def reattached(self, endpoint: str) -> Iterator[Said]:
        """Yield variants whose autoscaling is taken off and put on again by the same apply."""
        before, after = self.scaling(endpoint)
        for variant in sorted(set(before) & set(after)):
            targets = [r for r in self._scaling[endpoint][variant] if r.type == TARGET]
            gone = next((r for r in targets if r.destroyed and r.deposed is None), None)
            if gone is not None:
                text = f"autoscaling of variant {safe(variant)} is taken off and put on again: meanwhile nothing scales"
                yield Said("autoscaling-reattached", text, "interrupts", gone.address)

    def alarms(self, endpoint: str, deployments: Iterable[Deployment]) -> list[Resource]:
        """Return the alarms that guard an endpoint's deployments, or watch it, and that change."""
        named = {str(name) for found in deployments for name in found.alarms or ()}
        return [
            resource
            for resource in self._alarms
            if _differs(resource) and (_name(resource) in named or endpoint in _watched(resource))
        ]

    def alarm_changes(self, alarms: Iterable[Resource]) -> Iterator[FieldChange]:
        """Yield what changes in these alarms, tags left out: what comes and goes in one entry each."""
        groups: dict[str, list[str]] = {}
        for alarm in alarms:
            name = safe(_name(alarm))
            if alarm.what in _COMES_OR_GOES:
                if alarm.what == "create" or _name(alarm) not in self._kept_alarms:
                    groups.setdefault(_COMES_OR_GOES[alarm.what], []).append(name)
            elif names := _differences(alarm):
                yield FieldChange("alarms", None, None, None, f"alarm {name} changes: {', '.join(map(safe, names))}")
        for word, found in groups.items():
            listed = ", ".join(sorted(found))
            old, new = (None, listed) if word == "made" else (listed, None)
            short = f"alarm {listed} is" if len(found) == 1 else f"{len(found)} alarms are"
            yield FieldChange("alarms", None, old, new, f"{short} {word}")

    def alarms_weaker(self, alarms: Iterable[Resource], after: Deployment | None) -> Iterator[Said]:
        """Yield alarms that go, or that ring later than they did."""
        guards = {str(name) for name in (after.alarms or ())} if after else set()
        gone: list[Resource] = []
        for alarm in alarms:
            name = _name(alarm)
            if alarm.destroyed and name not in self._kept_alarms:
                if name in guards:
                    text = f"alarm {safe(name)}, which rolls deployments back, is destroyed"
                    yield Said("guardrails-void", text, "interrupts", alarm.address)
                elif after is not None and alarm.deposed is None:
                    gone.append(alarm)
            elif alarm.what == "replace" and not alarm.create_first and name in guards:
                text = f"alarm {safe(name)}, which rolls deployments back, is away while it is replaced"
                yield Said("guardrails-void", text, "interrupts", alarm.address)
            elif alarm.what in ("update", "replace") and (why := _weaker(alarm)):
                yield Said(
                    "alarm-weakened", f"alarm {safe(name)} rings later or for something else: {why}", "", alarm.address
                )
        if gone:
            names = tuple(sorted(safe(_name(alarm)) for alarm in gone))
            text = (
                f"alarm {names[0]} is destroyed"
                if len(names) == 1
                else f"{len(names)} alarms are destroyed: {', '.join(names)}"
            )
            yield Said("alarms-fewer", text, "", gone[0].address)

    def _of(self, resource: Resource) -> set[tuple[str, str]]:
        """Return the endpoints and variants that a scaling resource belongs to; it may be moved between two."""
        found = set()
        for values in (resource.before, resource.after):
            said = (values or {}).get("resource_id")
            place = variant_of(said) or self._of_target.get(str(said))
            if place is not None:
                found.add(place)
        if resource.is_unknown("resource_id"):
            found |= self._beside(resource)
        return found

    def _beside(self, resource: Resource) -> set[tuple[str, str]]:
        """Return what a resource scales whose target is not made yet: as a target beside it, else by reference."""
        near = [(target, place) for target, place in self._targets if target.module == resource.module]
        keyed = [place for target, place in near if _belongs(resource.key, target.key)]
        if keyed or len({place for _, place in near}) == 1:
            return set(keyed) or {place for _, place in near}
        for target in self._references.targets(resource, "resource_id"):
            named = [
                r for r in self._plan.resources() if r.type == ENDPOINT and target.type == ENDPOINT and target.means(r)
            ]
            if len(named) == 1:
                return {(label(named[0]), "(known after apply)")}
        return set()


def _targets(entries: Iterable[Resource]) -> Iterator[tuple[Resource, tuple[str, str]]]:
    for resource in entries:
        if resource.type == TARGET:
            for values in (resource.before, resource.after):
                place = variant_of((values or {}).get("resource_id"))
                if place is not None:
                    yield resource, place


def _belongs(key: str | int | None, target: str | int | None) -> bool:
    """Tell whether a policy's key is a target's, or says more than it: `main@ml.m5.large/cpu`."""
    return target is not None and (key == target or str(key).startswith(f"{target}/"))


def label(endpoint: Resource) -> str:
    """Return the name that an endpoint has, else will have; its address where that is not known."""
    name = (endpoint.before or endpoint.values).get("name")
    return name if isinstance(name, str) and name else endpoint.address


def _name(alarm: Resource) -> str:
    return str(alarm.values.get("alarm_name") or alarm.address)


def _watched(alarm: Resource) -> set[str]:
    """Return the endpoints whose metrics an alarm looks at."""
    found = set()
    for values in (alarm.before or {}, alarm.after or {}):
        every = [values, *(block(query, "metric") for query in blocks(values, "metric_query"))]
        for entry in every:
            dimensions = entry.get("dimensions")
            if isinstance(dimensions, Mapping) and isinstance(dimensions.get("EndpointName"), str):
                found.add(str(dimensions["EndpointName"]))
    return found


def _differences(alarm: Resource) -> list[str]:
    """Return the attributes of an alarm that differ, tags left out; zeros are what the provider reads of nothing."""
    old, new = alarm.before or {}, planned(alarm.after, alarm.unknown)
    names = [name for name in alarm.attributes() if name not in {"tags", "tags_all", "arn", "id"}]
    return [name for name in names if quiet(old.get(name)) != quiet(new.get(name))]


def _differs(alarm: Resource) -> bool:
    if alarm.what == "update":
        return bool(_differences(alarm))
    return alarm.what not in ("none", "read")


def _weaker(alarm: Resource) -> str:
    """Return why an alarm would ring later than it did, "" when it would not."""
    old, new = alarm.before or {}, planned(alarm.after, alarm.unknown)
    reasons = [safe(key) for key in _OTHER_METRIC if quiet(old.get(key)) != quiet(new.get(key))]
    for key in ("evaluation_periods", "datapoints_to_alarm", "period"):
        reasons += [
            f"{key} {shown(old.get(key))} → {shown(new.get(key))}" for _ in (0,) if _more(old.get(key), new.get(key))
        ]
    lax = _LAX.get(str(new.get("comparison_operator")), 0)
    was, will = old.get("threshold"), new.get("threshold")
    if will is UNKNOWN or (
        was != will and not (isinstance(was, int | float) and isinstance(will, int | float) and (will - was) * lax < 0)
    ):
        reasons.append(f"threshold {shown(was)} → {shown(will)}")
    if old.get("treat_missing_data") != new.get("treat_missing_data") and new.get("treat_missing_data") != "breaching":
        reasons.append(
            f"treat_missing_data {shown(old.get('treat_missing_data'))} → {shown(new.get('treat_missing_data'))}"
        )
    return ", ".join(reasons)


def _more(was: object, will: object) -> bool:
    if isinstance(was, int | float) and isinstance(will, int | float):
        return will > was
    return will is UNKNOWN


def _bounds(resources: Iterable[Resource], *, after: bool) -> Bounds | None:
    target: tuple[Resource, Mapping[str, Any]] | None = None
    policies: dict[str, str] = {}
    for resource in resources:
        if after and (resource.deposed or resource.what in ("delete", "forget")):
            continue
        values = planned(resource.after, resource.unknown) if after else resource.before
        if values is None:
            continue
        if resource.type == TARGET:
            target = resource, values
        else:
            policies[shown(values.get("name")) or resource.address] = _policy(values)
    if target is None:
        return None
    resource, values = target
    least, most = values.get("min_capacity"), values.get("max_capacity")
    return Bounds(least, most, dict(sorted(policies.items())), suspended(values), resource.address)


def _policy(values: Mapping[str, Any]) -> str:
    """Return what a policy or scheduled action does, in a few words."""
    if values.get("schedule"):
        action = block(values, "scalable_target_action")
        bounds = [shown(action.get(name)) for name in ("min_capacity", "max_capacity")]
        return f"schedule {shown(values['schedule'])} ({bounds[0]} to {bounds[1]})"
    tracking = block(values, "target_tracking_scaling_policy_configuration")
    if tracking:
        metric = block(tracking, "predefined_metric_specification").get("predefined_metric_type")
        metric = metric or block(tracking, "customized_metric_specification").get("metric_name") or "a metric"
        target = shown(tracking.get("target_value"))
        stays = ", never in" if tracking.get("disable_scale_in") is True else ""
        return f"{shown(metric)} near {target}{stays}"
    return "steps" if blocks(values, "step_scaling_policy_configuration") else "a policy"
