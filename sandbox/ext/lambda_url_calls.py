"""Function URLs answer: under their own host name, and under `/_sandbox/lambda-url/<id>/` for other clients.

Requests and answers have the payload format 2.0, https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html;
who may call, https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
"""

from __future__ import annotations

import base64
import json
import logging
import re
import time
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from moto.awslambda.models import lambda_backends
from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response

from glue.iam import Principal
from sandbox import identity
from sandbox.calls import Call
from sandbox.door import on_path
from sandbox.errors import AwsError
from sandbox.ext.lambda_url import FunctionUrl
from sandbox.iam import enforce, world
from sandbox.runtime import function_calls
from sandbox.settings import Settings

log = logging.getLogger(__name__)
PREFIX = "/_sandbox/lambda-url/"
LARGEST = 6 * 1024 * 1024
_HOST = re.compile(r"([0-9a-z]{32})\.lambda-url\.[a-z0-9-]+\.on\.aws(?::\d+)?")
_TEXT = re.compile(r"text/.*|application/(?:json|javascript|xml|x-www-form-urlencoded|.*\+json|.*\+xml)(?:;.*)?")


def install(settings: Settings) -> None:
    """Look at the host name of every request; most are not ours."""
    del settings
    on_path("", _called)


def _called(call: Call) -> Response | None:
    found = _HOST.fullmatch(call.headers.get("host", ""))
    if found:
        return _answer(call, found[1], call.path)
    if call.path.startswith(PREFIX):
        identifier, _, rest = call.path.removeprefix(PREFIX).partition("/")
        return _answer(call, identifier, f"/{rest}")
    return None


def _answer(call: Call, identifier: str, path: str) -> Response:
    url = next((one for one in _urls() if one.identifier == identifier), None)
    if url is None:
        return _message(403, "Forbidden")  # as for a URL that never was
    cors = _cors(url, call)
    if call.method == "OPTIONS" and "access-control-request-method" in call.headers and url.config.get("Cors"):
        return Response(status=200, headers=cors)
    try:
        _authorize(call, url)
        outcome = function_calls.invoke(url.function_arn, json.dumps(_event(call, url, path)).encode())
    except AwsError as error:
        log.info("%s: %s", url.function_arn, error)
        if error.status in {403, 429}:
            return _message(error.status, "Too Many Requests" if error.status == 429 else "Forbidden", cors)
        return _message(413 if error.status == 413 else 502, "Internal Server Error", cors)
    if outcome.error:
        return _message(502, "Internal Server Error", cors)
    return _response(outcome.payload, cors)


def _urls() -> Iterator[FunctionUrl]:
    for regions in list(lambda_backends.values()):
        for backend in list(regions.values()):
            for group in list(backend._lambdas._functions.values()):
                yield from list(group.get("urls", {}).values())


def _authorize(call: Call, url: FunctionUrl) -> None:
    """Raise AwsError 403 unless the policies let the caller in; with AWS_IAM it must have signed for Lambda.

    Both permissions are needed since October 2025.
    """
    kind = str(url.config["AuthType"])
    who = Principal(kind="anonymous", arn="*", account_id=None)
    if kind == "AWS_IAM":
        if call.refusal is not None:
            raise AwsError("AccessDenied", call.refusal.message, 403)
        try:
            call.principal = identity.authenticate(call)
        except AwsError as error:
            raise AwsError("AccessDenied", error.message, 403) from error
        if call.principal is None or call.service != "lambda":
            raise AwsError("AccessDenied", "the request is not signed for lambda", 403)
        who = world.principal_of(call.principal)
    enforce.check(who, "lambda:InvokeFunctionUrl", url.function_arn, {"lambda:FunctionUrlAuthType": kind})
    enforce.check(who, "lambda:InvokeFunction", url.function_arn, {"lambda:InvokedViaFunctionUrl": "true"})


def _event(call: Call, url: FunctionUrl, path: str) -> dict[str, Any]:
    body = call.body()
    if len(body) > LARGEST:
        raise AwsError("RequestTooLargeException", "Request must be smaller than 6 MB", 413)
    host = f"{url.identifier}.lambda-url.{url.region}.on.aws"
    now = datetime.now(UTC)
    cookies = [one.strip() for one in call.headers.get("cookie", "").split(";") if one.strip()]
    headers = {name: value for name, value in call.headers.items() if name != "cookie"}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": unquote(path),
        "rawQueryString": str(call.environ.get("QUERY_STRING", "")),
        "headers": {**headers, "host": host},
        "requestContext": {
            "accountId": call.account_id or "anonymous",
            "apiId": url.identifier,
            "domainName": host,
            "domainPrefix": url.identifier,
            "http": {
                "method": call.method,
                "path": unquote(path),
                "protocol": str(call.environ.get("SERVER_PROTOCOL", "HTTP/1.1")),
                "sourceIp": str(call.environ.get("REMOTE_ADDR", "")),
                "userAgent": call.headers.get("user-agent", ""),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": "$default",
            "stage": "$default",
            "time": f"{now:%d/%b/%Y:%H:%M:%S +0000}",
            "timeEpoch": int(time.time() * 1000),
        },
        "isBase64Encoded": False,
    }
    if call.query:
        event["queryStringParameters"] = dict(call.query)
    if cookies:
        event["cookies"] = cookies
    if call.principal is not None:
        event["requestContext"]["authentication"] = None
        event["requestContext"]["authorizer"] = {"iam": _caller(call)}
    if body:
        text = bool(_TEXT.fullmatch(call.headers.get("content-type", "")))
        event["isBase64Encoded"] = not text
        event["body"] = body.decode("utf-8", "replace") if text else base64.b64encode(body).decode()
    return event


def _caller(call: Call) -> dict[str, Any]:
    if call.principal is None:
        return {}
    unique = world.principal_of(call.principal).unique_id or ""
    return {
        "accessKey": call.principal.access_key_id,
        "accountId": call.principal.account_id,
        "callerId": unique,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": call.principal.arn,
        "userId": unique,
    }


def _response(payload: bytes, cors: Mapping[str, str]) -> Response:
    """An object with a statusCode says all of it; anything else is the body, as JSON."""
    try:
        said = json.loads(payload)
    except ValueError:
        return _message(502, "Internal Server Error", cors)
    if not isinstance(said, dict) or "statusCode" not in said:
        body = said if isinstance(said, str) else payload.decode()
        return Response(body, status=200, headers={"Content-Type": "application/json", **cors})
    headers = Headers([("Content-Type", "application/json")])
    for name, value in (said.get("headers") or {}).items():
        headers[str(name)] = str(value)
    for cookie in said.get("cookies") or []:
        headers.add("Set-Cookie", str(cookie))
    headers.update(cors)
    body = said.get("body") or ""
    content: str | bytes = body if isinstance(body, str) else json.dumps(body)
    try:
        if said.get("isBase64Encoded"):
            content = base64.b64decode(content)
        return Response(content, status=int(said["statusCode"]), headers=headers)
    except ValueError:
        return _message(502, "Internal Server Error", cors)


def _cors(url: FunctionUrl, call: Call) -> dict[str, str]:
    """https://docs.aws.amazon.com/lambda/latest/api/API_Cors.html."""
    config, origin = url.config.get("Cors") or {}, call.headers.get("origin", "")
    allowed = config.get("AllowOrigins") or []
    if not origin or not ("*" in allowed or origin in allowed):
        return {}
    found = {
        "Access-Control-Allow-Origin": "*" if "*" in allowed else origin,
        "Access-Control-Allow-Methods": ",".join(config.get("AllowMethods") or []),
        "Access-Control-Allow-Headers": ",".join(config.get("AllowHeaders") or []),
        "Access-Control-Expose-Headers": ",".join(config.get("ExposeHeaders") or []),
        "Access-Control-Max-Age": str(config.get("MaxAge") or ""),
        "Access-Control-Allow-Credentials": "true" if config.get("AllowCredentials") else "",
    }
    return {name: value for name, value in found.items() if value}


def _message(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        json.dumps({"Message": text}), status=status, headers={"Content-Type": "application/json", **(headers or {})}
    )
