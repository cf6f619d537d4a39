"""Who may be let in by the policies of a resource: everybody who is named, and strangers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

from glue.iam import Principal, Request, session_of
from glue.iam.context import full_context
from glue.iam.principals import Match
from glue.iam.variables import template
from glue.review.access.clauses import Values
from glue.review.access.globs import FRESH, ONE, SINGLE, STAR, glob_of
from glue.review.access.narrowing import SHARED_ISSUERS
from glue.review.access.statements import Rule

Kind = Literal[
    "self", "anonymous", "stranger", "account", "root", "role", "user", "session", "service", "provider", "id"
]
_ENTITY = re.compile(r"arn:([a-z-]+):(?:iam|sts)::([^:]*):(role|user|assumed-role|federated-user)/(.+)", re.DOTALL)
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_OF_IAM = ("aws:principalarn", "aws:principalaccount", "aws:principalorgid", "aws:principalorgpaths", "aws:username")
_KNOWN = frozenset({*_OF_IAM, "aws:principaltype", "aws:principalisawsservice", "aws:principalservicename"})


@dataclass(frozen=True)
class Caller:
    """Somebody whose requests are compared. `direct`: without any policy of its own."""

    kind: Kind
    name: str
    principal: Principal = field(compare=False)
    account: str | None = None
    direct: bool = False
    known: Mapping[str, Values | None] = field(default_factory=dict, compare=False)

    @property
    def anybody(self) -> bool:
        """Tell whether strangers are such callers."""
        if self.kind == "provider":
            return (self.name.rpartition("oidc-provider/")[2] or self.name) in SHARED_ISSUERS
        return self.kind in ("anonymous", "stranger") or (self.account is not None and FRESH in self.account)

    def concerned(self, rule: Rule) -> bool:
        """Tell whether a statement is about this caller."""
        if rule.principals is None:
            return True
        if rule.not_principal:
            return not rule.principals.spares(self.principal)
        match = rule.principals.match(self.principal)
        return match >= Match.ENTITY if self.direct and rule.allows else match is not Match.NONE


def itself(arn: str | None) -> Caller:
    """Return the caller whose own policies are compared: a role or user by ARN, or one that is not known."""
    entity = _ENTITY.fullmatch(arn or "")
    if not arn or not entity:
        return Caller("self", "", Principal("anonymous"))
    principal = _principal(arn)
    return Caller("self", arn, principal, entity.group(2), known=_known(principal))


def callers_of(rules: Iterable[Rule], own: str | None) -> tuple[Caller, ...]:
    """Return everybody whom statements name in any way, and strangers when some statement is about everybody."""
    rules = tuple(rules)
    free = frozenset[str]()
    arns, accounts = set[str](), set[str]()
    for rule in rules:
        for clause in rule.clauses:
            if clause.key == "aws:principalarn":
                made = [glob for text in clause.values for glob in _filled(text, variables=clause.variables)]
                arns |= {arn for arn in made if arn and _ENTITY.fullmatch(arn)}
                if not all(arn and _ENTITY.fullmatch(arn) for arn in made):
                    free = frozenset({"aws:principalarn"})
            elif clause.key == "aws:principalaccount":
                accounts |= {text for text in clause.values if _ACCOUNT.fullmatch(text)}
    named = [rule.principals for rule in rules if rule.principals is not None]
    accounts |= {account for principals in named for account in principals.accounts}
    names = arns | {name for principals in named for name in principals.names}
    found = [_by_name(name) for name in sorted(names)]
    found += [_of_account(account) for account in sorted(accounts)]
    unnamed = any(rule.not_principal or rule.principals is None for rule in rules)
    if unnamed or any(principals.everybody for principals in named):
        found += [_stranger(), _anonymous()]
        found += [_of_account(own)] if own and own not in accounts else []
    if any(rule.not_principal for rule in rules):
        found += [_root(account) for account in sorted(accounts)]  # whom naming the account alone spares
    return tuple(dict.fromkeys(_planes(found, own, free)))


def _planes(found: Iterable[Caller], own: str | None, free: frozenset[str]) -> Iterator[Caller]:
    for caller in found:
        known = {key: value for key, value in caller.known.items() if key not in free}
        yield replace(caller, known=known)
        if caller.kind in ("role", "user", "session") and caller.account in (own, None):
            yield replace(caller, known=known, direct=True)


def _filled(text: str, *, variables: bool) -> Iterator[str | None]:
    """Yield an ARN with its wildcards filled: an account's by a stranger's."""
    made = template(text, variables=variables, wildcards=True)
    if not made.fixed:
        yield None
        return
    yield glob_of(made.resolve({}) or ()).replace(STAR, FRESH).replace(ONE, SINGLE)


@lru_cache(maxsize=2048)
def _by_name(name: str) -> Caller:
    entity = _ENTITY.fullmatch(name)
    if entity:
        principal = _principal(name)
        kind: Kind = {"role": "role", "user": "user"}.get(entity.group(3), "session")  # type: ignore[assignment]
        return Caller(kind, name, principal, entity.group(2), known=_known(principal))
    if "oidc-provider/" in name or "saml-provider/" in name:
        return Caller("provider", name, Principal("federated", name), known={"aws:principalisawsservice": ("false",)})
    if ".amazonaws.com" in name or name.endswith(".internal"):
        service = Principal("service", name)
        return Caller("service", name, service, known=dict.fromkeys(_OF_IAM) | _known(service))
    if "." in name:
        return Caller("provider", name, Principal("federated", name), known={"aws:principalisawsservice": ("false",)})
    return Caller("id", name, _of_id(name))


def _of_id(name: str) -> Principal:
    """Return who has a unique id, or the account with a canonical one."""
    if len(name) == 64:
        return Principal("user", f"arn:aws:iam::{FRESH}:user/{FRESH}", FRESH, canonical_id=name)
    if name.startswith("AIDA"):
        return Principal("user", f"arn:aws:iam::{FRESH}:user/{FRESH}", FRESH, unique_id=name)
    arn = f"arn:aws:sts::{FRESH}:assumed-role/{FRESH}/{FRESH}"
    return Principal("session", arn, FRESH, role_arn=f"arn:aws:iam::{FRESH}:role/{FRESH}", unique_id=name)


def _principal(arn: str) -> Principal:
    found = _ENTITY.fullmatch(arn)
    assert found is not None  # noqa: S101 - both callers asked before
    partition, account, kind, rest = found.groups()
    if kind == "role":
        return session_of(arn, name=FRESH)
    if kind == "user":
        return Principal("user", arn, account)
    if kind == "federated-user":
        return Principal("federated", arn, account, issuer_arn=f"arn:{partition}:iam::{account}:user/{FRESH}")
    return Principal("session", arn, account, role_arn=f"arn:{partition}:iam::{account}:role/{rest.partition('/')[0]}")


@lru_cache(maxsize=1024)
def _of_account(account: str) -> Caller:
    principal = session_of(f"arn:aws:iam::{account}:role/{FRESH}", name=FRESH)
    return Caller("account", account, principal, account, known=_known(principal))


@lru_cache(maxsize=1024)
def _root(account: str) -> Caller:
    principal = Principal("root", f"arn:aws:iam::{account}:root", account)
    return Caller("root", account, principal, account, known=_known(principal))


@lru_cache(maxsize=1)
def _stranger() -> Caller:
    principal = session_of(f"arn:aws:iam::{FRESH}:role/{FRESH}", name=FRESH)
    return Caller("stranger", "", principal, FRESH, known=_known(principal))


@lru_cache(maxsize=1)
def _anonymous() -> Caller:
    anonymous = Principal("anonymous")
    return Caller("anonymous", "", anonymous, known=dict.fromkeys(_OF_IAM) | _known(anonymous))


def _known(principal: Principal) -> dict[str, Values | None]:
    """Return the condition keys that follow from who asks."""
    context = full_context(Request(principal, "sts:GetCallerIdentity"))
    return {key: values for key, values in context.items() if key in _KNOWN}
