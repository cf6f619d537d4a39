"""S3's composite SHA-256, computed as S3 computes it: over parts of one fixed size.

Composite checksum of a multipart object: SHA-256 over the concatenated binary SHA-256 digests of its parts, in base64,
then `-<number of parts>`
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html#Multi-part-checksums).
With one part size everywhere, two objects have equal composites exactly when they have equal bytes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from glue.errors import UsageError

PART_SIZE = 64 * 1024 * 1024
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
MAX_PARTS = 10_000
MAX_PART_SIZE = 5 * 1024**3
_READ = 1024 * 1024


class Readable(Protocol):
    """What can be read in pieces."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes; empty at the end."""


@dataclass(frozen=True)
class PartRange:
    """One part of a file: `number` from 1, bytes `start` to `start + length` (exclusive)."""

    number: int
    start: int
    length: int

    @property
    def http_range(self) -> str:
        """The range as S3 takes it: `bytes=<first>-<last>`, both inclusive. Meaningless for an empty part."""
        return f"bytes={self.start}-{self.start + self.length - 1}"


@dataclass(frozen=True)
class Checksums:
    """Size, part digests (base64) and composite of one file."""

    bytes: int
    part_size: int
    parts: tuple[str, ...]

    @property
    def composite(self) -> str:
        """S3's ChecksumSHA256 of the multipart object."""
        return composite(self.parts)


def part_size_for(size: int) -> int:
    """Return the part size in bytes for a file of `size` bytes: 64 MiB, or the smallest multiple with 10,000 parts.

    Raises UsageError beyond what S3 takes in one multipart object (10,000 parts of 5 GiB).
    """
    multiple = max(1, -(-size // (PART_SIZE * MAX_PARTS)))
    if multiple * PART_SIZE > MAX_PART_SIZE:
        raise UsageError(
            f"a file of {size} bytes is larger than S3 takes in {MAX_PARTS} parts of {MAX_PART_SIZE} bytes"
        )
    return multiple * PART_SIZE


def part_ranges(size: int, part_size: int) -> tuple[PartRange, ...]:
    """Return the parts of a file, in order. An empty file has one empty part: S3 completes no upload without parts."""
    if size < 0 or part_size < 1:
        raise ValueError(f"no parts for size {size} and part size {part_size}")
    if size == 0:
        return (PartRange(1, 0, 0),)
    starts = range(0, size, part_size)
    return tuple(PartRange(n, s, min(part_size, size - s)) for n, s in enumerate(starts, start=1))


def composite(parts: Sequence[str]) -> str:
    """Return S3's composite checksum of parts given as base64 SHA-256. Raises ValueError when one is not."""
    whole = hashlib.sha256()
    for part in parts:
        digest = base64.b64decode(part, validate=True)
        if len(digest) != whole.digest_size:
            raise ValueError(f"{part!r} is not a base64 SHA-256")
        whole.update(digest)
    return f"{_base64(whole.digest())}-{len(parts)}"


class PartHasher:
    """Hashes a stream part by part, whatever the sizes of the pieces it is fed."""

    def __init__(self, part_size: int = PART_SIZE) -> None:
        self.part_size = part_size
        self.bytes = 0
        self._parts: list[str] = []
        self._current = hashlib.sha256()
        self._room = part_size

    def update(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        view = memoryview(data)
        self.bytes += len(view)
        while view:
            # A part is closed when the next byte arrives, so that a file of exactly n parts has no empty last one.
            if self._room == 0:
                self._close()
            piece = view[: self._room]
            self._current.update(piece)
            self._room -= len(piece)
            view = view[len(piece) :]

    def finish(self) -> Checksums:
        """Return the checksums of all that was fed. The hasher must not be used afterwards."""
        self._close()
        return Checksums(self.bytes, self.part_size, tuple(self._parts))

    def _close(self) -> None:
        self._parts.append(_base64(self._current.digest()))
        self._current = hashlib.sha256()
        self._room = self.part_size


def of_bytes(data: bytes) -> Checksums:
    """Return the checksums of a small file held in memory."""
    hasher = PartHasher(part_size_for(len(data)))
    hasher.update(data)
    return hasher.finish()


def of_stream(stream: Readable, *, part_size: int) -> Checksums:
    """Read a stream to its end and return its checksums."""
    hasher = PartHasher(part_size)
    for piece in pieces(stream):
        hasher.update(piece)
    return hasher.finish()


def pieces(stream: Readable, size: int = _READ) -> Iterator[bytes]:
    """Yield a stream's bytes until its end, at most `size` at once."""
    while data := stream.read(size):
        yield data


def sha256_base64(data: bytes) -> str:
    """Return the SHA-256 of `data` as S3 writes a part's checksum."""
    return _base64(hashlib.sha256(data).digest())


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode("ascii")
