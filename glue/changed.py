"""Which models a range of commits touches, as `slipway models changed` says it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from glue.changed_files import Range, Tree, changes_of, compare, prefix_of, tree_of
from glue.core import changed as core
from glue.core.changed import Change, Model, Touched
from glue.errors import UsageError
from glue.git import Git

_SETTINGS_LIMIT = 1024 * 1024


@dataclass(frozen=True)
class Changed:
    """What a range touches. `deleted` are models that are gone; `warnings` is what somebody should look at."""

    range: Range
    changes: tuple[Change, ...]
    models: tuple[Touched, ...]
    deleted: tuple[str, ...]
    known: tuple[str, ...]
    warnings: tuple[str, ...]

    def needing(self, stage: core.Stage) -> tuple[str, ...]:
        """Return the models that need a stage."""
        return tuple(model.model for model in self.models if stage in model.stages)


def changed_models(
    repository: Path, *, since: str | None, until: str = "HEAD", worktree: bool = False, direct: bool = False
) -> Changed:
    """Return which models changed between two commits; with `since` None, all of them.

    `worktree` adds what is not committed; `direct` compares with `since` itself. Raises UsageError (exit 2) for a
    commit that is not known, for history that was cut off (shallow clone), and for `depends` that nobody can mean.
    """
    git = Git(repository)
    compared = compare(git, since=since, until=until, worktree=worktree, direct=direct)
    changes = changes_of(git, compared)
    prefix = prefix_of(git)
    now = tree_of(git, compared.until_commit, prefix, worktree=worktree)
    names, unusable = core.model_names(now.files, now.submodules)
    models = [core.parse_model(name, _settings(git, name, compared, now, repository)) for name in names]
    before: set[str] = set()
    for base in compared.bases:
        then = tree_of(git, base, prefix, worktree=False)
        before.update(core.model_names(then.files, then.submodules)[0])
    found = core.all_of(models, compared.everything) if compared.everything else core.touched(changes, models)
    return Changed(
        range=compared,
        changes=changes,
        models=found,
        deleted=tuple(sorted(before - set(names))),
        known=names,
        warnings=(*_unusable(unusable), *_unmatched(models, now, changes), *_opaque(names, now)),
    )


def _settings(git: Git, name: str, compared: Range, now: Tree, repository: Path) -> bytes | None:
    path = f"{core.MODELS}/{name}/{core.SETTINGS}"
    if path not in now.files:
        return None
    if compared.worktree:
        try:
            text = (repository / path).read_bytes()
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    else:
        text = git.run("cat-file", "blob", f"{compared.until_commit}:{prefix_of(git)}{path}")
    if len(text) > _SETTINGS_LIMIT:
        raise UsageError(f"{path} has {len(text)} bytes; that is no settings file")
    return text


def _unusable(folders: Iterable[str]) -> list[str]:
    return [
        f"{core.MODELS}/{core.shown(name)} is left out: a model's name has at most 24 of a-z, 0-9 and hyphens"
        for name in folders
    ]


def _unmatched(models: Sequence[Model], now: Tree, changes: Iterable[Change]) -> list[str]:
    """Say which declared patterns name nothing: a misspelt one would never be heard of again."""
    here = now.files.union(*(change.paths for change in changes))
    dead = {
        pattern
        for pattern in {it for model in models for it in model.patterns}
        if not any(core.matches(pattern, path) for path in here)
        and not any(core.matches(pattern, path, submodule=True) for path in now.submodules)
    }
    return [
        f"{core.MODELS}/{model.name}/{core.SETTINGS}: depends has {pattern!r}, and no file is called so"
        for model in models
        for pattern in model.patterns
        if pattern in dead
    ]


def _opaque(names: Iterable[str], now: Tree) -> list[str]:
    return [
        f"{core.MODELS}/{name} is a submodule: its commit is seen, what its {core.SETTINGS} declares is not"
        for name in names
        if f"{core.MODELS}/{name}" in now.submodules
    ]
