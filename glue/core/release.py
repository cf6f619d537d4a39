"""A release's manifest: what `release.json` holds, and nothing that talks to AWS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SCHEMA = 1
PART_SIZE = 64 * 1024 * 1024


@dataclass(frozen=True)
class ReleaseFile:
    """One file of a release, by its key below the release's prefix.

    `sha256` is S3's composite checksum: base64 of the SHA-256 over the parts' binary SHA-256 digests, then `-<parts>`
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html). Every file is
    uploaded and copied in parts of `part_size` bytes, so the value is the same in every account exactly when the bytes
    are. `parts` holds each part's base64 SHA-256. `version_id` is that of the bucket in which the release was created.
    """

    name: str
    bytes: int
    sha256: str
    parts: tuple[str, ...]
    part_size: int = PART_SIZE
    version_id: str | None = None


@dataclass(frozen=True)
class Release:
    """The manifest. Immutable; byte-identical in every account that the release reaches."""

    release: str
    model: str
    created: str  # RFC 3339, UTC, seconds
    commit: str
    image_repository: str  # slipway/ranker
    image_digest: str  # sha256:<64 hex>
    files: Mapping[str, ReleaseFile]
    environment: Mapping[str, str] = field(default_factory=dict)  # container environment
    metrics: Mapping[str, float] = field(default_factory=dict)
    training: Mapping[str, object] = field(default_factory=dict)  # job name, data, seed, ...
    content: str = ""  # sha256 hex over what makes the release what it is: finds identical content again
    schema: int = SCHEMA
