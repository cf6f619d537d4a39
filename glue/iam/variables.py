"""Policy variables: `${aws:username}`, `${aws:username, 'default'}`, `${*}`, `${?}`, `${$}`.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from glue.iam.wildcards import Token, Tokens, Wild, tokens_of

Context = Mapping[str, tuple[str, ...]]
_PLACE = re.compile(r"\$\{([^{}]*)\}")
_KEY = re.compile(r"\s*([A-Za-z0-9_.-]+:[^,'{}]+?)\s*(?:,\s*'([^']*)'\s*)?")


@dataclass(frozen=True, slots=True)
class Variable:
    """A key of the request whose value is put in place, or the default when the request has no such key."""

    key: str
    default: str | None


@dataclass(frozen=True, slots=True)
class Template:
    """A policy's text with wildcards and variables."""

    parts: tuple[Token | Variable, ...]
    fixed: bool

    @property
    def start(self) -> str:
        """Return the literal text before the first wildcard or variable."""
        first = self.parts[0] if self.parts else ""
        return first if isinstance(first, str) else ""

    def resolve(self, context: Context) -> Tokens | None:
        """Return the tokens for this request, or None when a variable has no value.

        A key with several values cannot be a variable. What a value contains is literal, also `*`.
        """
        if self.fixed:
            return self.parts  # type: ignore[return-value]  # no part is a Variable
        resolved: list[Token] = []
        for part in self.parts:
            if not isinstance(part, Variable):
                resolved.append(part)
                continue
            values = context.get(part.key, ())
            value = values[0] if len(values) == 1 else part.default if not values else None
            if value is None:
                return None
            resolved.append(value)
        return tuple(resolved)


def template(text: str, *, variables: bool, wildcards: bool) -> Template:
    """Return the text taken apart. `variables` is false for policies older than 2012-10-17: then `${` is just text.

    Raises ValueError when a variable is not written as AWS documents it.
    """
    if not variables or "${" not in text:
        return Template(_plain(text, wildcards=wildcards), fixed=True)
    parts: list[Token | Variable] = []
    end = 0
    for place in _PLACE.finditer(text):
        parts.extend(_text(text[end : place.start()], wildcards=wildcards))
        parts.append(_variable(place.group(1)))
        end = place.end()
    parts.extend(_text(text[end:], wildcards=wildcards))
    return Template(tuple(parts), fixed=not any(isinstance(part, Variable) for part in parts))


def _plain(text: str, *, wildcards: bool) -> Tokens:
    return tokens_of(text) if wildcards else (text,)


def _text(text: str, *, wildcards: bool) -> Tokens:
    if "${" in text:
        raise ValueError("has a `${` that is not a policy variable; write a dollar sign as ${$}")
    return _plain(text, wildcards=wildcards) if text else ()


def _variable(inside: str) -> str | Variable:
    if inside in {"*", "?", "$"}:
        return inside
    found = _KEY.fullmatch(inside)
    if not found:
        raise ValueError(f"has a policy variable that cannot be read: ${{{inside}}}")
    return Variable(found.group(1).lower(), found.group(2))


def plain_text(tokens: Tokens) -> str:
    """Return the tokens as text, for operators without wildcards."""
    return "".join(token.value if isinstance(token, Wild) else token for token in tokens)
