"""Images of a few files, pushed through ECR's own API."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from typing import Any

_MEDIA = "application/vnd.oci.image"


def push(ecr: Any, repository: str, files: Mapping[str, bytes], *, tag: str | None = None) -> str:
    """Push an image of one layer whose programs lie in opt/program/bin; returns its digest."""
    plain = tar(files)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["PATH=/opt/program/bin:/usr/bin:/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [_digest(plain)]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{_MEDIA}.manifest.v1+json",
        "config": _blob(ecr, repository, json.dumps(config).encode(), f"{_MEDIA}.config.v1+json"),
        "layers": [_blob(ecr, repository, gzip.compress(plain, mtime=0), f"{_MEDIA}.layer.v1.tar+gzip")],
    }
    named = {"imageTag": tag} if tag else {}
    pushed = ecr.put_image(repositoryName=repository, imageManifest=json.dumps(manifest), **named)["image"]
    return str(pushed["imageId"]["imageDigest"])


def tar(files: Mapping[str, bytes]) -> bytes:
    """Return an uncompressed archive of programs."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o755
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def _blob(ecr: Any, repository: str, data: bytes, media_type: str) -> dict[str, Any]:
    upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    ecr.upload_layer_part(
        repositoryName=repository, uploadId=upload, partFirstByte=0, partLastByte=len(data) - 1, layerPartBlob=data
    )
    ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[_digest(data)])
    return {"mediaType": media_type, "size": len(data), "digest": _digest(data)}


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()
