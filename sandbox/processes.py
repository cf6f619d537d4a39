"""Facts about processes: is this pid still the process that we started, who holds a port, who carries our mark."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
RUN_VARIABLE = "SLIPWAY_SANDBOX_RUN"  # in the environment of every process that a sandbox server starts


def identity(pid: int) -> str | None:
    """Return what tells this process from a later one with the same pid, or None when there is no such process.

    On Linux it is the start time in clock ticks since boot (proc(5), field 22 of /proc/<pid>/stat), elsewhere what
    `ps` says. A zombie does not count as a process: nothing of it runs any more.
    """
    if PROC.joinpath("self", "stat").exists():
        try:
            # the program's name is in brackets and may hold spaces and brackets itself
            fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in {"Z", "X"} else fields[19]
    done = subprocess.run(["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = done.stdout.strip().partition(" ")
    return started.strip() if done.returncode == 0 and not state.startswith("Z") else None


def same(pid: int, known: str) -> bool:
    """Return whether `pid` still is the process whose identity was `known`."""
    return pid > 0 and identity(pid) == known


def end(pid: int, known: str, *, grace_s: float, group: bool = False) -> bool:
    """End a process (or its whole group) by SIGTERM, after `grace_s` seconds by SIGKILL; return whether it is gone.

    Nothing is done when the pid belongs to another process by now.
    """
    for sign, patience in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 5.0)):
        if not same(pid, known):
            return True
        try:
            (os.killpg if group else os.kill)(pid, sign)
        except ProcessLookupError:
            return True
        deadline = time.monotonic() + patience
        while same(pid, known) and time.monotonic() < deadline:
            time.sleep(0.05)
    return not same(pid, known)


def carrying(run_id: str) -> Iterator[int]:
    """Yield the pids of processes whose environment says that they belong to this run of a server (Linux only)."""
    mark = f"{RUN_VARIABLE}={run_id}".encode()
    for entry in PROC.iterdir() if PROC.joinpath("self", "environ").exists() else ():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            variables = (entry / "environ").read_bytes().split(b"\0")
        except OSError:  # ended in between, or not ours
            continue
        if mark in variables:
            yield int(entry.name)


def holder_of(port: int) -> str | None:
    """Return `<pid> (<command>)` of the process that listens on a local TCP port, or None when it cannot be found.

    /proc/net/tcp names the socket's inode, /proc/<pid>/fd who has it open. Other users' processes stay hidden.
    """
    inodes = set(_listening_inodes(port))
    for entry in PROC.iterdir() if inodes else ():
        if not entry.name.isdecimal():
            continue
        try:
            links = {str(link.readlink()) for link in (entry / "fd").iterdir()}
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if links & inodes:
            return f"{entry.name} ({command[:120]})"
    return None


def _listening_inodes(port: int) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        try:
            lines = (PROC / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:  # 0A: LISTEN
                yield f"socket:[{fields[9]}]"
