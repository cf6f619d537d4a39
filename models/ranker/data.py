"""Seeded synthetic click data, the labels made from it, and the CSV files that a training job's channels hold.

Truth: each document has a grade from 0 to 4, from a formula with interactions (a title match counts for navigational
queries, popularity counts when fresh) plus noise that no feature shows.

Clicks (position-based model; Craswell et al., "An experimental comparison of click position-bias models", WSDM 2008):
in each session the old ranker orders a query's documents by `bm25` plus noise; one at position p is examined with
probability p ** -decay, and an examined one is clicked with probability noise + (1 - noise) * (2**grade - 1) / 15.
So documents that the old ranker liked get more clicks than they deserve.

Labels: clicks divided by expected examinations (inverse propensity weighting; Joachims et al., "Unbiased
learning-to-rank with biased feedback", WSDM 2017) estimate how attractive a document is; inverting the formula gives a
grade. Training sees these labels only. Held-out queries carry the true grades, as judgements of editors would.
"""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .settings import Clicks, Settings

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

TOP_GRADE = 4
GRADE_SHARES = (0.50, 0.72, 0.87, 0.95)  # quantiles of the latent relevance at which the next grade starts
CLICK_COLUMNS = ("query", "document", "examinations", "clicks")
JUDGEMENT_COLUMNS = ("query", "document", "grade")


@dataclass(frozen=True)
class Judged:
    """Documents in the order of their queries: `features` is (documents, features), `groups` counts per query."""

    features: Floats
    grades: Integers
    groups: Integers


@dataclass(frozen=True)
class ClickLog:
    """Clicks and expected examinations of each document, summed over all sessions."""

    features: Floats
    examinations: Floats
    clicks: Integers
    queries: tuple[str, ...]
    groups: Integers


def synthesize(settings: Settings) -> tuple[ClickLog, Judged]:
    """Return click data for training and judged held-out queries; the same for the same settings."""
    rng = np.random.default_rng(settings.data.seed)
    data = settings.data
    total = data.train_queries + data.held_out_queries
    features = _features(rng, total, data.documents, len(settings.features))
    grades = _grades(rng, features)
    train, held_out = slice(0, data.train_queries), slice(data.train_queries, total)
    examinations, clicks = _clicks(rng, features[train], grades[train], data.sessions, settings.clicks)
    width = features.shape[2]
    log = ClickLog(
        features=features[train].reshape(-1, width),
        examinations=examinations.reshape(-1),
        clicks=clicks.reshape(-1),
        queries=tuple(f"q{number:05d}" for number in range(data.train_queries)),
        groups=np.full(data.train_queries, data.documents),
    )
    judged = Judged(
        features=features[held_out].reshape(-1, width),
        grades=grades[held_out].reshape(-1),
        groups=np.full(data.held_out_queries, data.documents),
    )
    return log, judged


def labels(log: ClickLog, clicks: Clicks) -> Integers:
    """Return the grade, 0 to 4, that a document's clicks speak for."""
    attraction = np.divide(log.clicks, log.examinations, out=np.zeros(len(log.clicks)), where=log.examinations > 0)
    gain = np.clip((attraction - clicks.noise) / (1 - clicks.noise), 0.0, 1.0) * (2**TOP_GRADE - 1)
    grades: Integers = np.rint(np.log2(1 + gain)).astype(np.int64)
    return grades


def sampled(log: ClickLog, share: float) -> ClickLog:
    """Return the queries whose hash falls into the share: the same on every machine, a subset of any larger share."""
    keep = [_hash_share(query) < share for query in log.queries]
    if not any(keep):
        raise ValueError(f"a sample of {share:g} leaves no query of {len(log.queries)}")
    return _kept(log, keep)


def unsampled(log: ClickLog, share: float) -> ClickLog:
    """Return the queries that `sampled` leaves out. Raises ValueError when there is none."""
    keep = [_hash_share(query) >= share for query in log.queries]
    if not any(keep):
        raise ValueError(f"a sample of {share:g} leaves out no query of {len(log.queries)}")
    return _kept(log, keep)


def _kept(log: ClickLog, keep: Sequence[bool]) -> ClickLog:
    rows = np.repeat(np.array(keep), log.groups)
    return ClickLog(
        features=log.features[rows],
        examinations=log.examinations[rows],
        clicks=log.clicks[rows],
        queries=tuple(query for query, kept in zip(log.queries, keep, strict=True) if kept),
        groups=log.groups[np.array(keep)],
    )


def write_channels(settings: Settings, folder: Path) -> dict[str, Path]:
    """Write the synthetic data as `train/clicks.csv` and `validation/judgements.csv`. Returns their folders."""
    return write_log(folder, settings, *synthesize(settings))


def write_log(folder: Path, settings: Settings, log: ClickLog, judged: Judged) -> dict[str, Path]:
    """Write clicks as `train/clicks.csv` and judged queries as `validation/judgements.csv`. Returns their folders."""
    held_out = [f"h{number:05d}" for number in range(len(judged.groups))]
    click_values = zip(log.examinations.tolist(), log.clicks.tolist(), strict=True)
    paths = {name: folder / name for name in ("train", "validation")}
    for path in paths.values():
        path.mkdir(parents=True, exist_ok=True)
    _write(
        paths["train"] / "clicks.csv",
        (*CLICK_COLUMNS, *settings.features),
        _rows(log.queries, log.groups, click_values, log.features),
    )
    _write(
        paths["validation"] / "judgements.csv",
        (*JUDGEMENT_COLUMNS, *settings.features),
        _rows(held_out, judged.groups, ((grade,) for grade in judged.grades.tolist()), judged.features),
    )
    return paths


def read_clicks(folder: Path, features: Sequence[str]) -> ClickLog:
    """Return the clicks of all CSV files of a channel. Raises ValueError that names file, line and problem."""
    names, groups, values = _read(folder, CLICK_COLUMNS, features)
    examinations, clicks = values[:, 0], values[:, 1]
    if (examinations < 0).any() or (clicks < 0).any():
        raise ValueError(f"{folder}: examinations and clicks must not be negative")
    if not clicks.any():
        raise ValueError(f"{folder}: there is not one click in the training data")
    return ClickLog(values[:, 2:], examinations, clicks.astype(np.int64), names, groups)


def read_judgements(folder: Path, features: Sequence[str]) -> Judged:
    """Return the judged queries of all CSV files of a channel. Raises ValueError that names file, line and problem."""
    _, groups, values = _read(folder, JUDGEMENT_COLUMNS, features)
    grades = values[:, 0]
    if ((grades < 0) | (grades > TOP_GRADE) | (grades % 1 != 0)).any():
        raise ValueError(f"{folder}: a grade is a whole number from 0 to {TOP_GRADE}")
    return Judged(values[:, 1:], grades.astype(np.int64), groups)


def _features(rng: np.random.Generator, queries: int, documents: int, count: int) -> Floats:
    features = rng.random((queries, documents, count))
    features[:, :, 0] = np.clip(rng.gamma(2.0, 0.25, (queries, documents)), 0, 3)  # bm25 has a long tail
    return np.round(features, 4)


def _grades(rng: np.random.Generator, features: Floats) -> Integers:
    bm25, title, fresh, popular, price, rating, dwell, spam = np.moveaxis(features, 2, 0)
    navigational = bm25.max(axis=1, keepdims=True) > 1.3
    latent = (
        1.0 * bm25
        + np.where(navigational, 1.6, 0.3) * title
        + 1.8 * popular * fresh
        + 0.9 * np.sin(np.pi * price)  # neither too cheap nor too dear
        + 0.7 * rating
        + 1.2 * dwell * (dwell > 0.5)
        - 2.0 * np.maximum(0.0, spam - 0.6)
        + rng.normal(0.0, 0.25, bm25.shape)
    )
    grades: Integers = np.digitize(latent, np.quantile(latent, GRADE_SHARES)).astype(np.int64)
    return grades


def _clicks(
    rng: np.random.Generator, features: Floats, grades: Integers, sessions: int, model: Clicks
) -> tuple[Floats, Integers]:
    documents = features.shape[1]
    examined_at = np.arange(1, documents + 1, dtype=np.float64) ** -model.examination_decay
    attraction = model.noise + (1 - model.noise) * (2.0**grades - 1) / (2**TOP_GRADE - 1)
    examinations = np.zeros(grades.shape)
    clicks = np.zeros(grades.shape, dtype=np.int64)
    for _ in range(sessions):
        shown = features[:, :, 0] + rng.normal(0.0, model.ranking_noise, grades.shape)
        positions = np.argsort(np.argsort(-shown, axis=1, kind="stable"), axis=1, kind="stable")
        examined = examined_at[positions]
        examinations += examined
        clicks += rng.random(grades.shape) < examined * attraction
    return np.round(examinations, 6), clicks


def _hash_share(query: str) -> float:
    return int.from_bytes(hashlib.sha256(query.encode()).digest()[:8], "big") / 2**64


def _rows(
    names: Sequence[str], groups: Integers, values: Iterable[tuple[float, ...]], features: Floats
) -> Iterable[list[object]]:
    keys = [(name, f"d{index:03d}") for name, size in zip(names, groups, strict=True) for index in range(size)]
    for key, value, row in zip(keys, values, features.tolist(), strict=True):
        yield [*key, *value, *row]


def _write(path: Path, header: Sequence[str], rows: Iterable[list[object]]) -> None:
    unfinished = path.with_suffix(".new")  # on spot the folder is copied to S3 while it is written
    with unfinished.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    unfinished.replace(path)


def _read(folder: Path, columns: Sequence[str], features: Sequence[str]) -> tuple[tuple[str, ...], Integers, Floats]:
    files = sorted(path for path in folder.rglob("*.csv") if path.is_file())
    if not files:
        raise ValueError(f"{folder}: no CSV file in this channel")
    queries: dict[str, list[list[float]]] = {}
    for path in files:
        with path.open(encoding="utf-8", newline="") as stream:
            _read_file(path, csv.reader(stream), [*columns, *features], queries)
    if not queries:
        raise ValueError(f"{folder}: the files hold no rows")
    names = tuple(sorted(queries))
    groups = np.array([len(queries[name]) for name in names])
    return names, groups, np.array([row for name in names for row in queries[name]], dtype=np.float64)


def _read_file(
    path: Path, reader: Iterable[list[str]], header: list[str], queries: dict[str, list[list[float]]]
) -> None:
    for number, row in enumerate(reader, start=1):
        where = f"{path.name} line {number}"
        if number == 1:
            if row != header:
                raise ValueError(f"{where}: the header must be {','.join(header)}")
            continue
        if len(row) != len(header):
            raise ValueError(f"{where}: {len(row)} columns instead of {len(header)}")
        try:
            values = [float(text) for text in row[2:]]
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
        if not all(math.isfinite(value) for value in values):
            raise ValueError(f"{where}: a value is not a finite number")
        queries.setdefault(row[0], []).append(values)
