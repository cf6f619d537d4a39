"""Looks into a model archive as it streams by: nothing is unpacked, nothing is kept but what was asked for.

SageMaker takes a model as one gzip-compressed tar and unpacks it as root in the container
(https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-inference.html), so it is looked at before it becomes a release.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from glue.core.checksum import Checksums, PartHasher, Readable
from glue.core.tarstream import ArchiveError, Entry, TarStream

__all__ = ["ArchiveError", "Inspection", "Limits", "Member", "inspect"]

_CHUNK = 256 * 1024
_MAX_NAME = 1024
_GZIP_MAGIC = b"\x1f\x8b"
_OTHERS = 0o5  # what a user who owns nothing may do with it, but for writing: a server's workers are such users


@dataclass(frozen=True)
class Limits:
    """How far an archive may grow. `ratio` is expanded to compressed bytes, looked at beyond `ratio_from` bytes."""

    expanded_bytes: int = 20 * 1024**3
    members: int = 100_000
    ratio: int = 200
    ratio_from: int = 256 * 1024**2


@dataclass(frozen=True)
class Member:
    """A file in the archive: its normal path and its size in bytes."""

    name: str
    bytes: int


@dataclass(frozen=True)
class Inspection:
    """What is in an archive. `checksums` are of its compressed bytes; `extracted` holds what was asked and found.

    `unpacked` (SHA-256, hex) is of what it unpacks to: each file's path, bytes, and whether others may read and run
    it. Times, owners, order, folders that anybody may enter, and how it was compressed are not part of it, because
    whoever packs chooses them: SageMaker packs /opt/ml/model itself, at another time with other bytes.
    """

    members: tuple[Member, ...]
    expanded_bytes: int
    checksums: Checksums
    extracted: Mapping[str, bytes] = field(default_factory=dict)
    unpacked: str = ""


def inspect(
    stream: Readable,
    *,
    name: str,
    part_size: int,
    limits: Limits | None = None,
    extract: Mapping[str, int] | None = None,
) -> Inspection:
    """Read an archive to its end, once, and return what is in it.

    `extract` names members to return, each with the most bytes it may have. Raises ArchiveError, naming the archive
    (`name`) and the member, unless it is one gzip-compressed tar of files and folders with relative, single names,
    whole to its last byte and within `limits`.
    """
    gunzip = _Gunzip(stream, PartHasher(part_size), limits or Limits())
    try:
        members, extracted, unpacked = _walk(TarStream(gunzip), limits or Limits(), extract or {})
        checksums = gunzip.finish()
    except ArchiveError as error:
        raise ArchiveError(f"{name}: {error.message}", remedy=error.remedy) from error
    return Inspection(tuple(members), gunzip.expanded, checksums, extracted, unpacked)


def _walk(tar: TarStream, limits: Limits, extract: Mapping[str, int]) -> tuple[list[Member], dict[str, bytes], str]:
    names = _Names()
    members: list[Member] = []
    extracted: dict[str, bytes] = {}
    unpacked: list[tuple[str, int, int, str]] = []
    for count, entry in enumerate(tar.entries(), start=1):
        if count > limits.members:
            raise ArchiveError(f"it has more than {limits.members} members")
        path = names.add(entry)
        if entry.bytes > limits.expanded_bytes:
            raise ArchiveError(f"{path!r} has {entry.bytes} bytes; all of it may have {limits.expanded_bytes}")
        if entry.folder:
            if entry.mode & _OTHERS != _OTHERS:
                unpacked.append((f"{path}/", entry.mode & _OTHERS, 0, ""))
            continue
        members.append(Member(path, entry.bytes))
        digest, data = _read_member(tar, path, entry.bytes, extract.get(path))
        unpacked.append((path, entry.mode & _OTHERS, entry.bytes, digest))
        if path in extract:
            extracted[path] = data
    listing = json.dumps(sorted(unpacked), separators=(",", ":"))
    return members, extracted, hashlib.sha256(listing.encode()).hexdigest()


def _read_member(tar: TarStream, path: str, size: int, limit: int | None) -> tuple[str, bytes]:
    """Return a member's SHA-256 (hex), and with a limit its bytes."""
    if limit is not None and size > limit:
        raise ArchiveError(f"{path!r} has {size} bytes; at most {limit} are read")
    whole, kept = hashlib.sha256(), []
    while data := tar.read(_CHUNK):
        whole.update(data)
        if limit is not None:
            kept.append(data)
    return whole.hexdigest(), b"".join(kept)


class _Names:
    """Keeps what every name of the archive is, so that no member overwrites another."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def add(self, entry: Entry) -> str:
        """Return the entry's normal path. Raises ArchiveError when it leaves the archive or is there already."""
        path = "/".join(_segments(entry.name))
        if not path:
            if entry.folder:
                return "."  # `tar -C folder .` begins with it
            raise ArchiveError(f"a file has no name: {entry.name!r}")
        parents = _parents(path)
        if path in self._files or (not entry.folder and path in self._folders):
            raise ArchiveError(f"{path!r} is in it twice")
        for parent in parents:
            if parent in self._files:
                raise ArchiveError(f"{path!r} lies below {parent!r}, which is a file")
        self._folders.update(parents)
        (self._folders if entry.folder else self._files).add(path)
        return path


def _segments(name: str) -> Iterator[str]:
    shown = name if len(name) <= 120 else name[:117] + "..."
    if name.startswith("/"):
        raise ArchiveError(f"{shown!r} is an absolute path")
    if len(name.encode()) > _MAX_NAME:
        raise ArchiveError(f"{shown!r} is longer than {_MAX_NAME} bytes")
    if not name.isprintable() or "\\" in name:
        raise ArchiveError(f"{shown!r} holds an unprintable character or a backslash")
    for segment in name.split("/"):
        if segment == "..":
            raise ArchiveError(f"{shown!r} leaves the archive with '..'")
        if segment not in {"", "."}:
            yield segment


def _parents(path: str) -> list[str]:
    segments = path.split("/")
    return ["/".join(segments[:depth]) for depth in range(1, len(segments))]


class _Gunzip:
    """Decompresses as it is read, within limits, and hashes the compressed bytes on the way.

    zlib checks each gzip member's CRC and length at its end
    (https://docs.python.org/3/library/zlib.html#zlib.decompressobj, wbits 31).
    """

    def __init__(self, stream: Readable, hasher: PartHasher, limits: Limits) -> None:
        self._stream = stream
        self._hasher = hasher
        self._limits = limits
        self._inflate = zlib.decompressobj(wbits=31)
        self._pending = b""
        self._head = b""  # the first bytes of the file
        self._out = b""
        self._at = 0
        self.expanded = 0

    def read(self, size: int = -1, /) -> bytes:
        """Return at least one and at most `size` expanded bytes; empty only at the end."""
        while self._at == len(self._out):
            if self._inflate.eof and not self._next_member():
                return b""
            if not self._pending and not self._fill():
                self._refuse_end()
            self._out, self._at = self._expand(), 0
        data = self._out[self._at : self._at + size]
        self._at += len(data)
        return data

    def finish(self) -> Checksums:
        """Return the compressed bytes' checksums, after the archive was read to its end."""
        while self._fill():
            self._pending = b""
        return self._hasher.finish()

    def _expand(self) -> bytes:
        try:
            data = self._inflate.decompress(self._pending, _CHUNK)
        except zlib.error as error:
            if not _GZIP_MAGIC.startswith(self._head):
                raise ArchiveError("it is not a gzip-compressed tar", remedy="Pack it with `tar -czf`.") from error
            raise ArchiveError(f"its compressed data is damaged ({error})") from error
        self._pending = self._inflate.unconsumed_tail
        self.expanded += len(data)
        self._check_growth()
        return data

    def _check_growth(self) -> None:
        limits = self._limits
        if self.expanded > limits.expanded_bytes:
            raise ArchiveError(f"it expands to more than {limits.expanded_bytes} bytes")
        if self.expanded > limits.ratio_from and self.expanded > limits.ratio * self._hasher.bytes:
            raise ArchiveError(
                f"it expands more than {limits.ratio} times ({self._hasher.bytes} bytes to {self.expanded} so far)"
            )

    def _next_member(self) -> bool:
        """Begin the next gzip member, if there is one. Zeros behind the last are padding, as for gzip itself."""
        self._pending = self._inflate.unused_data or self._pending
        while self._pending or self._fill():
            self._pending = self._pending.lstrip(b"\0")
            if self._pending:
                self._inflate = zlib.decompressobj(wbits=31)
                return True
        return False

    def _fill(self) -> bool:
        self._pending = self._stream.read(_CHUNK)
        self._hasher.update(self._pending)
        self._head = (self._head + self._pending[:2])[:2]
        return bool(self._pending)

    def _refuse_end(self) -> None:
        if self._hasher.bytes == 0:
            raise ArchiveError("it is empty")
        raise ArchiveError("its compressed data ends in the middle: it is cut off")
