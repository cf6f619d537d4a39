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
    of_sagemaker = {"sagemaker_region": '"eu-west-1"', "_tuning_objective_metric": "ndcg_at_10"}
    (config / "hyperparameters.json").write_text(json.dumps({"rounds": "25", "leaves": "6"} | of_sagemaker))
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
    time.sleep(0.3)
    if context.hyperparameters["saves"]:
        (context.model_dir / "saved").touch()
"""


@pytest.mark.parametrize("saves", [True, False])
def test_stopping_lets_the_program_save_and_is_never_success(tmp_path: Path, saves: bool) -> None:
    write_model(tmp_path, WAITING)
    environ = environment(tmp_path, "toy", SM_HPS=json.dumps({"saves": str(saves).lower()}))
    process = subprocess.Popen(TRAIN, env=environ)
    until = time.monotonic() + 10
    while not (tmp_path / "model" / "started").exists():
        assert time.monotonic() < until
        time.sleep(0.02)
    for _ in range(2):  # who stops a container twice does not mean it more
        process.send_signal(signal.SIGTERM)
        time.sleep(0.05)
    assert process.wait(10) == 143
    assert (tmp_path / "model" / "saved").exists() is saves
    assert not (tmp_path / "output" / "failure").exists()


def test_what_will_be_packed_does_not_depend_on_time_and_umask(tmp_path: Path) -> None:
    write_model(
        tmp_path,
        """
import os
def train(context):
    os.umask(0o077)
    (context.model_dir / "golden").mkdir()
    (context.model_dir / "golden" / "x").touch()
    (context.model_dir / "run").touch()
    (context.model_dir / "run").chmod(0o700)
    (context.model_dir / "away").symlink_to("/nowhere")
""",
    )
    subprocess.run(TRAIN, env=environment(tmp_path, "toy"), check=True, timeout=30)
    found = {path.name: path.lstat() for path in (tmp_path / "model").rglob("*") if not path.is_symlink()}
    assert {name: stat.st_mode & 0o777 for name, stat in found.items()} == {"golden": 0o755, "x": 0o644, "run": 0o755}
    assert {stat.st_mtime for stat in found.values()} == {315_532_800}


def test_a_training_that_was_interrupted_ends_with_the_same_bytes(tmp_path: Path) -> None:
    hyperparameters = json.dumps({"rounds": "120", "leaves": "7", "feature_fraction": "0.5"})
    whole = environment(tmp_path / "whole", SM_HPS=hyperparameters)
    subprocess.run(TRAIN, env=whole, check=True, capture_output=True, timeout=60)
    (tmp_path / "checkpoints").mkdir()
    job = tmp_path / "job"
    environ = environment(job, SM_HPS=hyperparameters, SM_CHECKPOINT_DIR=str(tmp_path / "checkpoints"))
    process = subprocess.Popen(TRAIN, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until = time.monotonic() + 30
    while not any((tmp_path / "checkpoints").iterdir()):
        assert time.monotonic() < until
        time.sleep(0.005)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 143
    assert 0 < json.loads((job / "model" / "metrics.json").read_text())["trees"] < 120
    result = subprocess.run(TRAIN, env=environ, capture_output=True, text=True, check=True, timeout=60)
    assert "checkpoint found: going on after round" in result.stdout
    for path in (tmp_path / "whole" / "model").rglob("*"):
        if path.is_file():
            name = path.relative_to(tmp_path / "whole")
            assert (job / name).read_bytes() == path.read_bytes(), name
