"""The ranker's data, and one model of each release, trained once."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from models import local
from models.ranker import data, inference, settings

BETTER = {"rounds": "200", "leaves": "15", "learning_rate": "0.08"}


@pytest.fixture(scope="session")
def config() -> settings.Settings:
    return settings.load()


@pytest.fixture(scope="session")
def dataset(config: settings.Settings) -> tuple[data.ClickLog, data.Judged]:
    return data.synthesize(config)


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory) -> local.Trained:
    return local.train("ranker", output=tmp_path_factory.mktemp("first"))


@pytest.fixture(scope="session")
def better(tmp_path_factory: pytest.TempPathFactory) -> local.Trained:
    return local.train("ranker", output=tmp_path_factory.mktemp("better"), hyperparameters=BETTER)


@pytest.fixture(scope="session")
def model_dir(first: local.Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    with tarfile.open(first.archive) as tar:
        tar.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="session")
def model(model_dir: Path) -> inference.Model:
    return inference.model_fn(str(model_dir))
