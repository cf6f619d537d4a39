"""STS: a role that does not exist cannot be assumed, and a session lasts no longer than AWS allows.

moto hands out credentials for any ARN (and says so in its docstring). AWS answers AccessDenied for a role that does not
exist, so that nobody can probe for names (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

from sandbox import identity
from sandbox.calls import Call
from sandbox.door import on_service
from sandbox.errors import AwsError
from sandbox.settings import Settings

_SHORTEST_S, _LONGEST_S, _CHAINED_S = 900, 43200, 3600


def install(settings: Settings) -> None:
    """Check every AssumeRole before moto sees it."""
    del settings
    on_service("sts", _check)


def _check(call: Call) -> Response | None:
    if call.operation == "GetCallerIdentity":
        return get_caller_identity(call)
    _check_assume_role(call)
    return None


def get_caller_identity(call: Call) -> Response:
    """GetCallerIdentity: who signed. It needs no permission."""
    who = call.principal
    if who is None:
        raise AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
    return answer("GetCallerIdentity", {"Arn": who.arn, "UserId": who.unique_id, "Account": who.account_id})


def answer(operation: str, result: Mapping[str, Any]) -> Response:
    """Return a result in the query protocol; nested mappings become nested elements."""
    text = (
        f'<{operation}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{operation}Result>{_xml(result)}'
        f"</{operation}Result><ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata>"
        f"</{operation}Response>"
    )
    return Response(text, content_type="text/xml")


def _xml(members: Mapping[str, Any]) -> str:
    return "".join(
        f"<{name}>{_xml(value) if isinstance(value, Mapping) else escape(str(value))}</{name}>"
        for name, value in members.items()
    )


def _check_assume_role(call: Call) -> None:
    if call.operation not in {"AssumeRole", "AssumeRoleWithWebIdentity"}:
        return
    parameters = {**call.query, **call.form}
    role_arn = parameters.get("RoleArn", "")
    role = identity.find_role(role_arn)
    if role is None:
        who = f"User: {call.principal.arn}" if call.principal else "Not authorized"
        detail = f"{who} is not authorized to perform: sts:{call.operation} on resource: {role_arn}"
        raise AwsError("AccessDenied", detail if call.principal else f"{who} to perform sts:{call.operation}", 403)
    if not parameters.get("RoleSessionName"):
        raise AwsError(
            "ValidationError", "1 validation error detected: Value at 'roleSessionName' must not be null", 400
        )
    _check_duration(int(parameters.get("DurationSeconds") or _CHAINED_S), role, call)


def _check_duration(seconds: int, role: Any, call: Call) -> None:
    """Role chaining is limited to one hour, whatever the role's maximum (IAM user guide, "Role chaining")."""
    if not _SHORTEST_S <= seconds <= _LONGEST_S:
        bound = (
            f"greater than or equal to {_SHORTEST_S}"
            if seconds < _SHORTEST_S
            else f"less than or equal to {_LONGEST_S}"
        )
        raise AwsError(
            "ValidationError",
            f"1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: "
            f"Member must have value {bound}",
        )
    if seconds > int(role.max_session_duration or _CHAINED_S):
        raise AwsError(
            "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    if call.principal is not None and call.principal.role_arn and seconds > _CHAINED_S:
        raise AwsError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        )
