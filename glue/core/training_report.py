"""How the training queue did: success, waiting, spot saving, cost and retries, by owner, model or week.

What is not known is counted as unknown and never as zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from glue.core.training.words import Kind, Status
from glue.core.training_facts import Fact

GROUPS: Mapping[str, Callable[[Fact], str]] = {
    "owner": lambda fact: fact.owner,
    "model": lambda fact: fact.model,
    "week": lambda fact: fact.week,
}
_HOURLY, _DAILY = timedelta(days=2), timedelta(days=21)  # times up to here are shown by hour, by day
_WORST = 5


@dataclass(frozen=True)
class Known:
    """A sum or a share of what is known, and of how many it is known. `value` None: of none."""

    value: float | None
    known: int
    of: int

    @property
    def unknown(self) -> int:
        """Of how many it is not known."""
        return self.of - self.known

    def as_json(self) -> dict[str, object]:
        """Return it for a JSON result."""
        return {"value": self.value, "known": self.known, "of": self.of}


@dataclass(frozen=True)
class Figures:
    """The figures of a group of jobs. Times are seconds, cost is US dollars, shares are 0 to 1."""

    name: str
    jobs: int
    by_status: Mapping[str, int]
    waiting_p50: Known
    waiting_p95: Known
    queued_p50: Known
    queued_p95: Known
    saving: Known
    cost: Known
    retries: int
    retried: int

    @property
    def open(self) -> int:
        """Jobs that have not ended."""
        return self.by_status[Status.NEW] + self.by_status[Status.LAUNCHED]

    @property
    def success(self) -> float | None:
        """Completed among completed and failed: one that somebody stopped is neither. None before any ended so."""
        ended = self.by_status[Status.COMPLETED] + self.by_status[Status.FAILED]
        return self.by_status[Status.COMPLETED] / ended if ended else None

    def as_json(self) -> dict[str, object]:
        """Return them for a JSON result."""
        return {
            "name": self.name,
            "jobs": self.jobs,
            "by_status": dict(self.by_status),
            "success_rate": self.success,
            "waiting_s": {"p50": self.waiting_p50.as_json(), "p95": self.waiting_p95.as_json()},
            "queued_s": {"p50": self.queued_p50.as_json(), "p95": self.queued_p95.as_json()},
            "spot_saving": self.saving.as_json(),
            "cost_usd": self.cost.as_json(),
            "retries": self.retries,
            "retried_jobs": self.retried,
        }


@dataclass(frozen=True)
class Report:
    """The figures of all jobs that were submitted from `since` to before `until` (epoch ms)."""

    environment: str
    since: int
    until: int
    by: str
    total: Figures
    groups: tuple[Figures, ...]
    series: tuple[Figures, ...]  # by hour, day or week, without gaps
    reasons: tuple[tuple[str, int], ...]  # why jobs failed, the most frequent first
    unreadable: int = 0

    def as_json(self) -> dict[str, object]:
        """Return it for a JSON result."""
        return {
            "environment": self.environment,
            "since": moment(self.since),
            "until": moment(self.until),
            "by": self.by,
            "total": self.total.as_json(),
            "groups": [one.as_json() for one in self.groups],
            "series": [one.as_json() for one in self.series],
            "reasons": [{"reason": text, "jobs": count} for text, count in self.reasons],
            "unreadable": self.unreadable,
        }


def report(facts: Sequence[Fact], *, environment: str, since: int, until: int, by: str, unreadable: int = 0) -> Report:
    """Return the report of jobs; those submitted outside of the time are left out. `by` is one of GROUPS."""
    inside = [fact for fact in facts if since <= fact.submitted_at < until]
    groups = _grouped(inside, GROUPS[by])
    ordered = sorted(groups, key=lambda name: name if by == "week" else (-len(groups[name]), name))
    return Report(
        environment=environment,
        since=since,
        until=until,
        by=by,
        total=figures("all", inside),
        groups=tuple(figures(name, groups[name]) for name in ordered),
        series=_series(inside, since, until),
        reasons=_reasons(inside),
        unreadable=unreadable,
    )


def figures(name: str, facts: Sequence[Fact]) -> Figures:
    """Return the figures of some jobs."""
    by_status = dict.fromkeys(map(str, Status), 0)
    for fact in facts:
        by_status[fact.status] += 1
    waits = sorted(waited for fact in facts if (waited := fact.waited_s) is not None)
    queued = sorted(before for fact in facts if (before := fact.queued_s) is not None)
    costs = [cost for fact in facts if fact.attempts and (cost := fact.cost) is not None]
    return Figures(
        name=name,
        jobs=len(facts),
        by_status=by_status,
        waiting_p50=Known(percentile(waits, 0.50), len(waits), len(facts)),
        waiting_p95=Known(percentile(waits, 0.95), len(waits), len(facts)),
        queued_p50=Known(percentile(queued, 0.50), len(queued), len(facts)),
        queued_p95=Known(percentile(queued, 0.95), len(queued), len(facts)),
        saving=_saving(facts),
        cost=Known(math.fsum(costs) if costs else None, len(costs), sum(1 for fact in facts if fact.attempts)),
        retries=sum(fact.retries for fact in facts),
        retried=sum(1 for fact in facts if fact.retries),
    )


def _saving(facts: Iterable[Fact]) -> Known:
    """Return 1 - billable / training seconds of all settled spot attempts: how AWS states the saving.

    https://docs.aws.amazon.com/sagemaker/latest/dg/model-managed-spot-training.html
    """
    # A tuning is billed by its trainings
    on_spot = [fact for fact in facts if fact.on_spot and fact.kind != Kind.TUNING]
    settled = [fact.billing for fact in on_spot if fact.billing is not None]
    trained = sum(one.training_seconds for billing in settled for one in billing if one.spot)
    billed = sum(one.billable_seconds for billing in settled for one in billing if one.spot)
    return Known(1 - billed / trained if trained else None, len(settled), len(on_spot))


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the nearest-rank percentile of sorted values: one that occurred; None without any."""
    return values[max(0, math.ceil(share * len(values)) - 1)] if values else None


def _grouped(facts: Iterable[Fact], of: Callable[[Fact], str]) -> dict[str, list[Fact]]:
    found: dict[str, list[Fact]] = {}
    for fact in facts:
        found.setdefault(of(fact), []).append(fact)
    return found


def _series(facts: Sequence[Fact], since: int, until: int) -> tuple[Figures, ...]:
    """Return figures from the first job on: by hour, by day or by week, as the time is long."""
    begin = _time(min((fact.submitted_at for fact in facts), default=since))
    end = _time(max(since, until - 1))
    length = end - begin
    if length <= _HOURLY:
        step, name = timedelta(hours=1), _hour
        begin = begin.replace(minute=0, second=0, microsecond=0)
    elif length <= _DAILY:
        step, name = timedelta(days=1), _day
        begin = begin.replace(hour=0, minute=0, second=0, microsecond=0)
    else:
        step, name = timedelta(days=7), _week
        begin = begin.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=begin.weekday())
    groups = _grouped(facts, lambda fact: name(_time(fact.submitted_at)))
    names = [name(begin + number * step) for number in range((end - begin) // step + 1)]
    return tuple(figures(one, groups.get(one, ())) for one in names)


def _time(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)


def _hour(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H}h"


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"


def _week(at: datetime) -> str:
    year, number, _ = at.isocalendar()
    return f"{year}-W{number:02d}"


def _reasons(facts: Iterable[Fact]) -> tuple[tuple[str, int], ...]:
    failed = [fact for fact in facts if fact.status is Status.FAILED]
    groups = _grouped(failed, lambda fact: " ".join((fact.reason or "no reason is known").split())[:120])
    return tuple(
        sorted(((text, len(some)) for text, some in groups.items()), key=lambda row: (-row[1], row[0]))[:_WORST]
    )


def moment(at: int) -> str:
    """Return a time as it is shown: 2026-11-21T19:00:00Z."""
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


# as text, for tables


def share_text(value: float | None) -> str:
    """Return a share as `87 %`; rounded down, so that 100 % means all."""
    return "-" if value is None else f"{math.floor(value * 100 + 1e-9)} %"


def duration_text(seconds: float | None) -> str:
    """Return a duration as `45 s`, `12 min` or `3.5 h`."""
    if seconds is None:
        return "-"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def known_text(known: Known, value: str) -> str:
    """Return a value with how many are unknown: `12.40 + 3 unknown`; all unknown: `unknown`."""
    if not known.of:
        return "-"
    if not known.known:
        return "unknown"
    return value if not known.unknown else f"{value} + {known.unknown:,} unknown"


def saving_text(saving: Known) -> str:
    """Return the saving on spot, and of how many jobs it is not settled."""
    if saving.known and saving.value is None:
        return "-" if not saving.unknown else "unknown"  # settled, and none of it trained
    return known_text(saving, share_text(saving.value))


def cost_text(cost: Known) -> str:
    """Return the cost in US dollars, and of how many jobs it is not known."""
    value = cost.value or 0
    return known_text(cost, "< 0.01" if 0 < value < 0.005 else f"{value:,.2f}")


COLUMNS = (
    "jobs",
    "open",
    "completed",
    "failed",
    "stopped",
    "success",
    "waiting p50",
    "p95",
    "spot saving",
    "cost USD",
    "retries",
)


def cells(one: Figures) -> tuple[str, ...]:
    """Return a row of the table, without the group's name."""
    return (
        f"{one.jobs:,}",
        f"{one.open:,}",
        f"{one.by_status[Status.COMPLETED]:,}",
        f"{one.by_status[Status.FAILED]:,}",
        f"{one.by_status[Status.STOPPED]:,}",
        share_text(one.success),
        duration_text(one.waiting_p50.value),
        duration_text(one.waiting_p95.value),
        saving_text(one.saving),
        cost_text(one.cost),
        f"{one.retries:,}",
    )
