"""Asks the running sandbox for something, as the person whose sandbox it is. Light: each command imports it."""

from __future__ import annotations

import http.client
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.errors import SandboxError
from sandbox.settings import Settings

HEADER = "x-sandbox-token"
_TIMEOUT_S = 30.0


def token_file(settings: Settings) -> Path:
    """Where the token of the running server lies."""
    return settings.home / "token"


def token(settings: Settings) -> str:
    """Return the token, or something that no token equals when there is none."""
    try:
        return token_file(settings).read_text() or secrets.token_hex()
    except OSError:
        return secrets.token_hex()  # nothing that anybody can send equals it


def ask(settings: Settings, method: str, path: str, document: object = None) -> Any:
    """Ask the running server as this machine's owner; return its JSON answer.

    Raises SandboxError when no sandbox runs there, or with the server's own words when it refuses.
    """
    connection = http.client.HTTPConnection(settings.host, _port(settings), timeout=_TIMEOUT_S)
    headers: Mapping[str, str] = {HEADER: token(settings), "Content-Type": "application/json"}
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
