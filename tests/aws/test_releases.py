"""Making, finding and loading releases: once per content, whatever happens in between."""

from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from glue import releases
from glue.aws.session import Session
from glue.core.archive import ArchiveError, Limits
from glue.core.release import GOLDEN, MANIFEST
from glue.core.request import CreatedRelease, ReleaseRequest
from glue.errors import AwsError, NotFoundError, SlipwayError, UsageError
from glue.releasing import create_release, git_state, plan_release

from .conftest import MIB, Estate, archive, model_members
from .faults import Killed, always, answer, failing, hooked
from .world import COMMIT, clock, make, seconds


def test_makes_a_release_of_an_archive(ask: Callable[..., ReleaseRequest], dev: Session, image: str) -> None:
    request = ask(environment={"LOG_LEVEL": "info"}, training={"job": "ranker-7"}, dirty=True)
    made = make(request, dev)
    release = made.release
    assert made.created
    assert release.release.startswith("ranker-2026")
    assert release.release.endswith("-1a2b3c4")
    assert (release.commit, release.dirty, release.training) == (COMMIT, True, {"job": "ranker-7"})
    assert (release.image_repository, release.image_digest) == ("slipway/ranker", image)
    assert release.environment == {"LOG_LEVEL": "info"}
    assert release.metrics == {"ndcg": 0.75}
    assert set(release.files) == {"model.tar.gz", GOLDEN}
    assert all(file.version_id for file in release.files.values())
    loaded = releases.load_release(dev.artifacts(), release.release)
    assert loaded.release == release
    assert loaded.heads["model.tar.gz"].encryption == "aws:kms"
    assert dev.artifacts().tags(release.key("model.tar.gz")) == {"model": "ranker", "release": release.release}
    (golden,) = releases.load_golden(loaded)
    assert (golden.name, golden.expect) == ("one", {"score": 0.5})
    assert "1 golden requests" in made.notes
    size = Path(request.archive).stat().st_size
    assert (made.uploaded_bytes, made.copied_bytes) == (size + release.files[GOLDEN].bytes, 0)


def test_planning_writes_nothing(ask: Callable[..., ReleaseRequest], dev: Session) -> None:
    before = dev.calls.by_operation()
    plan = plan_release(ask(), session=dev, clock=clock)
    called = {name for name, count in dev.calls.by_operation().items() if count != before.get(name)}
    assert called <= {"ssm:GetParameter", "ecr:DescribeImages", "s3:GetObject", "s3:HeadBucket"}
    assert (plan.exists, plan.indexed) == (False, False)
    assert plan.release.content
    assert dev.artifacts().head(plan.release.key(MANIFEST)) is None


def test_the_same_content_is_the_same_release(ask: Callable[..., ReleaseRequest], dev: Session) -> None:
    request = ask()
    first = make(request, dev)
    again = make(replace(request, commit="f" * 40, training={"other": 1}), dev)
    assert (again.created, again.release) == (False, first.release)
    assert again.uploaded_bytes == 0


def test_a_file_that_was_deleted_since_is_brought_again(
    ask: Callable[..., ReleaseRequest], dev: Session, estate: Estate
) -> None:
    request = ask()
    first = make(request, dev)
    key, s3 = first.release.key("model.tar.gz"), estate.client("s3")
    version = first.release.files["model.tar.gz"].version_id
    s3.delete_object(Bucket=dev.artifacts().name, Key=key, VersionId=version)
    with pytest.raises(NotFoundError, match=r"lacks model\.tar\.gz"):
        releases.load_release(dev.artifacts(), first.release.release)
    again = make(request, dev)
    assert (again.created, again.release) == (False, first.release)
    assert again.uploaded_bytes == first.release.files["model.tar.gz"].bytes
    assert releases.load_release(dev.artifacts(), first.release.release).release == first.release


def test_other_content_is_another_release(ask: Callable[..., ReleaseRequest], dev: Session) -> None:
    request = ask()
    first = make(request, dev)
    second = make(replace(request, environment={"A": "1"}), dev)
    assert second.created
    assert second.release.release != first.release.release


def test_two_contents_in_one_second_get_two_ids(ask: Callable[..., ReleaseRequest], dev: Session) -> None:
    moment = clock()
    made = []
    for number in range(3):
        request = ask(environment={"N": str(number)})
        plan = plan_release(request, session=dev, clock=lambda: moment)
        made.append(create_release(plan, session=dev).release)
    assert len({release.release for release in made}) == 3
    assert all(releases.load_release(dev.artifacts(), release.release).release == release for release in made)


def test_two_at_once_make_one_release(ask: Callable[..., ReleaseRequest], dev: Session) -> None:
    request = ask()
    results: list[CreatedRelease | SlipwayError] = []

    def run() -> None:
        try:
            results.append(make(request, dev))
        except SlipwayError as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = [result for result in results if isinstance(result, CreatedRelease)]
    assert len(made) == 4, results
    assert len({result.release.release for result in made}) == 1
    assert any(result.created for result in made)


def test_a_reservation_that_several_want_at_once_is_asked_for_again(
    ask: Callable[..., ReleaseRequest], dev: Session
) -> None:
    conflict = answer(409, "ConditionalRequestConflict")
    with failing(dev.artifacts(), "PutObject", conflict, conflict) as seen:
        made = make(ask(), dev)
    assert made.created
    assert seen == [4]
    with (
        always(dev.artifacts(), "PutObject", conflict),
        pytest.raises(AwsError, match="PutObject of s3://slipway-dev-artifacts-111111111111/release-index/ranker/"),
    ):
        make(ask(), dev)


@pytest.mark.parametrize(
    ("operation", "after"),
    [
        *[("PutObject", n) for n in range(2)],
        *[("CreateMultipartUpload", n) for n in range(3)],
        *[("UploadPart", n) for n in range(3)],
        *[("CompleteMultipartUpload", n) for n in range(3)],
    ],
)
def test_killed_anywhere_a_rerun_finishes_the_same_release(
    operation: str, after: int, ask: Callable[..., ReleaseRequest], dev: Session
) -> None:
    request = ask()
    calls = itertools.count()

    def kill(**_: Any) -> None:
        if next(calls) == after:
            raise Killed

    with hooked(dev.artifacts(), f"before-send.s3.{operation}", kill), pytest.raises(Killed):
        make(request, dev)
    halfway = plan_release(request, session=dev, clock=clock)
    assert not halfway.exists
    made = create_release(halfway, session=dev)
    assert made.created
    assert not halfway.indexed or made.release.release == halfway.release.release
    assert releases.load_release(dev.artifacts(), made.release.release).release == made.release
    assert make(request, dev).release == made.release


def test_a_large_archive_goes_up_in_parts(ask: Callable[..., ReleaseRequest], dev: Session, tmp_path: Path) -> None:
    path = tmp_path / "large.tar.gz"
    path.write_bytes(archive(model_members(weights=os.urandom(65 * MIB))))
    made = make(ask(archive=str(path)), dev)
    file = made.release.files["model.tar.gz"]
    assert (len(file.parts), file.part_size) == (2, 64 * MIB)
    head = dev.artifacts().head(made.release.key("model.tar.gz"))
    assert head is not None
    assert head.stored.sha256 == file.sha256
    assert file.sha256.endswith("-2")


# from a training output


@pytest.fixture
def trained(estate: Estate) -> Iterator[Callable[[bytes], str]]:
    def put(data: bytes) -> str:
        key = f"training/job-{next(seconds)}/output/model.tar.gz"
        estate.client("s3").put_object(Bucket=estate.dev.artifact_bucket, Key=key, Body=data)
        return f"s3://{estate.dev.artifact_bucket}/{key}"

    return put


def test_a_training_output_is_read_once_and_copied_by_the_server(
    ask: Callable[..., ReleaseRequest], dev: Session, trained: Callable[[bytes], str]
) -> None:
    data = archive(model_members(unique=os.urandom(16)))
    uri = trained(data)
    reads: list[str] = []

    def note(request: Any, **_: Any) -> None:
        if "/training/" in request.url:
            reads.append(request.url)

    with hooked(dev.bucket(dev.artifacts().name, owner="111111111111"), "before-send.s3.GetObject", note):
        made = make(ask(archive=uri), dev)
    assert len(reads) == 1
    assert made.copied_bytes == len(data)
    assert made.uploaded_bytes < 2000  # the golden file
    assert releases.load_release(dev.artifacts(), made.release.release).release == made.release


def test_a_broken_connection_is_taken_up_where_it_broke(
    ask: Callable[..., ReleaseRequest], dev: Session, trained: Callable[[bytes], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = archive(model_members(weights=os.urandom(3 * MIB)))
    uri = trained(data)
    source = dev.bucket(dev.artifacts().name, owner="111111111111")
    opened: list[int] = []
    original = source.open

    def breaking(key: str, **options: Any) -> Any:
        opened.append(options["start"])
        return Breaking(original(key, **options))

    monkeypatch.setattr(source, "open", breaking)
    made = make(ask(archive=uri), dev)
    assert made.release.files["model.tar.gz"].bytes == len(data)
    assert opened[0] == 0
    assert opened[1:] == sorted(set(opened[1:]))
    assert len(opened) > 2


class Breaking:
    """A body that breaks after a megabyte."""

    def __init__(self, body: Any) -> None:
        self._body = body
        self._left = MIB

    def read(self, size: int) -> bytes:
        if self._left <= 0:
            raise ConnectionResetError("injected")
        data: bytes = self._body.read(min(size, self._left))
        self._left -= len(data)
        return data

    def close(self) -> None:
        self._body.close()


def test_a_training_output_that_is_not_there(ask: Callable[..., ReleaseRequest], dev: Session, estate: Estate) -> None:
    uri = f"s3://{estate.dev.artifact_bucket}/training/none/output/model.tar.gz"
    with pytest.raises(NotFoundError, match="does not exist") as caught:
        make(ask(archive=uri), dev)
    assert "Has the training job completed?" in str(caught.value)


@pytest.mark.parametrize("uri", ["s3://bucket", "s3://bucket/", "s3://bucket/folder/", "s3:///key"])
def test_a_place_that_is_no_object(uri: str, ask: Callable[..., ReleaseRequest], dev: Session) -> None:
    with pytest.raises(UsageError, match="is not the place of an object"):
        make(ask(archive=uri), dev)


# what cannot be a release


def test_archives_that_are_refused_leave_nothing_behind(
    ask: Callable[..., ReleaseRequest], dev: Session, tmp_path: Path
) -> None:
    before = set(dev.artifacts().keys("rel"))
    for name, data in {
        "text": b"hello",
        "cut": archive()[:-5],
        "absolute": archive({"/etc/passwd": b""}),
        "parent": archive({"../x": b""}),
        "empty": b"",
    }.items():
        path = tmp_path / f"{name}.tar.gz"
        path.write_bytes(data)
        with pytest.raises(ArchiveError, match=str(path)):
            make(ask(archive=str(path)), dev)
    with pytest.raises(ArchiveError, match="it has more than 2 members"):
        make(ask(), dev, limits=Limits(members=2))
    assert set(dev.artifacts().keys("rel")) == before


def test_without_golden_requests_it_has_to_be_asked_for(
    ask: Callable[..., ReleaseRequest], dev: Session, tmp_path: Path
) -> None:
    path = tmp_path / "bare.tar.gz"
    path.write_bytes(archive({"model.txt": os.urandom(8)}))
    with pytest.raises(
        UsageError, match=r"bare.tar.gz holds no golden/requests.json, so nobody could verify"
    ) as caught:
        make(ask(archive=str(path)), dev)
    assert "--golden FILE" in str(caught.value)
    made = make(ask(archive=str(path), without_golden=True), dev)
    assert set(made.release.files) == {"model.tar.gz"}
    assert made.release.metrics == {}
    assert releases.load_golden(releases.load_release(dev.artifacts(), made.release.release)) == ()


def test_files_given_win_over_those_in_the_archive(
    ask: Callable[..., ReleaseRequest], dev: Session, tmp_path: Path
) -> None:
    golden, metrics, sources = tmp_path / "g.json", tmp_path / "m.json", tmp_path / "s.tar.gz"
    golden.write_text('[{"name": "mine", "body": "x", "expect": "y"}]')
    metrics.write_text('{"ndcg": 0.9}')
    sources.write_bytes(archive({"train.py": b"pass"}))
    made = make(ask(golden=golden, metrics=metrics, source_archive=str(sources)), dev)
    assert made.release.metrics == {"ndcg": 0.9}
    assert set(made.release.files) == {"model.tar.gz", "sourcedir.tar.gz", GOLDEN}
    (request,) = releases.load_golden(releases.load_release(dev.artifacts(), made.release.release))
    assert request.name == "mine"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"model": "Ranker"}, "model name 'Ranker' is not usable"),
        ({"model": "other"}, "model 'other' is not in the foundation of dev (there: ranker)"),
        ({"commit": "main"}, "commit 'main' is not a git commit id"),
        ({"archive": "/nowhere/model.tar.gz"}, "/nowhere/model.tar.gz cannot be read: No such file"),
        ({"archive": "/"}, "/ cannot be read: Is a directory"),
        ({"golden": Path("/nowhere")}, "/nowhere cannot be read: No such file"),
        ({"environment": {"DB_PASSWORD": "x"}}, "container variable DB_PASSWORD looks like a secret"),
        ({"training": {"x": float("nan")}}, "training information is not JSON"),
        ({"training": {"x": "y" * 70000}}, "training information has 700"),
        ({"image": "333333333333.dkr.ecr.eu-west-1.amazonaws.com/slipway/ranker:x"}, "is not in 111111111111.dkr.ecr"),
        ({"image": "slipway/other:x"}, "image slipway/other:x is not in 111111111111.dkr.ecr.eu-west-1"),
    ],
)
def test_what_cannot_be_a_release(
    changes: dict[str, Any], reason: str, ask: Callable[..., ReleaseRequest], dev: Session
) -> None:
    with pytest.raises(UsageError) as caught:
        make(ask(**changes), dev)
    assert reason in caught.value.message


@pytest.mark.parametrize("image", ["nope", "sha256:" + "9" * 64])
def test_an_unknown_image_is_not_found(image: str, ask: Callable[..., ReleaseRequest], dev: Session) -> None:
    with pytest.raises(NotFoundError, match=f"image slipway/ranker {image} does not exist"):
        make(ask(image=image), dev)


@pytest.mark.parametrize(
    "form", ["{digest}", "{host}/slipway/ranker@{digest}", "{host}/slipway/ranker:1a2b3c4", "slipway/ranker:1a2b3c4"]
)
def test_an_image_may_be_told_in_every_form(
    form: str, ask: Callable[..., ReleaseRequest], dev: Session, image: str
) -> None:
    told = form.format(host="111111111111.dkr.ecr.eu-west-1.amazonaws.com", digest=image)
    assert plan_release(ask(image=told), session=dev, clock=clock).release.image_digest == image


# git


def test_git_state_of_this_kind_of_folder(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, "-C", str(tmp_path), *arguments], check=True, capture_output=True)

    with pytest.raises(UsageError, match="has no git commit to name the release after") as caught:
        git_state(tmp_path)
    assert "--commit" in str(caught.value)
    git("init", "-q")
    with pytest.raises(UsageError, match="has no git commit"):
        git_state(tmp_path)
    (tmp_path / "f").write_text("1")
    git("add", "f")
    git("commit", "-qm", "one")
    commit, dirty = git_state(tmp_path)
    assert (len(commit), dirty) == (40, False)
    (tmp_path / "g").write_text("2")
    assert git_state(tmp_path) == (commit, True)


def test_hash_is_the_one_of_the_manifest(ask: Callable[..., ReleaseRequest], dev: Session) -> None:
    release = make(ask(), dev).release
    assert len(release.content) == len(hashlib.sha256().hexdigest())
