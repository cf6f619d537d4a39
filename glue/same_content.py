"""Which bytes a release has when its content was packed more than once: those that were there first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from glue.aws.copier import Item
from glue.aws.s3 import Bucket
from glue.core.archive import Limits
from glue.core.release import MANIFEST, MANIFEST_LIMIT, Release, ReleaseFile, parse, release_file
from glue.errors import RefusedError
from glue.gathering import look_into


def settled(bucket: Bucket, release: Release, items: Sequence[Item]) -> tuple[Release, list[Item]]:
    """Return a release with the files that lie at its keys already, and the items that are still to be brought.

    Raises RefusedError when the manifest names bytes that are gone and that the items do not have.
    """
    found = bucket.get_small(release.key(MANIFEST), limit=MANIFEST_LIMIT)
    made = parse(found[0], where=bucket.uri(release.key(MANIFEST))) if found else None
    files, missing = dict(release.files), []
    for item in items:
        name = item.file.name
        there = made.files.get(name, item.file) if made else _same_inside(bucket, release.key(name), item.file)
        files[name] = there
        if there.same_bytes(item.file):
            missing.append(item)
        elif made and bucket.head(release.key(name)) is None:
            raise RefusedError(
                f"{bucket.uri(release.key(name))} was deleted, and what was given unpacks to the same in other bytes",
                remedy=f"Give the archive with the checksum {there.sha256}, or restore its deleted version.",
            )
    return replace(release, files=files), missing


def _same_inside(bucket: Bucket, key: str, file: ReleaseFile) -> ReleaseFile:
    """Return the file that lies at a key when it unpacks to the same, else `file` itself."""
    head = bucket.head(key) if file.unpacked else None
    if head is None or head.stored.sha256 == file.sha256:
        return file
    inside = look_into(bucket, head.stored, limits=Limits())[1]
    same = inside.unpacked == file.unpacked
    return release_file(file.name, inside.checksums, unpacked=inside.unpacked) if same else file
