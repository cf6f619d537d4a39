"""SQS: the engine of `sandbox/events/queues.py` behind moto's operations; redrive policies as AWS writes them.

moto returns a redrive policy with spaces, which Terraform takes for a change, and has no RedriveAllowPolicy and no
message move tasks. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from moto.core.responses import ActionResult
from moto.sqs.models import Message, Queue, SQSBackend, _filter_message_attributes
from moto.sqs.responses import SQSResponse

from sandbox.errors import AwsError
from sandbox.events import moves, queues
from sandbox.settings import Settings

LONGEST_VISIBILITY = 43200
LONGEST_POLL = 20


def install(settings: Settings) -> None:
    """Put our engine behind moto's operations."""
    del settings
    moves.forget()
    Message.visible = property(lambda self: queues.hidden_of(self).left() <= 0)
    Message.delayed = property(lambda self: queues.delay_of(self).left() > 0)
    Message.delay = _delay
    for index, kind in enumerate(("", "_not_visible", "_delayed")):
        setattr(Queue, f"approximate_number_of_messages{kind}", property(partial(_Count, index=index)))
    Queue.add_message = _add
    Queue.delete_message = queues.delete
    SQSBackend.change_message_visibility = _change_visibility
    SQSBackend.purge_queue = _purge
    for operation in (receive_message, start_message_move_task, list_message_move_tasks, cancel_message_move_task):
        setattr(SQSResponse, operation.__name__, operation)
    _write_policies_compactly()


class _Count:
    """A number of messages, counted when it is shown: moto gathers all attributes for each message that is sent."""

    def __init__(self, queue: Any, *, index: int) -> None:
        self._queue, self._index = queue, index

    def __str__(self) -> str:
        return str(queues.depth(self._queue)[self._index])


def receive_message(self: Any) -> ActionResult:
    """ReceiveMessage: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html."""
    queue = self.sqs_backend.get_queue(self._get_queue_name())
    count = _number(self, "MaxNumberOfMessages", 1, 1, 10)
    wait = _number(self, "WaitTimeSeconds", int(queue.receive_message_wait_time_seconds), 0, LONGEST_POLL)
    visibility = _number(self, "VisibilityTimeout", int(queue.visibility_timeout), 0, LONGEST_VISIBILITY)
    wanted = {*self._get_param("AttributeNames", []), *self._get_param("MessageSystemAttributeNames", [])}
    names = list(self._get_param("MessageAttributeNames", []))
    messages = queues.receive(queue, count, visibility=visibility, wait=wait)
    shown = [_shown(queue, message, wanted, names) for message in messages]
    return ActionResult({"Messages": shown} if shown else {})


def start_message_move_task(self: Any) -> ActionResult:
    """StartMessageMoveTask."""
    rate = self._get_param("MaxNumberOfMessagesPerSecond")
    handle = moves.start(
        self._get_param("SourceArn"), self._get_param("DestinationArn"), int(rate) if rate is not None else None
    )
    return ActionResult({"TaskHandle": handle})


def list_message_move_tasks(self: Any) -> ActionResult:
    """ListMessageMoveTasks."""
    count = int(self._get_param("MaxResults", 1) or 1)
    return ActionResult({"Results": moves.listed(self._get_param("SourceArn"), count)})


def cancel_message_move_task(self: Any) -> ActionResult:
    """CancelMessageMoveTask."""
    return ActionResult({"ApproximateNumberOfMessagesMoved": moves.cancel(self._get_param("TaskHandle"))})


def _number(response: Any, name: str, usual: int, least: int, most: int) -> int:
    given = response._get_param(name)
    value = usual if given is None else int(given)
    if not least <= value <= most:
        reason = f"Reason: Must be >= {least} and <= {most}, if provided."
        raise AwsError("InvalidParameterValue", f"Value {value} for parameter {name} is invalid. {reason}")
    return value


def _shown(queue: Any, message: Any, wanted: set[str], names: list[str]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "MessageId": message.id,
        "ReceiptHandle": message.receipt_handle,
        "MD5OfBody": message.body_md5,
        "Body": message.body,
    }
    found = queues.attributes_of(queue, message)
    attributes = {name: value for name, value in found.items() if "All" in wanted or name in wanted}
    if attributes:
        shown["Attributes"] = attributes
    part = Message(message.id, message.body)
    part.message_attributes = message.message_attributes
    _filter_message_attributes(part, names)
    if part.message_attributes:
        shown["MessageAttributes"] = part.message_attributes
        shown["MD5OfMessageAttributes"] = part.attribute_md5
    return shown


def _delay(self: Any, delay_seconds: int) -> None:
    self.delay_until = queues.after(float(delay_seconds))


def _add(self: Any, message: Any) -> None:
    kept = queues.add(self, message)
    if kept is not message:  # a duplicate is accepted, and answered with the first one's names
        message.id, message.sequence_number = kept.id, kept.sequence_number


def _change_visibility(self: Any, queue_name: str, receipt_handle: str, visibility_timeout: int) -> None:
    queues.change_visibility(self.get_queue(queue_name), receipt_handle, float(visibility_timeout))


def _purge(self: Any, queue_name: str) -> None:
    queue = self.get_queue(queue_name)
    with queue._messages_lock:
        queue._messages.clear()


def _write_policies_compactly() -> None:
    original = Queue.attributes.fget
    if getattr(original, "compact", False):
        return
    setup = Queue._setup_dlq

    def attributes(self: Any) -> dict[str, Any]:
        found: dict[str, Any] = original(self)
        allow = self.__dict__.get("redrive_allow_policy")
        if allow:
            found["RedriveAllowPolicy"] = allow
        for name in ("RedrivePolicy", "RedriveAllowPolicy"):
            if found.get(name):
                found[name] = json.dumps(json.loads(found[name]), separators=(",", ":"))
        return found

    def set_up(self: Any, policy: Any) -> None:
        before = self.__dict__.get("redrive_policy"), self.dead_letter_queue
        setup(self, policy)
        dead = self.dead_letter_queue
        if dead is not None and not queues.redrive_allowed(dead, self.queue_arn):
            self.redrive_policy, self.dead_letter_queue = before
            raise AwsError(
                "InvalidParameterValue",
                f"Value {json.dumps(policy)} for parameter RedrivePolicy is invalid. Reason: Redrive permission to "
                f"{dead.queue_arn} is denied.",
            )

    attributes.compact = True  # type: ignore[attr-defined]
    Queue.attributes = property(attributes)
    Queue._setup_dlq = set_up
    if "RedriveAllowPolicy" not in Queue.BASE_ATTRIBUTES:
        Queue.BASE_ATTRIBUTES.append("RedriveAllowPolicy")
        Queue.redrive_allow_policy = None
