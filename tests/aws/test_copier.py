"""The copy engine on S3's real semantics: server-side, checked, resumable, never overwriting."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from glue import releases
from glue.aws.copier import BytesOrigin, Copier, Item, LocalOrigin, Moved
from glue.aws.s3 import Bucket, Head
from glue.aws.session import Session
from glue.core.checksum import Checksums, PartHasher, of_bytes
from glue.core.copying import plan_file
from glue.core.release import MANIFEST, Release, encode, release_file, with_content
from glue.errors import AccessDeniedError, AwsError, RefusedError, SlipwayError

from .conftest import MIB, Estate
from .faults import Killed, always, answer, failing, hooked

PART = 5 * MIB  # the least that S3 takes
_ids = itertools.count(100000)


def checksums(data: bytes) -> Checksums:
    hasher = PartHasher(PART)
    hasher.update(data)
    return hasher.finish()


def a_release(bucket: Bucket, files: dict[str, bytes], folder: Path) -> str:
    """Put a release with small parts into a bucket, as `create_release` would, and return its id."""
    release_id = f"ranker-20260131t{next(_ids)}-1a2b3c4"
    entries = {name: release_file(name, checksums(data)) for name, data in files.items()}
    release = with_content(
        Release(
            release=release_id,
            model="ranker",
            created="2026-01-31T12:00:00Z",
            commit="1a2b3c4",
            image_repository="slipway/ranker",
            image_digest="sha256:" + "ab" * 32,
            files=entries,
        )
    )
    items = []
    for name, data in files.items():
        path = folder / name.replace("/", "_")
        path.write_bytes(data)
        tags = {"model": "ranker", "stage": "a b&c=d"}
        items.append(Item(entries[name], LocalOrigin(path), "application/gzip", {"note": name}, tags))
    data = encode(release)
    items.append(Item(release_file(MANIFEST, of_bytes(data)), BytesOrigin(data), "application/json"))
    Copier(bucket, release.prefix, threads=2).bring(items)
    return release_id


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)  # noqa: S311


FILES = {
    "model.tar.gz": noise(2 * PART + 1234),
    "sourcedir.tar.gz": b"",
    "golden/requests.json": b"[]",
}


@pytest.fixture(scope="module")
def shared(dev: Session, qa: Session, estate: Estate, tmp_path_factory: pytest.TempPathFactory) -> str:
    return a_release(dev.artifacts(), FILES, tmp_path_factory.mktemp("files"))


@pytest.fixture
def source(shared: str, qa: Session, estate: Estate) -> releases.LoadedRelease:
    """A release in dev, loaded with qa's eyes, of which qa has nothing."""
    loaded = releases.load_release(qa.artifacts(estate.dev), shared)
    s3, bucket = estate.client("s3", "qa"), estate.qa.artifact_bucket
    versions = s3.list_object_versions(Bucket=bucket, Prefix=loaded.release.prefix).get("Versions", [])
    for version in versions:
        s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    for upload in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
        s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    return loaded


@pytest.fixture
def fresh(dev: Session, qa: Session, estate: Estate, tmp_path: Path) -> releases.LoadedRelease:
    """A release of its own, for tests that harm the source."""
    return releases.load_release(qa.artifacts(estate.dev), a_release(dev.artifacts(), FILES, tmp_path))


@pytest.fixture
def target(qa: Session) -> Bucket:
    return qa.artifacts()


def head_of(bucket: Bucket, loaded: releases.LoadedRelease, name: str) -> Head:
    head = bucket.head(loaded.release.key(name))
    assert head is not None
    return head


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


@pytest.mark.parametrize("after", [0, 1, 2, 3, 4])
def test_killed_after_any_part_the_next_run_finishes_it(
    after: int, source: releases.LoadedRelease, target: Bucket
) -> None:
    calls = itertools.count()

    def kill(**_: Any) -> None:
        if next(calls) == after:
            raise Killed

    with hooked(target, "before-send.s3.UploadPartCopy", kill), pytest.raises(Killed):
        releases.copy_release(source, target, threads=1)
    assert target.head(source.release.key(MANIFEST)) is None  # nobody takes it for a release
    done = releases.copy_release(source, target)
    before = done.reused + sum(3 if name == "model.tar.gz" else 1 for name in done.skipped)
    assert done.parts == 6 - before
    assert before >= after
    assert releases.load_release(target, source.release.release).manifest == source.manifest
    assert target.uploads(source.release.prefix) == {}


COPY_SLOWLY = """
import sys, time
from glue import releases
from glue.aws.session import Accounts
from glue.core.environment import Environment, Neighbour

qa = Environment("qa", "222222222222", "eu-west-1", promotes_from=Neighbour("dev", "111111111111", "eu-west-1"))
session = Accounts().session(qa)
target = session.artifacts()
target._client.meta.events.register("before-send.s3.UploadPartCopy", lambda **_: time.sleep(0.2))
releases.copy_release(releases.load_release(session.artifacts(qa.promotes_from), sys.argv[1]), target, threads=1)
"""


def test_a_process_killed_by_the_system_leaves_parts_that_the_next_one_uses(
    source: releases.LoadedRelease, target: Bucket
) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", COPY_SLOWLY, source.release.release]
    with subprocess.Popen(command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}) as process:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            if sum(len(u.parts) for us in target.uploads(source.release.prefix).values() for u in us) >= 2:
                break
            time.sleep(0.02)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert target.head(source.release.key(MANIFEST)) is None
    done = releases.copy_release(source, target)
    assert done.reused >= 2
    assert releases.load_release(target, source.release.release).manifest == source.manifest


@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "CompleteMultipartUpload"])
@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_killed_between_the_steps_the_next_run_finishes_it(
    operation: str, after: int, source: releases.LoadedRelease, target: Bucket
) -> None:
    calls = itertools.count()

    def kill(**_: Any) -> None:
        if next(calls) == after:
            raise Killed

    with hooked(target, f"before-send.s3.{operation}", kill), pytest.raises(Killed):
        releases.copy_release(source, target, threads=1)
    assert target.head(source.release.key(MANIFEST)) is None
    releases.copy_release(source, target)
    assert releases.load_release(target, source.release.release).manifest == source.manifest


def test_a_resumed_copy_moves_only_the_missing_parts(source: releases.LoadedRelease, target: Bucket) -> None:
    refused = answer(403, "AccessDenied", "no more")
    with (
        failing(target, "UploadPartCopy", None, None, refused, refused, refused, refused),
        pytest.raises(AccessDeniedError) as caught,
    ):
        releases.copy_release(source, target, threads=1)
    assert caught.value.message.startswith("part 2 of 3 of model.tar.gz failed: AWS denied ")
    assert "s3:PutObject on the target or s3:GetObject on the source" in caught.value.message
    assert "arn:aws:iam::222222222222:role/slipway-qa-promote" in caught.value.message
    assert "2 parts were done before; the next run goes on from there." in str(caught.value)
    with failing(target, "UploadPartCopy") as seen:
        done = releases.copy_release(source, target)
    assert done.parts + done.reused == 6
    assert done.reused >= 2
    assert seen == [3]  # two parts of the model and the manifest; the empty file's part is no copy


def test_passing_faults_are_retried(source: releases.LoadedRelease, target: Bucket) -> None:
    with failing(target, "UploadPartCopy", answer(503, "SlowDown"), answer(500, "InternalError")) as seen:
        done = releases.copy_release(source, target)
    assert done.parts == 6
    assert seen == [7]


def test_a_200_answer_that_holds_an_error_is_an_error(source: releases.LoadedRelease, target: Bucket) -> None:
    """UploadPartCopy may say 200 and fail later, in the body."""
    with failing(target, "UploadPartCopy", answer(200, "InternalError")) as seen:
        releases.copy_release(source, target)
    assert seen == [6]


def test_lasting_faults_end_with_the_part_and_a_remedy(
    source: releases.LoadedRelease, target: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    with always(target, "UploadPartCopy", answer(503, "SlowDown")), pytest.raises(AwsError) as caught:
        releases.copy_release(source, target, threads=1)
    assert "part 1 of 1 of golden/requests.json failed: AWS throttled UploadPartCopy of s3://" in caught.value.message
    assert "Wait, then run it again." in str(caught.value)


def copied_result(sha256: str | None) -> Any:
    checksum = f"<ChecksumSHA256>{sha256}</ChecksumSHA256>" if sha256 else ""
    response = answer(200, "-")
    response._content = f'<CopyPartResult><ETag>"x"</ETag>{checksum}</CopyPartResult>'.encode()
    return response


@pytest.mark.parametrize("sha256", [of_bytes(b"other").parts[0], None])
def test_a_part_with_another_checksum_never_becomes_an_object(
    sha256: str | None, source: releases.LoadedRelease, target: Bucket
) -> None:
    with failing(target, "UploadPartCopy", copied_result(sha256)), pytest.raises(SlipwayError) as caught:
        releases.copy_release(source, target, threads=1)
    assert f"has SHA-256 {sha256 or '(none)'}, the manifest says" in caught.value.message
    assert (
        "part 1 of 1 of golden/requests.json failed: part 1 of s3://slipway-qa-artifacts-222222222222/releases/ranker/"
        in caught.value.message
    )
    assert all(target.head(source.release.key(name)) is None for name in FILES)
    releases.copy_release(source, target)
    assert releases.load_release(target, source.release.release).manifest == source.manifest


def test_what_lies_there_and_differs_is_refused_before_anything_is_done(
    source: releases.LoadedRelease, target: Bucket, estate: Estate, qa: Session
) -> None:
    key = source.release.key("golden/requests.json")
    estate.client("s3", "qa").put_object(Bucket=target.name, Key=key, Body=b"{}", ChecksumAlgorithm="SHA256")
    before = qa.calls.by_operation().get("s3:CreateMultipartUpload", 0)
    with pytest.raises(RefusedError) as caught:
        releases.copy_release(source, target)
    assert "golden/requests.json (SHA-256 " in caught.value.message
    assert "objects of a release are never overwritten" in caught.value.message
    assert qa.calls.by_operation().get("s3:CreateMultipartUpload", 0) == before


def test_an_equal_object_that_appears_meanwhile_is_done(source: releases.LoadedRelease, target: Bucket) -> None:
    """Two promotions at once: the other one completes everything while this one is about to complete."""
    once = threading.Lock()

    def overtake(request: Any, **_: Any) -> None:
        if "model.tar.gz" in request.url and once.acquire(blocking=False):
            other = [item for item in _fresh_items(source) if item.file.name == "model.tar.gz"]
            copier = Copier(target, source.release.prefix)
            for item in other:
                _copy_with_own_upload(copier, target, source, item)

    with hooked(target, "before-send.s3.CompleteMultipartUpload", overtake):
        done = releases.copy_release(source, target)
    assert "model.tar.gz" in done.skipped
    assert set(done.copied) == {"sourcedir.tar.gz", "golden/requests.json", MANIFEST}
    assert target.uploads(source.release.prefix) == {}  # the loser's parts are not left behind


def _fresh_items(source: releases.LoadedRelease) -> list[Item]:
    return releases.items_of(source, done=())


def _copy_with_own_upload(copier: Copier, target: Bucket, source: releases.LoadedRelease, item: Item) -> None:
    key = source.release.key(item.file.name)
    upload = target.create_upload(key, content_type="x/y", metadata={}, tags={})
    parts = [item.origin.move(target, key, upload, part, whole=False) for part in plan_file(item.file, ()).missing]
    target.complete(key, upload, parts, size=item.file.bytes)


def test_an_object_that_appears_meanwhile_and_differs_is_refused(
    source: releases.LoadedRelease, target: Bucket, estate: Estate
) -> None:
    once = threading.Lock()
    key = source.release.key("golden/requests.json")

    def overtake(**_: Any) -> None:
        if once.acquire(blocking=False):
            estate.client("s3", "qa").put_object(Bucket=target.name, Key=key, Body=b"{}", ChecksumAlgorithm="SHA256")

    with (
        hooked(target, "before-send.s3.UploadPartCopy", overtake),
        pytest.raises(RefusedError, match="objects of a release are never overwritten"),
    ):
        releases.copy_release(source, target)
    assert estate.client("s3", "qa").get_object(Bucket=target.name, Key=key)["Body"].read() == b"{}"


@pytest.mark.parametrize("code", ["PreconditionFailed", "ConditionalRequestConflict"])
def test_a_lost_race_without_a_winner_is_run_again(code: str, source: releases.LoadedRelease, target: Bucket) -> None:
    status = 412 if code == "PreconditionFailed" else 409
    with failing(target, "CompleteMultipartUpload", answer(status, code)):
        releases.copy_release(source, target)
    assert releases.load_release(target, source.release.release).manifest == source.manifest


def test_losing_for_ever_ends_with_what_to_do(source: releases.LoadedRelease, target: Bucket) -> None:
    with (
        always(target, "CompleteMultipartUpload", answer(409, "ConditionalRequestConflict")),
        pytest.raises(AwsError, match="could not be completed in 4 rounds: somebody else keeps writing there"),
    ):
        releases.copy_release(source, target)


def test_an_upload_aborted_under_way_is_begun_again(source: releases.LoadedRelease, target: Bucket) -> None:
    """Somebody else's clean-up, or a life-cycle rule, takes the upload away in the middle."""
    once = threading.Lock()

    def abort(**_: Any) -> None:
        if once.acquire(blocking=False):
            for key, uploads in target.uploads(source.release.prefix).items():
                for upload in uploads:
                    target.abort(key, upload.upload_id)

    with hooked(target, "before-send.s3.UploadPartCopy", abort):
        releases.copy_release(source, target, threads=1)
    assert releases.load_release(target, source.release.release).manifest == source.manifest


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


def test_a_source_that_changed_is_refused(source: releases.LoadedRelease, target: Bucket) -> None:
    head = source.heads["model.tar.gz"]
    changed = replace(head, stored=replace(head.stored, etag='"0123456789abcdef0123456789abcdef"'))
    other = replace(source, heads={**source.heads, "model.tar.gz": changed})
    with pytest.raises(RefusedError, match="changed while it was copied") as caught:
        releases.copy_release(other, target)
    assert "model.tar.gz" in caught.value.message


def test_a_source_version_that_is_gone_is_named(fresh: releases.LoadedRelease, target: Bucket, estate: Estate) -> None:
    stored = fresh.heads["model.tar.gz"].stored
    estate.client("s3").delete_object(Bucket=fresh.bucket.name, Key=stored.key, VersionId=stored.version_id)
    with pytest.raises(SlipwayError, match=r"model\.tar\.gz does not exist .*NoSuchVersion"):
        releases.copy_release(fresh, target, threads=1)


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
