"""Events of a function URL with IAM authorization: who called, and the JSON that was posted.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glue.core import strictjson

LIMIT = 2 * 1024 * 1024  # 25 documents of 64 KiB, with room


class HttpError(Exception):
    """A request that is not answered otherwise: status and one message."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers


@dataclass(frozen=True)
class Request:
    """A posted JSON object, and the ARN of whoever posted it, as IAM saw it."""

    caller: str
    body: dict[str, object]


def is_http(event: Mapping[str, Any]) -> bool:
    """Tell whether an event came by a function URL."""
    context = event.get("requestContext")
    return isinstance(context, Mapping) and isinstance(context.get("http"), Mapping)


def read(event: Mapping[str, Any]) -> Request:
    """Return the request. Raises HttpError."""
    context = event["requestContext"]
    identity = (context.get("authorizer") or {}).get("iam") or {}
    caller = identity.get("userArn")
    if not isinstance(caller, str) or not caller:
        raise HttpError(403, "the URL has to be called with AWS credentials (Signature Version 4)")
    if event.get("rawPath", "/") not in {"", "/"}:
        raise HttpError(404, "there is nothing but /")
    if context["http"].get("method") != "POST":
        raise HttpError(405, "only POST is taken", Allow="POST")
    kind = _headers(event).get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HttpError(400, f"the content type is {kind or 'not given'}; send application/json")
    return Request(caller, _object(_body(event)))


def answer(status: int, body: object, **headers: str) -> dict[str, Any]:
    """Return what Lambda makes an HTTP answer of."""
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json"} | {name.lower(): text for name, text in headers.items()},
        "body": json.dumps(body),  # ASCII: what a caller sent may be no UTF-8
    }


def _headers(event: Mapping[str, Any]) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in (event.get("headers") or {}).items()}


def _body(event: Mapping[str, Any]) -> bytes:
    try:
        data = str(event.get("body") or "").encode()
        if event.get("isBase64Encoded"):
            data = base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise HttpError(400, f"the body is not what base64 makes: {error}") from error
    except UnicodeError as error:
        raise HttpError(400, "the body cannot be used: it is not UTF-8") from error
    if len(data) > LIMIT:
        raise HttpError(413, f"the body has {len(data)} bytes; at most {LIMIT} are taken: send fewer jobs at once")
    return data


def _object(data: bytes) -> dict[str, object]:
    try:
        found = strictjson.loads(data, limit=LIMIT)
    except ValueError as error:
        raise HttpError(400, f"the body cannot be used: {error}") from error
    if not isinstance(found, dict):
        raise HttpError(400, 'the body is not an object: send {"jobs": [...]} or {"cancel": [...]}')
    return found
