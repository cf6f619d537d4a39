"""What the queue says when a job has ended: the SNS message and its attributes."""

from __future__ import annotations

import json

from glue.core.training.record import Record


def message(record: Record) -> str:
    """Return the JSON text of a notification."""
    return json.dumps(
        {
            "job": record.job,
            "status": str(record.status),
            "owner": record.owner,
            "model": record.model,
            "kind": str(record.kind),
            "attempt": record.attempt,
            "reason": record.reason,
            "remote_name": record.remote_name,
            "cost_usd": record.cost_usd,
            "submitted_at": record.submitted_at,
            "ended_at": record.ended_at,
        },
        sort_keys=True,
    )


def attributes(record: Record) -> dict[str, str]:
    """Return what subscriptions filter by."""
    return {"owner": record.owner, "model": record.model, "status": str(record.status)}


def subject(record: Record) -> str:
    """Return an e-mail's subject: ASCII, at most 99 characters (SNS takes fewer than 100)."""
    return f"{record.model}: {record.job} {record.status}"[:99].encode("ascii", "replace").decode()
