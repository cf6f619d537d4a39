"""The data files of two git refs are read as they are in git, and what cannot be read is one clear error."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from glue.errors import UsageError
from glue.review.model import Grade, Review
from glue.reviewing_data import review_diff
from tests.review.making import SETTINGS, only, rules_of

ROOT = Path(__file__).parents[2]
ENDPOINT = "environments/qa/endpoints/ranker.tfvars"
ENVIRONMENT = "environments/qa/environment.tfvars"


def git(folder: Path, *words: str) -> str:
    """Run git with an identity of its own."""
    known = ("-c", "user.name=it", "-c", "user.email=it@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", str(folder), *known, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with this one's environments, committed once on main; the work goes on beside it."""
    shutil.copytree(ROOT / "environments" / "qa", tmp_path / "environments" / "qa")
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    git(tmp_path, "switch", "-q", "-c", "work")
    return tmp_path


def edit(folder: Path, path: str, old: str, new: str) -> None:
    """Replace a text that is there."""
    text = (folder / path).read_text()
    assert old in text
    (folder / path).write_text(text.replace(old, new))


def reviewed(folder: Path, until: str | None = None) -> Review:
    """Return the review since main."""
    return review_diff("main", until=until, settings=SETTINGS, repository=folder)


def test_files_on_the_disk_and_files_that_are_committed(checkout: Path) -> None:
    edit(
        checkout,
        ENDPOINT,
        "callers   = {}",
        'callers = { shop = { principal_arns = ["arn:aws:iam::999999999999:role/s"] } }',
    )
    edit(checkout, ENVIRONMENT, "ranker = {}", "ranker = {}\n    other = {}")
    (checkout / "main.tf").write_text("# code")
    found = reviewed(checkout)
    assert {"callers-added", "environment-changed", "data-unseen"} <= rules_of(found)
    assert found.grade is Grade.HIGH
    assert reviewed(checkout, until="HEAD").grade is Grade.NONE
    git(checkout, "commit", "-q", "-a", "-m", "second")
    assert rules_of(reviewed(checkout, until="HEAD")) == rules_of(found) - {"data-unseen"}


def test_what_main_did_meanwhile_is_not_ours(checkout: Path) -> None:
    git(checkout, "switch", "-q", "main")
    edit(checkout, ENDPOINT, '"quick"', '"instant"')
    git(checkout, "commit", "-q", "-a", "-m", "theirs")
    git(checkout, "switch", "-q", "work")
    assert reviewed(checkout).grade is Grade.NONE


def test_a_removed_file_is_told(checkout: Path) -> None:
    (checkout / ENDPOINT).unlink()
    assert only(reviewed(checkout), "endpoint-file-removed").grade is Grade.HIGH


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        (ENDPOINT, b"serving = {", "environments/qa/endpoints/ranker.tfvars"),
        (ENDPOINT, b"serving = file(\"x\")\n", "no expressions"),
        (ENDPOINT, b"\xff\xfe", "not UTF-8"),
        (ENVIRONMENT, b"environment = 7\n", "no object"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_error(checkout: Path, path: str, text: bytes, said: str) -> None:
    (checkout / path).write_bytes(text)
    with pytest.raises(UsageError, match=said):
        reviewed(checkout)


@pytest.mark.parametrize("since", ["nowhere", "--all", "0" * 40])
def test_what_cannot_be_compared_is_one_error(checkout: Path, since: str) -> None:
    with pytest.raises(UsageError):
        review_diff(since, settings=SETTINGS, repository=checkout)
