"""Invoke: functions run their own code, without Docker.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import base64
import json
import logging
import random
import threading
from typing import Any

from moto.awslambda.models import LambdaFunction
from moto.awslambda.responses import LambdaResponse

from sandbox.ext import lambda_async
from sandbox.ext.lambda_common import RefusedError, backend, function_arn, names, not_found, patch
from sandbox.runtime import context
from sandbox.runtime.function_pool import Pool
from sandbox.runtime.functions import Function, Outcome, variables_of
from sandbox.settings import Settings

log = logging.getLogger(__name__)
REQUEST_LIMIT = 6_291_456  # bytes: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
EVENT_LIMIT = 1_048_576
RESPONSE_LIMIT = 6_291_556
TAIL = 4096
_pools: list[Pool] = []
_in_flight: dict[str, int] = {}
_lock = threading.Lock()


def install(settings: Settings) -> None:
    """Replace moto's way of running code."""
    _pools[:] = [Pool(context.ensure(settings))]
    _in_flight.clear()
    patch(LambdaResponse, invoke, invoke_async)
    LambdaFunction.invoke = run_for_service


def shutdown() -> None:
    """End the functions' processes."""
    for pool in _pools:
        pool.shutdown()


def invoke(self: Any) -> tuple[int, dict[str, Any], bytes]:
    """Invoke: RequestResponse, Event or DryRun."""
    kind = self.headers.get("X-Amz-Invocation-Type", "RequestResponse")
    function, version = resolve(self)
    body = self.raw_body if isinstance(self.raw_body, bytes) else str(self.raw_body).encode()
    payload = checked(body, limit=EVENT_LIMIT if kind == "Event" else REQUEST_LIMIT, kind=kind)
    if kind == "DryRun":
        return 204, {"status": 204}, b""
    arn = function_arn(self)
    if kind == "Event":
        lambda_async.send(function, payload, lambda event: run(function, event, arn=arn))
        return 202, {"status": 202}, b""
    context_header = self.headers.get("X-Amz-Client-Context")
    client_context = json.loads(base64.b64decode(context_header)) if context_header else None
    outcome = run(function, payload, arn=arn, client_context=client_context)
    headers: dict[str, Any] = {"Content-Type": "application/json", "X-Amz-Executed-Version": version}
    if outcome.error:
        headers["X-Amz-Function-Error"] = outcome.error
    if self.headers.get("X-Amz-Log-Type") == "Tail":
        headers["X-Amz-Log-Result"] = base64.b64encode(outcome.log.encode()[-TAIL:]).decode()
    return 200, headers, outcome.payload


def invoke_async(self: Any) -> tuple[int, dict[str, Any], bytes]:
    """InvokeAsync, the old way of an Event invocation."""
    function, _ = resolve(self)
    arn = function_arn(self)
    lambda_async.send(function, self.raw_body or b"{}", lambda event: run(function, event, arn=arn))
    return 202, {"status": 202}, b""


def resolve(response: Any) -> tuple[Any, str]:
    """Return moto's function behind the name and the qualifier, and its version; aliases may split by weight.

    https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
    """
    _, _, name, qualifier = names(response)
    lambdas = backend(response)
    if name not in lambdas._lambdas._functions:
        raise not_found(f"Function not found: {function_arn(response)}")
    aliases = {alias.name: alias for alias in lambdas.list_aliases(name)}
    if qualifier in aliases:
        qualifier = _routed(aliases[qualifier])
    function = lambdas.get_function(name, qualifier or "$LATEST")
    if function is None:
        raise not_found(f"Function not found: {function_arn(response)}")
    return function, str(function.version)


def run(function: Any, payload: bytes, *, arn: str, client_context: Any = None) -> Outcome:
    """Run moto's function with this payload. Raises RefusedError when its reserved concurrency is used up."""
    reserved = function.reserved_concurrency
    with _lock:
        running = _in_flight.get(function.function_arn, 0)
        if reserved is not None and running >= int(reserved):
            raise RefusedError(429, "TooManyRequestsException", "Rate Exceeded.")
        _in_flight[function.function_arn] = running + 1
    try:
        outcome = _pools[0].invoke(runnable(function), payload, arn=arn, client_context=client_context)
    finally:
        with _lock:
            _in_flight[function.function_arn] -= 1
    if len(outcome.payload) > RESPONSE_LIMIT:
        message = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes)."
        document = {"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}
        return Outcome(json.dumps(document).encode(), "Unhandled", outcome.log)
    return outcome


def run_for_service(self: Any, body: Any, request_headers: Any, response_headers: Any) -> bytes:
    """How moto's other services (SNS, SQS, streams) run a function: in their own thread, and wait for it."""
    del request_headers
    payload = body if isinstance(body, bytes) else str(body or "{}").encode()
    outcome = run(self, payload, arn=self.function_arn)
    if outcome.error:
        response_headers["x-amz-function-error"] = outcome.error
    return outcome.payload


def runnable(function: Any) -> Function:
    """Return what the runtime needs of moto's function. Raises RefusedError for what cannot run here."""
    if function.package_type != "Zip" or not str(function.run_time or "").startswith("python"):
        raise RefusedError(502, "InvalidRuntimeException", "The sandbox runs Python functions from zip archives only.")
    logging_config = getattr(function, "extra", {}).get("LoggingConfig") or {}
    return Function(
        account_id=function.account_id,
        region=function.region,
        name=function.function_name,
        version=str(function.version),
        handler=function.handler,
        role_arn=function.role,
        timeout=float(function.timeout or 3),
        memory=int(function.memory_size),
        runtime=function.run_time,
        log_group=logging_config.get("LogGroup") or f"/aws/lambda/{function.function_name}",
        code_sha256=function.code_sha_256,
        variables=variables_of(function.environment_vars or {}),
        code=function.code_bytes,
    )


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


def _routed(alias: Any) -> str:
    weights = (alias.routing_config or {}).get("AdditionalVersionWeights") or {}
    draw = random.random()  # noqa: S311 (traffic, not a secret)
    for version, weight in weights.items():
        if draw < weight:
            return str(version)
        draw -= weight
    return str(alias.function_version)
