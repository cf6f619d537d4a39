"""Pipeline files as data: YAML without surprises, and the make calls in their shell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
USED = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)[^}]*\}|([A-Za-z_][A-Za-z0-9_]*))")
# What a thin step may run besides make: to go over a list that make wrote.
SHELL = {"while", "read", "do", "done", "make"}


class BrokenError(Exception):
    """A pipeline file cannot be read; the message says why."""


class _Loader(yaml.SafeLoader):
    """Refuses the second of two equal keys, of which YAML would silently keep one."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key, _ in node.value:
        if key.tag != "tag:yaml.org,2002:merge" and key.value in seen:
            raise BrokenError(f"line {key.start_mark.line + 1}: {key.value!r} stands there twice")
        seen.add(key.value)
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
# YAML 1.1 reads the key `on` as true; GitHub, CircleCI and Concourse read YAML 1.2, where only true and false are.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if tag != "tag:yaml.org,2002:bool"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))


@lru_cache(maxsize=64)
def load(text: str) -> dict[str, Any]:
    """Return a YAML document that is a mapping; nobody may change it. Raises BrokenError."""
    try:
        found = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise BrokenError(f"not YAML: {error}") from error
    if not isinstance(found, dict):
        raise BrokenError("not a mapping")
    return found


@dataclass(frozen=True)
class Call:
    """One `make TARGET NAME=value …` in a step's shell."""

    targets: tuple[str, ...]
    assigned: Mapping[str, str]


@dataclass(frozen=True)
class Script:
    """A step's shell: make calls in order, other commands, variables it uses and sets, files it reads."""

    calls: tuple[Call, ...]
    others: tuple[str, ...] = ()
    uses: frozenset[str] = frozenset()
    reads: frozenset[str] = frozenset()
    files: tuple[str, ...] = ()


@dataclass
class _Words:
    calls: list[Call] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    reads: set[str] = field(default_factory=set)
    files: list[str] = field(default_factory=list)


def script(text: str) -> Script:
    """Return what a step's shell does. Raises BrokenError where it is not simple enough to tell."""
    found = _Words()
    for command in _commands(text):
        _take(command, found)
    uses = {one or other for one, other in USED.findall(_without_substitutions(text))}
    return Script(tuple(found.calls), tuple(found.others), frozenset(uses), frozenset(found.reads), tuple(found.files))


def _without_substitutions(text: str) -> str:
    return re.sub(r"\$\([^()]*\)", "", text)


def _commands(text: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(text.replace("\n", " ; "), posix=True, punctuation_chars=";&|<>")
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        words = list(lexer)
    except ValueError as error:
        raise BrokenError(f"its shell cannot be read: {error}") from error
    command: list[str] = []
    for word in words:
        if set(word) <= set(";&|"):
            if command:
                yield command
            command = []
        elif word in {"do", "done", "while"} and (not command or word != "done"):
            if command:
                yield command
            command = []
            if word == "done":
                command = ["done"]
        else:
            command.append(word)
    if command:
        yield command


def _take(command: list[str], found: _Words) -> None:
    if command[0] == "make":
        assigned = {match[1]: match[2] for word in command[1:] if (match := ASSIGNMENT.fullmatch(word))}
        targets = tuple(word for word in command[1:] if not ASSIGNMENT.fullmatch(word))
        found.calls.append(Call(targets, assigned))
    elif command[0] == "read":
        found.reads.update(word for word in command[1:] if not word.startswith("-"))
    elif command[0] == "done" and command[1:2] == ["<"]:
        found.files += command[2:]
    elif command != ["done"]:
        found.others.append(" ".join(command))
