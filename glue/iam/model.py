"""Who asks for what, under which policies, and what was decided."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from glue.iam.policy import Policy

PrincipalKind = Literal["root", "user", "session", "federated", "service", "anonymous"]
PolicyKind = Literal["default", "key", "trust"]
_SERVICE_LINKED_PATH = ":role/aws-service-role/"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes a request.

    A session: `arn` is `arn:aws:sts::A:assumed-role/Role/name`, `role_arn` is `arn:aws:iam::A:role/path/Role`.
    `federated` is either the session of GetFederationToken (`arn:aws:sts::A:federated-user/name`, `issuer_arn` is the
    user who asked for it) or somebody from an identity provider before assuming a role (`arn` is the provider's ARN or
    domain, no account). A service has its name as `arn`. `unique_id`: AIDA… of a user, AROA… of a session's role.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """

    kind: PrincipalKind
    arn: str = ""
    account_id: str | None = None
    role_arn: str | None = None
    unique_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    issuer_arn: str | None = None
    canonical_id: str | None = None

    @property
    def is_token_session(self) -> bool:
        """Tell whether this is a session of GetFederationToken."""
        return self.kind == "federated" and ":federated-user/" in self.arn

    @property
    def is_iam(self) -> bool:
        """Tell whether identity policies exist for this one: a user, a role's session, a federated user's session."""
        return self.kind in ("user", "session") or self.is_token_session

    @property
    def entity_arn(self) -> str | None:
        """Return the ARN of the role of a session, or of the user; None where there is none."""
        if self.kind == "user":
            return self.arn
        if self.kind != "session":
            return self.issuer_arn
        if self.role_arn:
            return self.role_arn
        partition, name = self.arn.split(":", 2)[1], self.arn.split("/")[1]
        return f"arn:{partition}:iam::{self.account_id}:role/{name}"

    @property
    def is_service_linked(self) -> bool:
        """Tell whether a service-linked role acts: service and resource control policies do not restrict those.

        https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
        """
        return self.kind == "session" and _SERVICE_LINKED_PATH in (self.role_arn or "")


@dataclass(frozen=True, slots=True)
class Request:
    """One action on one resource. Context keys in any case; several values as a tuple.

    `resource_account_id` is needed where the ARN does not say it (S3). Without it the resource is the caller's own.
    """

    principal: Principal
    action: str
    resource: str = "*"
    context: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    resource_account_id: str | None = None

    def __post_init__(self) -> None:
        """Refuse what is no action of a service."""
        service, colon, name = self.action.partition(":")
        if not (service and colon and name) or "*" in self.action or "?" in self.action:
            raise ValueError(f"{self.action!r} is not an action such as s3:GetObject")


@dataclass(frozen=True, slots=True)
class Grant:
    """A KMS grant. `encryption_context` must equal the request's, `encryption_context_subset` be part of it.

    https://docs.aws.amazon.com/kms/latest/developerguide/grants.html
    """

    grantee: str
    operations: frozenset[str]
    name: str = ""
    encryption_context: Mapping[str, str] | None = None
    encryption_context_subset: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class PolicySet:
    """Every policy that applies to a request.

    `session` None: no session policy was passed. `service_control` and `resource_control`: one tuple of policies for
    each level from the organization's root to the account; each level must allow; no level means no organization.
    `management`: the caller's account is the organization's management account, which its policies never restrict.
    `kind` says how the resource's policy counts: `key` and `trust` must allow themselves, identity policies never
    suffice.
    """

    identity: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    session: tuple[Policy, ...] | None = None
    service_control: tuple[tuple[Policy, ...], ...] = ()
    resource_control: tuple[tuple[Policy, ...], ...] = ()
    resource: tuple[Policy, ...] = ()
    kind: PolicyKind = "default"
    grants: tuple[Grant, ...] = ()
    management: bool = False

    def __post_init__(self) -> None:
        """Refuse a policy of the wrong type: it would silently allow everybody or nobody."""
        levels = [policy for level in self.service_control for policy in level]
        bounds = [self.boundary] if self.boundary else []
        for policy in (*self.identity, *bounds, *(self.session or ()), *levels):
            policy.require("identity")
        for policy in (*self.resource, *(policy for level in self.resource_control for policy in level)):
            policy.require("resource")


class Reason(enum.Enum):
    """Why a request was allowed or denied."""

    IDENTITY = "allowed by an identity-based policy"
    RESOURCE = "allowed by a resource-based policy"
    BOTH = "allowed by identity-based and resource-based policies"
    ROOT = "the account's root user"
    GRANT = "allowed by a grant"
    DENY_RCP = "explicit deny in a resource control policy"
    DENY_SCP = "explicit deny in a service control policy"
    DENY_RESOURCE = "explicit deny in a resource-based policy"
    DENY_TRUST = "explicit deny in a role trust policy"
    DENY_IDENTITY = "explicit deny in an identity-based policy"
    DENY_BOUNDARY = "explicit deny in a permissions boundary"
    DENY_SESSION = "explicit deny in a session policy"
    NO_SCP = "no service control policy allows"
    NO_RESOURCE = "no resource-based policy allows"
    NO_TRUST = "no role trust policy allows"
    NO_IDENTITY = "no identity-based policy allows"
    NO_BOUNDARY = "no permissions boundary allows"
    NO_SESSION = "no session policy allows"
    ROOT_ASSUMES = "the root user cannot assume roles"


@dataclass(frozen=True, slots=True)
class Matched:
    """A statement that decided: policy's name, its Sid (or `#<number>` when it has none), the policy's type."""

    policy: str
    sid: str
    type: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, and by which statements."""

    allowed: bool
    reason: Reason
    request: Request
    statements: tuple[Matched, ...] = ()

    @property
    def explicit_deny(self) -> bool:
        """Tell whether a Deny statement decided."""
        return self.reason.name.startswith("DENY_")

    def sentence(self) -> str:
        """Return AWS's message for a denial; for an allowed request, one line that says why."""
        from glue.iam.sentence import sentence  # noqa: PLC0415 (the sentence needs these types)

        return sentence(self)
