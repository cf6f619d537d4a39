"""The WSGI application: `/ping`, `/invocations` and `/execution-parameters` with limits on size, time and queue.

Contract: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html. `/ping` answers 200 only
while a loaded model can take requests. Predictions run in a pool of their own, so that one which hangs costs its caller
a 504 and its slot, not the server; when every slot hangs, the worker process leaves and is started anew.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from . import log
from .deadlines import Deadlines
from .handler import JSON, Answer, Handler, refusal
from .release import HEADER, attributes, named

STATUS = {
    200: "200 OK",
    400: "400 Bad Request",
    404: "404 Not Found",
    405: "405 Method Not Allowed",
    408: "408 Request Timeout",
    413: "413 Content Too Large",
    500: "500 Internal Server Error",
    503: "503 Service Unavailable",
    504: "504 Gateway Timeout",
}
BODY_READ_S = 20.0  # a sender that pauses longer than this within a body is gone
BODY_TOTAL_S = 60.0  # and one that trickles does not hold a thread for ever
DRAIN_BYTES = 64 * 1024 * 1024

StartResponse = Callable[[str, list[tuple[str, str]]], object]


@dataclass(frozen=True)
class Limits:
    """What one worker takes: predictions at once, requests that may wait for one, bytes and seconds of a request."""

    slots: int
    waiting: int
    max_bytes: int
    seconds: float


class Application:
    """One worker's application. `load` runs in a thread; `on_failure` gets its error; `on_stuck` ends the worker.

    `release` is what answers and errors of /invocations say served them, "" nothing.
    """

    def __init__(
        self,
        load: Callable[[], Handler],
        limits: Limits,
        *,
        on_failure: Callable[[BaseException], None],
        on_stuck: Callable[[], None],
        release: str = "",
    ) -> None:
        self.deadlines = Deadlines()
        self._limits = limits
        self._release = release
        self._on_failure, self._on_stuck = on_failure, on_stuck
        self._handler: Handler | None = None
        self._loaded = threading.Event()
        self._lock = threading.RLock()
        self._running = self._stuck = 0
        self._pool = ThreadPoolExecutor(limits.slots, thread_name_prefix="predict")
        threading.Thread(target=self._load, args=(load,), name="load", daemon=True).start()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (WSGI)."""
        started = time.monotonic()
        try:
            answer = self._route(environ)
        except Exception as error:  # noqa: BLE001 - a bug of ours must not show the caller a traceback
            answer = refusal(500, "internal error of the server", error)
        if answer.status >= 400 and environ["PATH_INFO"] != "/ping":
            self._log(environ, answer, started)
        headers = []
        if self._release and environ["PATH_INFO"] == "/invocations":
            answer = named(answer, self._release)
            headers.append((HEADER, attributes(self._release, environ.get("HTTP_X_AMZN_SAGEMAKER_CUSTOM_ATTRIBUTES"))))
        headers += [("Content-Type", answer.content_type), ("Content-Length", str(len(answer.body)))]
        if answer.status in {408, 413}:
            headers.append(("Connection", "close"))
        start_response(STATUS.get(answer.status, f"{answer.status} Refused"), headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]

    def _load(self, load: Callable[[], Handler]) -> None:
        try:
            self._handler = load()
        except BaseException as error:  # noqa: BLE001 - model code may raise anything, SystemExit too
            self._on_failure(error)
        else:
            self._loaded.set()

    def _route(self, environ: dict[str, Any]) -> Answer:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if path == "/invocations":
            return self._invoke(environ) if method == "POST" else refusal(405, "/invocations takes POST")
        if path not in {"/ping", "/execution-parameters"}:
            return refusal(404, "this server has /ping, /invocations and /execution-parameters")
        if method not in {"GET", "HEAD"}:
            return refusal(405, f"{path} takes GET")
        return self._ping() if path == "/ping" else self._execution_parameters()

    def _ping(self) -> Answer:
        if not self._loaded.is_set():
            return refusal(503, "the model is loading")
        if self._stuck >= self._limits.slots:
            return refusal(503, "every prediction hangs")
        return Answer(200, JSON, b"{}")

    def _execution_parameters(self) -> Answer:
        parameters = {
            "MaxConcurrentTransforms": self._limits.slots,
            "BatchStrategy": "SINGLE_RECORD",
            "MaxPayloadInMB": max(1, self._limits.max_bytes // 1024**2),
        }
        return Answer(200, JSON, json.dumps(parameters).encode())

    def _invoke(self, environ: dict[str, Any]) -> Answer:
        body = self._body(environ)
        if isinstance(body, Answer):
            return body
        deadline = time.monotonic() + self._limits.seconds
        if not self._loaded.wait(self._limits.seconds) or self._handler is None:
            return refusal(503, "the model is still loading")
        with self._lock:
            if self._running >= self._limits.slots + self._limits.waiting:
                return refusal(503, "too many requests wait for the model")
            self._running += 1
        future = self._pool.submit(
            self._handler.answer,
            body,
            environ.get("CONTENT_TYPE") or JSON,
            environ.get("HTTP_ACCEPT") or "*/*",
        )
        return self._result(future, deadline - time.monotonic())

    def _result(self, future: Future[Answer], seconds: float) -> Answer:
        future.add_done_callback(self._finished)
        try:
            return future.result(max(0.0, seconds))
        except TimeoutError:
            if future.cancel():  # it never started: the slots are busy, not this request's fault
                return refusal(503, "no prediction slot became free in time")
        with self._lock:
            if future.done():  # it ended while we gave up on it
                return refusal(504, "the model took too long")
            self._stuck += 1
            future.add_done_callback(self._unstuck)
            all_stuck = self._stuck >= self._limits.slots
        if all_stuck:
            self._on_stuck()
        return refusal(504, f"the model took longer than {self._limits.seconds:g} s")

    def _finished(self, _: Future[Answer]) -> None:
        with self._lock:
            self._running -= 1

    def _unstuck(self, _: Future[Answer]) -> None:
        with self._lock:
            self._stuck -= 1

    def _body(self, environ: dict[str, Any]) -> bytes | Answer:
        connection = environ.get("gunicorn.socket")
        if connection is None:
            return self._read(environ)
        connection.settimeout(BODY_READ_S)
        self.deadlines.begin(connection, BODY_TOTAL_S)
        try:
            body = self._read(environ)
        finally:
            in_time = self.deadlines.end(connection)
        return body if in_time else refusal(408, "the request's body did not arrive in time")

    def _read(self, environ: dict[str, Any]) -> bytes | Answer:
        stream, limit = environ["wsgi.input"], self._limits.max_bytes
        try:
            length = int(environ.get("CONTENT_LENGTH") or 0)
            body: bytes = stream.read(limit + 1) if length <= limit else b""
            if length > limit or len(body) > limit:
                self._drain(stream)
                return refusal(413, f"the request is larger than {limit} bytes")
        except OSError:
            return refusal(408, "the request's body did not arrive in time")
        if len(body) < length:
            return refusal(400, "the request's body ended early")
        return body

    @staticmethod
    def _drain(stream: Any) -> None:
        # Closing a socket with unread data resets it, and the sender may never see the 413: read on for a while.
        until, left = time.monotonic() + 5.0, DRAIN_BYTES
        while left > 0 and time.monotonic() < until:
            chunk = stream.read(min(left, 1024**2))
            if not chunk:
                return
            left -= len(chunk)

    @staticmethod
    def _log(environ: dict[str, Any], answer: Answer, started: float) -> None:
        log.write(
            "error" if answer.status >= 500 else "warning",
            "request",
            status=answer.status,
            reason=answer.reason,
            method=environ["REQUEST_METHOD"],
            path=environ["PATH_INFO"][:200],
            inference_id=environ.get("HTTP_X_AMZN_SAGEMAKER_INFERENCE_ID"),
            ms=round((time.monotonic() - started) * 1000, 1),
            traceback=log.trace(answer.error) if answer.error else None,
        )
