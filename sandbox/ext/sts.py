"""STS: a role that does not exist cannot be assumed, and a session lasts no longer than AWS allows.

moto hands out credentials for any ARN (and says so in its docstring). AWS answers AccessDenied for a role that does not
exist, so that nobody can probe for names (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
"""

from __future__ import annotations

from typing import Any

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


def _check(call: Call) -> None:
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
