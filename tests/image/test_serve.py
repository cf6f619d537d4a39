"""The serving half of SageMaker's container contract, against real processes."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.image.conftest import Program, Serve

ECHO = """
import os, time
from pathlib import Path
def model_fn(model_dir):
    return Path(model_dir)
def input_fn(body, content_type):
    return body.decode()
def predict_fn(data, model):
    if data.startswith("sleep "):
        (model / "started").touch()
        time.sleep(float(data.split()[1]))
    if data.startswith("wait "):
        (model / "started").touch()
        while not Path(data.split()[1]).exists():
            time.sleep(0.01)
    if data == "explode":
        raise RuntimeError("the model's secret path /opt/x")
    if data == "value":
        raise ValueError("inside the model")
    return data
def output_fn(prediction, accept):
    return 7 if prediction == "garbage" else (prediction.encode(), "text/plain")
"""
Model = Callable[[str], Path]


def reason(body: bytes) -> str:
    error = json.loads(body)["error"]
    assert set(error) == {"status", "reason"}
    return str(error["reason"])


def test_ping_says_200_only_when_the_model_is_loaded(serve: Serve, archive_model: Model) -> None:
    folder = archive_model(
        ECHO.replace(
            "return Path(model_dir)",
            "\n    while not Path(model_dir, 'go').exists(): time.sleep(0.01)\n    return Path(model_dir)",
        )
    )
    program = serve(folder)
    program.wait_for_ping(503)
    early: list[tuple[int, bytes]] = []
    thread = threading.Thread(target=lambda: early.append(program.invoke(b"early")))
    thread.start()
    assert program.ping() == 503
    (folder / "go").touch()
    program.wait_for_ping(200)
    thread.join(10)
    assert early == [(200, b"early")], "a request that came while the model loaded waits for it"
    assert program.stop() == 0


def test_a_model_that_cannot_load_ends_the_program_with_the_reason(serve: Serve, archive_model: Model) -> None:
    program = serve(archive_model("def model_fn(model_dir):\n    raise OSError('weights are cut off')\n"))
    assert program.process.wait(15) == 4
    lines = [line for line in program.lines() if line["event"] == "load"]
    assert lines[0]["reason"] == "OSError: weights are cut off"
    assert "Traceback" in str(lines[0]["traceback"])


def test_a_model_whose_native_code_aborts_ends_the_program(serve: Serve, archive_model: Model) -> None:
    program = serve(archive_model("import os\ndef model_fn(model_dir):\n    os.abort()\n"))
    assert program.process.wait(15) == 4
    assert "the model ended its process while it loaded" in [line.get("reason") for line in program.lines()]


def test_sigterm_while_the_model_loads_is_a_plain_stop(serve: Serve, archive_model: Model) -> None:
    program = serve(archive_model("import time\ndef model_fn(model_dir):\n    time.sleep(60)\n"))
    program.wait_for_ping(503)
    assert program.stop() == 0


def test_a_missing_model_folder_ends_the_program(serve: Serve, tmp_path: Path) -> None:
    program = serve(tmp_path / "absent")
    assert program.process.wait(10) == 4
    assert "does not exist" in str(program.lines()[0]["reason"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SAGEMAKER_BIND_TO_PORT", "http"),
        ("SAGEMAKER_BIND_TO_PORT", "70000"),
        ("SAGEMAKER_MODEL_SERVER_WORKERS", "0"),
        ("SAGEMAKER_MODEL_SERVER_TIMEOUT", "nan"),
        ("SLIPWAY_RELEASE", "ranker, other"),
        ("SLIPWAY_GRACE", "0"),
        ("SLIPWAY_BIND_SOCKET", "relative"),
    ],
)
def test_an_unusable_setting_is_named(serve: Serve, tmp_path: Path, name: str, value: str) -> None:
    program = serve(tmp_path, environ={name: value})
    assert program.process.wait(10) == 2
    assert str(program.lines()[0]["reason"]).startswith(f"{name} is '{value}'")


def test_sigterm_lets_the_request_in_flight_finish(serve: Serve, archive_model: Model) -> None:
    folder = archive_model(ECHO)
    program = serve(folder)
    program.wait_for_ping()
    answers: list[tuple[int, bytes]] = []
    thread = threading.Thread(target=lambda: answers.append(program.invoke(b"sleep 1.0")))
    thread.start()
    while not (folder / "started").exists():
        time.sleep(0.01)
    program.process.send_signal(signal.SIGTERM)
    assert program.process.wait(10) == 0
    thread.join(5)
    assert answers == [(200, b"sleep 1.0")]
    assert program.ping() is None


def refused(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address).close()
    except ConnectionRefusedError:
        return True
    return False


def test_new_callers_are_refused_while_the_request_in_flight_finishes(
    serve: Serve, archive_model: Model, tmp_path: Path
) -> None:
    folder = archive_model(ECHO)
    program = serve(folder)
    program.wait_for_ping()
    address, wait = ("127.0.0.1", program.port), f"wait {tmp_path / 'go'}".encode()
    answers: list[tuple[int, bytes]] = []
    thread = threading.Thread(target=lambda: answers.append(program.invoke(wait)))
    with socket.create_connection(address), socket.create_connection(address) as kept:  # one never says anything
        kept.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
        assert kept.recv(65536).startswith(b"HTTP/1.1 200")
        thread.start()
        while not (folder / "started").exists():
            time.sleep(0.01)
        began = time.monotonic()
        program.process.send_signal(signal.SIGTERM)
        while not refused(address):
            assert time.monotonic() - began < 15, "somebody still listens"
            time.sleep(0.02)
        assert not answers
        (tmp_path / "go").touch()
        assert program.process.wait(20) == 0
        assert time.monotonic() - began < 20, "idle connections keep nobody waiting"
    thread.join(5)
    assert answers == [(200, wait)]


def test_the_graceful_stop_has_a_limit(serve: Serve, archive_model: Model) -> None:
    folder = archive_model(ECHO)
    program = serve(folder, SLIPWAY_GRACE="1")
    program.wait_for_ping()
    failed: list[BaseException] = []

    def ask() -> None:
        try:
            program.invoke(b"sleep 30")
        except (OSError, http.client.HTTPException) as error:
            failed.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    while not (folder / "started").exists():
        time.sleep(0.01)
    assert program.stop(20) == 0  # and not after the 25 s that are the default
    thread.join(5)
    assert failed, "the request was cut off"


def test_slow_senders_do_not_keep_others_out(serve: Serve, archive_model: Model) -> None:
    patched = (
        "import image.slipway_runtime.worker as worker, image.slipway_runtime.app as app\n"
        "from image.slipway_runtime.serve import main\n"
        "worker.HEADER_S = app.BODY_TOTAL_S = 0.5\n"
        "raise SystemExit(main())\n"
    )
    program = serve(archive_model(ECHO), command=[sys.executable, "-c", patched])
    program.wait_for_ping()
    header = b"POST /invocations HTTP/1.1\r\nHost: x\r\n"
    slow = [socket.create_connection(("127.0.0.1", program.port), timeout=10) for _ in range(60)]
    for index, connection in enumerate(slow):
        connection.sendall(header + (b"Content-Length: 9\r\n\r\nshort" if index % 2 else b""))
    until = time.monotonic() + 15
    while program.invoke(b"fine") != (200, b"fine"):
        assert time.monotonic() < until
    for index, connection in enumerate(slow):
        answer = connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 408") if index % 2 else answer == b"", answer
        connection.close()


@pytest.fixture
def echo(serve: Serve, archive_model: Model) -> Program:
    program = serve(archive_model(ECHO), SLIPWAY_MAX_REQUEST_BYTES="1000")
    program.wait_for_ping()
    return program


def test_whose_fault_an_error_is(echo: Program) -> None:
    status, body = echo.invoke(b"\xff")
    assert (status, reason(body).split(":")[0]) == (400, "UnicodeDecodeError")
    status, body = echo.invoke(b"value")
    assert (status, reason(body)) == (500, "ValueError: inside the model")
    status, body = echo.invoke(b"explode")
    assert (status, reason(body)) == (500, "RuntimeError: the model's secret path /opt/x")
    assert b"Traceback" not in body
    assert b"inference.py" not in body
    status, body = echo.invoke(b"garbage")
    assert status == 500
    assert "output_fn returned int" in reason(body)
    assert echo.invoke(b"fine") == (200, b"fine")
    logged = [line for line in echo.lines() if line["event"] == "request"]
    assert [line["status"] for line in logged] == [400, 500, 500, 500], "one JSON line for each error"
    assert "inference.py" in str(logged[2]["traceback"]), "the log has what the caller does not get"


def test_sizes_paths_and_methods(echo: Program) -> None:
    assert echo.invoke(b"x" * 1000)[0] == 200
    for size in (1001, 5_000_000):
        status, body = echo.invoke(b"x" * size)
        assert (status, reason(body)) == (413, "the request is larger than 1000 bytes")
    assert echo.request("GET", "/invocations")[0] == 405
    assert echo.request("POST", "/ping", b"")[0] == 405
    assert echo.request("GET", "/elsewhere")[0] == 404
    status, body = echo.request("GET", "/execution-parameters")
    assert (status, json.loads(body)["BatchStrategy"]) == (200, "SINGLE_RECORD")


def test_chunked_bodies_count_as_well(echo: Program) -> None:
    assert echo.request("POST", "/invocations", iter([b"ab", b"cd"]))[1] == b"abcd"
    status, body = echo.request("POST", "/invocations", iter([b"x" * 600] * 3))
    assert (status, reason(body)) == (413, "the request is larger than 1000 bytes")


def test_a_body_that_ends_early_is_refused(echo: Program) -> None:
    with socket.create_connection(("127.0.0.1", echo.port), timeout=10) as connection:
        connection.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nshort")
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 400")
    assert echo.invoke(b"fine") == (200, b"fine")


def test_a_hanging_prediction_costs_one_slot_and_all_of_them_a_new_worker(serve: Serve, archive_model: Model) -> None:
    program = serve(archive_model(ECHO), SAGEMAKER_MODEL_SERVER_TIMEOUT="0.5")
    program.wait_for_ping()
    status, body = program.invoke(b"sleep 30")
    assert (status, reason(body)) == (504, "the model took longer than 0.5 s")
    assert program.invoke(b"the other slot") == (200, b"the other slot")
    assert program.invoke(b"sleep 30")[0] == 504
    until = time.monotonic() + 15
    while not any(line["event"] == "stuck" for line in program.lines()) or program.ping() != 200:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert program.invoke(b"again") == (200, b"again")


def test_answers_and_errors_say_which_release_gave_them(serve: Serve, archive_model: Model) -> None:
    release = "ranker-20261121t100000-1a2b3c4"
    program = serve(archive_model(ECHO), SLIPWAY_RELEASE=release)
    program.wait_for_ping()

    def ask(body: bytes, sent: str | None = None, path: str = "/invocations") -> tuple[str | None, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", program.port, timeout=10)
        own = {"X-Amzn-SageMaker-Custom-Attributes": sent} if sent else {}
        connection.request(
            "POST" if path == "/invocations" else "GET", path, body, {"Content-Type": "text/plain"} | own
        )
        response = connection.getresponse()
        found = response.getheader("X-Amzn-SageMaker-Custom-Attributes"), response.read()
        connection.close()
        return found

    mark = f"slipway-release={release}"
    assert ask(b"x") == (mark, b"x")
    assert ask(b"x", "trace=7; slipway-release=forged")[0] == f"{mark},trace=7; slipway-release=forged"
    for unfit in ("x" * 1024, "caf\xe9"):
        assert ask(b"x", unfit)[0] == mark
    attributes, body = ask(b"explode")
    assert attributes == mark
    assert json.loads(body)["error"] == {
        "status": 500,
        "reason": "RuntimeError: the model's secret path /opt/x",
        "release": release,
    }
    assert ask(b"", path="/ping") == (None, b"{}")


def test_the_server_adds_far_less_than_four_milliseconds(serve: Serve, archive_model: Model) -> None:
    program = serve(archive_model(ECHO))
    program.wait_for_ping()
    connection = http.client.HTTPConnection("127.0.0.1", program.port, timeout=10)
    times = []
    for _ in range(300):
        start = time.perf_counter()
        connection.request("POST", "/invocations", b"hello")
        assert connection.getresponse().read() == b"hello"
        times.append(time.perf_counter() - start)
    connection.close()
    assert statistics.median(times) < 0.004
