"""An image is promoted by moving the environment's tag to the digest of a commit's tag: always, whole, or again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from glue.aws.session import Session
from glue.errors import NotFoundError, RefusedError, UsageError
from glue.oci.tagging import TagPlan, environment_tags, move_tags, plan_tags

from .conftest import push_image

REPOSITORY = "slipway/ranker"
OLD, NEW = "0aa" + "1" * 37, "0bb" + "2" * 37


@pytest.fixture
def digests(qa: Session) -> tuple[str, str]:
    return push_image(qa, OLD, content=b"tags-old"), push_image(qa, NEW, content=b"tags-new")


def plan(session: Session, commit: str, *tags: str) -> TagPlan:
    return plan_tags(session.registry, repository=REPOSITORY, commit=commit, tags=tags)


@contextmanager
def dies_before(session: Session, operation: str) -> Iterator[None]:
    """The process is killed where it would send this request."""

    def die(**_: Any) -> None:
        raise KeyboardInterrupt

    events = session.registry._client.meta.events
    events.register(f"before-call.ecr.{operation}", die)
    try:
        yield
    finally:
        events.unregister(f"before-call.ecr.{operation}", die)


def test_the_tag_follows_the_commit_and_the_image_keeps_its_digest(qa: Session, digests: tuple[str, str]) -> None:
    for commit, digest in zip((OLD, NEW, OLD), (*digests, digests[0]), strict=True):
        assert move_tags(qa.registry, plan(qa, commit, "qa", "latest")) is True
        assert qa.registry.resolve(REPOSITORY, "qa") == qa.registry.resolve(REPOSITORY, "latest") == digest
        assert qa.registry.resolve(REPOSITORY, commit) == digest
    again = plan(qa, OLD, "qa", "latest")
    assert [move.needed for move in again.moves] == [False, False]
    before = qa.calls.by_operation()
    assert move_tags(qa.registry, again) is False
    changes = {"ecr:PutImage", "ecr:BatchDeleteImage"}
    assert {name: qa.calls.by_operation().get(name) for name in changes} == {name: before.get(name) for name in changes}


def test_the_promoted_image_is_kept_from_life_cycle_rules(qa: Session, digests: tuple[str, str]) -> None:
    move_tags(qa.registry, plan(qa, NEW, "qa"))
    image = qa.registry.describe(REPOSITORY, "qa")
    assert image is not None
    assert any(tag.startswith("sha256-") for tag in image.tags)
    assert NEW in image.tags


@pytest.mark.parametrize("operation", ["BatchDeleteImage", "PutImage"])
def test_killed_in_between_the_next_run_repairs_it(qa: Session, digests: tuple[str, str], operation: str) -> None:
    move_tags(qa.registry, plan(qa, OLD, "qa"))
    move_tags(qa.registry, plan(qa, NEW, "other"))  # pinned, so that the next PutImage is the tag's
    with dies_before(qa, operation), pytest.raises(KeyboardInterrupt):
        move_tags(qa.registry, plan(qa, NEW, "qa"))
    left = qa.registry.describe(REPOSITORY, "qa")
    assert (left.digest if left else None) == (None if operation == "PutImage" else digests[0])
    assert [qa.registry.resolve(REPOSITORY, commit) for commit in (OLD, NEW)] == list(digests)
    assert plan(qa, NEW, "qa").moves[0].needed
    assert move_tags(qa.registry, plan(qa, NEW, "qa")) is True
    assert qa.registry.resolve(REPOSITORY, "qa") == digests[1]


def test_two_runs_at_the_same_moment(qa: Session, digests: tuple[str, str]) -> None:
    """The other run puts the tag between our two calls: ours says so, and nothing is lost."""
    move_tags(qa.registry, plan(qa, OLD, "race"))
    qa.registry.pin(REPOSITORY, digests[1])
    wanted = plan(qa, NEW, "race")
    raced: list[bool] = []

    def other(**_: Any) -> None:
        if not raced:
            raced.append(True)
            manifest, media_type = qa.registry.manifest(REPOSITORY, digests[0])
            qa.registry.put_image(REPOSITORY, manifest, tag="race", media_type=media_type)

    events = qa.registry._client.meta.events
    events.register("before-call.ecr.PutImage", other)
    try:
        with pytest.raises(RefusedError, match="tag race of slipway/ranker was moved by another run"):
            move_tags(qa.registry, wanted)
    finally:
        events.unregister("before-call.ecr.PutImage", other)
    assert qa.registry.resolve(REPOSITORY, "race") == digests[0]


def test_a_commit_without_an_image_is_a_clear_error(qa: Session, digests: tuple[str, str]) -> None:
    for commit in ("f" * 40, "fffffff"):
        with pytest.raises(NotFoundError, match=f"slipway/ranker has no image of commit {commit}") as caught:
            plan(qa, commit, "qa")
        assert "replication" in str(caught.value)
    with pytest.raises(NotFoundError, match="image repository slipway/none does not exist"):
        plan_tags(qa.registry, repository="slipway/none", commit=NEW, tags=["qa"])


def test_an_image_of_another_account_does_not_count(dev: Session, qa: Session) -> None:
    push_image(dev, "0cc" + "3" * 37, content=b"tags-dev-only")
    with pytest.raises(NotFoundError, match="no image of commit"):
        plan(qa, "0cc" + "3" * 37, "qa")


def test_short_commits(qa: Session, digests: tuple[str, str]) -> None:
    assert plan(qa, OLD[:7], "qa").commit_tag == OLD
    assert plan(qa, OLD[:7], "qa").digest == digests[0]
    push_image(qa, OLD[:9] + "f" * 31, content=b"tags-alike")
    with pytest.raises(
        UsageError, match=f"commit {OLD[:7]} is ambiguous in slipway/ranker: {OLD}, {OLD[:9]}f"
    ) as caught:
        plan(qa, OLD[:7], "qa")
    assert "more digits" in str(caught.value)
    assert plan(qa, OLD[:12], "qa").digest == digests[0]


def test_a_tag_shorter_than_the_commit(qa: Session) -> None:
    digest = push_image(qa, "0dd4567", content=b"tags-short")
    assert plan(qa, "0dd4567" + "8" * 33, "qa").digest == digest


@pytest.mark.parametrize("commit", ["", "qa", "HEAD", "12345", "0aa1111\n", "sha256:" + "1" * 64, "-x"])
def test_what_is_no_commit_moves_nothing(qa: Session, commit: str) -> None:
    with pytest.raises(UsageError, match="is not a git commit id"):
        plan(qa, commit, "qa")


def test_a_tag_that_could_be_a_commits_follows_no_environment() -> None:
    assert environment_tags("qa", latest=True) == ("qa", "latest")
    with pytest.raises(RefusedError, match="could be a commit's"):
        environment_tags("deadbeef", latest=False)
