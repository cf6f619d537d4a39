"""What a pipeline runs at each commit: a small, seeded training whose bounds fail the build, the same every time."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from glue.core.archive import Inspection, inspect
from glue.core.checksum import PART_SIZE
from models import local

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLE = {"sample": "0.25", "rounds": "30"}


def look(archive: Path) -> Inspection:
    with archive.open("rb") as stream:
        return inspect(stream, name=archive.name, part_size=PART_SIZE)


def in_a_pipeline(*settings: str, output: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Train as `python -m models.local ranker --set …` does, with another machine's habits."""
    chosen = [word for setting in settings for word in ("--set", setting)]
    return subprocess.run(
        [sys.executable, "-m", "models.local", "ranker", *chosen, "--output", str(output)],
        cwd=REPOSITORY,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_seeded_sample_gives_the_same_bytes_whoever_trains_it(tmp_path: Path) -> None:
    one = local.train("ranker", output=tmp_path / "one", hyperparameters=SAMPLE)
    umask = os.umask(0o077)
    try:
        done = in_a_pipeline(
            "rounds=30", "sample=0.25", output=tmp_path / "two", TZ="Asia/Tokyo", LC_ALL="C", PYTHONHASHSEED="7"
        )
    finally:
        os.umask(umask)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "two" / "model.tar.gz").read_bytes() == one.archive.read_bytes()
    assert 100 < one.metrics["train_queries"] < 200
    assert one.metrics["ndcg_at_10"] > 0.8


def test_a_sample_that_misses_its_bounds_fails_the_build(tmp_path: Path) -> None:
    done = in_a_pipeline("rounds=1", "leaves=2", "sample=0.1", output=tmp_path)
    assert done.returncode == 1
    assert "training ranker failed: BelowBoundsError: NDCG@10 0." in done.stderr
    assert not (tmp_path / "model.tar.gz").exists()


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_packed_as_sagemaker_does_it_is_the_same_content(tmp_path: Path, form: int) -> None:
    trained = local.train("ranker", output=tmp_path, hyperparameters={"rounds": "30", "sample": "0.25"})
    folder = tmp_path / "model"
    with tarfile.open(trained.archive) as tar:
        tar.extractall(folder, filter="data")
    packed = tmp_path / "packed.tar.gz"
    with tarfile.open(packed, "w:gz", format=form) as tar:
        tar.add(folder, arcname=".")
    assert packed.read_bytes() != trained.archive.read_bytes()
    assert look(packed).unpacked == look(trained.archive).unpacked
