"""The warm processes of all functions: given out, taken back, ended when nobody needs them any more."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from typing import Any

from sandbox.cloudwatch import services
from sandbox.runtime.context import Context
from sandbox.runtime.functions import INIT_LIMIT, Function, Outcome, Worker

IDLE_LIMIT = 300.0  # seconds until a process that nobody needs is ended
CONCURRENCY = 16  # processes of one function on one machine; further invocations wait


class Pool:
    """The processes of all functions."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._idle: dict[Function, list[Worker]] = {}
        self._slots: dict[Function, threading.BoundedSemaphore] = {}
        self._running: Counter[Function] = Counter()
        self._workers: set[Worker] = set()
        self._lock = threading.Lock()

    def invoke(
        self,
        function: Function,
        payload: bytes,
        *,
        arn: str,
        client_context: Any = None,
        request_id: str | None = None,
    ) -> Outcome:
        """Run the function in a warm process if there is one, else in a new one."""
        with self._lock:
            slots = self._slots.setdefault(function, threading.BoundedSemaphore(CONCURRENCY))
        with slots:
            worker = self._take(function)
            with self._lock:
                self._running[function] += 1
                at_once = self._running[function]
            began = time.perf_counter()
            outcome: Outcome | None = None
            try:
                if not worker.alive:
                    message = f"Init phase timed out after {INIT_LIMIT:.2f} seconds, or the runtime exited."
                    body = {"errorType": "Runtime.ExitError", "errorMessage": message}
                    outcome = Outcome(json.dumps(body).encode(), "Unhandled", "")
                else:
                    outcome = worker.invoke(payload, arn=arn, client_context=client_context, request_id=request_id)
                return outcome
            finally:
                with self._lock:
                    self._running[function] -= 1
                services.ran(
                    function.account_id,
                    function.region,
                    function.name,
                    failed=outcome is None or outcome.error is not None,
                    milliseconds=(time.perf_counter() - began) * 1000,
                    at_once=at_once,
                )
                self._give_back(worker)

    def shutdown(self) -> None:
        """End all processes."""
        with self._lock:
            workers, self._idle = list(self._workers), {}
            self._workers.clear()
        for worker in workers:
            worker.stop()

    def _take(self, function: Function) -> Worker:
        with self._lock:
            stale = self._stale(function)
            idle = self._idle.get(function) or []
            worker = idle.pop() if idle else None
        for old in stale:
            old.stop()
        if worker is None:
            worker = Worker(self._context, function)
            with self._lock:
                self._workers.add(worker)
        return worker

    def _give_back(self, worker: Worker) -> None:
        with self._lock:
            if worker.alive and worker in self._workers:
                self._idle.setdefault(worker.function, []).append(worker)
                return
            self._workers.discard(worker)
        worker.stop()

    def _stale(self, wanted: Function) -> list[Worker]:
        """Take out idle processes of superseded code or settings, and those that were idle for long."""
        oldest = time.monotonic() - IDLE_LIMIT
        stale = []
        for function, workers in self._idle.items():
            same = (function.account_id, function.region, function.name, function.version) == (
                wanted.account_id,
                wanted.region,
                wanted.name,
                wanted.version,
            )
            gone = [one for one in workers if one.used < oldest or (same and function != wanted)]
            stale += gone
            workers[:] = [one for one in workers if one not in gone]
        self._workers.difference_update(stale)
        return stale
