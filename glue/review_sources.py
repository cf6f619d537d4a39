"""Reads what `slipway review` is given: plans as JSON, saved plans, bundles and reviews, from files and stdin."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from glue.errors import SlipwayError, UsageError
from glue.workspace import Workspace

STDIN = "-"
MOST_BYTES = 100_000_000
_MANIFEST, _SLIM, _SAVED = "bundle.json", "plan.slim.json", "plan.tfplan"
_ZIP = b"PK\x03\x04"
_REVIEW = re.compile(rb'\s*\{\s*"schema_version"')
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Source:
    """The bytes of one plan or review, what it is called, and its file when it has one."""

    name: str
    data: bytes
    file: Path | None = None

    @property
    def is_review(self) -> bool:
        """Whether it is a review's own JSON document and not a plan's."""
        return _REVIEW.match(self.data) is not None


class Sources:
    """Reads what was named. `terraform` runs `terraform show -json`: plan, root module, data folder."""

    def __init__(
        self,
        *,
        chdir: Path | None,
        workspace: Workspace,
        terraform: Callable[[Path, Path, Path | None], bytes],
        stdin: Callable[[], bytes] = lambda: sys.stdin.buffer.read(MOST_BYTES + 1),
    ) -> None:
        self._chdir = chdir
        self._workspace = workspace
        self._terraform = terraform
        self._stdin = stdin

    def read(self, names: tuple[str, ...]) -> list[Source]:
        """Return the sources in order, each with a name of its own. Raises UsageError for what is not there."""
        if names.count(STDIN) > 1:
            raise UsageError("- is standard input, which can be read once", remedy="Name files for the others.")
        found = [source for name in names for source in self._of(name)]
        taken: dict[str, int] = {}
        named = []
        for source in found:
            taken[source.name] = count = taken.get(source.name, 0) + 1
            name = source.name if count == 1 else f"{source.name} ({count})"
            named.append(Source(name, source.data, source.file))
        return named

    def _of(self, name: str) -> Iterator[Source]:
        if name == STDIN:
            yield Source("standard input", self._plan(self._stdin(), None, None))
            return
        path = Path(name)
        if path.is_dir():
            yield from self._folder(path)
            return
        scope = _scope(path.parent) if path.name in {_SLIM, _SAVED} else None
        yield Source("/".join(scope) if scope else name, self._plan(_bytes(path), path, scope), path)

    def _folder(self, folder: Path) -> Iterator[Source]:
        """Yield the bundle in a folder, or those below it."""
        manifests = [folder / _MANIFEST] if (folder / _MANIFEST).is_file() else sorted(folder.rglob(_MANIFEST))
        if not manifests:
            raise UsageError(
                f"{folder} holds no bundle: no {_MANIFEST} is in it or below it",
                remedy="Name a plan's file, or a folder that `slipway plan` made.",
            )
        for manifest in manifests:
            path = manifest.with_name(_SLIM)
            scope = _scope(manifest.parent)
            yield Source("/".join(scope) if scope else str(manifest.parent), _bytes(path), path)

    def _plan(self, data: bytes, path: Path | None, scope: tuple[str, ...] | None) -> bytes:
        """Return JSON as it is, and what Terraform shows of a saved plan."""
        if not data.startswith(_ZIP):
            return data
        if path is None:
            raise UsageError("standard input is a saved plan", remedy="Name its file: Terraform opens it itself.")
        if self._chdir is not None:
            return self._terraform(path, self._chdir, None)
        if scope is None:
            raise UsageError(
                f"{path} is a saved plan, and only Terraform can read it, in the root that made it",
                remedy=f"Name the root's initialised folder: slipway review {path} --chdir FOLDER",
            )
        root = self._workspace.root / "terraform" / scope[1]
        return self._terraform(path, root, self._workspace.work.joinpath("terraform", *scope))


def _scope(folder: Path) -> tuple[str, ...] | None:
    """Return environment, stack and endpoint of a bundle, None when the folder is none."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(manifest, Mapping):
        return None
    parts = [manifest.get("env") or manifest.get("environment"), manifest.get("stack"), manifest.get("endpoint")]
    names = [part for part in parts if part is not None]
    return (
        tuple(names) if all(isinstance(one, str) and _NAME.fullmatch(one) for one in names) and len(names) > 1 else None
    )


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError as error:
        raise UsageError(f"there is no file {path}", remedy="Make it: terraform show -json PLAN > FILE") from error
    except OSError as error:
        raise SlipwayError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > MOST_BYTES:
        raise UsageError(f"{path} has more than {MOST_BYTES:,} bytes", remedy="Review its parts alone.")
    return data
