"""The sandbox's own addresses below `/_sandbox/`: who may use them, and how a command of this machine does.

Everything listens on the loopback address only, but a web page in a browser of this machine can reach that too. So:
an address with another Host than ours is refused (a foreign name that resolves to 127.0.0.1: DNS rebinding), a request
that a foreign page sent is refused (Origin, Sec-Fetch-Site), and whatever changes something needs the token, which lies
in a file that only the owner of the sandbox can read. `admin_client.py` is the other side.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from werkzeug.wrappers import Response

from sandbox import door
from sandbox.admin_client import HEADER, token, token_file
from sandbox.calls import Call
from sandbox.errors import SandboxError
from sandbox.settings import Settings

_BODY_LIMIT = 1024 * 1024
_SAFE = frozenset({"GET", "HEAD"})
Handler = Callable[[Call], Response]


def prepare(settings: Settings) -> str:
    """Write a new token that only this user can read; return it."""
    made = secrets.token_urlsafe(32)
    draft = token_file(settings).with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(made)
    draft.replace(token_file(settings))
    return made


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
    except (ValueError, RecursionError) as error:
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
    if not hmac.compare_digest(call.headers.get(HEADER, "").encode(), token(settings).encode()):
        return f"the header {HEADER} must hold the token in the file `token` of the sandbox's folder"
    return ""


def foreign(settings: Settings, call: Call) -> bool:
    """Return whether a request was sent to another host name than ours, which happened to lead here."""
    return call.headers.get("host", "").lower() not in _hosts(settings)


def _hosts(settings: Settings) -> set[str]:
    return {f"{name}:{settings.port}" for name in (settings.host, "localhost", "127.0.0.1", "[::1]")}
