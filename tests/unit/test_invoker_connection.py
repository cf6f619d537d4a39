"""The invoker against a real HTTP server: kept connections, hang-ups, and time limits."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType
from typing import Any

import botocore.session
import pytest

from tests.unit.invoker_support import Context, load

pytestmark = pytest.mark.slow


@dataclass
class Server:
    """What the server saw, and what it shall do next."""

    connections: list[object] = field(default_factory=list)
    requests: int = 0
    hang_up_on: frozenset[int] = frozenset()
    delay_s: float = 0
    url: str = ""


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            state.connections.append(self.client_address)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            state.requests += 1
            if state.requests in state.hang_up_on:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            time.sleep(state.delay_s)
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"42")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            return

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    httpd.block_on_close = False
    state.url = f"http://127.0.0.1:{httpd.server_address[1]}"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield state
    httpd.shutdown()
    httpd.server_close()
    thread.join()


@pytest.fixture
def invoker(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    for name, value in {
        "ENDPOINT_NAME": "slipway-qa-ranker",
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": "access",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    module = load("invoker")
    module.client.cache_clear()
    made = []
    create = botocore.session.Session.create_client

    def remembering(*arguments: Any, **options: Any) -> Any:
        made.append(create(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(botocore.session.Session, "create_client", remembering)
    yield module
    module.client.cache_clear()
    for client in made:
        client.close()


def test_calls_share_one_connection(invoker: ModuleType, server: Server) -> None:
    for remaining_ms in (29_990, 29_700, 29_995):
        assert invoker.handle({"body": 1}, Context(remaining_ms=remaining_ms))["body"] == "42"
    assert server.requests == 3
    assert len(server.connections) == 1
    assert invoker.client.cache_info().misses == 1


def test_a_kept_connection_that_was_hung_up_is_opened_anew(invoker: ModuleType, server: Server) -> None:
    server.hang_up_on = frozenset({2})
    assert invoker.handle({"body": 1}, Context())["statusCode"] == 200
    assert invoker.handle({"body": 1}, Context())["statusCode"] == 200
    assert server.requests == 3


def test_two_hang_ups_are_a_failure(invoker: ModuleType, server: Server) -> None:
    server.hang_up_on = frozenset({1, 2})
    response = invoker.handle({"body": 1}, Context())
    assert (response["statusCode"], json.loads(response["body"])["error"]) == (503, "unavailable")
    assert server.requests == 2


def test_a_slow_model_ends_as_504_before_lambda_kills_the_function(invoker: ModuleType, server: Server) -> None:
    invoker.handle({"body": 1}, Context(remaining_ms=1_600))  # makes the client, which takes its time on a busy machine
    server.delay_s = 3
    started = time.monotonic()
    response = invoker.handle({"body": 1}, Context(remaining_ms=1_600))
    assert (response["statusCode"], json.loads(response["body"])["error"]) == (504, "timeout")
    assert time.monotonic() - started < 1.6
    assert server.requests == 2


def test_nobody_listening_is_unavailable(invoker: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    response = invoker.handle({"body": 1}, Context())
    assert (response["statusCode"], response["headers"]["retry-after"]) == (503, "1")
