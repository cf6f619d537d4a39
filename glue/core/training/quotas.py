"""AWS's own quotas, learnt from refusals: a budget may be higher, or others of the account may use part of the quota.

A refused call says that the account is full at what the queue has running now. For a while that is the budget: jobs go
on as others end, at the price of one refused call each quarter of an hour. A refusal while nothing of the queue runs
teaches nothing; the pool cools down then (see `throttle`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from glue.core.training.words import Pool, pool_of

LASTS_MS = 15 * 60_000
MOST = 200  # pools that are kept


@dataclass(frozen=True)
class Quotas:
    """What was learnt: instances that fit at once, and until when (epoch milliseconds) that is believed."""

    learnt: Mapping[Pool, tuple[int, int]] = field(default_factory=dict)

    def refused(self, pool: Pool, *, running: int, now: int) -> Quotas:
        """Return what is known after a refusal for quota, with so many instances of the pool running."""
        return Quotas({**self.learnt, pool: (running, now + LASTS_MS)})

    def within(self, budgets: Mapping[Pool, int], now: int) -> dict[Pool, int]:
        """Return the budgets, lowered to what was learnt and is still believed."""
        found = dict(budgets)
        for pool, (instances, until) in self.learnt.items():
            if until > now and pool in found:
                found[pool] = min(found[pool], instances)
        return found

    def pools(self, now: int) -> frozenset[Pool]:
        """Return the pools whose quota is known and still believed."""
        return frozenset(pool for pool, (_, until) in self.learnt.items() if until > now)

    def text(self, now: int) -> str:
        """Return it as JSON, without what is no longer believed."""
        return json.dumps({str(pool): entry for pool, entry in self.learnt.items() if entry[1] > now}, sort_keys=True)


def of_text(text: object, now: int) -> Quotas:
    """Return what `text` wrote; nothing learnt when it cannot be read: that costs one refused call."""
    try:
        found = json.loads(str(text))
        entries = {
            pool_of(name): (max(0, int(instances)), min(int(until), now + LASTS_MS))
            for name, (instances, until) in list(found.items())[:MOST]
        }
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return Quotas()
    return Quotas(entries)
