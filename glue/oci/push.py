"""Pushes a built image through ECR's own API: no container engine, no docker login, only AWS credentials.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_InitiateLayerUpload.html and its neighbours: the layers
that the registry lacks go up in parts, then the manifest with its digest and the tag. A push that was cut off is run
again: blobs that arrived are found and skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from glue.errors import RefusedError, SlipwayError
from glue.oci.layer import sha256_file
from glue.oci.layout import BuiltImage

_PIECE = 4 * 1024 * 1024


class StoredImage(Protocol):
    """What a registry says about an image that it holds."""

    @property
    def digest(self) -> str:
        """`sha256:<hex>` of the manifest."""


class ImageRegistry(Protocol):
    """The part of `glue.aws.ecr.Registry` that a push needs; every call raises our errors."""

    def describe(self, repository: str, reference: str) -> StoredImage | None:
        """Return the image that a tag or digest names, or None."""

    def missing_layers(self, repository: str, digests: Iterable[str]) -> tuple[str, ...]:
        """Return the blobs that the repository lacks, in the order given."""

    def upload_layer(self, repository: str, digest: str, pieces: Iterable[bytes]) -> int:
        """Upload a blob, checked against its digest, and return its bytes."""

    def put_image(self, repository: str, manifest: bytes, *, tag: str, media_type: str) -> str:
        """Store the manifest under a tag and return its digest."""


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
    existing = registry.describe(repository, tag)
    if existing is not None and existing.digest == image.digest:
        return PushReport(repository, image.digest, tag, False, (), 0, len(image.blobs))
    if existing is not None:
        raise RefusedError(
            f"{repository}:{tag} is {existing.digest}, and this build is {image.digest}",
            remedy="The tag of a commit never moves. Commit what changed and build again.",
        )
    sizes = {blob.digest: blob.size for blob in image.blobs}
    missing = registry.missing_layers(repository, sizes)
    for digest in missing:
        progress(f"{digest[:19]}  {sizes[digest] / 1e6:.1f} MB")
        registry.upload_layer(repository, digest, _pieces(image.blob(digest), digest))
    registry.put_image(repository, image.manifest, tag=tag, media_type=image.media_type)
    total = sum(sizes[digest] for digest in missing)
    return PushReport(repository, image.digest, tag, True, missing, total, len(sizes) - len(missing))


def _pieces(path: Path, digest: str) -> Iterator[bytes]:
    if not path.is_file() or sha256_file(path) != digest:
        raise SlipwayError(f"the file of blob {digest} is missing or damaged", remedy="Build the image again.")
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            yield piece
