"""A client of ECR that keeps the service's rules on parts, digests, layers and immutable tags."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError

from glue.oci.manifest import parse_manifest

PART_LIMIT = 20 * 1024 * 1024


@dataclass
class EcrClient:
    """What boto3's client of ECR does, in memory. `parts_left` breaks the connection after so many parts."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, bytearray] = field(default_factory=dict)
    manifests: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    parts_left: int | None = None

    def describe_images(self, *, imageIds: list[dict[str, str]], **_: Any) -> dict[str, Any]:  # noqa: N803 - as boto3
        wanted = imageIds[0]
        digest = wanted.get("imageDigest") or self.tags.get(wanted.get("imageTag", ""))
        if digest not in self.manifests:
            raise refusal("ImageNotFoundException", "DescribeImages")
        tags = [tag for tag, of in self.tags.items() if of == digest]
        return {"imageDetails": [{"imageDigest": digest, "imageTags": tags}]}

    def batch_check_layer_availability(self, *, layerDigests: list[str], **_: Any) -> dict[str, Any]:  # noqa: N803
        self.calls.append("check")
        assert len(layerDigests) <= 100
        states = {True: "AVAILABLE", False: "UNAVAILABLE"}
        return {
            "layers": [
                {"layerDigest": digest, "layerAvailability": states[digest in self.blobs]} for digest in layerDigests
            ]
        }

    def initiate_layer_upload(self, **_: Any) -> dict[str, Any]:
        self.calls.append("start")
        upload = f"upload-{self.calls.count('start')}"
        self.uploads[upload] = bytearray()
        return {"uploadId": upload, "partSize": PART_LIMIT}

    def upload_layer_part(
        self,
        *,
        uploadId: str,  # noqa: N803
        partFirstByte: int,  # noqa: N803
        partLastByte: int,  # noqa: N803
        layerPartBlob: bytes,  # noqa: N803
        **_: Any,
    ) -> None:
        self.calls.append("part")
        if self.parts_left is not None:
            self.parts_left -= 1
            if self.parts_left < 0:
                raise EndpointConnectionError(endpoint_url="https://registry")
        held = self.uploads[uploadId]
        if partFirstByte != len(held) or partLastByte != len(held) + len(layerPartBlob) - 1:
            raise refusal("InvalidLayerPartException", "UploadLayerPart")
        assert 0 < len(layerPartBlob) <= PART_LIMIT
        held += layerPartBlob

    def complete_layer_upload(self, *, uploadId: str, layerDigests: list[str], **_: Any) -> None:  # noqa: N803
        data = bytes(self.uploads.pop(uploadId))
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        if [digest] != layerDigests:
            raise refusal("InvalidLayerException", "CompleteLayerUpload")
        self.blobs[digest] = data

    def put_image(self, *, imageManifest: str, imageTag: str, imageDigest: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        self.calls.append("put")
        config, layers = parse_manifest(imageManifest.encode())
        if not {config.digest, *(layer.digest for layer in layers)} <= set(self.blobs):
            raise refusal("LayersNotFoundException", "PutImage")
        digest = f"sha256:{hashlib.sha256(imageManifest.encode()).hexdigest()}"
        if digest != imageDigest:
            raise refusal("ImageDigestDoesNotMatchException", "PutImage")
        if self.tags.setdefault(imageTag, digest) != digest:
            raise refusal("ImageTagAlreadyExistsException", "PutImage")
        self.manifests[digest] = imageManifest
        return {"image": {"imageId": {"imageDigest": digest, "imageTag": imageTag}}}


def refusal(code: str, operation: str) -> ClientError:
    """ECR's error answer."""
    return ClientError(
        {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": 400}},  # type: ignore[typeddict-item]  # the rest is not used
        operation,
    )
