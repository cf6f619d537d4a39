"""Lambda without Docker: a warm process for each concurrent invocation of a function, with its role's credentials."""

from __future__ import annotations

import io
import itertools
import json
import logging
import secrets
import select
import shutil
import subprocess
import tempfile
import threading
import time
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from sandbox import function_keys, workloads
from sandbox.errors import AwsError
from sandbox.events import access
from sandbox.runtime import function_bootstrap, roles
from sandbox.runtime.context import Context
from sandbox.runtime.logs import LogStream

log = logging.getLogger(__name__)
INIT_LIMIT = 20.0  # seconds; AWS gives 10 on a machine that does nothing else
UNPACKED_LIMIT = 250 * 1024 * 1024  # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
# What Lambda's Python runtimes bring along: https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
RUNTIME_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Function:
    """One version of a function, ready to run. Two that are equal share their processes."""

    account_id: str
    region: str
    name: str
    version: str
    handler: str
    role_arn: str
    timeout: float
    memory: int
    runtime: str
    log_group: str
    code_sha256: str
    variables: tuple[tuple[str, str], ...]
    code: bytes = field(repr=False, compare=False)


@dataclass(frozen=True)
class Outcome:
    """What an invocation came to. `error` None means success; else it is the X-Amz-Function-Error."""

    payload: bytes
    error: str | None
    log: str


class Worker:
    """One process that holds one copy of a function."""

    def __init__(self, context: Context, function: Function) -> None:
        self.function = function
        self.used = time.monotonic()
        self._context = context
        number = next(_numbers)
        today = datetime.now(UTC)
        stream = f"{today:%Y/%m/%d}/[{function.version}]{secrets.token_hex(16)}"
        self.log = LogStream(function.account_id, function.region, function.log_group, stream)
        folder = context.home / "functions"
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix=f"{function.name}-{number}-", dir=folder))
        self._lines: list[str] = []
        self._ended = threading.Event()
        self._key = ""
        began = time.perf_counter()
        try:
            _unpack(function.code, self._folder / "task")
            self._process = self._start()
            header, _ = self._receive(INIT_LIMIT)
        except BaseException:
            self.stop()
            raise
        self.alive = header is not None
        self.init_ms = (time.perf_counter() - began) * 1000

    def invoke(self, payload: bytes, *, arn: str, client_context: Any = None, request_id: str | None = None) -> Outcome:
        """Run the handler once. After a time-out or a crash the worker is not `alive` any more."""
        function, request_id = self.function, request_id or str(uuid.uuid4())
        self._lines, self._ended = [], threading.Event()
        began = time.perf_counter()
        header = {"id": request_id, "arn": arn, "timeout": function.timeout, "client_context": client_context}
        seen, body = self._exchange({**header, "length": len(payload)}, payload)
        if seen is None:
            error, message = self._died(request_id, time.perf_counter() - began)
            body = json.dumps(
                {"errorType": error, "errorMessage": f"RequestId: {request_id} Error: {message}"}
            ).encode()
        else:
            self._ended.wait(1.0)
        self.used = time.monotonic()
        text = self._record(request_id, (time.perf_counter() - began) * 1000)
        return Outcome(body, None if seen is not None and seen["ok"] else "Unhandled", text)

    def stop(self) -> None:
        """End the process and remove its files."""
        self.alive = False
        function_keys.forget(self._key)
        process = getattr(self, "_process", None)
        if process is not None:
            workloads.stop(process, grace_s=0.5)
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    try:
                        pipe.close()
                    except BrokenPipeError:
                        log.debug("the function ended before its input was closed")
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> subprocess.Popen[bytes]:
        function, task = self.function, self._folder / "task"
        temporary = self._folder / "tmp"
        temporary.mkdir()
        role = roles.credentials(
            self._context, role_arn=function.role_arn, region=function.region, session=function.name
        )
        env = {
            **role,
            **dict(function.variables),
            "_HANDLER": function.handler,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": function.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": self.log.group,
            "AWS_LAMBDA_LOG_STREAM_NAME": self.log.stream,
            "LAMBDA_TASK_ROOT": str(task),
            "LANG": "C.UTF-8",
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": f"{task}:{runtime_packages(self._context.home)}",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "TMPDIR": str(temporary),
            "TZ": ":UTC",
        }
        process = workloads.start(
            self._context.settings,
            [self._context.settings.python, "-S", "-P", function_bootstrap.__file__],
            name=f"function {function.name}:{function.version}",
            env=env,
            cwd=task,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._key = role["AWS_ACCESS_KEY_ID"]
        function_keys.note(self._key, process.pid)
        if process.stderr is not None:
            threading.Thread(target=self._collect, args=(process.stderr,), daemon=True).start()
        return process

    def _collect(self, lines: IO[bytes]) -> None:
        with lines:
            for raw in lines:
                text = raw.decode("utf-8", "replace").rstrip("\n")
                if text.startswith(function_bootstrap.END):
                    self._ended.set()
                else:
                    self._lines.append(text)

    def _exchange(self, header: dict[str, Any], payload: bytes) -> tuple[dict[str, Any] | None, bytes]:
        if self._process.stdin is None:
            return None, b""
        try:
            self._process.stdin.write(json.dumps(header).encode() + b"\n" + payload)
            self._process.stdin.flush()
        except BrokenPipeError:
            return None, b""
        return self._receive(self.function.timeout)

    def _receive(self, limit: float) -> tuple[dict[str, Any] | None, bytes]:
        """Return header and body of the next frame, or None when there is none within `limit` seconds."""
        pipe = self._process.stdout
        if pipe is None or not select.select([pipe], [], [], limit)[0]:
            return None, b""
        line = pipe.readline()
        if not line:
            return None, b""
        header: dict[str, Any] = json.loads(line)
        return header, pipe.read(header["length"])

    def _died(self, request_id: str, seconds: float) -> tuple[str, str]:
        """Why there was no answer, in Lambda's words."""
        if seconds >= self.function.timeout:
            message = f"Task timed out after {self.function.timeout:.2f} seconds"
            self._lines.append(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}Z {request_id} {message}")
            self.stop()
            return "Sandbox.Timedout", message
        code = self._process.wait()
        self.stop()
        how = f"signal: {-code}" if code < 0 else f"exit status {code}"
        return "Runtime.ExitError", f"Runtime exited with error: {how}"

    def _record(self, request_id: str, milliseconds: float) -> str:
        """Write the invocation's lines to the log group and return them."""
        report = (
            f"REPORT RequestId: {request_id}\tDuration: {milliseconds:.2f} ms\t"
            f"Billed Duration: {int(milliseconds) + 1} ms\tMemory Size: {self.function.memory} MB"
        )
        if self.init_ms:
            report += f"\tInit Duration: {self.init_ms:.2f} ms"
            self.init_ms = 0.0
        start = f"START RequestId: {request_id} Version: {self.function.version}"
        lines = [start, *self._lines, f"END RequestId: {request_id}", report]
        if self._may_log():
            self.log.write(lines)
        return "".join(f"{line}\n" for line in lines)

    def _may_log(self) -> bool:
        """Whether the role may write logs; without that there are none, as on AWS.

        https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-prereqs.html
        """
        stream = f"log-stream:{self.log.stream}"
        actions = {"logs:CreateLogStream": stream, "logs:PutLogEvents": stream}
        if not self.log.exists:
            actions["logs:CreateLogGroup"] = "*"
        try:
            for action, part in actions.items():
                access.check(self.function.role_arn, action, f"{self.log.arn}:{part}", {})
        except AwsError as error:
            log.warning("no log of %s: %s", self.function.name, error.message)
            return False
        return True


def runtime_packages(home: Path) -> Path:
    """Return a folder with links to exactly the packages of Lambda's own runtime, found where this process has them."""
    folder = home / "function-runtime"
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in RUNTIME_PACKAGES:
            spec = find_spec(name)
            if spec is None or spec.origin is None:
                continue
            source = Path(spec.origin)
            source = source.parent if source.name == "__init__.py" else source
            link = folder / source.name
            if not link.exists():
                link.symlink_to(source)
    return folder


def _unpack(code: bytes, target: Path) -> None:
    """Unpack a function's zip; zipfile itself strips absolute and parent paths."""
    target.mkdir(parents=True)
    with zipfile.ZipFile(io.BytesIO(code)) as archive:
        if sum(member.file_size for member in archive.infolist()) > UNPACKED_LIMIT:
            raise ValueError(f"the unpacked code is larger than {UNPACKED_LIMIT} bytes")
        archive.extractall(target)


def variables_of(environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return environment variables in a form that can be compared."""
    return tuple(sorted(environment.items()))
