"""Policy documents, parsed strictly: what cannot be understood is an error, it never matches all or nothing.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NoReturn

from glue.iam.conditions import Condition, make_condition
from glue.iam.policy import Actions, Policy, PolicyError, Resources, Statement
from glue.iam.principals import TYPES, Principals, make_principals
from glue.iam.variables import Template, template
from glue.iam.wildcards import Wild, matcher, resource_matcher, tokens_of

VERSIONS = ("2008-10-17", "2012-10-17")
MAX_CHARACTERS = 131_072  # the largest that AWS takes is far below
_POLICY_KEYS = {"Version", "Id", "Statement"}
_STATEMENT_KEYS = {
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
}  # fmt: skip
_ACTION = re.compile(r"\*|\*:\*|[A-Za-z0-9-]+:[A-Za-z0-9*?_-]+", re.ASCII)
_KEY = re.compile(r"[A-Za-z0-9_.-]+(\.[A-Za-z0-9-]+)*(/[^:]*)?:.+")


class _Number(str):
    """A JSON number, kept as written."""

    __slots__ = ()


class _Place:
    """Where we are in a document, for messages."""

    def __init__(self, policy: str, path: str = "") -> None:
        self.policy = policy
        self.path = path

    def at(self, step: str) -> _Place:
        return _Place(self.policy, f"{self.path}.{step}" if self.path else step)

    def fail(self, problem: str) -> NoReturn:
        raise PolicyError(self.policy, f"{self.path}: {problem}" if self.path else problem)


def parse_policy(document: str | Mapping[str, Any], *, name: str = "") -> Policy:
    """Return the policy. Texts that were parsed before are remembered.

    Raises PolicyError with the place and what is wrong: JSON, duplicate or unknown keys, versions, shapes, condition
    operators and their values, wildcards and variables where AWS allows none.
    """
    if isinstance(document, str):
        return _parse_text(document, name)
    return _policy(document, _Place(name))


def dump_policy(policy: Policy) -> dict[str, Any]:
    """Return the document as plain data in one canonical form: parsing it again gives an equivalent policy."""
    copy: dict[str, Any] = json.loads(json.dumps(policy.document))
    return copy


@lru_cache(maxsize=4096)
def _parse_text(text: str, name: str) -> Policy:
    place = _Place(name)
    if len(text) > MAX_CHARACTERS:
        place.fail(f"longer than {MAX_CHARACTERS} characters")

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in items]
        twice = sorted({key for key in keys if keys.count(key) > 1}) if len(set(keys)) < len(keys) else []
        if twice:
            place.fail(f"the key {twice[0]!r} appears twice in one object")
        return dict(items)

    def constant(value: str) -> NoReturn:
        place.fail(f"{value} is not JSON")

    try:
        read = json.loads(
            text, object_pairs_hook=pairs, parse_constant=constant, parse_float=_Number, parse_int=_Number
        )
    except RecursionError:
        place.fail("nested too deeply")
    except json.JSONDecodeError as problem:
        place.fail(f"not JSON: {problem.msg} (line {problem.lineno}, column {problem.colno})")
    return _policy(read, place)


def _policy(document: Any, place: _Place) -> Policy:
    if not isinstance(document, Mapping):
        place.fail("must be a JSON object")
    _known(document, _POLICY_KEYS, place)
    version = document.get("Version", VERSIONS[0])
    if version not in VERSIONS:
        place.at("Version").fail(f"must be one of {', '.join(VERSIONS)}, not {version!r}")
    identifier = document.get("Id", "")
    if not isinstance(identifier, str):
        place.at("Id").fail("must be a string")
    if "Statement" not in document:
        place.fail("has no Statement")
    read = document["Statement"]
    raw = [read] if isinstance(read, Mapping) else read
    if not isinstance(raw, list | tuple) or not raw:
        place.at("Statement").fail("must be an object or a list of objects that is not empty")
    variables = version == VERSIONS[1]
    parsed = [
        _statement(one, number, variables=variables, place=place.at(f"Statement[{number}]"))
        for number, one in enumerate(raw, start=1)
    ]
    _unique([statement.sid for statement, _ in parsed], place)
    canonical: dict[str, Any] = {"Version": version, "Statement": [plain for _, plain in parsed]}
    if identifier:
        canonical["Id"] = identifier
    return Policy(place.policy, version, identifier, tuple(statement for statement, _ in parsed), canonical)


def _unique(sids: list[str], place: _Place) -> None:
    given = [sid for sid in sids if sid]
    if len(set(given)) < len(given):
        place.fail(f"the Sid {max(given, key=given.count)!r} is used twice")


def _known(document: Mapping[str, Any], allowed: set[str], place: _Place) -> None:
    for key in document:
        if key not in allowed:
            place.fail(f"unknown key {key!r}")


def _statement(raw: Any, number: int, *, variables: bool, place: _Place) -> tuple[Statement, dict[str, Any]]:
    if not isinstance(raw, Mapping):
        place.fail("must be an object")
    _known(raw, _STATEMENT_KEYS, place)
    sid, effect = raw.get("Sid", ""), raw.get("Effect")
    if not isinstance(sid, str) or isinstance(sid, _Number):
        place.at("Sid").fail("must be a string")
    if effect not in ("Allow", "Deny"):
        place.at("Effect").fail(f"must be Allow or Deny, not {effect!r}")
    action_key = _one_of(raw, ("Action", "NotAction"), place) or place.fail("has neither Action nor NotAction")
    resource_key = _one_of(raw, ("Resource", "NotResource"), place)
    principal_key = _one_of(raw, ("Principal", "NotPrincipal"), place)
    if resource_key is None and principal_key is None:
        place.fail("has neither Resource nor NotResource")
    if principal_key == "NotPrincipal" and effect == "Allow":
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
        place.fail("NotPrincipal must be used with Deny")
    plain: dict[str, Any] = {"Sid": sid, "Effect": effect} if sid else {"Effect": effect}
    plain[action_key] = _strings(raw[action_key], place.at(action_key))
    resources = principals = None
    if principal_key:
        principals, plain[principal_key] = _principals(raw[principal_key], place.at(principal_key))
    if resource_key:
        plain[resource_key] = _strings(raw[resource_key], place.at(resource_key))
        resources = _resources(plain[resource_key], variables=variables, place=place.at(resource_key))
    conditions, plain_conditions = _conditions(
        raw.get("Condition", {}), variables=variables, place=place.at("Condition")
    )
    if plain_conditions:
        plain["Condition"] = plain_conditions
    statement = Statement(
        number=number,
        sid=sid,
        allows=effect == "Allow",
        actions=_actions(plain[action_key], place.at(action_key)),
        not_action=action_key == "NotAction",
        resources=resources,
        not_resource=resource_key == "NotResource",
        principals=principals,
        not_principal=principal_key == "NotPrincipal",
        conditions=conditions,
    )
    return statement, plain


def _one_of(raw: Mapping[str, Any], keys: tuple[str, str], place: _Place) -> str | None:
    present = [key for key in keys if key in raw]
    if len(present) > 1:
        place.fail(f"has both {keys[0]} and {keys[1]}")
    return present[0] if present else None


def _strings(raw: Any, place: _Place) -> list[str]:
    values = [raw] if isinstance(raw, str) else raw
    if not isinstance(values, list | tuple) or not values:
        place.fail("must be a string or a list of strings that is not empty")
    for value in values:
        if not isinstance(value, str) or isinstance(value, _Number):
            place.fail(f"must hold strings, not {type(value).__name__}")
    return list(values)


def _actions(values: Iterable[str], place: _Place) -> Actions:
    exact, patterns, everything = set(), [], False
    for value in values:
        if not _ACTION.fullmatch(value):
            place.fail(f"{value!r} is not an action such as s3:GetObject or s3:Get*")
        if value in ("*", "*:*"):
            everything = True
        elif "*" in value or "?" in value:
            patterns.append(matcher(tokens_of(value.lower())))
        else:
            exact.add(value.lower())
    return Actions(frozenset(exact), tuple(patterns), everything)


def _resources(values: Iterable[str], *, variables: bool, place: _Place) -> Resources:
    everything, exact, patterns, open_ones = False, set(), [], []
    for value in values:
        if value == "*":
            everything = True
            continue
        try:
            made = template(value, variables=variables, wildcards=True)
        except ValueError as problem:
            place.fail(f"{value!r} {problem}")
        _check_arn(value, made, place)
        tokens = made.resolve({}) if made.fixed else None
        if tokens is None:
            open_ones.append((made.start, made))
        elif not any(isinstance(token, Wild) for token in tokens):
            exact.add("".join(str(token) for token in tokens))
        else:
            patterns.append(resource_matcher(tokens))
    return Resources(everything, frozenset(exact), tuple(patterns), tuple(open_ones))


def _check_arn(value: str, made: Template, place: _Place) -> None:
    """Refuse what is no ARN: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html."""
    head = value.split(":", 5)
    if head[0] != "arn" or (len(head) < 6 and not value.endswith("*")):
        place.fail(f"{value!r} is neither * nor an ARN with six parts")
    if len(head) > 2 and ("*" in head[2] or "?" in head[2]):
        place.fail(f"{value!r} has a wildcard in its service")
    if not made.fixed and any("${" in part for part in head[:5]):
        place.fail(f"{value!r} has a variable before the fifth colon")


def _principals(raw: Any, place: _Place) -> tuple[Principals, dict[str, list[str]]]:
    if isinstance(raw, str):
        if raw != "*":
            place.fail(f"must be * or an object, not {raw!r}")
        raw = {"AWS": ["*"]}
    if not isinstance(raw, Mapping) or not raw:
        place.fail("must be * or an object that is not empty")
    named: dict[str, list[str]] = {}
    for kind, values in raw.items():
        if kind not in TYPES:
            place.fail(f"unknown type {kind!r}; there are {', '.join(TYPES)}")
        named[kind] = _strings(values, place.at(kind))
    try:
        return make_principals(named), named
    except ValueError as problem:
        place.fail(str(problem))


def _conditions(
    raw: Any, *, variables: bool, place: _Place
) -> tuple[tuple[Condition, ...], dict[str, dict[str, list[str]]]]:
    if not isinstance(raw, Mapping):
        place.fail("must be an object")
    made: list[Condition] = []
    plain: dict[str, dict[str, list[str]]] = {}
    for operator, keys in raw.items():
        at = place.at(str(operator))
        if not isinstance(keys, Mapping) or not keys:
            at.fail("must be an object that is not empty")
        plain[operator] = {}
        for key, values in keys.items():
            if not isinstance(key, str) or not _KEY.fullmatch(key):
                at.fail(f"{key!r} is not a condition key such as aws:SourceArn")
            if key.lower() in (other.lower() for other in plain[operator]):
                at.fail(f"the key {key!r} appears twice; case does not count")
            plain[operator][key] = _values(values, at.at(key))
            try:
                made.append(make_condition(str(operator), key, plain[operator][key], variables=variables))
            except ValueError as problem:
                at.at(key).fail(str(problem))
    return tuple(made), plain


def _values(raw: Any, place: _Place) -> list[str]:
    values = list(raw) if isinstance(raw, list | tuple) else [raw]
    if not values:
        place.fail("has no value")
    texts = []
    for value in values:
        if isinstance(value, bool):
            texts.append("true" if value else "false")
        elif isinstance(value, str | int | float):
            texts.append(str(value))
        else:
            place.fail(f"must hold strings, numbers or booleans, not {type(value).__name__}")
    return texts
