"""Runs terraform so that it survives us: in its own session, writing to a file that we read along."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from glue.errors import SlipwayError
from glue.tf.commands import Command
from glue.tf.runs import Run, Runs

_POLL_S = 0.1
OnLine = Callable[[str], None]


@dataclass(frozen=True)
class Finished:
    """How a command ended: its exit code, all that it printed, and the seconds it took."""

    exit_code: int
    output: str
    seconds: float
    log: Path


class Processes:
    """The terraform processes that we started. `interrupt` asks all of them to stop in an orderly way."""

    def __init__(self, *, root: Path, environ: Mapping[str, str]) -> None:
        self._root = root
        self._environ = environ
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self.interrupted = False

    def interrupt(self) -> None:
        """Send SIGINT to what is running: terraform finishes the resource at hand, writes its state and unlocks it."""
        self.interrupted = True
        with self._lock:
            for process in self._running:
                if process.poll() is None:
                    process.send_signal(signal.SIGINT)

    def run(self, command: Command, *, binary: Path, runs: Runs, on_line: OnLine) -> Finished:
        """Run a command to its end and return how it went. The record in `runs` tells of it, also if we are killed."""
        if self.interrupted:
            raise SlipwayError(f"interrupted before `terraform {command.verb}`")
        record = runs.begin(command.verb, began=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
        began = time.monotonic()
        with Path(record.log).open("wb") as log:
            process = subprocess.Popen(
                [str(binary), *command.arguments[1:]],
                cwd=self._root,
                env=self._process_environment(command, record),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        record = runs.started(record, process.pid)
        with self._lock:
            self._running.add(process)
        try:
            follow(Path(record.log), while_running=lambda: process.poll() is None, on_line=on_line)
            exit_code = process.wait()
        finally:
            with self._lock:
                self._running.discard(process)
        if exit_code >= 0:
            runs.ended(record, exit_code)
        # else a signal ended it, and nobody gave its lock back: the record stays open, for the next run to settle
        output = Path(record.log).read_text(encoding="utf-8", errors="replace")
        return Finished(exit_code, output, time.monotonic() - began, Path(record.log))

    def _process_environment(self, command: Command, record: Run) -> dict[str, str]:
        """Return the environment. Terraform's own log names the lock that it takes; its output does not."""
        environment = command.environment(self._environ)
        environment["TF_IN_AUTOMATION"] = "1"
        if not Path(environment.get("TF_CLI_CONFIG_FILE", "")).is_file():
            environment.pop("TF_CLI_CONFIG_FILE", None)  # a settings file that does not exist is ignored
        environment.pop("TF_LOG", None)
        environment["TF_LOG_CORE"] = "info"
        environment["TF_LOG_PATH"] = record.core_log
        if "NO_COLOR" not in environment:
            # the output goes through a file and is read by programs; colours would only be in the way
            environment["NO_COLOR"] = "1"
        environment["TF_CLI_ARGS"] = " ".join(filter(None, [environment.get("TF_CLI_ARGS"), "-no-color"]))
        return environment


def follow(
    log: Path, *, while_running: Callable[[], bool], on_line: OnLine, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Hand on each line that a process writes to its log, until it ended and the log is read."""
    with log.open("rb") as file:
        rest = b""
        last = False
        while True:
            data = file.read()
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                on_line(line.decode("utf-8", errors="replace"))
            if last:
                break
            last = not while_running()
            if not last and not data:
                sleep(_POLL_S)
        if rest:
            on_line(rest.decode("utf-8", errors="replace"))
