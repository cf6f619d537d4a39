"""A queue as the source of a function.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

from __future__ import annotations

import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sandbox.errors import AwsError
from sandbox.events import access, mappings, queues
from sandbox.runtime import clock as clocks
from sandbox.runtime import function_calls

log = logging.getLogger(__name__)
READ = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
AT_ONCE = 5  # batches at the same time without a maximum concurrency: where AWS begins, too
LARGEST = 6 * 1024 * 1024  # bytes of a batch
POLL = 0.5  # wall seconds of one look at an empty queue
DENIED_PAUSE = 10.0  # AWS seconds until a role that may not read is tried again


class QueuePoller(mappings.Poller):
    """Takes batches from a queue; what the function worked on is deleted, the rest is seen again."""

    def run(self) -> None:
        """Read until the mapping is gone."""
        most = int((self.mapping.scaling_config or {}).get("MaximumConcurrency") or AT_ONCE)
        slots = threading.BoundedSemaphore(most)
        with ThreadPoolExecutor(max_workers=most, thread_name_prefix="batch") as pool:
            while self.wanted and not clocks.shared().stopped:
                if not slots.acquire(timeout=POLL):
                    continue
                batch = self._batch()
                if batch is None:
                    slots.release()
                    continue
                queue, messages, due = batch
                pool.submit(self._work, slots, queue, messages, due)

    def _batch(self) -> tuple[Any, list[Any], queues.Moment] | None:
        """Return the queue, a batch, and until when it is hidden at least; None when there is nothing."""
        arn = self.mapping.event_source_arn
        try:
            queue = queues.find(arn)
        except AwsError as error:
            self.mapping.last_result = f"PROBLEM: {error.message}"
            self.ended.wait(POLL)
            return None
        if not self._may_read(queue, arn):
            clocks.shared().sleep(DENIED_PAUSE)
            return None
        messages = self._collect(queue)
        due = queues.after(float(queue.visibility_timeout))
        kept = [one for one in messages if self.filtered(record(queue, one), texts=("body",))]
        for message in messages:
            if message not in kept:  # what no filter lets through is gone for good
                _delete(queue, message)
        return (queue, kept, due) if kept else None

    def _may_read(self, queue: Any, arn: str) -> bool:
        if not self.allowed(READ, arn):
            return False
        key = queue.kms_master_key_id
        if not key or str(key).endswith("alias/aws/sqs"):
            return True
        try:
            access.use_key(str(key), self.role(), queue.account_id, queue.region)
        except AwsError as error:
            self.mapping.last_result = f"PROBLEM: {error.message}"
            return False
        return True

    def _collect(self, queue: Any) -> list[Any]:
        """Fill a batch: up to the batch size, or until the batching window is over.

        https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
        """
        size, window = int(self.mapping.batch_size), float(self.mapping.max_batch_window or 0)
        found: list[Any] = queues.receive(queue, min(size, 10), visibility=0, wait=POLL, hold=True)
        if not found:
            return found
        ends = queues.after(window)
        while len(found) < size and _bytes(found) < LARGEST:
            left = ends.left()
            more = queues.receive(
                queue, min(size - len(found), 10), visibility=0, wait=max(min(left, POLL), 0), hold=True
            )
            found += more
            if (not more and left <= 0) or not self.wanted:
                break
        return found

    def _work(self, slots: threading.BoundedSemaphore, queue: Any, messages: list[Any], due: queues.Moment) -> None:
        try:
            failed = self._call(queue, messages)
            for message in messages:
                if message.id in failed:
                    queues.release(queue, message, failed[message.id] or due)
                else:
                    _delete(queue, message)
        except Exception:
            log.exception("a batch of %s", self.mapping.event_source_arn)
            for message in messages:
                queues.release(queue, message, due)
        finally:
            slots.release()

    def _call(self, queue: Any, messages: list[Any]) -> dict[str, queues.Moment | None]:
        """Call the function. Returns what failed, by message id, with the moment when it is seen again if not usual."""
        event = {"Records": [record(queue, message) for message in messages]}
        everything: dict[str, queues.Moment | None] = dict.fromkeys((one.id for one in messages), None)
        try:
            outcome = function_calls.invoke(self.mapping.function_arn, json.dumps(event).encode())
        except AwsError as error:  # throttled: backs off, and the message counts as received
            self.mapping.last_result = f"PROBLEM: {error.message}"
            return everything
        if outcome.error is not None:
            self.mapping.last_result = "PROBLEM: Function call failed"
            return everything
        self.mapping.last_result = "OK"
        if "ReportBatchItemFailures" not in (self.mapping.function_response_types or []):
            return {}
        failed = mappings.failures(outcome.payload)
        if failed is None or not set(failed) <= set(everything):
            return everything
        if queue.fifo_queue and failed:  # the order is kept: what comes after a failure failed, too
            ids = [one.id for one in messages]
            first = min(ids.index(one) for one in failed)
            failed = ids[first:]
        return dict.fromkeys(failed, None)


def record(queue: Any, message: Any) -> dict[str, Any]:
    """Return a message as a function sees it."""
    attributes = {
        name: {
            "stringValue": one.get("StringValue"),
            "binaryValue": one.get("BinaryValue"),
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": one["DataType"],
        }
        for name, one in message.message_attributes.items()
    }
    for one in attributes.values():
        for name in ("stringValue", "binaryValue"):
            if one[name] is None:
                del one[name]
            elif isinstance(one[name], bytes):
                one[name] = one[name].decode("latin-1")
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": queues.attributes_of(queue, message),
        "messageAttributes": attributes,
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.queue_arn,
        "awsRegion": queue.region,
    }


def _delete(queue: Any, message: Any) -> None:
    """Delete, unless whoever calls the API was faster."""
    with queue._messages_lock:
        if message in queue._messages:
            queues.delete(queue, message.receipt_handle)


def _bytes(messages: list[Any]) -> int:
    return sum(len(one.body.encode()) for one in messages)
