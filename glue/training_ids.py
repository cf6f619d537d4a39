"""Ids for documents that have none, kept on disk until all are sent: a killed call is resumed, not repeated."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from glue.errors import SlipwayError

NewId = Callable[[Mapping[str, object]], str]


class Ids:
    """Gives an id to a document, and the same one again while the journal of an unfinished call is there.

    Two equal documents of one call are two jobs. Without `keep` nothing is written: a dry run makes no promises.
    """

    def __init__(self, path: Path, new_id: NewId, *, keep: bool = True) -> None:
        self._path = path
        self._keep = keep
        self._new_id = new_id
        self._seen: Counter[str] = Counter()
        self._known = _load(path)
        self._file: IO[str] | None = None

    @property
    def resumes(self) -> int:
        """How many ids an unfinished call has given already."""
        return len(self._known)

    def __call__(self, document: Mapping[str, object]) -> str:
        """Return the id of a document; it is on disk before anybody else knows it."""
        text = json.dumps(document, sort_keys=True, ensure_ascii=True)
        digest = hashlib.sha256(text.encode()).hexdigest()
        self._seen[digest] += 1
        name = f"{digest}#{self._seen[digest]}"
        if name not in self._known:
            self._known[name] = self._new_id(document)
            if self._keep:
                self._write(json.dumps([name, self._known[name]]))
        return self._known[name]

    def finish(self) -> None:
        """Forget the journal: everything was sent, and the same documents are new jobs next time."""
        self.close()
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the journal and leave it for the next call."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Ids:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, line: str) -> None:
        try:
            if self._file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._path.open("a", encoding="utf-8")
                self._file.write("\n")  # a killed call may have left half a line
            self._file.write(f"{line}\n")
            self._file.flush()
        except OSError as error:
            raise SlipwayError(
                f"{self._path} cannot be written: {error.strerror}", remedy="Give the documents ids of their own."
            ) from error


def _load(path: Path) -> dict[str, str]:
    """Return what an unfinished call wrote; its last line may be cut off."""
    found: dict[str, str] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return found
    for line in lines:
        try:
            name, given = json.loads(line)
        except ValueError:
            continue
        found[str(name)] = str(given)
    return found


def journal(folder: Path, *call: str) -> Path:
    """Return where the journal of a call with these words lies."""
    return folder / f"{hashlib.sha256(json.dumps(call).encode()).hexdigest()[:32]}.jsonl"
