"""What a server adds to a model: milliseconds of a request to the image's `serve`, beside other ways to serve.

All servers get one worker process and the same model, which answers with the question; one client keeps one connection
and asks them in turn, a block of requests each.
"""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.processes import ROOT, BenchError, environment
from bench.stats import median, percentile, ratio

BLOCK = 250
WARM_UP = 100
BODY = b'{"instances": [{"features": [' + b", ".join(b"0.%d" % (n % 10) for n in range(200)) + b"]}]}"
GUNICORN = [sys.executable, "-m", "gunicorn", "--log-level", "error", "--workers", "1", "--worker-class", "gthread"]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Server:
    """A way to serve: `{port}` in its command is replaced."""

    name: str
    title: str
    command: Sequence[str]


# 22 threads and 75 s of keep-alive are what the image's serve has with its default settings.
_SAME = ["--threads", "22", "--keep-alive", "75", "--bind", "127.0.0.1:{port}"]
SERVERS = (
    Server("slipway", "Slipway's serve", [sys.executable, str(ROOT / "image" / "bin" / "serve")]),
    Server("flask", "gunicorn + Flask", [*GUNICORN, *_SAME, "bench.programs.wsgi:with_flask()"]),
    Server("bare", "gunicorn, bare WSGI", [*GUNICORN, *_SAME, "bench.programs.wsgi:bare"]),
    Server("stdlib", "http.server", [sys.executable, str(ROOT / "bench" / "programs" / "plain_serve.py")]),
)


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(server: Server, folder: Path) -> Iterator[http.client.HTTPConnection]:
    """Start a server, yield a connection to it, and end it."""
    port = free_port()
    env = environment(
        PYTHONPATH=str(ROOT),
        SAGEMAKER_BIND_TO_PORT=str(port),
        SAGEMAKER_MODEL_SERVER_WORKERS="1",
        SLIPWAY_BIND_HOST="127.0.0.1",
        SLIPWAY_MODEL_PACKAGE="bench.programs",
        SM_MODEL_DIR=str(folder),
    )
    log = folder / f"{server.name}.log"
    with log.open("wb") as stream:
        command = [argument.replace("{port}", str(port)) for argument in server.command]
        process = subprocess.Popen(command, env=env, cwd=ROOT, stdout=stream, stderr=stream)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        _await_ping(connection, process, log)
        yield connection
    finally:
        connection.close()
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_ping(connection: http.client.HTTPConnection, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        try:
            connection.request("GET", "/ping")
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
        else:
            if answer.status == 200:
                return
        time.sleep(0.05)
    raise BenchError(f"{log.stem} did not start: {log.read_text(errors='replace')[-1000:]}")


def ask(connection: http.client.HTTPConnection) -> float:
    """Ask once and return the milliseconds until the whole answer was there."""
    began = time.perf_counter()
    connection.request("POST", "/invocations", BODY, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    body = answer.read()
    elapsed = (time.perf_counter() - began) * 1000
    if answer.status != 200 or body != BODY:
        raise BenchError(f"a server answered {answer.status} and {len(body)} bytes instead of the {len(BODY)} sent")
    return elapsed


def measure(*, runs: int, say: Say) -> dict[str, Any]:
    """Ask all servers in turn, `runs` blocks each, and return p50 and p99 in milliseconds."""
    times: dict[str, list[float]] = {server.name: [] for server in SERVERS}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        connections = {one.name: stack.enter_context(running(one, Path(folder))) for one in SERVERS}
        for connection in connections.values():
            for _ in range(WARM_UP):
                ask(connection)
        for number in range(runs):
            say(f"serve {number + 1}/{runs}: {len(SERVERS)} servers, {BLOCK} requests each")
            for name, connection in connections.items():
                times[name] += [ask(connection) for _ in range(BLOCK)]
    return result({server.name: server.title for server in SERVERS}, times, base="slipway")


def result(titles: Mapping[str, str], times: Mapping[str, Sequence[float]], *, base: str) -> dict[str, Any]:
    """Return p50, p99 and the ratio of medians to the base's."""
    reference = median(times[base])
    return {
        "contenders": {
            name: {
                "title": titles[name],
                "p50_ms": round(median(found), 3),
                "p99_ms": round(percentile(found, 99), 3),
                f"times_{base}": round(ratio(median(found), reference) or 0.0, 2),
                "requests": len(found),
            }
            for name, found in times.items()
        },
    }
