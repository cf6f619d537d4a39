"""The program `prepare`: a training's channels from impressions or from a seed, as a processing job runs it."""

from __future__ import annotations

import filecmp
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from models.ranker import data, prepare
from models.ranker.settings import load

REPOSITORY = Path(__file__).resolve().parents[2]
PREPARE = [sys.executable, str(REPOSITORY / "image" / "bin" / "prepare")]
HEADER = "query,document,position,clicked," + ",".join(load().features)
FEATURES = "1,0.5,0.25,0,0,0,0,0"


def environment(job: Path, package: str = "models.ranker") -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{REPOSITORY}:{job}",
        "SLIPWAY_MODEL_PACKAGE": package,
        "SLIPWAY_INPUT_DIR": str(job / "in"),
        "SLIPWAY_OUTPUT_DIR": str(job / "out"),
        "SM_OUTPUT_DIR": str(job / "output"),
    }


def run(job: Path, *arguments: str, package: str = "models.ranker") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PREPARE, *arguments],
        env=environment(job, package),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def impressions(job: Path, *files: str) -> None:
    folder = job / "in" / "impressions"
    folder.mkdir(parents=True)
    for number, text in enumerate(files):
        (folder / f"{number}.csv").write_text(text)


def test_a_seed_makes_the_channels_that_a_training_reads(tmp_path: Path) -> None:
    done = run(tmp_path, "train_queries=50", "held_out_queries=20", "sessions=5")
    assert done.returncode == 0, done.stderr
    log = data.read_clicks(tmp_path / "out" / "train", load().features)
    assert (len(log.queries), len(data.read_judgements(tmp_path / "out" / "validation", load().features).groups)) == (
        50,
        20,
    )
    again = tmp_path / "again"
    assert run(again, "train_queries=50", "held_out_queries=20", "sessions=5").returncode == 0
    names = ["train/clicks.csv", "validation/judgements.csv"]
    assert filecmp.cmpfiles(tmp_path / "out", again / "out", names, shallow=False) == (names, [], [])


def test_impressions_are_summed_up_in_whatever_order_they_come(tmp_path: Path) -> None:
    lines = [f"q{number},d{shown},{shown + 1},{shown % 2},{FEATURES}" for number in range(20) for shown in range(3)]
    lines += [f"q0,d1,4,1,{FEATURES.replace('0.25', '0.75')}"]
    impressions(tmp_path / "one", "\n".join([HEADER, *lines]))
    parts = ["\n".join([HEADER, *part]) for part in (lines[::-2], lines[-2::-2])]
    impressions(tmp_path / "two", *parts)
    outputs = []
    for job in ("one", "two"):
        done = run(tmp_path / job)
        assert done.returncode == 0, done.stderr
        outputs.append((tmp_path / job / "out" / "train" / "clicks.csv").read_bytes())
    assert outputs[0] == outputs[1]
    log = prepare.clicks_of(tmp_path / "one" / "in" / "impressions", load())
    assert log.examinations[:3].tolist() == [1.0, 0.75, 0.333333]
    assert log.clicks[:3].tolist() == [0, 2, 0]
    assert log.features[1].tolist()[:3] == [1.0, 0.5, 0.5]
    train, judged = prepare.held_out(log, load())
    assert len(train.queries) + len(judged.groups) == 20
    assert 0 < len(judged.groups) < 10


def test_editors_grades_are_taken_as_they_are(tmp_path: Path) -> None:
    impressions(tmp_path, f"{HEADER}\nq,a,1,1,{FEATURES}\nq,b,2,0,{FEATURES}\n")
    grades = tmp_path / "in" / "judgements"
    grades.mkdir()
    header = ",".join([*data.JUDGEMENT_COLUMNS, *load().features])
    (grades / "x.csv").write_text(f"{header}\nh,a,4,{FEATURES}\nh,b,0,{FEATURES}\n")
    assert run(tmp_path).returncode == 0
    assert data.read_judgements(tmp_path / "out" / "validation", load().features).grades.tolist() == [4, 0]
    assert data.read_clicks(tmp_path / "out" / "train", load().features).queries == ("q",)


@pytest.mark.parametrize(
    ("lines", "arguments", "words"),
    [
        (None, ["seeds=1"], "ValueError: unknown argument seeds; known: documents,"),
        (None, ["seed=-1"], "ValueError: argument seed is '-1'; it takes a whole number, more than 0"),
        (None, ["seed"], "SettingsError: argument 'seed' is not name=value"),
        (None, ["seed=1", "seed=2"], "SettingsError: argument 'seed=2' is not name=value, once for each name"),
        ("", [], "ValueError: "),
        ("query,document\n", [], "ValueError: 0.csv line 1: the header must be query,document,position,clicked,bm25"),
        (f"{HEADER}\nq,a,0,1,{FEATURES}", [], "ValueError: 0.csv line 2: the position is '0'"),
        (f"{HEADER}\nq,a,1,2,{FEATURES}", [], "ValueError: 0.csv line 2: clicked is '2'"),
        (f"{HEADER}\nq,a,1,1,{FEATURES},9", [], "ValueError: 0.csv line 2: 13 columns instead of 12"),
        (f"{HEADER}\nq,a,1,1,nan{FEATURES[1:]}", [], "ValueError: 0.csv line 2: a value is not a finite number"),
        (f"{HEADER}\nq,a,1,1,{FEATURES}", ["seed=1"], "ValueError: arguments are for synthetic data"),
    ],
)
def test_what_is_wrong_becomes_the_jobs_message(
    tmp_path: Path, lines: str | None, arguments: list[str], words: str
) -> None:
    if lines is not None:
        impressions(tmp_path, lines)
    done = run(tmp_path, *arguments)
    assert done.returncode == 1
    message = (tmp_path / "output" / "message").read_text()
    assert message.startswith(words)
    assert (tmp_path / "output" / "failure").read_text() == message


def test_a_program_that_is_missing_is_said_and_one_that_is_told_to_stop_stops(tmp_path: Path) -> None:
    assert run(tmp_path, package="models").returncode == 1
    assert "the image has no program models.prepare" in (tmp_path / "output" / "message").read_text()
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "prepare.py").write_text(
        "def prepare(context):\n    (context.output_dir / 'up').touch()\n    assert context.stop.wait(20)\n"
    )
    process = subprocess.Popen(PREPARE, env=environment(tmp_path, "toy"))
    until = time.monotonic() + 20
    while not (tmp_path / "out" / "up").exists():
        assert time.monotonic() < until
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 143


def test_the_log_tells_what_was_asked(tmp_path: Path) -> None:
    done = run(tmp_path, "train_queries=5", "held_out_queries=5", "documents=3", "sessions=1")
    line = json.loads(done.stderr.splitlines()[0])
    assert (line["event"], line["arguments"]["train_queries"]) == ("prepare", "5")
