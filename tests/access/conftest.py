"""The planned estate, once for all tests of this folder."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest

from scripts import planned_policies
from scripts.access.declared import Declared
from scripts.access.estate import Estate, estate
from scripts.access.judge import Asked, Judge, Subject


@dataclass
class Judged:
    """What everybody may do, and where plans and matrix disagree."""

    judge: Judge
    wrong: list[str] = field(default_factory=list)
    allowed: set[tuple[str, str, str]] = field(default_factory=set)  # home, role, action
    subjects: Counter[str] = field(default_factory=Counter)

    def note(self, subject: Subject, asked: Asked) -> None:
        """Keep what is needed of a request."""
        if asked.allowed and subject.home:
            self.allowed.add((subject.home.name, subject.who, asked.action))
        if self.judge.expects(subject, asked) != asked.allowed:
            said = ", ".join(f"{key} = {value}" for key, value in asked.said.items() if value)
            verdict = "may, and the matrix does not say so" if asked.allowed else "may not, and the matrix says so"
            where = f"{asked.kind} ({asked.of}, {asked.setting.name})"
            self.wrong.append(f"{subject.who}: {asked.action} on {where} {verdict}{f' when {said}' if said else ''}")


@pytest.fixture(scope="session")
def declared() -> Declared:
    return Declared()


@pytest.fixture(scope="session")
def committed(declared: Declared) -> Judge:
    """The committed environments."""
    settings = [one for one in planned_policies.settings() if "+" not in one.name]
    return Judge(declared, estate(planned_policies.plans(), settings), settings)


@pytest.fixture(scope="session")
def optional(declared: Declared) -> Judge:
    """The same, but one has every optional setting: pipelines, a network, training inputs, an external id."""
    found = planned_policies.settings()
    (full,) = (one for one in found if "+" in one.name)
    settings = [one for one in found if one.environment["name"] != full.environment["name"]] + [full]
    return Judge(declared, estate(planned_policies.plans(), settings), settings)


@pytest.fixture(scope="session")
def judged(committed: Judge) -> Judged:
    found = Judged(committed)
    for subject, accounts in committed.everybody():
        found.subjects[subject.who] += 1
        for asked in committed.requests(subject, accounts):
            found.note(subject, asked)
    return found


@pytest.fixture(scope="session")
def judged_with_options(optional: Judge) -> Judged:
    """Only those whom the options concern: the roles of that environment, and who comes from outside."""
    found = Judged(optional)
    for subject, accounts in optional.everybody():
        if subject.home is None or "+" in subject.home.name:
            found.subjects[subject.who] += 1
            for asked in optional.requests(subject, accounts):
                found.note(subject, asked)
    return found


@pytest.fixture(scope="session")
def estates(committed: Judge, optional: Judge) -> list[Estate]:
    return [committed.estate, optional.estate]
