"""Conditions in words: `only for account 111111111111`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from glue.review.access.clauses import Clause

_OPERATORS = {
    "StringEquals": "is", "StringNotEquals": "is not", "StringEqualsIgnoreCase": "is", "StringLike": "is like",
    "StringNotEqualsIgnoreCase": "is not", "StringNotLike": "is not like", "NumericEquals": "=",
    "NumericNotEquals": "is not", "NumericLessThan": "<", "NumericLessThanEquals": "<=", "NumericGreaterThan": ">",
    "NumericGreaterThanEquals": ">=", "DateEquals": "is", "DateNotEquals": "is not", "DateLessThan": "is before",
    "DateLessThanEquals": "is not after", "DateGreaterThan": "is after", "DateGreaterThanEquals": "is not before",
    "Bool": "is", "BinaryEquals": "is", "IpAddress": "is in", "NotIpAddress": "is not in", "ArnEquals": "is like",
    "ArnLike": "is like", "ArnNotEquals": "is not like", "ArnNotLike": "is not like",
}  # fmt: skip
_PHRASES = {
    "aws:sourceaccount": "for account {}",
    "aws:sourceowner": "for account {}",
    "aws:principalaccount": "for account {}",
    "aws:principalorgid": "for organization {}",
    "aws:sourceorgid": "for organization {}",
    "aws:principalorgpaths": "for the organization's path {}",
    "aws:sourcearn": "for {}",
    "aws:principalarn": "for {}",
    "aws:sourcevpce": "through VPC endpoint {}",
    "aws:sourcevpc": "from VPC {}",
    "aws:sourceip": "from {}",
    "aws:vpcsourceip": "from {}",
    "iam:passedtoservice": "to {}",
    "iam:permissionsboundary": "with boundary {}",
    "kms:viaservice": "through {}",
    "kms:calleraccount": "for account {}",
    "s3:prefix": "below {}",
}
_MOST_VALUES = 4


def way_in_words(clauses: frozenset[Clause], spelling: Mapping[str, str]) -> tuple[str, ...]:
    """Return the conditions that must hold together, each in words, in a fixed order."""
    return tuple(sorted(clause_in_words(clause, spelling) for clause in clauses))


def clause_in_words(clause: Clause, spelling: Mapping[str, str]) -> str:
    """Return one condition in words, to follow "only"."""
    key = spelling.get(clause.key, clause.key)
    if clause.base == "Null":
        return f"without {key}" if clause.values == ("true",) else f"with {key}"
    if clause.base == "Bool" and clause.key == "aws:securetransport":
        return "over TLS" if clause.values == ("true",) else "without TLS"
    values = _listed(clause.values)
    phrase = _phrase(clause)
    absent = " (or when it has none)" if clause.operator.endswith("IfExists") else ""
    if phrase and clause.base in ("StringEquals", "StringLike", "ArnEquals", "ArnLike", "IpAddress"):
        return phrase(values) + absent
    every = {"ForAllValues": "every ", "ForAnyValue": "some "}.get(clause.over, "")
    return f"when {every}{key} {_OPERATORS.get(clause.base, clause.base)} {values}{absent}"


def _phrase(clause: Clause) -> Callable[[str], str] | None:
    if clause.over:
        return None
    if clause.key.endswith(":sub"):
        return lambda values: f"for {values} of {clause.key.removesuffix(':sub')}"
    found = _PHRASES.get(clause.key)
    return found.format if found else None


def _listed(values: tuple[str, ...]) -> str:
    shown = list(values[:_MOST_VALUES])
    more = len(values) - len(shown)
    return " or ".join(shown) + (f" or {more} more" if more else "")
