"""Signs requests by AWS's description of the signature, every part of them open to change, and sends them as they are.

It shares no code with what it tests.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import http.client
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlsplit

EMPTY = hashlib.sha256(b"").hexdigest()
REGION = "eu-west-1"


@dataclass(frozen=True)
class Raw:
    """A request on its way. `path` and `query` are what goes over the wire."""

    method: str = "GET"
    path: str = "/"
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def but(self, **changes: Any) -> Raw:
        """Return the request with parts changed after it was signed; a header of None is taken away."""
        if "headers" in changes:
            merged = {**self.headers, **changes["headers"]}
            changes["headers"] = {name: value for name, value in merged.items() if value is not None}
        return replace(self, **changes)


@dataclass(frozen=True)
class Answer:
    """What came back: status, error code and message, further members, body."""

    status: int
    code: str
    message: str
    body: bytes

    def member(self, name: str) -> str:
        """Return a member of an S3 error."""
        found = re.search(f"<{name}>(.*?)</{name}>".encode(), self.body, re.DOTALL)
        return found[1].decode() if found else ""


def stamp(offset_s: float = 0) -> str:
    """Return the time, so many seconds from now, as a time stamp."""
    at = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=offset_s)
    return f"{at:%Y%m%dT%H%M%SZ}"


def key_of(secret: str, date: str, region: str, service: str) -> bytes:
    """Return the signing key of a day."""
    key = ("AWS4" + secret).encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def signed(
    credentials: Any,
    request: Raw,
    service: str,
    *,
    host: str,
    at: str | None = None,
    date: str | None = None,
    region: str = REGION,
    payload: str | None = None,
    leave_out: tuple[str, ...] = (),
) -> Raw:
    """Return the request with an Authorization header. `leave_out` names headers that are sent but not signed."""
    at = at or stamp()
    date = date or at[:8]
    payload = payload or hashlib.sha256(request.body).hexdigest()
    headers = {"host": host, "x-amz-date": at, **request.headers}
    if credentials.token:
        headers["x-amz-security-token"] = credentials.token
    if service == "s3":
        headers.setdefault("x-amz-content-sha256", payload)
    names = sorted(name for name in headers if name not in leave_out)
    path = request.path if service == "s3" else quote(request.path, safe="/-_.~")
    query = "&".join(sorted(part if "=" in part else part + "=" for part in request.query.split("&") if part))
    lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in names)
    canonical = "\n".join((request.method, path, query, lines, ";".join(names), payload))
    scope = f"{date}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(canonical.encode('latin-1')).hexdigest()}"
    signature = hmac.new(key_of(credentials.secret_key, date, region, service), text.encode(), hashlib.sha256)
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, SignedHeaders={';'.join(names)}, "
        f"Signature={signature.hexdigest()}"
    )
    return request.but(headers=headers)


def presigned(
    credentials: Any, request: Raw, service: str, *, host: str, at: str | None = None, expires: str | None = "300"
) -> Raw:
    """Return the request with a signature in its query."""
    at = at or stamp()
    scope = f"{at[:8]}/{REGION}/{service}/aws4_request"
    members = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{credentials.access_key}/{scope}",
        "X-Amz-Date": at,
        "X-Amz-Expires": expires,
        "X-Amz-Security-Token": credentials.token,
        "X-Amz-SignedHeaders": "host",
    }
    parts = [f"{name}={quote(value, safe='-_.~')}" for name, value in members.items() if value is not None]
    query = "&".join(sorted([*parts, *(part for part in request.query.split("&") if part)]))
    payload = "UNSIGNED-PAYLOAD" if service == "s3" else hashlib.sha256(request.body).hexdigest()
    path = request.path if service == "s3" else quote(request.path, safe="/-_.~")
    canonical = "\n".join((request.method, path, query, f"host:{host}\n", "host", payload))
    text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(key_of(credentials.secret_key, at[:8], REGION, service), text.encode(), hashlib.sha256)
    return request.but(query=f"{query}&X-Amz-Signature={signature.hexdigest()}", headers={"host": host})


def send(address: str, request: Raw) -> Answer:
    """Send a request exactly as it is."""
    connection = http.client.HTTPConnection(address, timeout=30)
    try:
        target = request.path + (f"?{request.query}" if request.query else "")
        connection.putrequest(request.method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.items():
            connection.putheader(name, value)
        if "content-length" not in request.headers and (request.body or request.method in {"PUT", "POST"}):
            connection.putheader("content-length", str(len(request.body)))
        connection.endheaders(request.body or None)
        response = connection.getresponse()
        body = response.read()
    finally:
        connection.close()
    code, message = _error(body)
    return Answer(response.status, code, message, body)


def _error(body: bytes) -> tuple[str, str]:
    if body.startswith(b"{"):
        document = json.loads(body)
        return document.get("__type", ""), document.get("message", "")
    code = re.search(rb"<Code>(.*?)</Code>", body)
    message = re.search(rb"<Message>(.*?)</Message>", body, re.DOTALL)
    return code[1].decode() if code else "", message[1].decode() if message else ""


FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/x-amz-json-1.1"}
BODY = b"Action=GetCallerIdentity&Version=2011-06-15"
# One request for each protocol that services speak: what is refused, and how
STS = (Raw("POST", "/", headers=FORM, body=BODY), "sts", "SignatureDoesNotMatch", 403)
SSM = (
    Raw("POST", "/", headers={**JSON, "x-amz-target": "AmazonSSM.DescribeParameters"}, body=b"{}"),
    "ssm",
    "InvalidSignatureException",
    400,
)
LAMBDA = (Raw("GET", "/2015-03-31/functions", query="MaxItems=3"), "lambda", "InvalidSignatureException", 403)
S3 = (
    Raw("PUT", "/authn-bucket/a%20key", headers={"x-amz-meta-a": "1"}, body=b"hello"),
    "s3",
    "SignatureDoesNotMatch",
    403,
)
EACH = {"query": STS, "json": SSM, "rest-json": LAMBDA, "s3": S3}


def outcome(answer: Answer) -> tuple[str, int]:
    """Return an answer's error code and status."""
    return answer.code, answer.status


def opened(url: str, body: bytes | None = None) -> int:
    """Return the status that a presigned URL meets: PUT with a body, else GET."""
    parts = urlsplit(url)
    request = Raw("GET" if body is None else "PUT", parts.path, parts.query, {"host": parts.netloc}, body or b"")
    return send(parts.netloc, request).status
