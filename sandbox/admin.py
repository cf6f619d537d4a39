"""The sandbox's own addresses below `/_sandbox/`: who may use them, and how a command of this machine does.

Everything listens on the loopback address only, but a web page in a browser of this machine can reach that too. So:
an address with another Host than ours is refused (a foreign name that resolves to 127.0.0.1: DNS rebinding), a request
that a foreign page sent is refused (Origin, Sec-Fetch-Site), and whatever changes something needs the token, which lies
in a file that only the owner of the sandbox can read.
"""

from __future__ import annotations

import hmac
import http.client
import json
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from werkzeug.wrappers import Response

from sandbox import door
from sandbox.calls import Call
from sandbox.errors import SandboxError
from sandbox.settings import Settings

HEADER = "x-sandbox-token"
_BODY_LIMIT = 1024 * 1024
_TIMEOUT_S = 30.0
_SAFE = frozenset({"GET", "HEAD"})
Handler = Callable[[Call], Response]


def token_file(settings: Settings) -> Path:
    """Where the token of the running server lies."""
    return settings.home / "token"


def prepare(settings: Settings) -> str:
    """Write a new token that only this user can read; return it."""
    token = secrets.token_urlsafe(32)
    draft = token_file(settings).with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(token)
    draft.replace(token_file(settings))
    return token


def on_path(settings: Settings, path: str, handler: Handler, *, read_with_token: bool = False) -> None:
    """Let `handler` answer `path` for this machine's own programs. GET needs the token only with `read_with_token`.

    The handler may raise SandboxError: answered as 400 with `error` and `remedy`, which `ask` raises again.
    """

    def guarded(call: Call) -> Response:
        refusal = refused(settings, call, read_with_token=read_with_token)
        if refusal:
            return answer({"error": refusal}, 403)
        try:
            return handler(call)
        except SandboxError as error:
            return answer({"error": str(error), "remedy": error.remedy}, 400)

    door.on_path(path, guarded)


def answer(document: object, status: int = 200) -> Response:
    """Return a JSON answer that no browser interprets as anything else, and no cache keeps."""
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(json.dumps(document), status=status, content_type="application/json", headers=headers)


def body_of(call: Call) -> Any:
    """Return the JSON document that was sent. Raises SandboxError when it is none, or larger than 1 MiB."""
    if int(call.headers.get("content-length") or 0) > _BODY_LIMIT:
        raise SandboxError(f"the request is larger than {_BODY_LIMIT} bytes")
    try:
        return json.loads(call.body() or b"null")
    except ValueError as error:
        raise SandboxError(f"the request is no JSON document: {error}") from error


def refused(settings: Settings, call: Call, *, read_with_token: bool = False) -> str:
    """Return why the request is refused, or an empty string."""
    if foreign(settings, call):
        return "this address answers under the sandbox's own host name only"
    origin = call.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() not in _hosts(settings):
        return "this address does not answer to other web pages"
    if call.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        return "this address does not answer to other web pages"
    if call.method in _SAFE and not read_with_token:
        return ""
    if not hmac.compare_digest(call.headers.get(HEADER, "").encode(), _token(settings).encode()):
        return f"the header {HEADER} must hold the token in the file `token` of the sandbox's folder"
    return ""


def foreign(settings: Settings, call: Call) -> bool:
    """Return whether a request was sent to another host name than ours, which happened to lead here."""
    return call.headers.get("host", "").lower() not in _hosts(settings)


def _hosts(settings: Settings) -> set[str]:
    return {f"{name}:{settings.port}" for name in (settings.host, "localhost", "127.0.0.1", "[::1]")}


def ask(settings: Settings, method: str, path: str, document: object = None) -> Any:
    """Ask the running server as this machine's owner; return its JSON answer.

    Raises SandboxError when no sandbox runs there, or with the server's own words when it refuses.
    """
    connection = http.client.HTTPConnection(settings.host, _port(settings), timeout=_TIMEOUT_S)
    headers: Mapping[str, str] = {HEADER: _token(settings), "Content-Type": "application/json"}
    try:
        connection.request(method, path, None if document is None else json.dumps(document), dict(headers))
        response = connection.getresponse()
        found = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise SandboxError(
            f"no sandbox answers for {settings.home}: {error}", remedy="`make sandbox` starts it."
        ) from error
    finally:
        connection.close()
    if response.status != 200:
        raise SandboxError(
            str(found.get("error") or found.get("message") or f"the sandbox answered {response.status}"),
            remedy=str(found.get("remedy") or ""),
        )
    return found


def _port(settings: Settings) -> int:
    """The port of the server that was started last in this folder; it may be another than the shell's SANDBOX_PORT."""
    try:
        return int(json.loads(settings.record.read_text())["port"])
    except (OSError, ValueError, LookupError, TypeError):
        return settings.port


def _token(settings: Settings) -> str:
    try:
        return token_file(settings).read_text() or secrets.token_hex()
    except OSError:
        return secrets.token_hex()  # nothing that anybody can send equals it
