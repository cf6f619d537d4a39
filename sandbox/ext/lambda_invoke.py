"""Invoke: functions run their own code, without Docker.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import base64
import json
import logging
from typing import Any

from moto.awslambda.models import LambdaFunction
from moto.awslambda.responses import LambdaResponse

from sandbox.errors import AwsError
from sandbox.ext.lambda_common import RefusedError, function_arn, not_found, patch
from sandbox.runtime import context, function_async, function_calls
from sandbox.runtime.functions import Outcome
from sandbox.settings import Settings

log = logging.getLogger(__name__)
REQUEST_LIMIT = 6_291_456  # bytes: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
EVENT_LIMIT = 1_048_576
TAIL = 4096


def install(settings: Settings) -> None:
    """Replace moto's way of running code."""
    function_calls.use(context.ensure(settings))
    patch(LambdaResponse, invoke, invoke_async)
    LambdaFunction.invoke = run_for_service


def shutdown() -> None:
    """End the functions' processes."""
    function_calls.shutdown()


def invoke(self: Any) -> tuple[int, dict[str, Any], bytes]:
    """Invoke: RequestResponse, Event or DryRun."""
    kind = self.headers.get("X-Amz-Invocation-Type", "RequestResponse")
    function = resolve(self)
    body = self.raw_body if isinstance(self.raw_body, bytes) else str(self.raw_body).encode()
    payload = checked(body, limit=EVENT_LIMIT if kind == "Event" else REQUEST_LIMIT, kind=kind)
    if kind == "DryRun":
        return 204, {"status": 204}, b""
    arn = function_arn(self)
    if kind == "Event":
        function_async.accept(arn, payload)
        return 202, {"status": 202}, b""
    context_header = self.headers.get("X-Amz-Client-Context")
    client_context = json.loads(base64.b64decode(context_header)) if context_header else None
    outcome = run(function, payload, arn=arn, client_context=client_context)
    headers: dict[str, Any] = {"Content-Type": "application/json", "X-Amz-Executed-Version": str(function.version)}
    if outcome.error:
        headers["X-Amz-Function-Error"] = outcome.error
    if self.headers.get("X-Amz-Log-Type") == "Tail":
        headers["X-Amz-Log-Result"] = base64.b64encode(outcome.log.encode()[-TAIL:]).decode()
    return 200, headers, outcome.payload


def invoke_async(self: Any) -> tuple[int, dict[str, Any], bytes]:
    """InvokeAsync, the old way of an Event invocation."""
    resolve(self)
    function_async.accept(function_arn(self), self.raw_body or b"{}")
    return 202, {"status": 202}, b""


def resolve(response: Any) -> Any:
    """Return moto's function behind the name and the qualifier of a request. Raises RefusedError."""
    try:
        return function_calls.find(function_arn(response))
    except AwsError as error:
        raise not_found(error.message) from error


def run(function: Any, payload: bytes, *, arn: str, client_context: Any = None) -> Outcome:
    """Run moto's function with this payload. Raises RefusedError when it is throttled or cannot run here."""
    try:
        return function_calls.run(function, payload, arn=arn, client_context=client_context)
    except AwsError as error:
        raise RefusedError(error.status, error.code, error.message) from error


def run_for_service(self: Any, body: Any, request_headers: Any, response_headers: Any) -> bytes:
    """How moto's other services (SNS, SQS, streams) run a function: in their own thread, and wait for it."""
    del request_headers
    payload = body if isinstance(body, bytes) else str(body or "{}").encode()
    outcome = run(self, payload, arn=self.function_arn)
    if outcome.error:
        response_headers["x-amz-function-error"] = outcome.error
    return outcome.payload


def checked(body: bytes, *, limit: int, kind: str) -> bytes:
    """Return the event as it is handed on. Raises RequestTooLarge and InvalidRequestContent as Lambda does."""
    if len(body) > limit:
        raise RefusedError(
            413,
            "RequestTooLargeException",
            f"{len(body)} byte payload is too large for the {kind} invocation type (limit {limit} bytes)",
        )
    if not body:
        return b"{}"
    try:
        json.loads(body)
    except ValueError as error:
        raise RefusedError(
            400, "InvalidRequestContentException", f"Could not parse request body into json: {error}"
        ) from error
    return body
