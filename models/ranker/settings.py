"""The ranker's settings file, typed, and the hyperparameters of a job checked against it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

SETTINGS_FILE = Path(__file__).with_name("model.toml")


@dataclass(frozen=True)
class Hyperparameters:
    """What shapes one training. `sample` is the share of training queries that is used."""

    rounds: int
    leaves: int
    learning_rate: float
    min_leaf: int
    feature_fraction: float
    seed: int
    sample: float


@dataclass(frozen=True)
class Data:
    """How much synthetic data there is."""

    seed: int
    train_queries: int
    held_out_queries: int
    documents: int
    sessions: int


@dataclass(frozen=True)
class Clicks:
    """The click model's numbers: see data.py."""

    examination_decay: float
    noise: float
    ranking_noise: float


@dataclass(frozen=True)
class Bounds:
    """Lowest acceptable NDCG@10 on held-out queries, and by how much it must beat the two baselines."""

    ndcg_at_10: float
    above_random: float
    above_single_feature: float


@dataclass(frozen=True)
class Request:
    """Limits of one request; `golden_latency_ms` is the time that a golden request may take."""

    max_documents: int
    max_query_characters: int
    golden_latency_ms: int


@dataclass(frozen=True)
class Settings:
    """Everything that model.toml says."""

    name: str
    features: tuple[str, ...]
    hyperparameters: Hyperparameters
    better: Hyperparameters
    data: Data
    clicks: Clicks
    bounds: Bounds
    request: Request
    records: Mapping[str, str]


RANGES: dict[str, tuple[float, float]] = {
    "rounds": (1, 10_000),
    "leaves": (2, 1024),
    "learning_rate": (1e-4, 1.0),
    "min_leaf": (1, 100_000),
    "feature_fraction": (0.1, 1.0),
    "seed": (0, 2**31 - 1),
    "sample": (0.01, 1.0),
}


def load(path: Path = SETTINGS_FILE) -> Settings:
    """Return the settings. Raises TypeError or ValueError for a key too many, one missing, or a value out of range."""
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    first = with_hyperparameters(Hyperparameters(**raw["hyperparameters"]), {})
    return Settings(
        name=raw["name"],
        features=tuple(raw["features"]),
        hyperparameters=first,
        better=with_hyperparameters(first, raw["better"]),
        data=Data(**raw["data"]),
        clicks=Clicks(**raw["clicks"]),
        bounds=Bounds(**raw["bounds"]),
        request=Request(**raw["request"]),
        records={name: str(field) for name, field in raw["records"].items()},
    )


def with_hyperparameters(base: Hyperparameters, given: Mapping[str, object]) -> Hyperparameters:
    """Return `base` with a job's hyperparameters. Raises ValueError for an unknown name or an unusable value.

    A misspelt hyperparameter that is ignored costs a night of training; so it is an error.
    """
    known = {field.name for field in fields(Hyperparameters)}
    unknown = sorted(set(given) - known)
    if unknown:
        raise ValueError(f"unknown hyperparameter {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    numbers: dict[str, Any] = {name: _number(name, value) for name, value in ({**vars(base), **given}).items()}
    return Hyperparameters(**numbers)


def _number(name: str, value: object) -> float:
    low, high = RANGES[name]
    whole = Hyperparameters.__dataclass_fields__[name].type == "int"
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high
    if not usable or (whole and value != int(value)):  # type: ignore[call-overload]  # usable says it is a number
        kind = "a whole number" if whole else "a number"
        raise ValueError(f"hyperparameter {name} is {value!r}; it takes {kind} from {low:g} to {high:g}")
    return int(value) if whole else float(value)  # type: ignore[call-overload, arg-type]  # as above
