"""The same files packed again are the same release, whoever packed them and however it was interrupted."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from glue import releases
from glue.aws.session import Session
from glue.core.release import MODEL_ARCHIVE, by_bytes
from glue.core.request import CreatedRelease, ReleaseRequest
from glue.errors import RefusedError, SlipwayError
from glue.releasing import create_release, plan_release

from .conftest import Estate, model_members
from .faults import Killed, hooked
from .world import clock, make


def packed(time: int, *, mode: int = 0o644, order: int = 1, **more: bytes) -> bytes:
    """Pack as SageMaker would at some moment: its own times, owner, order, folders, compression."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT if time % 2 else tarfile.PAX_FORMAT) as tar:
        folder = tarfile.TarInfo("./golden/")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(folder)
        for name, data in list(model_members(**more).items())[::order]:
            info = tarfile.TarInfo(f"./{name}" if time % 2 else name)
            info.size, info.mtime, info.mode, info.uname = len(data), time, mode, f"user{time}"
            tar.addfile(info, io.BytesIO(data))
    return gzip.compress(raw.getvalue(), mtime=time, compresslevel=1 + time % 9)


@pytest.fixture
def ask_for(ask: Callable[..., ReleaseRequest], tmp_path: Path) -> Callable[[bytes], ReleaseRequest]:
    numbers = iter(range(100))

    def request(data: bytes) -> ReleaseRequest:
        path = tmp_path / f"{next(numbers)}.tar.gz"
        path.write_bytes(data)
        return ask(archive=str(path))

    return request


def test_what_was_packed_again_is_the_same_release(ask_for: Callable[[bytes], ReleaseRequest], dev: Session) -> None:
    first = make(ask_for(packed(1, x=b"1")), dev)
    again = make(ask_for(packed(2, x=b"1", order=-1)), dev)
    assert (again.created, again.release, again.uploaded_bytes) == (False, first.release, 0)
    loaded = releases.load_release(dev.artifacts(), first.release.release)
    assert loaded.release.files[MODEL_ARCHIVE].unpacked
    assert make(ask_for(packed(1, x=b"2")), dev).created
    assert make(ask_for(packed(1, mode=0o600, x=b"1")), dev).created, "a server's workers cannot read such files"


@pytest.mark.parametrize("operation", ["CompleteMultipartUpload", "HeadObject", "UploadPart"])
def test_killed_and_packed_again_the_first_bytes_stay(
    ask_for: Callable[[bytes], ReleaseRequest], dev: Session, operation: str
) -> None:
    seed = operation.encode()

    calls: list[str] = []

    def die(**_: object) -> None:
        calls.append(operation)
        if len(calls) == 2:
            raise Killed

    plan = plan_release(ask_for(packed(3, x=seed)), session=dev, clock=clock)
    with hooked(dev.artifacts(), f"before-send.s3.{operation}", die), pytest.raises(Killed):
        create_release(plan, session=dev)
    made = make(ask_for(packed(4, x=seed)), dev)
    assert made.release.release == plan.release.release
    loaded = releases.load_release(dev.artifacts(), made.release.release)
    assert loaded.release.content == plan.release.content


def test_several_at_once_that_packed_it_each_for_themselves_make_one_release(
    ask_for: Callable[[bytes], ReleaseRequest], dev: Session
) -> None:
    results: list[CreatedRelease | SlipwayError] = []

    def run(request: ReleaseRequest) -> None:
        try:
            results.append(make(request, dev))
        except SlipwayError as error:
            results.append(error)

    requests = [ask_for(packed(time, x=b"at once")) for time in range(5, 9)]
    threads = [threading.Thread(target=run, args=(request,)) for request in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = [result for result in results if isinstance(result, CreatedRelease)]
    assert len(made) == 4, results
    (one,) = {result.release.release for result in made}
    assert releases.load_release(dev.artifacts(), one).release.content == made[0].release.content


def test_somebody_else_completes_the_same_upload_with_other_bytes(
    ask_for: Callable[[bytes], ReleaseRequest], dev: Session
) -> None:
    # The other one takes over the unfinished upload; S3 then repeats to us what it answered to them.
    other = ask_for(packed(21, x=b"same upload"))
    done: list[CreatedRelease] = []
    once = iter([True])

    def meanwhile(**_: object) -> None:
        if next(once, False):
            done.append(make(other, dev))

    with hooked(dev.artifacts(), "before-send.s3.CompleteMultipartUpload", meanwhile):
        ours = make(ask_for(packed(20, x=b"same upload")), dev)
    assert (done[0].created, ours.created) == (True, False)
    assert ours.release == done[0].release


def test_bytes_that_are_gone_are_not_replaced_by_others(
    ask_for: Callable[[bytes], ReleaseRequest], dev: Session, estate: Estate
) -> None:
    request = ask_for(packed(9, x=b"gone"))
    first = make(request, dev)
    key, version = first.release.key(MODEL_ARCHIVE), first.release.files[MODEL_ARCHIVE].version_id
    estate.client("s3").delete_object(Bucket=dev.artifacts().name, Key=key, VersionId=version)
    with pytest.raises(RefusedError, match="was deleted, and what was given unpacks to the same in other bytes"):
        make(ask_for(packed(10, x=b"gone")), dev)
    assert make(request, dev).release == first.release


def test_a_release_that_an_older_version_made_is_found_again(
    ask_for: Callable[[bytes], ReleaseRequest], dev: Session
) -> None:
    request = ask_for(packed(11, x=b"older"))
    plan = plan_release(request, session=dev, clock=clock)
    items = tuple(replace(item, file=replace(item.file, unpacked=None)) for item in plan.gathered.items)
    older = replace(plan, release=by_bytes(plan.release), gathered=replace(plan.gathered, items=items))
    first = create_release(older, session=dev)
    stored = dev.artifacts().get_small(first.release.key("release.json"), limit=10_000)
    assert stored is not None
    assert "unpacked" not in json.loads(stored[0])["files"][MODEL_ARCHIVE]
    again = make(request, dev)
    assert (again.created, again.release) == (False, first.release)
