"""The copy engine on S3's real semantics: server-side, checked, resumable, never overwriting."""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from glue import releases
from glue.aws.copier import Copier, Item, LocalOrigin, Moved
from glue.aws.s3 import Bucket
from glue.aws.session import Session
from glue.core.checksum import of_bytes
from glue.core.release import MANIFEST, release_file
from glue.errors import AwsError, RefusedError, SlipwayError

from .conftest import Estate
from .faults import hooked
from .world import FILES, PART, checksums, head_of


def test_copies_everything_with_what_it_carries(
    source: releases.LoadedRelease, target: Bucket, qa: Session, estate: Estate
) -> None:
    done = releases.copy_release(source, target)
    assert done.copied == ("golden/requests.json", "model.tar.gz", "sourcedir.tar.gz", MANIFEST)
    assert (done.parts, done.skipped, done.reused) == (6, (), 0)
    assert done.bytes == source.bytes == sum(map(len, FILES.values())) + len(source.manifest)
    copied = releases.load_release(target, source.release.release)
    assert copied.manifest == source.manifest
    model = head_of(target, source, "model.tar.gz")
    assert model.stored.sha256 == checksums(FILES["model.tar.gz"]).composite
    assert (model.content_type, model.metadata) == ("application/gzip", {"note": "model.tar.gz"})
    key_arn = qa.parameters.foundation(estate.qa).artifact_key_arn
    assert (model.encryption, model.key_arn) == ("aws:kms", key_arn)
    key = source.release.key("model.tar.gz")
    assert target.tags(key) == {"model": "ranker", "stage": "a b&c=d"}
    body = estate.client("s3", "qa").get_object(Bucket=target.name, Key=key)["Body"].read()
    assert body == FILES["model.tar.gz"]


def test_no_byte_of_an_artifact_passes_through_the_client(source: releases.LoadedRelease, target: Bucket) -> None:
    sent: Counter[str] = Counter()
    seen: list[Any] = []

    def note(request: Any, **_: Any) -> None:
        seen.append(request)
        sent["bytes"] += len(request.body or b"") if not hasattr(request.body, "read") else len(request.body.read())

    with hooked(target, "before-send.s3.UploadPart", note), hooked(target, "before-send.s3.GetObject", note):
        releases.copy_release(source, target)
    assert len(seen) == 1  # the empty part of the empty file: S3 copies no range of nothing
    assert sent["bytes"] == 0


def test_every_part_is_copied_from_the_pinned_version_and_owner(source: releases.LoadedRelease, target: Bucket) -> None:
    seen: list[dict[str, str]] = []
    lock = threading.Lock()

    def note(request: Any, **_: Any) -> None:
        with lock:
            seen.append({name.lower(): _text(value) for name, value in request.headers.items()})

    with hooked(target, "before-send.s3.UploadPartCopy", note):
        releases.copy_release(source, target)
    head = source.heads["model.tar.gz"].stored
    parts = [headers for headers in seen if "model.tar.gz" in headers["x-amz-copy-source"]]
    assert len(parts) == 3
    for headers in parts:
        assert headers["x-amz-copy-source"].endswith(f"model.tar.gz?versionId={head.version_id}")
        assert headers["x-amz-copy-source-if-match"] == head.etag
        assert headers["x-amz-source-expected-bucket-owner"] == "111111111111"
        assert headers["x-amz-expected-bucket-owner"] == "222222222222"
    assert sorted(headers["x-amz-copy-source-range"] for headers in parts) == [
        f"bytes=0-{PART - 1}",
        f"bytes={2 * PART}-{2 * PART + 1233}",
        f"bytes={PART}-{2 * PART - 1}",
    ]
    small = next(headers for headers in seen if "requests.json" in headers["x-amz-copy-source"])
    assert "x-amz-copy-source-range" not in small  # S3 takes a range only of objects over 5 MiB


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def test_a_second_run_changes_nothing_and_costs_a_handful_of_reads(
    source: releases.LoadedRelease, target: Bucket, qa: Session
) -> None:
    releases.copy_release(source, target)
    before = qa.calls.by_operation()
    done = releases.copy_release(source, target)
    after = qa.calls.by_operation()
    assert (done.copied, done.parts, done.bytes) == ((), 0, 0)
    assert len(done.skipped) == 4
    assert {name: count - before.get(name, 0) for name, count in after.items() if count != before.get(name, 0)} == {
        "s3:HeadObject": 4
    }
    assert releases.plan_copy_of(source, target).empty


def test_the_manifest_is_written_last(source: releases.LoadedRelease, target: Bucket) -> None:
    order: list[str] = []

    def note(request: Any, **_: Any) -> None:
        order.append(request.url.partition("?")[0].rpartition("/")[2])

    with hooked(target, "before-send.s3.CompleteMultipartUpload", note):
        releases.copy_release(source, target)
    assert order[-1] == MANIFEST
    assert len(order) == 4


def test_progress_reaches_the_whole(source: releases.LoadedRelease, target: Bucket) -> None:
    seen: list[tuple[int, int]] = []
    releases.copy_release(source, target, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (source.bytes, source.bytes)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_a_local_file_that_changes_after_it_was_hashed_is_refused(target: Bucket, tmp_path: Path) -> None:
    path = tmp_path / "model.tar.gz"
    path.write_bytes(b"one")
    entry = release_file("model.tar.gz", of_bytes(b"two"))
    with pytest.raises(RefusedError, match=r"model\.tar\.gz changed while it was read"):
        Copier(target, "releases/x/").bring([Item(entry, LocalOrigin(path), "application/gzip")])


def test_s3_refuses_a_part_that_arrives_broken(target: Bucket) -> None:
    upload = target.create_upload("releases/broken", content_type="x/y", metadata={}, tags={})
    with pytest.raises(AwsError, match="BadDigest"):
        target.upload_part("releases/broken", upload, number=1, body=b"one", sha256=of_bytes(b"two").parts[0])


def test_json_is_untouched_by_the_copy(source: releases.LoadedRelease, target: Bucket) -> None:
    releases.copy_release(source, target)
    found = target.get_small(source.release.key(MANIFEST), limit=10**6)
    assert found is not None
    assert json.loads(found[0])["release"] == source.release.release


def test_two_promotions_at_once_both_succeed(source: releases.LoadedRelease, target: Bucket) -> None:
    results: list[Moved | Exception] = []

    def run() -> None:
        try:
            results.append(releases.copy_release(source, target))
        except SlipwayError as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(isinstance(result, Moved) for result in results), results
    assert releases.load_release(target, source.release.release).manifest == source.manifest


def test_a_source_overwritten_before_the_copy_keeps_its_pinned_version(
    fresh: releases.LoadedRelease, target: Bucket, estate: Estate
) -> None:
    key = fresh.release.key("golden/requests.json")
    estate.client("s3").put_object(Bucket=fresh.bucket.name, Key=key, Body=b"[1]")
    releases.copy_release(fresh, target)
    assert releases.load_release(target, fresh.release.release).manifest == fresh.manifest
