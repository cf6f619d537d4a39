"""Calls of functions, whoever makes them: the API, a queue's poller, a topic, a bus, a URL.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import json
import random
import threading
from typing import Any

from moto.awslambda.models import lambda_backends

from sandbox.cloudwatch import services
from sandbox.errors import AwsError
from sandbox.runtime.context import Context
from sandbox.runtime.function_pool import Pool
from sandbox.runtime.functions import Function, Outcome, variables_of

RESPONSE_LIMIT = 6_291_556  # bytes: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_pools: list[Pool] = []
_in_flight: dict[str, int] = {}
_lock = threading.Lock()


def use(context: Context) -> None:
    """Run functions in this context from now on."""
    _pools[:] = [Pool(context)]
    _in_flight.clear()


def shutdown() -> None:
    """End the functions' processes."""
    for pool in _pools:
        pool.shutdown()


def find(arn: str) -> Any:
    """Return moto's function behind an ARN; an alias may send a share of its calls to another version.

    Raises AwsError ResourceNotFoundException. https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
    """
    parts = arn.split(":")
    if len(parts) not in {7, 8} or parts[2] != "lambda":
        raise not_found(arn)
    name, qualifier = parts[6], parts[7] if len(parts) == 8 else "$LATEST"
    storage = lambda_backends[parts[4]][parts[3]]._lambdas
    group = storage._functions.get(name)
    if group is None:
        raise not_found(arn)
    alias = {one.name: one for one in storage.list_aliases(name)}.get(qualifier)
    if alias is not None:
        qualifier = routed(alias)
    versions = [group["latest"], *group["versions"]]
    function = next((one for one in versions if str(one.version) == qualifier), None)
    if function is None:
        raise not_found(arn)
    return function


def not_found(arn: str) -> AwsError:
    """Return Lambda's error for a function that is not there."""
    return AwsError("ResourceNotFoundException", f"Function not found: {arn}", 404)


def routed(alias: Any) -> str:
    """Return the version that an alias sends this one call to."""
    weights = (alias.routing_config or {}).get("AdditionalVersionWeights") or {}
    draw = random.random()  # noqa: S311 (traffic, not a secret)
    for version, weight in weights.items():
        if draw < weight:
            return str(version)
        draw -= weight
    return str(alias.function_version)


def invoke(arn: str, payload: bytes) -> Outcome:
    """Run the function behind an ARN and wait for it. Raises AwsError: not found, throttled, cannot run here."""
    return run(find(arn), payload, arn=arn)


def send_event(arn: str, payload: bytes) -> None:
    """Queue an asynchronous invocation. Raises AwsError when there is no such function."""
    from sandbox.runtime import function_async  # noqa: PLC0415 (it calls functions, too)

    find(arn)
    function_async.accept(arn, payload)


def run(
    function: Any, payload: bytes, *, arn: str, client_context: Any = None, request_id: str | None = None
) -> Outcome:
    """Run moto's function. Raises AwsError TooManyRequestsException when its reserved concurrency is used up."""
    name = f"{function.account_id}:{function.region}:{function.function_name}"
    reserved = reserved_of(function)
    with _lock:
        running = _in_flight.get(name, 0)
        if reserved is not None and running >= reserved:
            services.throttled(function.account_id, function.region, function.function_name)
            raise AwsError(
                "TooManyRequestsException",
                "Rate Exceeded.",
                429,
                fields={"Type": "User", "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded"},
            )
        _in_flight[name] = running + 1
    try:
        outcome = _pools[0].invoke(
            runnable(function), payload, arn=arn, client_context=client_context, request_id=request_id
        )
    finally:
        with _lock:
            _in_flight[name] -= 1
    if len(outcome.payload) > RESPONSE_LIMIT:
        message = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes)."
        document = {"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}
        return Outcome(json.dumps(document).encode(), "Unhandled", outcome.log)
    return outcome


def reserved_of(function: Any) -> int | None:
    """Return the concurrency that is reserved for a function, over all its versions; None without a reservation."""
    group = lambda_backends[function.account_id][function.region]._lambdas._functions.get(function.function_name)
    reserved = (group["latest"] if group else function).reserved_concurrency
    return None if reserved is None else int(reserved)


def runnable(function: Any) -> Function:
    """Return what the runtime needs of moto's function. Raises AwsError for what cannot run here."""
    if function.package_type != "Zip" or not str(function.run_time or "").startswith("python"):
        raise AwsError("InvalidRuntimeException", "The sandbox runs Python functions from zip archives only.", 502)
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
