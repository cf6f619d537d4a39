"""The copy planner: whatever lies in the target, the plan is safe, complete and no larger than needed."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.core.checksum import composite, part_ranges
from glue.core.copying import (
    OpenUpload,
    StoredObject,
    StoredPart,
    check_sources,
    plan_copy,
    plan_file,
)
from glue.core.release import MANIFEST, ReleaseFile
from glue.errors import NotFoundError, RefusedError

SIZE = 8


def digest(seed: str) -> str:
    return base64.b64encode(hashlib.sha256(seed.encode()).digest()).decode()


def a_file(name: str = "model.tar.gz", size: int = 20) -> ReleaseFile:
    parts = tuple(digest(f"{name}{r.number}") for r in part_ranges(size, SIZE))
    return ReleaseFile(name, size, composite(parts), parts, SIZE)


def stored(file: ReleaseFile) -> StoredObject:
    return StoredObject(f"releases/{file.name}", file.bytes, '"e"', file.sha256, "v1")


def part_of(file: ReleaseFile, number: int) -> StoredPart:
    length = part_ranges(file.bytes, file.part_size)[number - 1].length
    return StoredPart(number, length, f'"{number}"', file.parts[number - 1])


FILES = st.integers(0, 100).map(lambda size: a_file(size=size))


@st.composite
def uploads_of(draw: st.DrawFn, file: ReleaseFile) -> list[OpenUpload]:
    """Unfinished uploads with right, wrong, short, unchecked and surplus parts."""
    found = []
    for name in draw(st.lists(st.text("ab", min_size=1), max_size=3, unique=True)):
        parts = []
        for number in draw(st.sets(st.integers(1, len(file.parts) + 2))):
            if number > len(file.parts):
                parts.append(StoredPart(number, 1, '"x"', digest("surplus")))
                continue
            good = part_of(file, number)
            parts.append(
                draw(
                    st.sampled_from(
                        [
                            good,
                            good,
                            replace(good, sha256=None),
                            replace(good, sha256=digest("wrong")),
                            replace(good, bytes=good.bytes + 1),
                        ]
                    )
                )
            )
        found.append(OpenUpload(name, draw(st.sampled_from(["2026-01-01", "2026-01-02"])), tuple(parts)))
    return found


@given(st.data())
def test_every_part_is_either_reused_and_equal_or_moved(data: st.DataObject) -> None:
    file = data.draw(FILES)
    uploads = data.draw(uploads_of(file))
    plan = plan_file(file, uploads)
    numbers = sorted([part.number for part in plan.reused] + [part.range.number for part in plan.missing])
    assert numbers == list(range(1, len(file.parts) + 1))
    for part in plan.reused:
        assert (part.sha256, part.bytes) == (part_of(file, part.number).sha256, part_of(file, part.number).bytes)
        assert part in next(u for u in uploads if u.upload_id == plan.upload_id).parts
    for wanted in plan.missing:
        assert wanted.sha256 == file.parts[wanted.range.number - 1]
    assert plan.missing_bytes + sum(part.bytes for part in plan.reused) == file.bytes
    assert plan.whole == (file.bytes <= SIZE)


@given(st.data())
def test_the_upload_with_most_equal_parts_is_taken_whatever_their_order(data: st.DataObject) -> None:
    file = data.draw(FILES)
    uploads = data.draw(uploads_of(file))
    plan = plan_file(file, uploads)
    assert (plan.upload_id is None) == (not uploads)
    for upload in uploads:
        equal = [part for part in upload.parts if part.number <= len(file.parts) and part == part_of(file, part.number)]
        assert len(equal) <= len(plan.reused)
    assert plan_file(file, list(reversed(uploads))) == plan


@given(st.lists(st.sampled_from(["absent", "equal"]), min_size=4, max_size=4))
def test_what_is_there_and_equal_is_done_the_rest_is_copied_the_manifest_last(states: list[str]) -> None:
    files = [a_file(MANIFEST, 5), a_file("model.tar.gz", 20), a_file("sourcedir.tar.gz", 0), a_file("golden/r.json", 8)]
    targets = {f.name: stored(f) if state == "equal" else None for f, state in zip(files, states, strict=True)}
    plan = plan_copy(files, targets=targets, uploads={}, where="s3://b/p")
    absent = [f.name for f in files if targets[f.name] is None]
    assert [p.file.name for p in plan.files] == [name for name in absent if name != MANIFEST]
    assert (plan.manifest is not None) == (MANIFEST in absent)
    assert set(plan.done) == {f.name for f in files} - set(absent)
    assert plan.empty == (not absent)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"bytes": 21}, "model.tar.gz (21 bytes, 20 in the manifest)"),
        ({"sha256": None}, "model.tar.gz (it has no SHA-256 checksum to compare)"),
        ({"sha256": digest("x") + "-3"}, f"model.tar.gz (SHA-256 {digest('x')}-3, "),
        ({"sha256": a_file().parts[0]}, "model.tar.gz (SHA-256 "),
    ],
)
def test_what_is_there_and_differs_is_never_overwritten(change: dict[str, object], reason: str) -> None:
    file = a_file()
    other = replace(stored(file), **change)  # type: ignore[arg-type]
    with pytest.raises(RefusedError) as caught:
        plan_copy([file], targets={file.name: other}, uploads={}, where="s3://b/p")
    assert caught.value.message.startswith(f"in s3://b/p, {reason}")
    assert "objects of a release are never overwritten" in caught.value.message


def test_every_file_that_differs_is_named() -> None:
    files = [a_file("a", 1), a_file("b", 2)]
    targets = {f.name: replace(stored(f), bytes=99) for f in files}
    with pytest.raises(RefusedError, match=r"a \(99 bytes, 1 in the manifest\), b \(99 bytes, 2 in the manifest\)"):
        plan_copy(files, targets=targets, uploads={}, where="s3://b/p")


def test_a_source_that_lacks_files_names_them() -> None:
    files = [a_file("a"), a_file("b"), a_file("c")]
    with pytest.raises(NotFoundError, match="the release in s3://b/p lacks a, c"):
        check_sources(files, {"a": None, "b": stored(files[1])}, where="s3://b/p")


def test_a_source_that_differs_from_its_manifest_is_refused() -> None:
    file = a_file()
    with pytest.raises(RefusedError, match=r"\(19 bytes, 20 in the manifest\) does not match its manifest"):
        check_sources([file], {file.name: replace(stored(file), bytes=19)}, where="s3://b/p")
