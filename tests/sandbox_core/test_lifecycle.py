"""Start, stop, status and logs, and what happens on bad days. Real processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox import processes, workloads
from sandbox.settings import Settings, from_environment
from tests.sandbox_core.conftest import free_port

REPOSITORY = Path(__file__).resolve().parents[2]
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Settings]:
    settings = from_environment(home=str(tmp_path / "a home"), port=free_port())
    yield settings
    run(settings, "stop")


def run(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SANDBOX_HOME": str(settings.home), "SANDBOX_PORT": str(settings.port)}
    return subprocess.run(
        [sys.executable, "-m", "sandbox", *arguments],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def pid_of(settings: Settings) -> int:
    return int(json.loads(settings.record.read_text())["pid"])


def wait_until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 15
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def test_a_day_of_the_sandbox(place: Settings) -> None:
    assert run(place, "status").returncode == 3
    first = run(place, "start")
    assert first.returncode == 0, first.stderr
    assert place.url in first.stdout
    pid = pid_of(place)
    (place.environments / "mark").write_text("kept by a second start")
    second = run(place, "start")
    assert (second.returncode, pid_of(place)) == (0, pid)
    assert "runs already" in second.stdout
    assert (place.environments / "mark").exists()
    status = json.loads(run(place, "status", "--json").stdout)
    assert (status["state"], status["pid"], status["accounts"]["dev"]) == ("running", pid, "111111111111")
    assert "serving" in run(place, "logs").stdout
    shell = (
        f'. "{place.env_file}"; . "{place.env_file}"; printf "%s|%s|%s" "$AWS_ENDPOINT_URL" "$AWS_PROFILE" "$NO_PROXY"'
    )
    done = subprocess.run(["sh", "-c", shell], env={"AWS_PROFILE": "other"}, capture_output=True, text=True, check=True)
    assert done.stdout == f"{place.url}||127.0.0.1"
    assert place.aws_credentials.stat().st_mode & 0o077 == 0
    assert run(place, "stop").returncode == 0
    assert processes.identity(pid) is None
    assert not place.env_file.exists()
    assert "not running" in run(place, "stop").stdout


def test_a_port_in_use_is_named_with_its_holder(place: Settings) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", place.port))
        holder.listen()
        done = run(place, "start")
    assert done.returncode == 1
    assert f"port {place.port} is in use" in done.stderr
    assert str(os.getpid()) in done.stderr
    assert "SANDBOX_PORT=" in done.stderr
    assert not place.env_file.exists()


def test_a_killed_server_is_noticed_and_its_workloads_go_with_it(place: Settings) -> None:
    assert run(place, "start").returncode == 0
    run_id = str(json.loads(place.record.read_text())["run_id"])
    marked = {**os.environ, processes.RUN_VARIABLE: run_id}
    orphan = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], env=marked, start_new_session=True
    )
    old = place.aws_credentials.read_text()
    os.kill(pid_of(place), signal.SIGKILL)
    assert wait_until(lambda: orphan.poll() is not None), "the watchdog ends what the server left"
    status = run(place, "status")
    assert status.returncode == 3
    assert "ended without being stopped" in status.stdout
    again = run(place, "start")
    assert again.returncode == 0
    assert "what it held is gone" in again.stdout
    assert place.aws_credentials.read_text() != old


def test_what_even_the_watchdog_left_is_ended_by_the_next_start(place: Settings) -> None:
    assert run(place, "start").returncode == 0
    record = json.loads(place.record.read_text())
    watchdogs = [pid for pid in map(int, children_named("sandbox.workloads")) if record["run_id"] in command_of(pid)]
    assert len(watchdogs) == 1
    for pid in (watchdogs[0], record["pid"]):
        os.kill(pid, signal.SIGKILL)
    marked = {**os.environ, processes.RUN_VARIABLE: record["run_id"]}
    orphan = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], env=marked, start_new_session=True
    )
    assert wait_until(lambda: processes.identity(record["pid"]) is None)
    assert orphan.poll() is None
    assert run(place, "start").returncode == 0
    assert wait_until(lambda: orphan.poll() is not None)


def command_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def children_named(part: str) -> Iterator[str]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                if part in command_of(int(entry.name)):
                    yield entry.name
            except OSError:
                continue


def test_a_pid_that_now_belongs_to_another_program_is_left_alone(place: Settings) -> None:
    place.home.mkdir(parents=True)
    record = {"pid": os.getpid(), "identity": "12345", "port": place.port, "run_id": "r", "started": "then"}
    place.record.write_text(json.dumps(record))
    assert "ended without being stopped" in run(place, "status").stdout
    assert "cleaned up" in run(place, "stop").stdout
    assert not place.record.exists()


def test_half_a_record_is_no_server(place: Settings) -> None:
    place.home.mkdir(parents=True)
    place.record.write_text('{"pid": 1')
    assert run(place, "status").returncode == 3
    assert run(place, "start").returncode == 0


def test_two_starts_at_once_make_one_server(place: Settings) -> None:
    environment = {**os.environ, "SANDBOX_HOME": str(place.home), "SANDBOX_PORT": str(place.port)}
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "sandbox", "start"],
            cwd=REPOSITORY,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=90) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sorted("runs already" in out for out, _ in said) == [False, True]


def test_a_bad_port_is_a_usage_error(tmp_path: Path) -> None:
    settings = from_environment(home=str(tmp_path), port=4719)
    done = run(settings, "start", "--port", "70000")
    assert done.returncode == 2
    assert "from 1 to 65535" in done.stderr


def test_a_workload_ends_with_everything_it_started(tmp_path: Path) -> None:
    settings = from_environment(home=str(tmp_path), port=4719, run_id="run-of-this-test")
    sleep = "import time; time.sleep(600)"
    script = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {sleep!r}]); {sleep}"
    process = workloads.start(settings, [sys.executable, "-c", script], name="parent", env=dict(os.environ))
    assert wait_until(lambda: len(list(processes.carrying("run-of-this-test"))) == 2)
    assert [json.loads(path.read_text())["name"] for path in settings.workloads.iterdir()] == ["parent"]
    assert workloads.stop(process) == -signal.SIGTERM
    assert wait_until(lambda: not list(processes.carrying("run-of-this-test")))
    assert list(settings.workloads.iterdir()) == []
