"""Finding and loading releases: what was changed, deleted or never finished is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from glue import releases
from glue.aws.session import Session
from glue.core.release import GOLDEN, MANIFEST, ManifestError
from glue.core.request import ReleaseRequest
from glue.errors import NotFoundError, RefusedError, SlipwayError, UsageError

from .conftest import Estate
from .faults import answer, failing
from .world import make


def test_lists_releases_newest_first_and_says_what_is_unfinished(
    ask: Callable[..., ReleaseRequest], dev: Session, estate: Estate
) -> None:
    first, second = make(ask(), dev).release, make(ask(), dev).release
    s3, bucket = estate.client("s3"), estate.dev.artifact_bucket
    s3.put_object(Bucket=bucket, Key="releases/ranker/ranker-20200101t000000-0000000/model.tar.gz", Body=b"")
    s3.put_object(Bucket=bucket, Key="releases/ranker/rubbish/x", Body=b"")
    found = releases.list_releases(dev.artifacts(), "ranker")
    ids = [summary.release for summary in found]
    assert ids.index(second.release) < ids.index(first.release)
    assert "rubbish" not in ids
    last = found[-1]
    assert (last.release, last.created, last.complete) == (
        "ranker-20200101t000000-0000000",
        "2020-01-01T00:00:00Z",
        False,
    )
    assert all(summary.complete for summary in found[:-1])
    assert releases.list_releases(dev.artifacts()) == found
    assert releases.list_releases(dev.artifacts(), "other") == ()
    with pytest.raises(NotFoundError, match="was never finished: it has files but no manifest"):
        releases.load_release(dev.artifacts(), last.release)


def test_an_unknown_release_is_not_found_also_with_anothers_eyes(dev: Session, qa: Session, estate: Estate) -> None:
    for bucket in (dev.artifacts(), qa.artifacts(estate.dev)):
        with pytest.raises(
            NotFoundError, match="release ranker-20210101t000000-0000000 is not in slipway-dev"
        ) as caught:
            releases.load_release(bucket, "ranker-20210101t000000-0000000")
        assert "slipway release list" in str(caught.value)


def test_what_is_no_release_id_is_a_usage_error(dev: Session) -> None:
    with pytest.raises(UsageError, match="'latest' is not a release id"):
        releases.load_release(dev.artifacts(), "latest")


def test_a_bucket_that_is_missing_points_to_the_foundation(dev: Session, estate: Estate) -> None:
    bucket = dev.bucket("slipway-nowhere-artifacts-111111111111", owner="111111111111")
    with pytest.raises(NotFoundError, match="bucket slipway-nowhere-artifacts-111111111111 does not exist") as caught:
        releases.list_releases(bucket)
    assert "Has terraform/foundation been applied there?" in str(caught.value)
    with pytest.raises(NotFoundError, match="bucket slipway-nowhere-artifacts-111111111111 does not exist"):
        bucket.head("x")


def test_a_bucket_of_another_owner_is_denied(dev: Session, estate: Estate) -> None:
    bucket = dev.bucket(estate.dev.artifact_bucket, owner="999999999999", region="eu-west-1", key_arn="arn:x")
    with pytest.raises(SlipwayError, match="AWS denied s3:ListBucket on s3://slipway-dev-artifacts-111111111111/"):
        releases.list_releases(bucket)


def test_a_file_that_was_changed_or_deleted_is_told(
    ask: Callable[..., ReleaseRequest], dev: Session, estate: Estate
) -> None:
    release = make(ask(), dev).release
    s3, bucket = estate.client("s3"), estate.dev.artifact_bucket
    s3.put_object(Bucket=bucket, Key=release.key(GOLDEN), Body=b"[]", ChecksumAlgorithm="SHA256")
    with pytest.raises(RefusedError, match=r"golden/requests.json \(2 bytes, \d+ in the manifest\) does not match its"):
        releases.load_release(dev.artifacts(), release.release)
    s3.delete_object(Bucket=bucket, Key=release.key(GOLDEN))
    with pytest.raises(NotFoundError, match=r"lacks golden/requests\.json"):
        releases.load_release(dev.artifacts(), release.release)


def test_a_manifest_that_was_changed_is_told(ask: Callable[..., ReleaseRequest], dev: Session, estate: Estate) -> None:
    first, second = make(ask(), dev).release, make(ask(), dev).release
    s3, bucket = estate.client("s3"), estate.dev.artifact_bucket
    original = dev.artifacts().get_small(first.key(MANIFEST), limit=10**6)
    assert original is not None
    s3.put_object(Bucket=bucket, Key=second.key(MANIFEST), Body=original[0])
    with pytest.raises(RefusedError, match=f"is the manifest of {first.release}"):
        releases.load_release(dev.artifacts(), second.release)
    s3.put_object(Bucket=bucket, Key=first.key(MANIFEST), Body=original[0])
    with pytest.raises(RefusedError, match="it has no SHA-256 checksum to compare"):
        releases.load_release(dev.artifacts(), first.release)
    s3.put_object(Bucket=bucket, Key=first.key(MANIFEST), Body=original[0].replace(b"0.75", b"0.99x"))
    with pytest.raises(ManifestError, match="is not a usable manifest: it is not JSON"):
        releases.load_release(dev.artifacts(), first.release)


def test_an_index_entry_that_was_changed_is_told(
    ask: Callable[..., ReleaseRequest], dev: Session, estate: Estate
) -> None:
    request = ask()
    release = make(request, dev).release
    key = f"release-index/ranker/{release.content}.json"
    estate.client("s3").put_object(Bucket=estate.dev.artifact_bucket, Key=key, Body=b"{}")
    with pytest.raises(RefusedError, match=f"{key} is not a usable index entry"):
        make(request, dev)


def test_a_denied_index_is_never_read_as_absent(ask: Callable[..., ReleaseRequest], dev: Session) -> None:
    with (
        failing(dev.artifacts(), "GetObject", answer(403, "AccessDenied", "no")),
        pytest.raises(
            SlipwayError, match="AWS denied s3:GetObject on s3://slipway-dev-artifacts-111111111111/release-index"
        ),
    ):
        make(ask(), dev)
