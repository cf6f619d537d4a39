"""Drift: how far what an endpoint sees and says now is from what its release was made with.

A release's `baseline.json` holds, for each feature and for the scores, bins with the share of rows in each. The same
bins are counted over a window of captured requests. Missing values are a bin of their own, so their rate drifts too.

Population stability index: sum over bins of (now - then) * ln(now / then); customary reading: below 0.1 nothing, above
0.25 a shift. Jensen-Shannon divergence (base 2) is the same question on a scale of 0 to 1. Both sides are smoothed by
half a row in each bin (Jeffreys), so an empty bin is no infinity. With few rows both are large by chance, by about
(bins - 1) * (1 / rows + 1 / baseline rows): hence `smallest` rows before anything is said.

The drift monitor's package holds this file too: standard library only.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from glue.core.feedback import CLICKS, Label
from glue.core.records import Layout, Row, layout

SCHEMA = 1
CUTOFF = 10
MAX_BINS = 100
MAX_FEATURES = 10_000
_UNKNOWN_NAMES = 100


@dataclass(frozen=True)
class Bins:
    """A distribution: inner edges ascend; `shares` of present values in (-inf, e1], (e1, e2], …; share of missing ones.

    `rows` is how many rows, present or missing, the shares were counted over.
    """

    edges: tuple[float, ...]
    shares: tuple[float, ...]
    missing: float
    rows: int


@dataclass(frozen=True)
class Baseline:
    """What a release was made with. `quality` is each metric's value on the release's own held-out data."""

    model: str
    layout: Layout
    features: Mapping[str, Bins]
    scores: Bins
    quality: Mapping[str, float]


@dataclass
class Counts:
    """How many values fell into each of a distribution's bins so far."""

    bins: Bins
    present: list[int] = field(default_factory=list)
    missing: int = 0

    def __post_init__(self) -> None:
        self.present = self.present or [0] * (len(self.bins.edges) + 1)

    def add(self, value: float | None) -> None:
        """Count one value; None is a missing one."""
        if value is None:
            self.missing += 1
        else:
            self.present[bisect_left(self.bins.edges, value)] += 1

    @property
    def rows(self) -> int:
        """How many values were counted."""
        return sum(self.present) + self.missing


def parse(document: object) -> Baseline:
    """Return the baseline that a document describes. Raises ValueError with a reason."""
    if not isinstance(document, Mapping) or document.get("schema") != SCHEMA:
        raise ValueError(f"it is not an object of schema {SCHEMA}")
    features = document.get("features")
    if not isinstance(features, Mapping) or not 0 < len(features) <= MAX_FEATURES:
        raise ValueError(f"features is an object of 1 to {MAX_FEATURES} distributions")
    quality = document.get("quality", {})
    if not isinstance(quality, Mapping) or not all(_is_number(value) for value in quality.values()):
        raise ValueError("quality is an object of metrics and numbers")
    if not isinstance(document.get("model"), str):
        raise ValueError("it has no model")
    return Baseline(
        model=str(document["model"]),
        layout=layout(document.get("records"), list(features)),
        features={name: _bins(name, value) for name, value in features.items()},
        scores=_bins("scores", document.get("scores")),
        quality={str(name): float(value) for name, value in quality.items()},
    )


def psi(counts: Counts) -> float:
    """Return the population stability index of what was counted against the baseline; 0 without drift."""
    pairs = zip(*_smoothed(counts), strict=True)
    return sum((now - then) * math.log(now / then) for now, then in pairs)


def jensen_shannon(counts: Counts) -> float:
    """Return the Jensen-Shannon divergence (base 2) from the baseline: 0 the same, 1 nothing in common."""
    total = 0.0
    for now, then in zip(*_smoothed(counts), strict=True):
        middle = (now + then) / 2
        total += (now * math.log2(now / middle) + then * math.log2(then / middle)) / 2
    return min(max(total, 0.0), 1.0)


def ndcg(gains: Sequence[float], ideal: Iterable[float], cutoff: int = CUTOFF) -> float | None:
    """Return DCG of `gains` in their order over the best that could be, None when nothing is to be gained."""
    best = _dcg(sorted(ideal, reverse=True)[:cutoff])
    return _dcg(gains[:cutoff]) / best if best > 0 else None


def quality(label: Label, order: Sequence[str]) -> tuple[str, float] | None:
    """Return a metric's name and its value for one labelled answer, whose ids `order` holds best first.

    Grades give `ndcg_at_10` with gain 2**grade - 1, as models/ranker/metrics.py does; clicks give `click_ndcg_at_10`,
    in which a click is worth 1. Only rows that the label or the answer knows count. None when nothing was relevant.
    """
    if label.kind == CLICKS:
        clicked = set(label.clicks)
        seen = list(label.shown or order)
        value = ndcg([float(key in clicked) for key in seen], [1.0] * len(clicked & set(seen)))
        return None if value is None else ("click_ndcg_at_10", value)
    gains = {key: 2.0**grade - 1 for key, grade in (label.grades or {}).items()}
    judged = [gains[key] for key in order if key in gains]
    value = ndcg(judged, gains.values())
    return None if value is None else ("ndcg_at_10", value)


class Window:
    """Counts what a window of captured requests holds, for one variant, in memory that does not grow with it."""

    def __init__(self, baseline: Baseline) -> None:
        self.baseline = baseline
        self.requests = 0
        self.features = {name: Counts(bins) for name, bins in baseline.features.items()}
        self.scores = Counts(baseline.scores)
        self.unknown: dict[str, int] = {}
        self.rows_with_unknown = 0
        self._quality: dict[str, tuple[int, float]] = {}

    @property
    def rows(self) -> int:
        """How many rows were counted."""
        return next(iter(self.features.values())).rows

    def add_rows(self, rows: Iterable[Row]) -> None:
        """Count the rows of one request."""
        self.requests += 1
        for row in rows:
            for name, counts in self.features.items():
                counts.add(row.values.get(name))
            self.rows_with_unknown += bool(row.unknown)
            for name in row.unknown:
                if name in self.unknown or len(self.unknown) < _UNKNOWN_NAMES:
                    self.unknown[name] = self.unknown.get(name, 0) + 1

    def add_scores(self, scores: Iterable[float]) -> None:
        """Count the scores of one answer."""
        for score in scores:
            self.scores.add(score)

    def add_quality(self, label: Label, order: Sequence[str]) -> None:
        """Count what a label says of one answer."""
        found = quality(label, order)
        if found is not None:
            count, total = self._quality.get(found[0], (0, 0.0))
            self._quality[found[0]] = (count + 1, total + found[1])

    def report(self, *, smallest: int, smallest_labels: int) -> dict[str, object]:
        """Return what the window says. Numbers that rest on too little are left null, and it says so."""
        enough = self.rows >= smallest
        features = {name: _compared(counts, enough=enough) for name, counts in self.features.items()}
        drifts = [float(str(value["psi"])) for value in features.values() if value["psi"] is not None]
        return {
            "requests": self.requests,
            "rows": self.rows,
            "enough_rows": enough,
            "features": features,
            "scores": _compared(self.scores, enough=self.scores.rows >= smallest),
            "max_psi": max(drifts, default=None),
            "unknown_features": dict(sorted(self.unknown.items())),
            "unknown_rate": round(self.rows_with_unknown / self.rows, 6) if self.rows else 0.0,
            "quality": {name: self._judged(name, smallest_labels) for name in sorted(self._quality)},
        }

    def _judged(self, name: str, smallest: int) -> dict[str, object]:
        count, total = self._quality[name]
        value, base = total / count, self.baseline.quality.get(name)
        known = base is not None and count >= smallest
        return {
            "labels": count,
            "value": round(value, 6),
            "baseline": base,
            "drop": round(base - value, 6) if known and base is not None else None,
        }


def _compared(counts: Counts, *, enough: bool) -> dict[str, object]:
    rows = counts.rows
    return {
        "psi": round(psi(counts), 6) if enough else None,
        "jensen_shannon": round(jensen_shannon(counts), 6) if enough else None,
        "missing_rate": round(counts.missing / rows, 6) if rows else None,
        "baseline_missing_rate": counts.bins.missing,
    }


def _smoothed(counts: Counts) -> tuple[list[float], list[float]]:
    bins = counts.bins
    now = [float(count) for count in (*counts.present, counts.missing)]
    then = [share * bins.rows for share in (*(share * (1 - bins.missing) for share in bins.shares), bins.missing)]
    return _jeffreys(now), _jeffreys(then)


def _jeffreys(values: Sequence[float]) -> list[float]:
    total = sum(values) + 0.5 * len(values)
    return [(value + 0.5) / total for value in values]


def _dcg(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(place + 2) for place, gain in enumerate(gains))


def _bins(name: str, document: object) -> Bins:
    if not isinstance(document, Mapping):
        raise ValueError(f"{name} has no distribution")
    edges, shares = document.get("edges"), document.get("shares")
    missing, rows = document.get("missing"), document.get("rows")
    if not isinstance(edges, list) or not isinstance(shares, list) or not all(_is_number(x) for x in (*edges, *shares)):
        raise ValueError(f"{name}: edges and shares are lists of numbers")
    if len(edges) >= MAX_BINS or len(shares) != len(edges) + 1 or sorted(set(edges)) != edges:
        raise ValueError(f"{name}: edges ascend, fewer than {MAX_BINS}, and shares are one more")
    if min(shares) < 0 or abs(sum(shares) - 1) > 1e-3:
        raise ValueError(f"{name}: shares are not negative and add up to 1")
    if not isinstance(missing, int | float) or not 0 <= missing <= 1:
        raise ValueError(f"{name}: missing lies between 0 and 1")
    if isinstance(rows, bool) or not isinstance(rows, int) or rows < 1:
        raise ValueError(f"{name}: rows is a whole number from 1")
    return Bins(tuple(map(float, edges)), tuple(map(float, shares)), float(missing), rows)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
