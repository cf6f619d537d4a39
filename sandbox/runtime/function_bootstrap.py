"""Runs inside a function's own process: imports the handler once, then answers one invocation after the other.

Standard library only. Frames on the two pipes: a JSON header on one line, then as many bytes as it says. Behaviour as
Lambda's runtime for Python: https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html and
https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import IO, Any

Handler = Callable[[Any, "Context"], Any]
END = "\0end "  # on stderr, after the last line of an invocation


class Context:
    """What a handler gets as its second argument (https://docs.aws.amazon.com/lambda/latest/dg/python-context.html)."""

    identity = None

    def __init__(self, header: dict[str, Any]) -> None:
        self.aws_request_id = header["id"]
        self.invoked_function_arn = header["arn"]
        self.client_context = header.get("client_context")
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._deadline = time.time() + header["timeout"]

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function is ended."""
        return max(int((self._deadline - time.time()) * 1000), 0)


class _Formatter(logging.Formatter):
    request_id = ""

    def format(self, record: logging.LogRecord) -> str:
        record.aws_request_id = self.request_id
        return super().format(record)


def load(name: str) -> tuple[Handler | None, dict[str, Any] | None]:
    """Return the handler, or the error that every invocation gets instead."""
    module_name, _, function = name.rpartition(".")
    if not module_name:
        return None, failure("Runtime.MalformedHandlerName", f"Bad handler '{name}': not enough values to unpack")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        return None, failure("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}")
    except SyntaxError as error:
        return None, failure("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}")
    except Exception as error:  # noqa: BLE001 (user code may raise anything)
        return None, described(error)
    handler = getattr(module, function, None)
    if handler is None:
        message = f"Handler '{function}' missing on module '{module_name}'"
        return None, failure("Runtime.HandlerNotFound", message)
    return handler, None


def failure(kind: str, message: str) -> dict[str, Any]:
    """Return an error without a stack."""
    return {"errorMessage": message, "errorType": kind, "requestId": "", "stackTrace": []}


def described(error: BaseException) -> dict[str, Any]:
    """Return an exception of user code as Lambda shows it; frames of this file are left out."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != __file__]
    stack = [f'  File "{f.filename}", line {f.lineno}, in {f.name}\n    {f.line}\n' for f in frames]
    return {"errorMessage": str(error), "errorType": type(error).__name__, "requestId": "", "stackTrace": stack}


def answer(handler: Handler | None, broken: dict[str, Any] | None, header: dict[str, Any], body: bytes) -> Any:
    """Return (ok, payload) of one invocation."""
    if handler is None:
        return False, json.dumps(broken).encode()
    try:
        event = json.loads(body)
        result = handler(event, Context(header))
    except Exception as error:  # noqa: BLE001 (user code may raise anything)
        seen = described(error)
        first = f"[ERROR] {seen['errorType']}: {seen['errorMessage']}\nTraceback (most recent call last):\n"
        sys.stderr.write(first + "".join(seen["stackTrace"]))
        return False, json.dumps({**seen, "requestId": header["id"]}).encode()
    try:
        return True, json.dumps(result).encode()
    except (TypeError, ValueError) as error:
        return False, json.dumps(failure("Runtime.MarshalError", f"Unable to marshal response: {error}")).encode()


def serve(source: IO[bytes], target: IO[bytes]) -> None:
    """Answer until the source ends."""
    formatter = _Formatter("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s")
    formatter.datefmt, formatter.converter = "%Y-%m-%dT%H:%M:%S", time.gmtime
    log = logging.StreamHandler(sys.stderr)
    log.setFormatter(formatter)
    logging.getLogger().addHandler(log)
    handler, broken = load(os.environ["_HANDLER"])
    send(target, {"ready": True}, b"")
    while line := source.readline():
        header = json.loads(line)
        formatter.request_id = header["id"]
        ok, payload = answer(handler, broken, header, source.read(header["length"]))
        sys.stdout.flush()
        sys.stderr.write(f"{END}{header['id']}\n")
        sys.stderr.flush()
        send(target, {"ok": ok}, payload)


def send(target: IO[bytes], header: dict[str, Any], payload: bytes) -> None:
    """Write one frame."""
    target.write(json.dumps({**header, "length": len(payload)}).encode() + b"\n" + payload)
    target.flush()


def main() -> None:
    """Keep the pipes for frames: whatever the handler prints goes to stderr, and it can read nothing."""
    source, target = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.chdir(os.environ["LAMBDA_TASK_ROOT"])
    serve(source, target)


if __name__ == "__main__":
    main()
