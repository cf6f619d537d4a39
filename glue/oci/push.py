"""Pushes a built image through ECR's own API: no container engine, no docker login, only AWS credentials.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_InitiateLayerUpload.html and its neighbours: the layers
that the registry lacks go up in parts, then the manifest with its digest and the tag. A push that was cut off is run
again: blobs that arrived are found and skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from glue.errors import RefusedError, SlipwayError
from glue.oci.layer import sha256_file
from glue.oci.layout import BuiltImage

PART_BYTES = 20 * 1024 * 1024  # UploadLayerPart takes at most 20 MiB
_CHECK_AT_ONCE = 100  # BatchCheckLayerAvailability takes at most 100 digests


@dataclass(frozen=True)
class Upload:
    """A started layer upload: ECR's id for it, and the part size that ECR asks for, in bytes."""

    upload_id: str
    part_bytes: int


class ImageRegistry(Protocol):
    """The calls of ECR that a push needs; every one raises our errors."""

    def missing_layers(self, repository: str, digests: Sequence[str]) -> frozenset[str]:
        """Return those of at most 100 blob digests that the repository does not hold (BatchCheckLayerAvailability)."""

    def start_layer(self, repository: str) -> Upload:
        """Begin a layer upload (InitiateLayerUpload)."""

    def put_layer_part(self, repository: str, upload_id: str, *, first_byte: int, data: bytes) -> None:
        """Upload one part that starts at `first_byte`; the last byte follows from `data` (UploadLayerPart)."""

    def finish_layer(self, repository: str, upload_id: str, *, digest: str) -> None:
        """Complete an upload, checked against its digest; a layer that exists already is fine (CompleteLayerUpload)."""

    def digest_of_tag(self, repository: str, tag: str) -> str | None:
        """Return the digest that a tag names, or None when the tag does not exist."""

    def put_manifest(self, repository: str, *, manifest: str, media_type: str, digest: str, tag: str) -> None:
        """Store the manifest under its digest and tag; the very same image with that tag is fine (PutImage)."""


@dataclass(frozen=True)
class PushReport:
    """What a push did. `uploaded` holds the digests that went up; all else was there already."""

    repository: str
    digest: str
    tag: str
    changed: bool
    uploaded: tuple[str, ...]
    uploaded_bytes: int
    skipped: int


def push_image(
    image: BuiltImage,
    *,
    registry: ImageRegistry,
    repository: str,
    tag: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> PushReport:
    """Push an image to `repository` under `tag` (default: its commit) and return what happened.

    A second push of the same image uploads nothing. Raises RefusedError (exit 3) when the tag names another image,
    because a commit's image never changes; SlipwayError when a blob's file is missing or damaged; the registry's errors
    otherwise.
    """
    tag = tag or image.commit
    if not tag:
        raise SlipwayError("the image has no commit and no tag was given")
    existing = registry.digest_of_tag(repository, tag)
    if existing == image.digest:
        return PushReport(repository, image.digest, tag, False, (), 0, len(image.blobs))
    if existing is not None:
        raise RefusedError(
            f"{repository}:{tag} is {existing}, and this build is {image.digest}",
            remedy="The tag of a commit never moves. Commit what changed and build again.",
        )
    sizes = {blob.digest: blob.size for blob in image.blobs}
    missing = _missing(registry, repository, list(sizes))
    for digest in missing:
        progress(f"{digest[:19]}  {sizes[digest] / 1e6:.1f} MB")
        _upload(registry, repository, image.blob(digest), digest)
    registry.put_manifest(
        repository,
        manifest=image.manifest.decode(),
        media_type=image.media_type,
        digest=image.digest,
        tag=tag,
    )
    total = sum(sizes[digest] for digest in missing)
    return PushReport(repository, image.digest, tag, True, missing, total, len(sizes) - len(missing))


def _missing(registry: ImageRegistry, repository: str, digests: Sequence[str]) -> tuple[str, ...]:
    absent: set[str] = set()
    for start in range(0, len(digests), _CHECK_AT_ONCE):
        absent |= registry.missing_layers(repository, digests[start : start + _CHECK_AT_ONCE])
    return tuple(digest for digest in digests if digest in absent)


def _upload(registry: ImageRegistry, repository: str, path: Path, digest: str) -> None:
    if not path.is_file() or sha256_file(path) != digest:
        raise SlipwayError(f"the file of blob {digest} is missing or damaged", remedy="Build the image again.")
    upload = registry.start_layer(repository)
    first = 0
    for part in _parts(path, min(upload.part_bytes, PART_BYTES)):
        registry.put_layer_part(repository, upload.upload_id, first_byte=first, data=part)
        first += len(part)
    registry.finish_layer(repository, upload.upload_id, digest=digest)


def _parts(path: Path, size: int) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while part := stream.read(size):
            yield part
