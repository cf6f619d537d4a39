"""Trains the ranker: labels from clicks, LambdaMART, the check against the bounds, golden requests, and the files."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import lightgbm
import numpy as np

from . import baseline, data, golden, metrics
from .checkpoint import Checkpoint, Checkpoints, fingerprint
from .settings import Bounds, Hyperparameters, Settings, load, with_hyperparameters

if TYPE_CHECKING:
    from image.slipway_runtime.context import TrainingContext

MODEL_FILE = "model.txt"
SHORTEST, STRETCHES = 25, 10  # rounds between two checkpoints: see `stretch`
ROUNDS = re.compile(r"\[num_iterations: \d+\]")
SECTION = re.compile(r"^parameters:$.*?^end of parameters$", re.MULTILINE | re.DOTALL)


class BelowBoundsError(Exception):
    """The model is not good enough to become a release."""


def train(context: TrainingContext) -> None:
    """Write model.txt, model.json, metrics.json, baseline.json and golden/requests.json into the model folder.

    Channels `train` (clicks.csv) and `validation` (judgements.csv) are read when given, both or none; else the data are
    made from the seed. Raises ValueError for unusable data or hyperparameters, BelowBoundsError for a poor model.
    """
    settings = load()
    parameters = with_hyperparameters(settings.hyperparameters, context.hyperparameters)
    log, judged = _data(settings, context.channels)
    log = data.sampled(log, parameters.sample)
    grades = data.labels(log, settings.clicks)
    kept = Checkpoints(context.checkpoint_dir, fingerprint(log, grades, parameters))
    booster = fit(log, grades, parameters, stop=context.stop.is_set, checkpoints=kept)
    results = evaluate(booster, log, grades, judged, seed=parameters.seed)
    for name, value in results.items():
        print(f"metric {name}={value:.6f}", flush=True)  # SageMaker's metric definitions read the log
    if not context.stop.is_set():  # what was stopped is saved as far as it came: nobody releases a stopped job
        check(results, settings.bounds)
    save(context.model_dir, booster, settings, parameters, results)
    scores = np.asarray(booster.predict(judged.features, num_threads=1), dtype=np.float64)
    baseline.write(context.model_dir, log, judged, scores=scores, settings=settings, results=results)
    golden.write(context.model_dir, judged, settings)


def fit(
    log: data.ClickLog,
    grades: data.Integers,
    parameters: Hyperparameters,
    *,
    stop: Callable[[], bool] = lambda: False,
    checkpoints: Checkpoints | None = None,
) -> lightgbm.Booster:
    """Return the trained booster: the same bytes for the same input, also when it was interrupted. `stop` ends it.

    Rounds are boosted in stretches, each from the text of the one before: a training that goes on from a checkpoint
    does exactly what one without interruption does. Features are sampled anew in each stretch, from a seed of its own.
    """
    kept = checkpoints or Checkpoints(None, "")
    found = kept.load(most=parameters.rounds)
    done, text = (found.rounds, found.model) if found else (0, None)
    length = stretch(parameters)
    while done < parameters.rounds and not (text and stop()):
        until = min(parameters.rounds, done - done % length + length)
        booster = _boost(log, grades, parameters, done=done, until=until, before=text, stop=stop)
        done, text = booster.num_trees(), _settled(booster, parameters, text)
        if done % length == 0 or done == parameters.rounds or parameters.feature_fraction == 1.0:
            kept.save(Checkpoint(done, text))  # elsewhere the sampling of features could not be taken up again
    return lightgbm.Booster(model_str=text)


def stretch(parameters: Hyperparameters) -> int:
    """Return how many rounds are boosted between two checkpoints: a tenth of all, 25 at least.

    Each stretch begins with a prediction of all rows, so many short ones would cost more than the training.
    """
    return max(SHORTEST, -(-parameters.rounds // STRETCHES))


def _boost(
    log: data.ClickLog,
    grades: data.Integers,
    parameters: Hyperparameters,
    *,
    done: int,
    until: int,
    before: str | None,
    stop: Callable[[], bool],
) -> lightgbm.Booster:
    def stop_when_told(environment: lightgbm.callback.CallbackEnv) -> None:
        if stop():
            raise lightgbm.callback.EarlyStopException(environment.iteration, [])

    settings = {
        "objective": "lambdarank",
        "lambdarank_truncation_level": metrics.CUTOFF + 3,
        "num_leaves": parameters.leaves,
        "learning_rate": parameters.learning_rate,
        "min_data_in_leaf": parameters.min_leaf,
        "feature_fraction": parameters.feature_fraction,
        "seed": (parameters.seed + done) % 2**31,
        # One thread and a fixed layout: sums are always made in the same order.
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    dataset = lightgbm.Dataset(
        log.features, label=grades, group=log.groups, params={"verbosity": -1}, free_raw_data=False
    )
    return lightgbm.train(
        settings,
        dataset,
        num_boost_round=until - done,
        init_model=lightgbm.Booster(model_str=before) if before else None,
        callbacks=[stop_when_told],
    )


def _settled(booster: lightgbm.Booster, parameters: Hyperparameters, before: str | None) -> str:
    """Return LightGBM's text of the model. Of how it was made it says what was asked, not what the last stretch was."""
    text: str = booster.model_to_string(num_iteration=-1)
    if before is None:
        return ROUNDS.sub(f"[num_iterations: {parameters.rounds}]", text, count=1)
    said = SECTION.search(before)
    return SECTION.sub(lambda _: said.group(), text, count=1) if said else text


def evaluate(
    booster: lightgbm.Booster, log: data.ClickLog, grades: data.Integers, judged: data.Judged, *, seed: int
) -> dict[str, float]:
    """Return NDCG@10 on the held-out queries of the model, of random order and of the best single feature."""
    column, sign = metrics.best_feature(log.features, grades, log.groups)
    scores = np.asarray(booster.predict(judged.features, num_threads=1), dtype=np.float64)
    values = {
        "ndcg_at_10": metrics.ndcg(judged.grades, scores, judged.groups),
        "ndcg_at_10_random": metrics.random_order(judged, seed),
        "ndcg_at_10_single_feature": metrics.ndcg(judged.grades, sign * judged.features[:, column], judged.groups),
        "trees": float(booster.num_trees()),
        "train_queries": float(len(log.groups)),
        "held_out_queries": float(len(judged.groups)),
    }
    return {name: round(value, 6) for name, value in values.items()}


def check(results: Mapping[str, float], bounds: Bounds) -> None:
    """Raise BelowBoundsError, with all numbers, when the model misses a bound."""
    value = results["ndcg_at_10"]
    floors = {
        "the lowest acceptable value": bounds.ndcg_at_10,
        f"random order plus {bounds.above_random:g}": results["ndcg_at_10_random"] + bounds.above_random,
        f"the best single feature plus {bounds.above_single_feature:g}": (
            results["ndcg_at_10_single_feature"] + bounds.above_single_feature
        ),
    }
    missed = [f"{name} ({floor:.4f})" for name, floor in floors.items() if value < floor]
    if missed:
        raise BelowBoundsError(f"NDCG@10 {value:.4f} is below {' and '.join(missed)}")


def save(
    folder: Path,
    booster: lightgbm.Booster,
    settings: Settings,
    parameters: Hyperparameters,
    results: Mapping[str, float],
) -> None:
    """Write the model, its description and its metrics. Nothing in them depends on time, machine or folder."""
    text = booster.model_to_string(num_iteration=-1)
    (folder / MODEL_FILE).write_text(text, encoding="utf-8")
    description = {
        "name": settings.name,
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "features": list(settings.features),
        "hyperparameters": vars(parameters),
        "request": vars(settings.request),
    }
    (folder / "model.json").write_text(json.dumps(description, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    (folder / "metrics.json").write_text(json.dumps(dict(results), indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _data(settings: Settings, channels: Mapping[str, Path]) -> tuple[data.ClickLog, data.Judged]:
    given = {"train", "validation"} & set(channels)
    if not given:
        return data.synthesize(settings)
    if len(given) == 1:
        raise ValueError(f"channel {given.pop()} is given alone; the ranker needs train and validation, or none")
    return (
        data.read_clicks(channels["train"], settings.features),
        data.read_judgements(channels["validation"], settings.features),
    )
