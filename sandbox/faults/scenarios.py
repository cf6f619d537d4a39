"""Scenario files: a sentence about a bad day, and the faults that make it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.errors import SandboxError
from sandbox.faults.model import parse

FOLDER = Path(__file__).resolve().parent.parent / "scenarios"
_LIMIT = 256 * 1024


@dataclass(frozen=True)
class Scenario:
    """What a file holds: `about` is one sentence, `faults` are JSON objects, each of them good."""

    about: str
    faults: list[Any]


def names() -> list[str]:
    """Return the names of the scenarios that come with the sandbox."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def find(file: Path) -> Path:
    """Return the file, or the sandbox's own scenario of that name. Raises SandboxError when there is neither."""
    ours = FOLDER / f"{file.name}.json"
    if file.is_file():
        return file
    if len(file.parts) == 1 and ours.is_file():
        return ours
    raise SandboxError(f"there is no scenario {file}", remedy=f"Name a JSON file, or one of {', '.join(names())}.")


def read(file: Path) -> Scenario:
    """Return what a scenario file (or the sandbox's own scenario of that name) holds.

    Raises SandboxError with the file's name and what is wrong in it, the fault's number included.
    """
    file = find(file)
    if file.stat().st_size > _LIMIT:
        raise SandboxError(f"{file} is larger than {_LIMIT} bytes")
    try:
        document = json.loads(file.read_bytes(), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise SandboxError(f"{file} is no JSON document: {error}") from error
    try:
        return check(document)
    except SandboxError as error:
        raise SandboxError(f"{file}: {error}", remedy=error.remedy) from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object. Of two members with one name, JSON keeps the last in silence; here that is an error."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names_seen = [name for name, _ in pairs]
        raise ValueError(f"{max(names_seen, key=names_seen.count)!r} is there twice")
    return found


def check(document: object) -> Scenario:
    """Return the scenario that a JSON document is. Raises SandboxError that says which fault is wrong, and why."""
    if not isinstance(document, Mapping) or set(document) != {"about", "faults"}:
        raise SandboxError("a scenario is a JSON object with `about` (a sentence) and `faults` (a list), nothing else")
    about, faults = document["about"], document["faults"]
    if not isinstance(about, str) or not about.strip():
        raise SandboxError("`about` says in a sentence what the scenario rehearses")
    if not isinstance(faults, list) or not faults:
        raise SandboxError("`faults` is a list with at least one fault")
    known: set[str] = set()
    for number, fault in enumerate(faults, start=1):
        try:
            identity = parse(fault, new_id=f"number-{number}").id
        except SandboxError as error:
            raise SandboxError(f"fault {number}: {error}", remedy=error.remedy) from error
        if identity in known:
            raise SandboxError(f"fault {number}: the id {identity!r} is used twice")
        known.add(identity)
    return Scenario(about, faults)
