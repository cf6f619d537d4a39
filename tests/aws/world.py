"""A small release with small parts, and how to put it into a bucket."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from glue import releases
from glue.aws.copier import BytesOrigin, Copier, Item, LocalOrigin
from glue.aws.s3 import Bucket, Head
from glue.aws.session import Session
from glue.core.checksum import Checksums, PartHasher, of_bytes
from glue.core.release import MANIFEST, Release, encode, release_file, with_content
from glue.core.request import CreatedRelease, ReleaseRequest
from glue.releasing import create_release, plan_release

MIB = 1024 * 1024
PART = 5 * MIB  # the least that S3 takes
_ids = itertools.count(100000)


def checksums(data: bytes) -> Checksums:
    hasher = PartHasher(PART)
    hasher.update(data)
    return hasher.finish()


def a_release(bucket: Bucket, files: dict[str, bytes], folder: Path) -> str:
    """Put a release with small parts into a bucket, as `create_release` would, and return its id."""
    release_id = f"ranker-20260131t{next(_ids)}-1a2b3c4"
    entries = {name: release_file(name, checksums(data)) for name, data in files.items()}
    release = with_content(
        Release(
            release=release_id,
            model="ranker",
            created="2026-01-31T12:00:00Z",
            commit="1a2b3c4",
            image_repository="slipway/ranker",
            image_digest="sha256:" + "ab" * 32,
            files=entries,
        )
    )
    items = []
    for name, data in files.items():
        path = folder / name.replace("/", "_")
        path.write_bytes(data)
        tags = {"model": "ranker", "stage": "a b&c=d"}
        items.append(Item(entries[name], LocalOrigin(path), "application/gzip", {"note": name}, tags))
    data = encode(release)
    items.append(Item(release_file(MANIFEST, of_bytes(data)), BytesOrigin(data), "application/json"))
    Copier(bucket, release.prefix, threads=2).bring(items)
    return release_id


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)  # noqa: S311


FILES = {
    "model.tar.gz": noise(2 * PART + 1234),
    "sourcedir.tar.gz": b"",
    "golden/requests.json": b"[]",
}


def head_of(bucket: Bucket, loaded: releases.LoadedRelease, name: str) -> Head:
    head = bucket.head(loaded.release.key(name))
    assert head is not None
    return head


COMMIT = "1a2b3c4d5e6f708192a3b4c5d6e7f80912345678"
seconds = itertools.count()


def clock() -> datetime:
    """A clock that never shows the same second twice."""
    return datetime.fromtimestamp(1_770_000_000 + next(seconds) * 1000, tz=UTC)


def make(request: ReleaseRequest, session: Session, **options: Any) -> CreatedRelease:
    return create_release(plan_release(request, session=session, clock=clock, **options), session=session)
