"""Images on disk, as an OCI image layout (https://github.com/opencontainers/image-spec/blob/main/image-layout.md)."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from glue.errors import SlipwayError
from glue.oci import manifest
from glue.oci.layer import sha256_file
from glue.oci.manifest import Descriptor

_VERSION = '{"imageLayoutVersion":"1.0.0"}'


@dataclass(frozen=True)
class BuiltImage:
    """An image in a layout folder. `digest` is that of the manifest; the registry and SageMaker know it by it."""

    digest: str
    media_type: str
    manifest: bytes
    config: Descriptor
    layers: tuple[Descriptor, ...]
    path: Path
    model: str = ""
    commit: str = ""

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """Layers and config: everything that a registry must hold before the manifest."""
        return (*self.layers, self.config)

    @property
    def size(self) -> int:
        """Bytes of all blobs."""
        return sum(blob.size for blob in self.blobs)

    def blob(self, digest: str) -> Path:
        """Return the file that holds a blob."""
        return blob_path(self.path, digest)


def blob_path(layout: Path, digest: str) -> Path:
    """Return where a layout holds the blob `sha256:<hex>`."""
    return layout / "blobs" / "sha256" / digest.removeprefix("sha256:")


def put_file(layout: Path, source: Path, digest: str) -> None:
    """Copy a file into the layout, unless the blob is there with the right bytes."""
    target = blob_path(layout, digest)
    if target.is_file() and sha256_file(target) == digest:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    shutil.copyfile(source, part)
    part.replace(target)


def put_bytes(layout: Path, data: bytes, media_type: str) -> Descriptor:
    """Write bytes as a blob and return its descriptor."""
    described = manifest.describe(media_type, data)
    target = blob_path(layout, described.digest)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    part.write_bytes(data)
    part.replace(target)
    return described


def write_index(layout: Path, image: Descriptor, *, architecture: str) -> None:
    """Make the layout point at one image: written last, so that a killed build leaves the former one."""
    (layout / "oci-layout").write_text(_VERSION, encoding="utf-8")
    entry = {**image.as_json(), "platform": {"architecture": architecture, "os": "linux"}}
    index = {"schemaVersion": 2, "manifests": [entry]}
    part = layout / "index.json.part"
    part.write_text(json.dumps(index, separators=(",", ":"), sort_keys=True), encoding="utf-8")
    part.replace(layout / "index.json")


def drop_others(layout: Path, keep: set[str]) -> None:
    """Delete the blobs of former builds."""
    names = {digest.removeprefix("sha256:") for digest in keep}
    for path in (layout / "blobs" / "sha256").iterdir():
        if path.name not in names:
            path.unlink()


def load(layout: Path) -> BuiltImage:
    """Return the one image of a layout, every blob checked against its digest.

    Raises SlipwayError when the folder is no layout, holds more than one image, or a blob is missing or differs.
    """
    try:
        entries = json.loads((layout / "index.json").read_text(encoding="utf-8"))["manifests"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SlipwayError(f"{layout} is not an OCI image layout: {error}") from error
    if len(entries) != 1:
        raise SlipwayError(f"{layout} holds {len(entries)} images; exactly one is expected")
    digest, media_type = str(entries[0]["digest"]), str(entries[0]["mediaType"])
    _check(layout, digest)
    data = blob_path(layout, digest).read_bytes()
    config, layers = manifest.parse_manifest(data)
    for blob in (config, *layers):
        _check(layout, blob.digest)
    settings = read_config(layout, config)
    diff_ids = settings["rootfs"]["diff_ids"]  # type: ignore[index]  # checked by its digest; Docker wrote it so
    described = tuple(replace(layer, diff_id=diff_id) for layer, diff_id in zip(layers, diff_ids, strict=True))
    return BuiltImage(digest, media_type, data, config, described, layout)


def read_config(layout: Path, config: Descriptor) -> dict[str, object]:
    """Return an image's config."""
    document: dict[str, object] = json.loads(blob_path(layout, config.digest).read_bytes())
    return document


def _check(layout: Path, digest: str) -> None:
    path = blob_path(layout, digest)
    if not path.is_file():
        raise SlipwayError(f"{layout} has no blob {digest}", remedy="Build the image again.")
    if sha256_file(path) != digest:
        raise SlipwayError(f"the blob {digest} in {layout} has other bytes", remedy="Build the image again.")
