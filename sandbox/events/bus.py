"""Event buses: what is put on one reaches the targets of every rule whose pattern matches.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events.html
"""

from __future__ import annotations

import json
import logging
import threading
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from moto.events.models import events_backends

from sandbox.events import access, delivery, patterns, targets, transform, work

log = logging.getLogger(__name__)
Event = dict[str, Any]
REORDER_LIMIT = 30.0  # AWS seconds that a reordered event waits for another to overtake it
_lock = threading.Lock()
_held: dict[str, list[tuple[str, Event]]] = {}  # account -> events that wait to be overtaken
_recent: deque[dict[str, Any]] = deque(maxlen=50)


def emit(  # noqa: PLR0917 (the parts of an event, in its own order)
    account: str,
    region: str,
    source: str,
    detail_type: str,
    detail: Mapping[str, Any],
    resources: Sequence[str] = (),
    time: datetime | None = None,
) -> str:
    """Put an event of an AWS service onto the account's default bus; returns its id at once.

    Faults of the kinds `events.*` make it come twice, late, after the next one, or never.
    """
    event = envelope(account, region, source, detail_type, detail, resources, time)
    facts = {"account": account, "source": source, "type": detail_type, "resource": resources[0] if resources else ""}
    if access.fault("events.lose", **facts):
        return str(event["id"])
    duplicate = access.fault("events.duplicate", **facts)
    delay = access.fault("events.delay", **facts)
    reorder = access.fault("events.reorder", **facts)
    copies = 1 + (int(duplicate.number("copies")) if duplicate else 0)
    for _ in range(copies):
        if delay:
            work.later(delay.number("seconds"), f"late {detail_type}", lambda: publish(event))
        elif reorder:
            _hold(event)
        else:
            publish(event)
    if not reorder:
        _let_go(account)
    return str(event["id"])


def envelope(  # noqa: PLR0917
    account: str,
    region: str,
    source: str,
    detail_type: str,
    detail: Mapping[str, Any],
    resources: Sequence[str] = (),
    time: datetime | None = None,
) -> Event:
    """Return an event with its usual members."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": account,
        "time": work.stamp(time),
        "region": region,
        "resources": list(resources),
        "detail": json.loads(json.dumps(detail, default=_plain)),
    }


def publish(event: Event, *, bus: str = "default", owner: str | None = None) -> list[str]:
    """Send the event to the targets of the bus's rules. Returns the names of the rules that matched.

    `owner`: the account of the bus, when it is not the one that the event came from.
    """
    account, region = owner or event["account"], event["region"]
    found = events_backends[account][region].event_buses.get(bus)
    matched = [rule for rule in list(found.rules.values()) if _wants(rule, event)] if found is not None else []
    note(event, [rule.name for rule in matched], bus=bus, owner=account)
    for rule in matched:
        for target in list(rule.targets):
            to_target(rule, target, event)
    return [rule.name for rule in matched]


def note(event: Event, rules: list[str], *, bus: str = "default", owner: str | None = None) -> None:
    """Remember an event for the board."""
    with _lock:
        _recent.appendleft({"account": owner or event["account"], "bus": bus, "event": event, "rules": rules})


def to_target(rule: Any, target: Mapping[str, Any], event: Event) -> None:
    """Deliver an event to one target of a rule, in the background."""
    try:
        payload = transform.payload(event, target, rule_name=rule.name, rule_arn=rule.arn)
    except (ValueError, KeyError) as error:
        log.warning("%s, target %s: %s", rule.arn, target.get("Id"), error)
        return
    delivery.start(
        delivery.Delivery(
            service="events",
            account_id=rule.account_id,
            region=rule.region_name,
            source_arn=rule.arn,
            target=target,
            payload=payload,
            event=event,
        ),
        targets.send,
        targets.bury,
    )


def recent() -> list[dict[str, Any]]:
    """Return the last events, newest first: account, bus, event, and the rules that matched."""
    with _lock:
        return list(_recent)


def forget() -> None:
    """Forget what was seen: a new server begins."""
    with _lock:
        _recent.clear()
        _held.clear()


def _wants(rule: Any, event: Event) -> bool:
    if not str(rule.state).startswith("ENABLED"):
        return False
    pattern = rule.event_pattern.get_pattern()
    try:
        return bool(pattern) and patterns.matches(pattern, event)
    except (KeyError, TypeError, ValueError):
        log.exception("the pattern of %s", rule.arn)
        return False


def _hold(event: Event) -> None:
    with _lock:
        _held.setdefault(event["account"], []).append(("default", event))
    work.later(REORDER_LIMIT, "an event that nothing overtook", lambda: _let_go(event["account"]))


def _let_go(account: str) -> None:
    with _lock:
        waiting = _held.pop(account, [])
    for bus, event in waiting:
        publish(event, bus=bus)


def _plain(value: Any) -> Any:
    return int(value.timestamp() * 1000) if isinstance(value, datetime) else str(value)
