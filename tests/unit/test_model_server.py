"""A model server's connections when it ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest

from sandbox.runtime.servers import ModelServer

asked, answer = threading.Event(), threading.Event()


class Model(BaseHTTPRequestHandler):
    """Answers when it is told to, and keeps the connection."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        asked.set()
        answer.wait(10)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_request_that_outlives_its_server_leaves_no_connection(port: int) -> None:
    """A shadow's request is nobody's: the endpoint may be deleted before its answer is read."""
    context: Any = SimpleNamespace(limits=SimpleNamespace(invocation=10.0, stop=0.1))
    container: Any = SimpleNamespace(account_id="1", region="eu-west-1", endpoint="shop", variant="dark")
    server = ModelServer(context, container)
    server._port = port
    server._ready.set()
    request = threading.Thread(target=server.invoke, args=(b"{}", {}))
    request.start()
    assert asked.wait(10)
    server.kill()
    answer.set()
    request.join(10)
    assert not server._idle
