"""SQS queues: one lock for each, hidden and delayed messages, groups in order, deduplication, dead letters.

moto's queues are not safe against threads (two receivers get one message), forget duplicates once the first one is
deleted, and leave dead letters without their source. Time: delays, visibility timeouts, deduplication and retention
are AWS seconds, but a receiver always has WORK seconds of the wall clock (or the whole timeout, when that is shorter),
since its work is real. Long polling waits in wall seconds, as it is the client that waits.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
"""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import sqs_backends
from moto.sqs.utils import generate_receipt_handle

from sandbox.errors import AwsError
from sandbox.events import access
from sandbox.runtime import clock as clocks

WORK = 5.0  # wall seconds
DEDUPLICATION = 300.0  # AWS seconds
_sequence = itertools.count(18_800_000_000_000_000_000, 256)


@dataclass(frozen=True)
class Moment:
    """A moment that has come when both clocks say so."""

    aws: float  # AWS seconds since the clock began
    wall: float  # time.monotonic()

    def left(self) -> float:
        """Wall seconds until then; 0 or less when it has come."""
        if self.aws < 0:  # moto counts all messages of a queue for each that is sent
            return self.aws
        clock = clocks.shared()
        return max((self.aws - clock.elapsed()) / clock.speed, self.wall - time.monotonic())


def after(seconds: float, *, least: float = 0.0) -> Moment:
    """Return the moment so many AWS seconds from now, and at least `least` wall seconds."""
    return Moment(clocks.shared().elapsed() + seconds, time.monotonic() + least)


PAST = Moment(float("-inf"), float("-inf"))
NEVER = Moment(float("inf"), float("inf"))


def find(arn: str) -> Any:
    """Return moto's queue of this ARN. Raises AwsError."""
    _, _, _, region, account, name = arn.split(":", 5)
    queue = sqs_backends[account][region].queues.get(name)
    if queue is None:
        raise AwsError("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
    return queue


def use_key(queue: Any, service_principal: str, role_arn: str | None, source_arn: str) -> None:
    """Raise AwsError unless the sender may use the key of an encrypted queue.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
    """
    key = queue.kms_master_key_id
    if key:
        who = role_arn or service_principal
        service = service_principal if role_arn is None else ""
        access.use_key(str(key), who, queue.account_id, queue.region, service=service, source_arn=source_arn)


def send(
    arn: str,
    body: str,
    *,
    attributes: Mapping[str, Any] | None = None,
    group_id: str | None = None,
    deduplication_id: str | None = None,
) -> str:
    """Put a message into a queue for a service; returns its id. Raises AwsError."""
    queue = find(arn)
    backend = sqs_backends[queue.account_id][queue.region]
    if not queue.fifo_queue:
        group_id = deduplication_id = None
    elif group_id is None or (deduplication_id is None and not queue.content_based_deduplication):
        raise AwsError(
            "MissingParameter", "A FIFO queue needs a group id, and a deduplication id or its content as one."
        )
    message = backend.send_message(
        queue.name,
        body,
        message_attributes=dict(attributes or {}),
        group_id=group_id,
        deduplication_id=deduplication_id,
    )
    return str(message.id)


def add(queue: Any, message: Any) -> Any:
    """Take a message in; returns the one that is in the queue, which is an earlier one for a duplicate."""
    with queue._messages_lock:
        if queue.fifo_queue:
            known = _duplicate(queue, message)
            if known is not None:
                return known
            message.sequence_number = f"{next(_sequence):020d}"
        message.expires = after(float(queue.message_retention_period))
        queue._messages.append(message)
        queue._messages_lock.notify_all()
        return message


def _duplicate(queue: Any, message: Any) -> Any | None:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-exactly-once-processing.html."""
    seen: dict[Any, tuple[Moment, Any]] = queue.__dict__.setdefault("seen", {})
    for key in [key for key, (until, _) in seen.items() if until.left() <= 0]:
        del seen[key]
    if message.deduplication_id is None:
        message.deduplication_id = digest(message.body)
    scope = message.group_id if queue.deduplication_scope == "messageGroup" else None
    key = (scope, message.deduplication_id)
    if key in seen:
        return seen[key][1]
    seen[key] = (after(DEDUPLICATION), message)
    return None


def digest(body: str) -> str:
    """Return the deduplication id of a message that has none."""
    return hashlib.sha256(body.encode()).hexdigest()


def receive(queue: Any, count: int, *, visibility: float, wait: float = 0.0, hold: bool = False) -> list[Any]:
    """Return up to `count` messages, hidden from now on; wait up to `wait` wall seconds for the first.

    `hold`: they stay hidden until `release`, however long the work takes.
    """
    deadline = time.monotonic() + wait
    with queue._messages_lock:
        while True:
            taken = _take(queue, count, visibility, hold)
            left = deadline - time.monotonic()
            if taken or left <= 0 or clocks.shared().stopped:
                return taken
            queue._messages_lock.wait(min(left, _next(queue), 1.0))


def _take(queue: Any, count: int, visibility: float, hold: bool) -> list[Any]:
    taken: list[Any] = []
    blocked: set[str] = set()
    for message in list(queue._messages):
        if len(taken) >= count:
            break
        if _expired(message):
            queue._messages.remove(message)
        elif not message.visible or message.delayed or message.group_id in blocked:
            if queue.fifo_queue and not message.delayed:
                blocked.add(message.group_id)  # the order within a group is kept
        elif _is_dead(queue, message):
            _to_dead_letters(queue, message)
        else:
            _mark(message, NEVER if hold else after(visibility, least=min(visibility, WORK)))
            taken.append(message)
    return taken


def _mark(message: Any, hidden: Moment) -> None:
    message.hidden = hidden
    message.approximate_receive_count += 1
    if not message.approximate_first_receive_timestamp:
        message.approximate_first_receive_timestamp = int(time.time() * 1000)
    if message.receipt_handle:
        message._old_receipt_handles.append(message.receipt_handle)
    message.receipt_handle = generate_receipt_handle()


def _expired(message: Any) -> bool:
    expires: Moment = message.__dict__.get("expires", NEVER)
    return expires.left() <= 0


def _next(queue: Any) -> float:
    """Wall seconds until a hidden or delayed message may be seen."""
    waits = [max(hidden_of(one).left(), delay_of(one).left()) for one in queue._messages]
    return max(min(waits, default=1.0), 0.005)


def hidden_of(message: Any) -> Moment:
    """Return until when a message is in flight."""
    found: Moment = message.__dict__.get("hidden", PAST)
    return found


def delay_of(message: Any) -> Moment:
    """Return until when a message is delayed."""
    found: Moment = message.__dict__.get("delay_until", PAST)
    return found


def _is_dead(queue: Any, message: Any) -> bool:
    dead = queue.dead_letter_queue
    if dead is None or not queue.redrive_policy:
        return False
    there = sqs_backends[dead.account_id][dead.region].queues.get(dead.name) is dead
    return there and message.approximate_receive_count >= int(queue.redrive_policy["maxReceiveCount"])


def _to_dead_letters(queue: Any, message: Any) -> None:
    queue._messages.remove(message)
    message.dead_letter_source = queue.queue_arn
    if queue.dead_letter_queue.fifo_queue:
        message.sent_timestamp = int(time.time() * 1000)  # a standard queue keeps the time of the first enqueueing
    move(message, queue.dead_letter_queue)


def move(message: Any, target: Any) -> None:
    """Put a message that was taken out of one queue into another one, where it is seen at once."""
    message.hidden, message.delay_until = PAST, PAST
    with target._messages_lock:
        message.expires = after(float(target.message_retention_period))
        target._messages.append(message)
        target._messages_lock.notify_all()


def release(queue: Any, message: Any, began: Moment) -> None:
    """Give a held message back: it is seen again when its visibility timeout, counted from `began`, is over."""
    with queue._messages_lock:
        message.hidden = began
        queue._messages_lock.notify_all()


def delete(queue: Any, receipt_handle: str) -> None:
    """Delete by any receipt handle that the message ever had. Raises moto's ReceiptHandleIsInvalid for another one."""
    with queue._messages_lock:
        for message in queue._messages:
            if message.had_receipt_handle(receipt_handle):
                _require_current(queue, message, receipt_handle)
                queue._messages.remove(message)
                queue.deleted_messages.update(message.all_receipt_handles)
                queue._messages_lock.notify_all()
                return
        if receipt_handle not in queue.deleted_messages:
            raise ReceiptHandleIsInvalid


def _require_current(queue: Any, message: Any, receipt_handle: str) -> None:
    """A FIFO queue refuses a handle whose visibility timeout is over."""
    if queue.fifo_queue and (message.receipt_handle != receipt_handle or message.visible):
        raise AwsError(
            "InvalidParameterValue",
            f"Value {receipt_handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.",
        )


def change_visibility(queue: Any, receipt_handle: str, seconds: float) -> None:
    """Hide a message for so long from now. Raises AwsError or moto's ReceiptHandleIsInvalid."""
    with queue._messages_lock:
        for message in queue._messages:
            if message.had_receipt_handle(receipt_handle):
                if message.visible:
                    raise AwsError(
                        "MessageNotInflight", f"Value {receipt_handle} for parameter ReceiptHandle is not in flight."
                    )
                message.hidden = after(seconds, least=min(seconds, WORK))
                queue._messages_lock.notify_all()
                return
    raise ReceiptHandleIsInvalid


def depth(queue: Any) -> tuple[int, int, int]:
    """Return how many messages can be seen, are in flight, and are delayed."""
    with queue._messages_lock:
        delayed = sum(one.delayed for one in queue._messages)
        flying = sum(not one.visible for one in queue._messages)
        return len(queue._messages) - delayed - flying, flying, delayed


def every() -> list[Any]:
    """Return the queues of all accounts."""
    found = [backend for regions in list(sqs_backends.values()) for backend in list(regions.values())]
    return [queue for backend in found for queue in list(backend.queues.values())]


def attributes_of(queue: Any, message: Any) -> dict[str, str]:
    """Return a message's system attributes, as ReceiveMessage and event records name them."""
    found = {
        "SenderId": message.sender_id,
        "SentTimestamp": message.sent_timestamp,
        "ApproximateReceiveCount": message.approximate_receive_count,
        "ApproximateFirstReceiveTimestamp": message.approximate_first_receive_timestamp,
        "MessageDeduplicationId": message.deduplication_id if queue.fifo_queue else None,
        "MessageGroupId": message.group_id,
        "SequenceNumber": message.sequence_number if queue.fifo_queue else None,
        "AWSTraceHeader": (message.system_attributes.get("AWSTraceHeader") or {}).get("StringValue"),
        "DeadLetterQueueSourceArn": message.__dict__.get("dead_letter_source"),
    }
    return {name: str(value) for name, value in found.items() if value is not None}


def is_dead_letter_queue(queue: Any) -> bool:
    """Tell whether another queue of the account sends its dead letters here."""
    siblings = list(sqs_backends[queue.account_id][queue.region].queues.values())
    return any(one.dead_letter_queue is queue for one in siblings)


def redrive_allowed(queue: Any, source_arn: str) -> bool:
    """Tell whether a queue may be the dead-letter queue of another one (RedriveAllowPolicy)."""
    text = queue.__dict__.get("redrive_allow_policy")
    policy = json.loads(text) if text else {}
    permission = policy.get("redrivePermission", "allowAll")
    return permission == "allowAll" or (permission == "byQueue" and source_arn in policy.get("sourceQueueArns", []))
