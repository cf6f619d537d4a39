"""Records of our Terraform runs on this machine: so that one that was killed can be told from one that is at work."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from dataclasses import asdict, dataclass, replace
from pathlib import Path

_ID = re.compile(r"tf_backend\.lock\.id=([0-9a-f-]{36})")


@dataclass(frozen=True)
class Run:
    """One run. `pid` is None until it was started, `exit_code` until it ended; `started` tells equal pids apart."""

    verb: str
    host: str
    began: str
    log: str
    core_log: str
    pid: int | None = None
    started: str | None = None
    exit_code: int | None = None

    @property
    def here(self) -> bool:
        """Whether it ran on this machine."""
        return self.host == socket.gethostname()

    @property
    def alive(self) -> bool:
        """Whether its process is still at work on this machine."""
        return self.here and self.pid is not None and process_start(self.pid) == self.started

    @property
    def killed(self) -> bool:
        """Whether it ran on this machine and ended without anybody seeing its exit code."""
        return self.here and self.pid is not None and self.exit_code is None and not self.alive

    def held_lock(self) -> str | None:
        """Return the id of the state lock that it took and never gave back, from Terraform's own log; else None."""
        try:
            text = Path(self.core_log).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        held: str | None = None
        for line in text.splitlines():
            match = _ID.search(line)
            # From the attempt on: it may die between S3's answer and its next line. An id that never came to hold the
            # lock does no harm, because force-unlock takes the holder's id only.
            if match and "Attempting to lock remote state" in line:
                held = match[1]
            elif "Unlocked remote state" in line:
                held = None
        return held


class Runs:
    """A stack's newest run of each verb (plan, apply, ...), in the stack's run folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self) -> tuple[Run, ...]:
        """Return the runs whose end nobody has seen, the oldest first; records that are not readable are none."""
        found = []
        for path in self.folder.glob("*.run.json"):
            try:
                run = Run(**json.loads(path.read_text(encoding="utf-8")))
            except (OSError, ValueError, TypeError):
                continue
            if run.exit_code is None:
                found.append(run)
        return tuple(sorted(found, key=lambda run: run.began))

    def begin(self, verb: str, *, began: str) -> Run:
        """Record that a run is about to be started, and return it with the paths of its logs."""
        self.folder.mkdir(parents=True, exist_ok=True)
        log, core_log = self.folder / f"{verb}.log", self.folder / f"{verb}.core.log"
        for path in (log, core_log):
            path.unlink(missing_ok=True)
        run = Run(verb=verb, host=socket.gethostname(), began=began, log=str(log), core_log=str(core_log))
        return self._write(run)

    def started(self, run: Run, pid: int) -> Run:
        """Record a run's process."""
        return self._write(replace(run, pid=pid, started=process_start(pid)))

    def ended(self, run: Run, exit_code: int) -> Run:
        """Record how a run ended."""
        return self._write(replace(run, exit_code=exit_code))

    def _write(self, run: Run) -> Run:
        file = self.folder / f"{run.verb}.run.json"
        draft = file.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(asdict(run)), encoding="utf-8")
        draft.replace(file)
        return run


def process_start(pid: int) -> str | None:
    """Return when a process began, in the system's own words; None when there is none, or it is only a zombie."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            # the command's name is in brackets and may hold anything: count from its end
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in {"Z", "X"} else fields[19]
    done = subprocess.run(["ps", "-o", "lstart=,state=", "-p", str(pid)], capture_output=True, text=True, check=False)
    text = done.stdout.strip()
    return None if done.returncode or text.endswith("Z") else text.rpartition(" ")[0].strip() or None
