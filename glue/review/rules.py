"""The rules of the review, as data: rules.toml says how bad something is, why, and what to do about it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from glue.errors import UsageError
from glue.review.model import Finding, Grade

FILE = Path(__file__).with_name("rules.toml")
_FIELDS = ("grade", "title", "reason", "remedy")


@dataclass(frozen=True)
class Rule:
    """One rule: its id, its grade, one line of what it found, why that matters and what to do."""

    id: str
    grade: Grade
    title: str
    reason: str
    remedy: str


class Rules(Mapping[str, Rule]):
    """All rules by id."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._rules = rules

    @classmethod
    def load(cls, path: Path = FILE) -> Rules:
        """Return the rules of a file. Raises UsageError naming the rule and the field that is wrong."""
        try:
            tables = tomllib.loads(path.read_text(encoding="utf-8"))["rules"]
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError) as error:
            raise UsageError(f"{path}: the rules cannot be read: {error}") from error
        return cls({name: _rule(name, table, path) for name, table in tables.items()})

    def finding(
        self,
        rule: str,
        *,
        resource: str = "",
        message: str,
        details: tuple[str, ...] = (),
        endpoint: str | None = None,
        grade: Grade | None = None,
    ) -> Finding:
        """Return a finding of a rule; `grade` overrides the rule's own (a rule may say what it is at least).

        Raises KeyError for a rule that rules.toml does not have.
        """
        found = self._rules[rule]
        return Finding(
            rule=rule,
            grade=found.grade if grade is None else grade,
            resource=resource,
            message=message,
            remedy=found.remedy,
            details=details,
            endpoint=endpoint,
        )

    def __getitem__(self, rule: str) -> Rule:
        return self._rules[rule]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)


def _rule(name: str, table: object, path: Path) -> Rule:
    if not isinstance(table, dict) or set(table) != set(_FIELDS):
        raise UsageError(f"{path}: the rule {name} needs exactly {', '.join(_FIELDS)}")
    if not all(isinstance(table[field], str) and table[field].strip() for field in _FIELDS):
        raise UsageError(f"{path}: every field of the rule {name} is a text that is not empty")
    try:
        grade = Grade.of(table["grade"])
    except ValueError as error:
        raise UsageError(f"{path}: the rule {name}: {error}") from error
    return Rule(name, grade, table["title"], table["reason"], table["remedy"])
