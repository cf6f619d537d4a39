"""Retention: nothing that anybody needs is ever removed, whatever the world looks like."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.core import retention
from glue.core.retention import Held, Stored, StoredImage
from glue.core.revision import Revision, Revisions, number_of
from tests.unit.revision_support import REPOSITORY, history, revision

NOW = datetime(2026, 11, 21, tzinfo=UTC)
DAY = timedelta(days=1)


def release(number: int) -> str:
    return f"ranker-20260101t{number:06d}-1a2b3c4"


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


def content(number: int, image: int | None = None) -> Revision:
    name = release(number)
    return revision(
        1,
        release=name,
        image=f"{REPOSITORY}@{digest(number if image is None else image)}",
        model_data_url=f"s3://b/releases/ranker/{name}/model.tar.gz",
    )


def of(count: int) -> Revisions:
    return history(*(content(number) for number in range(1, count + 1)))


def ids(revisions: Revisions) -> list[str]:
    return sorted(revisions.revisions, key=number_of)


def stored(number: int, *, age: timedelta = 100 * DAY, **more: object) -> Stored:
    entry = Stored(release(number), "ranker", 10, 2, NOW - age, image=("slipway/ranker", digest(number)))
    return replace(entry, **more)  # type: ignore[arg-type]


def image(number: int) -> StoredImage:
    return StoredImage("slipway/ranker", digest(number), 100)


def free(
    entries: list[Stored],
    *,
    needs: dict[str, str] | None = None,
    digests: set[str] | None = None,
    superseded: set[str] | None = None,
    fresh: timedelta | None = None,
) -> retention.Freed:
    numbers = range(1, 30)
    return retention.free(
        entries,
        [image(number) for number in numbers],
        needs=needs or {},
        digests=digests or set(),
        superseded={entry.release for entry in entries} if superseded is None else superseded,
        fresh=fresh,
        now=NOW,
    )


def test_live_and_the_newest_others_stay() -> None:
    found = of(6)
    done = retention.prune(Held("ranker", found), keep=2)
    assert done.kept == tuple(reversed(ids(found)[3:]))
    assert list(done.removed) == list(reversed(ids(found)[:3]))
    assert done.after.live == found.live
    assert done.after.newest == 6


def test_the_number_of_a_pruned_revision_is_never_given_again() -> None:
    found = of(3)
    moved = replace(found, live=ids(found)[0])
    done = retention.prune(Held("ranker", moved), keep=0)
    assert done.after.add(content(9), created="x").live[:3] == "r4-"  # type: ignore[index]


def test_what_aws_serves_stays_though_the_file_says_another() -> None:
    found = of(5)
    oldest = ids(found)[0]
    assert oldest in retention.prune(Held("ranker", found, served=oldest), keep=1).kept


def test_what_a_rollback_goes_back_to_stays_before_newer_ones() -> None:
    found = of(5)
    back = found.move(ids(found)[1])
    assert back.live_revision is not None
    assert back.live_revision.replaces == ids(found)[0]
    assert retention.prune(Held("ranker", back), keep=1).kept == (ids(found)[1], ids(found)[0])


def test_failed_revisions_go_first() -> None:
    found = of(4)
    failed = ids(found)[2]
    marked = replace(found, revisions={**found.revisions, failed: replace(found.revisions[failed], failed="no")})
    done = retention.prune(Held("ranker", marked), keep=2)
    assert done.removed == {failed: "failed"}


def test_what_failed_since_live_keeps_its_mark() -> None:
    found = of(5)
    names = ids(found)
    marked = {name: replace(one, failed="no" if name in names[2:] else None) for name, one in found.revisions.items()}
    done = retention.prune(Held("ranker", replace(found, live=names[1], revisions=marked)), keep=1)
    assert done.kept == (names[4], names[1], names[0])


def test_nothing_to_do_is_nothing_removed() -> None:
    found = of(3)
    assert retention.prune(Held("ranker", found), keep=2).removed == {}
    assert retention.prune(Held("ranker", Revisions()), keep=2).removed == {}


def test_a_release_that_is_needed_stays_and_says_by_whom() -> None:
    done = free([stored(1), stored(2)], needs={release(1): "endpoint ranker"})
    assert [entry.release for entry in done.releases] == [release(2)]
    assert done.kept[0].why == "needed by endpoint ranker"
    assert [entry.digest for entry in done.images] == [digest(2)]
    assert done.bytes == 110


def test_what_never_left_a_file_may_wait_for_its_pull_request() -> None:
    assert free([stored(1)], superseded=set()).releases == ()


@pytest.mark.parametrize(
    ("age", "evidence", "goes"),
    [(10 * DAY, None, False), (31 * DAY, None, True), (31 * DAY, 29 * DAY, False), (90 * DAY, 30 * DAY, True)],
)
def test_what_can_still_be_promoted_from_here_stays(age: timedelta, evidence: timedelta | None, goes: bool) -> None:
    entry = stored(1, age=age, evidence=NOW - evidence if evidence else None)
    assert bool(free([entry], fresh=30 * DAY).releases) is goes
    assert free([entry], fresh=None).releases == (entry,)


def test_an_image_stays_as_long_as_one_release_needs_it() -> None:
    shared = ("slipway/ranker", digest(1))
    done = free([stored(1), stored(2, image=shared)], needs={release(2): "x"})
    assert done.releases == (stored(1),)
    assert done.images == ()


def test_an_image_that_an_endpoint_runs_stays() -> None:
    assert free([stored(1)], digests={digest(1)}).images == ()


def test_an_image_that_belongs_to_no_release_stays() -> None:
    assert [entry.digest for entry in free([stored(1)]).images] == [digest(1)]


def test_no_image_goes_while_a_release_does_not_say_which_it_needs() -> None:
    done = free([stored(1), stored(2, image=None)], needs={release(2): "x"})
    assert done.releases == (stored(1),)
    assert done.images == ()


def test_every_place_that_names_a_release_counts() -> None:
    code = f"s3://b/releases/ranker/{release(7)}/sourcedir.tar.gz"
    found = revision(1, release=release(1), environment={"SAGEMAKER_SUBMIT_DIRECTORY": code})
    assert {release(1), release(7)} <= retention.releases_of(found)


NUMBERS = st.integers(1, 12)
FILES = st.lists(NUMBERS, min_size=0, max_size=8, unique=True)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Held], list[Revisions], int]:
    """Endpoints of this environment, files of environments behind it, and how many revisions to keep."""
    held = []
    for name in ("a", "b", "c"):
        contents = [content(number, draw(st.integers(1, 5))) for number in draw(FILES)]
        found = history(*contents) if contents else Revisions()
        names = ids(found)
        if names:
            failed = draw(st.sets(st.sampled_from(names)))
            marked = {key: replace(one, failed="no" if key in failed else None) for key, one in found.revisions.items()}
            found = replace(found, live=draw(st.sampled_from(names)), revisions=marked)
        held.append(Held(name, found, draw(st.sampled_from([None, *names]))))
    behind = [
        history(*(content(number) for number in numbers)) for numbers in draw(st.lists(FILES, max_size=2)) if numbers
    ]
    return held, behind, draw(st.integers(1, 4))


@given(worlds())
def test_nothing_needed_is_ever_removed(world: tuple[list[Held], list[Revisions], int]) -> None:
    held, behind, keep = world
    done = [retention.prune(entry, keep=keep) for entry in held]
    groups = [(entry.endpoint, list(entry.after.revisions.values())) for entry in done]
    groups += [("behind", list(entry.revisions.values())) for entry in behind]
    needs, digests = retention.needed(groups)
    before = {
        name for entry in held for one in entry.revisions.revisions.values() for name in retention.releases_of(one)
    }
    superseded = {n for e in done for r in e.removed for n in retention.releases_of(e.before.revisions[r])}
    manifests = {
        one.variants["main"].release: one.variants["main"].image.rpartition("@")[2]
        for entry in held
        for one in entry.revisions.revisions.values()
    }
    store = [Stored(name, "ranker", 1, 1, NOW, image=("slipway/ranker", manifests[name])) for name in sorted(before)]
    freed = retention.free(
        store,
        [image(number) for number in range(1, 13)],
        needs=needs,
        digests=digests,
        superseded=superseded,
        fresh=None,
        now=NOW,
    )
    left = before - {entry.release for entry in freed.releases}
    images = {digest(number) for number in range(1, 13)} - {entry.digest for entry in freed.images}
    for entry, source in zip(done, held, strict=True):
        after = entry.after
        assert after.live == source.revisions.live
        assert after.live is None or after.live in after.revisions
        assert source.served is None or source.served in after.revisions
        assert len(after.revisions) <= 2 + (source.served not in {None, after.live}) + keep
        good = {name for name, one in after.revisions.items() if one.failed is None}
        assert all(entry.before.revisions[name].failed or len(good) >= keep for name in entry.removed)
        for one in after.revisions.values():
            assert retention.releases_of(one) & before <= left
            assert retention.digests_of(one) <= images
    for found in behind:
        for one in found.revisions.values():
            assert retention.releases_of(one) & before <= left
    for name in left:
        assert manifests[name] in images
