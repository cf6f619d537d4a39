"""The training queue under thousands of jobs and many faults: what became of every one, and what it cost.

Everything is real but the accounts: Terraform makes the queue, `slipway train submit` fills it, its functions run in
their own roles, each job runs a program. The faults are those of `bench/queue-faults.json`. What is counted comes from
the table's stream, S3 and the sandbox's access log, not from the queue's own metrics.
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import queue_estate, queue_witness
from bench.processes import ROOT, BenchError

JOBS = 5000
FAULTS = ROOT / "bench" / "queue-faults.json"
OWNERS = ("search", "ads", "forecasting", "fraud", "vision")
# How jobs end, as shares: the program fails always (and may be retried once), or once.
ENDS = (("fail", 0.02), ("once", 0.03), ("well", 0.95))
SPOT_SHARE = 0.1
CALM_JOBS = 200
LIMIT_S = 3000
LOOK_S = 10
TERMINAL = ("Completed", "Failed", "Stopped")
Say = Callable[[str], None]


def measure(*, jobs: int = JOBS, say: Say) -> dict[str, Any]:
    """Return the figures of one run, and under `violations` what must not have happened. Raises BenchError."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        say("queue: Terraform makes dev's queue in a sandbox")
        with queue_estate.estate(home / "sandbox") as estate:
            calm = _calm(estate, home / "calm", say)
            wanted = _write(home / "jobs", jobs, estate.image)
            queue_estate.faults(estate, FAULTS)
            say(f"queue: submitting {jobs} jobs with faults on")
            began = time.monotonic()
            submitted = estate.shell.slipway("train", "submit", str(home / "jobs"), "--env", "dev", "--yes")
            seconds = {"submit": time.monotonic() - began}
            again = estate.shell.slipway("train", "submit", str(home / "jobs" / "0"), "--env", "dev", "--yes")
            _watch(estate, jobs, say)
            seconds["all"] = time.monotonic() - began
            met = queue_estate.hits(estate)
            queue_estate.faults(estate, None)
            time.sleep(LOOK_S)  # notifications and history come through the stream, a moment after the last end
            say("queue: looking at what became of them")
            found = queue_witness.testify(estate, wanted)
            found["violations"] = [*calm.pop("violations"), *found["violations"]]
            _report(estate)
            return {
                "calm": calm,
                "jobs": jobs,
                "submitted": submitted["counts"],
                "submitted_again": again["counts"],
                "seconds": {name: round(value, 1) for name, value in seconds.items()},
                "estate_seconds": round(estate.seconds, 1),
                "faults": met,
                **found,
            }


def _calm(estate: queue_estate.Estate, folder: Path, say: Say) -> dict[str, Any]:
    """Run jobs on a good day: on demand, no faults, programs that do well. Returns what they cost."""
    say(f"queue: {CALM_JOBS} jobs on a good day")
    for number in range(CALM_JOBS):
        document = _document(f"calm-{number:05d}", "well", estate.image, random.Random(number))  # noqa: S311
        document.pop("spot", None)
        path = folder / f"{document['id']}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))
    estate.shell.slipway("train", "submit", str(folder), "--env", "dev", "--yes")
    _watch(estate, CALM_JOBS, say)
    return queue_witness.calm(estate)


def _write(folder: Path, count: int, image: str) -> dict[str, str]:
    """Write the job documents, 500 a folder; returns how each job must end, by id."""
    rng = random.Random(20261121)  # noqa: S311 - the same mix in every run
    wanted: dict[str, str] = {}
    for number in range(count):
        ends = rng.choices([name for name, _ in ENDS], [share for _, share in ENDS])[0]
        name = f"job-{number:05d}"
        document = _document(name, ends, image, rng)
        path = folder / str(number // 500) / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))
        wanted[name] = "Failed" if ends == "fail" else "Completed"
    return wanted


def _document(name: str, ends: str, image: str, rng: random.Random) -> dict[str, Any]:
    spot = {"spot": {"max_wait_minutes": 60, "attempts": 1}} if rng.random() < SPOT_SHARE else {}
    return {
        "id": name,
        "kind": "training",
        "model": "ranker",
        "owner": rng.choice(OWNERS),
        "priority": rng.randint(0, 9),
        "instance_types": ["ml.m5.xlarge", "ml.c5.xlarge"],
        "retry": {"algorithm": 1, "transient": 50},
        **spot,
        "arguments": {
            "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
            "HyperParameters": {"ends": ends},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        },
    }


def _watch(estate: queue_estate.Estate, count: int, say: Say) -> None:
    """Wait until no job is due or open. Raises BenchError after LIMIT_S seconds, with what is left."""
    table = estate.client("dynamodb")
    deadline = time.monotonic() + LIMIT_S
    while True:
        left = {"due": 0, "open": 0}
        for index in left:
            for page in table.get_paginator("scan").paginate(
                TableName=estate.queue["table"], IndexName=index, Select="COUNT"
            ):
                left[index] += page["Count"]
        if not any(left.values()):
            return
        if time.monotonic() > deadline:
            raise BenchError(f"after {LIMIT_S} s {left['due']} jobs are due and {left['open']} open, of {count}")
        say(f"queue: {count - sum(left.values())} ended, {left['open']} open, {left['due']} due")
        time.sleep(LOOK_S)


def _report(estate: queue_estate.Estate) -> None:
    """Leave the report of this run, as a page and as data, for people to look at."""
    target = ROOT / "build" / "bench" / "training-report.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    estate.shell.slipway("train", "report", "--env", "dev", "--since", "1d", "--by", "owner", "--html", str(target))
