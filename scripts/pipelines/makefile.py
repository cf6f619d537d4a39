"""What the Makefile offers: its targets, and which NAME=… each takes and needs, read from its rules and help texts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_RULE = re.compile(r"^([a-z][a-z0-9 -]*):(?!=)([^#=]*)(?:##(.*))?$")
_IN_SHELL = re.compile(r"\$\$\{?([A-Z][A-Z0-9_]*)")
_IN_MAKE = re.compile(r"\$\((?:if |or )?\$?\(?([A-Z][A-Z0-9_]*)\)?")
_VARIABLE = re.compile(r"^(?:export )?([A-Z][A-Z0-9_]*) *[:?]?= *(.*)$")
_SAID = re.compile(r"\b([A-Z][A-Z0-9_]*)=")
_OPTIONAL = re.compile(r"\[[^\]]*\]")
# What the programs behind a target read from the environment themselves, with where that is said.
READ_INSIDE: Mapping[str, frozenset[str]] = {
    "approver": frozenset({"ENV", "GITHUB_TOKEN"}),  # scripts/pipelines/approver.py
    "comment": frozenset({"GITHUB_TOKEN"}),  # glue/github.py
    "identity": frozenset({"SLIPWAY_IDENTITY_TOKEN"}),  # scripts/pipelines/identity.py
    "check": frozenset({"REQUIRE_ACTIONLINT"}),  # scripts/pipelines/linters.py
    "check-pipelines": frozenset({"REQUIRE_ACTIONLINT"}),
    "releases": frozenset({"COMMIT"}),  # scripts/pipelines/outputs.py
}


@dataclass(frozen=True)
class Target:
    """`takes` are all names that mean something to it, `needs` those without which it ends with exit code 2."""

    name: str
    takes: frozenset[str]
    needs: frozenset[str]


def targets(text: str) -> dict[str, Target]:
    """Return the targets of a Makefile that have a help text or a recipe, by name."""
    text = text.replace("\\\n", " ")
    variables = {match[1]: match[2] for line in text.splitlines() if (match := _VARIABLE.match(line))}
    recipes: dict[str, list[str]] = {}
    helps: dict[str, str] = {}
    current: list[str] = []
    for line in text.splitlines():
        if line.startswith("\t"):
            for name in current:
                recipes[name].append(line)
        elif match := _RULE.match(line):
            current = match[1].split()
            for name in current:
                recipes.setdefault(name, [])
                if match[3]:
                    helps[name] = match[3]
        elif line and not line.startswith("#"):
            current = []
    return {name: _target(name, "\n".join(lines), helps.get(name, ""), variables) for name, lines in recipes.items()}


def _target(name: str, recipe: str, said: str, variables: Mapping[str, str]) -> Target:
    names = set(_IN_SHELL.findall(recipe)) | (set(_IN_MAKE.findall(recipe)) - set(variables))
    for inner in set(_IN_MAKE.findall(recipe)) & set(variables):
        names |= set(_IN_SHELL.findall(variables[inner]))
    needed = set(_SAID.findall(_OPTIONAL.sub("", said))) & (names | READ_INSIDE.get(name, frozenset()))
    needed -= set(re.findall(r"\(([^()]*)\)", said) and _SAID.findall(" ".join(re.findall(r"\(([^()]*)\)", said))))
    return Target(name, frozenset(names) | READ_INSIDE.get(name, frozenset()), frozenset(needed))
