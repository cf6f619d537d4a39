"""The servers of one variant: one process for each instance, up to a limit, behind one front.

Two cores cannot run what a fleet runs. SANDBOX_PROCESSES (2) is how many instances of a variant are real processes; the
others are counted and shown only, and their requests go to the real ones.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.runtime.container import Container, StartError
from sandbox.runtime.context import Context
from sandbox.runtime.logs import LogStream
from sandbox.runtime.servers import Answer, ModelServer, NotReadyError

DEFAULT_LIMIT = 2


@dataclass(frozen=True)
class Served:
    """An answer, how many requests were at work, and how many seconds a cold start took (None: it was warm)."""

    answer: Answer
    concurrent: int
    setup_s: float | None


class ThrottledError(Exception):
    """A serverless variant works on as many requests as it may."""


def limit() -> int:
    """Return how many instances of a variant are real processes at most."""
    text = os.environ.get("SANDBOX_PROCESSES", "")
    return max(int(text), 1) if text.isdecimal() else DEFAULT_LIMIT


class ServerGroup:
    """Starts, calls, resizes and ends the servers of one variant. Safe for threads."""

    def __init__(
        self, context: Context, container: Container, count: int = 1, serverless: Mapping[str, Any] | None = None
    ) -> None:
        self.container = container
        self.serverless = serverless
        self._context = context
        self._wanted = min(count, limit())
        self._first = ModelServer(context, container)
        self._servers: list[ModelServer] = []
        self._ended = False
        self._used = 0.0  # AWS seconds of the clock
        self._turns = itertools.count()
        self._busy = 0
        self._lock = threading.Lock()
        self._resizing = threading.Lock()

    @property
    def log(self) -> LogStream:
        """Where the first server's output goes."""
        return self._first.log

    @property
    def pids(self) -> list[int]:
        """The processes that serve now."""
        return [server.pid for server in list(self._servers) if server.pid is not None]

    @property
    def folder(self) -> Path | None:
        """Where the first server's files lie."""
        return self._first.folder

    @property
    def busy(self) -> int:
        """How many requests are being worked on."""
        return self._busy

    def start(self) -> None:
        """Start all servers side by side. Raises StartError with the first reason; then none is left running."""
        with self._resizing:
            self._used = self._context.clock.elapsed()
            self._servers = [self._first, *self._more(self._wanted - 1)][: self._wanted]
            try:
                self._start(self._servers)
            except StartError:
                self._stop(self._servers)
                raise

    def resize(self, count: int) -> None:
        """Bring the number of servers to `count` instances, up to the limit. Raises StartError; the old ones go on."""
        with self._resizing:
            if self._ended:
                return
            wanted = min(count, limit())
            new = self._more(wanted - len(self._servers))
            try:
                self._start(new)
            except StartError:
                self._stop(new)
                raise
            kept, gone = self._servers[:wanted], self._servers[wanted:]
            self._servers = [*kept, *new]
            self._stop(gone)

    def invoke(self, body: bytes, headers: Mapping[str, str]) -> Served:
        """Return the answer of the next server in turn.

        Raises ThrottledError beyond a serverless variant's MaxConcurrency, NotReadyError when no server can take it,
        NoAnswerError when the one that took it does not answer.
        """
        most = int((self.serverless or {}).get("MaxConcurrency") or 0)
        with self._lock:
            if most and self._busy >= most:
                raise ThrottledError(f"{self.container.variant} works on {most} requests")
            self._busy += 1
            at_work = self._busy
        try:
            woken = self._wake()
            return Served(self._next(body, headers), at_work, woken)
        finally:
            with self._lock:
                self._busy -= 1
                self._used = self._context.clock.elapsed()

    def stop(self) -> None:
        """Let requests in flight end, then end all servers."""
        with self._resizing:
            self._ended = True
            servers, self._servers = self._servers, []
            self._stop(servers)

    def doze(self, after: float) -> bool:
        """End the servers of a serverless variant that had no request for so many AWS seconds; say whether it did.

        Provisioned concurrency stays warm.
        """
        settings = self.serverless
        idle = self._context.clock.elapsed() - self._used
        if settings is None or settings.get("ProvisionedConcurrency") or self._busy or idle < after:
            return False
        with self._resizing:
            servers, self._servers = self._servers, []
            self._stop(servers)
        return bool(servers)

    def _wake(self) -> float | None:
        """Start a serverless variant's server anew; return the wall seconds that the request waited for it."""
        if self.serverless is None or self._servers:
            return None
        began = time.perf_counter()
        with self._resizing:
            if self._ended:
                raise NotReadyError("the variant has ended")
            if not self._servers:
                new = self._more(1)
                try:
                    self._start(new)
                except StartError as error:
                    raise NotReadyError(str(error)) from error
                self._servers = new
        return time.perf_counter() - began

    def _next(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        servers = self._servers
        turn = next(self._turns)
        for number in range(len(servers)):
            try:
                return servers[(turn + number) % len(servers)].invoke(body, headers)
            except NotReadyError:
                if number == len(servers) - 1:
                    raise
        raise NotReadyError(f"{self.container.variant} has no server")

    def _more(self, number: int) -> list[ModelServer]:
        return [ModelServer(self._context, self.container) for _ in range(number)]

    @staticmethod
    def _start(servers: list[ModelServer]) -> None:
        if not servers:
            return
        with ThreadPoolExecutor(max_workers=len(servers)) as pool:
            outcomes = [pool.submit(server.start) for server in servers]
        errors = [error for outcome in outcomes if (error := outcome.exception()) is not None]
        if errors:
            raise errors[0] if isinstance(errors[0], StartError) else StartError(repr(errors[0])) from errors[0]

    @staticmethod
    def _stop(servers: list[ModelServer]) -> None:
        if servers:
            with ThreadPoolExecutor(max_workers=len(servers)) as pool:
                list(pool.map(ModelServer.stop, servers))
