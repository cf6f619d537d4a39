"""What the queue's functions gave up on, tried again: dead letters delivered again, ends of jobs told again.

Nobody but the functions may write the queues, or they could make up the end of a job. So a person asks: `sweep` moves
dead letters, and `finish` tells jobs again that it reads from the table itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from glue.core.training import keys, template
from glue.core.training.words import Status
from glue.errors import AwsError
from glue.training_history import gather

if TYPE_CHECKING:
    from glue.aws.sqs import Message, Move
    from glue.training_queue import Queue

DEAD = {"events": "events_dead", "releases": "releases_dead"}
FAILURES = "failures"
_BATCH = 25
_HIDDEN_S = 300
_BUSY_TRIES, _BUSY_S = 11, 5.0
_DAY_MS = 86_400_000
# a job may wait a week, and run for 28 days (MaxRuntimeInSeconds): whoever ended lately was submitted in this time
_BACK_MS = 60 * _DAY_MS
_FRESH_MS = 60_000


@dataclass(frozen=True)
class Redriven:
    """What was found in a queue and what became of it: messages waiting before, moved; jobs repaired or not."""

    queue: str
    waiting: int
    moved: int = 0
    status: str = "empty"
    repaired: tuple[str, ...] = ()
    submitted: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """Return it for a JSON result."""
        return {
            "queue": self.queue,
            "waiting": self.waiting,
            "moved": self.moved,
            "status": self.status,
            "repaired": list(self.repaired),
            "submitted": list(self.submitted),
            "failed": dict(self.failed),
        }


def waiting(queue: Queue, name: str) -> int:
    """Return how many messages lie in one of the queues of what failed."""
    return queue.session.queues.depth(_url(queue, name)).waiting


def deliver(
    queue: Queue, name: str, *, timeout_s: float, sleep: Callable[[float], None], clock: Callable[[], float]
) -> Redriven:
    """Have the dead letters of `events` or `releases` delivered again, and wait until they are moved."""
    depth = queue.session.queues.depth(_url(queue, name))
    if not depth.waiting:
        return Redriven(name, 0)
    dead = DEAD[name].replace("_", "-")
    failed = _ask_sweep(queue, dead, sleep).get("failed")
    if isinstance(failed, dict) and failed:
        return Redriven(
            name, depth.waiting, status="failed", failed={str(key): str(why) for key, why in failed.items()}
        )
    began = clock()
    move = queue.session.queues.move(depth.arn)
    while (move is None or move.status == "RUNNING") and clock() - began < timeout_s:
        sleep(1.0)
        move = queue.session.queues.move(depth.arn)
    return Redriven(name, depth.waiting, moved=move.moved if move else 0, status=_status(move), failed=_failure(move))


def _ask_sweep(queue: Queue, dead: str, sleep: Callable[[float], None]) -> Mapping[str, object]:
    """Ask for a move; the function works on one thing at a time, and may be at its sweep."""
    for _ in range(_BUSY_TRIES):
        try:
            return queue.session.functions.call(f"{queue.places.name}-sweep", {"redrive": [dead]})
        except AwsError as error:
            if "throttled" not in error.message:
                raise
        sleep(_BUSY_S)
    return queue.session.functions.call(f"{queue.places.name}-sweep", {"redrive": [dead]})


def _status(move: Move | None) -> str:
    return "not begun" if move is None else move.status.lower()


def _failure(move: Move | None) -> dict[str, str]:
    return {"move": move.reason} if move is not None and move.reason else {}


def repair(queue: Queue, *, now: int, say: Callable[[str], None], sleep: Callable[[float], None]) -> Redriven:
    """Have the ends told again of which the queue `failures` and the table say that nobody was told.

    Batches of the table's stream name no jobs: each ended job without a history record is one. Scheduled submissions
    are submitted again under the same id. A call of `launch` or `sweep` that the scheduler could not make was made up
    for by the next one. What succeeded is deleted from the queue, the rest stays. Batches may mean jobs that ended just
    now, which may as well be told right now: then this waits, since a deleted batch rings no more.
    """
    messages = _receive(queue)
    batches = [message for message in messages if _is_batch(message)]
    missed = [message for message in messages if message.body.strip() == "{}"]
    schedules = {message.receipt: payload for message in messages if (payload := _scheduled(message)) is not None}
    lost, fresh = untold(queue, now=now)
    if batches and fresh:
        say(f"{len(fresh)} jobs have ended just now, and may be told right now: waiting {_FRESH_MS // 1000} s")
        sleep(_FRESH_MS / 1000)
        again, _ = untold(queue, now=now + _FRESH_MS)
        lost = [job for job in again if job in {*lost, *fresh}]
    say(f"{len(messages)} failures read; {len(lost)} ended jobs have no history record")
    repaired, failed = _repair(queue, lost)
    done = missed + ([] if failed else batches)
    submitted: list[str] = []
    for message in messages:
        if message.receipt in schedules:
            job, why = _submit(queue, schedules[message.receipt])
            if why is None:
                submitted.append(job)
                done.append(message)
            else:
                failed[job] = why
    for message in done:
        queue.session.queues.delete(_url(queue, FAILURES), message)
    rest = len(messages) - len(done)
    status = f"{rest} left" if rest else "done" if messages or lost else "empty"
    return Redriven(FAILURES, len(messages), len(done), status, tuple(repaired), tuple(submitted), failed)


def untold(queue: Queue, *, now: int) -> tuple[list[str], list[str]]:
    """Return the ended jobs of the last 60 days that have no history record, the last thing that `finish` writes.

    Those that ended within the last minute are the second list: they may be told right now.
    """
    items = gather(queue, since=now - _BACK_MS, until=now + 1, now=now).items
    terminal = {str(status) for status in Status if status.terminal}
    bucket = queue.session.artifacts()
    there = {key for week in keys.weeks_between(now - _BACK_MS, now) for key in bucket.keys(f"{keys.HISTORY}{week}/")}
    found: list[str] = []
    recent: list[str] = []
    for job, item in sorted(items.items()):
        submitted, ended = item.get("submitted_at"), item.get("ended_at")
        known = isinstance(submitted, int) and keys.history_key(job, submitted) in there
        fresh = isinstance(ended, int) and ended > now - _FRESH_MS
        if item.get("JobStatus") in terminal and not known:
            (recent if fresh else found).append(job)
    return found, recent


def _repair(queue: Queue, jobs: list[str]) -> tuple[list[str], dict[str, str]]:
    repaired: list[str] = []
    failed: dict[str, str] = {}
    for start in range(0, len(jobs), _BATCH):
        batch = jobs[start : start + _BATCH]
        try:
            answer = queue.session.functions.call(f"{queue.places.name}-finish:repair", {"repair": batch})
        except AwsError as error:
            failed |= dict.fromkeys(batch, error.message)
            continue
        told = answer.get("repaired")
        repaired += [str(job) for job in told] if isinstance(told, list) else []
        wrong = answer.get("failed")
        failed |= {str(job): str(why) for job, why in wrong.items()} if isinstance(wrong, dict) else {}
    return repaired, failed


def _receive(queue: Queue) -> list[Message]:
    """Return what lies in the queue of failures; each message once, though it may be handed out twice."""
    found: dict[str, Message] = {}
    while batch := queue.session.queues.receive(_url(queue, FAILURES), hidden_s=_HIDDEN_S):
        before = len(found)
        found |= {message.body: message for message in batch}
        if len(found) == before:
            break
    return list(found.values())


def _what(message: Message) -> Mapping[str, object]:
    try:
        document = json.loads(message.body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _scheduled(message: Message) -> Mapping[str, object] | None:
    """Return the payload of a scheduled submission that failed, None for what is none.

    Lambda writes down what the function was called with, the scheduler the input itself:
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html,
    https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
    """
    found = _what(message)
    payload = found.get("requestPayload", found)
    return payload if isinstance(payload, dict) and "template" in payload else None


def _is_batch(message: Message) -> bool:
    """https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html: what could not be worked on."""
    return "DDBStreamBatchInfo" in _what(message)


def _submit(queue: Queue, payload: Mapping[str, object]) -> tuple[str, str | None]:
    """Submit a scheduled job, and return its id and why it was not taken."""
    try:
        wanted = payload["template"]
        if not isinstance(wanted, dict):
            raise ValueError("its template is no object")
        document = template.expand(
            wanted, scheduled_at=str(payload.get("scheduled_at")), schedule=str(payload.get("schedule"))
        )
        answer = queue.submitting.post({"jobs": [document]})
    except (ValueError, AwsError) as error:
        return str(payload.get("schedule")), str(error)
    results = answer.document.get("results") or [{"errors": [answer.document.get("message")]}]
    job, status = str(results[0].get("id", payload.get("schedule"))), results[0].get("status")
    return job, None if status in {"submitted", "known"} else "; ".join(map(str, results[0].get("errors", [])))


def _url(queue: Queue, name: str) -> str:
    key = DEAD.get(name, name)
    if key not in queue.places.queues:
        raise AwsError(f"the foundation of {queue.environment.name} names no queue {key!r}")
    return queue.places.queues[key]
