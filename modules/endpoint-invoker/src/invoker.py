"""Asks one SageMaker endpoint for an answer: JSON in, JSON out.

Called directly ({"body": ..., "sticky_key": ..., "target_variant": ..., "inference_id": ..., "content_type": ...,
"accept": ...}), or through a function URL or an HTTP API (payload format 2.0). Either way the result is {"statusCode",
"headers", "body"}. A sticky key gets the same variant each time; without one SageMaker chooses.

Only botocore is imported, and of that only what a client needs: boto3's resources and transfers cost 100 ms of a cold
start. The client, and with it the connection to SageMaker, is kept between calls.
"""

from __future__ import annotations

import base64
import functools
import json
import os
import time
from typing import Any

import botocore.session
import invoker_assignment as assignment
import invoker_failures as failures
import invoker_request as requests
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError

# Kept back from the time that Lambda leaves, so that a slow model ends as 504 and not as a function that was killed.
MARGIN_MS = 500
CONNECT_TIMEOUT_S = 2
# Lambda's limit for an answer, https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
RESPONSE_LIMIT = 6 * 1024 * 1024


def handle(event: Any, context: Any) -> dict[str, Any]:
    """Return the endpoint's answer, or a failure: its body is JSON with "error" and "message"."""
    started = time.monotonic()
    request = None
    try:
        request = requests.parse(event)
        response = answer(invoke(request, context))
    except requests.BadRequestError as error:
        response = failures.response(error.status, "bad_request", str(error))
    except (BotoCoreError, ClientError, failures.OutOfTimeError) as error:
        response = failures.from_exception(error)
    if response["statusCode"] >= 400:
        log(failure_line(event, request, context, response, started))
    return response


def invoke(request: requests.Request, context: Any) -> dict[str, Any]:
    """Return InvokeEndpoint's result with its body read, "InferenceId", and "Assignment" where a key was given.

    Raises botocore's errors, or OutOfTimeError.
    """
    arguments: dict[str, Any] = {
        "EndpointName": os.environ["ENDPOINT_NAME"],
        "Body": request.body,
        "ContentType": request.content_type,
        "Accept": request.accept,
        # what joins a captured request with its answers, a shadow's too, and with what is learnt of it later
        "InferenceId": request.inference_id or context.aws_request_id,
    }
    chosen = assigned(request)
    target = request.target_variant or chosen
    if target is not None:
        arguments["TargetVariant"] = target
    more = {"InferenceId": arguments["InferenceId"]} | ({} if chosen is None else {"Assignment": "key"})
    try:
        return attempt(arguments, context) | more
    except ClientError as error:
        if chosen is None or not failures.is_missing_variant(error):
            raise
    # The endpoint has moved on to other variants, and this function's weights follow in a moment.
    trace = assignment.trace_of(request.sticky_key or "", salt=arguments["EndpointName"])
    log(log_line(context, "WARNING") | {"failure": "variant_gone", "variant": chosen, "key_hash": trace})
    del arguments["TargetVariant"]
    return attempt(arguments, context) | more | {"Assignment": "fallback"}


def assigned(request: requests.Request) -> str | None:
    """Return the variant of the request's key; None without a key, or when there is nothing to choose."""
    if request.sticky_key is None:
        return None
    return assignment.assign(request.sticky_key, among=assignment.weights(), salt=os.environ["ENDPOINT_NAME"])


def attempt(arguments: dict[str, Any], context: Any) -> dict[str, Any]:
    """Call the endpoint, and once more when the kept connection turns out to be closed."""
    try:
        return call(arguments, seconds_left(context))
    except ConnectionClosedError:
        # While the function was frozen, the other side hung up on the kept connection. A prediction can be asked twice.
        return call(arguments, seconds_left(context))


def call(arguments: dict[str, Any], timeout_s: int) -> dict[str, Any]:
    """Call the endpoint and read the whole body, so that a timeout while reading is met here as well."""
    result: dict[str, Any] = client(timeout_s).invoke_endpoint(**arguments)
    return result | {"Body": result["Body"].read()}


def seconds_left(context: Any) -> int:
    """Return whole seconds for the endpoint: whole, so that calls share a client. Raises OutOfTimeError below one."""
    seconds = int((context.get_remaining_time_in_millis() - MARGIN_MS) / 1000)
    if seconds < 1:
        raise failures.OutOfTimeError
    return seconds


@functools.lru_cache(maxsize=4)
def client(timeout_s: int) -> Any:
    """Return the client for this time limit. It never retries: the caller knows whether another attempt is worth it."""
    config = Config(
        connect_timeout=min(CONNECT_TIMEOUT_S, timeout_s),
        read_timeout=timeout_s,
        retries={"total_max_attempts": 1, "mode": "standard"},
        tcp_keepalive=True,
    )
    return botocore.session.get_session().create_client("sagemaker-runtime", config=config)


def answer(result: dict[str, Any]) -> dict[str, Any]:
    """Return the model's answer for the caller: text where it is text, base64 otherwise."""
    headers = {
        "content-type": result.get("ContentType") or "application/octet-stream",
        "x-amzn-invoked-production-variant": result.get("InvokedProductionVariant") or "",
        "x-amzn-sagemaker-inference-id": result["InferenceId"],
    }
    if result.get("CustomAttributes"):
        headers["x-amzn-sagemaker-custom-attributes"] = result["CustomAttributes"]
    if result.get("Assignment"):
        headers["x-slipway-assignment"] = result["Assignment"]
    body: bytes = result["Body"]
    try:
        response = {"statusCode": 200, "headers": headers, "body": body.decode()}
    except UnicodeDecodeError:
        encoded = base64.b64encode(body).decode()
        response = {"statusCode": 200, "headers": headers, "body": encoded, "isBase64Encoded": True}
    # Lambda counts the JSON text, in which one byte becomes six at most.
    if len(body) > RESPONSE_LIMIT // 6 and len(json.dumps(response)) > RESPONSE_LIMIT:
        return failures.response(502, "answer_too_large", "the answer is beyond Lambda's 6 MB; ask for less")
    return response


def failure_line(
    event: Any, request: requests.Request | None, context: Any, response: dict[str, Any], started: float
) -> dict[str, Any]:
    """Return what the log says of a failure: what went wrong, and how long it took.

    Never a body and never a key: they may be personal. `detail` is taken out of the response, it is for the log only.
    """
    line = log_line(context, "ERROR" if response["statusCode"] >= 500 else "WARNING") | {
        "http_request_id": event["requestContext"].get("requestId") if requests.is_http(event) else None,
        "status": response["statusCode"],
        "failure": json.loads(response["body"])["error"],
        "detail": response.pop("detail", None),
        "ms": round((time.monotonic() - started) * 1000, 1),
    }
    if request is not None and request.sticky_key is not None:
        line["key_hash"] = assignment.trace_of(request.sticky_key, salt=os.environ["ENDPOINT_NAME"])
    return line


def log_line(context: Any, level: str) -> dict[str, Any]:
    """Return what every line says."""
    return {
        "level": level,
        "endpoint": os.environ.get("ENDPOINT_NAME"),
        "request_id": getattr(context, "aws_request_id", None),
    }


def log(line: dict[str, Any]) -> None:
    """Print one line."""
    print(json.dumps(line), flush=True)


def warm_up() -> None:
    """Make the client while Lambda initialises: that is free of the caller's time, and with full processor speed."""
    timeout_s = int(float(os.environ["TIMEOUT_S"]) - MARGIN_MS / 1000)
    client(max(1, timeout_s))


if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:
    warm_up()
