"""Scheduled retraining: a job document with `{date}` and `{time}` in it."""

from __future__ import annotations


def fill(template: object, *, scheduled_at: str) -> object:
    """Return the template with `{date}` (20261121) and `{time}` (t030000) replaced in all its strings.

    `scheduled_at` is EventBridge Scheduler's <aws.scheduler.scheduled-time>: a redelivery has the same one, and gives
    the same job. Raises ValueError when it is no time.
    """
    raise NotImplementedError
