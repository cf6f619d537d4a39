"""Faults of kind `iam.consistency`: a change of a role, a user or a policy takes effect some AWS seconds later.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
The old policies are noted before the change, so that they are what counts until then. A role that was just made is
there at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from moto.iam.models import iam_backends
from werkzeug.wrappers import Response

from glue.iam import Principal, Request
from sandbox import faults
from sandbox.calls import Call
from sandbox.door import on_service
from sandbox.iam import changes, world
from sandbox.runtime import clock
from sandbox.settings import Settings

_READS = ("Get", "List", "Simulate", "Generate")
_until: dict[str, datetime] = {}  # by the ARN of a role or user: when its last change takes effect, in AWS's time


def install(settings: Settings) -> None:
    """See every change of IAM before it is made."""
    del settings
    _until.clear()
    changes.delay_by(_left)
    on_service("iam", _note)


def shutdown() -> None:
    """Let every change be seen at once."""
    changes.delay_by(None)


def _left(arn: str) -> float:
    """Return the AWS seconds until the last change of a role or user takes effect."""
    until = _until.get(arn)
    return max(0.0, (until - clock.shared().now()).total_seconds()) if until else 0.0


def _note(call: Call) -> Response | None:
    if faults.registry().idle or call.operation.startswith(_READS):
        return None
    for holder in _holders(call):
        found = faults.asks("iam.consistency", account=call.account_id, resource=str(holder.arn))
        if found is not None:
            _remember(holder)
            _until[str(holder.arn)] = clock.shared().now() + timedelta(seconds=found.number("seconds"))
    return None


def _holders(call: Call) -> Iterator[Any]:
    """Yield moto's roles and users whose permissions a request may change."""
    backend: Any = iam_backends[call.account_id]["aws"]
    policy = call.form.get("PolicyArn")
    for kind, entities in (("RoleName", list(backend.roles.values())), ("UserName", list(backend.users.values()))):
        for one in entities:
            named = one.name == call.form.get(kind)
            shared = call.operation in {"CreatePolicyVersion", "SetDefaultPolicyVersion", "DeletePolicy"}
            if named or (shared and policy in one.managed_policies):
                yield one


def _remember(holder: Any) -> None:
    """Let the policies that are in force now be known as such."""
    if hasattr(holder, "assume_role_policy_document"):
        world.trust_policy(holder)
    arn = str(holder.arn)
    kind = arn.split(":")[5].partition("/")[0]
    principal = world.role_session(arn, "consistency") if kind == "role" else Principal("user", arn, arn.split(":")[4])
    world.policies(Request(principal, "iam:GetRole", arn, {}, arn.split(":")[4]))
