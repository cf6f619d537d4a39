"""Drives a headless Chromium over the DevTools protocol, by pipes: no port, no dependency.

https://chromedevtools.github.io/devtools-protocol/; `--remote-debugging-pipe` reads messages from file descriptor 3 and
writes them to 4, each ended by a zero byte.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless=new",
    "--no-sandbox",  # it may run as root, and shows only our own page
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
)


class BrowserError(Exception):
    """The browser ended, did not answer in time, or refused a command."""


class Browser:
    """One headless browser with one tab. Use it in a `with` statement: leaving it ends the browser."""

    def __init__(self, program: Path | str, *, timeout_s: float = 30.0) -> None:
        self.timeout_s = timeout_s
        self.events: list[dict[str, Any]] = []  # everything that the browser told by itself
        self._number = 0
        self._unread = b""
        self._session = ""
        self._profile = tempfile.mkdtemp(prefix="browser-")
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        self._process = _start(str(program), self._profile, theirs_in, theirs_out)
        os.close(theirs_in)
        os.close(theirs_out)
        self._tab = ""
        try:
            self.renew()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def renew(self) -> None:
        """Close the tab, forget what it told, and open a new one."""
        old, self._session = self._tab, ""
        self._tab = self.call("Target.createTarget", url="about:blank")["targetId"]
        if old:
            self.call("Target.closeTarget", targetId=old)
        self._session = self.call("Target.attachToTarget", targetId=self._tab, flatten=True)["sessionId"]
        self.events.clear()
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        """End the browser and remove its profile."""
        for descriptor in (self._out, self._in):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        try:
            self._process.wait(5)  # it ends when its pipe is closed
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._profile, ignore_errors=True)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command and return its result. Raises BrowserError."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        try:
            os.write(self._out, json.dumps(message).encode() + b"\0")
        except OSError as error:
            raise BrowserError(f"the browser is gone: {error}") from error
        deadline = time.monotonic() + self.timeout_s
        while True:
            answer = self._read(deadline)
            if answer.get("id") == self._number:
                break
            self.events.append(answer)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']}")
        return dict(answer["result"])

    def open(self, url: str) -> None:
        """Go to an address and wait until the page is loaded."""
        answer = self.call("Page.navigate", url=url)
        if answer.get("errorText"):
            raise BrowserError(f"{url}: {answer['errorText']}")
        self.until(lambda: self.evaluate("document.readyState") == "complete", f"{url} is loaded")

    def evaluate(self, expression: str) -> Any:
        """Return the JSON value of an expression in the page. Raises BrowserError when it throws."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise BrowserError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def until(self, holds: Callable[[], object], what: str, *, timeout_s: float = 15.0) -> None:
        """Wait until something holds. Raises BrowserError when it does not in time."""
        deadline = time.monotonic() + timeout_s
        while not holds():
            if time.monotonic() > deadline:
                raise BrowserError(f"not within {timeout_s:.0f} s: {what}")
            time.sleep(0.05)

    def size(self, width: int, height: int, *, dark: bool = False) -> None:
        """Set the viewport in CSS pixels, and the colours that the person prefers."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def screenshot(self) -> bytes:
        """Return a PNG of what the viewport shows."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def complaints(self) -> list[str]:
        """Return what the page complained about since the browser started: exceptions, errors, refused content."""
        self.evaluate("0")  # whatever it said so far is read now
        found = []
        for event in self.events:
            entry = event.get("params", {}).get("entry", {})
            if event["method"] == "Runtime.exceptionThrown" or entry.get("level") in {"error", "warning"}:
                found.append(json.dumps(event["params"]))
            if event["method"] == "Runtime.consoleAPICalled" and event["params"]["type"] in {
                "error",
                "warning",
                "assert",
            }:
                found.append(json.dumps(event["params"]["args"]))
        return found

    def _read(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._in], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise BrowserError(f"the browser said nothing for {self.timeout_s:.0f} s")
            data = os.read(self._in, 1 << 20)
            if not data:
                raise BrowserError(f"the browser ended with exit code {self._process.poll()}")
            self._unread += data
        text, _, self._unread = self._unread.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        return message


# Runs in a process of its own, because code between fork and exec is not safe in a program with threads.
_EXEC = """
import fcntl, os, sys
high = [fcntl.fcntl(int(one), fcntl.F_DUPFD, 10) for one in sys.argv[1:3]]
for wanted, one in zip((3, 4), high):
    os.dup2(one, wanted)
    os.close(one)
os.execv(sys.argv[3], sys.argv[3:])
"""


def _start(program: str, profile: str, read_from: int, write_to: int) -> subprocess.Popen[bytes]:
    """Start it with our pipes as its descriptors 3 and 4."""
    arguments = [*FLAGS, "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"]
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _EXEC, str(read_from), str(write_to), program, *arguments],
        pass_fds=(read_from, write_to),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
