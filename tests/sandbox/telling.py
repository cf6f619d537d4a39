"""Tells the demo's story on three accounts of a test's own, or takes those that run already."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.sandbox.estate import REPOSITORY, Estate


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def sandbox_command(command: str, environment: dict[str, str]) -> None:
    """Run `python -m sandbox <command>`."""
    subprocess.run([sys.executable, "-m", "sandbox", command], cwd=REPOSITORY, env=environment, check=True, timeout=120)


def exports(file: Path, environment: dict[str, str]) -> dict[str, str]:
    """Return what a shell's environment is after it sourced the file."""
    done = subprocess.run(
        ["bash", "-c", '. "$1" && env -0', "-", file], env=environment, capture_output=True, text=True, check=True
    )
    return dict(line.partition("=")[::2] for line in done.stdout.split("\0") if line)


@contextmanager
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """Have the demo tell its story on three accounts, and keep them for the length of the block.

    DEMO_ESTATE=<.sandbox folder>:<folder of the report> names accounts that run already, for work on these tests.
    """
    if kept := os.environ.get("DEMO_ESTATE"):
        home, _, output = kept.partition(":")
        yield told(Path(home), Path(output), dict(os.environ))
        return
    home, output = tmp_path_factory.mktemp("estate"), tmp_path_factory.mktemp("demo")
    started = os.environ | {"SANDBOX_HOME": str(home), "SANDBOX_PORT": str(free_port())}
    command = [sys.executable, "-m", "sandbox.demo", "--keep", "--output", str(output)]
    try:
        done = subprocess.run(
            command, cwd=REPOSITORY, env=started, capture_output=True, text=True, check=False, timeout=1500
        )
        (output / "stdout.txt").write_text(done.stdout)
        assert done.returncode == 0, f"the demo failed:\n{done.stderr[-4000:]}\n{done.stdout[-2000:]}"
        yield told(home, output, started)
    finally:
        sandbox_command("stop", started)


def told(home: Path, output: Path, environment: dict[str, str]) -> Estate:
    """Return what the demo left behind."""
    return Estate(exports(home / "env", environment), json.loads((output / "report.json").read_text()), output)
