"""Runs the programs that are measured, in a clean AWS environment, and ends what was started."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
REGION = "eu-west-1"


@dataclass(frozen=True)
class Ran:
    """A program that ended: its exit code, wall and processor seconds, and the end of what it said."""

    code: int
    seconds: float
    cpu_s: float
    said: str


class BenchError(Exception):
    """Something that the benchmark needs does not work; the message says what."""


def environment(**more: str) -> dict[str, str]:
    """Return our environment without anybody's AWS settings, and with made-up credentials."""
    foreign = ("AWS_", "BOTO_", "SANDBOX_", "SLIPWAY_", "PYTHONPATH")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(foreign)},
        "PYTHONDONTWRITEBYTECODE": "",  # a start-up that compiles everything anew would measure the compiler
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        **more,
    }


def run(command: Sequence[str | Path], *, env: Mapping[str, str], limit_s: float = 120.0) -> Ran:
    """Run a program to its end. Raises BenchError when it takes longer than the limit."""
    before = os.times()
    began = time.perf_counter()
    try:
        done = subprocess.run(
            command, env=env, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False, timeout=limit_s,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"{command[0]} took longer than {limit_s:.0f} s") from error
    seconds = time.perf_counter() - began
    after = os.times()
    cpu = after.children_user - before.children_user + after.children_system - before.children_system
    return Ran(done.returncode, seconds, cpu, (done.stdout + done.stderr).strip()[-2000:])


@contextmanager
def latency_s3() -> Iterator[Remote]:
    """Run the latency model in a process of its own."""
    command = [sys.executable, "-m", "bench.latency_s3"]
    process = subprocess.Popen(
        command, env=environment(), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        url = process.stdout.readline().strip() if process.stdout else ""
        if not url:
            raise BenchError("the latency model of S3 did not start")
        yield Remote(url)
    finally:
        process.communicate(timeout=10)  # closes its standard input, which ends it


@dataclass(frozen=True)
class Remote:
    """The latency model's control channel."""

    url: str

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.url)
        return parts.hostname or "127.0.0.1", parts.port or 80

    def ask(self, what: str, **arguments: Any) -> Any:
        """Ask the control channel. Raises BenchError with its answer."""
        connection = http.client.HTTPConnection(*self.address, timeout=10)
        try:
            connection.request("POST", f"/-/{what}", json.dumps(arguments))
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise BenchError(f"the latency model refuses {what}: {body.decode()}")
        return json.loads(body)
