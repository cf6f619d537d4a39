"""The alarms around the endpoints of a plan: which come and go, and which ring later than they did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from glue.review.endpoints_compare import shown
from glue.review.endpoints_resolve import together
from glue.review.endpoints_saying import Said, safe
from glue.review.endpoints_shape import UNKNOWN, afterwards, block, blocks, planned, quiet
from glue.review.endpoints_traffic import Deployment
from glue.review.model import FieldChange
from glue.review.plan import Plan
from glue.review.resource import Resource

_ALARMS = ("aws_cloudwatch_metric_alarm", "aws_cloudwatch_composite_alarm")
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


class Alarms:
    """All alarms of a plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._changing = [alarm for alarm in plan.of_type(*_ALARMS) if _differs(alarm)]

    @cached_property
    def _kept(self) -> dict[str, list[Resource]]:
        """The alarms that are there afterwards, by name: asked for only when one goes."""
        found: dict[str, list[Resource]] = {}
        for alarm in self._plan.resources():
            if alarm.type in _ALARMS:
                found.setdefault(str(afterwards(alarm).get("alarm_name")), []).append(alarm)
        return found

    def of(self, endpoint: Resource, name: str, deployments: Iterable[Deployment]) -> list[Resource]:
        """Return the alarms that guard an endpoint's deployments, or watch it, and that change."""
        named = {str(alarm) for found in deployments for alarm in found.alarms or ()}
        mine = [alarm for alarm in self._changing if _name(alarm) in named or name in _watched(alarm)]
        return [alarm for alarm in mine if together(self._plan, alarm, endpoint)]

    def _stays(self, alarm: Resource) -> bool:
        """Tell whether an alarm of the same name is there afterwards, in the same place."""
        return any(together(self._plan, alarm, kept) for kept in self._kept.get(_name(alarm), ()))

    def changes(self, alarms: Iterable[Resource]) -> Iterator[FieldChange]:
        """Yield what changes in these alarms, tags left out: what comes and goes in one entry each."""
        groups: dict[str, list[str]] = {}
        for alarm in alarms:
            name = safe(_name(alarm))
            if alarm.what in _COMES_OR_GOES:
                if alarm.what == "create" or not self._stays(alarm):
                    groups.setdefault(_COMES_OR_GOES[alarm.what], []).append(name)
            elif names := _differences(alarm):
                yield FieldChange("alarms", None, None, None, f"alarm {name} changes: {', '.join(map(safe, names))}")
        for word, found in groups.items():
            listed = ", ".join(sorted(found))
            old, new = (None, listed) if word == "made" else (listed, None)
            short = f"alarm {listed} is" if len(found) == 1 else f"{len(found)} alarms are"
            yield FieldChange("alarms", None, old, new, f"{short} {word}")

    def weaker(self, alarms: Iterable[Resource], after: Deployment, *, returning: bool) -> Iterator[Said]:
        """Yield alarms that go, or that ring later than they did; a return lets those go that it does not need."""
        guards = {str(name) for name in after.alarms or ()}
        gone: list[Resource] = []
        for alarm in alarms:
            name = _name(alarm)
            if alarm.destroyed and not self._stays(alarm):
                if name in guards:
                    text = f"alarm {safe(name)}, which rolls deployments back, is destroyed"
                    yield Said("guardrails-void", text, "interrupts", alarm.address)
                elif alarm.deposed is None and not returning:
                    gone.append(alarm)
            elif alarm.what == "replace" and not alarm.create_first and name in guards:
                text = f"alarm {safe(name)}, which rolls deployments back, is away while it is replaced"
                yield Said("guardrails-void", text, "interrupts", alarm.address)
            elif alarm.what in ("update", "replace") and (why := _weaker(alarm)):
                text = f"alarm {safe(name)} rings later or for something else: {why}"
                yield Said("alarm-weakened", text, "", alarm.address)
        if gone:
            names = sorted(safe(_name(alarm)) for alarm in gone)
            verb = f"alarm {names[0]} is destroyed" if len(names) == 1 else f"{len(names)} alarms are destroyed"
            listed = "" if len(names) == 1 else f": {', '.join(names)}"
            yield Said("alarms-fewer", f"{verb}{listed}", "", gone[0].address)


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
