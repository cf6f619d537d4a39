"""A sandbox inside this process, whose page a real headless browser shows."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import board, faults
from sandbox.page.chromium import Browser
from sandbox.server import Server, running_in
from scripts import setup_browser

from . import board_data

Show = Callable[..., None]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = running_in(Path(tmp_path_factory.mktemp("sandbox")), free_port()).start()
    yield running
    running.close()


@pytest.fixture(scope="session")
def url(server: Server) -> str:
    return server.application.settings.url


@pytest.fixture(scope="session")
def program() -> Path:
    """The browser that `python -m scripts.setup_browser` found or installed."""
    found = setup_browser.LINK if setup_browser.LINK.exists() else setup_browser.found()
    if found is None:
        pytest.fail(f"no browser: `python -m scripts.setup_browser` installs one. {setup_browser.ADVICE}")
    return found


@pytest.fixture(scope="session")
def running_browser(program: Path) -> Iterator[Browser]:
    with Browser(program) as one:
        yield one


@pytest.fixture
def browser(running_browser: Browser) -> Browser:
    """A new tab for each test."""
    running_browser.renew()
    running_browser.size(1280, 800)
    return running_browser


@pytest.fixture
def show(server: Server) -> Iterator[Show]:
    """Let the parts of the page say what a test wants; without arguments, what a busy sandbox says."""
    before = board.providers()
    board.forget_providers()

    def register(parts: dict[str, Any] | None = None) -> None:
        for name, data in (board_data.busy() if parts is None else parts).items():
            board.register(name, lambda data=data: data)
        board.register("faults", faults.describe)

    yield register
    board.forget_providers()
    for name, provider in before.items():
        board.register(name, provider)
    faults.registry().clear()
