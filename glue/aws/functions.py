"""Lambda: invoking a function and reading what it said."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glue.aws.errors import Where, translated

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


@dataclass(frozen=True)
class Invocation:
    """A function's answer. `error` is its error (type and message) when it raised, else None."""

    payload: object
    error: str | None
    version: str


class Functions:
    """Invokes functions of one account."""

    def __init__(self, client: LambdaClient, *, where: Where) -> None:
        self._client = client
        self._where = where

    def invoke(self, function: str, event: object, *, alias: str | None = None) -> Invocation:
        """Invoke a function and wait for its answer. Raises NotFoundError, AccessDeniedError, AwsError."""
        extra: dict[str, Any] = {"Qualifier": alias} if alias else {}
        with translated(self._where, f"function {function}"):
            answer = self._client.invoke(FunctionName=function, Payload=json.dumps(event).encode(), **extra)
            raw = answer["Payload"].read()
        payload = _decoded(raw)
        return Invocation(payload, _error(answer.get("FunctionError"), payload), answer.get("ExecutedVersion", ""))


def _decoded(raw: bytes) -> object:
    try:
        value: object = json.loads(raw) if raw else None
    except ValueError:
        return raw.decode(errors="replace")
    return value


def _error(kind: str | None, payload: object) -> str | None:
    if kind is None:
        return None
    if isinstance(payload, dict):
        return f"{payload.get('errorType', kind)}: {payload.get('errorMessage', '')}"
    return f"{kind}: {payload}"
