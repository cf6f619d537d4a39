"""Application Auto Scaling: policies and schedules that act, activities, and tags; moto only keeps them.

Terraform's provider reads the tags of a target after every change and cannot go on without an answer.
https://docs.aws.amazon.com/autoscaling/application/APIReference/API_Operations.html
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from moto.applicationautoscaling.exceptions import AWSValidationException
from moto.applicationautoscaling.models import applicationautoscaling_backends
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.core.exceptions import JsonRESTError
from werkzeug.wrappers import Response

from sandbox.calls import Call
from sandbox.door import on_service
from sandbox.errors import AwsError
from sandbox.ext.sagemaker_common import patch
from sandbox.scaling import actions, capacity, policies, view
from sandbox.settings import Settings

_MOST_TAGS = 50
_TAGGING = frozenset({"ListTagsForResource", "TagResource", "UntagResource"})
_register = ApplicationAutoScalingResponse.register_scalable_target
_deregister = ApplicationAutoScalingResponse.deregister_scalable_target
_PAGE = 50


def install(settings: Settings) -> None:
    """Replace moto's policies and scheduled actions, and answer the tag operations."""
    del settings
    on_service("application-autoscaling", _answer)
    patch(
        ApplicationAutoScalingResponse,
        register_scalable_target,
        deregister_scalable_target,
        put_scaling_policy,
        describe_scaling_policies,
        delete_scaling_policy,
        put_scheduled_action,
        describe_scheduled_actions,
        delete_scheduled_action,
        describe_scaling_activities,
    )


def register_scalable_target(self: Any) -> str:
    """RegisterScalableTarget: capacity goes between minimum and maximum; suspension is kept; tags are."""
    request = _request(self)
    known = _target(self, request)
    low = request.get("MinCapacity", known.min_capacity if known else None)
    high = request.get("MaxCapacity", known.max_capacity if known else None)
    if low is None or high is None:
        raise AWSValidationException("MinCapacity and MaxCapacity are required for a new scalable target.")
    if not 0 <= int(low) <= int(high):
        raise AWSValidationException("Maximum capacity cannot be less than minimum capacity")
    suspended = {**((known.suspended_state if known else None) or {}), **(request.get("SuspendedState") or {})}
    answer: str = _register(self)
    target = _target(self, request)
    target.suspended_state = {
        name: bool(suspended.get(name))
        for name in ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
    }
    if request.get("Tags"):
        _set_tags(target, request["Tags"])
    capacity.keep_within(self.current_account, self.region, target)
    return answer


def deregister_scalable_target(self: Any) -> str:
    """DeregisterScalableTarget: its policies, their alarms and its scheduled actions go, too."""
    request = _request(self)
    answer: str = _deregister(self)
    known = policies.policies_of(self.current_account, self.region)
    wanted = (request["ServiceNamespace"], request["ResourceId"], request["ScalableDimension"])
    for key, policy in list(known.items()):
        if key[:3] == wanted:
            policies.drop_alarms(policy)
            del known[key]
    actions.drop(self.current_account, self.region, wanted)
    return answer


def put_scaling_policy(self: Any) -> str:
    """PutScalingPolicy: target tracking makes its two alarms; step scaling waits for an alarm that names it."""
    request = _request(self)
    if _target(self, request) is None:
        raise _absent(
            f"No scalable target registered for service namespace: {request.get('ServiceNamespace')}, resource ID: "
            f"{request.get('ResourceId')}, scalable dimension: {request.get('ScalableDimension')}",
        )
    known = policies.policies_of(self.current_account, self.region)
    key = _key(request)
    before = known.get(key)
    kind = request.get("PolicyType") or (before.kind if before else "StepScaling")
    configuration = request.get(f"{kind}PolicyConfiguration") or (before.configuration if before else None)
    if kind not in {"StepScaling", "TargetTrackingScaling"} or not configuration:
        raise AWSValidationException(
            f"{kind}PolicyConfiguration is required, for StepScaling or TargetTrackingScaling."
        )
    namespace, resource, dimension, name = key
    arn = (
        f"arn:aws:autoscaling:{self.region}:{self.current_account}:scalingPolicy:{uuid.uuid4()}:resource/{namespace}/"
        f"{resource}:policyName/{name}"
    )
    policy = policies.Policy(
        self.current_account, self.region, name, namespace, resource, dimension, kind, configuration, arn
    )
    if before is not None:
        policy.arn, policy.created, policy.alarms = before.arn, before.created, before.alarms
    if kind == "TargetTrackingScaling":
        try:
            policies.make_alarms(policy)
        except (ValueError, KeyError) as error:
            raise AWSValidationException(f"{error}") from error
    known[key] = policy
    return json.dumps({"PolicyARN": policy.arn, "Alarms": view.alarms(policy)})


def describe_scaling_policies(self: Any) -> str:
    """DescribeScalingPolicies."""
    request = _request(self)
    names = request.get("PolicyNames")
    found = [
        view.policy(policy)
        for policy in policies.policies_of(self.current_account, self.region).values()
        if view.matches(policy, request) and (not names or policy.name in names)
    ]
    return _page(request, "ScalingPolicies", found)


def delete_scaling_policy(self: Any) -> str:
    """DeleteScalingPolicy: its alarms go with it."""
    request = _request(self)
    policy = policies.policies_of(self.current_account, self.region).pop(_key(request), None)
    if policy is None:
        raise _absent(f"No scaling policy found for {', '.join(_key(request))}")
    policies.drop_alarms(policy)
    return "{}"


def put_scheduled_action(self: Any) -> str:
    """PutScheduledAction: sets minimum and maximum when it is due."""
    request = _request(self)
    if _target(self, request) is None:
        raise _absent(f"No scalable target found for {request.get('ResourceId')}")
    try:
        actions.put(self.current_account, self.region, request)
    except ValueError as error:
        raise AWSValidationException(str(error)) from error
    return "{}"


def describe_scheduled_actions(self: Any) -> str:
    """DescribeScheduledActions."""
    request = _request(self)
    names = request.get("ScheduledActionNames")
    found = [
        action.describe()
        for action in actions.actions_of(self.current_account, self.region).values()
        if view.matches(action, request) and (not names or action.name in names)
    ]
    return _page(request, "ScheduledActions", found)


def delete_scheduled_action(self: Any) -> str:
    """DeleteScheduledAction."""
    request = _request(self)
    key = (*_key(request)[:3], request["ScheduledActionName"])
    action = actions.actions_of(self.current_account, self.region).pop(key, None)
    if action is None:
        raise _absent(f"No scheduled action found for {', '.join(key)}")
    action.cancel()
    return "{}"


def describe_scaling_activities(self: Any) -> str:
    """DescribeScalingActivities: the newest first."""
    request = _request(self)
    found = [
        view.activity(one)
        for one in reversed(capacity.activities_of(self.current_account, self.region))
        if view.matches(one, request)
    ]
    return _page(request, "ScalingActivities", found)


def _absent(message: str) -> JsonRESTError:
    return JsonRESTError("ObjectNotFoundException", message)


def _request(response: Any) -> dict[str, Any]:
    return dict(json.loads(response.body or "{}"))


def _key(request: Mapping[str, Any]) -> tuple[str, str, str, str]:
    return (
        str(request.get("ServiceNamespace")),
        str(request.get("ResourceId")),
        str(request.get("ScalableDimension")),
        str(request.get("PolicyName")),
    )


def _target(response: Any, request: Mapping[str, Any]) -> Any:
    return capacity.target_of(
        response.current_account,
        response.region,
        str(request.get("ScalableDimension")),
        str(request.get("ResourceId")),
    )


def _page(request: Mapping[str, Any], name: str, found: list[dict[str, Any]]) -> str:
    token, size = str(request.get("NextToken") or "0"), int(request.get("MaxResults") or _PAGE)
    if not token.isdecimal() or not 1 <= size <= _PAGE * 2:
        raise JsonRESTError("InvalidNextTokenException", "The next token or page size is invalid.")
    page = found[int(token) : int(token) + size]
    following = {"NextToken": str(int(token) + size)} if len(found) > int(token) + size else {}
    return json.dumps({name: page, **following})


def _answer(call: Call) -> Response | None:
    if call.operation not in _TAGGING:
        return None
    request = json.loads(call.body() or b"{}")
    target = _by_arn(applicationautoscaling_backends[call.account_id][call.region], request.get("ResourceARN", ""))
    tags: dict[str, str] = target.__dict__.setdefault("tags", {})
    answer: dict[str, Any] = {}
    if call.operation == "TagResource":
        _set_tags(target, request["Tags"])
    elif call.operation == "UntagResource":
        for name in request["TagKeys"]:
            tags.pop(name, None)
    else:
        answer = {"Tags": tags}
    return Response(json.dumps(answer), content_type="application/x-amz-json-1.1")


def _by_arn(backend: Any, arn: str) -> Any:
    for targets in backend.targets.values():
        for target in targets.values():
            if target.arn == arn:
                return target
    raise AwsError("ResourceNotFoundException", f"The resource with ARN {arn} does not exist.")


def _set_tags(target: Any, tags: dict[str, str]) -> None:
    merged = {**target.__dict__.get("tags", {}), **tags}
    if len(merged) > _MOST_TAGS:
        raise AwsError("TooManyTagsException", f"A resource can have at most {_MOST_TAGS} tags.")
    target.tags = merged
