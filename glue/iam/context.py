"""The request's context: what the caller gives, and the global keys that follow from the principal and the resource.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from glue.iam.model import Principal, Request

_TYPES = {"root": "Account", "user": "User", "session": "AssumedRole", "anonymous": "Anonymous"}
Values = tuple[str, ...]


def resource_account(request: Request) -> str | None:
    """Return the account that owns the resource: as given, else as the ARN says, else the caller's own."""
    if request.resource_account_id is not None:
        return request.resource_account_id
    parts = request.resource.split(":", 5)
    if len(parts) == 6 and len(parts[4]) == 12 and parts[4].isdigit():
        return parts[4]
    return request.principal.account_id


def full_context(request: Request) -> dict[str, Values]:
    """Return the context with keys in lower case; a derived key never replaces a given one."""
    context = {
        key.lower(): (value,) if isinstance(value, str) else tuple(value) for key, value in request.context.items()
    }
    for key, text in _derived(request.principal).items():
        if text is not None:
            context.setdefault(key, (text,))
    for tag, text in request.principal.tags.items():
        context.setdefault(f"aws:principaltag/{tag.lower()}", (text,))
    owner = resource_account(request)
    if owner is not None:
        context.setdefault("aws:resourceaccount", (owner,))
    return context


def _derived(principal: Principal) -> dict[str, str | None]:
    """Return the keys of the table of principals; for a role's session `aws:PrincipalArn` is the role's ARN.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable
    """
    if principal.kind == "service":
        return {"aws:principalisawsservice": "true", "aws:principalservicename": principal.arn}
    if principal.kind == "anonymous":
        return {"aws:principaltype": "Anonymous", "aws:userid": "anonymous"}
    if principal.kind == "federated" and not principal.is_token_session:
        return {"aws:principalisawsservice": "false"}
    return {
        "aws:principalarn": principal.entity_arn if principal.kind == "session" else principal.arn,
        "aws:principalaccount": principal.account_id,
        "aws:principaltype": _TYPES.get(principal.kind, "FederatedUser"),
        "aws:userid": _userid(principal),
        "aws:username": principal.arn.rsplit("/", 1)[-1] if principal.kind == "user" else None,
        "aws:principalisawsservice": "false",
    }


def _userid(principal: Principal) -> str | None:
    name = principal.arn.rsplit("/", 1)[-1]
    if principal.kind == "root":
        return principal.account_id
    if principal.is_token_session:
        return f"{principal.account_id}:{name}"
    if principal.kind == "session" and principal.unique_id and ":" not in principal.unique_id:
        return f"{principal.unique_id}:{name}"
    return principal.unique_id
