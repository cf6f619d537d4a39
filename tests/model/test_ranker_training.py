"""The ranker is deterministic and good enough; the second release is clearly better."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from models import local
from models.ranker import data, metrics, settings
from models.ranker.__main__ import table
from models.ranker.train import BelowBoundsError, check, evaluate, fit
from tests.model.conftest import BETTER

README = Path(__file__).resolve().parents[2] / "models" / "ranker" / "README.md"


def test_the_same_seed_gives_the_same_archive_from_channels_as_well(
    first: local.Trained, config: settings.Settings, tmp_path: Path
) -> None:
    assert local.train("ranker", output=tmp_path / "again").digest == first.digest
    channels = data.write_channels(config, tmp_path / "data")
    assert local.train("ranker", output=tmp_path / "channels", channels=channels).digest == first.digest


def test_another_seed_of_a_sampling_training_gives_another_model(
    dataset: tuple[data.ClickLog, data.Judged], config: settings.Settings
) -> None:
    log, _ = dataset
    grades = data.labels(log, config.clicks)
    models = {
        fit(
            log,
            grades,
            settings.with_hyperparameters(config.hyperparameters, {"seed": seed, "feature_fraction": 0.5}),
        ).model_to_string()
        for seed in (1, 2)
    }
    assert len(models) == 2


def test_both_releases_keep_their_bounds_and_the_second_is_better(
    first: local.Trained, better: local.Trained, config: settings.Settings
) -> None:
    for trained in (first, better):
        check(trained.metrics, config.bounds)
    assert better.metrics["ndcg_at_10"] > first.metrics["ndcg_at_10"] + 0.05
    assert better.digest != first.digest


def test_the_settings_file_holds_the_better_release(config: settings.Settings) -> None:
    given = {name: float(value) for name, value in BETTER.items()}
    assert settings.with_hyperparameters(config.hyperparameters, given) == config.better


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.79, "the lowest acceptable value"),
        (0.86, "random order plus"),
        (0.86, "the best single feature plus"),
    ],
)
def test_a_missed_bound_is_named(config: settings.Settings, value: float, words: str) -> None:
    results = {"ndcg_at_10": value, "ndcg_at_10_random": 0.8, "ndcg_at_10_single_feature": 0.8}
    with pytest.raises(BelowBoundsError, match=words):
        check(results, config.bounds)


def test_a_sampled_training_still_keeps_its_bounds(
    dataset: tuple[data.ClickLog, data.Judged], config: settings.Settings
) -> None:
    log, judged = dataset
    small = data.sampled(log, 0.3)
    assert 120 < len(small.groups) < 240
    assert set(data.sampled(log, 0.1).queries) < set(small.queries)
    grades = data.labels(small, config.clicks)
    results = evaluate(fit(small, grades, config.hyperparameters), small, grades, judged, seed=1)
    check(results, config.bounds)


def test_training_stops_when_told(dataset: tuple[data.ClickLog, data.Judged], config: settings.Settings) -> None:
    log, _ = dataset
    rounds = iter(range(100))
    booster = fit(log, data.labels(log, config.clicks), config.better, stop=lambda: next(rounds) >= 4)
    assert booster.num_trees() == 5


def test_ndcg_by_hand() -> None:
    grades, groups = np.array([3, 2, 0, 0, 0]), np.array([3, 2])
    perfect, worst = np.array([3.0, 2.0, 1.0, 0.0, 0.0]), np.array([1.0, 2.0, 3.0, 0.0, 0.0])
    assert metrics.ndcg(grades, perfect, groups) == pytest.approx(1.0)
    ideal = 7 / np.log2(2) + 3 / np.log2(3)
    assert metrics.ndcg(grades, worst, groups) == pytest.approx((3 / np.log2(3) + 7 / np.log2(4)) / ideal)
    assert metrics.ndcg(np.array([0, 0]), np.array([1.0, 2.0]), np.array([2])) == 0.0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"round": 3}, "unknown hyperparameter round"),
        ({"rounds": 2.5}, "a whole number"),
        ({"rounds": True}, "a whole number"),
        ({"rounds": "20 "}, "a whole number"),
        ({"leaves": 1}, "from 2 to 1024"),
        ({"learning_rate": float("nan")}, "a number from"),
        ({"sample": None}, "a number from"),
    ],
)
def test_unusable_hyperparameters_are_refused(config: settings.Settings, given: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        settings.with_hyperparameters(config.hyperparameters, given)


def test_a_misspelt_settings_file_is_refused(tmp_path: Path, config: settings.Settings) -> None:
    text = settings.SETTINGS_FILE.read_text()
    (tmp_path / "model.toml").write_text(text.replace("sessions =", "session ="))
    with pytest.raises(TypeError, match="session"):
        settings.load(tmp_path / "model.toml")
    assert asdict(config.data)["sessions"] > 0


def test_the_readme_shows_the_metrics_of_today(config: settings.Settings) -> None:
    assert table(config) in README.read_text()


def test_the_archive_describes_itself(model_dir: Path, first: local.Trained) -> None:
    names = {path.relative_to(model_dir).as_posix() for path in model_dir.rglob("*") if path.is_file()}
    assert names == {"baseline.json", "golden/requests.json", "metrics.json", "model.json", "model.txt"}
    assert json.loads((model_dir / "metrics.json").read_text()) == first.metrics
    assert all(isinstance(value, float) for value in first.metrics.values())
