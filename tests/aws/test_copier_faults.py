"""Bad days of the copy engine: killed, raced, throttled, denied, given other bytes."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from glue import releases
from glue.aws.copier import Copier, Item
from glue.aws.s3 import Bucket
from glue.aws.session import Session
from glue.core.checksum import of_bytes
from glue.core.copying import plan_file
from glue.core.release import MANIFEST
from glue.errors import AccessDeniedError, AwsError, NotFoundError, RefusedError, SlipwayError

from .conftest import Estate
from .faults import Killed, always, answer, failing, hooked
from .world import FILES


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
from glue.aws.accounts import Accounts
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


@pytest.mark.parametrize("code", ["PreconditionFailed", "ConditionalRequestConflict", "InvalidPart", "NoSuchUpload"])
def test_a_lost_race_without_a_winner_is_run_again(code: str, source: releases.LoadedRelease, target: Bucket) -> None:
    status = {"PreconditionFailed": 412, "ConditionalRequestConflict": 409}.get(code, 400)
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
    with pytest.raises(NotFoundError, match=r"lacks model\.tar\.gz"):
        releases.copy_release(fresh, target, threads=1)


def test_a_source_that_is_gone_is_not_called_denied(
    fresh: releases.LoadedRelease, target: Bucket, estate: Estate
) -> None:
    """S3 answers 403 for an absent key to those who may list a part of the bucket only."""
    stored = fresh.heads["model.tar.gz"].stored
    estate.client("s3").delete_object(Bucket=fresh.bucket.name, Key=stored.key, VersionId=stored.version_id)
    with (
        failing(target, "UploadPartCopy", *[answer(403, "AccessDenied")] * 9),
        pytest.raises(NotFoundError, match=r"lacks model\.tar\.gz"),
    ):
        releases.copy_release(fresh, target, threads=1)


def test_a_denial_stays_one_while_the_source_is_there(source: releases.LoadedRelease, target: Bucket) -> None:
    with (
        failing(target, "UploadPartCopy", *[answer(403, "AccessDenied")] * 9),
        pytest.raises(AccessDeniedError, match="UploadPartCopy"),
    ):
        releases.copy_release(source, target, threads=1)
