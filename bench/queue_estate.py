"""A dev account with the training queue as Terraform makes it, and an image whose program does next to nothing."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import images
from bench.invoking import sandbox
from bench.processes import REGION, BenchError
from sandbox.demo.shell import Shell, StepError

ENVIRONMENTS = ("dev", "qa", "production")
LAUNCHES_PER_SECOND = 50
SPEED = 20  # AWS seconds a second
BUDGET = 500  # instances of each type, on demand and on spot
TRAIN = rb"""#!/bin/sh
# Ends as the job's hyperparameter `ends` says: fail, once (the first attempt fails), or well.
case "$SM_HP_ENDS $TRAINING_JOB_NAME" in
  fail\ * | once\ *-1) echo "the data are bad" > "$SM_OUTPUT_DIR/failure"; exit 1 ;;
esac
echo "$TRAINING_JOB_NAME" > "$SM_MODEL_DIR/model.txt"
"""


@dataclass(frozen=True)
class Estate:
    """The sandbox of this benchmark: its commands, its dev operator, its access log, and the image by digest."""

    shell: Shell
    requests: Path
    queue: Mapping[str, Any]
    image: str
    seconds: float

    def client(self, service: str) -> Any:
        """Return a client of dev's operator, who may look at everything."""
        return _client(service)


@contextmanager
def estate(home: Path) -> Iterator[Estate]:
    """Start a sandbox, apply all bootstraps and dev's foundation with Terraform, push the image. Raises BenchError."""
    with sandbox(home):
        began = time.monotonic()
        _hasten(Path(os.environ["SLIPWAY_ENVIRONMENTS"]) / "dev" / "environment.tfvars")
        shell = Shell(dict(os.environ), home / "commands.log")
        try:
            with ThreadPoolExecutor() as pool:
                list(pool.map(lambda name: _apply(shell, name, "bootstrap"), ENVIRONMENTS))
            _apply(shell, "dev", "foundation")
        except StepError as error:
            raise BenchError(str(error)) from error
        parameter = _client("ssm").get_parameter(Name="/slipway/dev/foundation")["Parameter"]["Value"]
        foundation = json.loads(parameter)
        digest = images.push(_client("ecr"), "slipway/ranker", {"opt/program/bin/train": TRAIN}, tag="0" * 40)
        uri = f"{foundation['models']['ranker']['repository_url']}@{digest}"
        # A table's stream keeps a day, and the witness reads it at the end: at the default speed a day is 24 minutes.
        shell.run(sys.executable, "-m", "sandbox", "clock", "--speed", str(SPEED))
        yield Estate(shell, home / "requests.jsonl", foundation["training_queue"], uri, time.monotonic() - began)


def faults(estate: Estate, file: Path | None) -> None:
    """Load a file of faults, or clear all."""
    command = (sys.executable, "-m", "sandbox", "fault")
    estate.shell.run(*command, *(("load", str(file)) if file else ("clear",)), expect=(0, 1))


def hits(estate: Estate) -> dict[str, int]:
    """Return how often each fault happened."""
    done = estate.shell.run(sys.executable, "-m", "sandbox", "fault", "list", "--json")
    return {one["id"]: int(one["hits"]) for one in json.loads(done.stdout)["faults"]}


def _apply(shell: Shell, environment: str, stack: str) -> None:
    shell.slipway("plan", "--env", environment, "--stack", stack)
    shell.slipway("apply", "--env", environment, "--stack", stack)


def _hasten(tfvars: Path) -> None:
    """Give the queue the quotas of a large account, so that thousands of jobs pass in minutes; nothing else changes."""
    faster = rf"\g<1>    launches_per_second = {LAUNCHES_PER_SECOND}\n"
    text, count = re.subn(r"(\n\s*training_queue = \{\n)", faster, tfvars.read_text())
    if count != 1:
        raise BenchError(f"{tfvars} has no training_queue to measure")
    tfvars.write_text(re.sub(r"budget = \d+", f"budget = {BUDGET}", text))


def _client(service: str) -> Any:
    import boto3  # noqa: PLC0415 - only the benchmarks of the sandbox need it
    from botocore.config import Config  # noqa: PLC0415

    session: Any = boto3.Session(profile_name="dev", region_name=REGION)
    # the sweep lists at the same rate, and it is the account's
    return session.client(service, config=Config(retries={"mode": "standard", "total_max_attempts": 12}))
