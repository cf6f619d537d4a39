"""`slipway models changed` as pipelines call it, in a git repository of its own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from glue.workspace import Workspace
from tests.cli.conftest import Said

Call = Callable[..., Said]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "checkout"
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "tests")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "tests@example.com")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setattr(
        Workspace, "find", classmethod(lambda cls, environ=None: cls(folder, folder / "environments", folder / "work"))
    )
    for name in ("one", "two", "three"):
        (folder / "models" / name).mkdir(parents=True)
        (folder / "models" / name / "inference.py").write_text(name)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "first")
    (folder / "models/one/README.md").write_text("# One\n")
    (folder / os.fsdecode(b"models/two/a\nb\xff")).write_text("odd")
    git(folder, "rm", "--quiet", "-r", "models/three")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "second")
    return folder


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(folder), *words], check=True)


def test_as_json_for_pipelines(slipway: Call, checkout: Path) -> None:
    said = slipway("models", "changed", "--since", "HEAD~1", "--format", "json")
    document = json.loads(said.out)
    assert (said.code, said.err) == (0, "")
    assert (document["image"], document["train"], document["deleted"], document["unchanged"]) == (
        ["two"], ["two"], ["three"], [],
    )  # fmt: skip
    assert (document["changed_files"], document["everything"], document["until"]) == (3, None, "HEAD")
    assert [(it["model"], it["stages"], it["reason_count"]) for it in document["models"]] == [
        ("one", [], 1),
        ("two", ["image", "train"], 1),
    ]
    assert document["models"][1]["reasons"] == [
        {
            "why": "own",
            "change": "added",
            "path": "models/two/a\\nb\\xff",
            "from": None,
            "pattern": None,
            "stages": ["image", "train"],
        }
    ]


def test_as_a_table_for_people(slipway: Call, checkout: Path) -> None:
    lines = slipway("models", "changed", "--since", "HEAD~1").out.splitlines()
    assert [line.split("  ")[0] for line in lines[:4]] == ["MODEL", "one", "two", "three"]
    assert lines[2].split() == ["two", "image,", "train", "added", "models/two/a\\nb\\xff"]
    assert lines[-1].startswith("2 of 2 models are touched by 3 changed files from ")


def test_nothing_to_do_is_said_with_counts(slipway: Call, checkout: Path) -> None:
    said = slipway("models", "changed", "--since", "HEAD")
    assert (said.code, said.out.startswith("0 of 2 models are touched by 0 changed files")) == (0, True)


def test_all_of_them(slipway: Call, checkout: Path) -> None:
    said = slipway("models", "changed", "--all", "--format", "json")
    document = json.loads(said.out)
    assert (document["image"], document["everything"]) == (["one", "two"], "all were asked for")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give either --since or --all"),
        (("--since", "main", "--all"), "give either --since or --all"),
        (("--since=-x",), "'-x' is not a commit"),
        (("--since", ""), "'' is not a commit"),
        (("--since", "main", "--until", "main", "--worktree"), "it goes without --until"),
    ],
)
def test_what_cannot_be_told_is_one_error(slipway: Call, checkout: Path, words: tuple[str, ...], said: str) -> None:
    done = slipway("models", "changed", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_a_pattern_that_names_nothing_is_told(slipway: Call, checkout: Path) -> None:
    (checkout / "models/one/model.toml").write_text('depends = ["sharde/**"]\n')
    done = slipway("models", "changed", "--since", "HEAD", "--worktree")
    assert done.code == 0
    assert "Warning: models/one/model.toml: depends has 'sharde/**', and no file is called so" in done.err
