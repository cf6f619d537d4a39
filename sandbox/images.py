"""Images for those who run them: the unpacked files and the configuration of an image in the sandbox's registries."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import threading
from pathlib import Path
from typing import Any

from sandbox.errors import AwsError
from sandbox.registry import store, unpack
from sandbox.registry.store import Blobs, StoredImage

_URI = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/"
    r"(?P<name>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?$"
)


class Images:
    """The images of one sandbox."""

    def __init__(self, folder: Path) -> None:
        self.blobs = Blobs(folder / "blobs")
        self._unpacked = folder / "rootfs"
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    def rootfs(self, image_uri: str) -> Path:
        """Return the folder with the image's files, unpacked once for each digest."""
        image = _find(image_uri)
        folder = self._unpacked / image.digest.removeprefix("sha256:")
        with self._guard:
            lock = self._locks.setdefault(image.digest, threading.Lock())
        with lock:
            if not folder.is_dir():
                self._unpack(image, folder)
        return folder

    def config(self, image_uri: str) -> dict[str, Any]:
        """Return the image's OCI configuration."""
        return self._config(_find(image_uri))

    def _config(self, image: StoredImage) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self._verified(image.layers[0]).read_bytes())
        return document

    def _verified(self, digest: str) -> Path:
        """Return a blob whose bytes still are those that its digest names. Raises LookupError otherwise."""
        path = self.blobs.path(digest)
        if not path.is_file():
            raise LookupError(f"the blob {digest} is gone")
        if f"sha256:{store.file_sha256(path)}" != digest:
            raise LookupError(f"the blob {digest} was changed on disk")
        return path

    def _unpack(self, image: StoredImage, folder: Path) -> None:
        if "manifests" in json.loads(image.manifest):
            raise LookupError(f"{image.digest} is an index of images, not an image")
        diff_ids = (self._config(image).get("rootfs") or {}).get("diff_ids") or []
        layers = image.layers[1:]
        if len(diff_ids) != len(layers):
            raise LookupError(f"{image.digest} has {len(layers)} layers, its config names {len(diff_ids)}")
        draft = folder.with_name(f"{folder.name}.{secrets.token_hex(4)}")
        draft.mkdir(parents=True)
        try:
            for digest, diff_id in zip(layers, diff_ids, strict=True):
                unpack.layer(draft, self._verified(digest), diff_id=str(diff_id))
        except unpack.UnpackError as error:
            shutil.rmtree(draft, ignore_errors=True)
            raise LookupError(f"{image.digest} cannot be unpacked: {error}") from error
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        draft.rename(folder)


_current: list[Images] = []


def use(images: Images) -> None:
    """Make these the images of the running sandbox."""
    _current[:] = [images]


def _find(image_uri: str) -> StoredImage:
    match = _URI.match(image_uri)
    if match is None or not (match["tag"] or match["digest"]):
        raise LookupError(f"{image_uri!r} is not the URI of an image in ECR")
    image_id = {"imageTag": match["tag"], "imageDigest": match["digest"]}
    try:
        repo = store.repository(match["account"], match["region"], match["name"])
    except AwsError as error:
        raise LookupError(error.message) from error
    found = store.find(repo, {name: value for name, value in image_id.items() if value})
    if found is None:
        raise LookupError(f"there is no image {image_uri}")
    return found


def resolve(image_uri: str) -> str:
    """Return the URI with the digest that its tag has now; as it is when there is no such image."""
    try:
        found = _find(image_uri)
    except LookupError:
        return image_uri
    name, _, digest = image_uri.partition("@")
    if digest:
        return image_uri
    host, slash, path = name.partition("/")
    return f"{host}{slash}{path.partition(':')[0]}@{found.digest}"


def rootfs(account_id: str, region: str, image_uri: str) -> Path:
    """Return the folder with an image's files; `account_id` and `region` are those of whoever runs it.

    Layers are unpacked once for each digest, their digests checked again. Raises LookupError when there is no such
    image, it lies in another region (SageMaker and Lambda take images of their own region only), or it cannot be
    unpacked.
    """
    _require_region(account_id, region, image_uri)
    return _current[0].rootfs(image_uri)


def config(account_id: str, region: str, image_uri: str) -> dict[str, Any]:
    """Return an image's OCI configuration. Raises LookupError as `rootfs` does."""
    _require_region(account_id, region, image_uri)
    return _current[0].config(image_uri)


def _require_region(account_id: str, region: str, image_uri: str) -> None:
    match = _URI.match(image_uri)
    if match is not None and match["region"] != region:
        raise LookupError(f"{image_uri} lies in {match['region']}, account {account_id} runs it in {region}")
    if not _current:
        raise LookupError("no sandbox runs in this process")
