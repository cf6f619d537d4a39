"""A push against a registry that keeps ECR's rules on parts, digests and tags."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from glue.errors import AwsError, RefusedError, SlipwayError
from glue.oci import layout, manifest
from glue.oci.layer import File, write_layer
from glue.oci.layout import BuiltImage
from glue.oci.manifest import parse_manifest
from glue.oci.push import PART_BYTES, Upload, push_image


@dataclass
class Ecr:
    """ECR's rules: parts in order without gaps, 20 MiB at most; digests; layers before manifests; fixed tags."""

    part_bytes: int = 20 * 1024 * 1024
    blobs: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, bytearray] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    fail_after_parts: int | None = None

    def missing_layers(self, repository: str, digests: Sequence[str]) -> frozenset[str]:
        self.calls.append("check")
        assert len(digests) <= 100
        return frozenset(digests) - set(self.blobs)

    def start_layer(self, repository: str) -> Upload:
        self.calls.append("start")
        upload = f"upload-{len(self.uploads)}"
        self.uploads[upload] = bytearray()
        return Upload(upload, self.part_bytes)

    def put_layer_part(self, repository: str, upload_id: str, *, first_byte: int, data: bytes) -> None:
        self.calls.append("part")
        if self.fail_after_parts is not None:
            self.fail_after_parts -= 1
            if self.fail_after_parts < 0:
                raise AwsError("the connection broke")
        assert first_byte == len(self.uploads[upload_id]), "InvalidLayerPartException"
        assert 0 < len(data) <= PART_BYTES
        self.uploads[upload_id] += data

    def finish_layer(self, repository: str, upload_id: str, *, digest: str) -> None:
        self.calls.append("finish")
        data = bytes(self.uploads.pop(upload_id))
        assert digest == f"sha256:{hashlib.sha256(data).hexdigest()}", "InvalidLayerException"
        self.blobs[digest] = data

    def digest_of_tag(self, repository: str, tag: str) -> str | None:
        return self.tags.get(tag)

    def put_manifest(self, repository: str, *, manifest: str, media_type: str, digest: str, tag: str) -> None:
        self.calls.append("put")
        config, layers = parse_manifest(manifest.encode())
        assert {config.digest, *(layer.digest for layer in layers)} <= set(self.blobs), "LayersNotFoundException"
        assert digest == f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
        assert self.tags.setdefault(tag, digest) == digest, "ImageTagAlreadyExistsException"


@pytest.fixture
def built(tmp_path: Path) -> BuiltImage:
    """An image with one layer of some kilobytes that do not compress."""
    source = tmp_path / "noise"
    source.write_bytes(b"".join(hashlib.sha256(bytes([n % 256, n // 256])).digest() for n in range(1000)))
    layer = write_layer([File("opt/noise", source)], tmp_path / "layer.tar.gz")
    folder = tmp_path / "image"
    layout.put_file(folder, layer.path, layer.digest)
    described = manifest.Descriptor(layer.media_type, layer.digest, layer.size, layer.diff_id)
    config = layout.put_bytes(
        folder,
        manifest.config_bytes([described], architecture="amd64", labels={}, base={}),
        manifest.DOCKER_CONFIG,
    )
    image = layout.put_bytes(folder, manifest.manifest_bytes(config, [described]), manifest.DOCKER_MANIFEST)
    layout.write_index(folder, image, architecture="amd64")
    return replace(layout.load(folder), commit="0123456")


def test_parts_have_the_registrys_size_and_all_bytes_arrive(built: BuiltImage) -> None:
    ecr = Ecr(part_bytes=10_000)
    report = push_image(built, registry=ecr, repository="slipway/toy")
    assert ecr.calls.count("part") == -(-built.layers[0].size // 10_000) + 1
    assert ecr.tags == {"0123456": built.digest}
    assert report.changed
    assert report.uploaded == tuple(blob.digest for blob in built.blobs)
    assert report.uploaded_bytes == built.size


def test_a_second_push_does_nothing(built: BuiltImage) -> None:
    ecr = Ecr()
    push_image(built, registry=ecr, repository="slipway/toy")
    ecr.calls.clear()
    report = push_image(built, registry=ecr, repository="slipway/toy")
    assert (report.changed, report.uploaded, report.skipped, ecr.calls) == (False, (), 2, [])


def test_another_commit_with_the_same_layers_uploads_no_layer(built: BuiltImage) -> None:
    ecr = Ecr()
    push_image(built, registry=ecr, repository="slipway/toy")
    report = push_image(built, registry=ecr, repository="slipway/toy", tag="abcdef0")
    assert (report.changed, report.uploaded, report.skipped) == (True, (), 2)


def test_a_push_that_broke_off_is_finished_by_the_next(built: BuiltImage) -> None:
    ecr = Ecr(part_bytes=10_000, fail_after_parts=2)
    with pytest.raises(AwsError, match="the connection broke"):
        push_image(built, registry=ecr, repository="slipway/toy")
    assert ecr.tags == {}
    ecr.fail_after_parts = None
    assert push_image(built, registry=ecr, repository="slipway/toy").changed
    assert ecr.tags == {"0123456": built.digest}


def test_a_tag_never_moves(built: BuiltImage) -> None:
    ecr = Ecr(tags={"0123456": "sha256:" + "0" * 64})
    with pytest.raises(RefusedError, match="slipway/toy:0123456 is sha256:0000"):
        push_image(built, registry=ecr, repository="slipway/toy")
    assert ecr.calls == []


def test_damaged_blobs_never_leave_this_machine(built: BuiltImage) -> None:
    ecr = Ecr()
    built.blob(built.layers[0].digest).write_bytes(b"something else")
    with pytest.raises(SlipwayError, match="missing or damaged"):
        push_image(built, registry=ecr, repository="slipway/toy")
    assert (ecr.blobs, ecr.tags) == ({}, {})
