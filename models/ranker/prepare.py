"""Makes the channels `train` and `validation` of the ranker's training, from impressions or from a seed.

Input `impressions`: CSV files `query,document,position,clicked,<features>`, a line for each document shown to somebody,
positions from 1, clicked 0 or 1. A document's examinations are the sum over its impressions of position ** -decay, the
click model of data.py; its features the mean. Input `judgements`: editors' grades, as the channel `validation` has
them; without it a fifth of the queries, chosen by a hash, is held out, with grades estimated from their clicks. Without
impressions the synthetic data are written. The same rows give the same bytes, in whatever order and files they come.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import data
from .settings import Data, Settings, load

if TYPE_CHECKING:
    from image.slipway_runtime.prepare import PrepareContext

IMPRESSIONS, JUDGEMENTS = "impressions", "judgements"
COLUMNS = ("query", "document", "position", "clicked")
TRAINED = 0.8  # share of the queries that are not held out


@dataclass
class Shown:
    """What is known of one document of one query."""

    positions: list[int] = field(default_factory=list)
    clicks: int = 0
    features: list[tuple[float, ...]] = field(default_factory=list)


def prepare(context: PrepareContext) -> None:
    """Write `train/clicks.csv` and `validation/judgements.csv` below the output folder.

    Arguments, of the synthetic data only: seed, train_queries, held_out_queries, documents, sessions. Raises ValueError
    that names file, line and problem.
    """
    settings = load()
    impressions = context.input_dir / IMPRESSIONS
    if not impressions.is_dir():
        settings = replace(settings, data=with_arguments(settings.data, context.arguments))
        data.write_channels(settings, context.output_dir)
        print(f"prepared {settings.data.train_queries} queries from seed {settings.data.seed}", flush=True)
        return
    if context.arguments:
        raise ValueError(f"arguments are for synthetic data, and there are impressions: {', '.join(context.arguments)}")
    log = clicks_of(impressions, settings)
    editors = context.input_dir / JUDGEMENTS
    judged = data.read_judgements(editors, settings.features) if editors.is_dir() else None
    data.write_log(context.output_dir, settings, *((log, judged) if judged else held_out(log, settings)))
    print(f"prepared {len(log.queries)} queries from impressions", flush=True)


def with_arguments(base: Data, arguments: Mapping[str, str]) -> Data:
    """Return the synthetic data's settings with a job's arguments. Raises ValueError for one that is not usable."""
    known = {one.name for one in fields(Data)}
    for name, value in arguments.items():
        if name not in known:
            raise ValueError(f"unknown argument {name}; known: {', '.join(sorted(known))}")
        if not (value.isascii() and value.isdigit() and 0 < int(value) < 10_000_000):
            raise ValueError(f"argument {name} is {value!r}; it takes a whole number, more than 0")
    return replace(base, **{name: int(value) for name, value in arguments.items()})


def clicks_of(folder: Path, settings: Settings) -> data.ClickLog:
    """Return the clicks and expected examinations of all impressions in a folder's CSV files."""
    found: dict[str, dict[str, Shown]] = {}
    files = sorted(path for path in folder.rglob("*.csv") if path.is_file())
    for path in files:
        with path.open(encoding="utf-8", newline="") as stream:
            _count(path.name, csv.reader(stream), [*COLUMNS, *settings.features], found)
    rows = [one for query in sorted(found) for _, one in sorted(found[query].items())]
    if not rows:
        raise ValueError(f"{folder}: no impressions in {len(files)} CSV files")
    decay = settings.clicks.examination_decay
    return data.ClickLog(
        features=np.array([_mean(row.features) for row in rows]),
        examinations=np.round([math.fsum(place**-decay for place in row.positions) for row in rows], 6),
        clicks=np.array([row.clicks for row in rows], dtype=np.int64),
        queries=tuple(sorted(found)),
        groups=np.array([len(found[query]) for query in sorted(found)]),
    )


def held_out(log: data.ClickLog, settings: Settings) -> tuple[data.ClickLog, data.Judged]:
    """Return the queries to train on, and those held out with grades estimated from their clicks."""
    train = data.sampled(log, TRAINED)
    rest = data.unsampled(log, TRAINED)
    return train, data.Judged(rest.features, data.labels(rest, settings.clicks), rest.groups)


def _count(name: str, reader: Iterator[list[str]], header: list[str], found: dict[str, dict[str, Shown]]) -> None:
    for number, row in enumerate(reader, start=1):
        if number == 1:
            if row != header:
                raise ValueError(f"{name} line 1: the header must be {','.join(header)}")
            continue
        try:
            position, clicked, features = _values(row, len(header))
        except ValueError as error:
            raise ValueError(f"{name} line {number}: {error}") from error
        one = found.setdefault(row[0], {}).setdefault(row[1], Shown())
        one.positions.append(position)
        one.clicks += clicked
        one.features.append(features)


def _values(row: Sequence[str], columns: int) -> tuple[int, int, tuple[float, ...]]:
    if len(row) != columns:
        raise ValueError(f"{len(row)} columns instead of {columns}")
    position, clicked = row[2], row[3]
    if not (position.isascii() and position.isdigit() and 0 < int(position) <= 10_000):
        raise ValueError(f"the position is {position!r}; it takes a whole number from 1 to 10000")
    if clicked not in {"0", "1"}:
        raise ValueError(f"clicked is {clicked!r}; it takes 0 or 1")
    features = tuple(float(text) for text in row[4:])
    if not all(math.isfinite(value) for value in features):
        raise ValueError("a value is not a finite number")
    return int(position), int(clicked), features


def _mean(rows: Sequence[tuple[float, ...]]) -> list[float]:
    return [round(math.fsum(values) / len(rows), 9) for values in zip(*rows, strict=True)]
