"""Conditions, compared by what they let through: for each key the values that tell its conditions apart.

Conditions on different keys are independent, so a context is one class of values for each key.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from glue.iam.conditions import Condition, make_condition
from glue.iam.operators import instant, number
from glue.iam.variables import template
from glue.review.access.globs import FRESH, TooManyError, atoms_of, glob_of
from glue.review.access.narrowing import ADDRESSES, Network, fixed_range, outsiders_value

_MOST_CLASSES = 256
_OPAQUE = 4
Values = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Clause:
    """One operator on one key with its values, as written (values sorted)."""

    operator: str
    key: str  # lower case
    values: Values
    variables: bool

    @property
    def base(self) -> str:
        """Return the operator's name without set operator and IfExists."""
        return self.operator.rpartition(":")[2].removesuffix("IfExists")

    @property
    def over(self) -> str:
        """Return ForAllValues, ForAnyValue or nothing."""
        return self.operator.rpartition(":")[0]

    @property
    def open(self) -> bool:
        """Tell whether a value holds a policy variable."""
        return self.variables and any("${" in re.sub(r"\$\{[*?$]\}", "", value) for value in self.values)


@dataclass(frozen=True, slots=True)
class Class:
    """The values of one key that meet the same clauses. `outside`: also a stranger can have such a value."""

    met: frozenset[Clause]
    outside: bool


@lru_cache(maxsize=8192)
def condition_of(clause: Clause) -> Condition:
    """Return the evaluator's condition."""
    return make_condition(clause.operator, clause.key, list(clause.values), variables=clause.variables)


def classes_of(key: str, clauses: frozenset[Clause], known: Mapping[str, Values | None]) -> tuple[Class, ...]:
    """Return the classes of a key's values; of one class only when the caller says the value (None: it has none).

    A clause with a policy variable may hold or not in each of them. Raises TooManyError.
    """
    plain = sorted((clause for clause in clauses if not clause.open), key=str)
    opaque = sorted((clause for clause in clauses if clause.open), key=str)
    if len(opaque) > _OPAQUE:
        raise TooManyError
    found: dict[frozenset[Clause], bool] = {}
    fixed, owned = key in known, _owned(plain) if key in ADDRESSES else ()
    for values in [known[key]] if fixed else _candidates(tuple(plain)):
        context = {} if values is None else {key: values}
        met = frozenset(clause for clause in plain if condition_of(clause).holds(context))
        found[met] = found.get(met, False) or fixed or outsiders_value(key, values, owned)
    for clause in opaque:
        found |= {met | {clause}: outside for met, outside in found.items()}
    return tuple(Class(met, outside) for met, outside in found.items())


def _owned(clauses: Iterable[Clause]) -> tuple[Network, ...]:
    """Return the ranges of addresses in some clauses that are not the whole world."""
    found = (fixed_range(text) for clause in clauses for text in clause.values)
    return tuple(network for network in found if network is not None)


@lru_cache(maxsize=4096)
def _candidates(clauses: tuple[Clause, ...]) -> tuple[Values | None, ...]:
    """Return contexts of a key that tell its clauses apart: no value, single values, and sets where sets are asked."""
    single = tuple(dict.fromkeys(text for kind in _KINDS for text in kind(clauses)))
    found: list[Values | None] = [None, *((text,) for text in single)]
    if any(clause.over for clause in clauses):
        found.append(())
        found += _sets(single, clauses)
    if len(found) > 4 * _MOST_CLASSES:
        raise TooManyError
    return tuple(found)


def _sets(single: tuple[str, ...], clauses: tuple[Clause, ...]) -> Iterator[Values]:
    """Yield the largest sets of values for each way of lying inside or outside of what the clauses' values match.

    Whether all or any values of a set match depends only on which of these it lies in.
    """
    masks = set()
    for clause in clauses:
        met = sum(1 << at for at, text in enumerate(single) if _one_matches(clause, text))
        masks |= {met, (1 << len(single)) - 1 - met}
    closed = {(1 << len(single)) - 1}
    for mask in sorted(masks):
        closed |= {mask & other for other in closed}
        if len(closed) > _MOST_CLASSES:
            raise TooManyError
    for mask in sorted(closed - {0}):
        yield tuple(text for at, text in enumerate(single) if mask >> at & 1)


def _one_matches(clause: Clause, text: str) -> bool:
    """Tell whether a single value matches some value of the clause, whatever is asked of all of them."""
    condition = condition_of(clause)
    return any(test(text, {}) for test in condition.tests)


def _texts(clauses: tuple[Clause, ...]) -> Iterator[str]:
    """Yield values for the operators on strings and ARNs, and one that no policy names."""
    wanted = [
        [
            glob_of(template(text, variables=clause.variables, wildcards=_takes_wildcards(clause)).resolve({}) or ())
            for text in clause.values
        ]
        for clause in clauses
        if clause.base.startswith(("String", "Arn", "Bool"))
    ]
    yield from (atom.text for atom in atoms_of(wanted))
    yield f"arn:{':'.join([FRESH] * 5)}"
    for clause in clauses:
        if "IgnoreCase" in clause.base or clause.base == "Bool":
            yield from (form for text in clause.values for form in (text.lower(), text.upper(), text.swapcase()))


def _takes_wildcards(clause: Clause) -> bool:
    return "Like" in clause.base or clause.base.startswith("Arn")


def _numbers(clauses: tuple[Clause, ...]) -> Iterator[str]:
    """Yield the numbers that are named, and one on each side of each."""
    found = [
        wanted
        for clause in clauses
        if clause.base.startswith("Numeric")
        for text in clause.values
        if (wanted := number(text)) is not None
    ]
    yield from (format(value, "f") for value in _around(found))


def _dates(clauses: tuple[Clause, ...]) -> Iterator[str]:
    """Yield the moments that are named, and one on each side of each, as seconds since 1970."""
    found = [
        Decimal(str(moment.timestamp()))
        for clause in clauses
        if clause.base.startswith("Date")
        for text in clause.values
        if (moment := instant(text)) is not None
    ]
    yield from (format(value, "f") for value in _around(found))


def _around(points: list[Decimal]) -> Iterator[Decimal]:
    ordered = sorted(set(points))
    if not ordered:
        return
    yield ordered[0] - 1
    for point, following in zip(ordered, [*ordered[1:], ordered[-1] + 2], strict=True):
        yield point
        yield (point + following) / 2


def _addresses(clauses: tuple[Clause, ...]) -> Iterator[str]:
    """Yield the first address of each range, the one after its last, and the first of all: one of each interval."""
    networks = [
        ipaddress.ip_network(text, strict=False)
        for clause in clauses
        if "IpAddress" in clause.base
        for text in clause.values
    ]
    for network in networks:
        width = 2**network.max_prefixlen
        for place in (0, int(network.network_address), int(network.broadcast_address) + 1):
            if place < width:
                yield str(ipaddress.ip_address(place) if network.version == 4 else ipaddress.IPv6Address(place))


def _bytes(clauses: tuple[Clause, ...]) -> Iterator[str]:
    for clause in clauses:
        if clause.base == "BinaryEquals":
            yield from clause.values
            yield base64.b64encode(b"\0" + "".join(clause.values).encode()).decode()


_KINDS = (_texts, _numbers, _dates, _addresses, _bytes)


class Contexts:
    """All contexts in which some clauses may differ, as bits: bit n stands for one class of each key."""

    def __init__(self, clauses: Iterable[Clause], known: Mapping[str, Values | None], *, most: int = 4096) -> None:
        self._masks: dict[Clause, int] = {}
        by_key: dict[str, set[Clause]] = {}
        for clause in clauses:
            by_key.setdefault(clause.key, set()).add(clause)
        found = {key: classes_of(key, frozenset(asked), known) for key, asked in sorted(by_key.items())}
        self.size = 1
        for classes in found.values():
            self.size *= len(classes)
            if self.size > most:
                raise TooManyError
        self.all = (1 << self.size) - 1
        self.outside = self.all
        stride = 1
        for key, classes in found.items():
            self.outside &= self._spread([one.outside for one in classes], stride)
            for clause in by_key[key]:
                self._masks[clause] = self._spread([clause in one.met for one in classes], stride)
            stride *= len(classes)

    def _spread(self, flags: list[bool], stride: int) -> int:
        block = sum(((1 << stride) - 1) << (at * stride) for at, flag in enumerate(flags) if flag)
        period = stride * len(flags)
        return int(block * (self.all // ((1 << period) - 1)))

    def met(self, clauses: Iterable[Clause]) -> int:
        """Return the contexts in which all these clauses hold."""
        mask = self.all
        for clause in clauses:
            mask &= self._masks[clause]
        return mask


__all__ = ["Class", "Clause", "Contexts", "classes_of", "condition_of"]
