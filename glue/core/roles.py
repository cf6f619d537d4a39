"""Which of the product's roles does what. modules/deploy-role declares what each may do."""

from __future__ import annotations

import re

from glue.core.environment import Environment

PLAN = "plan"
DEPLOY_FOUNDATION = "deploy-foundation"
DEPLOY_SERVING = "deploy-serving"
PROMOTE = "promote"
APPROVE = "approve"
BREAK_GLASS = "break-glass"
PRUNE = "prune"
TRAIN = "train"
ROLES = (PLAN, DEPLOY_FOUNDATION, DEPLOY_SERVING, PROMOTE, APPROVE, BREAK_GLASS, PRUNE, TRAIN)
TERRAFORMS = (PLAN, DEPLOY_FOUNDATION, DEPLOY_SERVING)  # whose credentials are kept for its processes

# Bootstrap makes the roles, so it cannot run in one: an administrator runs it.
_OF_STACK = {"bootstrap": None, "foundation": DEPLOY_FOUNDATION, "serving": DEPLOY_SERVING}
_SESSION = re.compile(r"^arn:[a-z-]+:sts::(?P<account>\d{12}):assumed-role/(?P<name>[^/]+)/")


def of_stack(stack: str) -> str | None:
    """Return the role that plans and applies a Terraform root, None for the operator's own credentials."""
    return _OF_STACK[stack]


def of_caller(arn: str, environment: Environment) -> str | None:
    """Return which of an environment's roles a caller's ARN is a session of, None when of none.

    The ARN of a session has the role's name, never its path:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
    """
    match = _SESSION.match(arn)
    if match is None or match["account"] != environment.account_id:
        return None
    prefix = f"{environment.project}-{environment.name}-"
    role = match["name"].removeprefix(prefix)
    return role if match["name"].startswith(prefix) and role in ROLES else None
