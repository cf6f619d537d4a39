"""Asks git about a checkout: plumbing only, names as bytes between NULs, no locks, nothing fetched, nothing changed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from glue.errors import SlipwayError, UsageError

_LIMIT_S = 300
# Set while git runs a hook; they would win over the folder that we name.
_OF_HOOKS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_LITERAL_PATHSPECS")


class GitError(SlipwayError):
    """git said no. `code` is its exit code, `said` its words."""

    def __init__(self, code: int, said: str, words: tuple[str, ...]) -> None:
        super().__init__(f"git {words[0]} failed: {said}")
        self.code, self.said = code, said


class Git:
    """The checkout that a folder lies in."""

    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        self._folder = folder
        self._environ = {name: value for name, value in environ.items() if name not in _OF_HOOKS}
        self._environ |= {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}

    def run(self, *words: str, stdin: bytes = b"") -> bytes:
        """Return what git prints. Raises GitError with git's words, UsageError when there is no git."""
        try:
            done = subprocess.run(
                ["git", "-C", str(self._folder), *words],
                input=stdin, capture_output=True, env=self._environ, check=False, timeout=_LIMIT_S,
            )  # fmt: skip
        except FileNotFoundError as error:
            raise UsageError("git is not on PATH", remedy="Install git.") from error
        except subprocess.TimeoutExpired as error:
            raise SlipwayError(f"git {words[0]} took more than {_LIMIT_S} s") from error
        if done.returncode != 0:
            raise GitError(done.returncode, " ".join(done.stderr.decode(errors="replace").split())[:500], words)
        return done.stdout

    def line(self, *words: str) -> str:
        """Return what git prints, a line, without its end."""
        return os.fsdecode(self.run(*words)).rstrip("\n")

    def fields(self, *words: str) -> list[str]:
        """Return what git prints between NULs; names that are no UTF-8 as surrogate escapes."""
        return [field.decode("utf-8", "surrogateescape") for field in self.run(*words).split(b"\0")[:-1]]
