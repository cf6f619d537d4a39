"""Where events go: functions, queues, topics, log groups, other buses; and, for schedules, any operation of AWS.

Permissions: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html, and a role for targets
that name one.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from moto.events.models import events_backends
from moto.logs.models import logs_backends

from sandbox.errors import AwsError
from sandbox.events import access, bus, queues, topics, universal
from sandbox.events.delivery import Delivery, DeliveryError
from sandbox.runtime import function_calls


def send(delivery: Delivery) -> None:
    """Hand the event to its target. Raises DeliveryError or AwsError."""
    arn = str(delivery.target["Arn"])
    parts = arn.split(":", 5)
    if len(parts) != 6:
        raise DeliveryError("INVALID_PARAMETER", f"{arn} is not an ARN")
    if arn.startswith("arn:aws:scheduler:::aws-sdk:"):
        universal.call(delivery)
        return
    kind = parts[2] if parts[2] != "events" or parts[5].startswith("event-bus/") else ""
    sender = _SENDERS.get(kind)
    if sender is None:
        raise DeliveryError("INVALID_PARAMETER", f"the sandbox has no targets such as {arn}")
    sender(delivery, arn)


def bury(delivery: Delivery, queue_arn: str, attributes: dict[str, Any]) -> None:
    """Put an event that nobody took into its dead-letter queue. Raises AwsError."""
    if (
        delivery.service == "scheduler"
    ):  # https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
        _allow(delivery, "sqs:SendMessage", queue_arn)
    else:
        _allow_service(delivery, "sqs:SendMessage", queue_arn)
    queues.send(queue_arn, delivery.payload, attributes=attributes, group_id=None)


def _function(delivery: Delivery, arn: str) -> None:
    _allow(delivery, "lambda:InvokeFunction", arn)
    function_calls.send_event(arn, delivery.payload.encode())


def _queue(delivery: Delivery, arn: str) -> None:
    _allow(delivery, "sqs:SendMessage", arn)
    queues.use_key(queues.find(arn), f"{delivery.service}.amazonaws.com", delivery.role_arn, delivery.source_arn)
    group = (delivery.target.get("SqsParameters") or {}).get("MessageGroupId")
    queues.send(arn, delivery.payload, group_id=group)


def _topic(delivery: Delivery, arn: str) -> None:
    _allow(delivery, "sns:Publish", arn)
    publisher = delivery.role_arn or f"{delivery.service}.amazonaws.com"
    topics.publish(arn, delivery.payload, publisher=publisher, source_arn=delivery.source_arn)


def _log_group(delivery: Delivery, arn: str) -> None:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-cloudwatchlogs-permissions."""
    _, _, _, region, account, resource = arn.split(":", 5)
    group = resource.removeprefix("log-group:").removesuffix(":*")
    _allow_service(delivery, "logs:PutLogEvents", f"arn:aws:logs:{region}:{account}:log-group:{group}:log-stream:*")
    backend: Any = logs_backends[account][region]
    if group not in backend.groups:
        raise DeliveryError("NO_RESOURCE", f"The specified log group does not exist: {group}")
    stream = str(uuid.uuid4())
    backend.create_log_stream(group, stream)
    backend.put_log_events(group, stream, [{"timestamp": int(time.time() * 1000), "message": delivery.payload}])


def _bus(delivery: Delivery, arn: str) -> None:
    """An event goes on as it is, with the account that it came from; a second hop over accounts is refused.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html
    """
    _, _, _, region, account, resource = arn.split(":", 5)
    name = resource.removeprefix("event-bus/")
    if delivery.role_arn:
        access.as_role(delivery.role_arn, "events", "events:PutEvents", arn, source_arn=delivery.role_source)
    else:
        access.check(access.account(delivery.account_id), "events:PutEvents", arn, {})
    if name not in events_backends[account][region].event_buses:
        raise DeliveryError("NO_RESOURCE", f"Event bus {name} does not exist.")
    event = dict(delivery.event) if delivery.event else _scheduled(delivery)
    if event["account"] not in {delivery.account_id, account}:
        raise DeliveryError("THIRD_ACCOUNT_HOP_DETECTED", "events are not sent on to a third account")
    event["region"] = region
    bus.publish(event, bus=name, owner=account)


def _scheduled(delivery: Delivery) -> dict[str, Any]:
    parameters: Mapping[str, Any] = delivery.target.get("EventBridgeParameters") or {}
    try:
        detail = json.loads(delivery.payload)
    except ValueError as error:
        raise DeliveryError("INVALID_JSON", f"the input is no JSON: {error}") from error
    source, kind = parameters.get("Source", "aws.scheduler"), parameters.get("DetailType", "Scheduled Event")
    return bus.envelope(delivery.account_id, delivery.region, source, kind, detail)


def _allow(delivery: Delivery, action: str, resource: str) -> None:
    """The target's role decides if there is one, else the resource's policy."""
    if delivery.role_arn:
        access.as_role(delivery.role_arn, delivery.service, action, resource, source_arn=delivery.role_source)
    elif delivery.service == "scheduler":
        raise AwsError("AccessDenied", "a schedule acts as its target's role only", 403)
    else:
        _allow_service(delivery, action, resource)


def _allow_service(delivery: Delivery, action: str, resource: str) -> None:
    access.as_service(
        delivery.service, action, resource, source_arn=delivery.source_arn, source_account=delivery.account_id
    )


_SENDERS: Mapping[str, Callable[[Delivery, str], None]] = {
    "lambda": _function,
    "sqs": _queue,
    "sns": _topic,
    "logs": _log_group,
    "events": _bus,
}
