"""Child processes of the server: model servers, training jobs, functions. None of them outlives the server.

Three nets, because a server may end in any way. `stop_all()` when it is stopped. A watchdog process that holds the
read end of a pipe: when the server is killed, the pipe closes and the watchdog ends what the server left. And the next
start, should the watchdog have been killed too. PR_SET_PDEATHSIG is no net here: it fires when the *thread* that
started the child ends (prctl(2)), and our threads end with their connection.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from sandbox import processes
from sandbox.settings import Settings

_GRACE_S = 3.0
_records: dict[int, tuple[Path, subprocess.Popen[bytes]]] = {}


def start(
    settings: Settings,
    argv: Sequence[str | Path],
    *,
    name: str,
    env: Mapping[str, str],
    cwd: Path | None = None,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stdout: int | IO[bytes] = subprocess.DEVNULL,
    stderr: int | IO[bytes] = subprocess.STDOUT,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own and return it; `name` says in records and logs what it is for.

    The environment is exactly `env` plus the mark of this run. Raises OSError when the program cannot be started.
    """
    process = subprocess.Popen(
        [str(part) for part in argv],
        env={**env, processes.RUN_VARIABLE: settings.run_id},
        cwd=cwd,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )
    settings.workloads.mkdir(parents=True, exist_ok=True)
    record = settings.workloads / f"{process.pid}.json"
    known = processes.identity(process.pid) or ""
    record.write_text(json.dumps({"pid": process.pid, "identity": known, "name": name}))
    _records[process.pid] = (record, process)
    return process


def stop(process: subprocess.Popen[bytes], *, grace_s: float = _GRACE_S) -> int:
    """End a program and everything in its group, reap it, and return its exit code."""
    for sign, patience in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 5.0)):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=patience)
            break
    with suppress(ProcessLookupError, PermissionError):  # those that ignored SIGTERM, in the same group
        os.killpg(process.pid, signal.SIGKILL)
    forget(process)
    return process.returncode if process.returncode is not None else -signal.SIGKILL


def forget(process: subprocess.Popen[bytes]) -> None:
    """Drop the record of a program that ended by itself."""
    record, _ = _records.pop(process.pid, (None, None))
    if record is not None:
        record.unlink(missing_ok=True)


def stop_all(settings: Settings) -> None:
    """End every program that this server started."""
    for _, process in list(_records.values()):
        stop(process)
    sweep(settings.workloads, settings.run_id)


def sweep(records: Path, run_id: str) -> list[int]:
    """End what a dead server left: recorded programs that still are the ones recorded, and marked processes.

    Returns the pids that were ended. Called by the watchdog and by the next start.
    """
    ended: list[int] = []
    for record in sorted(records.glob("*.json")) if records.is_dir() else []:
        with suppress(ValueError, KeyError, OSError):
            entry = json.loads(record.read_text())
            pid, known = int(entry["pid"]), str(entry["identity"])
            if known and processes.same(pid, known):
                processes.end(pid, known, grace_s=1.0, group=True)
                ended.append(pid)
        record.unlink(missing_ok=True)
    for pid in processes.carrying(run_id) if run_id else ():
        known_now = processes.identity(pid)
        if known_now is not None:
            processes.end(pid, known_now, grace_s=0.5)
            ended.append(pid)
    return ended


def watch(settings: Settings) -> None:
    """Start the watchdog of this server. It ends by itself when the server has ended."""
    read_end, write_end = os.pipe()  # the write end is never closed here: it closes when this process ends
    os.set_inheritable(read_end, True)
    subprocess.Popen(
        [sys.executable, "-m", "sandbox.workloads", str(read_end), str(settings.workloads), settings.run_id],
        cwd=settings.repository,
        pass_fds=[read_end],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(read_end)
    _held.append(write_end)


_held: list[int] = []


def _watchdog(descriptor: int, records: Path, run_id: str) -> None:
    while os.read(descriptor, 64):
        pass
    ended = sweep(records, run_id)
    if ended:
        sys.stderr.write(f"watchdog: the server is gone; ended what it left: {ended}\n")


if __name__ == "__main__":
    _watchdog(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
