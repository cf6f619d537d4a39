"""Labels into an environment's store: every line is looked at first, then the file is written once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from glue.aws.copier import UPLOAD_THREADS, Copier, Item, LocalOrigin
from glue.aws.session import Session
from glue.core import capture, feedback
from glue.core.checksum import PartHasher, part_size_for
from glue.core.release import release_file
from glue.errors import UsageError

SHOWN_ERRORS = 10


@dataclass(frozen=True)
class Checked:
    """A file of labels that can be used: its labels by kind, its first and last time, its key, and how to upload it."""

    kinds: Mapping[str, int]
    first: datetime
    last: datetime
    key: str
    item: Item

    @property
    def labels(self) -> int:
        """How many labels it holds."""
        return sum(self.kinds.values())


class _Hashing:
    """A stream whose bytes are hashed as they are read."""

    def __init__(self, path: Path, hasher: PartHasher) -> None:
        self._stream = path.open("rb")
        self._hasher = hasher

    def read(self, amount: int, /) -> bytes:
        data = self._stream.read(amount)
        self._hasher.update(data)
        return data

    def close(self) -> None:
        self._stream.close()


def check(path: Path, *, endpoint: str, now: datetime) -> Checked:
    """Read a file of labels from beginning to end, line by line, and return what it holds.

    Raises UsageError naming the first bad lines with their reasons; nothing of such a file is taken.
    """
    try:
        hasher = PartHasher(part_size_for(path.stat().st_size))
        stream = _Hashing(path, hasher)
        try:
            kinds, times, wrong = _read(stream, now)
        finally:
            stream.close()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    if wrong:
        more = f"\n  and {len(wrong) - SHOWN_ERRORS} more lines" if len(wrong) > SHOWN_ERRORS else ""
        listed = "".join(f"\n  line {number}: {reason}" for number, reason in wrong[:SHOWN_ERRORS])
        raise UsageError(
            f"{path} has {len(wrong)} bad lines, and nothing was taken:{listed}{more}",
            remedy="docs/deployments/feedback.md shows what a label looks like.",
        )
    if times is None:
        raise UsageError(f"{path} holds no labels")
    checksums = hasher.finish()
    key = feedback.key_of(endpoint, times[1], feedback.digest_of(checksums.composite.encode()))
    name = key.removeprefix(feedback.prefix(endpoint))
    item = Item(release_file(name, checksums), LocalOrigin(path), "application/x-ndjson")
    return Checked(dict(kinds), times[0], times[1], key, item)


def put(checked: Checked, *, session: Session, endpoint: str) -> bool:
    """Write a checked file into the store; tell whether it was written, or was there already."""
    copier = Copier(session.artifacts(), feedback.prefix(endpoint), threads=UPLOAD_THREADS)
    return bool(copier.bring([checked.item]).copied)


def _read(
    stream: capture.Stream, now: datetime
) -> tuple[Counter[str], tuple[datetime, datetime] | None, list[tuple[int, str]]]:
    kinds: Counter[str] = Counter()
    wrong: list[tuple[int, str]] = []
    times: tuple[datetime, datetime] | None = None
    for number, line in enumerate(capture.lines(stream, limit=feedback.LINE_LIMIT), start=1):
        if line is not None and not line.strip():
            continue
        try:
            label = feedback.parse(line, now=now)
        except ValueError as error:
            wrong.append((number, str(error) if len(wrong) < SHOWN_ERRORS else ""))
            continue
        kinds[label.kind] += 1
        times = (min(times[0], label.at), max(times[1], label.at)) if times else (label.at, label.at)
    return kinds, times, wrong
