"""Which commit the demo's image and releases are named after."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable
from pathlib import Path

SOURCES = ("image", "models", "requirements/image.txt")


def commit_of(repository: Path) -> tuple[str, bool]:
    """Return the checkout's commit and True, or, where no commit holds the image's files, their own hash and False.

    The product refuses to name an image after a commit that does not hold its files. The demo must also run for
    somebody who is just changing a model, or who has no git history: then the files are named by their content.
    """
    try:
        head = _git(repository, "rev-parse", "--verify", "HEAD").strip()
        clean = not _git(repository, "status", "--porcelain", "--untracked-files=all", "--", *SOURCES)
    except (OSError, subprocess.CalledProcessError):
        head, clean = "", False
    return (head, True) if clean else (content_hash(repository), False)


def content_hash(repository: Path) -> str:
    """Return 40 hex digits over names and contents of the image's files."""
    digest = hashlib.sha1(usedforsecurity=False)
    for path in sorted(_files(repository)):
        digest.update(f"{path.relative_to(repository)}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _files(repository: Path) -> Iterable[Path]:
    for source in SOURCES:
        place = repository / source
        found = [place] if place.is_file() else place.rglob("*")
        yield from (path for path in found if path.is_file() and "__pycache__" not in path.parts)


def _git(repository: Path, *arguments: str) -> str:
    command = ["git", "--no-optional-locks", "-C", str(repository), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
