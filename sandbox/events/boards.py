"""What the sandbox's page shows of queues, mails, events and schedules."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.events import bus, mail, queues, schedules, work

MOST_MAILS, LONGEST_BODY, MOST_EVENTS, LONGEST_DETAIL = 20, 2000, 50, 300


def queues_now() -> list[dict[str, Any]]:
    """Every queue with its depth; `oldest_s`: seconds since its first message was sent, by the wall clock."""
    now = datetime.now(UTC).timestamp()
    found = []
    for queue in queues.every():
        visible, flying, delayed = queues.depth(queue)
        oldest = min((one.sent_timestamp for one in list(queue._messages)), default=None)
        found.append(
            {
                "account": queue.account_id,
                "name": queue.name,
                "visible": visible,
                "in_flight": flying,
                "delayed": delayed,
                "oldest_s": None if oldest is None else round(now - oldest / 1000, 1),
                "dead_letters": queues.is_dead_letter_queue(queue),
            }
        )
    return sorted(found, key=lambda one: (one["account"], one["name"]))


def outbox_now() -> list[dict[str, Any]]:
    """The last mails, newest first."""
    names = ("time", "account", "to", "subject", "body")
    return [{name: str(one[name])[:LONGEST_BODY] for name in names} for one in mail.recent(MOST_MAILS)]


def events_now() -> list[dict[str, Any]]:
    """The last events, newest first."""
    return [
        {
            "time": one["event"]["time"],
            "account": one["account"],
            "source": one["event"]["source"],
            "type": one["event"]["detail-type"],
            "resource": next(iter(one["event"]["resources"]), ""),
            "detail": json.dumps(one["event"]["detail"])[:LONGEST_DETAIL],
            "delivered": one["rules"],
        }
        for one in bus.recent()[:MOST_EVENTS]
    ]


def schedules_now() -> list[dict[str, Any]]:
    """Rules and schedules with their last and next times."""
    plans = schedules.planned()
    found = [
        {
            "account": rule.account_id,
            "name": rule.name,
            "expression": rule.scheduled_expression,
            "enabled": str(rule.state).startswith("ENABLED"),
            "target": ", ".join(target["Arn"] for target in list(rule.targets)),
            **_times(plans.get(rule.arn)),
        }
        for rule in schedules.rules()
    ]
    found += [
        {
            "account": schedule.arn.split(":")[4],
            "name": schedule.name,
            "expression": schedule.schedule_expression,
            "enabled": schedule.state == "ENABLED",
            "target": schedule.target["Arn"],
            **_times(plans.get(schedule.arn)),
        }
        for schedule in schedules.all_schedules()
    ]
    return found


def _times(plan: schedules.Plan | None) -> dict[str, Any]:
    def shown(moment: datetime | None) -> str | None:
        return work.stamp(moment) if moment is not None else None

    if plan is None:
        return {"next": None, "last": None, "last_error": None}
    return {"next": shown(plan.due), "last": shown(plan.last), "last_error": plan.error}


PROVIDERS: Mapping[str, Callable[[], object]] = {
    "queues": queues_now,
    "outbox": outbox_now,
    "events": events_now,
    "schedules": schedules_now,
}
