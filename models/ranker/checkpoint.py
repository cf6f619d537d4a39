"""What an interrupted training leaves behind, and a later one goes on from.

SageMaker copies the checkpoint folder to S3 while the job runs, and back when it starts again
(https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html). One file holds the trees so far, LightGBM's
own text, with the fingerprint of everything that the training depends on. What does not fit is left aside, with a line
in the log: a training that begins anew is right, one that goes on from another's trees is not.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import lightgbm
from lightgbm.basic import LightGBMError

from . import data
from .settings import Hyperparameters

FILE = "ranker-checkpoint.json"
SCHEMA = 1


@dataclass(frozen=True)
class Checkpoint:
    """A training after some rounds: LightGBM's text of the model."""

    rounds: int
    model: str


class Checkpoints:
    """The checkpoint of one training in a folder; without a folder nothing is kept and nothing is found."""

    def __init__(self, folder: Path | None, fingerprint: str) -> None:
        self._path = folder / FILE if folder else None
        self._fingerprint = fingerprint

    def save(self, checkpoint: Checkpoint) -> None:
        """Write it in one step: whoever reads meanwhile, SageMaker's copier too, gets the one before or this one."""
        if self._path is None:
            return
        document = {
            "schema": SCHEMA,
            "fingerprint": self._fingerprint,
            "rounds": checkpoint.rounds,
            "sha256": hashlib.sha256(checkpoint.model.encode()).hexdigest(),
            "model": checkpoint.model,
        }
        unfinished = self._path.with_suffix(".new")
        with unfinished.open("w", encoding="utf-8") as stream:
            json.dump(document, stream)
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(self._path)

    def load(self, *, most: int) -> Checkpoint | None:
        """Return the checkpoint to go on from, of at most `most` rounds; None when there is none that fits."""
        if self._path is None or not self._path.is_file():
            return None
        try:
            found = self._read(self._path.read_text(encoding="utf-8"), most)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, LightGBMError) as error:
            said = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            print(f"checkpoint ignored: {said}", flush=True)
            return None
        print(f"checkpoint found: going on after round {found.rounds}", flush=True)
        return found

    def _read(self, text: str, most: int) -> Checkpoint:
        document = json.loads(text)
        if document["schema"] != SCHEMA or document["fingerprint"] != self._fingerprint:
            raise ValueError("it is of other data, other hyperparameters or another version")
        rounds, model = document["rounds"], document["model"]
        # The checksum comes before LightGBM reads it: native code trusts its input.
        if hashlib.sha256(model.encode()).hexdigest() != document["sha256"]:
            raise ValueError("its model is not the one that was written")
        if type(rounds) is not int or not 0 < rounds <= most:
            raise ValueError(f"it is of round {rounds!r}")
        if (trees := lightgbm.Booster(model_str=model).num_trees()) != rounds:
            raise ValueError(f"it has {trees} trees, and is of round {rounds}")
        return Checkpoint(rounds, model)


def fingerprint(log: data.ClickLog, grades: data.Integers, parameters: Hyperparameters) -> str:
    """Return the SHA-256 (hex) of what a training depends on: rows, labels, groups, hyperparameters, LightGBM."""
    whole = hashlib.sha256()
    facts = {"schema": SCHEMA, "lightgbm": lightgbm.__version__, "hyperparameters": vars(parameters)}
    facts["rows"] = list(log.features.shape)
    whole.update(json.dumps(facts, sort_keys=True).encode())
    for values in (log.features, grades, log.groups):
        whole.update(values.dtype.str.encode() + values.tobytes())
    return whole.hexdigest()
