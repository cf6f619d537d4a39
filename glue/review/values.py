"""Values of a plan: secrets that are never shown, and text that is safe for one line.

Terraform does not redact: a plan's JSON holds sensitive values in clear and only says, beside them, which they are
(https://developer.hashicorp.com/terraform/internals/json-format#change-representation).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote

HIDDEN = "(sensitive)"
SHORTEST = 4  # a shorter secret is a word of every text: masking it would hide the review instead
_KEY = secrets.token_bytes(32)  # of this process: a digest that leaks can be compared with nothing

_SECRET_NAME = re.compile(
    r"(?:^|[_-])(?:pass|password|passwd|passphrase|secret|token|credentials?|private_?key(?:_pem)?|api_?key|secret_?key|secret_access_key"
    r"|access_key_secret|signing_key|user_data|connection_string|secret_string|secret_binary|auth|authorization)"
    r"(?:[_-](?:v\d|base64|plaintext|value|wo|pem))*$",
    re.IGNORECASE,
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")  # MasterPassword is master_password
_ENVIRONMENTS = frozenset(
    {"environment", "environment_variables", "env_vars", "environment_variable", "env", "secrets"}
)
_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {
    chr(0xFE00 + at) for at in range(16)
}  # letters and marks


class Secret:
    """A value that nobody may see. Equal to another one with the same value; the value itself is not kept."""

    __slots__ = ("_digest",)

    def __init__(self, value: object) -> None:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"))
        self._digest = hashlib.blake2b(text.encode(), key=_KEY, digest_size=16).digest()

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return HIDDEN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._digest == self._digest

    def __hash__(self) -> int:
        return hash(self._digest)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written down")


@lru_cache(maxsize=4096)
def secret_name(name: object) -> bool:
    """Tell whether an attribute's name alone says that its value is nobody's business (`master_password`)."""
    return isinstance(name, str) and _SECRET_NAME.search(_HUMP.sub("_", name)) is not None


def conceal(value: Any, marks: Any = None, *, name: object = None, whole: bool = True) -> Any:
    """Return a value with a Secret in the place of everything sensitive.

    `marks` mirrors the value as Terraform's `before_sensitive` does: true where it is sensitive; marks that do not fit
    conceal everything. Strings and numbers under a telling name are concealed as well, and the values (never the keys)
    of environments. Without `whole` an object stays one, so that its attributes' names can still be read.
    """
    if marks and not _fit(value, marks):
        if isinstance(value, dict) and not whole:
            return {key: conceal(inner, marks=True) for key, inner in value.items()}
        return None if value is None else Secret(value)
    if name in _ENVIRONMENTS and isinstance(value, dict | list):
        return _environment(value, marks)
    if isinstance(value, dict):
        of = marks or {}
        return {key: conceal(inner, of.get(key), name=key) for key, inner in value.items()}
    if isinstance(value, list):
        each = marks or []
        return [conceal(inner, each[at] if at < len(each) else None, name=name) for at, inner in enumerate(value)]
    return _leaf(value, hidden=secret_name(name))


def _fit(value: Any, marks: Any) -> bool:
    """Tell whether marks have the value's shape; a list of marks may be shorter, but never longer."""
    if isinstance(marks, dict):
        return isinstance(value, dict)
    return isinstance(marks, list) and isinstance(value, list) and len(marks) <= len(value)


def _environment(value: Any, marks: Any, *, named: bool = False) -> Any:
    """Return the values of an environment concealed: keys stay, and so do the names of name-and-value lists."""
    if isinstance(value, dict):
        pair = "name" in value and bool({"value", "valueFrom", "value_from"} & value.keys())
        return {key: _environment(item, marks, named=pair and key == "name") for key, item in value.items()}
    if isinstance(value, list):
        return [_environment(item, marks) for item in value]
    return _leaf(value, hidden=not named or bool(sum_of_marks(marks)))


def sum_of_marks(marks: Any) -> int:
    """Return how many values some marks call sensitive."""
    if isinstance(marks, dict):
        return sum(sum_of_marks(inner) for inner in marks.values())
    if isinstance(marks, list):
        return sum(sum_of_marks(inner) for inner in marks)
    return 1 if marks else 0


def _leaf(value: Any, *, hidden: bool) -> Any:
    return Secret(value) if hidden and value is not None and not isinstance(value, bool) and value != "" else value


def sensitive_leaves(value: Any, marks: Any) -> Iterator[Any]:
    """Yield every scalar of a value that its marks call sensitive."""
    if marks is True:
        yield from _scalars(value)
    elif isinstance(marks, dict) and isinstance(value, dict):
        for key, inner in marks.items():
            if inner and key in value:
                yield from sensitive_leaves(value[key], inner)
    elif isinstance(marks, list) and isinstance(value, list):
        for item, inner in zip(value, marks, strict=False):
            yield from sensitive_leaves(item, inner)


def named_leaves(value: Any, *, hidden: bool = False) -> Iterator[Any]:
    """Yield every scalar under a name that tells that it is secret, marked or not."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from named_leaves(inner, hidden=hidden or secret_name(key))
    elif isinstance(value, list):
        for inner in value:
            yield from named_leaves(inner, hidden=hidden)
    elif hidden:
        yield value


def _scalars(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _scalars(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _scalars(inner)
    else:
        yield value


class Scrubber:
    """Masks sensitive strings that leaked into other text, also quoted, encoded or broken into lines."""

    def __init__(self, leaves: Iterable[Any]) -> None:
        forms = {form for leaf in leaves for form in _forms(leaf)}
        self._forms = sorted(forms, key=lambda form: (-len(form), form))

    @property
    def empty(self) -> bool:
        """Tell whether there is nothing to mask."""
        return not self._forms

    def __call__(self, text: str) -> str:
        """Return the text without any of the sensitive strings, the longest first."""
        found = [form for form in self._forms if form in text]  # one pattern of thousands of secrets would be slow
        return re.sub("|".join(map(re.escape, found)), HIDDEN, text) if found else text


def _forms(leaf: Any) -> Iterator[str]:
    """Yield the ways in which a secret may be written; true, false, null and short ones are no secrets."""
    if leaf is None or isinstance(leaf, bool):
        return
    text = str(leaf)
    lines = [line.strip() for line in text.splitlines()]
    for part in {text, text.strip(), *(line for line in lines if len(line) >= 2 * SHORTEST)}:
        if len(part) >= SHORTEST:
            yield part
            yield plain(part, most=None)
            yield json.dumps(part)[1:-1]
            yield json.dumps(part, ensure_ascii=False)[1:-1]
            yield quote(part, safe="")
            yield base64.b64encode(part.encode("utf-8", "replace")).decode()


def plain(text: object, *, most: int | None = 300) -> str:
    """Return any value of a plan as text that is safe for one line of a terminal.

    Control characters, line ends, bidirectional overrides, invisible and private characters become `\\u{202e}`, a text
    over `most` characters is cut and says so. Markup is not touched: escaping it is the output's job. Mask secrets
    before cutting.
    """
    line = str(text)
    if most is not None and len(line) > most:
        line = f"{line[:most]}… ({len(line)} characters)"
    if line.isascii() and line.isprintable():
        return line
    return "".join(char if _safe(char) else f"\\u{{{ord(char):x}}}" for char in line)


def _safe(char: str) -> bool:
    return char == " " or (
        char not in _INVISIBLE
        and (unicodedata.category(char) not in _UNSAFE and (char.isascii() or not char.isspace()))
    )


def normal(value: Any) -> Any:
    """Return null for what Terraform's providers write in four ways: null, "", [] and {}; else the value."""
    return None if value is None or value in ("", [], {}) else value


def text_of(values: Mapping[str, Any] | None, name: str) -> str | None:
    """Return an attribute when it is a string that is not empty, else null."""
    value = values.get(name) if values else None
    return value if isinstance(value, str) and value else None
