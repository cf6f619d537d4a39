"""Scheduled retraining: a job document with `{date}` and `{time}` in it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime

from glue.core.training.spec import new_id
from glue.core.training.words import Kind


def expand(template: Mapping[str, object], *, scheduled_at: str, schedule: str) -> dict[str, object]:
    """Return the job document of one firing: `{date}` (20261121) and `{time}` (030000) replaced in all its strings.

    `scheduled_at` is EventBridge Scheduler's <aws.scheduler.scheduled-time>: a redelivery bears the same one, and so
    gives the same document, with the same id. Without an id it gets one of the schedule's name and time. Times are
    UTC. Raises ValueError when `scheduled_at` is no time.
    """
    at = _time(scheduled_at)
    filled = _fill(template, {"{date}": f"{at:%Y%m%d}", "{time}": f"{at:%H%M%S}"})
    if not isinstance(filled, dict):
        raise ValueError("the template is no object")
    if filled.get("id") is None:
        filled["id"] = _id(filled, at, schedule)
    return filled


def _id(document: Mapping[str, object], at: datetime, schedule: str) -> str:
    kind = Kind.TUNING if document.get("kind") == Kind.TUNING.value else Kind.TRAINING
    nonce = hashlib.sha256(schedule.encode()).hexdigest()
    return new_id(str(document.get("model", "job")), round(at.timestamp() * 1000), nonce, kind=kind)


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except (ValueError, TypeError) as error:
        raise ValueError(f"scheduled_at {text!r} is no time such as 2026-11-21T03:00:00Z") from error
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)


def _fill(value: object, words: Mapping[str, str]) -> object:
    if isinstance(value, str):
        for word, text in words.items():
            value = value.replace(word, text)
        return value
    if isinstance(value, Mapping):
        return {name: _fill(inner, words) for name, inner in value.items()}
    if isinstance(value, list):
        return [_fill(inner, words) for inner in value]
    return value
