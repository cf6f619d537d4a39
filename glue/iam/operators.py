"""Condition operators: how one value of the request is compared with one value of the policy.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import operator
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from glue.iam.variables import Context, Template, plain_text, template
from glue.iam.wildcards import Tokens, Wild, matcher, split_segments

# None: a policy variable had no value, so nothing can be compared.
Test = Callable[[str, Context], bool | None]
Maker = Callable[[str, bool], Test]
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_INSTANT = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d))?)?)?",
    re.IGNORECASE | re.ASCII,
)
_DIGITS = re.compile(r"-?\d{1,12}(\.\d+)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,40}(\.\d{1,40})?", re.ASCII)


def _string_equals(text: str, variables: bool) -> Test:
    made = template(text, variables=variables, wildcards=False)
    if made.fixed:
        wanted = _known(made)
        return lambda value, _context: value == wanted

    def test(value: str, context: Context) -> bool | None:
        tokens = made.resolve(context)
        return None if tokens is None else value == plain_text(tokens)

    return test


def _string_equals_ignore_case(text: str, variables: bool) -> Test:
    made = template(text, variables=variables, wildcards=False)

    def test(value: str, context: Context) -> bool | None:
        tokens = made.resolve(context)
        return None if tokens is None else value.casefold() == plain_text(tokens).casefold()

    return test


def _string_like(text: str, variables: bool) -> Test:
    made = template(text, variables=variables, wildcards=True)
    if made.fixed:
        match = matcher(made.resolve({}) or ())
        return lambda value, _context: bool(match(value))

    def test(value: str, context: Context) -> bool | None:
        tokens = made.resolve(context)
        return None if tokens is None else bool(matcher(tokens)(value))

    return test


def _arn_like(text: str, variables: bool) -> Test:
    """Compare the six parts of an ARN one by one; ArnEquals and ArnLike are the same, both take wildcards."""
    made = template(text, variables=variables, wildcards=True)
    if made.fixed and text != "*" and len(split_segments(made.resolve({}) or ())) != 6:
        raise ValueError("is not an ARN with six parts")

    def test(value: str, context: Context) -> bool | None:
        tokens = made.resolve(context)
        return None if tokens is None else _arn_matches(tokens, value)

    return test


def _arn_matches(tokens: Tokens, arn: str) -> bool:
    if tokens == (Wild.STAR,):
        return True
    patterns, parts = _arn_patterns(tokens), arn.split(":", 5)
    return len(parts) == len(patterns) == 6 and all(match(part) for match, part in zip(patterns, parts, strict=True))


@lru_cache(maxsize=4096)
def _arn_patterns(tokens: Tokens) -> tuple[Callable[[str], object], ...]:
    return tuple(matcher(segment) for segment in split_segments(tokens))


def _numeric(compare: Callable[[Decimal, Decimal], bool]) -> Maker:
    def make(text: str, _variables: bool) -> Test:
        wanted = number(text)
        if wanted is None:
            raise ValueError("is not a number")

        def test(value: str, _context: Context) -> bool:
            found = number(value)
            return found is not None and compare(found, wanted)

        return test

    return make


def number(text: str) -> Decimal | None:
    """Return an integer or decimal number; None for anything else."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _date(compare: Callable[[datetime, datetime], bool]) -> Maker:
    def make(text: str, _variables: bool) -> Test:
        wanted = instant(text)
        if wanted is None:
            raise ValueError("is neither an ISO 8601 date nor seconds since 1970")

        def test(value: str, _context: Context) -> bool:
            found = instant(value)
            return found is not None and compare(found, wanted)

        return test

    return make


@lru_cache(maxsize=1024)
def instant(text: str) -> datetime | None:
    """Return the moment of a W3C (ISO 8601) date or of epoch seconds; None for anything else.

    A date without time is midnight in UTC. Digits alone are epoch seconds, never a year.
    """
    try:
        if _DIGITS.fullmatch(text):
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=float(text))
        found = _INSTANT.fullmatch(text)
        return _moment(found) if found else None
    except (ValueError, OverflowError):
        return None


def _moment(found: re.Match[str]) -> datetime:
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    date = datetime(int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), tzinfo=UTC)
    date += timedelta(seconds=int(second or 0) + float(fraction or 0))
    if zone in (None, "Z", "z"):
        return date
    digits = zone[1:].replace(":", "")
    away = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return date - away if zone[0] == "+" else date + away


def _bool(text: str, variables: bool) -> Test:
    """Compare true and false; Bool takes a policy variable, unlike numbers and dates."""
    made = template(text, variables=variables, wildcards=False)
    if made.fixed and _known(made).lower() not in ("true", "false"):
        raise ValueError("is neither true nor false")
    return _string_equals_ignore_case(text, variables)


def _binary(text: str, _variables: bool) -> Test:
    wanted = _bytes(text)
    if wanted is None:
        raise ValueError("is not base64")
    return lambda value, _context: _bytes(value) == wanted


def _bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _ip(text: str, _variables: bool) -> Test:
    try:
        network: _Network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError("is neither an IP address nor a range such as 203.0.113.0/24") from None

    def test(value: str, _context: Context) -> bool:
        address = _address(value)
        return address is not None and address.version == network.version and address in network

    return test


@lru_cache(maxsize=1024)
def _address(text: str) -> _Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _known(made: Template) -> str:
    return plain_text(made.resolve({}) or ())


# Name: (how to make a test, whether the operator asks that nothing matches).
OPERATORS: dict[str, tuple[Maker, bool]] = {
    "StringEquals": (_string_equals, False),
    "StringNotEquals": (_string_equals, True),
    "StringEqualsIgnoreCase": (_string_equals_ignore_case, False),
    "StringNotEqualsIgnoreCase": (_string_equals_ignore_case, True),
    "StringLike": (_string_like, False),
    "StringNotLike": (_string_like, True),
    "NumericEquals": (_numeric(operator.eq), False),
    "NumericNotEquals": (_numeric(operator.eq), True),
    "NumericLessThan": (_numeric(operator.lt), False),
    "NumericLessThanEquals": (_numeric(operator.le), False),
    "NumericGreaterThan": (_numeric(operator.gt), False),
    "NumericGreaterThanEquals": (_numeric(operator.ge), False),
    "DateEquals": (_date(operator.eq), False),
    "DateNotEquals": (_date(operator.eq), True),
    "DateLessThan": (_date(operator.lt), False),
    "DateLessThanEquals": (_date(operator.le), False),
    "DateGreaterThan": (_date(operator.gt), False),
    "DateGreaterThanEquals": (_date(operator.ge), False),
    "Bool": (_bool, False),
    "BinaryEquals": (_binary, False),
    "IpAddress": (_ip, False),
    "NotIpAddress": (_ip, True),
    "ArnEquals": (_arn_like, False),
    "ArnLike": (_arn_like, False),
    "ArnNotEquals": (_arn_like, True),
    "ArnNotLike": (_arn_like, True),
}

__all__ = ["OPERATORS", "Test", "instant", "number"]
