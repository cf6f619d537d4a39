"""Event patterns: which events a rule, a topic's filter policy or a mapping's filter lets through.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
"""

from __future__ import annotations

import ipaddress
import json
import operator
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
BOUND = 5e9  # numbers from -5.0e9 to 5.0e9
_MISSING = object()
_TEXTUAL = ("prefix", "suffix", "equals-ignore-case", "wildcard")


class PatternError(ValueError):
    """A pattern that AWS refuses. The message is its reason."""


def matches(pattern: Mapping[str, Any], event: Any, *, loose: bool = False) -> bool:
    """Tell whether the event matches. `loose`: numbers are equal by value, as SNS compares them, not by their text."""
    if not isinstance(event, Mapping):
        event = {}
    for key, wanted in pattern.items():
        if key == "$or" and _is_or(wanted):
            if not any(matches(one, event, loose=loose) for one in wanted):
                return False
        elif isinstance(wanted, Mapping):
            if not _nested(wanted, event.get(key, _MISSING), loose):
                return False
        elif not _leaf(wanted, event.get(key, _MISSING), loose):
            return False
    return True


def _is_or(wanted: Any) -> bool:
    """`$or` is an operator only over two or more patterns; otherwise it is a field's name."""
    return isinstance(wanted, list) and len(wanted) > 1 and all(isinstance(one, Mapping) for one in wanted)


def _nested(pattern: Mapping[str, Any], value: Any, loose: bool) -> bool:
    """Fields of an array's objects must match within one object of it."""
    if isinstance(value, list):
        return any(_nested(pattern, one, loose) for one in value)
    return matches(pattern, value, loose=loose)


def _leaf(rules: Any, value: Any, loose: bool) -> bool:
    if isinstance(value, Mapping):  # only leaves are compared: for `exists`, too
        value = _MISSING
    values = value if isinstance(value, list) else [] if value is _MISSING else [value]
    present = value is not _MISSING and (not isinstance(value, list) or bool(value))
    for rule in rules:
        if isinstance(rule, Mapping) and "exists" in rule:
            if bool(rule["exists"]) == present:
                return True
        elif any(_one(rule, one, loose) for one in values):
            return True
    return False


def _one(rule: Any, value: Any, loose: bool) -> bool:
    if not isinstance(rule, Mapping):
        return _equal(rule, value, loose)
    kind, wanted = next(iter(rule.items()))
    return _OPERATORS[kind](wanted, value, loose)


def _equal(wanted: Any, value: Any, loose: bool) -> bool:
    if loose and _number(wanted) and _number(value):
        return bool(wanted == value)
    return type(wanted) is type(value) and bool(wanted == value)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _prefix(wanted: Any, value: Any, loose: bool) -> bool:
    del loose
    if isinstance(wanted, Mapping):
        return isinstance(value, str) and value.lower().startswith(wanted["equals-ignore-case"].lower())
    return isinstance(value, str) and value.startswith(wanted)


def _suffix(wanted: Any, value: Any, loose: bool) -> bool:
    del loose
    if isinstance(wanted, Mapping):
        return isinstance(value, str) and value.lower().endswith(wanted["equals-ignore-case"].lower())
    return isinstance(value, str) and value.endswith(wanted)


def _ignoring_case(wanted: Any, value: Any, loose: bool) -> bool:
    del loose
    return isinstance(value, str) and value.lower() == wanted.lower()


def _wildcard(wanted: str, value: Any, loose: bool) -> bool:
    """Each `*` takes as little as it can, which is always right when the rest is searched from the left."""
    del loose
    if not isinstance(value, str):
        return False
    first, *middle = _segments(wanted)
    if not middle:
        return value == first
    *middle, last = middle
    if not value.startswith(first):
        return False
    position = len(first)
    for text in middle:
        found = value.find(text, position)
        if found < 0:
            return False
        position = found + len(text)
    return len(value) - len(last) >= position and value.endswith(last)


@lru_cache(maxsize=1024)
def _segments(wanted: str) -> tuple[str, ...]:
    """Return the texts between the stars. A backslash makes a star, or a backslash, an ordinary character."""
    segments = [""]
    for part in re.findall(r"\\[*\\]|[^\\]|\\", wanted):
        if part == "*":
            segments.append("")
        else:
            segments[-1] += part[-1]
    return tuple(segments)


def _numeric(wanted: Any, value: Any, loose: bool) -> bool:
    del loose
    if not _number(value):
        return False
    return all(COMPARE[sign](value, bound) for sign, bound in zip(wanted[::2], wanted[1::2], strict=True))


def _cidr(wanted: str, value: Any, loose: bool) -> bool:
    del loose
    try:
        return isinstance(value, str) and ipaddress.ip_address(value) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


def _anything_but(wanted: Any, value: Any, loose: bool) -> bool:
    if isinstance(wanted, Mapping):
        kind, texts = next(iter(wanted.items()))
        listed = texts if isinstance(texts, list) else [texts]
        return not any(_OPERATORS[kind](text, value, loose) for text in listed)
    listed = wanted if isinstance(wanted, list) else [wanted]
    return not any(_equal(one, value, loose) for one in listed)


_OPERATORS: Mapping[str, Callable[[Any, Any, bool], bool]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _ignoring_case,
    "wildcard": _wildcard,
    "numeric": _numeric,
    "cidr": _cidr,
    "anything-but": _anything_but,
}


def parse(text: str) -> dict[str, Any]:
    """Return a pattern that is good. Raises PatternError with the reason."""
    try:
        pattern = json.loads(text)
    except ValueError as error:
        raise PatternError("Filter is not an object") from error
    validate(pattern)
    return dict(pattern)


def validate(pattern: Any) -> None:
    """Raise PatternError unless everything in the pattern is an object, or an array of values and operators."""
    if not isinstance(pattern, Mapping):
        raise PatternError("Filter is not an object")
    if not pattern:
        raise PatternError("Empty objects are not allowed")
    for key, wanted in pattern.items():
        if key == "$or" and _is_or(wanted):
            for one in wanted:
                validate(one)
        elif isinstance(wanted, Mapping):
            validate(wanted)
        elif not isinstance(wanted, list):
            raise PatternError(f'"{key}" must be an object or an array')
        elif not wanted:
            raise PatternError("Empty arrays are not allowed")
        else:
            for rule in wanted:
                _validate_rule(rule)


def _validate_rule(rule: Any) -> None:
    if isinstance(rule, list):
        raise PatternError("Match value must be String, number, true, false, or null")
    if not isinstance(rule, Mapping):
        return
    if len(rule) != 1:
        raise PatternError("Only one key allowed in match expression")
    kind, wanted = next(iter(rule.items()))
    check = _CHECKS.get(kind)
    if check is None:
        raise PatternError(f"Unrecognized match type {kind}")
    check(kind, wanted)


def _check_text(kind: str, wanted: Any) -> None:
    if kind in {"prefix", "suffix"} and isinstance(wanted, Mapping) and list(wanted) == ["equals-ignore-case"]:
        wanted = wanted["equals-ignore-case"]
    if not isinstance(wanted, str):
        raise PatternError(f"{kind} match pattern must be a string")
    if kind == "wildcard" and "**" in re.sub(r"\\[*\\]", "", wanted):
        raise PatternError("Consecutive wildcard characters at pos 0")
    if kind == "wildcard" and re.search(r"\\(?![*\\])", re.sub(r"\\[*\\]", "", wanted)):
        raise PatternError("Invalid escape character at pos 0")


def _check_numeric(kind: str, wanted: Any) -> None:
    del kind
    if not isinstance(wanted, list) or len(wanted) not in {2, 4}:
        raise PatternError("Value of numeric must be an array of operators and numbers.")
    for sign, bound in zip(wanted[::2], wanted[1::2], strict=True):
        if sign not in COMPARE:
            raise PatternError(f"Unrecognized numeric range operator: {sign}")
        if not _number(bound) or not -BOUND <= bound <= BOUND:
            raise PatternError(f"Value must be between {-BOUND:.1E} and {BOUND:.1E}, inclusive")
    if len(wanted) == 4 and not (wanted[0] in {">", ">="} and wanted[2] in {"<", "<="} and wanted[1] < wanted[3]):
        raise PatternError("Bottom must be less than top")


def _check_cidr(kind: str, wanted: Any) -> None:
    del kind
    try:
        if not isinstance(wanted, str) or "/" not in wanted:
            raise ValueError(wanted)
        ipaddress.ip_network(wanted, strict=False)
    except ValueError as error:
        raise PatternError(f"Malformed CIDR, one '/' required: {wanted}") from error


def _check_exists(kind: str, wanted: Any) -> None:
    if not isinstance(wanted, bool):
        raise PatternError(f"{kind} match pattern must be either true or false.")


def _check_anything_but(kind: str, wanted: Any) -> None:
    if isinstance(wanted, Mapping):
        if len(wanted) != 1 or next(iter(wanted)) not in _TEXTUAL:
            raise PatternError("Unsupported anything-but pattern")
        inner, texts = next(iter(wanted.items()))
        for text in texts if isinstance(texts, list) and texts else [texts]:
            _check_text(inner, text)
        return
    for one in wanted if isinstance(wanted, list) and wanted else [wanted]:
        if not isinstance(one, str) and not _number(one):
            raise PatternError(f"Value of {kind} must be a string, a number, or an array of either")


_CHECKS: Mapping[str, Callable[[str, Any], None]] = {
    **dict.fromkeys(_TEXTUAL, _check_text),
    "numeric": _check_numeric,
    "cidr": _check_cidr,
    "exists": _check_exists,
    "anything-but": _check_anything_but,
}
