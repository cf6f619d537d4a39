"""The elements of a statement: actions, resources, principals, conditions, each parsed strictly.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from glue.iam.conditions import Condition, make_condition
from glue.iam.policy import Actions, PolicyError, Resources
from glue.iam.principals import TYPES, Principals, make_principals
from glue.iam.variables import Template, template
from glue.iam.wildcards import Wild, matcher, resource_matcher, tokens_of

_ACTION = re.compile(r"\*|\*:\*|[A-Za-z0-9-]+:[A-Za-z0-9*?_-]+", re.ASCII)
_KEY = re.compile(r"[A-Za-z0-9_./-]+:.+", re.ASCII)


class Number(str):
    """A JSON number, kept as written."""

    __slots__ = ()


class Place:
    """Where we are in a document, for messages."""

    def __init__(self, policy: str, path: str = "") -> None:
        self.policy = policy
        self.path = path

    def at(self, step: str) -> Place:
        """Return the place one step further in."""
        return Place(self.policy, f"{self.path}.{step}" if self.path else step)

    def fail(self, problem: str) -> NoReturn:
        """Raise a PolicyError that names this place."""
        raise PolicyError(self.policy, f"{self.path}: {problem}" if self.path else problem)


def twice(names: Iterable[str]) -> str | None:
    """Return the first name that comes a second time, or None."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def strings(raw: Any, place: Place) -> list[str]:
    """Return one string or a list of strings as a list."""
    values = [raw] if isinstance(raw, str) else raw
    if not isinstance(values, list | tuple) or not values:
        place.fail("must be a string or a list of strings that is not empty")
    for value in values:
        if not isinstance(value, str) or isinstance(value, Number):
            place.fail(f"must hold strings, not {type(value).__name__}")
    return list(values)


def actions(values: Iterable[str], place: Place) -> Actions:
    """Return the patterns of Action or NotAction."""
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


def resources(values: Iterable[str], *, variables: bool, place: Place) -> Resources:
    """Return the patterns of Resource or NotResource."""
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


def _check_arn(value: str, made: Template, place: Place) -> None:
    """Refuse what is no ARN: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html.

    AWS documents variables after the fifth colon, but its own managed policies have them as account too:
    https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonTimestreamInfluxDBServiceRolePolicy.html
    """
    head = value.split(":", 5)
    if head[0] != "arn" or (len(head) < 6 and not value.endswith("*")):
        place.fail(f"{value!r} is neither * nor an ARN with six parts")
    if len(head) > 2 and ("*" in head[2] or "?" in head[2]):
        place.fail(f"{value!r} has a wildcard in its service")
    if not made.fixed and any("${" in part for part in head[:3]):
        place.fail(f"{value!r} has a variable as its partition or service")


def principals(raw: Any, place: Place) -> tuple[Principals, dict[str, list[str]]]:
    """Return whom Principal or NotPrincipal names, and the same as plain data."""
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
        named[kind] = strings(values, place.at(kind))
    try:
        return make_principals(named), named
    except ValueError as problem:
        place.fail(str(problem))


def conditions(
    raw: Any, *, variables: bool, place: Place
) -> tuple[tuple[Condition, ...], dict[str, dict[str, list[str]]]]:
    """Return the conditions, and the same as plain data."""
    if not isinstance(raw, Mapping):
        place.fail("must be an object")
    made: list[Condition] = []
    plain: dict[str, dict[str, list[str]]] = {}
    for operator, keys in raw.items():
        at = place.at(str(operator))
        if not isinstance(keys, Mapping) or not keys:
            at.fail("must be an object that is not empty")
        again = twice(str(key).lower() for key in keys)
        if again:
            at.fail(f"the key {again!r} appears twice; case does not count")
        plain[operator] = {}
        for key, values in keys.items():
            if not isinstance(key, str) or not _KEY.fullmatch(key):
                at.fail(f"{key!r} is not a condition key such as aws:SourceArn")
            plain[operator][key] = _values(values, at.at(key))
            try:
                made.append(make_condition(str(operator), key, plain[operator][key], variables=variables))
            except ValueError as problem:
                at.at(key).fail(str(problem))
    return tuple(made), plain


def _values(raw: Any, place: Place) -> list[str]:
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
