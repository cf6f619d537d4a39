"""`slipway image serve`: the image's program behind a real nginx, as callers, signals and crashes find it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from glue.local_server import SYSTEM_PROGRAMS, Serving, nginx_config, scratch
from models import local
from tests.image.conftest import REPOSITORY, Program, free_port
from tests.image.test_serve import ECHO, reason

Start = Callable[..., Program]


@pytest.fixture(scope="session")
def nginx() -> str:
    path = f"{os.environ['PATH']}:{SYSTEM_PROGRAMS}:{REPOSITORY / '.tools' / 'nginx'}"
    found = shutil.which("nginx", path=path)
    assert found, "there is no nginx: run python -m scripts.setup_nginx"
    return found


@pytest.fixture
def start(tmp_path: Path, nginx: str) -> Iterator[Start]:
    """Start the command for a handler's code, or an archive."""
    started: list[Program] = []

    def begin(code: str | Path, *words: str, **environ: str) -> Program:
        archive, port = code if isinstance(code, Path) else packed(code, tmp_path), free_port()
        log = tmp_path / f"command-{len(started)}.log"
        command = [sys.executable, "-m", "glue.cli.main", "image", "serve", "--model", "ranker"]
        own = {"PATH": os.environ["PATH"], "NGINX": nginx, "SAGEMAKER_MODEL_SERVER_WORKERS": "1"}
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [*command, "--archive", str(archive), "--port", str(port), *words],
                cwd=REPOSITORY, env={**own, **environ}, stdout=stream, stderr=stream,
            )  # fmt: skip
        started.append(Program(process, port, log))
        return started[-1]

    yield begin
    for program in started:
        program.process.kill()
        program.process.wait()


def packed(code: str, folder: Path) -> Path:
    source = folder / "source"
    (source / "code").mkdir(parents=True, exist_ok=True)
    (source / "code" / "inference.py").write_text(code)
    archive = folder / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(source, ".")
    return archive


def children(program: Program) -> list[int]:
    pid = program.process.pid
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_until_nobody_listens(program: Program, seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while program.ping() is not None:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_the_trained_model_answers_its_golden_requests(start: Start, trained: local.Trained, model_dir: Path) -> None:
    program = start(trained.archive)
    program.wait_for_ping()
    golden = json.loads((model_dir / "golden" / "requests.json").read_bytes())[0]
    status, body = program.invoke(json.dumps(golden["body"]).encode(), "application/json", Accept="application/json")
    assert (status, json.loads(body)) == (200, golden["expect"])
    assert program.stop() == 0
    assert "Stopped in order." in program.log.read_text()


def test_health_sizes_errors_and_many_clients(start: Start, tmp_path: Path) -> None:
    go = tmp_path / "go"
    waits = f"    while not Path({str(go)!r}).exists(): time.sleep(0.01)\n    return Path(model_dir)"
    program = start(
        ECHO.replace("    return Path(model_dir)", waits),
        "--max-bytes",
        "1000",
        SLIPWAY_THREADS="8",
        SLIPWAY_RELEASE="ranker-1",
    )
    program.wait_for_ping(503)
    assert reason(program.request("GET", "/ping")[1]) in {"the model server does not answer", "the model is loading"}
    go.touch()
    program.wait_for_ping(200)
    for size in (1001, 5_000_000):
        status, body = program.invoke(b"x" * size)
        assert (status, reason(body)) == (413, "the request is larger than 1000 bytes")
    assert program.request("POST", "/invocations", iter([b"x" * 600] * 3))[0] == 413
    assert program.request("POST", "/invocations", iter([b"ab", b"cd"]))[1] == b"abcd"
    assert program.request("GET", "/invocations")[0] == 405
    status, body = program.request("GET", "/elsewhere")
    assert (status, reason(body)) == (404, "this server has /ping, /invocations and /execution-parameters")
    status, body = program.invoke(b"explode")
    assert (status, json.loads(body)["error"]["release"]) == (500, "ranker-1"), "the model's errors pass as they are"
    connection = http.client.HTTPConnection("127.0.0.1", program.port, timeout=10)
    for number in range(50):
        connection.request("POST", "/invocations", str(number).encode())
        answer = connection.getresponse()
        assert (answer.read(), answer.getheader("Connection")) == (str(number).encode(), "keep-alive")
        assert answer.getheader("X-Amzn-SageMaker-Custom-Attributes") == "slipway-release=ranker-1"
    connection.close()
    with ThreadPoolExecutor(60) as pool:
        bodies = [str(number).encode() for number in range(300)]
        assert list(pool.map(program.invoke, bodies)) == [(200, body) for body in bodies]


def test_a_stop_answers_who_is_in_flight_and_refuses_who_comes(start: Start, tmp_path: Path) -> None:
    started, go = tmp_path / "started", tmp_path / "go"
    program = start(ECHO.replace('(model / "started")', f"Path({str(started)!r})"))
    program.wait_for_ping()
    answers: list[tuple[int, bytes]] = []
    thread = threading.Thread(target=lambda: answers.append(program.invoke(f"wait {go}".encode())))
    thread.start()
    while not started.exists():
        time.sleep(0.01)
    program.process.send_signal(signal.SIGTERM)
    wait_until_nobody_listens(program, 15)
    assert not answers
    go.touch()
    assert program.process.wait(20) == 0
    thread.join(5)
    assert answers == [(200, f"wait {go}".encode())]


def test_times_have_limits(start: Start) -> None:
    program = start(ECHO, "--limit", "1", "--grace", "1")
    program.wait_for_ping()
    status, body = program.invoke(b"sleep 30")
    assert (status, reason(body)) == (504, "the model took longer than 1 s")
    assert program.stop(20) == 0, "a prediction that hangs holds nobody up"


def test_without_nginx_the_same_program_keeps_the_same_limits(start: Start) -> None:
    program = start(ECHO, "--without-nginx", "--max-bytes", "1000", NGINX="/nowhere")
    program.wait_for_ping()
    assert program.invoke(b"fine") == (200, b"fine")
    assert program.invoke(b"x" * 1001)[0] == 413
    assert program.stop() == 0


def test_a_model_that_cannot_load_ends_both(start: Start) -> None:
    program = start("def model_fn(model_dir):\n    raise OSError('weights are cut off')\n")
    assert program.process.wait(15) == 1
    log = program.log.read_text()
    assert "OSError: weights are cut off" in log
    assert "Error: the model cannot be loaded" in log
    wait_until_nobody_listens(program)


@pytest.mark.parametrize("victim", ["command", "nginx", "serve"])
def test_whoever_is_killed_nobody_is_left(start: Start, victim: str) -> None:
    program = start(ECHO)
    program.wait_for_ping()
    serve, nginx = sorted(children(program))
    family = [serve, nginx]
    os.kill({"command": program.process.pid, "nginx": nginx, "serve": serve}[victim], signal.SIGKILL)
    assert program.process.wait(10) == (-signal.SIGKILL if victim == "command" else 1)
    wait_until_nobody_listens(program)
    until = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in family):
        assert time.monotonic() < until
        time.sleep(0.05)
    if victim != "command":
        assert f"Error: {victim} ended by itself with code -9" in program.log.read_text()


def test_folders_of_killed_calls_are_removed_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("glue.local_server._SOCKET_BYTES", 4096)
    names = [f"slipway-serve-{ended.pid}-x", f"slipway-serve-{os.getpid()}-y", "slipway-serve-notes", "other"]
    for name in names:
        (tmp_path / name / "model").mkdir(parents=True)
    with scratch() as folder:
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names[1:], folder.name])
    assert not folder.exists()


def test_what_cannot_be_served_is_one_error(start: Start, tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.tar.gz"
    garbage.write_bytes(b"no archive")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        cases = {
            "cannot be used: Address already in use": start(ECHO, "--port", port),
            "there is no /nowhere on this machine": start(ECHO, NGINX="/nowhere"),
            "is no model archive": start(garbage),
            "there is no model 'none'": start(ECHO, "--model", "none"),
        }
        for said, program in cases.items():
            assert program.process.wait(15) == 2
            log = program.log.read_text()
            assert said in log
            assert "Traceback" not in log


def test_nginx_is_told_the_programs_limits(tmp_path: Path) -> None:
    template = REPOSITORY / "image" / "nginx.conf"
    serving = Serving(
        (), {}, tmp_path, host="::1", port=81, template=template, max_request_bytes=7, limit_s=9, grace_s=3
    )
    text = nginx_config(serving, tmp_path, root=False)
    for line in (
        "listen [::1]:81 ",
        "client_max_body_size 7;",
        "proxy_read_timeout 14s;",
        "worker_shutdown_timeout 3s;",
    ):
        assert line in text
    assert "user" not in [line.split()[0] for line in text.splitlines() if line.strip()]
    assert "user nobody " in nginx_config(serving, tmp_path, root=True)
