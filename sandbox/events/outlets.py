"""Where functions, topics and event sources put what is left: queues, topics, functions, buses, buckets; as a role."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.errors import AwsError
from sandbox.events import access, queues


def to_queue(
    arn: str,
    body: str,
    *,
    attributes: Mapping[str, Any] | None = None,
    group_id: str | None = None,
    deduplication_id: str | None = None,
) -> str:
    """Put a message into a queue, FIFO or not; returns its id. Raises AwsError."""
    queue = queues.find(arn)
    if queue.fifo_queue and deduplication_id is None and not queue.content_based_deduplication:
        deduplication_id = queues.digest(body)
    return queues.send(arn, body, attributes=attributes, group_id=group_id, deduplication_id=deduplication_id)


def as_role(role_arn: str, target: str, body: str, *, attributes: Mapping[str, Any] | None = None) -> None:
    """Put a text into a queue or a topic, hand it to a function, or put it into a bucket, as the role may.

    Raises AwsError; buses get events of their own shape: see `to_bus`.
    """
    service = target.split(":")[2] if target.count(":") >= 5 else ""
    put = _PUTTERS.get(service)
    if put is None:
        raise AwsError("InvalidParameterValue", f"{target} is no place for this")
    put(role_arn, target, body, attributes or {})


def to_bus(
    role_arn: str, target: str, *, source: str, kind: str, detail: Mapping[str, Any], resources: list[str]
) -> None:
    """Put an event onto a bus as the role may. Raises AwsError."""
    from sandbox.events import bus  # noqa: PLC0415 (a bus delivers to functions, which have buses as destinations)

    access.check(role_arn, "events:PutEvents", target, {})
    _, _, _, region, account, resource = target.split(":", 5)
    event = bus.envelope(role_arn.split(":")[4], region, source, kind, detail, resources)
    bus.publish(event, bus=resource.removeprefix("event-bus/"), owner=account)


def _queue(role_arn: str, target: str, body: str, attributes: Mapping[str, Any]) -> None:
    access.check(role_arn, "sqs:SendMessage", target, {})
    queues.use_key(queues.find(target), "lambda.amazonaws.com", role_arn, target)
    to_queue(target, body, attributes=attributes, group_id="lambda")


def _topic(role_arn: str, target: str, body: str, attributes: Mapping[str, Any]) -> None:
    from sandbox.events import topics  # noqa: PLC0415 (a topic has dead-letter queues)

    access.check(role_arn, "sns:Publish", target, {})
    renamed = {name: {"Type": one["DataType"], "Value": one["StringValue"]} for name, one in attributes.items()}
    topics.publish(target, body, publisher=role_arn, attributes=renamed)


def _function(role_arn: str, target: str, body: str, attributes: Mapping[str, Any]) -> None:
    from sandbox.runtime import function_calls  # noqa: PLC0415 (functions have functions as destinations)

    del attributes
    access.check(role_arn, "lambda:InvokeFunction", target, {})
    function_calls.send_event(target, body.encode())


_PUTTERS: Mapping[str, Callable[[str, str, str, Mapping[str, Any]], None]] = {
    "sqs": _queue,
    "sns": _topic,
    "lambda": _function,
}


def parsed(text: bytes) -> Any:
    """Return a JSON text as what it says, or as the text that it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text.decode("utf-8", "replace")
