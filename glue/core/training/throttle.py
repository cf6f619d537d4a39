"""How fast the launcher calls, learnt from throttling; and which pools it leaves alone for a while. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from glue.core.training.record import Item
from glue.core.training.words import Pool


@dataclass(frozen=True)
class Bucket:
    """A token bucket: `rate` calls a second, at most `burst` at once. Times are epoch milliseconds."""

    rate: float
    most: float  # the rate never exceeds it
    tokens: float = 1.0
    at: int = 0

    def wait_ms(self, now: int) -> int:
        """Return how long to wait until a call is allowed; 0: now."""
        raise NotImplementedError

    def take(self, now: int) -> Bucket:
        """Return the bucket after a call."""
        raise NotImplementedError

    def throttled(self, now: int) -> Bucket:
        """Return the bucket after AWS throttled a call: half the rate, and no token left."""
        raise NotImplementedError

    def succeeded(self) -> Bucket:
        """Return the bucket after a call went well: slightly faster."""
        raise NotImplementedError


@dataclass(frozen=True)
class Cooldown:
    """Until when a pool is left alone, and how many refusals in a row led there."""

    until: int
    times: int


@dataclass(frozen=True)
class Control:
    """The launcher's state between runs: the control item."""

    bucket: Bucket
    cooldowns: Mapping[Pool, Cooldown] = field(default_factory=dict)
    turns: Mapping[Pool, int] = field(default_factory=dict)

    def cooling(self, now: int) -> frozenset[Pool]:
        """Return the pools that are left alone now."""
        return frozenset(pool for pool, entry in self.cooldowns.items() if entry.until > now)

    def refused(self, pool: Pool, now: int) -> Control:
        """Return the state after a quota or capacity error of a pool."""
        raise NotImplementedError

    def launched(self, pool: Pool) -> Control:
        """Return the state after a launch in a pool: its refusals are forgotten."""
        return replace(self, cooldowns={key: entry for key, entry in self.cooldowns.items() if key != pool})

    def item(self) -> Item:
        """Return the control item (plain values)."""
        raise NotImplementedError


def control_of(item: Item | None, *, most: float, now: int) -> Control:
    """Return the state that a control item holds; a fresh one without, or when it cannot be read."""
    raise NotImplementedError
