"""What a repository holds. moto keeps the repositories and their settings; images and layers are ours."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from moto.ecr.models import Repository, ecr_backends

from sandbox.errors import AwsError

DIGEST = re.compile(r"sha256:[0-9a-f]{64}$")
PART_SIZE = 20 * 1024 * 1024
_SMALLEST_PART = 5 * 1024 * 1024
LOCK = threading.RLock()  # pushes are rare; one lock keeps tags, images and replication in step


@dataclass
class StoredImage:
    """One image: the manifest's bytes exactly as they were sent, and the tags that point at it."""

    manifest: str
    media_type: str
    digest: str
    layers: tuple[str, ...]  # config and layers; the images of an index
    size: int
    pushed: datetime = field(default_factory=lambda: datetime.now(UTC))
    tags: list[str] = field(default_factory=list)
    pulled: datetime | None = None
    replication: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)  # by registry and region
    last_scan: Any = None  # moto's image scans use these four

    @property
    def image_digest(self) -> str:
        """The digest, under moto's name."""
        return self.digest

    @property
    def image_tags(self) -> list[str]:
        """The tags, under moto's name."""
        return self.tags

    @property
    def image_tag(self) -> str | None:
        """The newest tag, under moto's name."""
        return self.tags[-1] if self.tags else None

    def get_image_digest(self) -> str:
        """Return the digest, under moto's name."""
        return self.digest


@dataclass
class LayerUpload:
    """A layer on its way in."""

    path: Path
    received: int = 0
    parts: list[int] = field(default_factory=list)


class Blobs:
    """Layers and configs on disk, by digest; the same bytes are there once, whoever pushed them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, digest: str) -> Path:
        """Return where a blob lies or would lie. Raises LookupError for what is not a digest."""
        if not DIGEST.match(digest):
            raise LookupError(f"{digest!r} is not a digest")
        return self._folder / digest.removeprefix("sha256:")

    def begin(self) -> LayerUpload:
        """Return a place for a new layer."""
        path = self._folder / f"upload-{secrets.token_hex(12)}"
        path.touch()
        return LayerUpload(path)

    def adopt(self, upload: LayerUpload, digest: str) -> int:
        """Move a finished upload to its digest and return its size. Raises ValueError when the digest is another."""
        found = f"sha256:{file_sha256(upload.path)}"
        if found != digest:
            raise ValueError(found)
        upload.path.replace(self.path(digest))
        return upload.received


def file_sha256(path: Path) -> str:
    """Return a file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def repository(account_id: str, region: str, name: str) -> Repository:
    """Return a repository. Raises AwsError RepositoryNotFoundException."""
    found = ecr_backends[account_id][region].repositories.get(name)
    if found is None:
        raise AwsError(
            "RepositoryNotFoundException",
            f"The repository with name '{name}' does not exist in the registry with id '{account_id}'",
        )
    return found


def images(repo: Repository) -> list[StoredImage]:
    """Return a repository's images, oldest first; moto looks at the same list before it deletes a repository."""
    found: list[StoredImage] = repo.images
    return found


def find(repo: Repository, image_id: dict[str, str]) -> StoredImage | None:
    """Return the image with this digest and this tag, whichever is given; None when there is none."""
    digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
    for image in images(repo):
        if (digest is None or image.digest == digest) and (tag is None or tag in image.tags) and (digest or tag):
            return image
    return None


def not_found(repo: Repository, image_id: dict[str, str]) -> AwsError:
    """Return the error for an image that is not there."""
    shown = f"{{imageDigest:'{image_id.get('imageDigest', 'null')}', imageTag:'{image_id.get('imageTag', 'null')}'}}"
    return AwsError(
        "ImageNotFoundException",
        f"The image with imageId {shown} does not exist within the repository with name '{repo.name}' in the "
        f"registry with id '{repo.registry_id}'",
    )


def parse_manifest(repo: Repository, manifest: str, media_type: str | None) -> StoredImage:
    """Return the image that a manifest describes. Its digest is the SHA-256 of the bytes that were sent.

    Raises AwsError: InvalidParameterException for what is no manifest, LayersNotFoundException and
    ReferencedImagesNotFoundException for what is missing (https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html).
    """
    try:
        document = json.loads(manifest)
    except ValueError:
        document = None
    if not isinstance(document, dict) or document.get("schemaVersion") != 2:
        raise _invalid("imageManifest", "Invalid JSON syntax or schema version")
    stated = document.get("mediaType")
    if stated and media_type and stated != media_type:
        raise _invalid("imageManifest", f"Manifest media type '{stated}' is not '{media_type}'")
    if isinstance(document.get("manifests"), list):
        references = [str(entry.get("digest", "")) for entry in document["manifests"]]
        known: dict[str, int] = {image.digest: image.size for image in images(repo)}
        kind, code = "Images", "ReferencedImagesNotFoundException"
    else:
        try:
            references = [str(document["config"]["digest"]), *(str(entry["digest"]) for entry in document["layers"])]
        except (KeyError, TypeError):
            raise _invalid("imageManifest", "config and layers are required") from None
        known, kind, code = repo.layers, "Layers", "LayersNotFoundException"
    missing = [digest for digest in references if digest not in known]
    if missing:
        raise AwsError(
            code,
            f"{kind} with digests '{missing}' required for pushing image into repository with name '{repo.name}' in "
            f"the registry with id '{repo.registry_id}' do not exist",
        )
    return StoredImage(
        manifest=manifest,
        media_type=stated or media_type or "application/vnd.oci.image.manifest.v1+json",
        digest=f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}",
        layers=tuple(references),
        size=sum(known[digest] for digest in references),
    )


def put(repo: Repository, image: StoredImage, tag: str | None, *, replicated: bool = False) -> StoredImage:
    """Add an image or a tag; return the image as it is stored.

    Raises AwsError ImageAlreadyExistsException when nothing would change, ImageTagAlreadyExistsException when an
    immutable tag points elsewhere. A replicated image then comes without the tag (user guide, "Replication").
    """
    known = find(repo, {"imageDigest": image.digest})
    if known is not None and (tag is None or tag in known.tags):
        shown = f"digest '{image.digest}'" + (f" and tag '{tag}'" if tag else "")
        raise AwsError(
            "ImageAlreadyExistsException",
            f"Image with {shown} already exists in the repository with name '{repo.name}' in registry with id "
            f"'{repo.registry_id}'",
        )
    holder = find(repo, {"imageTag": tag}) if tag else None
    if holder is not None and tag is not None:
        if not _movable(repo, tag):
            if not replicated:
                raise AwsError(
                    "ImageTagAlreadyExistsException",
                    f"The image tag '{tag}' already exists in the '{repo.name}' repository and cannot be overwritten "
                    "because the tag is immutable.",
                )
            tag = None
        else:
            holder.tags.remove(tag)
    if known is None:
        known = image
        repo.images.append(known)
    if tag is not None:
        known.tags.append(tag)
    return known


def _movable(repo: Repository, tag: str) -> bool:
    """Tell whether a tag may move: by the repository's setting, turned round for tags that its filters name."""
    setting = str(getattr(repo.image_tag_mutability, "value", repo.image_tag_mutability))
    filters: Sequence[dict[str, str]] = repo.image_tag_mutability_exclusion_filters or ()
    excluded = any(
        re.fullmatch(re.escape(one["filter"]).replace(r"\*", ".*"), tag) for one in filters if one.get("filter")
    )
    movable = setting.startswith("MUTABLE")
    return not movable if excluded and setting.endswith("_WITH_EXCLUSION") else movable


def append(repo: Repository, upload: LayerUpload, data: bytes, *, first: int, last: int, upload_id: str) -> None:
    """Add a part to a layer upload. Raises AwsError InvalidLayerPartException when it does not follow the last one."""
    if first != upload.received or last - first + 1 != len(data):
        raise AwsError(
            "InvalidLayerPartException",
            f"Invalid layer part received for upload id '{upload_id}' in the repository with name '{repo.name}' in "
            f"the registry with id '{repo.registry_id}'",
        )
    with upload.path.open("ab") as file:
        file.write(data)
    upload.received += len(data)
    upload.parts.append(len(data))


def require_parts(upload: LayerUpload) -> None:
    """Raise AwsError when a layer is empty, or a part but the last is under 5 MiB."""
    if not upload.received:
        raise AwsError("EmptyUploadException", "The specified layer upload does not contain any layer parts.")
    if any(size < _SMALLEST_PART for size in upload.parts[:-1]):
        raise AwsError("LayerPartTooSmallException", "Layer parts must be at least 5 MiB in size.")


def _invalid(parameter: str, constraint: str) -> AwsError:
    return AwsError(
        "InvalidParameterException",
        f"Invalid parameter at '{parameter}' failed to satisfy constraint: '{constraint}'",
    )
