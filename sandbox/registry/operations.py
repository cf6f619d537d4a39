"""ECR's image operations, one function each; request and answer are the API's own documents."""

from __future__ import annotations

import base64
import binascii
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from moto.ecr.models import ecr_backends

from sandbox.errors import AwsError
from sandbox.events import images
from sandbox.registry import store
from sandbox.registry.store import LOCK, Blobs, LayerUpload, StoredImage

Document = dict[str, Any]
_LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip"


class Operations:
    """The operations. `pushed` is told of every push; `url_of` makes a download address for a digest."""

    def __init__(
        self, blobs: Blobs, *, pushed: Callable[[Any, StoredImage, str | None], None], url_of: Callable[[str], str]
    ) -> None:
        self._blobs = blobs
        self._pushed = pushed
        self._url_of = url_of
        self.table: dict[str, Callable[[str, str, Document], Document]] = {
            "BatchCheckLayerAvailability": self.check_layers,
            "InitiateLayerUpload": self.initiate,
            "UploadLayerPart": self.upload,
            "CompleteLayerUpload": self.complete,
            "GetDownloadUrlForLayer": self.download_url,
            "PutImage": self.put_image,
            "BatchGetImage": self.get_images,
            "DescribeImages": self.describe_images,
            "ListImages": self.list_images,
            "BatchDeleteImage": self.delete_images,
            "DescribeImageReplicationStatus": self.replication_status,
            "GetAuthorizationToken": self.token,
            "PutReplicationConfiguration": self.put_replication,
        }

    def check_layers(self, account: str, region: str, request: Document) -> Document:
        """BatchCheckLayerAvailability."""
        repo = _repository(account, region, request)
        layers, failures = [], []
        for digest in request["layerDigests"]:
            if digest in repo.layers:
                known = {"layerAvailability": "AVAILABLE", "layerSize": repo.layers[digest], "mediaType": _LAYER_TYPE}
                layers.append({"layerDigest": digest, **known})
            else:
                valid = store.DIGEST.match(digest)
                code = "MissingLayerDigest" if valid else "InvalidLayerDigest"
                reason = f"Layer digest '{digest}' could not be found" if valid else f"Invalid layer digest '{digest}'"
                failures.append({"layerDigest": digest, "failureCode": code, "failureReason": reason})
        return {"layers": layers, "failures": failures}

    def initiate(self, account: str, region: str, request: Document) -> Document:
        """InitiateLayerUpload."""
        repo = _repository(account, region, request)
        upload_id = secrets.token_hex(16)
        repo.uploads[upload_id] = self._blobs.begin()
        return {"uploadId": upload_id, "partSize": store.PART_SIZE}

    def upload(self, account: str, region: str, request: Document) -> Document:
        """UploadLayerPart."""
        repo = _repository(account, region, request)
        upload = _upload(repo, request["uploadId"])
        try:
            data = base64.b64decode(request["layerPartBlob"], validate=True)
        except binascii.Error:
            raise AwsError("InvalidParameterException", "layerPartBlob is not base64") from None
        first, last = int(request["partFirstByte"]), int(request["partLastByte"])
        store.append(repo, upload, data, first=first, last=last, upload_id=request["uploadId"])
        return {**_names(repo), "uploadId": request["uploadId"], "lastByteReceived": upload.received - 1}

    def complete(self, account: str, region: str, request: Document) -> Document:
        """CompleteLayerUpload: the digest must be that of the bytes received."""
        repo = _repository(account, region, request)
        upload_id, digest = request["uploadId"], request["layerDigests"][0]
        upload = _upload(repo, upload_id)
        if not store.DIGEST.match(digest):
            raise AwsError("InvalidParameterException", f"Invalid layer digest '{digest}'")
        store.require_parts(upload)
        if digest in repo.layers:
            upload.path.unlink(missing_ok=True)
            del repo.uploads[upload_id]
            raise AwsError(
                "LayerAlreadyExistsException",
                f"The layer with digest '{digest}' already exists in the repository with name '{repo.name}' in "
                f"registry with id '{repo.registry_id}'",
            )
        try:
            size = self._blobs.adopt(upload, digest)
        except ValueError as error:
            raise AwsError(
                "InvalidLayerException", f"Layer digest '{digest}' does not match the uploaded content, {error}"
            ) from error
        repo.layers[digest] = size
        del repo.uploads[upload_id]
        return {**_names(repo), "uploadId": upload_id, "layerDigest": digest}

    def download_url(self, account: str, region: str, request: Document) -> Document:
        """GetDownloadUrlForLayer: an address that serves the layer for a while, without further credentials."""
        repo = _repository(account, region, request)
        digest = request["layerDigest"]
        if digest not in repo.layers:
            raise AwsError(
                "LayersNotFoundException",
                f"The layer with digest '{digest}' does not exist in the repository with name '{repo.name}' in the "
                f"registry with id '{repo.registry_id}'",
            )
        return {"downloadUrl": self._url_of(digest), "layerDigest": digest}

    def put_image(self, account: str, region: str, request: Document) -> Document:
        """PutImage."""
        repo = _repository(account, region, request)
        image = store.parse_manifest(repo, request["imageManifest"], request.get("imageManifestMediaType"))
        expected = request.get("imageDigest")
        if expected is not None and expected != image.digest:
            raise AwsError(
                "ImageDigestDoesNotMatchException",
                f"The specified image digest '{expected}' does not match the digest '{image.digest}' that Amazon ECR "
                "calculated for the image.",
            )
        tag = request.get("imageTag")
        with LOCK:
            stored = store.put(repo, image, tag)
        self._pushed(repo, stored, tag)
        images.action(repo, stored.digest, "PUSH", tag, media_type=stored.media_type)
        return {"image": _image(repo, stored, tag)}

    def get_images(self, account: str, region: str, request: Document) -> Document:
        """BatchGetImage."""
        repo = _repository(account, region, request)
        found, failures = [], []
        for image_id in request["imageIds"]:
            image = store.find(repo, image_id)
            if image is None:
                failures.append(_failure(image_id, "ImageNotFound", "Requested image not found"))
            else:
                image.pulled = datetime.now(UTC)
                found.append(_image(repo, image, image_id.get("imageTag")))
        return {"images": found, "failures": failures}

    def describe_images(self, account: str, region: str, request: Document) -> Document:
        """DescribeImages. One image that is not there makes the whole call fail, unlike in BatchGetImage."""
        repo = _repository(account, region, request)
        chosen = list(store.images(repo))
        if request.get("imageIds"):
            chosen = []
            for image_id in request["imageIds"]:
                image = store.find(repo, image_id)
                if image is None:
                    raise store.not_found(repo, image_id)
                if image not in chosen:
                    chosen.append(image)
        wanted = (request.get("filter") or {}).get("tagStatus", "ANY")
        kept = [image for image in chosen if wanted == "ANY" or (wanted == "TAGGED") == bool(image.tags)]
        page, more = _page(kept, request)
        return {"imageDetails": [_detail(repo, image) for image in page], **more}

    def list_images(self, account: str, region: str, request: Document) -> Document:
        """ListImages: one entry for each tag, and one for each image without any."""
        repo = _repository(account, region, request)
        wanted = (request.get("filter") or {}).get("tagStatus", "ANY")
        ids: list[dict[str, str]] = []
        for image in store.images(repo):
            if image.tags and wanted != "UNTAGGED":
                ids += [{"imageDigest": image.digest, "imageTag": tag} for tag in image.tags]
            if not image.tags and wanted != "TAGGED":
                ids.append({"imageDigest": image.digest})
        page, more = _page(ids, request)
        return {"imageIds": page, **more}

    def delete_images(self, account: str, region: str, request: Document) -> Document:
        """BatchDeleteImage: by tag it removes the tag, and the image with its last tag; by digest the image."""
        repo = _repository(account, region, request)
        deleted: list[dict[str, str]] = []
        failures: list[Document] = []
        with LOCK:
            for image_id in request["imageIds"]:
                failure = _delete(repo, image_id, deleted)
                if failure is not None:
                    failures.append(failure)
        for one in deleted:
            images.action(repo, one["imageDigest"], "DELETE", one.get("imageTag"))
        return {"imageIds": deleted, "failures": failures}

    def replication_status(self, account: str, region: str, request: Document) -> Document:
        """DescribeImageReplicationStatus."""
        repo = _repository(account, region, request)
        image = store.find(repo, request["imageId"])
        if image is None:
            raise store.not_found(repo, request["imageId"])
        statuses = [
            {"region": where, "registryId": registry, **status}
            for (registry, where), status in image.replication.items()
        ]
        shown = {"repositoryName": repo.name, "imageId": {"imageDigest": image.digest}}
        return {**shown, "replicationStatuses": statuses}

    def token(self, account: str, region: str, request: Document) -> Document:
        """GetAuthorizationToken: good for twelve hours."""
        data = [
            {
                "authorizationToken": base64.b64encode(f"AWS:{secrets.token_hex(32)}".encode()).decode(),
                "expiresAt": time.time() + 12 * 3600,
                "proxyEndpoint": f"https://{registry}.dkr.ecr.{region}.amazonaws.com",
            }
            for registry in request.get("registryIds") or [account]
        ]
        return {"authorizationData": data}

    def put_replication(self, account: str, region: str, request: Document) -> Document:
        """PutReplicationConfiguration: up to ten rules; moto takes one."""
        configuration = request["replicationConfiguration"]
        rules = configuration.get("rules") or []
        destinations = [place for rule in rules for place in rule.get("destinations") or []]
        if len(rules) > 10 or len(destinations) > 25:
            raise AwsError("ValidationException", "at most 10 rules with 25 destinations in all")
        if {"region": region, "registryId": account} in destinations:
            raise AwsError(
                "InvalidParameterException",
                "Invalid parameter at 'replicationConfiguration' failed to satisfy constraint: 'Replication "
                "destination cannot be the same as the source registry'",
            )
        ecr_backends[account][region].replication_config = configuration
        return {"replicationConfiguration": configuration}


def _repository(account: str, region: str, request: Document) -> Any:
    return store.repository(request.get("registryId") or account, region, request["repositoryName"])


def _upload(repo: Any, upload_id: str) -> LayerUpload:
    upload = repo.uploads.get(upload_id)
    if not isinstance(upload, LayerUpload):
        raise AwsError(
            "UploadNotFoundException",
            f"Upload with id '{upload_id}' could not be found for the repository with name '{repo.name}' in the "
            f"registry with id '{repo.registry_id}'",
        )
    return upload


def _names(repo: Any) -> dict[str, str]:
    return {"registryId": repo.registry_id, "repositoryName": repo.name}


def _image(repo: Any, image: StoredImage, tag: str | None) -> Document:
    image_id = {"imageDigest": image.digest, **({"imageTag": tag} if tag else {})}
    manifest = {"imageManifest": image.manifest, "imageManifestMediaType": image.media_type}
    return {**_names(repo), "imageId": image_id, **manifest}


def _detail(repo: Any, image: StoredImage) -> Document:
    detail: Document = {
        **_names(repo),
        "imageDigest": image.digest,
        "imageSizeInBytes": image.size,
        "imagePushedAt": image.pushed.timestamp(),
        "imageManifestMediaType": image.media_type,
    }
    if image.tags:
        detail["imageTags"] = list(image.tags)
    if image.pulled is not None:
        detail["lastRecordedPullTime"] = image.pulled.timestamp()
    if (repo.image_scanning_configuration or {}).get("scanOnPush"):
        detail["imageScanStatus"] = {"status": "COMPLETE", "description": "The scan was completed successfully."}
        detail["imageScanFindingsSummary"] = {
            "imageScanCompletedAt": image.pushed.timestamp(),
            "vulnerabilitySourceUpdatedAt": image.pushed.timestamp(),
            "findingSeverityCounts": {},
        }
    return detail


def _failure(image_id: dict[str, str], code: str, reason: str) -> Document:
    return {"imageId": image_id, "failureCode": code, "failureReason": reason}


def _delete(repo: Any, image_id: dict[str, str], deleted: list[dict[str, str]]) -> Document | None:
    digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
    if not digest and not tag:
        return _failure(image_id, "MissingDigestAndTag", "Invalid request parameters: both tag and digest are missing")
    image = store.find(repo, image_id)
    if image is None:
        if digest and tag and store.find(repo, {"imageDigest": digest}):
            return _failure(image_id, "ImageTagDoesNotMatchDigest", "Tag does not match digest")
        return _failure(image_id, "ImageNotFound", "Requested image not found")
    if any(image.digest in other.layers for other in store.images(repo)):
        return _failure(image_id, "ImageReferencedByManifestList", "Requested image is referenced by an image list")
    gone = [tag] if tag else list(image.tags)
    deleted += [{"imageDigest": image.digest, "imageTag": one} for one in gone] or [{"imageDigest": image.digest}]
    image.tags = [one for one in image.tags if one not in gone]
    if not image.tags:
        repo.images.remove(image)
    return None


def _page(entries: list[Any], request: Document) -> tuple[list[Any], Document]:
    """Return one page; the token is the position of the next one."""
    token = str(request.get("nextToken") or "0")
    if not token.isdecimal():
        raise AwsError("InvalidParameterException", "Invalid parameter at 'nextToken'")
    start, most = int(token), int(request.get("maxResults") or 100)
    page = entries[start : start + most]
    return page, {"nextToken": str(start + most)} if start + most < len(entries) else {}
