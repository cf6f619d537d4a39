"""AWS's evaluation logic: what a request may do under all policies that apply to it.

An explicit deny anywhere ends it. Then, each only where it exists: resource control policies, service control
policies, and what the resource's policy, identity policies, the boundary and session policies allow together:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from glue.iam.context import full_context, resource_account
from glue.iam.model import Decision, Grant, Matched, PolicySet, Principal, Reason, Request
from glue.iam.policy import Policy, Statement
from glue.iam.principals import Match
from glue.iam.variables import Context

_ASSUME = "sts:assumerole"


@dataclass(frozen=True, slots=True)
class _Case:
    """One request with everything that each policy is asked about."""

    request: Request
    policies: PolicySet
    action: str  # lower case
    context: Context

    @property
    def principal(self) -> Principal:
        return self.request.principal

    def hits(self, policies: Iterable[Policy], kind: str, *, allows: bool) -> Iterator[Matched]:
        """Yield the statements of policies without principals that apply."""
        for policy in policies:
            for statement in policy.about(self.action):
                if statement.allows is allows and statement.applies(self.request.resource, self.context):
                    yield Matched(policy.name, statement.label, kind)

    def named(self, policies: Iterable[Policy], kind: str, *, allows: bool) -> Iterator[tuple[Match, Matched]]:
        """Yield the statements of policies with principals that apply, with how directly they name this one."""
        for policy in policies:
            for statement in policy.about(self.action):
                if statement.allows is not allows:
                    continue
                match = self._match(statement)
                if match and statement.applies(self.request.resource, self.context):
                    yield match, Matched(policy.name, statement.label, kind)

    def _match(self, statement: Statement) -> Match:
        if statement.principals is None:
            return Match.NONE
        if not statement.not_principal:
            return statement.principals.match(self.principal)
        # A Deny with NotPrincipal always denies who has a boundary:
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
        bounded = self.policies.boundary is not None and self.principal.is_iam
        return Match.DIRECT if bounded or not statement.principals.spares(self.principal) else Match.NONE

    def decided(self, reason: Reason, statements: Iterable[Matched] = (), *, allowed: bool = False) -> Decision:
        return Decision(allowed, reason, self.request, tuple(statements))


def evaluate(request: Request, policies: PolicySet) -> Decision:
    """Return whether the request is allowed, why, and which statements decided."""
    case = _Case(request, policies, request.action.lower(), full_context(request))
    denial = _denied(case) or _beyond_organization(case)
    if denial:
        return denial
    match, by_resource = _resource_side(case)
    principal = request.principal
    if not (principal.is_iam or principal.kind == "root"):
        # Services, anonymous callers and identities of providers have no policies of their own.
        return case.decided(Reason.RESOURCE, by_resource, allowed=True) if match else _silent(case)
    if principal.kind == "root":
        return _root(case, match, by_resource)
    if resource_account(request) not in (principal.account_id, None):
        return _cross_account(case, match, by_resource)
    return _same_account(case, match, by_resource)


def _denied(case: _Case) -> Decision | None:
    """Return the decision of an explicit deny in any policy, or None.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_AccessPolicyLanguage_Interplay.html
    """
    policies = case.policies
    about_resource = (
        (Reason.DENY_RCP, _flat(_rcps(case)), "resource control policy"),
        (
            Reason.DENY_TRUST if policies.kind == "trust" else Reason.DENY_RESOURCE,
            policies.resource,
            _resource_type(case),
        ),
    )
    about_caller = (
        (Reason.DENY_SCP, _flat(_scps(case)), "service control policy"),
        (Reason.DENY_IDENTITY, policies.identity, "identity-based policy"),
        (Reason.DENY_BOUNDARY, _boundary(case), "permissions boundary"),
        (Reason.DENY_SESSION, policies.session or (), "session policy"),
    )
    for reason, group, kind in about_resource:
        if named := [hit for _, hit in case.named(group, kind, allows=False)]:
            return case.decided(reason, named)
    for reason, group, kind in about_caller:
        if hits := list(case.hits(group, kind, allows=False)):
            return case.decided(reason, hits)
    return None


def _beyond_organization(case: _Case) -> Decision | None:
    """Return a denial when a level of service control policies does not allow; each level must.

    Resource control policies can only deny: RCPFullAWSAccess allows everything at each level and cannot be detached.
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_evaluation.html
    """
    for level in _scps(case):
        if not any(case.hits(level, "service control policy", allows=True)):
            return case.decided(Reason.NO_SCP)
    return None


def _scps(case: _Case) -> tuple[tuple[Policy, ...], ...]:
    """Return the service control policies that restrict the caller: users, roles and root of member accounts.

    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
    """
    principal = case.principal
    spared = (
        principal.is_service_linked or case.policies.management or not (principal.is_iam or principal.kind == "root")
    )
    return () if spared else case.policies.service_control


def _rcps(case: _Case) -> tuple[tuple[Policy, ...], ...]:
    """Return the resource control policies that restrict the caller: everybody but service-linked roles.

    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html
    """
    return () if case.principal.is_service_linked else case.policies.resource_control


def _flat(levels: tuple[tuple[Policy, ...], ...]) -> tuple[Policy, ...]:
    return tuple(policy for level in levels for policy in level)


def _boundary(case: _Case) -> tuple[Policy, ...]:
    return (case.policies.boundary,) if case.policies.boundary else ()


def _resource_type(case: _Case) -> str:
    return "role trust policy" if case.policies.kind == "trust" else "resource-based policy"


def _resource_side(case: _Case) -> tuple[Match, list[Matched]]:
    """Return how directly the resource's policy, or a grant on it, allows the caller, and by which statements."""
    found = list(case.named(case.policies.resource, _resource_type(case), allows=True))
    found += [(match, Matched(grant.name, "grant", "grant")) for grant, match in _grants(case)]
    best = max((match for match, _ in found), default=Match.NONE)
    return best, [hit for match, hit in found if match == best]


def _grants(case: _Case) -> Iterator[tuple[Grant, Match]]:
    """Yield the KMS grants that cover the request.

    https://docs.aws.amazon.com/kms/latest/developerguide/grants.html#grant-concepts
    """
    operation = case.action.removeprefix("kms:")
    prefix = "kms:encryptioncontext:"
    given = {
        key.removeprefix(prefix): value[0] for key, value in case.context.items() if key.startswith(prefix) and value
    }
    for grant in case.policies.grants:
        match = _grantee(grant.grantee, case.principal)
        covers = operation in {name.lower() for name in grant.operations}
        if match and covers and _context_fits(grant, given):
            yield grant, match


def _grantee(grantee: str, principal: Principal) -> Match:
    if grantee == principal.arn:
        return Match.DIRECT
    return Match.ENTITY if grantee == principal.entity_arn else Match.NONE


def _context_fits(grant: Grant, given: dict[str, str]) -> bool:
    exactly = {key.lower(): value for key, value in (grant.encryption_context or {}).items()}
    part = {key.lower(): value for key, value in (grant.encryption_context_subset or {}).items()}
    return (grant.encryption_context is None or exactly == given) and part.items() <= given.items()


def _silent(case: _Case) -> Decision:
    return case.decided(Reason.NO_TRUST if case.policies.kind == "trust" else Reason.NO_RESOURCE)


def _root(case: _Case, match: Match, by_resource: list[Matched]) -> Decision:
    """Return what the root user may do: everything in its account, but keys only when their policy says so.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html,
    https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html (root cannot assume roles).
    """
    if case.action == _ASSUME:
        return case.decided(Reason.ROOT_ASSUMES)
    outside = resource_account(case.request) != case.principal.account_id
    if outside or case.policies.kind != "default":
        return case.decided(Reason.RESOURCE, by_resource, allowed=True) if match else _silent(case)
    return case.decided(Reason.ROOT, allowed=True)


def _own_side(case: _Case, *, identity: bool = True) -> tuple[Reason | None, list[Matched]]:
    """Return what the caller's own policies lack, or None and the statements of identity policies that allow.

    Boundary: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
    Session policies: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session
    A session of GetFederationToken without session policies has no permissions of its own:
    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html
    """
    policies = case.policies
    allowing = list(case.hits(policies.identity, "identity-based policy", allows=True))
    if identity and not allowing:
        return Reason.NO_IDENTITY, []
    if policies.boundary and not any(case.hits(_boundary(case), "permissions boundary", allows=True)):
        return Reason.NO_BOUNDARY, []
    session = policies.session
    if session is None and case.principal.is_token_session:
        session = ()
    if session is not None and not any(case.hits(session, "session policy", allows=True)):
        return Reason.NO_SESSION, []
    return None, allowing


def _same_account(case: _Case, match: Match, by_resource: list[Matched]) -> Decision:
    """Return the decision where caller and resource share an account.

    Named directly, nothing else is needed; named by its role (or the user behind a federated user), the boundary and
    session policies still limit; named by its account, or not at all, its own policies decide. A key and a role
    must be named.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
    """
    if match is Match.DIRECT:
        return case.decided(_by(by_resource), by_resource, allowed=True)
    if match is Match.NONE and case.policies.kind != "default":
        return _silent(case)
    lacking, by_identity = _own_side(case, identity=match is not Match.ENTITY)
    if lacking:
        return case.decided(lacking)
    if match is Match.NONE:
        return case.decided(Reason.IDENTITY, by_identity, allowed=True)
    reason = Reason.BOTH if by_identity else _by(by_resource)
    return case.decided(reason, [*by_identity, *by_resource], allowed=True)


def _by(statements: list[Matched]) -> Reason:
    return Reason.GRANT if all(statement.type == "grant" for statement in statements) else Reason.RESOURCE


def _cross_account(case: _Case, match: Match, by_resource: list[Matched]) -> Decision:
    """Return the decision where the resource is another account's: both sides must allow.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
    """
    if not match:
        return _silent(case)
    lacking, by_identity = _own_side(case)
    if lacking:
        return case.decided(lacking)
    return case.decided(Reason.BOTH, [*by_identity, *by_resource], allowed=True)
