"""Which stacks a range of commits touches, as `slipway touched` says it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from glue.changed_files import Range, Tree, changes_of, compare, prefix_of, tree_of
from glue.core import touched as core
from glue.core.changed import Change, shown
from glue.core.reaching import Picture, is_read
from glue.core.touched import Touched
from glue.errors import SlipwayError, UsageError
from glue.git import Git
from glue.tf import hcl
from glue.tf.tfvars import chain_order

ENVIRONMENTS = "environments"
_LIMIT = 4 * 1024 * 1024  # a larger file is no code that somebody wrote


@dataclass(frozen=True)
class Found:
    """What a range touches, and what was compared. `warnings` is what somebody should look at."""

    range: Range
    changes: tuple[Change, ...]
    touched: Touched
    warnings: tuple[str, ...]


def touched_stacks(
    repository: Path,
    *,
    since: str | None,
    until: str = "HEAD",
    worktree: bool = False,
    direct: bool = False,
    environments: str = ENVIRONMENTS,
) -> Found:
    """Return which stacks are touched between two commits; with `since` None, all of them.

    `environments` is the data's folder from the repository's root. Raises UsageError (exit 2) for a commit that is not
    known, for history that was cut off (shallow clone), and for a tree without environments.
    """
    git = Git(repository)
    compared = compare(git, since=since, until=until, worktree=worktree, direct=direct)
    changes = changes_of(git, compared)
    prefix = prefix_of(git)
    reader = _Reader(git, prefix, environments)
    tree = tree_of(git, compared.until_commit, prefix, worktree=worktree)
    now = reader.picture(compared.until_commit, tree, repository if worktree else None)
    before = [reader.picture(base, tree_of(git, base, prefix, worktree=False), None) for base in compared.bases]
    estate = core.estate_of(now, environments)
    if not estate and not any(core.estate_of(picture, environments) for picture in before):
        raise UsageError(
            f"{compared.until} has no {environments}/<env>/environment.tfvars",
            remedy="Say a commit that holds the environments' data.",
        )
    order, warnings = _order(estate, now.texts, environments)
    found = core.touched(
        changes, now=now, before=before, folder=environments, order=order, everything=compared.everything
    )
    return Found(compared, changes, found, (*warnings, *_misnamed(now, environments)))


class _Reader:
    """Reads the texts that say what belongs together, of whole trees at once."""

    def __init__(self, git: Git, prefix: str, environments: str) -> None:
        self._git, self._prefix, self._environments = git, prefix, environments

    def picture(self, commit: str, tree: Tree, disk: Path | None) -> Picture:
        """Return a tree with its texts, from the commit or, with `disk`, from the files as they lie there."""
        wanted = sorted(
            path
            for path in tree.files
            if (is_read(path) or core.is_text(path, self._environments)) and "\n" not in path
        )
        texts = self._committed(commit, wanted) if disk is None else _on_disk(disk, wanted)
        return Picture(tree.files, tree.submodules, texts)

    def _committed(self, commit: str, paths: list[str]) -> dict[str, str]:
        """Return what files hold, in one call (https://git-scm.com/docs/git-cat-file#_batch_output)."""
        asked = "".join(f"{commit}:{self._prefix}{path}\n" for path in paths)
        answer = self._git.run("cat-file", "--batch", stdin=asked.encode("utf-8", "surrogateescape"))
        found: dict[str, str] = {}
        at = 0
        for path in paths:
            head, _, _ = answer[at:].partition(b"\n")
            words = head.split(b" ")
            if len(words) != 3 or words[1] != b"blob" or not words[2].isdigit():
                raise SlipwayError(f"git cannot read {shown(path)} at {commit[:12]}: {head[:200]!r}")
            begin = at + len(head) + 1
            at = begin + int(words[2]) + 1
            found[path] = answer[begin : at - 1][:_LIMIT].decode("utf-8", "replace")
        return found


def _on_disk(root: Path, paths: Iterable[str]) -> dict[str, str]:
    found = {}
    for path in paths:
        try:
            found[path] = (root / path).read_bytes()[:_LIMIT].decode("utf-8", "replace")
        except OSError as error:
            raise UsageError(f"{shown(path)} cannot be read: {error.strerror}") from error
    return found


def _order(
    estate: Mapping[str, object], texts: Mapping[str, str], environments: str
) -> tuple[tuple[str, ...], list[str]]:
    """Return the environments, each after the one it promotes from; and warnings of settings that cannot be read."""
    sources: dict[str, str | None] = {}
    warnings = []
    for env in estate:
        path = f"{environments}/{env}/environment.tfvars"
        try:
            sources[env] = _promotes_from(hcl.parse(texts[path], name=path))
        except UsageError as error:
            sources[env] = None
            warnings.append(f"{error.message}; so the order of the environments is not known")
    return tuple(chain_order(sources)), warnings


def _promotes_from(values: Mapping[str, hcl.Value]) -> str | None:
    settings = values.get("environment")
    source = settings.get("promotes_from") if isinstance(settings, dict) else None
    name = source.get("name") if isinstance(source, dict) else None
    return name if isinstance(name, str) else None


def _misnamed(now: Picture, environments: str) -> list[str]:
    """Say which data files have a name that no environment or endpoint can have: nobody plans them."""
    known = core.estate_of(now, environments)
    odd = []
    for path in sorted(now.files):
        if not path.startswith(f"{environments}/") or not path.endswith(".tfvars"):
            continue
        env, *inside = path.removeprefix(f"{environments}/").split("/")
        name = posixpath.basename(path).removesuffix(".tfvars").removesuffix(".revisions")
        if inside == ["environment.tfvars"] and env not in known:
            odd.append(f"{shown(path)} is left out: an environment's name has a-z, 0-9 and single hyphens")
        elif inside[:1] == ["endpoints"] and len(inside) == 2 and not core.NAME.match(name):
            odd.append(f"{shown(path)} is left out: an endpoint's name has a-z, 0-9 and single hyphens")
    return odd
