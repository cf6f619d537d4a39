"""A training that was interrupted ends with the model that it would have had anyway; what does not fit is ignored."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from models.ranker import data, settings
from models.ranker.checkpoint import FILE, Checkpoint, Checkpoints, fingerprint
from models.ranker.train import fit, stretch

Dataset = tuple[data.ClickLog, data.Integers]


@pytest.fixture(scope="module")
def small(dataset: tuple[data.ClickLog, data.Judged], config: settings.Settings) -> Dataset:
    log = data.sampled(dataset[0], 0.2)
    return log, data.labels(log, config.clicks)


def text(booster: object) -> str:
    found: str = booster.model_to_string(num_iteration=-1)  # type: ignore[attr-defined]
    return found


def stopping(after: int) -> Callable[[], bool]:
    asked = itertools.count(1)
    return lambda: next(asked) > after


@pytest.mark.parametrize("share", [1.0, 0.5])
@pytest.mark.parametrize("cuts", [(1,), (24, 3), (25,), (40, 30, 90), (59,)])
def test_interrupted_anywhere_the_model_is_the_same(
    small: Dataset, config: settings.Settings, tmp_path: Path, share: float, cuts: tuple[int, ...]
) -> None:
    parameters = replace(config.better, rounds=60, leaves=5, feature_fraction=share)
    kept = Checkpoints(tmp_path, fingerprint(*small, parameters))
    for cut in cuts:
        fit(*small, parameters, stop=stopping(cut), checkpoints=kept)
    ended = fit(*small, parameters, checkpoints=kept)
    assert text(ended) == text(fit(*small, parameters))
    assert ended.num_trees() == 60
    assert text(fit(*small, parameters, checkpoints=kept)) == text(ended), "a finished one is only read"


def test_stretches_are_a_tenth_and_not_too_short(config: settings.Settings) -> None:
    lengths = {rounds: stretch(replace(config.better, rounds=rounds)) for rounds in (1, 250, 251, 10_000)}
    assert lengths == {1: 25, 250: 25, 251: 26, 10_000: 1000}


def test_what_a_training_depends_on_is_in_its_fingerprint(small: Dataset, config: settings.Settings) -> None:
    log, grades = small
    marks = [
        fingerprint(log, grades, config.hyperparameters),
        fingerprint(log, grades, replace(config.hyperparameters, seed=1)),
        fingerprint(log, grades, replace(config.hyperparameters, rounds=1)),
        fingerprint(log, grades + 1, config.hyperparameters),
        fingerprint(replace(log, features=log.features + 1), grades, config.hyperparameters),
        fingerprint(replace(log, groups=log.groups[::-1] + 1), grades, config.hyperparameters),
    ]
    assert len(set(marks)) == len(marks)
    assert fingerprint(log, grades, config.hyperparameters) == marks[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fingerprint": "other"}, "it is of other data, other hyperparameters or another version"),
        ({"schema": 9}, "another version"),
        ({"model": "tree\n"}, "its model is not the one that was written"),
        ({"model": 7}, "AttributeError"),
        ({"rounds": 61}, "it is of round 61"),
        ({"rounds": 0}, "it is of round 0"),
        ({"rounds": True}, "it is of round True"),
        ({"rounds": None}, "it is of round None"),
    ],
)
def test_what_does_not_fit_is_ignored_with_a_line_in_the_log(
    small: Dataset,
    config: settings.Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, object],
    words: str,
) -> None:
    kept = Checkpoints(tmp_path, "mine")
    trees = Checkpoint(1, text(fit(*small, replace(config.hyperparameters, rounds=1))))
    kept.save(trees)
    assert kept.load(most=60) == trees
    path = tmp_path / FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert kept.load(most=60) is None
    assert words in capsys.readouterr().out.splitlines()[-1]
    assert [one.name for one in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"[]", b"null", b"{}", b"[" * 100_000])
def test_a_damaged_file_is_ignored(tmp_path: Path, capsys: pytest.CaptureFixture[str], raw: bytes) -> None:
    (tmp_path / FILE).write_bytes(raw)
    assert Checkpoints(tmp_path, "mine").load(most=60) is None
    assert capsys.readouterr().out.startswith("checkpoint ignored: ")


def test_a_model_that_lightgbm_cannot_read_is_ignored(
    small: Dataset, config: settings.Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mark = fingerprint(*small, config.hyperparameters)
    for model, rounds in (("no model at all", 5), (text(fit(*small, config.hyperparameters)), 7)):
        document = {"schema": 1, "fingerprint": mark, "rounds": rounds, "model": model}
        document["sha256"] = hashlib.sha256(model.encode()).hexdigest()
        (tmp_path / FILE).write_text(json.dumps(document))
        assert Checkpoints(tmp_path, mark).load(most=20) is None
        assert "checkpoint ignored: " in capsys.readouterr().out


def test_without_a_folder_nothing_is_kept(tmp_path: Path) -> None:
    kept = Checkpoints(None, "mine")
    kept.save(Checkpoint(1, "x"))
    assert kept.load(most=10) is None
    assert Checkpoints(tmp_path, "mine").load(most=10) is None
