"""moto's plain server in a process of its own, for plans that read something and need no sandbox."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

_LIMIT_S = 60


@contextmanager
def moto_server() -> Iterator[str]:
    """Give the URL of an empty server, which ends with the block. Raises OSError when it never answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | {"NO_PROXY": "127.0.0.1"},
    ) as moto:  # fmt: skip
        try:
            _wait_for(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            moto.terminate()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _LIMIT_S
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
