"""Start, stop, status, logs: each says what it found and what to do about it."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sandbox import admin_client, home, processes, workloads
from sandbox.errors import SandboxError
from sandbox.settings import Settings

_START_S = 60.0
_STOP_S = 20.0


@dataclass(frozen=True)
class Record:
    """What `server.json` says about the server that was started last."""

    pid: int
    identity: str
    port: int
    run_id: str
    started: str


@dataclass(frozen=True)
class Status:
    """What there is: running, stopped (ended by `stop`, or never started), or dead (it ended otherwise)."""

    state: Literal["running", "stopped", "dead"]
    url: str
    home: str
    pid: int | None = None
    started: str | None = None
    uptime_s: float | None = None
    accounts: dict[str, str] | None = None
    clock: dict[str, Any] | None = None  # AWS's time and how fast it passes
    faults: int | None = None  # how many are set and may still happen


def status(settings: Settings) -> Status:
    """Return what there is. A server that does not answer within seconds raises SandboxError."""
    record = _read(settings)
    if record is None:
        return Status("stopped", settings.url, str(settings.home))
    url = f"http://{settings.host}:{record.port}"
    if not processes.same(record.pid, record.identity):
        return Status("dead", url, str(settings.home), record.pid, record.started)
    health = _health(settings.host, record.port)
    if health is None or health.get("run_id") != record.run_id:
        raise SandboxError(
            f"the server process {record.pid} lives but does not answer on {url}",
            remedy=f"Read {settings.server_log}, then `make sandbox-down` and `make sandbox`.",
        )
    return Status(
        "running",
        url,
        str(settings.home),
        record.pid,
        record.started,
        float(health["uptime_s"]),
        dict(health["accounts"]),
        dict(health["clock"]),
        int(health["faults"]),
    )


def start(settings: Settings, *, speed: float | None = None) -> tuple[Status, str]:
    """Start the server unless it runs; return what there is now and a sentence about what was done.

    `speed`: of its clock, in AWS seconds a second; one that runs already takes it, too. None: SANDBOX_SPEED, else 60.
    Raises SandboxError when the port is taken or the server does not come up.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    with _only_one(settings):
        before = _before(settings)
        if before.state == "running":
            if not home.is_complete(settings):
                raise SandboxError(
                    f"the sandbox runs (pid {before.pid}), but files of {settings.home} were removed",
                    remedy="`make sandbox-down`, then `make sandbox`: its state starts from nothing.",
                )
            if speed is not None:
                set_speed(settings, speed)
            return before, f"runs already: {before.url} (pid {before.pid})"
        _clean_up_after(settings)
        _require_free(settings)
        home.wipe(settings)
        home.prepare(settings)
        _spawn(settings, speed)
        home.announce(settings)
    now = status(settings)
    text = f"started: {now.url} (pid {now.pid})"
    if before.state == "dead":
        text = f"the server of {before.started} had been killed, and what it held is gone; a fresh one {text}"
    return now, text


def stop(settings: Settings) -> str:
    """End the server and everything it started; return a sentence about what was done."""
    if not settings.home.is_dir():
        return "the sandbox was not running"
    with _only_one(settings):
        record = _read(settings)
        if record is None:
            return "the sandbox was not running"
        alive = processes.same(record.pid, record.identity)
        if alive and not processes.end(record.pid, record.identity, grace_s=_STOP_S):
            raise SandboxError(f"the server process {record.pid} cannot be ended", remedy=f"kill -9 {record.pid}")
        _clean_up_after(settings)
        settings.env_file.unlink(missing_ok=True)
        settings.record.unlink(missing_ok=True)
    return f"stopped (pid {record.pid})" if alive else "the server had been killed; its remains are cleaned up"


def set_speed(settings: Settings, speed: float) -> dict[str, Any]:
    """Change the speed of the running server's clock and return what the clock says. Raises SandboxError."""
    record = _read(settings)
    if record is None or not processes.same(record.pid, record.identity):
        raise SandboxError("the sandbox is not running", remedy="`make sandbox` starts it.")
    return dict(admin_client.ask(settings, "POST", "/_sandbox/clock", {"speed": speed}))


def follow(settings: Settings, *, go_on: bool) -> Iterator[str]:
    """Yield the server's log, line by line; with `go_on`, wait for more for ever."""
    if not settings.server_log.exists():
        raise SandboxError(f"there is no log at {settings.server_log}", remedy="`make sandbox` starts the sandbox.")
    file = settings.server_log.open(errors="replace")
    try:
        while True:
            line = file.readline()
            if line:
                yield line
            elif not go_on:
                return
            else:
                time.sleep(0.2)
                if settings.server_log.exists() and settings.server_log.stat().st_ino != os.fstat(file.fileno()).st_ino:
                    file.close()  # a fresh start began a new log
                    file = settings.server_log.open(errors="replace")
    finally:
        file.close()


@contextmanager
def _only_one(settings: Settings) -> Iterator[None]:
    """Hold the lock that keeps two starts, or a start and a stop, apart."""
    with (settings.home / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _read(settings: Settings) -> Record | None:
    try:
        return Record(**json.loads(settings.record.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):  # half a file: nothing that runs can be behind it for sure
        return Record(pid=0, identity="", port=settings.port, run_id="", started="an unknown time")


def _before(settings: Settings) -> Status:
    """Return the status ahead of a start; another port than the running one is an error of its own."""
    record = _read(settings)
    if record is not None and processes.same(record.pid, record.identity) and record.port != settings.port:
        raise SandboxError(
            f"the sandbox in {settings.home} runs already, on port {record.port}, not {settings.port}",
            remedy="`make sandbox-down` first; its state is lost then.",
        )
    return status(settings)


def _clean_up_after(settings: Settings) -> None:
    """End what the last server left behind, if it could not do so itself."""
    record = _read(settings)
    workloads.sweep(settings.workloads, record.run_id if record else "")


def _require_free(settings: Settings) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections in TIME_WAIT are no obstacle
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            holder = processes.holder_of(settings.port)
            raise SandboxError(
                f"port {settings.port} is in use" + (f" by process {holder}" if holder else "") + f": {error.strerror}",
                remedy=f"End that program, or take another port: make sandbox SANDBOX_PORT={settings.port + 1}",
            ) from error


def _spawn(settings: Settings, speed: float | None) -> None:
    run_id = secrets.token_hex(8)
    settings.server_log.unlink(missing_ok=True)
    with settings.server_log.open("w") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "sandbox.server",
                *("--home", str(settings.home), "--port", str(settings.port), "--run-id", run_id),
            ],
            cwd=settings.repository,
            env=_server_environment(settings, speed),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            close_fds=True,
        )
    record = Record(
        pid=process.pid,
        identity=processes.identity(process.pid) or "",
        port=settings.port,
        run_id=run_id,
        started=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )
    draft = settings.record.with_suffix(".new")
    draft.write_text(json.dumps(asdict(record)))
    draft.replace(settings.record)
    _await(settings, process, record)


def _server_environment(settings: Settings, speed: float | None) -> dict[str, str]:
    """Return our environment without what could make the server itself talk to anybody else."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))}
    return {
        **kept,
        **({"SANDBOX_SPEED": str(speed)} if speed is not None else {}),
        "PYTHONUNBUFFERED": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONPATH": str(settings.repository),
    }


def _await(settings: Settings, process: subprocess.Popen[bytes], record: Record) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        health = _health(settings.host, settings.port)
        if health is not None and health.get("run_id") == record.run_id:
            return
        if process.poll() is not None:
            settings.record.unlink(missing_ok=True)
            raise SandboxError(
                f"the server ended with exit code {process.returncode} while it started:\n{_tail(settings)}",
                remedy=f"The whole log is {settings.server_log}.",
            )
        time.sleep(0.05)
    processes.end(record.pid, record.identity, grace_s=2.0)
    settings.record.unlink(missing_ok=True)
    raise SandboxError(
        f"the server did not answer within {_START_S:.0f} s:\n{_tail(settings)}",
        remedy=f"The whole log is {settings.server_log}.",
    )


def _tail(settings: Settings) -> str:
    lines = settings.server_log.read_text(errors="replace").splitlines()[-12:]
    return "\n".join(f"  {line}" for line in lines)


def _health(host: str, port: int) -> dict[str, Any] | None:
    connection = http.client.HTTPConnection(host, port, timeout=5.0)
    try:
        connection.request("GET", "/_sandbox/health")
        answer = json.loads(connection.getresponse().read())
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return answer if isinstance(answer, dict) else None
