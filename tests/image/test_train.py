"""The training half of SageMaker's container contract, against real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from models.ranker import data
from models.ranker.settings import load

REPOSITORY = Path(__file__).resolve().parents[2]
TRAIN = [sys.executable, str(REPOSITORY / "image" / "bin" / "train")]


def environment(job: Path, package: str = "models.ranker", **extra: str) -> dict[str, str]:
    """What the toolkits set; everything else is found in the files below SM_INPUT_DIR."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{REPOSITORY}:{job}",
        "SLIPWAY_MODEL_PACKAGE": package,
        "SM_MODEL_DIR": str(job / "model"),
        "SM_INPUT_DIR": str(job / "input"),
        "SM_OUTPUT_DATA_DIR": str(job / "output" / "data"),
        **extra,
    }


def write_model(job: Path, code: str) -> None:
    (job / "toy").mkdir()
    (job / "toy" / "train.py").write_text(code)


def failure(job: Path) -> str:
    return (job / "output" / "failure").read_text()


def test_a_job_from_sagemakers_own_files(tmp_path: Path) -> None:
    config = tmp_path / "input" / "config"
    config.mkdir(parents=True)
    data.write_channels(load(), tmp_path / "input" / "data")
    (config / "hyperparameters.json").write_text(
        json.dumps({"rounds": "25", "leaves": "6", "sagemaker_region": '"eu-west-1"'})
    )
    (config / "inputdataconfig.json").write_text(json.dumps({"train": {}, "validation": {}}))
    (config / "resourceconfig.json").write_text(json.dumps({"current_host": "algo-1", "hosts": ["algo-1"]}))
    result = subprocess.run(TRAIN, env=environment(tmp_path), capture_output=True, text=True, check=True, timeout=60)
    assert "metric ndcg_at_10=0." in result.stdout
    model = tmp_path / "model"
    description = json.loads((model / "model.json").read_text())
    assert description["hyperparameters"]["rounds"] == 25
    assert json.loads((model / "metrics.json").read_text())["trees"] == 25
    assert len(json.loads((model / "golden" / "requests.json").read_text())) >= 5
    assert not (tmp_path / "output" / "failure").exists()
    assert '"channels": ["train", "validation"]' in result.stderr


@pytest.mark.parametrize(
    ("hyperparameters", "words"),
    [
        ('{"rouns": "25"}', "ValueError: unknown hyperparameter rouns; known: feature_fraction,"),
        ('{"rounds": "many"}', "ValueError: hyperparameter rounds is 'many'; it takes a whole number"),
        ('{"rounds": "1", "leaves": "2"}', "BelowBoundsError: NDCG@10 0."),
        ("[1]", "SettingsError: SM_HPS is not a JSON object"),
        ("{", "SettingsError: SM_HPS is not JSON"),
    ],
)
def test_the_failure_file_says_why(tmp_path: Path, hyperparameters: str, words: str) -> None:
    environ = environment(tmp_path, SM_HPS=hyperparameters)
    result = subprocess.run(TRAIN, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 1
    assert failure(tmp_path).startswith(words)
    assert len(failure(tmp_path)) <= 1024
    assert not (tmp_path / "model" / "model.txt").exists(), "a refused model must not be left behind"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def train(context): pass", "TrainingFailedError: train() saved nothing into the model folder"),
        ("import sys\ndef train(context): sys.exit(5)", "TrainingFailedError: the training left with exit code 5"),
        ("def train(context): raise MemoryError()", "MemoryError"),
        ("import no_such_package", "TrainingFailedError: the image has no training program"),
    ],
)
def test_a_program_that_goes_wrong(tmp_path: Path, code: str, words: str) -> None:
    write_model(tmp_path, code)
    environ = environment(tmp_path, "toy")
    result = subprocess.run(TRAIN, env=environ, capture_output=True, text=True, check=False, timeout=30)
    assert (result.returncode, failure(tmp_path).startswith(words)) == (1, True), failure(tmp_path)


WAITING = """
import time
def train(context):
    (context.model_dir / "started").touch()
    if not context.stop.wait(20):
        raise RuntimeError("nobody stopped it")
    while context.hyperparameters["deaf"]:
        time.sleep(0.05)
    (context.model_dir / "saved").touch()
"""


@pytest.mark.parametrize(("deaf", "signals", "code"), [("false", 1, 0), ("true", 2, 143)])
def test_stopping_lets_the_program_save_and_insisting_ends_it(
    tmp_path: Path, deaf: str, signals: int, code: int
) -> None:
    write_model(tmp_path, WAITING)
    process = subprocess.Popen(TRAIN, env=environment(tmp_path, "toy", SM_HPS=json.dumps({"deaf": deaf})))
    until = time.monotonic() + 10
    while not (tmp_path / "model" / "started").exists():
        assert time.monotonic() < until
        time.sleep(0.02)
    for _ in range(signals):
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
    assert process.wait(10) == code
    assert (tmp_path / "model" / "saved").exists() is (code == 0)
