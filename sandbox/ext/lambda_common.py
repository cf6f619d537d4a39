"""What the Lambda extensions share."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import lambda_backends


class RefusedError(LambdaClientError):  # type: ignore[misc]
    """An error of Lambda with its HTTP status."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = status


def patch(target: Any, *functions: Callable[..., Any]) -> None:
    """Give moto's class these methods in place of its own."""
    for function in functions:
        setattr(target, function.__name__, function)


def answer(status: int, document: Any) -> tuple[int, dict[str, Any], str]:
    """Return a JSON answer with its status, as moto's dispatcher wants it."""
    body = "" if status == 204 else json.dumps(document)
    return status, {"status": status, "Content-Type": "application/json"}, body


def backend(response: Any) -> Any:
    """Return moto's Lambda backend of the account that owns the function: an ARN may name another account's."""
    account_id, region, _, _ = names(response)
    return lambda_backends[account_id][region]


def names(response: Any) -> tuple[str, str, str, str | None]:
    """Return account, region, function name and qualifier, from path (name, name:qualifier, ARN) and query."""
    found = re.search(r"/functions/([^/]+)", response.raw_path or response.path)
    identifier = unquote(found.group(1)) if found else ""
    qualifier = (response.querystring.get("Qualifier") or [None])[0]
    parts = identifier.split(":")
    if parts[0] == "arn" and len(parts) >= 7:
        inner = parts[7] if len(parts) > 7 else None
        return parts[4], parts[3], parts[6], inner or qualifier
    if len(parts) == 3 and parts[1] == "function":  # 123456789012:function:name
        return parts[0], response.region, parts[2], qualifier
    name, _, inner = identifier.partition(":")
    return response.current_account, response.region, name, inner or qualifier


def function_arn(response: Any) -> str:
    """Return the ARN that was asked for, with its qualifier."""
    account_id, region, name, qualifier = names(response)
    arn = f"arn:aws:lambda:{region}:{account_id}:function:{name}"
    return f"{arn}:{qualifier}" if qualifier else arn


def not_found(message: str) -> RefusedError:
    """Return ResourceNotFoundException, 404."""
    return RefusedError(404, "ResourceNotFoundException", message)


def conflict(message: str) -> RefusedError:
    """Return ResourceConflictException, 409."""
    return RefusedError(409, "ResourceConflictException", message)


def invalid(message: str) -> RefusedError:
    """Return InvalidParameterValueException, 400."""
    return RefusedError(400, "InvalidParameterValueException", message)
