"""One model server: the image's own `serve` program on the real archive, behind a pool of kept-alive connections."""

from __future__ import annotations

import http.client
import itertools
import logging
import select
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sandbox import workloads
from sandbox.runtime import programs
from sandbox.runtime.container import Container, Fetched, StartError, fetch
from sandbox.runtime.context import Context
from sandbox.runtime.logs import LogStream

log = logging.getLogger(__name__)
_numbers = itertools.count(1)
_running: set[ModelServer] = set()
PING_EVERY = 0.05  # seconds
PING_LIMIT = 2.0  # https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
CRASHES_AT_START = 3
TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for "
    "each container in Amazon CloudWatch, resolve the issue, and try again."
)


@dataclass(frozen=True)
class Answer:
    """What the container answered, and how long it took in microseconds."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    microseconds: float


class NotReadyError(Exception):
    """No container can take the request just now: it is starting anew."""


class NoAnswerError(Exception):
    """The container took the request and did not answer: time limit, or it ended."""


class ModelServer:
    """Starts, watches, calls and ends the server process of one variant."""

    def __init__(self, context: Context, container: Container) -> None:
        self.container = container
        self._context = context
        self._number = next(_numbers)
        self.log = LogStream(
            container.account_id,
            container.region,
            f"/aws/sagemaker/Endpoints/{container.endpoint}",
            f"{container.variant}/i-{self._number:017x}",
        )
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._launching = threading.Lock()
        self._ready = threading.Event()
        self._stopping = threading.Event()
        self._idle: deque[http.client.HTTPConnection] = deque()
        self._busy = 0
        self._drained = threading.Condition()

    @property
    def pid(self) -> int | None:
        """The process that serves now."""
        return self._process.pid if self._process else None

    @property
    def folder(self) -> Path | None:
        """Where its files lie."""
        return self._folder

    def start(self) -> None:
        """Fetch everything, start the program and wait for its first healthy /ping. Raises StartError."""
        folder = self._context.home / "endpoints"
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix=f"{self.container.endpoint}-{self._number}-", dir=folder))
        _running.add(self)
        try:
            fetched = fetch(self._context, self.container, self._folder)
            self._await_first_ping(fetched)
        except BaseException:
            self.stop()
            raise
        threading.Thread(target=self._watch, args=(fetched,), name=f"watch {self.log.stream}", daemon=True).start()

    def invoke(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post to /invocations. Raises NotReadyError before the request was sent, NoAnswerError after it."""
        with self._drained:
            self._busy += 1
        try:
            return self._call("POST", "/invocations", body, headers)
        finally:
            with self._drained:
                self._busy -= 1
                self._drained.notify_all()

    def stop(self) -> None:
        """Let requests in flight end (up to the invocation limit), then end the process and remove its files."""
        self._stopping.set()
        with self._drained:
            self._drained.wait_for(lambda: self._busy == 0, timeout=self._context.limits.invocation)
        self.kill()

    def kill(self, *, grace: float | None = None) -> None:
        """End the process whatever it does: SIGTERM, and SIGKILL after `grace` seconds."""
        self._stopping.set()
        self._ready.clear()
        self._hang_up()
        with self._launching:
            process, self._process = self._process, None
        if process is not None:
            workloads.stop(process, grace_s=self._context.limits.stop if grace is None else grace)
        _running.discard(self)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _call(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        if not self._ready.is_set():
            raise NotReadyError(f"{self.log.stream} is not ready")
        connection = self._connection()
        started = time.perf_counter()
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            content = response.read()
        except ConnectionRefusedError as error:
            connection.close()
            raise NotReadyError(str(error)) from error
        except TimeoutError as error:
            connection.close()
            raise NoAnswerError(TIMED_OUT) from error
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise NoAnswerError("The container ended while it worked on the request.") from error
        elapsed = (time.perf_counter() - started) * 1e6
        if response.will_close:
            connection.close()
        else:
            self._idle.append(connection)
            if self._stopping.is_set():  # nobody else comes by to close it
                self._hang_up()
        names = {key.lower(): value for key, value in response.getheaders()}
        return Answer(response.status, names, content, elapsed)

    def _hang_up(self) -> None:
        """Close the connections that wait for the next request."""
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def _connection(self) -> http.client.HTTPConnection:
        """Return a kept-alive connection that the server has not closed meanwhile, else a new one.

        A request is sent once: after a crash nobody knows whether it was the request that crashed the server.
        """
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return http.client.HTTPConnection("127.0.0.1", self._port, timeout=self._context.limits.invocation)
            if connection.sock is not None and not select.select([connection.sock], [], [], 0)[0]:
                return connection
            connection.close()

    def _launch(self, fetched: Fetched) -> subprocess.Popen[bytes]:
        with self._launching:
            if self._stopping.is_set() or self._folder is None:
                raise StartError("The server was stopped while it started.")
            self._process = self._program(fetched, self._folder)
            return self._process

    def _program(self, fetched: Fetched, folder: Path) -> subprocess.Popen[bytes]:
        self._port = _free_port()
        own = {"SM_MODEL_DIR": str(fetched.model_dir), "SAGEMAKER_BIND_TO_PORT": str(self._port)}
        env = programs.environment(
            fetched.image,
            home=folder,
            role=fetched.role,
            container=self.container.environment,
            own={**own, "SLIPWAY_BIND_HOST": "127.0.0.1"},
        )
        return programs.start(
            self._context, fetched.argv, name=f"endpoint {self.log.stream}", env=env, cwd=folder, log=self.log
        )

    def _await_first_ping(self, fetched: Fetched) -> None:
        limit = max(self.container.startup_timeout / self._context.clock.speed, self._context.limits.startup)
        deadline = time.monotonic() + limit
        crashes = 0
        process = self._launch(fetched)
        while time.monotonic() < deadline and not self._stopping.is_set():
            if process.poll() is not None:
                workloads.forget(process)
                crashes += 1
                if crashes == CRASHES_AT_START:
                    break
                process = self._launch(fetched)
            if self._pings():
                self._ready.set()
                return
            time.sleep(PING_EVERY)
        raise StartError(
            f"The primary container for production variant {self.container.variant} did not pass the ping health "
            "check. Please check CloudWatch logs for this endpoint."
        )

    def _pings(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PING_LIMIT)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _watch(self, fetched: Fetched) -> None:
        """Start a crashed process anew, more and more patiently, until the server is stopped."""
        patience = 0.1
        while (process := self._process) is not None:
            code = process.wait()
            if self._stopping.is_set() or self._context.clock.stopped:
                return
            self._ready.clear()
            workloads.forget(process)
            self.log.write([f"The container ended with exit code {code}; it is started anew."])
            log.warning("%s ended with exit code %s; started anew", self.log.stream, code)
            self._stopping.wait(patience)
            patience = min(patience * 2, 10.0)
            with suppress(StartError):
                self._await_first_ping(fetched)


def kill_all(grace: float = 2.0) -> None:
    """End every model server, side by side: the sandbox is ending."""
    running = list(_running)
    if running:
        with ThreadPoolExecutor(max_workers=len(running)) as pool:
            list(pool.map(lambda server: server.kill(grace=grace), running))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
