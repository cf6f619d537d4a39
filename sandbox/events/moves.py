"""Message move tasks: dead letters go back to where they came from, or elsewhere.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
"""

from __future__ import annotations

import base64
import json
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from sandbox.errors import AwsError
from sandbox.events import queues, work

FASTEST = 500  # messages a second
_lock = threading.Lock()
_tasks: dict[str, list[Task]] = {}  # ARN of the source -> its tasks, newest first


@dataclass
class Task:
    """One move of a dead-letter queue's messages."""

    source: str
    destination: str | None
    rate: int
    total: int
    handle: str
    status: str = "RUNNING"
    moved: int = 0
    failure: str | None = None
    started: int = field(default_factory=lambda: int(time.time() * 1000))

    def shown(self) -> dict[str, Any]:
        """As ListMessageMoveTasks shows it; the handle is there while it runs."""
        found = {
            "TaskHandle": self.handle if self.status == "RUNNING" else None,
            "Status": self.status,
            "SourceArn": self.source,
            "DestinationArn": self.destination,
            "MaxNumberOfMessagesPerSecond": self.rate,
            "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.total,
            "FailureReason": self.failure,
            "StartedTimestamp": self.started,
        }
        return {key: value for key, value in found.items() if value is not None}


def start(source_arn: str, destination_arn: str | None, rate: int | None) -> str:
    """Begin to move; returns the task's handle. Raises AwsError."""
    source = queues.find(source_arn)
    if destination_arn:
        queues.find(destination_arn)
    if not queues.is_dead_letter_queue(source):
        raise AwsError("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
    if rate is not None and not 1 <= rate <= FASTEST:
        raise AwsError("InvalidParameterValue", f"MaxNumberOfMessagesPerSecond must be from 1 to {FASTEST}.")
    with _lock:
        tasks = _tasks.setdefault(source_arn, [])
        if any(task.status == "RUNNING" for task in tasks):
            raise AwsError("UnsupportedOperation", "There is already a task running. Only one active task is allowed.")
        text = json.dumps({"taskId": str(uuid.uuid4()), "sourceArn": source_arn})
        handle = base64.b64encode(text.encode()).decode()
        task = Task(source_arn, destination_arn, rate or FASTEST, queues.depth(source)[0], handle)
        tasks.insert(0, task)
        del tasks[10:]
    work.submit(f"move from {source_arn}", lambda: _move(task, source))
    return handle


def listed(source_arn: str, count: int) -> list[dict[str, Any]]:
    """Return the last tasks of a source, newest first. Raises AwsError when there is no such queue."""
    queues.find(source_arn)
    with _lock:
        return [task.shown() for task in _tasks.get(source_arn, [])[: max(1, min(count, 10))]]


def cancel(handle: str) -> int:
    """End a running task; returns how many messages it has moved. Raises AwsError."""
    with _lock:
        for task in (one for tasks in _tasks.values() for one in tasks):
            if task.handle == handle and task.status == "RUNNING":
                task.status = "CANCELLED"
                return task.moved
    raise AwsError("ResourceNotFoundException", "Task does not exist.", 404)


def forget() -> None:
    """Forget all tasks: a new server begins."""
    with _lock:
        _tasks.clear()


def _move(task: Task, source: Any) -> None:
    while task.status == "RUNNING" and task.moved < task.total:
        for message in queues.receive(source, 1, visibility=0, hold=True):
            try:
                target = queues.find(task.destination or str(message.__dict__.get("dead_letter_source", "")))
            except (AwsError, ValueError):
                queues.release(source, message, queues.PAST)
                task.status, task.failure = "FAILED", "CouldNotDetermineMessageSource"
                return
            _hand_over(message, source, target)
            task.moved += 1
            break
        else:
            break
        if task.rate < FASTEST:
            time.sleep(1.0 / task.rate)
    with _lock:
        task.status = "COMPLETED" if task.status == "RUNNING" else task.status


def _hand_over(message: Any, source: Any, target: Any) -> None:
    with source._messages_lock:
        source._messages.remove(message)
    message.approximate_receive_count = 0  # it is as good as new: its retention begins anew, too
    message.approximate_first_receive_timestamp = None
    message.sent_timestamp = int(time.time() * 1000)
    queues.move(message, target)
