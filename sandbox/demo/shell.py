"""Runs the product's own commands as a user would: subprocesses, with the sandbox's settings in the environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
BIN = Path(sys.executable).parent


class StepError(Exception):
    """A step of the story failed; the message holds the command and the end of what it printed."""


def sourced(env_file: Path) -> dict[str, str]:
    """Return the environment as a shell has it after `source <env_file>`."""
    script = 'set -a; source "$0" >/dev/null; exec env -0'
    done = subprocess.run(["bash", "-c", script, str(env_file)], capture_output=True, text=True, check=True)
    return dict(entry.split("=", 1) for entry in done.stdout.split("\0") if "=" in entry)


class Shell:
    """Runs commands with one environment, and keeps everything they print in one log file."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        path = f"{BIN}{os.pathsep}{environment.get('PATH', os.defpath)}"
        self.environment = {**environment, "PATH": path, "NO_COLOR": "1"}
        self.log = log

    def run(
        self, *command: str, expect: tuple[int, ...] = (0,), settings: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command from the repository's root; raises StepError on an exit code that is not expected."""
        done = subprocess.run(
            command, cwd=ROOT, env={**self.environment, **(settings or {})}, capture_output=True, text=True, check=False
        )
        with self.log.open("a") as log:
            log.write(f"$ {' '.join(command)}\n{done.stderr}{done.stdout}[exit {done.returncode}]\n\n")
        if done.returncode not in expect:
            tail = "\n".join(f"{done.stderr}\n{done.stdout}".strip().splitlines()[-25:])
            raise StepError(f"`{' '.join(command)}` ended with exit code {done.returncode}:\n{tail}")
        return done

    def slipway(
        self, *arguments: str, expect: tuple[int, ...] = (0,), settings: Mapping[str, str] | None = None
    ) -> Any:
        """Run `slipway ... --format json` and return the document it printed."""
        done = self.run("slipway", *arguments, "--format", "json", expect=expect, settings=settings)
        try:
            return json.loads(done.stdout)
        except ValueError as error:
            raise StepError(f"`slipway {' '.join(arguments)}` did not print JSON: {done.stdout[:500]!r}") from error
