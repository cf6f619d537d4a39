"""The Principal and NotPrincipal elements.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glue.iam.model import Principal

TYPES = ("AWS", "Service", "Federated", "CanonicalUser")
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_ROOT = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):root", re.ASCII)
_ENTITY = re.compile(
    r"arn:aws[a-z-]*:(iam::\d{12}:(user|role)/[^*?]+|sts::\d{12}:(assumed-role/[^/*?]+/[^/*?]+|federated-user/[^*?]+))",
    re.ASCII,
)
_UNIQUE_ID = re.compile(r"A[A-Z]{3}[A-Z0-9]{12,124}", re.ASCII)
_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com(\.cn)?|[a-z0-9.-]+\.(aws\.)?internal", re.ASCII)
_PROVIDER = re.compile(
    r"arn:aws[a-z-]*:iam::\d{12}:(saml|oidc)-provider/[^*?]+|([a-z0-9-]+\.)+[a-z]{2,}(/[^*?]*)?", re.ASCII
)
_CANONICAL = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Match(enum.IntEnum):
    """How directly a statement names the principal; the more directly, the fewer other policies limit what it allows.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
    (table "Resource-based policies and implicit denies in other policy types").
    """

    NONE = 0
    ACCOUNT = 1  # the account: it may delegate by its own policies
    ENTITY = 2  # the role of a session, or the user behind a federated user: boundary and session policies still limit
    DIRECT = 3  # the user, the session, the service, everybody: nothing but a deny limits


@dataclass(frozen=True, slots=True)
class Principals:
    """Everybody whom one element names."""

    everybody: bool
    accounts: frozenset[str]
    names: frozenset[str]  # ARNs, unique ids, services, providers, canonical ids

    def match(self, principal: Principal) -> Match:
        """Return how directly these name the principal."""
        if self.everybody or principal.arn in self.names or _id(principal) in self.names:
            return Match.DIRECT
        if principal.canonical_id is not None and principal.canonical_id in self.names:
            return Match.ACCOUNT
        entity = principal.entity_arn
        if entity is not None and entity in self.names:
            return Match.ENTITY
        if principal.kind == "session" and _role_id(principal) in self.names:
            return Match.ENTITY
        if principal.account_id in self.accounts and _belongs(principal):
            return Match.DIRECT if principal.kind == "root" else Match.ACCOUNT
        return Match.NONE

    def spares(self, principal: Principal) -> bool:
        """Tell whether a Deny with NotPrincipal leaves this principal alone: its account and itself must both be named.

        AWS checks the account first, then the role, then the session
        (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html).
        """
        if self.everybody:
            return True
        direct = self.match(principal)
        if not _belongs(principal):
            return direct is not Match.NONE
        if principal.account_id not in self.accounts:
            return False
        if principal.kind == "session":
            return principal.entity_arn in self.names or _role_id(principal) in self.names
        return direct is Match.DIRECT


def _belongs(principal: Principal) -> bool:
    return principal.kind in ("root", "user", "session") or principal.is_token_session


def _id(principal: Principal) -> str | None:
    return principal.unique_id if principal.kind == "user" else None


def _role_id(principal: Principal) -> str | None:
    return principal.unique_id.partition(":")[0] if principal.unique_id else None


def make_principals(named: dict[str, list[str]]) -> Principals:
    """Return the element's principals; raises ValueError that names what is not a principal."""
    everybody, accounts, names = False, set(), set()
    for kind, values in named.items():
        for value in values:
            if value == "*":
                if kind != "AWS":
                    raise ValueError(f"{kind} takes no wildcard")
                everybody = True
            elif kind == "AWS" and (account := _account(value)):
                accounts.add(account)
            else:
                _check(kind, value)
                names.add(value)
    return Principals(everybody, frozenset(accounts), frozenset(names))


def _account(value: str) -> str | None:
    if _ACCOUNT.fullmatch(value):
        return value
    root = _ROOT.fullmatch(value)
    return root.group(1) if root else None


def _check(kind: str, value: str) -> None:
    shapes = {"AWS": (_ENTITY, _UNIQUE_ID), "Service": (_SERVICE,), "Federated": (_PROVIDER,)}
    if any(shape.fullmatch(value) for shape in shapes.get(kind, (_CANONICAL,))):
        return
    if "*" in value or "?" in value:
        raise ValueError(f"{value!r}: a wildcard cannot match part of a principal")
    raise ValueError(f"{value!r} is not a principal of type {kind}")
