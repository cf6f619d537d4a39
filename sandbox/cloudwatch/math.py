"""Metric math: expressions over the results of other queries.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
A series is moment -> value; what is missing in one operand is missing in the result.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

Series: TypeAlias = dict[int, float]
Value: TypeAlias = "float | Series | list[Series]"
LIMIT = 2048  # characters
DEPTH = 60
_TOKEN = re.compile(
    r"\s*(?:(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|(\"[^\"]*\")|(<=|>=|==|!=|&&|\|\||[-+*/^(),<>\[\]]))"
)
_BINARY: tuple[dict[str, Callable[[float, float], float]], ...] = (
    {"OR": lambda a, b: float(bool(a) or bool(b)), "||": lambda a, b: float(bool(a) or bool(b))},
    {"AND": lambda a, b: float(bool(a) and bool(b)), "&&": lambda a, b: float(bool(a) and bool(b))},
    {
        "<": lambda a, b: float(a < b),
        ">": lambda a, b: float(a > b),
        "<=": lambda a, b: float(a <= b),
        ">=": lambda a, b: float(a >= b),
        "==": lambda a, b: float(a == b),
        "!=": lambda a, b: float(a != b),
    },
    {"+": lambda a, b: a + b, "-": lambda a, b: a - b},
    {"*": lambda a, b: a * b, "/": lambda a, b: a / b},
    {"^": lambda a, b: a**b},
)


class MathError(ValueError):
    """The expression is malformed, or uses what is not offered. The message says what."""


class Expression:
    """A parsed expression. `ids` are the queries it refers to; METRICS() refers to all of them."""

    def __init__(self, text: str) -> None:
        """Parse it. Raises MathError."""
        if not 1 <= len(text) <= LIMIT:
            raise MathError(f"an expression has from 1 to {LIMIT} characters")
        self.text = text
        self._tokens = list(_tokens(text))
        self._at = 0
        self._depth = 0
        self.ids: list[str] = []
        self._run = self._level(0)
        if self._at < len(self._tokens):
            raise MathError(f"unexpected {self._tokens[self._at]!r} in {text!r}")

    def value(self, results: Mapping[str, Series], *, moments: list[int], period: int) -> Value:
        """Return what it is for these results; `moments` are all periods that are looked at. Raises MathError."""
        try:
            return self._run(_World(results, moments, period))
        except (OverflowError, TypeError) as error:
            raise MathError(f"{self.text}: {error}") from error

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, wanted: str = "") -> str:
        token = self._peek()
        if not token or (wanted and token != wanted):
            raise MathError(f"expected {wanted or 'more'} in {self.text!r}, found {token or 'its end'!r}")
        self._at += 1
        return token

    def _level(self, level: int) -> _Run:
        if level == len(_BINARY):
            return self._single()
        left = self._level(level + 1)
        while self._peek().upper() in _BINARY[level]:
            left = _combined(_BINARY[level][self._take().upper()], left, self._level(level + 1))
        return left

    def _single(self) -> _Run:
        self._depth += 1
        if self._depth > DEPTH:
            raise MathError(f"an expression must not be nested more than {DEPTH} deep")
        try:
            return self._unguarded()
        finally:
            self._depth -= 1

    def _unguarded(self) -> _Run:
        token = self._take()
        if token == "-":
            return _combined(lambda a, b: a - b, lambda _: 0.0, self._single())
        if token == "(":
            inner = self._level(0)
            self._take(")")
            return inner
        if token == "[":
            return _listed(self._arguments("]"))
        if token[0].isdigit():
            number = float(token)
            return lambda _: number
        if self._peek() == "(" and token[0].isalpha():
            return self._call(token.upper())
        if not re.fullmatch(r"[a-z]\w*", token):
            raise MathError(f"unexpected {token!r} in {self.text!r}")
        self.ids.append(token)
        return lambda world: world.series(token)

    def _arguments(self, end: str) -> list[_Run]:
        found: list[_Run] = []
        while self._peek() != end:
            if found:
                self._take(",")
            found.append(self._level(0))
        self._take(end)
        return found

    def _call(self, name: str) -> _Run:
        self._take("(")
        if name == "METRICS":
            return self._metrics()
        if name == "FILL":
            return self._fill()
        arguments = self._arguments(")")
        if name not in FUNCTIONS:
            raise MathError(f"the function {name} is not offered here")
        lowest, highest, run = FUNCTIONS[name]
        if not lowest <= len(arguments) <= highest:
            raise MathError(f"{name} does not take {len(arguments)} arguments")
        return lambda world: run(world, [argument(world) for argument in arguments])

    def _metrics(self) -> _Run:
        part = ""
        if self._peek() != ")":
            part = self._take().strip('"')
        self._take(")")
        return lambda world: [series for name, series in world.results.items() if part in name]

    def _fill(self) -> _Run:
        inner = self._level(0)
        self._take(",")
        how = self._peek().upper()
        if how in {"REPEAT", "LINEAR"}:
            self._take()
            by: _Run = lambda _: 0.0  # noqa: E731 (one of two ways to say what fills the gaps)
        else:
            how, by = "", self._level(0)
        self._take(")")
        return lambda world: _filled(world, inner(world), how, by(world))


class _World:
    def __init__(self, results: Mapping[str, Series], moments: list[int], period: int) -> None:
        self.results, self.moments, self.period = results, moments, period

    def series(self, name: str) -> Series:
        if name not in self.results:
            raise MathError(f"there is no query with the Id {name}")
        return self.results[name]


_Run: TypeAlias = "Callable[[_World], Value]"


def _tokens(text: str) -> Iterator[str]:
    at = 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise MathError(f"cannot read {text!r} from character {at + 1}")
        yield match[0].strip()
        at = match.end()


def _combined(operator: Callable[[float, float], float], left: _Run, right: _Run) -> _Run:
    return lambda world: _apply(operator, left(world), right(world))


def _apply(operator: Callable[[float, float], float], left: Value, right: Value) -> Value:
    if isinstance(left, list):
        return [_series(_apply(operator, one, right)) for one in left]
    if isinstance(right, list):
        return [_series(_apply(operator, left, one)) for one in right]
    if isinstance(left, dict) or isinstance(right, dict):
        moments = set(left) if isinstance(left, dict) else set(right) if isinstance(right, dict) else set()
        if isinstance(left, dict) and isinstance(right, dict):
            moments &= set(right)
        found = {at: _safe(operator, _value(left, at), _value(right, at)) for at in sorted(moments)}
        return {at: value for at, value in found.items() if value is not None}
    plain = _safe(operator, left, right)
    if plain is None:
        raise MathError("a division by 0 between two numbers")
    return plain


def _safe(operator: Callable[[float, float], float], left: float, right: float) -> float | None:
    """Divided by 0, or beyond what a number holds: there is no data point."""
    try:
        value = operator(left, right)
    except (ZeroDivisionError, OverflowError):
        return None
    return value if isinstance(value, float) and math.isfinite(value) else None


def _value(operand: float | Series, at: int) -> float:
    return operand[at] if isinstance(operand, dict) else operand


def _series(value: Value) -> Series:
    if not isinstance(value, dict):
        raise MathError("a time series is needed")
    return value


def _listed(arguments: list[_Run]) -> _Run:
    def run(world: _World) -> Value:
        found: list[Series] = []
        for argument in arguments:
            value = argument(world)
            found.extend(value if isinstance(value, list) else [_series(value)])
        return found

    return run


def _filled(world: _World, value: Value, how: str, by: Value) -> Value:
    if isinstance(value, list):
        return [_series(_filled(world, one, how, by)) for one in value]
    series = _series(value)
    known = sorted(series)
    found: Series = {}
    for at in world.moments:
        before = next((one for one in reversed(known) if one <= at), None)
        after = next((one for one in known if one >= at), None)
        if at in series or how == "":
            found[at] = series[at] if at in series else _value(by if isinstance(by, (int, float)) else _series(by), at)
        elif how == "REPEAT" and before is not None:
            found[at] = series[before]
        elif before is not None and after is not None:
            found[at] = series[before] + (series[after] - series[before]) * (at - before) / (after - before)
    return found


def _over_time(reduce: Callable[[list[float]], float]) -> Callable[[_World, list[Value]], Value]:
    """Of one series a number, of several series a series: as SUM, AVG, MIN, MAX do."""

    def run(_: _World, arguments: list[Value]) -> Value:
        value = arguments[0]
        if isinstance(value, list):
            moments = sorted({at for series in value for at in series})
            return {at: reduce([series[at] for series in value if at in series]) for at in moments}
        series = _series(value)
        if not series:
            return {}
        return reduce(list(series.values()))

    return run


def _each(change: Callable[[float], float]) -> Callable[[_World, list[Value]], Value]:
    return lambda _, arguments: _apply(lambda value, _: float(change(value)), arguments[0], 0.0)


def _if(world: _World, arguments: list[Value]) -> Value:
    condition, then = arguments[0], arguments[1]
    otherwise = arguments[2] if len(arguments) > 2 else {}
    if not isinstance(condition, dict):
        return then if condition else otherwise
    found: Series = {}
    for at in world.moments:
        if at in condition:
            chosen = then if condition[at] else otherwise
            if not isinstance(chosen, dict):
                found[at] = chosen if isinstance(chosen, float) else math.nan
            elif at in chosen:
                found[at] = chosen[at]
    return {at: value for at, value in found.items() if not math.isnan(value)}


def _steps(change: Callable[[float, float, int], float]) -> Callable[[_World, list[Value]], Value]:
    def run(_: _World, arguments: list[Value]) -> Value:
        series = _series(arguments[0])
        known = sorted(series)
        return {at: change(series[at], series[before], at - before) for before, at in itertools.pairwise(known)}

    return run


def _running(_: _World, arguments: list[Value]) -> Value:
    total, found = 0.0, {}
    for at, value in sorted(_series(arguments[0]).items()):
        total += value
        found[at] = total
    return found


FUNCTIONS: dict[str, tuple[int, int, Callable[[_World, list[Value]], Value]]] = {
    "SUM": (1, 1, _over_time(sum)),
    "AVG": (1, 1, _over_time(lambda values: sum(values) / len(values))),
    "MIN": (1, 1, _over_time(min)),
    "MAX": (1, 1, _over_time(max)),
    "DATAPOINT_COUNT": (1, 1, _over_time(lambda values: float(len(values)))),
    "ABS": (1, 1, _each(abs)),
    "CEIL": (1, 1, _each(math.ceil)),
    "FLOOR": (1, 1, _each(math.floor)),
    "LOG10": (1, 1, lambda _, given: _apply(lambda a, _: math.log10(a) if a > 0 else math.nan, given[0], 0.0)),
    "LOG": (1, 1, lambda _, given: _apply(lambda a, _: math.log(a) if a > 0 else math.nan, given[0], 0.0)),
    "IF": (2, 3, _if),
    "DIFF": (1, 1, _steps(lambda now, before, _: now - before)),
    "RATE": (1, 1, _steps(lambda now, before, seconds: (now - before) / seconds)),
    "RUNNING_SUM": (1, 1, _running),
    "PERIOD": (1, 1, lambda world, _: float(world.period)),
    "TIME_SERIES": (1, 1, lambda world, given: {at: given[0] for at in world.moments if isinstance(given[0], float)}),
}
