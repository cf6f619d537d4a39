"""Which files a range of commits changed: what `since` and `until` come to, and what git says of the files.

Compared are the trees of the merge base and of `until`: what `until`'s side changed, as a pull request shows it
(`git diff since...until`). What cannot be told is an error, never an empty answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from glue.core.changed import Change, nothing_to_compare, shown
from glue.errors import SlipwayError, UsageError
from glue.git import Git, GitError

_FULL_ID = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?\Z")
_SUBMODULE = "160000"
_KINDS = {"A": "added", "C": "copied", "D": "deleted", "M": "modified", "R": "renamed", "T": "type"}
_DEEPEN = (
    "Fetch more history, then run this again: git fetch --deepen=200, or git fetch --unshallow; "
    "on GitHub set fetch-depth: 0 for actions/checkout."
)


@dataclass(frozen=True)
class Range:
    """What was compared. `everything` says why all counts as changed, "" when it does not.

    `bases` are full commit ids: several after criss-cross merges, none when all counts as changed.
    """

    since: str
    until: str
    until_commit: str
    bases: tuple[str, ...] = ()
    worktree: bool = False
    everything: str = ""


@dataclass(frozen=True)
class Tree:
    """The files of a commit or of the working tree, relative to the repository's root; `submodules` are folders."""

    files: frozenset[str]
    submodules: frozenset[str] = frozenset()


def compare(git: Git, *, since: str | None, until: str = "HEAD", worktree: bool = False, direct: bool = False) -> Range:
    """Return what `since` and `until` come to. Raises UsageError for what cannot be compared."""
    shallow = _is_shallow(git)
    if nothing_to_compare(until):
        raise UsageError(f"--until {until} says that the branch was deleted: there is nothing to build")
    commit = _commit(git, until, shallow)
    if commit is None:
        raise _unknown(until, shallow)
    whole = Range(since or "", until, commit, worktree=worktree)
    if since is None:
        return _everything(whole, "all were asked for")
    if nothing_to_compare(since):
        return _everything(whole, "there is no commit before this branch: since is all zeros")
    base = _commit(git, since, shallow)
    if base is None:
        if not shallow and _FULL_ID.match(since):
            return _everything(whole, f"{since[:12]} is not in this clone: history was rewritten")
        raise _unknown(since, shallow)
    bases = (base,) if direct else _merge_bases(git, base, commit)
    if not bases and shallow:
        raise UsageError(f"{since} and {until} have no commit in common in this shallow clone", remedy=_DEEPEN)
    if not bases:
        return _everything(whole, f"{since} and {until} have no commit in common")
    return Range(since, until, commit, bases, worktree)


def changes_of(git: Git, compared: Range) -> tuple[Change, ...]:
    """Return a range's changed files, sorted, as paths from the repository's root; none when all counts as changed.

    Files that were renamed or copied without a change are told as such, others as deleted and added: that needs no
    file's content, which a partial clone may lack.
    """
    found: set[Change] = set()
    prefix = prefix_of(git)
    for base in compared.bases:
        raw = git.fields(
            "diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--find-renames=100%", "--find-copies=100%",
            base, compared.until_commit,
        )  # fmt: skip
        found.update(_parse_raw(raw))
    if compared.worktree and not compared.everything:
        found.update(_uncommitted(git))
    inside = [change for change in (_below(change, prefix) for change in found) if change is not None]
    return tuple(sorted(inside, key=lambda change: (change.path, change.kind, change.source or "")))


def _everything(compared: Range, why: str) -> Range:
    return Range(compared.since, compared.until, compared.until_commit, (), compared.worktree, why)


def _unknown(ref: str, shallow: bool) -> UsageError:
    if shallow:
        return UsageError(f"{ref!r} is not a commit of this shallow clone", remedy=_DEEPEN)
    return UsageError(f"{ref!r} is not a commit of this repository", remedy="Give a branch, a tag or a commit id.")


def _is_shallow(git: Git) -> bool:
    try:
        return git.line("rev-parse", "--is-shallow-repository") == "true"
    except GitError as error:
        raise UsageError(f"this is no git checkout that can be read: {error.said}") from error


def _commit(git: Git, ref: str, shallow: bool) -> str | None:
    """Return the full id of a commit, None when there is none of that name."""
    if not ref or ref.startswith("-") or not ref.isprintable():
        remedy = "Give a branch, a tag or a commit id; --all for all models."
        raise UsageError(f"{ref!r} is not a commit", remedy=remedy)
    try:
        return git.line("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    except GitError as error:
        if error.said and not shallow and not _FULL_ID.match(ref):  # ambiguous, or no commit but a file
            raise UsageError(f"{ref!r} cannot be used: {error.said}", remedy="Give the full commit id.") from error
        return None


def _merge_bases(git: Git, one: str, other: str) -> tuple[str, ...]:
    try:
        return tuple(sorted(git.line("merge-base", "--all", one, other).split()))
    except GitError as error:
        if error.code == 1 and not error.said:
            return ()
        raise


def prefix_of(git: Git) -> str:
    """Return where the repository's root lies in its checkout: "", or `folder/`."""
    return git.line("rev-parse", "--show-prefix")


def _parse_raw(fields: list[str]) -> Iterable[Change]:
    # :<mode> <mode> <id> <id> <kind><score> NUL path NUL [path NUL], https://git-scm.com/docs/git-diff#_raw_output_format
    rest = iter(fields)
    for meta in rest:
        old, new, _, _, status = meta.removeprefix(":").split(" ")
        path = next(rest)
        kind = _KINDS.get(status[0])
        if kind is None:
            raise SlipwayError(f"git tells of a change {status!r} of {shown(path)}, which is not known here")
        submodule = _SUBMODULE in {old, new}
        if kind in {"renamed", "copied"}:
            yield Change(kind, next(rest), source=path, submodule=submodule)
        else:
            same = kind == "modified" and old != new and meta.split(" ")[2] == meta.split(" ")[3]
            yield Change("mode" if same else kind, path, submodule=submodule)


def _uncommitted(git: Git) -> Iterable[Change]:
    # https://git-scm.com/docs/git-status#_porcelain_format_version_2; paths are relative to the checkout's root
    how = ("--porcelain=v2", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=none")
    for entry in git.fields("status", *how):
        if entry.startswith("? "):
            yield Change("added", entry[2:].rstrip("/"))
        elif entry.startswith("1 "):
            _, states, submodule, *_, path = entry.split(" ", 8)
            gone = "D" in states
            kind = "deleted" if gone else "added" if "A" in states else "modified"
            yield Change(kind, path, submodule=submodule.startswith("S"))
        elif entry.startswith("u "):
            yield Change("modified", entry.split(" ", 10)[10])


def _below(change: Change, prefix: str) -> Change | None:
    """Return a change with paths relative to the repository's root; None when it lies outside."""
    inside = [path.removeprefix(prefix) for path in change.paths if path.startswith(prefix)]
    if not inside:
        return None
    if len(inside) < len(change.paths):  # moved in or out
        kind = "added" if change.path.startswith(prefix) else "deleted"
        return Change(kind, inside[0], submodule=change.submodule)
    source = change.source.removeprefix(prefix) if change.source else None
    return Change(change.kind, inside[0], source, change.submodule)


def tree_of(git: Git, commit: str, prefix: str, *, worktree: bool) -> Tree:
    """Return the files of a commit, below `prefix`; with `worktree`, as they lie on the disk."""
    files: set[str] = set()
    submodules: set[str] = set()
    for entry in git.fields("ls-tree", "-r", "-z", "--full-tree", commit):
        meta, path = entry.split("\t", 1)
        (submodules if meta.startswith(_SUBMODULE) else files).add(path)
    if worktree:
        for change in _uncommitted(git):
            if change.kind == "deleted":
                files.discard(change.path)
            elif not change.submodule:
                files.add(change.path)
    return Tree(
        *(frozenset(p.removeprefix(prefix) for p in paths if p.startswith(prefix)) for paths in (files, submodules))
    )
