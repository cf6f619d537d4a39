"""The statements of policies in a form that can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from glue.iam import Policy, PolicyError, Statement, parse_policy
from glue.iam.policy import Use
from glue.iam.principals import Principals
from glue.iam.variables import Variable, template
from glue.iam.wildcards import Wild, tokens_of
from glue.review.access.clauses import Clause
from glue.review.access.globs import RESERVED, STAR, VALUE, glob_of

_LETTERS = 9  # letters for a variable: more than the question marks that could take them for something else


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern of a Resource. `open` holds variables: which of the strings that fit `glob` it matches is not known.

    `marked` is the pattern with each variable as letters that stand for its value, to compare two such patterns.
    """

    glob: str
    open: bool = False
    marked: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One statement. Equal ones mean the same, though unequal ones may, too."""

    allows: bool
    actions: frozenset[str]  # patterns
    not_action: bool
    resources: frozenset[Pattern] | None
    not_resource: bool
    principals: Principals | None
    not_principal: bool
    clauses: frozenset[Clause]


EVERYTHING = Rule(
    allows=True,
    actions=frozenset({STAR}),
    not_action=False,
    resources=frozenset({Pattern(STAR)}),
    not_resource=False,
    principals=None,
    not_principal=False,
    clauses=frozenset(),
)


@dataclass(frozen=True, slots=True)
class Document:
    """A policy that was read: its rules, and the names of its actions as they are written."""

    rules: tuple[Rule, ...]
    spelling: Mapping[str, str]
    policy: Policy


@lru_cache(maxsize=4096)
def read_document(text: str, use: Use = "any") -> Document:
    """Return the statements of a policy's text. Raises PolicyError for what is no policy of that use."""
    if not RESERVED.isdisjoint(text) or "\\udbff" in text.lower():
        raise PolicyError("", "holds characters that no policy has")
    policy = parse_policy(text, use=use)
    spelling: dict[str, str] = {}
    rules = []
    for statement, plain in zip(policy.statements, policy.document["Statement"], strict=True):
        keys = [key for keys in plain.get("Condition", {}).values() for key in keys]
        for name in (*plain.get("Action", ()), *plain.get("NotAction", ()), *keys):
            low = name.lower()
            known = spelling.setdefault(low, name)
            if known != name:
                spelling[low] = max(known, name, key=lambda one: (sum(map(str.isupper, one)), one))
        rules.append(_rule(statement, plain, variables=policy.version == "2012-10-17"))
    return Document(tuple(dict.fromkeys(rules)), spelling, policy)


def _rule(statement: Statement, plain: Mapping[str, Any], *, variables: bool) -> Rule:
    actions = plain.get("NotAction" if statement.not_action else "Action", ())
    resources = None
    if statement.resources is not None:
        named = plain["NotResource" if statement.not_resource else "Resource"]
        resources = frozenset(_pattern(text, variables=variables) for text in named)
    return Rule(
        allows=statement.allows,
        actions=frozenset(_action(name) for name in actions),
        not_action=statement.not_action,
        resources=resources,
        not_resource=statement.not_resource,
        principals=statement.principals,
        not_principal=statement.not_principal,
        clauses=frozenset(_clauses(plain.get("Condition", {}), variables=variables)),
    )


@lru_cache(maxsize=8192)
def _action(name: str) -> str:
    return STAR if name == "*:*" else glob_of(tokens_of(name.lower()))


@lru_cache(maxsize=8192)
def _pattern(text: str, *, variables: bool) -> Pattern:
    made = template(text, variables=variables, wildcards=True)
    if made.fixed:
        return Pattern(glob_of(made.resolve({}) or ()))
    upper = glob_of(tuple(Wild.STAR if isinstance(part, Variable) else part for part in made.parts))
    marked = glob_of(tuple(_mark(part) if isinstance(part, Variable) else part for part in made.parts))
    return Pattern(upper, open=True, marked=marked)


def _mark(variable: Variable) -> str:
    """Return the letters that stand for a variable's value, the same ones wherever it stands."""
    return f"{VALUE}{variable.key}|{variable.default}{VALUE * _LETTERS}"


def _clauses(conditions: Mapping[str, Mapping[str, list[str]]], *, variables: bool) -> Iterable[Clause]:
    for operator, keys in conditions.items():
        for key, values in keys.items():
            open_ones = variables and any("${" in value for value in values)
            yield Clause(operator, key.lower(), tuple(sorted(set(values))), open_ones)
