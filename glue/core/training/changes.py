"""The only ways in which a job's item changes: each returns what to write and on what condition.

One UpdateItem each, on one item; of two racing writers the condition lets one through
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html). Every change
expects the status and the attempt that its decision was made on, so that an old decision never meets a newer attempt.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from glue.core.training import cost, keys
from glue.core.training.record import DUE_KEY, DUE_SHARD, OPEN_SHARD, Record, Value, attribute, index_values
from glue.core.training.words import Pool, Status

if TYPE_CHECKING:
    from glue.core.training.ends import End
    from glue.core.training.outcomes import Again, Terminal

REASON_LIMIT = 2048
DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Change:
    """One conditional update. `expect` maps attributes to the value they must have; None: the attribute is absent."""

    job: str
    values: Mapping[str, Value]
    remove: tuple[str, ...]
    expect: Mapping[str, Value | None]


NEW_ONLY: Mapping[str, Value | None] = {"JobId": None}  # the condition of a put: no such job yet


def claim(job: str, attempt: int, *, pool: Pool, now: int) -> Change:
    """New -> Launched. `attempt` is the number of claims so far. Needs no more than what the index `due` holds."""
    values: dict[str, Value] = {
        "JobStatus": str(Status.LAUNCHED),
        "attempt": attempt + 1,
        "remote_name": keys.remote_name(job, attempt + 1),
        "instance_type": pool.instance_type,
        "purchase": str(pool.purchase),
        "launched_at": now,
        OPEN_SHARD: str(keys.shard(job)),
    }
    if attempt == 0:
        values["first_launched_at"] = now
    return Change(job, values, (DUE_SHARD, DUE_KEY, "started_at"), {"JobStatus": str(Status.NEW), "attempt": attempt})


def put_back(record: Record, *, due_at: int, instance_type: str, reason: str) -> Change:
    """Launched -> New, because nothing was made: the next claim takes the same attempt again.

    Expects `stop_requested_at` as read. A job that somebody asked to stop is ended instead: see `outcomes.not_made`.
    """
    after = replace(
        record,
        status=Status.NEW,
        attempt=record.attempt - 1,
        due_at=due_at,
        instance_type=instance_type,
        reason=_short(reason),
        remote_name=None,
        launched_at=None,
        tried_at=record.tried_at or record.launched_at,
    )
    return _change(record, after, launched=True, unless_stopped=True)


def again(record: Record, decision: Again) -> Change:
    """Launched -> New after an attempt that ended; the next claim counts one up."""
    after = replace(
        _told(record, decision.end, decision.cost_usd),
        status=Status.NEW,
        due_at=decision.due_at,
        instance_type=decision.instance_type,
        purchase=decision.purchase,
        spot_attempts=decision.spot_attempts,
        transient=decision.transient,
        algorithm=decision.algorithm,
        reason=_short(decision.reason),
        ended_at=None,
        tried_at=record.tried_at or record.launched_at,
    )
    return _change(record, after, launched=True, unless_stopped=True)


def end(record: Record, decision: Terminal, *, history_days: int) -> Change:
    """New or Launched -> terminal. TTL removes the item `history_days` later."""
    told = _told(record, decision.end, decision.cost_usd) if decision.end is not None else record
    ended_at = decision.end.ended_at if decision.end is not None and decision.end.ended_at else decision.at
    after = replace(
        told,
        status=decision.status,
        reason=_short(decision.reason) if decision.reason else None,
        ended_at=ended_at,
        expires_at=decision.at // 1000 + history_days * DAY_SECONDS,
    )
    return _change(record, after, launched=decision.end is not None)


def withdraw(record: Record, *, by: str, now: int, history_days: int) -> Change:
    """New -> Stopped: cancelled before any attempt, or between two."""
    after = replace(
        record,
        status=Status.STOPPED,
        reason=_short(f"cancelled by {by} before it ran" if record.attempt == 0 else f"cancelled by {by}"),
        stop_requested_at=now,
        stop_requested_by=by,
        ended_at=now,
        expires_at=now // 1000 + history_days * DAY_SECONDS,
    )
    return _change(record, after)


def request_stop(record: Record, *, by: str, now: int) -> Change:
    """Launched stays Launched, and the wish to stop is noted: it never runs again."""
    return _change(
        record, replace(record, stop_requested_at=now, stop_requested_by=by), launched=True, unless_stopped=True
    )


def _told(record: Record, ended: End | None, attempt_cost: float | None) -> Record:
    """The record with what the end of its attempt tells: the sums are over all attempts."""
    first = record.attempt <= 1
    if ended is None:
        return replace(record, cost_usd=None, billable_seconds=None)
    return replace(
        record,
        started_at=ended.started_at,
        instance_type=ended.instance_type or record.instance_type,
        cost_usd=cost.total(record.cost_usd, attempt_cost, first=first),
        training_seconds=_known_sum(record.training_seconds, ended.training_seconds),
        billable_seconds=cost.total_seconds(record.billable_seconds, ended.billable_seconds, first=first),
        best=json.dumps(dict(ended.best), sort_keys=True) if ended.best else record.best,
    )


def _known_sum(before: int | None, more: int | None) -> int | None:
    return before if more is None else (before or 0) + more


def _change(before: Record, after: Record, *, launched: bool = False, unless_stopped: bool = False) -> Change:
    """What differs, on the condition that nobody moved the job meanwhile; `launched`: and that it is launched.

    Raises ValueError for a job that has ended: none comes back, and none ends twice.
    """
    if before.status.terminal:
        raise ValueError(f"{before.job} has ended {before.status}")
    values: dict[str, Value] = {}
    remove: list[str] = []
    for field in fields(Record):
        value = getattr(after, field.name)
        if value == getattr(before, field.name):
            continue
        if value is None:
            remove.append(attribute(field.name))
        else:
            values[attribute(field.name)] = str(value) if isinstance(value, str) else value
    places = index_values(before)
    for name, place in index_values(after).items():
        if place is None and places[name] is not None:
            remove.append(name)
        elif place is not None and place != places[name]:
            values[name] = place
    status = Status.LAUNCHED if launched else before.status
    expect: dict[str, Value | None] = {"JobStatus": str(status), "attempt": before.attempt}
    if unless_stopped:
        expect["stop_requested_at"] = before.stop_requested_at
    return Change(before.job, values, tuple(remove), expect)


def _short(reason: str) -> str:
    return reason if len(reason) <= REASON_LIMIT else reason[: REASON_LIMIT - 1] + "…"
