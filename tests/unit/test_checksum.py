"""Composite checksums: what S3 computes, whatever the pieces that the bytes come in."""

from __future__ import annotations

import base64
import hashlib
import io
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.core import checksum
from glue.errors import UsageError


def by_hand(data: bytes, part_size: int) -> str:
    parts = [data[i : i + part_size] for i in range(0, len(data), part_size)] or [b""]
    digest = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).digest()
    return f"{base64.b64encode(digest).decode()}-{len(parts)}"


@given(st.binary(max_size=200), st.integers(1, 50), st.integers(1, 70))
def test_is_s3s_composite_whatever_the_pieces(data: bytes, part_size: int, piece: int) -> None:
    hasher = checksum.PartHasher(part_size)
    for at in range(0, len(data), piece):
        hasher.update(data[at : at + piece])
    found = hasher.finish()
    assert found.composite == by_hand(data, part_size)
    assert found.bytes == len(data)
    assert len(found.parts) == len(checksum.part_ranges(len(data), part_size))
    assert found == checksum.of_stream(io.BytesIO(data), part_size=part_size)


def test_a_known_value() -> None:
    # printf hello | openssl dgst -sha256 -binary | openssl dgst -sha256 -binary | base64
    assert checksum.of_bytes(b"hello").composite == "lZXJ35AHUUjrBoYDZd8zWEt1v/eCpRDGzUiDpBmDPVA=-1"


@given(st.integers(0, 10**14), st.integers(1, 5 * 1024**3))
def test_ranges_cover_every_byte_once(size: int, part_size: int) -> None:
    if size // part_size > 20_000:
        part_size = size // 20_000 + 1
    ranges = checksum.part_ranges(size, part_size)
    assert [r.number for r in ranges] == list(range(1, len(ranges) + 1))
    assert sum(r.length for r in ranges) == size
    assert all(a.start + a.length == b.start for a, b in pairwise(ranges))
    assert all(r.length == part_size for r in ranges[:-1])
    assert size == 0 or all(r.length > 0 for r in ranges)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, 64),
        (1, 64),
        (64 * 1024**2 * 10_000, 64),
        (64 * 1024**2 * 10_000 + 1, 128),
        (5 * 1024**4, 576),
    ],
)
def test_part_size_grows_in_multiples_only_beyond_10000_parts(size: int, expected: int) -> None:
    part_size = checksum.part_size_for(size)
    assert part_size == expected * 1024**2
    assert -(-size // part_size) <= 10_000


def test_more_than_s3_takes_is_refused() -> None:
    with pytest.raises(UsageError, match="larger than S3 takes in 10000 parts"):
        checksum.part_size_for(60 * 1024**4)


def test_http_range_is_inclusive() -> None:
    first, last = checksum.part_ranges(11, 8)
    assert (first.http_range, last.http_range) == ("bytes=0-7", "bytes=8-10")


def test_composite_takes_only_sha256() -> None:
    with pytest.raises(ValueError, match="is not a base64 SHA-256"):
        checksum.composite(["aGVsbG8="])
