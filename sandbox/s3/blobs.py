"""Contents of objects: small in memory, large in files; written once, never changed, gone with their last user."""

from __future__ import annotations

import secrets
import weakref
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from typing import IO

_IN_MEMORY = 1024 * 1024
BLOCK = 1024 * 1024


class Blob:
    """Bytes that never change. A file goes when nothing refers to the blob any more."""

    def __init__(self, *, data: bytes = b"", path: Path | None = None, size: int = 0) -> None:
        self._data = data
        self._path = path
        self.size = size if path else len(data)
        if path is not None:
            weakref.finalize(self, _remove, path)

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """Yield the bytes from `start` to before `end`, a block at a time."""
        if self._path is None:
            yield self._data[start:end]
            return
        with self._path.open("rb") as file:
            file.seek(start)
            left = end - start
            while left > 0:
                block = file.read(min(BLOCK, left))
                if not block:
                    raise OSError(f"{self._path} ends early")
                left -= len(block)
                yield block


class Content:
    """What an object holds: one blob, or the parts of a multipart upload one after the other."""

    def __init__(self, blobs: Sequence[Blob]) -> None:
        self._blobs = tuple(blobs)
        self._starts = (0, *accumulate(blob.size for blob in self._blobs))
        self.size = self._starts[-1]

    def read(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from `start` to before `end` (default: all), a block at a time."""
        stop = self.size if end is None else min(end, self.size)
        index = max(bisect_right(self._starts, start) - 1, 0)
        while index < len(self._blobs) and self._starts[index] < stop:
            base = self._starts[index]
            blob = self._blobs[index]
            yield from blob.read(max(start - base, 0), min(stop - base, blob.size))
            index += 1


class Writer:
    """Takes bytes and becomes a blob; goes over to a file when they are many."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._blocks: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._path: Path | None = None
        self.size = 0

    def write(self, block: bytes) -> None:
        """Add bytes."""
        self.size += len(block)
        if self._file is None and self.size > _IN_MEMORY:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._path = self._folder / secrets.token_hex(16)
            self._file = self._path.open("xb")
            self._file.writelines(self._blocks)
            self._blocks.clear()
        if self._file is None:
            self._blocks.append(block)
        else:
            self._file.write(block)

    def finish(self) -> Blob:
        """Return the blob."""
        if self._file is None:
            return Blob(data=b"".join(self._blocks))
        self._file.close()
        return Blob(path=self._path, size=self.size)

    def abandon(self) -> None:
        """Forget what was written."""
        if self._file is not None and self._path is not None:
            self._file.close()
            _remove(self._path)


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
