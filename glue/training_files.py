"""Job files: which there are below what a user names, and the documents in them, one after the other."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from glue.core import strictjson
from glue.core.audit import clean
from glue.errors import UsageError

SUFFIXES = (".json", ".yaml", ".yml")
LARGEST_FILE = 16 * 1024 * 1024
DEEPEST = 32


@dataclass(frozen=True)
class Entry:
    """One document, or why there is none: `where` says the file, and the line where it has several."""

    where: str
    document: Mapping[str, object] | None = None
    error: str | None = None


def entries(paths: Sequence[Path]) -> Iterator[Entry]:
    """Return the documents of files and of folders, in the order given; a folder's by name, each folder's files first.

    One after the other is read. A file that cannot be read, or is none, is an entry with an error and hides nothing.
    Raises UsageError, before anything is read, for a folder without any job file.
    """
    for path in paths:
        if next(files(path), None) is None:
            raise UsageError(f"{path} holds no job file", remedy=f"Job files end in {', '.join(SUFFIXES)}.")
    return (entry for path in paths for file in files(path) for entry in _read(file))


def files(path: Path) -> Iterator[Path]:
    """Yield a file itself, or a folder's job files; without hidden ones, and without following links to folders."""
    if not path.is_dir():
        yield path
        return
    with os.scandir(path) as scan:
        inside = sorted((one for one in scan if not one.name.startswith(".")), key=lambda one: one.name)
    for one in inside:
        if one.name.endswith(SUFFIXES) and one.is_file():
            yield Path(one.path)
    for one in inside:
        if one.is_dir(follow_symlinks=False):
            yield from files(Path(one.path))


def _read(file: Path) -> Iterator[Entry]:
    label = clean(str(file).encode("utf-8", "replace").decode())  # a name may be no UTF-8
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST_FILE + 1)
    except OSError as error:
        yield Entry(label, error=f"it cannot be read: {error.strerror}")
        return
    if len(data) > LARGEST_FILE:
        yield Entry(label, error=f"it is larger than {LARGEST_FILE // 1024**2} MiB: split it")
        return
    parsed = _json(data) if file.suffix == ".json" else _yaml(data)
    count = 0
    try:
        for line, value in parsed:
            count += 1
            place = label if count == 1 else f"{label}:{line}"
            if isinstance(value, dict):
                yield Entry(place, value)
            else:
                yield Entry(f"{label}:{line}", error="a job is a map of fields")
    except ValueError as error:
        yield Entry(label, error=str(error))
        return
    if not count:
        yield Entry(label, error="it holds no job")


def _json(data: bytes) -> Iterator[tuple[int, object]]:
    value = strictjson.loads(data, limit=LARGEST_FILE)
    _check(value)
    items = value if isinstance(value, list) else [value]
    yield from enumerate(items, start=1)


def _check(value: object) -> None:
    """Raise ValueError for NaN and infinities, which JSON has not and Python reads, and for what is nested deeply."""
    waiting = [(value, 0)]
    while waiting:
        one, depth = waiting.pop()
        if depth > DEEPEST:
            raise ValueError(f"it is nested deeper than {DEEPEST}")
        if isinstance(one, float) and not math.isfinite(one):
            raise ValueError("a number is not finite")
        if isinstance(one, dict):
            waiting.extend((inner, depth + 1) for inner in one.values())
        elif isinstance(one, list):
            waiting.extend((inner, depth + 1) for inner in one)


def _yaml(data: bytes) -> Iterator[tuple[int, object]]:
    from glue.training_yaml import documents  # noqa: PLC0415 - only for those who have YAML

    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8") from error
    for document in documents(text):
        yield document.line, document.value
