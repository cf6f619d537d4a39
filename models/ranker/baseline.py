"""The baseline that a release carries: what the monitor compares live requests and answers with.

Bins are deciles of the training data's features and of the model's scores on the held-out queries; equal quantiles are
one edge. `quality` has NDCG@10 on the editors' grades, and what NDCG@10 clicks would show for the model's own order:
clicks are drawn from the click model of data.py, a click is worth 1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from . import data, metrics
from .settings import Settings

FILE = "baseline.json"
SCHEMA = 1
BINS = 10
SESSIONS = 20


def write(
    folder: Path,
    log: data.ClickLog,
    judged: data.Judged,
    *,
    scores: data.Floats,
    settings: Settings,
    results: Mapping[str, float],
) -> None:
    """Write baseline.json: `scores` are the model's for the judged documents, `results` its metrics."""
    click_ndcg = clicks_of(judged, scores, settings)
    document = {
        "schema": SCHEMA,
        "model": settings.name,
        "records": dict(settings.records),
        "features": {name: distribution(log.features[:, place]) for place, name in enumerate(settings.features)},
        "scores": distribution(scores),
        "quality": {"ndcg_at_10": results["ndcg_at_10"], "click_ndcg_at_10": round(click_ndcg, 6)},
    }
    (folder / FILE).write_text(json.dumps(document, indent=2, sort_keys=False) + "\n", encoding="utf-8")


def distribution(values: data.Floats) -> dict[str, object]:
    """Return inner edges and the share of values in (-inf, e1], (e1, e2], …; NaN counts as missing."""
    present = values[~np.isnan(values)]
    quantiles = np.quantile(present, np.arange(1, BINS) / BINS) if len(present) else np.array([])
    edges = np.unique(np.round(quantiles, 9))
    counts = np.bincount(np.searchsorted(edges, present, side="left"), minlength=len(edges) + 1)
    shares = counts / len(present) if len(present) else np.full(len(counts), 1.0 / len(counts))
    return {
        "edges": edges.tolist(),
        "shares": [round(share, 9) for share in shares.tolist()],
        "missing": round(1.0 - len(present) / len(values), 9),
        "rows": len(values),
    }


def clicks_of(judged: data.Judged, scores: data.Floats, settings: Settings) -> float:
    """Return the mean NDCG@10 of simulated clicks on the model's order; sessions without a click say nothing."""
    rng = np.random.default_rng(settings.hyperparameters.seed)
    model = settings.clicks
    discounts = 1.0 / np.log2(np.arange(2, metrics.CUTOFF + 2))
    values: list[float] = []
    start = 0
    for size in judged.groups.tolist():
        rows = slice(start, start + size)
        start += size
        ordered = judged.grades[rows][np.argsort(-scores[rows], kind="stable")]
        attraction = model.noise + (1 - model.noise) * (2.0**ordered - 1) / (2**data.TOP_GRADE - 1)
        chance = attraction * np.arange(1, size + 1, dtype=np.float64) ** -model.examination_decay
        for clicked in rng.random((SESSIONS, size)) < chance:
            best = float(discounts[: min(int(clicked.sum()), metrics.CUTOFF)].sum())
            if best > 0:
                found = clicked[: metrics.CUTOFF]
                values.append(float(found @ discounts[: len(found)]) / best)
    return float(np.mean(values)) if values else 0.0
