"""ECR: images by digest, tags that move, and pushing layer by layer."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore import exceptions as boto

from glue.aws.errors import Where, code_of, from_client_error, translated
from glue.core.names import pin_tag
from glue.errors import AwsError, NotFoundError, RefusedError

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecr.type_defs import ImageIdentifierTypeDef

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_MANIFESTS = (
    OCI_MANIFEST,
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html: parts of 5 MiB at least, but for the last
_LAYER_PART = 10 * 1024**2
_LAYERS_AT_ONCE = 100


@dataclass(frozen=True)
class Image:
    """An image in a repository. `digest` is `sha256:<64 hex>`; `pushed` an RFC 3339 time, empty when not known."""

    repository: str
    digest: str
    tags: tuple[str, ...]
    bytes: int = 0
    pushed: str = ""


class Registry:
    """The registry of one account."""

    def __init__(self, client: ECRClient, *, where: Where) -> None:
        self._client = client
        self._where = where
        self.account_id = where.account_id

    def describe(self, repository: str, reference: str) -> Image | None:
        """Return the image with a tag or digest, None when the repository has none such.

        Raises NotFoundError when the repository does not exist.
        """
        identifier: ImageIdentifierTypeDef = _identifier(reference)
        try:
            with translated(self._where, f"image {repository} {reference}"):
                answer = self._client.describe_images(
                    registryId=self.account_id, repositoryName=repository, imageIds=[identifier]
                )
        except NotFoundError as error:
            self._refuse_missing_repository(repository, error)
            return None
        return _image(repository, answer["imageDetails"][0])

    def resolve(self, repository: str, reference: str) -> str:
        """Return the digest of a tag, or of a digest that must exist. Raises NotFoundError when it does not."""
        image = self.describe(repository, reference)
        if image is None:
            raise NotFoundError(
                f"image {repository} {reference} does not exist ({self._where})",
                remedy="Build and push it first: make image MODEL=<model>.",
            )
        return image.digest

    def wait_for(
        self,
        repository: str,
        digest: str,
        *,
        timeout_s: float = 900,
        every_s: float = 5,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        progress: Callable[[float], None] = lambda _waited_s: None,
    ) -> Image:
        """Wait until replication has brought an image, and return it.

        Most images replicate in less than 30 minutes
        (https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html). Raises RefusedError (pending) after
        `timeout_s`, saying what to look at.
        """
        began = clock()
        while (image := self.describe(repository, digest)) is None:
            waited = clock() - began
            if waited >= timeout_s:
                raise RefusedError(
                    f"image {repository}@{digest} has not arrived after {waited:.0f} s ({self._where})",
                    remedy="ECR replicates an image once, when it is pushed. Look at replicates_images_to of the first "
                    "environment and replicates_images_from here; an image pushed before that is pushed again.",
                )
            progress(waited)
            sleep(min(every_s, timeout_s - waited))
        return image

    # tags

    def move_tag(self, repository: str, digest: str, tag: str) -> bool:
        """Point a tag at an image and tell whether anything changed, also in a repository with immutable tags.

        Such a tag is taken away first. Removing an image's last tag deletes the image
        (https://docs.aws.amazon.com/AmazonECR/latest/userguide/delete_image.html), so the image that had it gets a
        tag of its own digest before.
        """
        manifest, media_type = self.manifest(repository, digest)
        holder = self.describe(repository, tag)
        if holder is not None and holder.digest == digest:
            return False
        if holder is not None:
            if holder.tags == (tag,):
                kept, kept_type = self.manifest(repository, holder.digest)
                self._put(repository, kept, kept_type, tag=pin_tag(holder.digest), digest=holder.digest)
            self._untag(repository, tag)
        try:
            self._put(repository, manifest, media_type, tag=tag, digest=digest)
        except RefusedError as error:  # somebody put it between our two calls
            raise RefusedError(
                f"tag {tag} of {repository} was moved by another run at the same moment ({self._where})",
                remedy="Look whose run it was, then run this again.",
            ) from error
        return True

    def pin(self, repository: str, digest: str) -> bool:
        """Give an image the tag that keeps it out of every life-cycle rule, and tell whether it lacked it."""
        image = self.describe(repository, digest)
        if image is not None and pin_tag(digest) in image.tags:
            return False
        manifest, media_type = self.manifest(repository, digest)
        self._put(repository, manifest, media_type, tag=pin_tag(digest), digest=digest)
        return True

    def images(self, repository: str) -> tuple[Image, ...]:
        """Return all images of a repository, by digest; none when there is no such repository."""
        try:
            with translated(self._where, f"repository {repository}"):
                pages = self._client.get_paginator("describe_images").paginate(
                    registryId=self.account_id, repositoryName=repository
                )
                found = [_image(repository, details) for page in pages for details in page["imageDetails"]]
        except NotFoundError:
            return ()
        return tuple(sorted(found, key=lambda image: image.digest))

    def delete(self, repository: str, digest: str) -> bool:
        """Delete an image with all its tags, and tell whether it was there.

        Raises RefusedError when an image index still names it: the index goes first.
        """
        with translated(self._where, f"image {repository}@{digest}"):
            answer = self._client.batch_delete_image(
                registryId=self.account_id, repositoryName=repository, imageIds=[{"imageDigest": digest}]
            )
        failures = [entry for entry in answer.get("failures", []) if entry.get("failureCode") != "ImageNotFound"]
        if failures:
            raise RefusedError(
                f"image {repository}@{digest} cannot be deleted ({self._where}): {failures[0].get('failureReason', '')}"
            )
        return bool(answer.get("imageIds"))

    def _untag(self, repository: str, tag: str) -> None:
        with translated(self._where, f"image {repository}:{tag}"):
            answer = self._client.batch_delete_image(
                registryId=self.account_id, repositoryName=repository, imageIds=[{"imageTag": tag}]
            )
        for failure in answer.get("failures", []):
            if failure.get("failureCode") != "ImageNotFound":
                raise AwsError(
                    f"tag {tag} of {repository} could not be moved ({self._where}): {failure.get('failureReason', '')}"
                )

    # images

    def manifest(self, repository: str, digest: str) -> tuple[bytes, str]:
        """Return an image's manifest and its media type; the bytes have the digest. Raises NotFoundError."""
        with translated(self._where, f"image {repository}@{digest}"):
            answer = self._client.batch_get_image(
                registryId=self.account_id,
                repositoryName=repository,
                imageIds=[{"imageDigest": digest}],
                acceptedMediaTypes=list(_MANIFESTS),
            )
        if not answer.get("images"):
            raise NotFoundError(f"image {repository}@{digest} does not exist ({self._where})")
        image = answer["images"][0]
        data = image["imageManifest"].encode()
        if f"sha256:{hashlib.sha256(data).hexdigest()}" != digest:
            raise AwsError(f"the registry gave another manifest than {repository}@{digest} ({self._where})")
        return data, image.get("imageManifestMediaType", OCI_MANIFEST)

    def put_image(self, repository: str, manifest: bytes, *, tag: str, media_type: str = OCI_MANIFEST) -> str:
        """Store a manifest under a tag and return its digest; the same again changes nothing.

        Raises RefusedError when the tag belongs to another image (tags are immutable).
        """
        digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
        return self._put(repository, manifest, media_type, tag=tag, digest=digest)

    def _put(self, repository: str, manifest: bytes, media_type: str, *, tag: str, digest: str) -> str:
        try:
            answer = self._client.put_image(
                registryId=self.account_id,
                repositoryName=repository,
                imageManifest=manifest.decode(),
                imageManifestMediaType=media_type,
                imageTag=tag,
                imageDigest=digest,
            )
        except boto.ClientError as error:
            if code_of(error) == "ImageAlreadyExistsException":
                return digest
            if code_of(error) == "ImageTagAlreadyExistsException":
                raise RefusedError(
                    f"tag {tag} of {repository} belongs to another image ({self._where})",
                    remedy="Tags are immutable: commit the change, so that the image gets a new tag.",
                ) from error
            raise from_client_error(error, self._where, f"image {repository}:{tag}") from error
        stored = answer["image"]["imageId"].get("imageDigest", "")
        if stored != digest:
            raise AwsError(f"the registry calls {repository}:{tag} {stored}, it is {digest} ({self._where})")
        return digest

    # layers

    def missing_layers(self, repository: str, digests: Iterable[str]) -> tuple[str, ...]:
        """Return those of the layers (`sha256:<hex>`) that the repository lacks, in the order given."""
        wanted = list(dict.fromkeys(digests))
        there: set[str] = set()
        for start in range(0, len(wanted), _LAYERS_AT_ONCE):
            with translated(self._where, f"repository {repository}"):
                answer = self._client.batch_check_layer_availability(
                    registryId=self.account_id,
                    repositoryName=repository,
                    layerDigests=wanted[start : start + _LAYERS_AT_ONCE],
                )
            there |= {
                layer["layerDigest"] for layer in answer["layers"] if layer.get("layerAvailability") == "AVAILABLE"
            }
        return tuple(digest for digest in wanted if digest not in there)

    def upload_layer(self, repository: str, digest: str, pieces: Iterable[bytes]) -> int:
        """Upload one layer, read piece by piece, and return its bytes. The registry checks the digest.

        A layer that is there already is left alone.
        """
        resource = f"layer {digest} of {repository}"
        with translated(self._where, resource):
            upload = self._client.initiate_layer_upload(registryId=self.account_id, repositoryName=repository)
        at = 0
        for piece in _chunks(pieces, _LAYER_PART):
            with translated(self._where, resource):
                self._client.upload_layer_part(
                    registryId=self.account_id,
                    repositoryName=repository,
                    uploadId=upload["uploadId"],
                    partFirstByte=at,
                    partLastByte=at + len(piece) - 1,
                    layerPartBlob=piece,
                )
            at += len(piece)
        self._complete_layer(repository, upload["uploadId"], digest)
        return at

    def _complete_layer(self, repository: str, upload_id: str, digest: str) -> None:
        try:
            self._client.complete_layer_upload(
                registryId=self.account_id, repositoryName=repository, uploadId=upload_id, layerDigests=[digest]
            )
        except boto.ClientError as error:
            if code_of(error) != "LayerAlreadyExistsException":
                raise from_client_error(error, self._where, f"layer {digest} of {repository}") from error

    def _refuse_missing_repository(self, repository: str, error: NotFoundError) -> None:
        if "RepositoryNotFoundException" in error.message:
            raise NotFoundError(
                f"image repository {repository} does not exist ({self._where})",
                remedy="Add the model to environment.tfvars and apply foundation; its name is <project>/<model>.",
            ) from error


def _image(repository: str, details: Any) -> Image:
    pushed = details.get("imagePushedAt")
    return Image(
        repository,
        details["imageDigest"],
        tuple(sorted(details.get("imageTags", []))),
        details.get("imageSizeInBytes", 0),
        pushed.isoformat() if pushed else "",
    )


def _identifier(reference: str) -> ImageIdentifierTypeDef:
    return {"imageDigest": reference} if reference.startswith("sha256:") else {"imageTag": reference}


def _chunks(pieces: Iterable[bytes], size: int) -> Iterable[bytes]:
    held: list[bytes] = []
    length = 0
    for piece in pieces:
        held.append(piece)
        length += len(piece)
        while length >= size:
            data = b"".join(held)
            yield data[:size]
            held, length = [data[size:]], length - size
    if length:
        yield b"".join(held)


def image_reference(image: str) -> tuple[str | None, str]:
    """Split what a user gives as an image into registry host (or None) and reference.

    Taken: a tag, `sha256:<digest>`, or a full URI `<host>/<repository>@sha256:<digest>` or `<host>/<repository>:<tag>`.
    """
    if "/" not in image:
        return None, image
    path, at, digest = image.partition("@")
    if at:
        return path, digest
    path, _, tag = image.rpartition(":")
    return (path, tag) if path and "/" not in tag else (image, "latest")
