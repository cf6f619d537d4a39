"""May a service, or the role that it was given, do this? Asked of the sandbox's one policy evaluator.

A service acts as its service principal with `aws:SourceArn` and `aws:SourceAccount` in the context
(https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html), or as a role that trusts it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.kms.models import kms_backends

from glue.iam import Principal
from sandbox import faults
from sandbox.errors import AwsError
from sandbox.faults import Fault
from sandbox.iam import enforce
from sandbox.runtime import roles


def as_service(service: str, action: str, resource: str, *, source_arn: str, source_account: str) -> None:
    """Raise AwsError (AccessDenied) unless resource policies let the service do it for this source."""
    context = {"aws:SourceArn": source_arn, "aws:SourceAccount": source_account}
    check(f"{service}.amazonaws.com", action, resource, context)


def as_role(role_arn: str, service: str, action: str, resource: str, *, source_arn: str | None = None) -> None:
    """Raise AwsError (AccessDenied) unless the role trusts the service and may do it."""
    trust(role_arn, service, source_arn=source_arn)
    check(role_arn, action, resource, {})


def trust(role_arn: str, service: str, *, source_arn: str | None = None) -> None:
    """Raise AwsError (AccessDenied) unless the role exists and trusts the service, for this source if there is one."""
    try:
        roles.check_trust(role_arn, f"{service}.amazonaws.com", source_arn=source_arn)
    except roles.RoleError as error:
        raise AwsError("AccessDenied", str(error), 403) from error


def check(who: Principal | str, action: str, resource: str, context: Mapping[str, str]) -> None:
    """Raise AwsError (AccessDenied) unless a principal, a role (its ARN) or a service (its name) may do it."""
    enforce.check(who, action, resource, context)


def account(identifier: str) -> Principal:
    """Return an account as the principal that resource policies name."""
    return Principal(kind="root", arn=f"arn:aws:iam::{identifier}:root", account_id=identifier)


def fault(kind: str, **facts: str) -> Fault | None:
    """Return the fault that was asked for at this place, or None."""
    return faults.asks(kind, **facts)


def use_key(
    key: str, who: str, owner: str, region: str, *, service: str = "", source_arn: str = "", via: str = "sqs"
) -> None:
    """Raise AwsError unless a sender may encrypt for a queue or a topic with this key (id, ARN or alias).

    A service needs the key's own policy; the AWS managed keys (`alias/aws/...`) let none in
    (https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html).
    """
    if key.removeprefix("arn:aws:kms:").endswith(f"alias/aws/{via}"):
        if service:
            raise AwsError("KMSAccessDenied", f"{service} may not use the AWS managed key {key}", 400)
        return
    arn = _key_arn(key, owner, region)
    context = {"kms:ViaService": f"{via}.{region}.amazonaws.com", "kms:CallerAccount": owner}
    if service:
        from_account = source_arn.split(":")[4] if source_arn else owner
        context = {"aws:SourceArn": source_arn, "aws:SourceAccount": from_account}
    for action in ("kms:GenerateDataKey", "kms:Decrypt"):
        check(who, action, arn, context)


def _key_arn(key: str, account: str, region: str) -> str:
    if key.startswith("arn:") and ":key/" in key:
        return key
    backend: Any = kms_backends[account][region]
    name = key.rpartition(":")[2] if key.startswith("arn:") else key
    found = backend.get_key_id_from_alias(name) if name.startswith("alias/") else name
    if found not in backend.keys:
        raise AwsError("KMS.NotFoundException", f"Key '{key}' does not exist", 400)
    return str(backend.keys[found].arn)
