"""One fault: what it is, whom it meets, how often. Made from plain data; whatever is wrong in it is said at once."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.errors import SandboxError
from sandbox.faults import names
from sandbox.faults.codes import CONFLICT_SERVICES
from sandbox.faults.kinds import KINDS, EffectValue, Kind, Setting

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_MOST_TEXT = 2000
_HOW_OFTEN: Mapping[str, tuple[float, float]] = {  # least, most
    "times": (1, 1e9),
    "skip": (0, 1e9),
    "every": (1, 1e9),
    "seed": (0, 2**53),
}
_FRACTIONS: Mapping[str, tuple[float, float]] = {"probability": (0.0, 1.0), "for_s": (0.001, 1e9)}
MEMBERS = ("id", "kind", "match", "effect", "about", *_HOW_OFTEN, *_FRACTIONS)


@dataclass(frozen=True)
class Fault:
    """A fault as it was asked for.

    `match`: patterns (shell style, case-sensitive) for the facts that its kind knows. Of the requests or events that
    match, the first `skip` pass; of the others every `every`-th is met, or each with `probability` (a sequence that
    `seed` decides). It ends after `times` hits, or after `for_s` AWS seconds, or when it is cleared.
    """

    id: str
    kind: str
    match: Mapping[str, str] = field(default_factory=dict)
    effect: Mapping[str, EffectValue] = field(default_factory=dict)
    times: int | None = None
    skip: int = 0
    every: int = 1
    probability: float = 1.0
    seed: int = 0
    for_s: float | None = None
    about: str = ""

    def number(self, name: str) -> float:
        """Return a number of the effect. Raises KeyError when the kind has no such member."""
        return float(self.effect[name])

    def text(self, name: str) -> str:
        """Return a text of the effect. Raises KeyError when the kind has no such member."""
        return str(self.effect[name])


def parse(document: object, *, new_id: str) -> Fault:
    """Return the fault that a JSON object describes; `new_id` names it unless it has a name.

    Raises SandboxError that says what is wrong, with the nearest right word for a misspelt one.
    """
    if not isinstance(document, Mapping):
        raise SandboxError(f"a fault is a JSON object, not {type(document).__name__}")
    _only(document, MEMBERS, "a fault has no member")
    name = document.get("kind")
    if not isinstance(name, str) or name not in KINDS:
        raise SandboxError(f"there is no kind of fault {name!r}" + names.suggestion(str(name), KINDS))
    if "every" in document and "probability" in document:
        raise SandboxError("a fault has either every or probability")
    whole = {key: int(_number(key, document[key], *limits)) for key, limits in _HOW_OFTEN.items() if key in document}
    parts = {key: _number(key, document[key], *limits) for key, limits in _FRACTIONS.items() if key in document}
    kind = KINDS[name]
    return Fault(
        id=_id(document.get("id", new_id)),
        kind=name,
        match=_match(name, kind, document.get("match", {})),
        effect=_effect(name, kind, document.get("effect", {})),
        about=_text("about", document.get("about", "")),
        times=whole.get("times"),
        skip=whole.get("skip", 0),
        every=whole.get("every", 1),
        seed=whole.get("seed", 0),
        probability=parts.get("probability", 1.0),
        for_s=parts.get("for_s"),
    )


def _id(found: object) -> str:
    if not isinstance(found, str) or not _ID.fullmatch(found):
        raise SandboxError(f"an id has letters, digits, dots, dashes and underscores, at most 63, not {found!r}")
    return found


def _match(name: str, kind: Kind, found: object) -> dict[str, str]:
    if not isinstance(found, Mapping):
        raise SandboxError("match is an object of patterns")
    _only(found, kind.facts, f"{name} is not told by")
    match = {str(key): _text(str(key), value) for key, value in found.items()}
    match = {key: value for key, value in match.items() if value}
    if "account" in match:
        match["account"] = names.account_id(match["account"])
    if kind.on_requests:
        names.check_operation(match.get("service", ""), match.get("operation", ""))
    elif "operation" in match:
        _one_of(match["operation"], kind.operations, f"{name} does not meet the operation")
    if name == "lost-update" and match.get("service") not in CONFLICT_SERVICES:
        raise SandboxError(
            f"lost-update needs the service whose writes meet another writer: {', '.join(CONFLICT_SERVICES)}"
        )
    return match


def _effect(name: str, kind: Kind, found: object) -> dict[str, EffectValue]:
    if not isinstance(found, Mapping):
        raise SandboxError("effect is an object")
    _only(found, kind.effect, f"the effect of {name} has no")
    return {key: _setting(key, setting, found.get(key, setting.default)) for key, setting in kind.effect.items()}


def _setting(key: str, setting: Setting, value: object) -> EffectValue:
    if setting.choices:
        if value not in setting.choices or isinstance(value, bool):
            raise SandboxError(f"{key} is one of {', '.join(map(str, setting.choices))}, not {value!r}")
        return next(one for one in setting.choices if one == value)
    if isinstance(setting.default, str):
        return _text(key, value)
    return _number(key, value, setting.least, setting.most)


def _only(found: Mapping[Any, Any], known: Collection[str], what: str) -> None:
    for key in found:
        _one_of(key, known, what)


def _one_of(word: object, known: Collection[str], what: str) -> None:
    if word not in known:
        raise SandboxError(f"{what} {word!r}" + (names.suggestion(str(word), known) if known else ""))


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > _MOST_TEXT:
        raise SandboxError(f"{key} is a text of at most {_MOST_TEXT} characters, not {str(value)[:80]!r}")
    if not value.replace("\n", " ").isprintable():
        raise SandboxError(f"{key} holds what cannot be printed: {value[:80]!r}")
    return value


def _number(key: str, value: object, least: float, most: float) -> float:
    """Return a finite number within its limits; a whole one stays whole."""
    whole = key in _HOW_OFTEN
    good = isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most
    if good and isinstance(value, int | float) and not (whole and float(value) % 1):
        return value
    raise SandboxError(
        f"{key} is a {'whole ' if whole else ''}number from {least:g} to {most:g}, not {str(value)[:80]!r}"
    )
