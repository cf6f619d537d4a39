"""Where the policies of a request come from, and the decision about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from glue.iam.context import resource_account
from glue.iam.evaluation import evaluate
from glue.iam.model import Decision, Grant, PolicyKind, PolicySet, Principal, Request
from glue.iam.policy import Policy

Levels = tuple[tuple[Policy, ...], ...]


class World(Protocol):
    """Everything that a decision needs to know about accounts. Methods return empty things for what is unknown."""

    def identity_policies(self, principal: Principal) -> Sequence[Policy]:
        """Return the policies attached to a user (its groups' too) or to a session's role."""

    def boundary(self, principal: Principal) -> Policy | None:
        """Return the permissions boundary of the user or of the session's role."""

    def session_policies(self, principal: Principal) -> Sequence[Policy] | None:
        """Return the policies passed when the session was made; None when none were."""

    def service_control_policies(self, account_id: str) -> Levels:
        """Return the levels of service control policies above an account."""

    def resource_control_policies(self, account_id: str, action: str) -> Levels:
        """Return the levels of resource control policies above an account, for an action of a service that has them."""

    def is_management_account(self, account_id: str) -> bool:
        """Tell whether the account is its organization's management account."""

    def resource_policies(self, action: str, resource: str) -> tuple[PolicyKind, Sequence[Policy]]:
        """Return how the resource's policy counts, and the policy; for an object of S3 the bucket's."""

    def grants(self, resource: str) -> Sequence[Grant]:
        """Return the KMS grants on a key."""

    def account_of(self, resource: str) -> str | None:
        """Return the account that owns a resource whose ARN does not say so; None when unknown."""


def decide(request: Request, world: World) -> Decision:
    """Return the decision about a request under all policies of a world that apply to it."""
    if request.resource_account_id is None and (owner := world.account_of(request.resource)):
        request = replace(request, resource_account_id=owner)
    return evaluate(request, policies_for(request, world))


def policies_for(request: Request, world: World) -> PolicySet:
    """Return every policy of a world that applies to a request."""
    principal = request.principal
    kind, resource = world.resource_policies(request.action, request.resource)
    session = world.session_policies(principal) if principal.is_iam else None
    account, owner = principal.account_id, resource_account(request)
    return PolicySet(
        identity=tuple(world.identity_policies(principal)) if principal.is_iam else (),
        boundary=world.boundary(principal) if principal.is_iam else None,
        session=None if session is None else tuple(session),
        service_control=world.service_control_policies(account) if account else (),
        resource_control=_resource_control(owner, request.action, world) if owner else (),
        resource=tuple(resource),
        kind=kind,
        grants=tuple(world.grants(request.resource)) if kind == "key" else (),
        management=bool(account) and world.is_management_account(account or ""),
    )


def _resource_control(owner: str, action: str, world: World) -> Levels:
    """Return the resource control policies above an account; the management account has none.

    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html
    """
    return () if world.is_management_account(owner) else world.resource_control_policies(owner, action)


def kind_of(action: str, resource: str) -> PolicyKind:
    """Return how a resource's policy counts: keys and roles (for STS) must allow themselves."""
    if action.lower().startswith("kms:") and ":key/" in resource:
        return "key"
    return "trust" if action.lower().startswith("sts:") and ":role/" in resource else "default"


def owner_of_policy(resource: str) -> str:
    """Return the ARN that carries the policy of a resource: an S3 object's is its bucket's."""
    head = resource.split(":", 5)
    return resource.partition("/")[0] if len(head) == 6 and head[2] == "s3" and not head[4] else resource


@dataclass(frozen=True)
class StaticWorld:
    """A world of plain data, keyed by ARN: users and roles, and resources (a bucket stands for its objects)."""

    identities: Mapping[str, tuple[Policy, ...]] = field(default_factory=dict)
    boundaries: Mapping[str, Policy] = field(default_factory=dict)
    sessions: Mapping[str, tuple[Policy, ...]] = field(default_factory=dict)  # by session ARN
    resources: Mapping[str, tuple[Policy, ...]] = field(default_factory=dict)
    accounts: Mapping[str, str] = field(default_factory=dict)  # resource ARN to account, where the ARN does not say it
    service_control: Mapping[str, Levels] = field(default_factory=dict)  # by account
    resource_control: Mapping[str, Levels] = field(default_factory=dict)
    key_grants: Mapping[str, tuple[Grant, ...]] = field(default_factory=dict)
    management_account: str | None = None

    def identity_policies(self, principal: Principal) -> tuple[Policy, ...]:
        """Return the policies of the user, or of the session's role."""
        return self.identities.get(principal.entity_arn or "", ())

    def boundary(self, principal: Principal) -> Policy | None:
        """Return the boundary of the user, or of the session's role."""
        return self.boundaries.get(principal.entity_arn or "")

    def session_policies(self, principal: Principal) -> tuple[Policy, ...] | None:
        """Return the policies passed with the session, or None."""
        return self.sessions.get(principal.arn)

    def service_control_policies(self, account_id: str) -> Levels:
        """Return the levels above the account."""
        return self.service_control.get(account_id, ())

    def resource_control_policies(self, account_id: str, action: str) -> Levels:  # noqa: ARG002 (all services have them)
        """Return the levels above the account."""
        return self.resource_control.get(account_id, ())

    def is_management_account(self, account_id: str) -> bool:
        """Tell whether it is the management account."""
        return account_id == self.management_account

    def resource_policies(self, action: str, resource: str) -> tuple[PolicyKind, tuple[Policy, ...]]:
        """Return the policy of the resource and how it counts."""
        return kind_of(action, resource), self.resources.get(owner_of_policy(resource), ())

    def grants(self, resource: str) -> tuple[Grant, ...]:
        """Return the grants on the key."""
        return self.key_grants.get(resource, ())

    def account_of(self, resource: str) -> str | None:
        """Return the account of the resource, or of the bucket of an object."""
        return self.accounts.get(resource) or self.accounts.get(owner_of_policy(resource))
