"""Alarm rules of composite alarms: ALARM(), OK(), INSUFFICIENT_DATA(), AND, OR, NOT, TRUE, FALSE, AT_LEAST.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html (AlarmRule)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

LIMIT = 10240  # characters of a rule
DEPTH = 100
MOST = 100  # alarms in one rule
_TOKEN = re.compile(r'\s*(?:(?P<open>\()|(?P<close>\))|(?P<comma>,)|"(?P<quoted>[^"]*)"|(?P<word>[^\s(),"]+))')
_STATES = {"ALARM", "OK", "INSUFFICIENT_DATA"}
StateOf = Callable[[str], str]  # name or ARN of an alarm -> its state


class RuleError(ValueError):
    """The rule is malformed. The message says where."""


@dataclass(frozen=True)
class Rule:
    """A parsed rule: `holds(state_of)` decides, `alarms` are the names and ARNs in it, in order."""

    holds: Callable[[StateOf], bool]
    alarms: tuple[str, ...]


@dataclass
class _Reader:
    tokens: list[tuple[str, str]]
    at: int = 0
    depth: int = 0
    alarms: list[str] = field(default_factory=list)

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def take(self, kind: str = "") -> str:
        found, text = self.peek()
        if found == "end" or (kind and found != kind):
            raise RuleError(f"AlarmRule: expected {kind or 'more'} at token {self.at + 1}, found {text or found!r}")
        self.at += 1
        return text

    def word(self) -> str:
        kind, text = self.peek()
        return text.upper() if kind == "word" else ""


def parse(text: str) -> Rule:
    """Return the rule. Raises RuleError."""
    if not text.strip() or len(text) > LIMIT:
        raise RuleError(f"AlarmRule must have from 1 to {LIMIT} characters")
    reader = _Reader(list(_tokens(text)))
    holds = _either(reader)
    if reader.peek()[0] != "end":
        raise RuleError(f"AlarmRule: unexpected {reader.peek()[1]!r} at token {reader.at + 1}")
    if len(set(reader.alarms)) > MOST:
        raise RuleError(f"AlarmRule must not name more than {MOST} alarms")
    return Rule(holds, tuple(dict.fromkeys(reader.alarms)))


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise RuleError(f"AlarmRule: cannot read it from character {at + 1}")
        kind = match.lastgroup or ""
        yield kind, match[kind]
        at = match.end()


def _either(reader: _Reader) -> Callable[[StateOf], bool]:
    parts = [_both(reader)]
    while reader.word() == "OR":
        reader.take()
        parts.append(_both(reader))
    return parts[0] if len(parts) == 1 else lambda state_of: any(part(state_of) for part in parts)


def _both(reader: _Reader) -> Callable[[StateOf], bool]:
    parts = [_one(reader)]
    while reader.word() == "AND":
        reader.take()
        parts.append(_one(reader))
    return parts[0] if len(parts) == 1 else lambda state_of: all(part(state_of) for part in parts)


def _one(reader: _Reader) -> Callable[[StateOf], bool]:
    reader.depth += 1
    if reader.depth > DEPTH:
        raise RuleError(f"AlarmRule is nested more than {DEPTH} deep")
    try:
        return _unguarded(reader)
    finally:
        reader.depth -= 1


def _unguarded(reader: _Reader) -> Callable[[StateOf], bool]:
    word = reader.word()
    if word == "NOT":
        reader.take()
        inner = _one(reader)
        return lambda state_of: not inner(state_of)
    if word in {"TRUE", "FALSE"}:
        reader.take()
        return lambda _: word == "TRUE"
    if word == "AT_LEAST":
        return _at_least(reader)
    if word in _STATES:
        reader.take()
        reader.take("open")
        name = _name(reader)
        reader.take("close")
        return lambda state_of: state_of(name) == word
    reader.take("open")
    inner = _either(reader)
    reader.take("close")
    return inner


def _name(reader: _Reader) -> str:
    kind, text = reader.peek()
    if kind not in {"quoted", "word"} or not text:
        raise RuleError(f"AlarmRule: expected the name of an alarm at token {reader.at + 1}, found {text or kind!r}")
    reader.take()
    reader.alarms.append(text)
    return text


def _at_least(reader: _Reader) -> Callable[[StateOf], bool]:
    """AT_LEAST(M, STATE, (alarm, alarm, ...)); M a number or a percentage; STATE may begin with NOT."""
    reader.take()
    reader.take("open")
    amount = reader.take("word")
    if not re.fullmatch(r"[1-9]\d*%?", amount):
        raise RuleError(f"AlarmRule: AT_LEAST needs a number or a percentage, not {amount!r}")
    reader.take("comma")
    negated = reader.word() == "NOT"
    if negated:
        reader.take()
    state = reader.take("word").upper()
    if state not in _STATES:
        raise RuleError(f"AlarmRule: AT_LEAST needs a state, not {state!r}")
    reader.take("comma")
    reader.take("open")
    names = [_name(reader)]
    while reader.peek()[0] == "comma":
        reader.take()
        names.append(_name(reader))
    reader.take("close")
    reader.take("close")
    number = int(amount.rstrip("%"))
    wanted = number * len(names) / 100 if amount.endswith("%") else number
    return lambda state_of: sum((state_of(name) == state) != negated for name in names) >= wanted
