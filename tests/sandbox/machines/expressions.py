"""GitHub's expressions, as far as the workflows use them; anything else is an error, never a guess.

https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

_TOKEN = re.compile(r"\s*(?:('(?:[^']|'')*')|(\d+)|(==|!=|&&|\|\||[!().,\[\]*])|([A-Za-z_][\w-]*))")
_INSIDE = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
Functions = Mapping[str, Callable[..., Any]]


class ExpressionError(Exception):
    """The machine does not know this expression."""


def fill(value: Any, contexts: Mapping[str, Any]) -> Any:
    """Return a value of a workflow with its `${{ }}` evaluated; one that is nothing else keeps its type."""
    if isinstance(value, Mapping):
        return {key: fill(inner, contexts) for key, inner in value.items()}
    if isinstance(value, list):
        return [fill(inner, contexts) for inner in value]
    if not isinstance(value, str):
        return value
    if whole := re.fullmatch(r"\s*\$\{\{((?:(?!\}\}).)*)\}\}\s*", value, re.DOTALL):
        return evaluate(whole[1], contexts)
    return _INSIDE.sub(lambda match: text(evaluate(match[1], contexts)), value)


def text(value: Any) -> str:
    """Return a value as it stands in a string."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value)


def evaluate(source: str, contexts: Mapping[str, Any], functions: Functions | None = None) -> Any:
    """Return an expression's value. Raises ExpressionError."""
    tokens, at = [], 0
    source = source.strip()
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            raise ExpressionError(f"cannot read {source[at:]!r}")
        tokens.append(match[0].strip())
        at = match.end()
    parser = _Parser(tokens, contexts, {"fromJSON": json.loads, **(functions or {})})
    value = parser.either()
    if parser.tokens:
        raise ExpressionError(f"{' '.join(parser.tokens)!r} is left over in {source!r}")
    return value


class _Parser:
    """Evaluates while it reads. Unknown properties are null, as on GitHub; unknown contexts are errors."""

    def __init__(self, tokens: list[str], contexts: Mapping[str, Any], functions: Functions) -> None:
        self.tokens, self.contexts, self.functions = tokens, contexts, functions

    def either(self) -> Any:
        value = self.both()
        while self._take("||"):
            other = self.both()
            value = value or other
        return value

    def both(self) -> Any:
        value = self.equal()
        while self._take("&&"):
            other = self.equal()
            value = value and other
        return value

    def equal(self) -> Any:
        value = self.inverse()
        for sign in ("==", "!="):
            if self._take(sign):
                same = _number(value) == _number(self.inverse())
                return same if sign == "==" else not same
        return value

    def inverse(self) -> Any:
        if self._take("!"):
            return not self.inverse()
        if self._take("("):
            value = self.either()
            self._must(")")
            return value
        return self.value()

    def value(self) -> Any:
        token = self._next()
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if token.isdecimal():
            return int(token)
        if token in {"true", "false", "null"}:
            return {"true": True, "false": False, "null": None}[token]
        if self._take("("):
            return self._called(token)
        if token not in self.contexts:
            raise ExpressionError(f"there is no context {token!r} here")
        value = self.contexts[token]
        while self._take("."):
            name = self._next()
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    def _called(self, name: str) -> Any:
        if name not in self.functions:
            raise ExpressionError(f"there is no function {name!r} here")
        arguments = []
        while not self._take(")"):
            arguments.append(self.either())
            self._take(",")
        return self.functions[name](*arguments)

    def _next(self) -> str:
        if not self.tokens:
            raise ExpressionError("it ends too early")
        return self.tokens.pop(0)

    def _take(self, token: str) -> bool:
        if self.tokens and self.tokens[0] == token:
            self.tokens.pop(0)
            return True
        return False

    def _must(self, token: str) -> None:
        if not self._take(token):
            raise ExpressionError(f"{token!r} is missing")


def _number(value: Any) -> Any:
    """GitHub compares texts without case, and null is like an empty one."""
    if value is None:
        return ""
    return value.lower() if isinstance(value, str) else value
