"""S3's checksums: of whole objects, of parts, and composite ones over the parts' checksums.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Protocol

ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")
_LENGTHS = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32}
FULL_OBJECT, COMPOSITE = "FULL_OBJECT", "COMPOSITE"
# Which kinds of checksum a multipart upload can have; the first is the default (same page).
KINDS = {
    "CRC32": (COMPOSITE, FULL_OBJECT),
    "CRC32C": (COMPOSITE, FULL_OBJECT),
    "CRC64NVME": (FULL_OBJECT,),
    "SHA1": (COMPOSITE,),
    "SHA256": (COMPOSITE,),
}


class Running(Protocol):
    """A checksum in the making."""

    def update(self, data: bytes, /) -> None:
        """Take more bytes."""

    def digest(self) -> bytes:
        """Return the checksum of all bytes so far."""


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


class _ReflectedCrc:
    """A reflected CRC with all ones at both ends, one table look-up a byte; about 10 MB/s, for the rare algorithms."""

    def __init__(self, polynomial: int, width: int) -> None:
        self._table = _table(polynomial)
        self._ones = (1 << width) - 1
        self._bytes = width // 8
        self._value = self._ones

    def update(self, data: bytes, /) -> None:
        value, table = self._value, self._table
        for byte in data:
            value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
        self._value = value

    def digest(self) -> bytes:
        return (self._value ^ self._ones).to_bytes(self._bytes, "big")


@cache
def _table(polynomial: int) -> tuple[int, ...]:
    entries = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
        entries.append(value)
    return tuple(entries)


def running(algorithm: str) -> Running:
    """Return a new checksum of S3's name of the algorithm."""
    match algorithm:
        case "CRC32":
            return _Crc32()
        case "CRC32C":
            return _ReflectedCrc(0x82F63B78, 32)
        case "CRC64NVME":
            return _ReflectedCrc(0x9A6C9329AC4BC9B5, 64)
        case "SHA1":
            return hashlib.sha1(usedforsecurity=False)
        case "SHA256":
            return hashlib.sha256()
    raise LookupError(algorithm)


def of_blocks(algorithm: str, blocks: Iterable[bytes]) -> bytes:
    """Return the checksum of bytes that come in blocks."""
    total = running(algorithm)
    for block in blocks:
        total.update(block)
    return total.digest()


def composite(algorithm: str, parts: Sequence[bytes]) -> str:
    """Return the checksum of checksums as S3 writes it: base64, a hyphen, the number of parts."""
    return f"{encode(of_blocks(algorithm, parts))}-{len(parts)}"


def encode(digest: bytes) -> str:
    """Return a checksum as S3 sends it."""
    return base64.b64encode(digest).decode()


def decode(algorithm: str, text: str) -> bytes | None:
    """Return the checksum behind its base64 text, or None when it cannot be one of this algorithm."""
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return digest if len(digest) == _LENGTHS[algorithm] else None
