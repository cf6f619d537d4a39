"""Resource policies of functions, their versions and aliases.

moto mixes all qualifiers up, accepts a statement id twice, and keeps FunctionUrlAuthType outside of Condition. The
statements stay where moto keeps them, so that whoever evaluates policies finds them there.
https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from moto.awslambda.responses import LambdaResponse

from sandbox.ext.lambda_common import answer, backend, conflict, function_arn, invalid, names, not_found, patch
from sandbox.settings import Settings

STATEMENT_ID = re.compile(r"[a-zA-Z0-9_-]{1,100}")
# member of AddPermission -> operator and key of the condition that it becomes
CONDITIONS: Mapping[str, tuple[str, str]] = {
    "SourceArn": ("ArnLike", "AWS:SourceArn"),
    "SourceAccount": ("StringEquals", "AWS:SourceAccount"),
    "PrincipalOrgID": ("StringEquals", "aws:PrincipalOrgID"),
    "EventSourceToken": ("StringEquals", "lambda:EventSourceToken"),
    "FunctionUrlAuthType": ("StringEquals", "lambda:FunctionUrlAuthType"),
    "InvokedViaFunctionUrl": ("Bool", "lambda:InvokedViaFunctionUrl"),
}


def install(settings: Settings) -> None:
    """Replace moto's policy operations."""
    del settings
    patch(LambdaResponse, add_permission, get_policy, remove_permission)


def add_permission(self: Any) -> Any:
    """AddPermission."""
    policy = _policy(self)
    arn = function_arn(self)
    request = json.loads(self.body)
    identifier = request.get("StatementId", "")
    if not STATEMENT_ID.fullmatch(identifier):
        raise invalid(f"The statement id ({identifier}) must match [a-zA-Z0-9-_]+.")
    if any(one["Sid"] == identifier for one in _statements(policy, arn)):
        raise conflict(f"The statement id ({identifier}) provided already exists. Please provide a new statement id.")
    statement = statement_of(request, arn)
    policy.statements.append(statement)
    policy.revision = str(uuid.uuid4())
    return answer(201, {"Statement": json.dumps(statement)})


def get_policy(self: Any) -> Any:
    """GetPolicy: of the function or of one qualifier, never both."""
    policy = _policy(self)
    found = _statements(policy, function_arn(self))
    if not found:
        raise not_found("The resource you requested does not exist.")
    document = {"Version": "2012-10-17", "Id": "default", "Statement": found}
    return answer(200, {"Policy": json.dumps(document), "RevisionId": policy.revision})


def remove_permission(self: Any) -> Any:
    """RemovePermission."""
    policy = _policy(self)
    identifier = unquote(self.path.rstrip("/").rpartition("/")[2])
    found = [one for one in _statements(policy, function_arn(self)) if one["Sid"] == identifier]
    if not found:
        raise not_found("The resource you requested does not exist.")
    policy.statements.remove(found[0])
    policy.revision = str(uuid.uuid4())
    return answer(204, None)


def statement_of(request: Mapping[str, Any], arn: str) -> dict[str, Any]:
    """Return the policy statement that an AddPermission request becomes."""
    statement: dict[str, Any] = {
        "Sid": request["StatementId"],
        "Effect": "Allow",
        "Principal": principal_of(request["Principal"]),
        "Action": request["Action"],
        "Resource": arn,
    }
    conditions: dict[str, dict[str, Any]] = {}
    for member, (operator, key) in CONDITIONS.items():
        value = request.get(member)
        if value is not None:
            conditions.setdefault(operator, {})[key] = str(value).lower() if isinstance(value, bool) else value
    if conditions:
        statement["Condition"] = conditions
    return statement


def principal_of(principal: str) -> Any:
    """Return the Principal member: a service, an account (as its root), an ARN, or everyone."""
    if principal == "*":
        return "*"
    if re.fullmatch(r"\d{12}", principal):
        return {"AWS": f"arn:aws:iam::{principal}:root"}
    return {"AWS": principal} if principal.startswith("arn:") else {"Service": principal}


def _policy(response: Any) -> Any:
    """The one policy object that moto shares among all versions of a function."""
    _, _, name, qualifier = names(response)
    group = backend(response)._lambdas._functions.get(name)
    if group is None:
        raise not_found(f"Function not found: {function_arn(response)}")
    if qualifier:
        backend(response).get_function(name, qualifier)  # raises ResourceNotFoundException
    return group["latest"].policy


def _statements(policy: Any, arn: str) -> list[dict[str, Any]]:
    return [one for one in policy.statements if one["Resource"] == arn]
