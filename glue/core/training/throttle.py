"""How fast the launcher calls, learnt from throttling; and which pools it leaves alone for a while. Pure values."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from glue.core.training import keys
from glue.core.training.record import Item
from glue.core.training.words import Pool, pool_of

SLOWEST = 0.05  # calls a second: a launcher that was throttled for long still tries every 20 s
STEP = 0.02  # of the highest rate, for each good call: 25 of them win back a halving
CONTROL_LIMIT = 1000  # pools, and pools with priorities, read from the control item


@dataclass(frozen=True)
class Bucket:
    """A token bucket of one token: `rate` calls a second, no bursts. Times are epoch milliseconds.

    A throttled call halves the rate, a good one adds a fixed step, as TCP does: where others use up the same quota, so
    that calls are throttled however slow we are, the rate settles, and does not sink to nothing.
    """

    rate: float
    most: float  # the rate never exceeds it
    tokens: float = 1.0
    at: int = 0

    def wait_ms(self, now: int) -> int:
        """Return how long to wait until a call is allowed; 0: now."""
        tokens = self._filled(now)
        return 0 if tokens >= 1 else math.ceil((1 - tokens) / self.rate * 1000)

    def take(self, now: int) -> Bucket:
        """Return the bucket after a call."""
        return replace(self, tokens=max(0.0, self._filled(now) - 1), at=max(now, self.at))

    def throttled(self, now: int) -> Bucket:
        """Return the bucket after AWS throttled a call: half the rate, and no token left."""
        return replace(self, rate=max(SLOWEST, self.rate / 2), tokens=0.0, at=max(now, self.at))

    def succeeded(self) -> Bucket:
        """Return the bucket after a call went well: slightly faster."""
        return replace(self, rate=min(self.most, self.rate + self.most * STEP))

    def _filled(self, now: int) -> float:
        """A clock that goes back fills nothing."""
        return min(1.0, self.tokens + max(0, now - self.at) / 1000 * self.rate + 1e-9)


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
    turns: Mapping[tuple[Pool, int], int] = field(default_factory=dict)  # see sharing.Line

    def cooling(self, now: int) -> frozenset[Pool]:
        """Return the pools that are left alone now."""
        return frozenset(pool for pool, entry in self.cooldowns.items() if entry.until > now)

    def refused(self, pool: Pool, now: int) -> Control:
        """Return the state after a quota or capacity error of a pool: it cools down, each time in a row for longer."""
        times = self.cooldowns[pool].times + 1 if pool in self.cooldowns else 1
        entry = Cooldown(now + cooldown_ms(times), times)
        return replace(self, cooldowns={**self.cooldowns, pool: entry})

    def launched(self, pool: Pool) -> Control:
        """Return the state after a launch in a pool: its refusals are forgotten."""
        return replace(self, cooldowns={key: entry for key, entry in self.cooldowns.items() if key != pool})

    def item(self) -> Item:
        """Return the control item (plain values). It is in no index and never expires."""
        state = {
            "cooldowns": {str(pool): [entry.until, entry.times] for pool, entry in self.cooldowns.items()},
            "turns": {f"{pool}#{priority}": turn for (pool, priority), turn in self.turns.items()},
        }
        return {
            "JobId": keys.LAUNCHER,
            "rate": self.bucket.rate,
            "tokens": self.bucket.tokens,
            "at": self.bucket.at,
            "state": json.dumps(state, sort_keys=True),
        }


def cooldown_ms(times: int, *, base_ms: int = 120_000, most_ms: int = 1_800_000) -> int:
    """Return how long a pool cools down after so many refusals in a row: 2, 4, 8, 16, 30 minutes."""
    return int(min(most_ms, base_ms * 2 ** max(0, min(times - 1, 20))))


def fresh(most: float, now: int) -> Control:
    """Return the state of a launcher that has not called yet."""
    return Control(Bucket(rate=most, most=most, tokens=1.0, at=now))


def control_of(item: Mapping[str, object] | None, *, most: float, now: int) -> Control:
    """Return the state that a control item holds; a fresh one without, or when it cannot be read.

    Nothing in it is worth a run: a lost cool-down costs one refused call.
    """
    if item is None:
        return fresh(most, now)
    try:
        rate = min(most, max(SLOWEST, _finite(item["rate"])))
        tokens = min(1.0, max(0.0, _finite(item["tokens"])))
        bucket = Bucket(rate, most, tokens, min(now, int(_finite(item["at"]))))
        state = json.loads(str(item["state"]))
        cooldowns = {
            pool_of(name): Cooldown(min(int(until), now + cooldown_ms(int(times))), max(1, int(times)))
            for name, (until, times) in list(state["cooldowns"].items())[:CONTROL_LIMIT]
        }
        turns = {_turn_of(name): max(0, int(turn)) for name, turn in list(state["turns"].items())[:CONTROL_LIMIT]}
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return fresh(most, now)
    return Control(bucket, cooldowns, turns)


def _turn_of(text: str) -> tuple[Pool, int]:
    pool, _, priority = text.rpartition("#")
    return pool_of(pool), int(priority)


def _finite(value: object) -> float:
    number = float(value)  # type: ignore[arg-type]
    if not math.isfinite(number):
        raise ValueError("not finite")
    return number
