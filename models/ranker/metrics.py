"""NDCG@10 and the two baselines that a model must beat."""

from __future__ import annotations

import numpy as np

from .data import Floats, Integers, Judged

CUTOFF = 10
RANDOM_ORDERS = 20


def ndcg(grades: Integers, scores: Floats, groups: Integers, cutoff: int = CUTOFF) -> float:
    """Return the mean over queries of DCG / ideal DCG with gain 2**grade - 1 and discount log2(position + 1).

    Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", 2002. Queries without any relevant
    document say nothing and are left out; 0.0 when no query is left.
    """
    discounts = 1.0 / np.log2(np.arange(2, cutoff + 2))
    values: list[float] = []
    start = 0
    for size in groups.tolist():
        rows = slice(start, start + size)
        start += size
        gains = 2.0 ** grades[rows] - 1
        ideal = np.sort(gains)[::-1][:cutoff]
        best = float(ideal @ discounts[: len(ideal)])
        if best > 0:
            found = gains[np.argsort(-scores[rows], kind="stable")][:cutoff]
            values.append(float(found @ discounts[: len(found)]) / best)
    return float(np.mean(values)) if values else 0.0


def random_order(judged: Judged, seed: int) -> float:
    """Return the mean NDCG@10 of 20 random orders."""
    rng = np.random.default_rng(seed)
    orders = [ndcg(judged.grades, rng.random(len(judged.grades)), judged.groups) for _ in range(RANDOM_ORDERS)]
    return float(np.mean(orders))


def best_feature(features: Floats, grades: Integers, groups: Integers) -> tuple[int, float]:
    """Return the feature, and its sign, whose plain order is best on the given (training) data."""
    found = [
        (ndcg(grades, sign * features[:, column], groups), column, sign)
        for column in range(features.shape[1])
        for sign in (1.0, -1.0)
    ]
    _, column, sign = max(found)
    return column, sign
