"""Rights in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from glue.review.access.callers import Caller
from glue.review.access.compare import Clauses
from glue.review.access.conditions_words import way_in_words
from glue.review.access.globs import FRESH, SINGLE
from glue.review.access.narrowing import SHARED_ISSUERS
from glue.review.access.rights import Told

_MOST_ACTIONS, _MOST_RESOURCES, _MOST_PARTS = 8, 4, 6
_ASSUME = ("sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML")
_ARN = re.compile(r"arn:[^:]*:([^:]*):([^:]*):([^:]*):(.+)", re.DOTALL)


def who(caller: Caller, own: str | None) -> str:
    """Return a caller in words."""
    return _kind(caller, own) + (", by this policy alone," if caller.direct else "")


def _kind(caller: Caller, own: str | None) -> str:
    name = caller.name.replace(FRESH, "*").replace(SINGLE, "?")
    fixed = {
        "anonymous": "anyone",
        "stranger": "anyone with an AWS account",
        "account": f"the own account {name}" if name == own else f"account {name}",
        "root": f"the root user of account {name}",
        "service": f"the service {name}",
        "provider": _provider(name),
        "id": f"the principal {name}",
        "self": short(name) if name else "somebody",
    }
    if caller.kind in fixed:
        return fixed[caller.kind]
    account = name.split(":")[4]
    return short(name) + ("" if own and account == own else f" of account {account}")


def _provider(name: str) -> str:
    host = name.rpartition("oidc-provider/")[2]
    everybody = " (which everybody can use)" if (host or name) in SHARED_ISSUERS else ""
    return f"identities of {host or name}{everybody}"


def short(resource: str) -> str:
    """Return a resource's ARN as a reader names it: `s3 bucket/*`, `role/x`; another form as it is."""
    found = _ARN.fullmatch(resource)
    if not found:
        return "everything" if resource == "*" else resource
    service, _, _, rest = found.groups()
    return rest if service in ("iam", "sts") else f"{service} {rest}"


def actions_in_words(actions: Sequence[str]) -> str:
    """Return actions by service: `s3:GetObject, PutObject; kms:Decrypt`."""
    if "*" in actions:
        return "do everything"
    groups: dict[str, list[str]] = {}
    for action in actions[:_MOST_ACTIONS]:
        service, _, name = action.partition(":")
        groups.setdefault(service, []).append(name)
    text = ", ".join(f"{service}:{', '.join(names)}" for service, names in groups.items())
    return text + (f" and {len(actions) - _MOST_ACTIONS} more" if len(actions) > _MOST_ACTIONS else "")


def listed(values: Sequence[str], most: int = _MOST_RESOURCES) -> str:
    """Return the first values and how many more."""
    return ", ".join(values[:most]) + (f" and {len(values) - most} more" if len(values) > most else "")


def ways_in_words(ways: frozenset[Clauses], spelling: Mapping[str, str]) -> str:
    """Return conditions: "only for account 1 and over TLS, or through VPC endpoint 2"; nothing when there are none."""
    if not ways or frozenset() in ways:
        return ""
    return "only " + ", or ".join(sorted(" and ".join(way_in_words(way, spelling)) for way in ways))


def conditions(told: Told, spelling: Mapping[str, str]) -> tuple[str, ...]:
    """Return the conditions of a right: those of one way each, or one line for several ways."""
    if not told.ways or frozenset() in told.ways:
        return ()
    if len(told.ways) == 1:
        return tuple(word for way in told.ways for word in way_in_words(way, spelling))
    return (ways_in_words(told.ways, spelling).removeprefix("only "),)


def what(told: Told, spelling: Mapping[str, str], *, gained: bool, on: str | None = None) -> str:
    """Return the actions, the resources and the conditions of a right. `on` names the resource when none is listed."""
    where = on if on and told.resources in ((), ("*",)) else listed([short(one) for one in told.resources])
    text = f"{actions_in_words(told.actions)}{_but(told.but_actions)} on {where}"
    if on and on.startswith("role ") and any(action in _ASSUME for action in told.actions):
        text = f"become {on} ({actions_in_words(told.actions)})"
    text += _but(tuple(short(one) for one in told.but_resources))
    now, then = ways_in_words(told.ways, spelling), ways_in_words(told.until, spelling)
    text += f", {now}" if now else ""
    if then and not told.undenied:
        text += f" (until now {then})" if gained else f" (from now on {then})"
    if told.undenied:
        how = ways_in_words(told.undenied, spelling).removeprefix("only ")
        word = "no longer denied" if gained else "now denied"
        text += f" ({word}{f' {how}' if how else ''})"
    return text


def _but(exceptions: tuple[str, ...]) -> str:
    return f" but {listed(exceptions)}" if exceptions else ""


def folded(parts: Sequence[str]) -> str:
    """Return several parts in one line."""
    more = f"; and {len(parts) - _MOST_PARTS} more" if len(parts) > _MOST_PARTS else ""
    return "; ".join(parts[:_MOST_PARTS]) + more


def unique(values: Iterable[str]) -> tuple[str, ...]:
    """Return values without repetition, in order."""
    return tuple(dict.fromkeys(values))
