"""Who gets the page and the board, what they cost, and what a browser shows when the server goes."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from sandbox.page.chromium import Browser
from sandbox.server import Server

from .conftest import Show, free_port

PAGE = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"
REPOSITORY = Path(__file__).resolve().parents[2]


def ask(server: Server, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    settings = server.application.settings
    connection = http.client.HTTPConnection(settings.host, settings.port, timeout=10)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, body


def test_a_browser_gets_the_page(server: Server) -> None:
    status, headers, body = ask(server, "/", Accept=PAGE, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")
    assert status == 200
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert b"http://" not in body.replace(b"http://www.w3.org/2000/svg", b"")
    assert b"https://" not in body
    assert ask(server, "/", "HEAD", Accept=PAGE)[::2] == (200, b"")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {}),
        ("/", {"Accept": "*/*"}),
        ("/", {"Accept": PAGE, "Authorization": "AWS4-HMAC-SHA256 Credential=x"}),
        ("/?list-type=2", {"Accept": PAGE}),
        ("/bucket", {"Accept": PAGE}),
    ],
)
def test_everything_else_goes_on_to_s3(server: Server, path: str, headers: dict[str, str]) -> None:
    status, found, _ = ask(server, path, **headers)
    assert status in {400, 403}
    assert "html" not in found["content-type"]


def test_buckets_are_listed_as_ever(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = server.application.settings
    monkeypatch.setenv("AWS_CONFIG_FILE", str(settings.aws_config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(settings.aws_credentials))
    monkeypatch.setenv("AWS_ENDPOINT_URL", settings.url)
    s3 = boto3.Session(profile_name="qa").client("s3")
    s3.meta.events.register("before-sign.s3", lambda request, **_: request.headers.add_header("Accept", PAGE))
    assert s3.list_buckets()["ResponseMetadata"]["HTTPStatusCode"] == 200
    s3.close()


@pytest.mark.parametrize("path", ["/", "/_sandbox/board"])
def test_a_foreign_name_gets_nothing(server: Server, path: str) -> None:
    status, _, body = ask(server, path, Accept=PAGE, Host="rebound.example:4700")
    assert status == 403
    assert b"accounts" not in body


def test_a_foreign_page_reads_nothing(server: Server) -> None:
    assert ask(server, "/_sandbox/board", Origin="https://evil.example")[0] == 403
    assert ask(server, "/_sandbox/board", Sec_Fetch_Site="cross-site")[0] == 403
    status, headers, _ = ask(server, "/_sandbox/board")
    assert status == 200
    assert "access-control-allow-origin" not in headers


def test_the_board_is_cheap(server: Server, show: Show) -> None:
    show()
    took = []
    for _ in range(15):
        began = time.perf_counter()
        status, _, body = ask(server, "/_sandbox/board")
        took.append(time.perf_counter() - began)
        assert status == 200
    document: Any = json.loads(body)
    assert set(document) == {"server", "parts", "failed"}
    assert document["failed"] == {}
    assert sorted(took)[len(took) // 2] < 0.02


@contextmanager
def small_server(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Serve the page and a board from a process that can be killed."""
    process = subprocess.Popen([sys.executable, "-m", "tests.sandbox_page.small_server", str(port)], cwd=REPOSITORY)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_server_that_goes_is_noticed_and_found_again(browser: Browser) -> None:
    port = free_port()

    def link() -> str:
        return str(browser.evaluate("document.getElementById('link').textContent"))

    def banner() -> str:
        text = "document.getElementById('gone').hidden ? '' : document.getElementById('gone').textContent"
        return str(browser.evaluate(text))

    with small_server(port):
        browser.until(lambda: answers(port), "the server is up")
        browser.open(f"http://127.0.0.1:{port}/")
        browser.until(lambda: link() == "● connected", "connected")
        assert banner() == ""
    browser.until(lambda: link() == "✕ no answer", "noticed")
    assert "(no connection)" in banner()
    assert "Start it with: make sandbox" in banner()
    assert browser.evaluate("document.querySelectorAll('.account').length") == 3  # what it said last
    with small_server(port) as process:
        browser.until(lambda: link() == "● connected", "found again")
        assert banner() == ""
        process.send_signal(signal.SIGSTOP)  # it hangs
        browser.until(lambda: link() == "✕ no answer", "noticed")
        assert "(nothing for 5 seconds)" in banner()
        process.send_signal(signal.SIGCONT)
        browser.until(lambda: link() == "● connected", "goes on")


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
