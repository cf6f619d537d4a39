"""What changes for callers: the same golden requests, answered by the release before and by the new one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from glue.core.comparing import Comparison, Tolerance
from glue.core.golden import GoldenRequest

SCHEMA = 1
# How often each request is asked: its answer is the first one's, its times are those of all.
MOST_REQUESTS = 100
_SHOWN = 5


@dataclass(frozen=True)
class Sample:
    """What one release answered to one request. Times are in milliseconds, one for each round that was answered."""

    body: bytes | None = None
    content_type: str = ""
    error: str | None = None
    times: tuple[float, ...] = ()


@dataclass(frozen=True)
class Pair:
    """Two answers to one request. `away` is the largest distance of two numbers in them, None without numbers.

    `difference` says where they first differ beyond the request's tolerance, None when they agree.
    """

    name: str
    old: Sample
    new: Sample
    difference: str | None
    away: float | None

    def as_json(self) -> dict[str, object]:
        """Return it for a report: no bodies, which may be large."""
        return {
            "name": self.name,
            "agrees": self.difference is None,
            "difference": self.difference,
            "largest_difference": self.away,
            "old_error": self.old.error,
            "new_error": self.new.error,
            "old_ms": _rounded(_median(self.old.times)),
            "new_ms": _rounded(_median(self.new.times)),
        }


@dataclass(frozen=True)
class VariantReport:
    """How the two releases of one variant compare."""

    variant: str
    old: str
    new: str
    pairs: tuple[Pair, ...]

    @property
    def agreed(self) -> int:
        """How many requests both answered alike."""
        return sum(pair.difference is None for pair in self.pairs)

    @property
    def away(self) -> float | None:
        """The largest distance of two numbers, None without numbers."""
        return max((pair.away for pair in self.pairs if pair.away is not None), default=None)

    def latency(self) -> dict[str, dict[str, float | None]]:
        """Return p50 and p99 of both releases, in milliseconds."""
        times = {
            "old": [one for pair in self.pairs for one in pair.old.times],
            "new": [one for pair in self.pairs for one in pair.new.times],
        }
        return {
            side: {"p50": _rounded(_quantile(values, 0.5)), "p99": _rounded(_quantile(values, 0.99))}
            for side, values in times.items()
        }

    def as_json(self) -> dict[str, object]:
        """Return it for a report."""
        return {
            "variant": self.variant,
            "old": self.old,
            "new": self.new,
            "asked": len(self.pairs),
            "agreed": self.agreed,
            "largest_difference": self.away,
            "latency_ms": self.latency(),
            "answers": [pair.as_json() for pair in self.pairs],
        }

    @property
    def line(self) -> str:
        """The comparison in a sentence."""
        times = self.latency()
        moved = f"; numbers differ by at most {self.away:.3g}" if self.away else ""
        return (
            f"variant {self.variant}: {self.agreed} of {len(self.pairs)} answers as before{moved}; "
            f"p50 {_ms(times['old']['p50'])} -> {_ms(times['new']['p50'])}, "
            f"p99 {_ms(times['old']['p99'])} -> {_ms(times['new']['p99'])}"
        )


@dataclass(frozen=True)
class Report:
    """The comparison of one deployment. `file` is where the whole of it lies."""

    environment: str
    endpoint: str
    before: str | None
    revision: str
    variants: tuple[VariantReport, ...] = ()
    left_out: int = 0
    file: str | None = field(default=None, compare=False)

    def as_json(self, *, answers: bool = True) -> dict[str, object]:
        """Return the report as a document, with each request's answers or without."""
        variants = [one.as_json() for one in self.variants]
        for one in () if answers else variants:
            del one["answers"]
        return {
            "schema": SCHEMA,
            "env": self.environment,
            "endpoint": self.endpoint,
            "before": self.before,
            "revision": self.revision,
            "variants": variants,
            "left_out": self.left_out,
            "file": self.file,
        }

    def markdown(self) -> str:
        """Return the report for people."""
        lines = [f"# {self.environment}/{self.endpoint}: {self.before} -> {self.revision}", ""]
        for one in self.variants:
            lines += [f"## Variant {one.variant}: {one.old} -> {one.new}", "", f"{one.line}.", ""]
            lines += [
                "| request | agrees | largest difference | old ms | new ms | first difference |",
                "|---|---|---|---|---|---|",
            ]
            lines += [_row(pair) for pair in one.pairs]
            lines.append("")
        if self.left_out:
            lines += [f"{self.left_out} more requests were left out; {MOST_REQUESTS} are asked of each variant.", ""]
        return "\n".join(lines)


def requests_of(
    old: Sequence[GoldenRequest], new: Sequence[GoldenRequest], *, releases: tuple[str, str]
) -> dict[str, GoldenRequest]:
    """Return what both releases are asked: the new one's golden requests, then those of the old one that differ.

    By name; a name that both use for different requests gets the old release's id.
    """
    found = {request.name: request for request in new}
    asked = {_identity(request) for request in new}
    for request in old:
        if _identity(request) not in asked:
            name = request.name if request.name not in found else f"{request.name} ({releases[0]})"
            found[name] = request
    return found


def pair(name: str, request: GoldenRequest, old: Sample, new: Sample) -> Pair:
    """Return how two answers to one request compare, within the request's own tolerance."""
    if old.body is None or new.body is None:
        both = old.error if old.body is None and new.body is None else None
        return Pair(name, old, new, both or f"only {'the new' if old.body is None else 'the old'} one answered", None)
    comparison = Comparison(Tolerance(request.absolute, request.relative))
    kinds = (_kind(old.content_type), _kind(new.content_type))
    found = list(comparison.compare(old.body, new.body, kinds=kinds))
    wrong = [one for one in found if one.kind is not None]
    away = max((one.away for one in found if one.away is not None), default=None)
    text = ", ".join(f"{one.path} ({one.kind})" for one in wrong[:_SHOWN])
    more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    return Pair(name, old, new, f"{text}{more}" if wrong else None, away)


def _identity(request: GoldenRequest) -> tuple[bytes, str, str]:
    return request.body, request.content_type, request.accept


def _kind(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _row(one: Pair) -> str:
    cells = (
        one.name,
        "yes" if one.difference is None else "no",
        "" if one.away is None else f"{one.away:.3g}",
        _ms(_median(one.old.times), unit=""),
        _ms(_median(one.new.times), unit=""),
        one.difference or "",
    )
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _median(values: Sequence[float]) -> float | None:
    return _quantile(values, 0.5)


def _quantile(values: Sequence[float], share: float) -> float | None:
    """Return the smallest value that at least this share of the values does not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(math.ceil(share * len(ranked)), 1) - 1] if ranked else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _ms(value: float | None, *, unit: str = " ms") -> str:
    return "-" if value is None else f"{value:.1f}{unit}"
