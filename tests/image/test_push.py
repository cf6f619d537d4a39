"""A push through the product's own registry facade, to an ECR that keeps its rules."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from glue.aws.ecr import Registry
from glue.aws.errors import Where
from glue.errors import AwsError, RefusedError, SlipwayError
from glue.oci import layout, manifest
from glue.oci.layer import File, write_layer
from glue.oci.layout import BuiltImage
from glue.oci.push import PushReport, push_image
from tests.image.ecr import EcrClient

TOY = "slipway/toy"


def push(image: BuiltImage, client: EcrClient, tag: str | None = None) -> PushReport:
    where = Where("111111111111", "eu-west-1", "arn:aws:iam::111111111111:role/ci", "ecr")
    return push_image(image, registry=Registry(cast("Any", client), where=where), repository=TOY, tag=tag)


@pytest.fixture
def built(tmp_path: Path) -> BuiltImage:
    """An image with one layer of 12 MB that do not compress: two parts."""
    source = tmp_path / "noise"
    source.write_bytes(b"".join(hashlib.sha512(number.to_bytes(4)).digest() for number in range(190_000)))
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


def test_all_bytes_arrive_in_parts(built: BuiltImage) -> None:
    client = EcrClient()
    report = push(built, client)
    assert client.calls.count("part") == 3
    assert client.tags == {"0123456": built.digest}
    assert client.manifests[built.digest].encode() == built.manifest
    assert client.blobs == {blob.digest: built.blob(blob.digest).read_bytes() for blob in built.blobs}
    assert (report.changed, report.uploaded_bytes, report.skipped) == (True, built.size, 0)


def test_a_second_push_does_nothing(built: BuiltImage) -> None:
    client = EcrClient()
    push(built, client)
    client.calls.clear()
    report = push(built, client)
    assert (report.changed, report.uploaded, report.skipped, client.calls) == (False, (), 2, [])


def test_another_commit_with_the_same_layers_uploads_no_layer(built: BuiltImage) -> None:
    client = EcrClient()
    push(built, client)
    report = push(built, client, tag="abcdef0")
    assert (report.changed, report.uploaded, report.skipped) == (True, (), 2)
    assert client.tags == {"0123456": built.digest, "abcdef0": built.digest}


def test_a_push_that_broke_off_is_finished_by_the_next(built: BuiltImage) -> None:
    client = EcrClient(parts_left=2)
    with pytest.raises(AwsError, match="AWS did not answer"):
        push(built, client)
    assert client.tags == {}
    client.parts_left = None
    assert push(built, client).uploaded == (built.config.digest,), "the layer had arrived, the config had not"
    assert client.tags == {"0123456": built.digest}


def test_a_tag_never_moves(built: BuiltImage) -> None:
    other = "sha256:" + "0" * 64
    client = EcrClient(tags={"0123456": other}, manifests={other: "{}"})
    with pytest.raises(RefusedError, match="slipway/toy:0123456 is sha256:0000"):
        push(built, client)
    assert client.calls == []


def test_damaged_blobs_never_become_an_image(built: BuiltImage) -> None:
    client = EcrClient()
    built.blob(built.layers[0].digest).write_bytes(b"something else")
    with pytest.raises(SlipwayError, match="missing or damaged"):
        push(built, client)
    assert (client.blobs, client.tags) == ({}, {})


def test_an_image_without_commit_needs_a_tag(built: BuiltImage) -> None:
    with pytest.raises(SlipwayError, match="no tag was given"):
        push(replace(built, commit=""), EcrClient())
