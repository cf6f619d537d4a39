"""CloudWatch's alarm operations: alarms are evaluated on the clock, composite ones too; moto never evaluates any.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.exceptions import InvalidFormat, InvalidParameterValue, ResourceNotFound, ValidationError
from moto.cloudwatch.models import cloudwatch_backends
from moto.cloudwatch.responses import CloudWatchResponse
from moto.cloudwatch.utils import make_arn_for_alarm
from moto.core.responses import ActionResult, EmptyResult

from sandbox.cloudwatch import engine
from sandbox.cloudwatch.alarms import Alarm, alarms_of, history_of, move, note
from sandbox.cloudwatch.checks import CheckError, check_composite, check_metric, parsed_json
from sandbox.cloudwatch.view import board, composite, metric
from sandbox.ext.sagemaker_common import params, patch
from sandbox.runtime import clock
from sandbox.settings import Settings

PAGE = 100
_timers: list[clock.Timer] = []


def install(settings: Settings) -> None:
    """Replace moto's operations and begin to evaluate."""
    del settings
    patch(
        CloudWatchResponse,
        put_metric_alarm,
        put_composite_alarm,
        describe_alarms,
        describe_alarms_for_metric,
        describe_alarm_history,
        delete_alarms,
        set_alarm_state,
        enable_alarm_actions,
        disable_alarm_actions,
    )
    for timer in _timers:
        timer.cancel()
    _timers[:] = [clock.shared().every(engine.BEAT, engine.beat, name="alarms")]
    board()


def put_metric_alarm(self: Any) -> EmptyResult:
    """PutMetricAlarm: a new alarm has insufficient data; one that exists keeps its state."""
    request = params(self)
    _checked(check_metric, request)
    _put(self, request, None)
    return EmptyResult()


def put_composite_alarm(self: Any) -> EmptyResult:
    """PutCompositeAlarm: evaluated at once, and with each change of the alarms in its rule.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
    """
    request = params(self)
    known = alarms_of(self.current_account, self.region)
    rule = _checked(check_composite, request, known)
    engine.settle(_put(self, request, rule))
    return EmptyResult()


def describe_alarms(self: Any) -> ActionResult:
    """DescribeAlarms: by names, prefix, state, action prefix, type, parents, children; in order of names, in pages."""
    request = params(self)
    alarms = alarms_of(self.current_account, self.region)
    kinds = set(request.get("AlarmTypes") or (["MetricAlarm"] if not request.get("AlarmNames") else _KINDS))
    found = [alarm for _, alarm in sorted(alarms.items()) if alarm.kind in kinds and _wanted(alarm, request)]
    found = _related(found, request, alarms)
    token, size = str(request.get("NextToken") or "0"), int(request.get("MaxRecords") or PAGE)
    if not token.isdecimal() or not 1 <= size <= PAGE:
        raise InvalidParameterValue("The parameter NextToken or MaxRecords is invalid.")
    page = found[int(token) : int(token) + size]
    answer = {
        "MetricAlarms": [metric(alarm) for alarm in page if alarm.rule is None],
        "CompositeAlarms": [composite(alarm) for alarm in page if alarm.rule is not None],
        "NextToken": str(int(token) + size) if len(found) > int(token) + size else None,
    }
    return ActionResult(answer)


_KINDS = ("MetricAlarm", "CompositeAlarm")


def describe_alarms_for_metric(self: Any) -> ActionResult:
    """DescribeAlarmsForMetric: the alarms on exactly this metric."""
    request = params(self)
    wanted = {(one["Name"], one["Value"]) for one in request.get("Dimensions") or []}
    found = [
        metric(alarm)
        for _, alarm in sorted(alarms_of(self.current_account, self.region).items())
        if alarm.rule is None
        and all(alarm.request.get(name) == request.get(name) for name in ("Namespace", "MetricName"))
        and {(one["Name"], one["Value"]) for one in alarm.request.get("Dimensions") or []} == wanted
        and all(
            request.get(name) in {None, alarm.request.get(name)}
            for name in ("Statistic", "ExtendedStatistic", "Period", "Unit")
        )
    ]
    return ActionResult({"MetricAlarms": found})


def describe_alarm_history(self: Any) -> ActionResult:
    """DescribeAlarmHistory: the newest first unless asked otherwise; also of alarms that are gone."""
    request = params(self)
    items = list(history_of(self.current_account, self.region))
    kinds = set(request.get("AlarmTypes") or _KINDS)
    found = [
        item
        for item in items
        if request.get("AlarmName") in {None, item["AlarmName"]}
        and request.get("HistoryItemType") in {None, item["HistoryItemType"]}
        and item["AlarmType"] in kinds
        and _after(item["Timestamp"], request.get("StartDate"))
        and not _after(item["Timestamp"], request.get("EndDate"), strictly=True)
    ]
    if request.get("ScanBy") != "TimestampAscending":
        found.reverse()
    token, size = str(request.get("NextToken") or "0"), int(request.get("MaxRecords") or PAGE)
    if not token.isdecimal() or not 1 <= size <= PAGE:
        raise InvalidParameterValue("The parameter NextToken or MaxRecords is invalid.")
    page = found[int(token) : int(token) + size]
    following = str(int(token) + size) if len(found) > int(token) + size else None
    return ActionResult({"AlarmHistoryItems": page, "NextToken": following})


def delete_alarms(self: Any) -> EmptyResult:
    """DeleteAlarms: all or none; at most one composite alarm; names that nobody has are ignored.

    What a composite alarm refers to cannot go before it.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DeleteAlarms.html
    """
    names = params(self).get("AlarmNames") or []
    alarms = alarms_of(self.current_account, self.region)
    if sum(alarms[name].rule is not None for name in set(names) & set(alarms)) > 1:
        raise ValidationError("At most one composite alarm can be deleted with one call.")
    needed = {one for alarm in alarms.values() if alarm.name not in names for one in _needs(alarm)}
    kept = [name for name in names if name in alarms and name in needed]
    if kept:
        it = "it" if len(kept) == 1 else "them"
        raise ValidationError(f"Cannot delete {','.join(kept)} as there are composite alarm(s) depending on {it}.")
    for name in names:
        alarm = alarms.pop(name, None)
        if alarm is not None:
            note(alarm, "ConfigurationUpdate", f'Alarm "{name}" deleted', {"type": "Delete"})
            _backend(self).tagger.delete_all_tags_for_resource(alarm.alarm_arn)
    return EmptyResult()


def set_alarm_state(self: Any) -> EmptyResult:
    """SetAlarmState: until the next evaluation; actions, event and composite alarms follow as for any change."""
    request = params(self)
    alarm = alarms_of(self.current_account, self.region).get(request["AlarmName"])
    if alarm is None:
        raise ResourceNotFound("Unknown")
    if request["StateValue"] not in {"OK", "ALARM", "INSUFFICIENT_DATA"}:
        raise ValidationError(
            f"1 validation error detected: Value '{request['StateValue']}' at 'stateValue' failed to satisfy "
            "constraint: Member must satisfy enum value set: [INSUFFICIENT_DATA, ALARM, OK]"
        )
    data = request.get("StateReasonData") or ""
    if data and not parsed_json(data):
        raise InvalidFormat("StateReasonData must be a JSON document")
    old = move(alarm, request["StateValue"], request["StateReason"], data)
    if old is not None:
        engine.changed(alarm, old)
    return EmptyResult()


def enable_alarm_actions(self: Any) -> EmptyResult:
    """EnableAlarmActions."""
    return _enable(self, on=True)


def disable_alarm_actions(self: Any) -> EmptyResult:
    """DisableAlarmActions: states change, nobody is told."""
    return _enable(self, on=False)


def _enable(response: Any, *, on: bool) -> EmptyResult:
    alarms = alarms_of(response.current_account, response.region)
    for name in params(response).get("AlarmNames") or []:
        if name in alarms:
            alarms[name].actions_enabled = on
    return EmptyResult()


def _checked(check: Any, *arguments: Any) -> Any:
    try:
        return check(*arguments)
    except CheckError as error:
        raise ValidationError(str(error)) from error


def _put(response: Any, request: dict[str, Any], rule: Any) -> Alarm:
    alarms = alarms_of(response.current_account, response.region)
    name = request["AlarmName"]
    tags = request.pop("Tags", None)
    enabled = request.pop("ActionsEnabled", True) is not False
    before = alarms.get(name)
    if before is not None and (before.rule is None) != (rule is None):
        raise ValidationError(f"An alarm of another type has the name {name}.")
    if before is None:
        alarm = Alarm(name, _arn(response, name), response.current_account, response.region, request, rule)
        alarms[name] = alarm
        _backend(response).tagger.tag_resource(alarm.alarm_arn, tags or [])
        note(alarm, "ConfigurationUpdate", f'Alarm "{name}" created', {"type": "Create"})
    else:
        alarm = before
        alarm.request, alarm.rule, alarm.configured = request, rule, datetime.now(UTC)
        note(alarm, "ConfigurationUpdate", f'Alarm "{name}" updated', {"type": "Update"})
    alarm.actions_enabled = enabled
    return alarm


def _backend(response: Any) -> Any:
    return cloudwatch_backends[response.current_account][response.region]


def _arn(response: Any, name: str) -> str:
    return str(make_arn_for_alarm(response.region, response.current_account, name))


def _needs(alarm: Alarm) -> set[str]:
    """Names of the alarms that a composite alarm refers to."""
    if alarm.rule is None:
        return set()
    suppressor = alarm.request.get("ActionsSuppressor")
    return {one.partition(":alarm:")[2] or one for one in (*alarm.rule.alarms, *([suppressor] if suppressor else []))}


def _wanted(alarm: Alarm, request: Mapping[str, Any]) -> bool:
    names = request.get("AlarmNames")
    actions = [arn for state in ("ALARM", "OK", "INSUFFICIENT_DATA") for arn in alarm.actions(state)]
    prefix = request.get("ActionPrefix")
    return (
        (not names or alarm.name in names)
        and alarm.name.startswith(request.get("AlarmNamePrefix") or "")
        and request.get("StateValue") in {None, alarm.state}
        and (not prefix or any(arn.startswith(prefix) for arn in actions))
    )


def _related(found: list[Alarm], request: Mapping[str, Any], alarms: Mapping[str, Alarm]) -> list[Alarm]:
    parent, child = request.get("ChildrenOfAlarmName"), request.get("ParentsOfAlarmName")
    if parent:
        rule = alarms[parent].rule if parent in alarms else None
        names = {one.partition(":alarm:")[2] or one for one in (rule.alarms if rule else ())}
        return [alarm for alarm in alarms.values() if alarm.name in names]
    if child:
        return [
            alarm
            for alarm in alarms.values()
            if alarm.rule and child in {one.partition(":alarm:")[2] or one for one in alarm.rule.alarms}
        ]
    return found


def _after(moment: datetime, limit: datetime | None, *, strictly: bool = False) -> bool:
    if limit is None:
        return not strictly
    limit = limit if limit.tzinfo else limit.replace(tzinfo=UTC)
    return moment > limit if strictly else moment >= limit
