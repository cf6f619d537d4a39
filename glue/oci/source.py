"""Which commit an image is of: the label and tag must name the files that are really in it."""

from __future__ import annotations

import re
from pathlib import Path

from glue.changed_files import prefix_of
from glue.core.changed import in_image, shown
from glue.errors import RefusedError, UsageError
from glue.git import Git, GitError

_SHOWN = 5
COMMIT = re.compile(r"[0-9a-f]{7,64}\Z")


def source_paths(model: str) -> tuple[str, ...]:
    """Return what an image of `models/<model>` is made of, as paths below the checkout."""
    return (
        "image/Dockerfile",
        "image/Dockerfile.dockerignore",
        "image/bin",
        "image/slipway_runtime",
        f"models/{model}",
        "requirements/image.txt",
    )


def committed(repository: Path, model: str) -> str:
    """Return the commit of the checkout (40 hex digits).

    Raises RefusedError (exit 3) when files of the image differ from it or are not committed at all (also because git
    ignores them): the tag would name a commit that does not hold them. UsageError when the folder is no git checkout.
    """
    git = Git(repository)
    how = ("--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignored")
    try:
        head = git.line("rev-parse", "--verify", "HEAD")
        prefix = prefix_of(git)
        entries = [entry[3:].removeprefix(prefix) for entry in git.fields("status", *how, "--", *source_paths(model))]
    except GitError as error:
        raise UsageError(
            f"{repository} is not a git checkout with a commit: {error.said}",
            remedy="Say which commit it is: --commit.",
        ) from error
    files = [shown(path) for path in entries if in_image(path)]
    if files:
        more = f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
        raise RefusedError(
            f"the image of {model} would hold files that are not committed: {', '.join(files[:_SHOWN])}{more}",
            remedy="Commit them first: the image's tag names the commit.",
        )
    return head


def resolve(repository: Path, commit: str) -> str:
    """Return a commit id as it is; of a tag, a branch or HEAD of the checkout the commit (40 hex digits).

    Raises UsageError when the checkout has none of that name.
    """
    if COMMIT.match(commit):
        return commit
    if not commit or commit.startswith("-") or not commit.isprintable():
        raise UsageError(f"{commit!r} is not a commit", remedy="Give a commit id, a tag or a branch.")
    try:
        return Git(repository).line("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")
    except GitError as error:
        raise UsageError(
            f"{commit!r} is not a commit of this checkout", remedy="Give a commit id, or fetch the tag or branch first."
        ) from error
