"""The demo runs on any checkout, and never names an image after a commit that does not hold its files."""

import subprocess

from sandbox.demo.commit import commit_of, content_hash


def repository(folder):
    (folder / "models" / "ranker").mkdir(parents=True)
    (folder / "models" / "ranker" / "train.py").write_text("one\n")
    (folder / "image").mkdir()
    return folder


def git(folder, *words):
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    done = subprocess.run(["git", *identity, "-C", folder, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_a_clean_checkout_is_named_by_its_commit(tmp_path):
    folder = repository(tmp_path)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    assert commit_of(folder) == (git(folder, "rev-parse", "HEAD"), True)
    (folder / "README.md").write_text("outside the image\n")
    assert commit_of(folder)[1] is True


def test_changed_files_are_named_by_their_content(tmp_path):
    folder = repository(tmp_path)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    before = content_hash(folder)
    (folder / "models" / "ranker" / "train.py").write_text("two\n")
    named, committed = commit_of(folder)
    assert committed is False
    assert named == content_hash(folder) != before


def test_without_git_the_content_names_it(tmp_path):
    folder = repository(tmp_path)
    assert commit_of(folder) == (content_hash(folder), False)
    assert len(content_hash(folder)) == 40
