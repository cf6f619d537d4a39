"""Every policy that applies to a request, as moto's backends hold it. Parsed policies are remembered by their text.

Which policies count: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from moto.iam.models import iam_backends
from moto.organizations.models import organizations_backends

from glue.iam import Policy, PolicyError, PolicySet, Principal, Request, parse_policy
from sandbox.iam import changes, resource_policies
from sandbox.identity import Principal as Caller

log = logging.getLogger(__name__)
_SCP, _RCP = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"
_AWS_POLICIES = "arn:aws:iam::aws:policy/"


class Denied(Exception):  # noqa: N818 (a verdict, not an error)
    """A policy that is in force cannot be read. Nobody gets in on what it says; the message names it."""


def principal_of(caller: Caller) -> Principal:
    """Return the evaluator's view of who signed a request."""
    session = caller.session
    tags: dict[str, str] = {}
    entity = entity_of(caller)
    if entity is not None:
        tags.update(_tags(entity))
    if session is not None:
        tags.update(session.tags)
    issuer = None
    kind = caller.kind
    if kind == "federated" and entity is not None:
        issuer = str(entity.arn)
    if caller.arn.endswith(":root"):
        return Principal(kind="root", arn=caller.arn, account_id=caller.account_id, tags=tags)
    return Principal(
        kind=kind,
        arn=caller.arn,
        account_id=caller.account_id,
        role_arn=caller.role_arn,
        unique_id=caller.unique_id or None,
        tags=tags,
        issuer_arn=issuer,
    )


def role_session(role_arn: str, session_name: str) -> Principal:
    """Return a session of a role, as a service opens it for its work. A role that does not exist may nothing."""
    account = role_arn.split(":")[4]
    name = role_arn.rpartition("/")[2]
    found = _role(role_arn)
    return Principal(
        kind="session",
        arn=f"arn:aws:sts::{account}:assumed-role/{name}/{session_name}",
        account_id=account,
        role_arn=role_arn,
        unique_id=f"{found.id}:{session_name}" if found is not None else None,
        tags=_tags(found) if found is not None else {},
    )


def service(name: str) -> Principal:
    """Return a service's own principal, such as cloudwatch.amazonaws.com."""
    return Principal(kind="service", arn=name)


def entity_of(caller: Caller) -> Any | None:
    """Return moto's role or user behind a caller."""
    if caller.role_arn:
        return _role(caller.role_arn)
    users: Any = iam_backends[caller.account_id]["aws"].users
    return users.get(caller.user_name) if caller.user_name else None


def policies(request: Request, *, caller: Caller | None = None) -> PolicySet:
    """Return the policies for a request. `caller` brings the session's own policies. Raises Denied."""
    who = request.principal
    identity: tuple[Policy, ...] = ()
    boundary = None
    session = _session_policies(caller) if caller is not None else None
    if who.kind in {"user", "session", "federated"}:
        entity = _entity(who)
        if entity is not None:
            identity, boundary = _attached(entity)
    resource, kind, grants = resource_policies.find(request)
    owner = request.resource_account_id or resource_policies.account_of(request.resource) or who.account_id
    levels, management = _control(who.account_id, _SCP) if who.kind != "service" else ((), False)
    return PolicySet(
        identity=identity,
        boundary=boundary,
        session=session,
        service_control=levels,
        resource_control=_control(owner, _RCP)[0],
        resource=resource,
        kind=kind,
        grants=grants,
        management=management,
    )


def organization_of(account: str | None) -> Any | None:
    """Return moto's organization backend whose member an account is, None when there is no organization."""
    if not account or not organizations_backends.master_accounts:
        return None
    for master, partitions in list(organizations_backends.items()):
        backend: Any = partitions.get("aws")
        if backend is None or backend.org is None:
            continue
        if master == account or any(one.id == account for one in backend.accounts):
            return backend
    return None


def organization_keys(account: str | None, prefix: str) -> dict[str, str | tuple[str, ...]]:
    """Return aws:<prefix>OrgID and aws:<prefix>OrgPaths of an account in an organization."""
    backend = organization_of(account)
    if backend is None:
        return {}
    ids = [one.id for one in _ancestors(backend, account)[:-1]]
    path = "/".join([backend.org.id, *ids, ""])
    return {f"aws:{prefix}OrgID": backend.org.id, f"aws:{prefix}OrgPaths": (path,)}


def parse(text: str, name: str) -> Policy:
    """Return a policy that is in force. Raises Denied when it cannot be read."""
    try:
        return parse_policy(text, name=name)
    except PolicyError as error:
        raise Denied(f"the policy {name} cannot be read: {error}") from error


def trust_policy(role: Any) -> Policy:
    """Return the trust policy of moto's role."""
    text = str(role.assume_role_policy_document)
    if text.lstrip().startswith("%"):
        text = unquote(text)
    return parse(changes.effective(("trust", role.arn), text), f"trust policy of {role.name}")


def _role(role_arn: str) -> Any | None:
    account = role_arn.split(":")[4]
    roles: Any = iam_backends[account]["aws"].roles
    return next((one for one in list(roles.values()) if one.arn == role_arn), None)


def _entity(who: Principal) -> Any | None:
    arn = who.entity_arn
    if arn is None:
        return None
    if ":role/" in arn:
        return _role(arn)
    users: Any = iam_backends[who.account_id or ""]["aws"].users
    return users.get(arn.rpartition("/")[2])


def _attached(entity: Any) -> tuple[tuple[Policy, ...], Policy | None]:
    """Return identity policies and boundary of moto's user or role; changes may become effective late."""
    texts = list(_documents(entity))
    for group in _groups(entity):
        texts += _documents(group)
    arn = getattr(entity, "permissions_boundary_arn", None)
    bounds = [(arn, _managed_text(arn, str(entity.arn).split(":")[4]))] if arn else []
    in_force = changes.effective(("identity", entity.arn), (tuple(texts), tuple(bounds)))
    identity = tuple(parse(text, name) for name, text in in_force[0])
    return identity, parse(in_force[1][0][1], in_force[1][0][0]) if in_force[1] else None


def _documents(holder: Any) -> Iterable[tuple[str, str]]:
    for name, text in list(holder.policies.items()):
        yield name, _plain(text)
    for arn, policy in list(holder.managed_policies.items()):
        yield arn, _default_version(policy)


def _plain(text: str) -> str:
    return unquote(text) if text.lstrip().startswith("%") else text


def _default_version(policy: Any) -> str:
    for version in policy.versions:
        if version.version_id == policy.default_version_id:
            return _plain(str(version.document))
    return _plain(str(policy.versions[0].document))


def _managed_text(arn: str, account: str) -> str:
    owner = "aws" if arn.startswith(_AWS_POLICIES) else arn.split(":")[4]
    backend: Any = iam_backends[account if owner == "aws" else owner]["aws"]
    policy = backend.managed_policies.get(arn)
    if policy is None:
        # a boundary that was deleted leaves nothing allowed
        return '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}'
    return _default_version(policy)


def _groups(entity: Any) -> list[Any]:
    if not hasattr(entity, "access_keys"):
        return []
    backend: Any = iam_backends[str(entity.arn).split(":")[4]]["aws"]
    return [group for group in list(backend.groups.values()) if entity in group.users]


def _tags(entity: Any) -> dict[str, str]:
    tags = entity.tags
    listed = list(tags.values()) if isinstance(tags, dict) else tags or []
    return {str(tag["Key"]): str(tag["Value"]) for tag in listed}


def _session_policies(caller: Caller) -> tuple[Policy, ...] | None:
    session = caller.session
    if session is None or (session.policy is None and not session.policy_arns):
        # a federated user has nothing without a session policy
        return () if caller.kind == "federated" else None
    texts: list[tuple[str, str]] = [("session policy", session.policy)] if session.policy is not None else []
    texts += [(arn, _managed_text(arn, caller.account_id)) for arn in session.policy_arns]
    return tuple(parse(text, name) for name, text in texts)


def _control(account: str | None, kind: str) -> tuple[tuple[tuple[Policy, ...], ...], bool]:
    """Return the control policies of each level from the root to the account, and whether it is the management account.

    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html
    """
    backend = organization_of(account)
    if backend is None:
        return (), False
    if backend.org.master_account_id == account:
        return (), True
    chain = _ancestors(backend, account)
    root = chain[0]
    if not any(one["Type"] == kind for one in root.policy_types):
        return (), False
    levels = []
    for node in chain:
        found = [policy for policy in node.attached_policies if policy.type == kind]
        levels.append(tuple(parse(policy.content, policy.name) for policy in found))
    return tuple(levels), False


def _ancestors(backend: Any, account: str | None) -> list[Any]:
    """Return root, organizational units and account."""
    node = next((one for one in backend.accounts if one.id == account), None)
    chain = []
    while node is not None:
        chain.append(node)
        parent = getattr(node, "parent_id", None)
        node = next((one for one in backend.ou if one.id == parent), None) if parent else None
    return chain[::-1]
