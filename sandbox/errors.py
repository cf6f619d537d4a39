"""Errors as AWS sends them: one exception, rendered in the protocol that the caller speaks."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from xml.sax.saxutils import escape

Protocol = Literal["query", "ec2", "json", "rest-json", "rest-xml", "s3", "cbor"]
_REST_XML_SERVICES = frozenset({"route53", "cloudfront", "s3control"})


class SandboxError(Exception):
    """Something the person at the keyboard can put right. The message says what happened, `remedy` what to do."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class AwsError(Exception):
    """An answer of a service to a request that it refuses. Any extension may raise it, at any depth."""

    def __init__(
        self,
        code: str,
        message: str,
        status: int = 400,
        *,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.headers = dict(headers or {})
        self.fields = dict(fields or {})  # further members of the error, such as S3's BucketName


@dataclass(frozen=True)
class Rendered:
    """An error as bytes on the wire."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def protocol_of(*, service: str, headers: Mapping[str, str], has_action: bool) -> Protocol:
    """Return the protocol that a request speaks, from its headers (lower-case names) and its service.

    Services may speak several at once; SDKs choose by age (https://smithy.io/2.0/aws/protocols/index.html).
    """
    if headers.get("smithy-protocol") == "rpc-v2-cbor":
        return "cbor"
    if service == "s3":
        return "s3"
    if headers.get("x-amz-target"):
        return "json"
    if has_action:
        return "ec2" if service == "ec2" else "query"
    return "rest-xml" if service in _REST_XML_SERVICES else "rest-json"


def render(error: AwsError, protocol: Protocol) -> Rendered:
    """Return the error in the protocol of the service."""
    request_id = secrets.token_hex(16)
    if protocol == "cbor":
        body = _cbor({"__type": error.code, "message": error.message})
        return Rendered(error.status, {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}, body)
    if protocol in {"json", "rest-json"}:
        document = {"__type": error.code, "message": error.message, **error.fields}
        content_type = "application/x-amz-json-1.1" if protocol == "json" else "application/json"
        headers = {"Content-Type": content_type, "x-amzn-ErrorType": error.code, "x-amzn-RequestId": request_id}
        return Rendered(error.status, headers, json.dumps(document).encode())
    text = _xml(error, protocol, request_id)
    headers = {"Content-Type": "application/xml" if protocol in {"s3", "rest-xml"} else "text/xml"}
    headers["x-amz-request-id" if protocol == "s3" else "x-amzn-RequestId"] = request_id
    return Rendered(error.status, headers, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode())


def _xml(error: AwsError, protocol: Protocol, request_id: str) -> str:
    members = {"Code": error.code, "Message": error.message, **error.fields}
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in members.items())
    if protocol == "s3":
        return f"<Error>{inner}<RequestId>{request_id}</RequestId><HostId>sandbox</HostId></Error>"
    if protocol == "ec2":
        return f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
    fault = "Sender" if error.status < 500 else "Receiver"
    return (
        f"<ErrorResponse><Error><Type>{fault}</Type>{inner}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )


def _cbor(members: Mapping[str, str]) -> bytes:
    """Return a map of text strings in CBOR (RFC 8949, major types 5 and 3); at most 23 members."""
    out = bytearray([0xA0 + len(members)])
    for text in (part for pair in members.items() for part in pair):
        raw = text.encode()
        out += bytes([0x79]) + len(raw).to_bytes(2, "big") + raw
    return bytes(out)
