"""Images by digest, tags that move without losing an image, pushing, and waiting for replication."""

from __future__ import annotations

import hashlib
import itertools
import os
from typing import Any

import pytest

from glue.aws.ecr import image_reference
from glue.aws.session import Session
from glue.errors import AwsError, NotFoundError, RefusedError

from .conftest import MIB, Estate, push_image

REPOSITORY = "slipway/ranker"
ABSENT = "sha256:" + "9" * 64


def test_resolves_tags_and_digests(dev: Session) -> None:
    digest = push_image(dev, "t1", content=b"one")
    assert dev.registry.resolve(REPOSITORY, "t1") == digest
    assert dev.registry.resolve(REPOSITORY, digest) == digest
    image = dev.registry.describe(REPOSITORY, "t1")
    assert image is not None
    assert (image.digest, image.tags) == (digest, ("t1",))
    assert image.bytes > 0
    assert image.pushed.startswith("20")


@pytest.mark.parametrize("reference", ["nothing", ABSENT])
def test_an_absent_image_is_none_or_a_clear_error(reference: str, dev: Session) -> None:
    assert dev.registry.describe(REPOSITORY, reference) is None
    with pytest.raises(NotFoundError, match=f"image {REPOSITORY} {reference} does not exist"):
        dev.registry.resolve(REPOSITORY, reference)


def test_an_absent_repository_is_never_an_absent_image(dev: Session) -> None:
    with pytest.raises(NotFoundError, match="image repository slipway/none does not exist") as caught:
        dev.registry.describe("slipway/none", "t1")
    assert "apply foundation" in str(caught.value)


def test_pushing_again_changes_nothing(dev: Session) -> None:
    assert push_image(dev, "t2", content=b"two") == push_image(dev, "t2", content=b"two")


def test_a_tag_of_another_image_is_refused(dev: Session) -> None:
    push_image(dev, "t3", content=b"three")
    with pytest.raises(RefusedError, match="tag t3 of slipway/ranker belongs to another image") as caught:
        push_image(dev, "t3", content=b"other")
    assert "Tags are immutable" in str(caught.value)


def test_a_large_layer_goes_up_in_parts(dev: Session) -> None:
    blob = os.urandom(21 * MIB)
    digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
    before = dev.calls.by_operation().get("ecr:UploadLayerPart", 0)
    pieces = (blob[at : at + 3 * MIB] for at in range(0, len(blob), 3 * MIB))
    assert dev.registry.upload_layer(REPOSITORY, digest, pieces) == len(blob)
    assert dev.calls.by_operation()["ecr:UploadLayerPart"] - before == 3
    assert dev.registry.missing_layers(REPOSITORY, [digest, ABSENT, digest]) == (ABSENT,)
    assert dev.registry.upload_layer(REPOSITORY, digest, [blob]) == len(blob)  # is there already: no error


def test_a_layer_that_is_not_its_digest_is_refused(dev: Session) -> None:
    with pytest.raises(AwsError, match=f"layer {ABSENT} of slipway/ranker"):
        dev.registry.upload_layer(REPOSITORY, ABSENT, [b"something else"])


def test_a_tag_moves_and_no_image_is_lost(dev: Session) -> None:
    first, second = push_image(dev, "a", content=b"A"), push_image(dev, "b", content=b"B")
    assert dev.registry.move_tag(REPOSITORY, first, "live") is True
    assert dev.registry.move_tag(REPOSITORY, first, "live") is False
    assert dev.registry.move_tag(REPOSITORY, second, "live") is True
    assert dev.registry.resolve(REPOSITORY, "live") == second
    image = dev.registry.describe(REPOSITORY, first)
    assert image is not None
    assert image.tags == ("a",)


def test_an_image_whose_only_tag_moves_away_is_kept(dev: Session) -> None:
    """Taking an image's last tag deletes the image: it would be gone for a rollback."""
    first, second = push_image(dev, "only", content=b"only"), push_image(dev, "other", content=b"new")
    dev.registry.move_tag(REPOSITORY, second, "only")
    image = dev.registry.describe(REPOSITORY, first)
    assert image is not None
    assert image.tags == (first.replace(":", "-")[:19],)
    assert dev.registry.resolve(REPOSITORY, "only") == second


def test_a_tag_is_not_moved_to_an_image_that_is_not_there(dev: Session) -> None:
    holder = push_image(dev, "stays", content=b"stays")
    with pytest.raises(NotFoundError, match=f"image {REPOSITORY}@{ABSENT} does not exist"):
        dev.registry.move_tag(REPOSITORY, ABSENT, "stays")
    assert dev.registry.resolve(REPOSITORY, "stays") == holder


def test_the_manifest_has_the_digest(dev: Session) -> None:
    digest = push_image(dev, "m", content=b"manifest")
    data, media_type = dev.registry.manifest(REPOSITORY, digest)
    assert f"sha256:{hashlib.sha256(data).hexdigest()}" == digest
    assert media_type == "application/vnd.oci.image.manifest.v1+json"


def test_waits_until_replication_has_brought_the_image(qa: Session, dev: Session) -> None:
    waited: list[float] = []
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            push_image(qa, "late", content=b"late")

    digest = push_image(dev, "late", content=b"late")
    time = itertools.count()
    found = qa.registry.wait_for(
        REPOSITORY, digest, every_s=2, sleep=sleep, clock=lambda: float(next(time)), progress=waited.append
    )
    assert found.digest == digest
    assert slept == [2, 2, 2]
    assert waited == [1, 2, 3]


def test_waiting_has_a_limit_and_says_what_to_look_at(qa: Session) -> None:
    time = itertools.count(step=10)
    with pytest.raises(RefusedError) as caught:
        qa.registry.wait_for(REPOSITORY, ABSENT, timeout_s=25, sleep=lambda _: None, clock=lambda: float(next(time)))
    assert caught.value.exit_code == 3
    assert caught.value.message == (
        f"image {REPOSITORY}@{ABSENT} has not arrived after 30 s (account 222222222222, eu-west-1)"
    )
    assert "replicates_images_to" in str(caught.value)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("v1", (None, "v1")),
        (ABSENT, (None, ABSENT)),
        ("slipway/ranker:v1", ("slipway/ranker", "v1")),
        (f"host/slipway/ranker@{ABSENT}", ("host/slipway/ranker", ABSENT)),
        ("host:5000/slipway/ranker:v1", ("host:5000/slipway/ranker", "v1")),
        ("host:5000/slipway/ranker", ("host:5000/slipway/ranker", "latest")),
        ("slipway/ranker", ("slipway/ranker", "latest")),
    ],
)
def test_images_as_users_write_them(image: str, expected: tuple[str | None, str]) -> None:
    assert image_reference(image) == expected


def test_a_registry_that_calls_an_image_otherwise_is_not_believed(dev: Session, estate: Estate) -> None:
    def other(parsed: Any, **_: Any) -> None:
        parsed["image"]["imageId"]["imageDigest"] = ABSENT

    events = dev.registry._client.meta.events
    events.register("after-call.ecr.PutImage", other)
    try:
        with pytest.raises(AwsError, match=f"the registry calls slipway/ranker:odd {ABSENT}, it is sha256:"):
            push_image(dev, "odd", content=b"odd")
    finally:
        events.unregister("after-call.ecr.PutImage", other)
