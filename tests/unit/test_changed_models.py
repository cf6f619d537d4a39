"""Which models a range of commits touches, asked of real git repositories."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from glue.changed import Changed, changed_models
from glue.errors import SlipwayError, UsageError

pytestmark = pytest.mark.slow

ZEROS = "0" * 40
SETTINGS = 'depends = ["shared/features/**"]\n'


class Repository:
    """A git repository with two models: ranker, which depends on shared/features, and plain."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")
        self.write("models/ranker/inference.py", "models/ranker/train.py", "models/plain/inference.py")
        self.write("shared/features/a.py", "image/Dockerfile", "image/bin/serve", "requirements/image.txt", "README.md")
        self.write("models/ranker/model.toml", text=SETTINGS)
        self.first = self.commit("first")

    def git(self, *words: str | bytes) -> str:
        done = subprocess.run(["git", "-C", str(self.folder), *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def write(self, *paths: str, text: str | None = None) -> None:
        for path in paths:
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text or f"{path}\n" * 8)

    def commit(self, message: str = "more") -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def change(self, *paths: str, text: str | None = None) -> str:
        self.write(*paths, text=text or f"{paths} anew\n")
        return self.commit()

    def changed(self, since: str | None, until: str = "HEAD", **how: bool) -> Changed:
        return changed_models(self.folder, since=since, until=until, **how)

    def names(self, since: str | None, until: str = "HEAD", **how: bool) -> list[str]:
        return [model.model for model in self.changed(since, until, **how).models]


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "tests")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "tests@example.com")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


def test_a_commit_touches_its_own_model_only_and_the_answer_is_the_same_each_time(repository: Repository) -> None:
    head = repository.change("models/plain/inference.py")
    found = repository.changed(repository.first)
    assert [(it.model, it.stages, it.reasons[0].path) for it in found.models] == [
        ("plain", ("image", "train"), "models/plain/inference.py")
    ]
    assert (found.range.bases, found.range.until_commit) == ((repository.first,), head)
    assert (found.known, found.deleted, found.warnings) == (("plain", "ranker"), (), ())
    assert repository.changed(repository.first) == found
    assert repository.names("HEAD") == []


def test_shared_code_touches_all_and_declared_code_who_declares_it(repository: Repository) -> None:
    repository.change("image/bin/serve")
    assert repository.names("HEAD~1") == ["plain", "ranker"]
    repository.change("shared/features/new.py")
    assert repository.names("HEAD~1") == ["ranker"]
    (repository.folder / "shared/features/a.py").unlink()
    repository.commit()
    assert repository.changed("HEAD~1").models[0].reasons[0].change == "deleted"


def test_what_the_other_side_did_does_not_count_but_with_direct(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "-b", "topic")
    repository.change("models/plain/inference.py")
    repository.git("checkout", "--quiet", "main")
    repository.change("models/ranker/train.py")
    assert repository.names("main", "topic") == ["plain"]
    assert repository.names("topic", "main") == ["ranker"]
    assert repository.names("main", "topic", direct=True) == ["plain", "ranker"]
    repository.git("merge", "--quiet", "--no-edit", "topic")
    assert repository.names("HEAD^1") == ["plain"]
    assert repository.names("HEAD^2") == ["ranker"]
    assert repository.names("topic") == ["ranker"]


def test_after_a_criss_cross_merge_every_merge_base_counts(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "-b", "left")
    left = repository.change("models/plain/inference.py")
    repository.git("checkout", "--quiet", "-b", "right", repository.first)
    right = repository.change("models/ranker/train.py")
    repository.git("merge", "--quiet", "--no-edit", left)
    repository.git("checkout", "--quiet", "left")
    repository.git("merge", "--quiet", "--no-edit", right)
    assert repository.changed("right").range.bases == tuple(sorted((left, right)))
    assert repository.names("right") == ["plain", "ranker"]


def test_renames_copies_modes_and_types(repository: Repository) -> None:
    repository.git("mv", "models/ranker/train.py", "models/plain/train.py")
    repository.commit()
    found = repository.changed("HEAD~1")
    assert [(it.model, it.reasons[0].change) for it in found.models] == [("plain", "renamed"), ("ranker", "renamed")]
    repository.write("models/plain/again.py", text=(repository.folder / "README.md").read_text())
    repository.change("README.md")
    assert repository.changed("HEAD~1").models[0].reasons[0].source == "README.md"
    (repository.folder / "models/ranker/inference.py").chmod(0o755)
    repository.commit()
    assert repository.changed("HEAD~1").models[0].reasons[0].change == "mode"
    path = repository.folder / "models/ranker/inference.py"
    path.unlink()
    path.symlink_to("../plain/inference.py")
    repository.commit()
    assert repository.changed("HEAD~1").models[0].reasons[0].change == "type"


def test_a_deleted_model_is_told_and_not_built(repository: Repository) -> None:
    repository.git("rm", "--quiet", "-r", "models/plain")
    repository.git("mv", "models/ranker", "models/sorter")
    repository.commit()
    found = repository.changed("HEAD~1")
    assert (found.deleted, [it.model for it in found.models], found.known) == (
        ("plain", "ranker"), ["sorter"], ("sorter",),
    )  # fmt: skip


def test_the_folder_decides_not_how_its_name_looks(repository: Repository) -> None:
    repository.change("models/half/README.md", "models/local.py", "models/Odd_Name/inference.py")
    found = repository.changed("HEAD~1")
    assert (found.models, found.known) == ((), ("plain", "ranker"))
    assert found.warnings == ("models/Odd_Name is left out: a model's name has at most 24 of a-z, 0-9 and hyphens",)


def test_any_file_name(repository: Repository) -> None:
    odd = b'models/ranker/two words\nand \xff\xfe\ttab "quotes" :1 M\x1b.py'
    (Path(os.fsdecode(os.fsencode(repository.folder))) / os.fsdecode(odd)).write_text("x")
    repository.change("shared/features/-x", "shared/features/é.py")
    paths = [reason.path for reason in repository.changed("HEAD~1").models[0].reasons]
    assert paths == [odd.decode("utf-8", "surrogateescape"), "shared/features/-x", "shared/features/é.py"]


def test_what_is_not_committed(repository: Repository) -> None:
    repository.write("models/ranker/train.py", text="not staged\n")
    assert repository.names("HEAD") == []
    assert repository.names("HEAD", worktree=True) == ["ranker"]
    repository.git("add", "--all")
    assert repository.names("HEAD", worktree=True) == ["ranker"]
    repository.git("reset", "--quiet", "--hard")
    repository.write("models/new one.md", "models/fresh/inference.py", "models/fresh/model.toml", text="depends = [1]")
    with pytest.raises(UsageError, match=r"models/fresh/model\.toml: depends is not a list"):
        repository.changed("HEAD", worktree=True)
    repository.write("models/fresh/model.toml", text='depends = ["new/*"]')
    repository.git("mv", "README.md", "models/plain/README.md")
    found = repository.changed("HEAD", worktree=True)
    assert [(it.model, it.stages) for it in found.models] == [("fresh", ("image", "train")), ("plain", ())]
    (repository.folder / "models/plain/inference.py").unlink()
    found = repository.changed("HEAD", worktree=True)
    assert (found.deleted, found.known) == (("plain",), ("fresh", "ranker"))
    assert found.warnings == ("models/fresh/model.toml: depends has 'new/*', and no file is called so",)


def test_a_submodule_is_a_change_of_its_folder(repository: Repository, tmp_path: Path) -> None:
    library = Repository(tmp_path / "library")
    add = ("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library.folder))
    repository.git(*add, "shared/features/library")
    repository.git(*add, "models/outside")
    repository.commit()
    found = repository.changed("HEAD~1")
    assert [it.model for it in found.models] == ["outside", "ranker"]
    assert found.warnings == ("models/outside is a submodule: its commit is seen, what its model.toml declares is not",)
    library.change("anything")
    repository.git("-C", "shared/features/library", "pull", "--quiet")
    assert repository.names("HEAD", worktree=True) == ["ranker"]
    repository.commit()
    assert repository.names("HEAD~1") == ["ranker"]


def test_everything_counts_where_there_is_nothing_to_compare_with(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "--orphan", "island")
    repository.commit("island")
    for since, said in (
        (ZEROS, "no commit before this branch"),
        ("0" * 64, "no commit before this branch"),
        ("1" * 40, "history was rewritten"),
        ("main", "no commit in common"),
        (None, "all were asked for"),
    ):
        found = repository.changed(since)
        assert [it.model for it in found.models] == ["plain", "ranker"], since
        assert said in found.range.everything


@pytest.mark.parametrize(
    ("since", "said"),
    [
        ("", "'' is not a commit"),
        ("-x", "'-x' is not a commit"),
        ("--output=/tmp/x", "is not a commit"),
        ("main\n", "is not a commit"),
        ("a\0b", "is not a commit"),
        ("nowhere", "'nowhere' is not a commit of this repository"),
        ("1234567", "'1234567' is not a commit of this repository"),
        ("main..main", "is not a commit of this repository"),
        ("HEAD:README.md", "'HEAD:README.md'"),
        ("HEAD^{tree}", "'HEAD^{tree}'"),
    ],
)
def test_what_is_no_commit_is_one_clear_error(repository: Repository, since: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        repository.changed(since)
    assert said in caught.value.message
    assert caught.value.remedy
    assert "\n" not in caught.value.message


def test_a_deleted_branch_has_nothing_to_build(repository: Repository) -> None:
    with pytest.raises(UsageError, match="the branch was deleted"):
        repository.changed("HEAD", ZEROS)


def test_tags_short_ids_and_names_of_branches_like_options(repository: Repository) -> None:
    repository.git("tag", "--annotate", "v1", "--message", "v1")
    repository.change("models/plain/inference.py")
    assert repository.names("v1") == repository.names(repository.first[:8]) == repository.names("@~1") == ["plain"]


def test_a_shallow_clone_says_that_it_needs_more_history(repository: Repository, tmp_path: Path) -> None:
    repository.change("models/plain/inference.py")
    repository.git("checkout", "--quiet", "-b", "topic", repository.first)
    topic = repository.change("models/ranker/train.py")
    repository.git("checkout", "--quiet", "main")
    repository.change("README.md")
    clone = tmp_path / "clone"
    url = f"file://{repository.folder}"
    repository.git("clone", "--quiet", "--depth=1", "--no-single-branch", url, str(clone))
    for since in (repository.first, "HEAD~1", "nowhere", "1" * 40, "origin/topic"):
        with pytest.raises(UsageError, match="shallow clone") as caught:
            changed_models(clone, since=since)
        assert "git fetch --deepen" in str(caught.value)
        assert "fetch-depth: 0" in str(caught.value)
    subprocess.run(["git", "-C", clone, "fetch", "--quiet", "--unshallow"], check=True)
    assert [it.model for it in changed_models(clone, since=topic).models] == ["plain"]
    assert "history was rewritten" in changed_models(clone, since="1" * 40).range.everything


def test_a_partial_clone_fetches_no_file(repository: Repository, tmp_path: Path) -> None:
    repository.git("config", "uploadpack.allowFilter", "true")
    repository.git("mv", "models/ranker/train.py", "models/plain/train.py")
    repository.change("models/plain/inference.py")
    clone = tmp_path / "clone"
    url = f"file://{repository.folder}"
    repository.git("clone", "--quiet", "--filter=blob:none", url, str(clone))
    subprocess.run(["git", "-C", clone, "remote", "set-url", "origin", "file:///gone"], check=True)
    assert [it.model for it in changed_models(clone, since="HEAD~1").models] == ["plain", "ranker"]


def test_a_checkout_within_another_repository(tmp_path: Path) -> None:
    outer = Repository(tmp_path / "outer")
    inner = outer.folder / "platform" / "slipway"
    outer.write(*(f"platform/slipway/models/{name}/inference.py" for name in ("one", "two")))
    outer.commit()
    outer.git("mv", "models/plain/inference.py", "platform/slipway/models/two/moved.py")
    outer.change("platform/slipway/models/one/inference.py", "models/ranker/train.py")
    found = changed_models(inner, since="HEAD~1")
    assert [(it.model, it.reasons[0].change) for it in found.models] == [("one", "modified"), ("two", "added")]
    outer.git("mv", "platform/slipway/models/two/moved.py", "README-moved")
    assert [it.model for it in changed_models(inner, since="HEAD", worktree=True).models] == ["two"]


def test_git_in_a_hook_and_with_a_users_settings(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    repository.git("mv", "models/ranker/train.py", "models/plain/train.py")
    repository.commit()
    for name, value in (
        ("diff.renames", "false"), ("diff.noprefix", "true"), ("core.quotePath", "true"),
        ("diff.external", "false"), ("status.relativePaths", "true"), ("status.showUntrackedFiles", "no"),
    ):  # fmt: skip
        repository.git("config", name, value)
    repository.write("models/ranker/new.py")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere")
    assert repository.names("HEAD~1") == ["plain", "ranker"]
    assert repository.names("HEAD", worktree=True) == ["ranker"]


def test_no_repository_no_commit_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="no git checkout that can be read"):
        changed_models(tmp_path, since="HEAD")
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    with pytest.raises(UsageError, match="'HEAD' is not a commit of this repository"):
        changed_models(tmp_path, since=None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="git is not on PATH"):
        changed_models(tmp_path, since=None)


def test_a_damaged_repository_is_an_error_not_an_empty_answer(repository: Repository) -> None:
    head = repository.change("models/plain/inference.py")
    tree = repository.git("rev-parse", f"{head}^{{tree}}")
    (repository.folder / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    with pytest.raises(SlipwayError, match="git diff-tree failed"):
        repository.changed(repository.first)
