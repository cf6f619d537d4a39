"""Which parts of which files a copy still needs: decided from what is there, without touching anything.

Rules: what exists and is equal is done; what exists and differs is never overwritten; what was begun goes on from the
parts whose checksums are the manifest's; the manifest comes last, because a release exists exactly when it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from glue.core.checksum import PartRange, part_ranges
from glue.core.release import MANIFEST, ReleaseFile
from glue.errors import NotFoundError, RefusedError


@dataclass(frozen=True)
class StoredObject:
    """An object as S3 describes it. `sha256` is the composite checksum, None when it has none."""

    key: str
    bytes: int
    etag: str
    sha256: str | None
    version_id: str | None = None


@dataclass(frozen=True)
class StoredPart:
    """A part that an unfinished upload already has."""

    number: int
    bytes: int
    etag: str
    sha256: str | None


@dataclass(frozen=True)
class OpenUpload:
    """An unfinished multipart upload with its parts. `initiated` is an RFC 3339 time."""

    upload_id: str
    initiated: str
    parts: tuple[StoredPart, ...]


@dataclass(frozen=True)
class WantedPart:
    """A part that is still missing. `sha256` is what S3 must answer for it."""

    range: PartRange
    sha256: str


@dataclass(frozen=True)
class FilePlan:
    """One file to bring to the target: into `upload_id`, or a new upload when it is None.

    `whole` says that the single part is the whole object: S3 takes a source range only for objects over 5 MiB
    (https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html).
    """

    file: ReleaseFile
    upload_id: str | None
    reused: tuple[StoredPart, ...]
    missing: tuple[WantedPart, ...]

    @property
    def whole(self) -> bool:
        """True when the file has one part only."""
        return len(self.file.parts) == 1

    @property
    def missing_bytes(self) -> int:
        """Bytes still to be moved."""
        return sum(part.range.length for part in self.missing)


@dataclass(frozen=True)
class CopyPlan:
    """What to do, files first, the manifest last; `done` are the names that the target already has."""

    files: tuple[FilePlan, ...]
    manifest: FilePlan | None
    done: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """True when the target already has everything."""
        return not self.files and self.manifest is None


def check_sources(files: Iterable[ReleaseFile], heads: Mapping[str, StoredObject | None], *, where: str) -> None:
    """Raise unless every file of the manifest is in the source, with its size and checksum.

    NotFoundError names what is missing; RefusedError names what differs.
    """
    missing = [file.name for file in files if heads.get(file.name) is None]
    if missing:
        raise NotFoundError(
            f"the release in {where} lacks {', '.join(missing)}",
            remedy="A file was deleted after the release was made. Restore its version and run this again, or make the "
            "release anew: `slipway release create`.",
        )
    _refuse_different(files, heads, where, "does not match its manifest", remedy="Create the release anew.")


def plan_copy(
    files: Sequence[ReleaseFile],
    *,
    targets: Mapping[str, StoredObject | None],
    uploads: Mapping[str, Sequence[OpenUpload]],
    where: str,
) -> CopyPlan:
    """Return what is still to be copied of `files`, the manifest among them.

    `targets` and `uploads` say by file name what the target has. Raises RefusedError, naming each, when the target has
    objects that differ.
    """
    _refuse_different(
        files,
        targets,
        where,
        "already exists and differs; objects of a release are never overwritten",
        remedy="Find out who wrote it. A new release has a new key.",
    )
    plans = {file.name: plan_file(file, uploads.get(file.name, ())) for file in files if not targets.get(file.name)}
    manifest = plans.pop(MANIFEST, None)
    return CopyPlan(
        files=tuple(plans.values()),
        manifest=manifest,
        done=tuple(file.name for file in files if targets.get(file.name)),
    )


def plan_file(file: ReleaseFile, uploads: Sequence[OpenUpload]) -> FilePlan:
    """Return how to bring one file: into the upload that already has most of it, reusing only parts that are equal."""
    ranges = part_ranges(file.bytes, file.part_size)
    best: OpenUpload | None = None
    reused: tuple[StoredPart, ...] = ()
    for upload in sorted(uploads, key=lambda upload: (upload.initiated, upload.upload_id)):
        equal = _equal_parts(file, ranges, upload)
        if best is None or len(equal) >= len(reused):
            best, reused = upload, equal
    have = {part.number for part in reused}
    missing = tuple(WantedPart(r, file.parts[r.number - 1]) for r in ranges if r.number not in have)
    return FilePlan(file, best.upload_id if best else None, reused, missing)


def is_equal(file: ReleaseFile, stored: StoredObject) -> bool:
    """Tell whether an object is the file: same size, same composite checksum. Without a checksum it is not known."""
    return stored.bytes == file.bytes and stored.sha256 == file.sha256


def _equal_parts(file: ReleaseFile, ranges: Sequence[PartRange], upload: OpenUpload) -> tuple[StoredPart, ...]:
    stored = {part.number: part for part in upload.parts}
    found = ((r, stored.get(r.number)) for r in ranges)
    return tuple(p for r, p in found if p and p.bytes == r.length and p.sha256 == file.parts[r.number - 1])


def _refuse_different(
    files: Iterable[ReleaseFile],
    heads: Mapping[str, StoredObject | None],
    where: str,
    what: str,
    *,
    remedy: str,
) -> None:
    different = [
        f"{file.name} ({_difference(file, stored)})"
        for file in files
        if (stored := heads.get(file.name)) is not None and not is_equal(file, stored)
    ]
    if different:
        raise RefusedError(f"in {where}, {', '.join(different)} {what}", remedy=remedy)


def _difference(file: ReleaseFile, stored: StoredObject) -> str:
    if stored.bytes != file.bytes:
        return f"{stored.bytes} bytes, {file.bytes} in the manifest"
    if stored.sha256 is None:
        return "it has no SHA-256 checksum to compare"
    return f"SHA-256 {stored.sha256}, {file.sha256} in the manifest"
