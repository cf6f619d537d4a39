"""What a caller asked for: from a direct call or from an HTTP request to what SageMaker takes, or a reason why not."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
VARIANT = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
INFERENCE_ID = re.compile(r"[\x20-\x7e]{1,64}")
MEDIA_TYPE = re.compile(r"[\x20-\x7e]{1,1024}")
JSON = "application/json"
BODY_LIMIT = 6 * 1024 * 1024
STICKY_KEY = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,256}")
DIRECT_KEYS = {"body", "target_variant", "inference_id", "content_type", "accept", "isBase64Encoded", "sticky_key"}


class BadRequestError(Exception):
    """The caller's fault: `status` is 400, 405 or 413, and the text is the reason."""

    def __init__(self, reason: str, *, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Request:
    """One call of the endpoint."""

    body: bytes
    content_type: str = JSON
    accept: str = JSON
    target_variant: str | None = None
    inference_id: str | None = None
    sticky_key: str | None = None


def is_http(event: Any) -> bool:
    """Return whether the event came through a function URL or an HTTP API (payload format 2.0)."""
    return (
        isinstance(event, dict) and isinstance(event.get("requestContext"), dict) and "http" in event["requestContext"]
    )


def parse(event: Any) -> Request:
    """Return the request inside an event. Raises BadRequestError with a reason that the caller understands."""
    if is_http(event):
        return _checked(event, _http_settings(event))
    if not isinstance(event, dict):
        raise BadRequestError("the event is an object with a body")
    if unknown := sorted(map(str, event.keys() - DIRECT_KEYS)):
        raise BadRequestError(f"unknown keys {', '.join(unknown)}; known are {', '.join(sorted(DIRECT_KEYS))}")
    return _checked(event, {key: event.get(key) for key in DIRECT_KEYS})


def _http_settings(event: dict[str, Any]) -> dict[str, Any]:
    method = event["requestContext"]["http"].get("method", "POST")
    if method != "POST":
        raise BadRequestError(f"use POST, not {method}", status=405)
    headers = {str(name).lower(): value for name, value in (event.get("headers") or {}).items()}
    accept = headers.get("accept")
    return {
        "content_type": headers.get("content-type"),
        "accept": None if accept in (None, "*/*") else accept,
        "target_variant": headers.get("x-amzn-sagemaker-target-variant"),
        "inference_id": headers.get("x-amzn-sagemaker-inference-id"),
        "sticky_key": headers.get("x-slipway-sticky-key"),
    }


def _checked(event: dict[str, Any], settings: dict[str, Any]) -> Request:
    content_type = _text(settings, "content_type", MEDIA_TYPE, "printable characters, 1024 at most") or JSON
    body = _body(event, is_json=content_type.split(";")[0].strip().lower() == JSON)
    if settings.get("target_variant") is not None and settings.get("sticky_key") is not None:
        raise BadRequestError("give target_variant or sticky_key, not both: the key chooses the variant")
    return Request(
        body=body,
        content_type=content_type,
        accept=_text(settings, "accept", MEDIA_TYPE, "printable characters, 1024 at most") or JSON,
        target_variant=_text(settings, "target_variant", VARIANT, "letters, digits and hyphens, 63 at most"),
        inference_id=_text(settings, "inference_id", INFERENCE_ID, "printable characters, 64 at most"),
        sticky_key=_text(settings, "sticky_key", STICKY_KEY, "1 to 256 characters, no control characters"),
    )


def _text(settings: dict[str, Any], key: str, pattern: re.Pattern[str], rule: str) -> str | None:
    value = settings.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise BadRequestError(f"{key} takes {rule}")
    return value


def _body(event: dict[str, Any], *, is_json: bool) -> bytes:
    body = event.get("body")
    if body is None:
        raise BadRequestError("there is no body")
    if event.get("isBase64Encoded"):
        content = _decoded(body)
    elif isinstance(body, str):
        content = _encoded(body)
    elif is_json:
        content = _encoded(json.dumps(body, ensure_ascii=False, separators=(",", ":")))
    else:
        raise BadRequestError("the body must be a string when content_type is not application/json")
    if not content:
        raise BadRequestError("the body is empty")
    if len(content) > BODY_LIMIT:
        raise BadRequestError(f"the body has {len(content)} bytes and SageMaker takes {BODY_LIMIT}", status=413)
    if is_json:
        _require_json(content)
    return content


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise BadRequestError("the body is not UTF-8") from error


def _decoded(body: Any) -> bytes:
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise BadRequestError("isBase64Encoded is set and the body is not base64") from error


def _require_json(content: bytes) -> None:
    try:
        json.loads(content.decode(), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise BadRequestError("the body is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise BadRequestError(
            f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from error
    except RecursionError as error:
        raise BadRequestError("the body is nested too deeply") from error


def _no_constant(name: str) -> None:
    raise BadRequestError(f"the body is not JSON: {name} is not a number there")
