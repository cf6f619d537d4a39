"""A client that is killed leaves no open socket behind in the server."""

from __future__ import annotations

import socket
import struct
import time
from typing import Any

import pytest

from sandbox import web
from sandbox.server import Server


def test_a_client_that_goes_before_its_answer_leaves_no_socket(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[Any] = []
    finish, send_head = web._Handler.finish, web._Answer._send_head

    def finish_and_note(handler: Any) -> None:
        try:
            finish(handler)
        finally:
            left.append((handler.rfile.closed, handler.wfile.closed))

    def send_late(answer: Any) -> None:
        time.sleep(0.1)
        send_head(answer)

    monkeypatch.setattr(web._Handler, "finish", finish_and_note)
    monkeypatch.setattr(web._Answer, "_send_head", send_late)
    settings = server.application.settings
    with socket.create_connection((settings.host, settings.port)) as client:
        # closing resets the connection, as the kernel does for a killed process
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sendall(b"GET /_sandbox/health HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.05)
    deadline = time.monotonic() + 10
    while not left and time.monotonic() < deadline:
        time.sleep(0.02)
    assert left == [(True, True)]
