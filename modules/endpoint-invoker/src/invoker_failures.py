"""From what went wrong to what the caller may know: a status, a short name of the failure, and a message."""

from __future__ import annotations

import json
import re
from typing import Any

from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    IncompleteReadError,
    ReadTimeoutError,
)

THROTTLED = {
    "LimitExceededException",
    "RequestLimitExceeded",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
}
UNAVAILABLE = {"ModelNotReadyException", "ServiceUnavailable", "ServiceUnavailableException"}
SAGEMAKER_BROKEN = {"InternalFailure", "InternalDependencyException", "InternalServerError", "InternalServerException"}
INVALID = {"ValidationError", "ValidationException"}
ENDPOINT_MISSING = re.compile(r"\bendpoint\b.*\bnot found\b|could not find endpoint", re.IGNORECASE | re.DOTALL)
VARIANT_MISSING = re.compile(r"\bvariant\b", re.IGNORECASE)
TIMED_OUT = re.compile(r"invocation timed out|timed out while waiting", re.IGNORECASE)
RETRY_AFTER = {"retry-after": "1"}


class OutOfTimeError(Exception):
    """Lambda's time is nearly over, so that a call could only be cut off."""


def response(
    status: int,
    error: str,
    message: str,
    *,
    headers: dict[str, str] | None = None,
    detail: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Return a failure for the caller. `detail` is for the log only: the handler takes it out again."""
    body = {"error": error, "message": message} | {key: value for key, value in more.items() if value is not None}
    result: dict[str, Any] = {
        "statusCode": status,
        "headers": {"content-type": "application/json"} | (headers or {}),
        "body": json.dumps(body),
    }
    return result if detail is None else result | {"detail": detail}


def from_exception(error: Exception) -> dict[str, Any]:
    """Return the failure that botocore's exception means. ARNs, accounts and credentials stay in the log."""
    if isinstance(error, ClientError):
        return _from_service(error)
    if isinstance(error, (OutOfTimeError, ReadTimeoutError, ConnectTimeoutError)):
        return _timeout(repr(error))
    if isinstance(error, (EndpointConnectionError, HTTPClientError, IncompleteReadError)):
        return response(
            503, "unavailable", "SageMaker cannot be reached right now", headers=RETRY_AFTER, detail=repr(error)
        )
    return response(500, "internal", "the function cannot call its endpoint; its log says why", detail=repr(error))


def is_missing_variant(error: ClientError) -> bool:
    """Tell whether SageMaker refused a call because of the variant it named. Such a call never reached a model."""
    found = error.response.get("Error", {})
    return str(found.get("Code", "")) in INVALID and bool(VARIANT_MISSING.search(str(found.get("Message", ""))))


def _timeout(detail: str) -> dict[str, Any]:
    return response(504, "timeout", "the model did not answer in time", detail=detail)


def _from_service(error: ClientError) -> dict[str, Any]:
    """Map SageMaker's error codes.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html#API_runtime_InvokeEndpoint_Errors
    """
    code = str(error.response.get("Error", {}).get("Code", ""))
    message = str(error.response.get("Error", {}).get("Message", ""))
    if code == "ModelError":
        return _model_error(error, message)
    if code in INVALID and not ENDPOINT_MISSING.search(message):
        return response(400, "bad_request", without_arns(message), detail=str(error))
    http_status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    status, kind, text = _service_failure(code, http_status)
    return response(status, kind, text, headers=RETRY_AFTER if status in (429, 503) else None, detail=str(error))


def _service_failure(code: str, http_status: int | None) -> tuple[int, str, str]:
    if code in THROTTLED:
        return 429, "throttled", "too many requests; try again later"
    if code in INVALID:
        return 503, "unavailable", "the endpoint does not exist right now"
    if code in UNAVAILABLE or http_status == 503:
        return 503, "unavailable", "the endpoint cannot answer right now"
    if http_status == 429:
        return 429, "throttled", "too many requests; try again later"
    if code in SAGEMAKER_BROKEN:
        return 502, "sagemaker_error", "SageMaker failed; try again later"
    return 500, "internal", "the function cannot call its endpoint; its log says why"


def _model_error(error: ClientError, message: str) -> dict[str, Any]:
    """SageMaker's 424: the container answered with an error, or did not answer in time (original status 0)."""
    original_status = error.response.get("OriginalStatusCode")
    original_message = error.response.get("OriginalMessage")
    if TIMED_OUT.search(message) or TIMED_OUT.search(str(original_message or "")):
        return _timeout(str(error))
    return response(
        502,
        "model_error",
        without_arns(message) or "the model failed",
        detail=str(error),
        original_status=original_status,
        original_message=None if original_message is None else without_arns(str(original_message)),
    )


def without_arns(message: str) -> str:
    """Return SageMaker's message without ARNs, account ids and console links: not the caller's business."""
    message = re.sub(r"\s*See https://\S+\s+in account \S+ for more information\.?", "", message)
    message = re.sub(r"arn:aws[a-z-]*:\S+", "(arn)", message)
    return re.sub(r"(?<!\d)\d{12}(?!\d)", "(account)", message)
