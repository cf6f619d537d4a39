"""The glue-owned file: sealed, read back as written, refused when anybody else wrote in it."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glue.core.revision import (
    Asynchronous,
    DataCapture,
    Network,
    Revision,
    Revisions,
    Serverless,
    Variant,
    content_hash,
    remark,
)
from glue.errors import RefusedError
from glue.tf import revisions_file
from tests.unit.revision_support import history, revision, variant

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8) | st.sampled_from(
    ["${a}", "%{b}", 'q"', "\\", "\n", "é", "e\u0301"]
)
# AWS's own rules for the names of variables and variants; anything else is refused when it is read.
VARIABLES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,9}", fullmatch=True)
NAMES = st.from_regex(r"[a-zA-Z0-9](-?[a-zA-Z0-9]){0,9}", fullmatch=True)
VARIANT = st.builds(
    Variant,
    release=TEXT,
    image=TEXT,
    model_data_url=TEXT,
    execution_role_arn=TEXT,
    environment=st.dictionaries(VARIABLES, TEXT, max_size=3),
    weight=st.integers(0, 100),
    instance_type=st.none() | TEXT,
    initial_instance_count=st.none() | st.integers(1, 9),
    serverless=st.none() | st.builds(Serverless, st.integers(1, 9), st.integers(1, 9), st.none() | st.integers(1, 9)),
    model_data_download_timeout_in_seconds=st.none() | st.integers(60, 3600),
)
REVISION = st.builds(
    Revision,
    variants=st.dictionaries(NAMES, VARIANT, min_size=1, max_size=2),
    shadow_variants=st.dictionaries(NAMES, VARIANT, max_size=1),
    data_capture=st.none() | st.builds(DataCapture, st.integers(1, 100), TEXT),
    network=st.none() | st.builds(Network, st.lists(TEXT, max_size=2).map(tuple), st.just(("sg",)), st.booleans()),
    asynchronous=st.none()
    | st.builds(Asynchronous, TEXT, TEXT, st.none() | TEXT, st.none() | st.integers(1, 9), st.none() | TEXT),
    volume_key_arn=st.none() | TEXT,
    failed=st.none() | TEXT.map(remark).filter(bool),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(REVISION, min_size=1, max_size=2))
def test_what_is_saved_is_loaded_whatever_the_strings(
    tmp_path_factory: pytest.TempPathFactory, contents: list[Revision]
) -> None:
    path = tmp_path_factory.mktemp("r") / "x.revisions.tfvars"
    before = history(*contents)
    assert revisions_file.save(path, before)
    assert not revisions_file.save(path, before)
    after = revisions_file.load(path)
    assert after.live == before.live
    assert after.newest == before.newest
    assert {n: content_hash(r) for n, r in after.revisions.items()} == {
        n: content_hash(r) for n, r in before.revisions.items()
    }
    assert revisions_file.render(after) == revisions_file.render(before)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "endpoints" / "ranker.revisions.tfvars"
    revisions_file.save(path, history(revision(), revision(2)))
    return path


def test_no_file_means_no_revisions(tmp_path: Path) -> None:
    assert revisions_file.load(tmp_path / "none.tfvars") == Revisions()


def test_the_header_says_who_wrote_it_and_nothing_is_left_beside_it(path: Path) -> None:
    first, second, third = path.read_text().splitlines()[:3]
    assert first == "# Written by slipway; reviewed, never edited."
    assert second.startswith("# sha256: ")
    assert third == "# newest: r2"
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("weight                 = 1", "weight                 = 2", "was changed after slipway wrote it"),
        ("# Written by slipway", "# Written by hand", "does not begin as slipway writes it"),
        ("# newest: r2", "# newest: r9", "was changed after slipway wrote it"),
        ("live = ", "<<<<<<< HEAD\nlive = ", "was changed after slipway wrote it"),
    ],
)
def test_an_edited_file_is_refused_with_a_remedy(path: Path, old: str, new: str, said: str) -> None:
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(RefusedError, match=said) as caught:
        revisions_file.load(path)
    assert caught.value.exit_code == 3
    assert "git checkout" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "weight                 = 1",
            "weight                 = 2",
            "its content is not the one that its id was made of",
        ),
        ("live = ", "live = [", "cannot be parsed"),
        ('live = "r2-', 'live = "r7-', "is not among the revisions"),
        ('"r1-', '"first-', "is not a revision id"),
        ("weight  ", "wieght  ", "did you mean weight"),
        ("weight                 = 1", 'weight                 = "1"', "it is a string; give a whole number"),
    ],
)
def test_a_resealed_file_must_still_be_true_to_its_ids(path: Path, old: str, new: str, said: str) -> None:
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(RefusedError, match=said):
        revisions_file.load(path, sealed=False)


def test_a_merge_of_two_branches_can_be_resealed(path: Path) -> None:
    ours = revisions_file.load(path)
    theirs = history(revision(), replace(revision(), volume_key_arn="arn:aws:kms:eu-west-1:1:key/k"))
    merged = Revisions(live=ours.live, revisions={**theirs.revisions, **ours.revisions})
    text = path.read_text().splitlines(keepends=True)
    path.write_text("".join(text[:2]) + revisions_file.render(merged).split("\n", 2)[2])
    with pytest.raises(RefusedError):
        revisions_file.load(path)
    revisions_file.save(path, revisions_file.load(path, sealed=False))
    assert len(revisions_file.load(path).revisions) == 3


def test_bytes_that_are_no_text_are_refused(path: Path) -> None:
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(RefusedError, match="not UTF-8"):
        revisions_file.load(path)


def test_numbers_are_never_used_again() -> None:
    both = history(revision(), revision(2))
    assert both.live is not None
    assert both.live.startswith("r2-")
    pruned = Revisions(live=min(both.revisions), revisions={min(both.revisions): revision()}, newest=both.newest)
    assert pruned.add(revision(3), created="x").live == f"r3-{content_hash(revision(3))[:8]}"


def test_an_id_is_the_hash_of_the_content_and_not_of_the_remarks() -> None:
    plain = revision()
    assert content_hash(plain) == content_hash(replace(plain, created="now", replaces="r1-00000000"))
    assert content_hash(plain) != content_hash(revision(2))
    decomposed = Revision(variants={"main": variant(environment={"A": "e\u0301"})})
    assert content_hash(decomposed) == content_hash(Revision(variants={"main": variant(environment={"A": "é"})}))
