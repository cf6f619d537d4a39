"""`slipway touched` as pipelines call it, in git repositories of its own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from glue.workspace import Workspace
from tests.cli.conftest import ENVIRONMENT, Said

Call = Callable[..., Said]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "checkout"
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "tests")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "tests@example.com")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setattr(
        Workspace, "find", classmethod(lambda cls, environ=None: cls(folder, folder / "environments", folder / "work"))
    )
    source = '{ name = "qa", account_id = "222222222222", region = "eu-west-1" }'
    write(
        folder,
        "environments/qa/environment.tfvars",
        ENVIRONMENT.format(name="qa", account="222222222222", source="null"),
    )
    live = ENVIRONMENT.format(name="live", account="333333333333", source=source)
    write(folder, "environments/live/environment.tfvars", live)
    for env in ("qa", "live"):
        write(folder, f"environments/{env}/endpoints/ranker.tfvars", 'endpoint = "ranker"\n')
    write(folder, "terraform/foundation/main.tf", 'module "b" {\n  source = "../../modules/bucket"\n}\n')
    write(folder, "modules/bucket/main.tf", "# a bucket\n")
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, "first")
    return folder


def write(folder: Path, path: str, text: str) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text)


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)


def stacks(said: Said) -> list[str]:
    assert said.code == 0, said.err
    found = json.loads(said.out)["stacks"]
    return ["/".join(part for part in (it["env"], it["stack"], it["endpoint"]) if part) for it in found]


def test_a_pull_request_is_compared_with_where_it_parted(slipway: Call, checkout: Path) -> None:
    git(checkout, "checkout", "--quiet", "-b", "topic")
    write(checkout, "modules/bucket/main.tf", "# a better bucket\n")
    commit(checkout, "better")
    git(checkout, "checkout", "--quiet", "main")
    write(checkout, "environments/live/endpoints/ranker.tfvars", 'endpoint = "ranker" # main went on\n')
    commit(checkout, "on main")
    said = slipway("touched", "--since", "main", "--until", "topic", "--format", "json")
    assert stacks(said) == ["qa/foundation", "live/foundation"]
    assert json.loads(said.out)["matrix"] == {
        "include": [
            {"env": "qa", "stack": "foundation", "endpoint": None},
            {"env": "live", "stack": "foundation", "endpoint": None},
        ]
    }
    only = slipway("touched", "--since", "main", "--until", "topic", "--env", "live", "--format", "json")
    assert stacks(only) == ["live/foundation"]
    git(checkout, "merge", "--quiet", "--no-edit", "topic")
    merged = slipway("touched", "--since", "HEAD^1", "--format", "json")
    assert stacks(merged) == ["qa/foundation", "live/foundation"]


def test_a_deleted_endpoint_is_told_with_what_to_do(slipway: Call, checkout: Path) -> None:
    git(checkout, "rm", "--quiet", "environments/qa/endpoints/ranker.tfvars")
    commit(checkout, "no ranker in qa")
    said = slipway("touched", "--since", "HEAD~1", "--format", "json")
    document = json.loads(said.out)
    assert [(it["endpoint"], it["gone"]) for it in document["stacks"]] == [("ranker", True)]
    assert "Bring the data of qa/serving/ranker back" in document["stacks"][0]["remedy"]
    assert document["matrix"] == {"include": []}
    assert "Terraform still holds it" in said.err
    assert slipway("touched", "--since", "HEAD~1", "--format", "github").out == (
        'any=false\ncount=0\neverything=false\ngone=qa/serving/ranker\nmatrix={"include":[]}\n'
    )
    assert (
        slipway("touched", "--since", "HEAD~1")
        .out.splitlines()[-1]
        .endswith("1 more is gone from the data, not from AWS.")
    )


def test_the_working_tree_and_everything(slipway: Call, checkout: Path) -> None:
    write(checkout, "environments/qa/endpoints/ads.tfvars", 'endpoint = "ads"\n')
    assert stacks(slipway("touched", "--since", "HEAD", "--format", "json")) == []
    assert stacks(slipway("touched", "--since", "HEAD", "--worktree", "--format", "json")) == ["qa/serving/ads"]
    whole = slipway("touched", "--since", "0" * 40, "--format", "json")
    assert len(stacks(whole)) == 6
    assert json.loads(whole.out)["everything"] == "there is no commit before this branch: since is all zeros"


def test_a_shallow_clone_is_an_error_and_not_an_empty_answer(
    slipway: Call, checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = git(checkout, "rev-parse", "HEAD")
    write(checkout, "README.md", "# More\n")
    commit(checkout, "second")
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth=1", checkout.as_uri(), str(shallow))
    monkeypatch.setattr(
        Workspace,
        "find",
        classmethod(lambda cls, environ=None: cls(shallow, shallow / "environments", shallow / "work")),
    )
    said = slipway("touched", "--since", first)
    assert (said.code, "fetch-depth: 0" in said.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give either --since or --all"),
        (("--since", "HEAD", "--until", "HEAD~0", "--worktree"), "goes without --until"),
        (("--since", "nowhere"), "'nowhere' is not a commit of this repository"),
        (("--all", "--env", "prod"), "there is no environment 'prod'"),
    ],
)
def test_wrong_words(words: tuple[str, ...], said: str, slipway: Call, checkout: Path) -> None:
    found = slipway("touched", *words)
    assert (found.code, said in found.err) == (2, True)


def test_settings_that_cannot_be_read_are_warned_of(slipway: Call, checkout: Path) -> None:
    write(checkout, "environments/qa/environment.tfvars", "environment = {\n")
    write(checkout, "environments/qa/endpoints/A B.tfvars", "")
    commit(checkout, "broken")
    said = slipway("touched", "--since", "HEAD~1", "--format", "json")
    assert stacks(said) == ["qa/bootstrap", "qa/foundation", "qa/serving/ranker"]
    assert "the order of the environments is not known" in said.err
    assert "environments/qa/endpoints/A B.tfvars is left out" in said.err
