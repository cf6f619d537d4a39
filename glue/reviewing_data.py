"""Reviews the environments' data files of two git refs, as `slipway review --diff` does: no plan, no AWS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from glue.changed_files import Range, Tree, changes_of, compare, prefix_of, tree_of
from glue.core.changed import shown
from glue.errors import UsageError
from glue.git import Git, GitError
from glue.review import data_diff
from glue.review.data_diff import Compared, Data
from glue.review.data_diff_endpoint import Files
from glue.review.model import Review, Settings
from glue.tf import hcl, revisions_file

ENVIRONMENTS = "environments"
_LIMIT = 16 * 1024 * 1024  # bytes: hundreds of revisions
_REVISIONS = ".revisions.tfvars"


def review_diff(
    since: str,
    *,
    until: str | None = None,
    settings: Settings,
    repository: Path | None = None,
    environments: str = ENVIRONMENTS,
    git: Git | None = None,
) -> Review:
    """Return the review of the data files since a ref. `until` None: the files as they lie on the disk.

    Compared is with the merge base of both, as a pull request does. Raises UsageError (exit 2) for a ref that is not
    known, for histories without a common commit, and for a file that cannot be read.
    """
    repository = repository or Path.cwd()
    git = git or Git(repository)
    compared = compare(git, since=since, until=until or "HEAD", worktree=until is None)
    if compared.everything or len(compared.bases) != 1:
        why = compared.everything or f"{since} and {compared.until} have {len(compared.bases)} merge bases"
        raise UsageError(f"the data files cannot be compared: {why}", remedy="Give a commit that both come from.")
    folder = PurePosixPath(environments).as_posix()
    sides = _sides(git, compared, repository)
    paths = sorted({path for change in changes_of(git, compared) for path in change.paths})
    inside = [path for path in paths if path.startswith(f"{folder}/")]
    wanted = {place for path in inside if (place := _place(path, folder)) is not None}
    others = tuple(shown(path) for path in paths if _place(path, folder) is None and _matters(path))
    names = {environment for environment, _ in wanted}
    before, after = (_data(side, folder, wanted, names) for side in sides)
    title = Compared(since=since, until=until or "the files on the disk", folder=folder, others=others)
    return data_diff.review(before, after, title, settings=settings)


@dataclass(frozen=True)
class _Side:
    """The files of one side: of a commit, or on the disk."""

    git: Git
    commit: str
    label: str
    prefix: str
    tree: Tree
    disk: Path | None

    def read(self, path: str) -> str | None:
        """Return a file's text, None when there is none. Raises UsageError when it cannot be read."""
        if path not in self.tree.files:
            return None
        try:
            data = (
                self.git.run("cat-file", "blob", f"{self.commit}:{self.prefix}{path}")
                if self.disk is None
                else (self.disk / path).read_bytes()
            )
        except (GitError, OSError) as error:
            raise UsageError(f"{self.named(path)} cannot be read: {error}") from error
        if len(data) > _LIMIT:
            raise UsageError(f"{self.named(path)} has {len(data)} bytes; that is no data file")
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise UsageError(f"{self.named(path)} is not UTF-8 (byte {error.start})") from error

    def values(self, path: str) -> Mapping[str, Any] | None:
        """Return what a tfvars file sets. Raises UsageError naming the ref, the file and the line."""
        text = self.read(path)
        return None if text is None else hcl.parse(text, name=self.named(path))

    def named(self, path: str) -> str:
        """Return how messages call a file."""
        return shown(path) if self.disk is not None else f"{self.label}:{shown(path)}"


def _sides(git: Git, compared: Range, repository: Path) -> tuple[_Side, _Side]:
    prefix = prefix_of(git)
    base = compared.bases[0]
    old = _Side(git, base, compared.since, prefix, tree_of(git, base, prefix, worktree=False), None)
    now = tree_of(git, compared.until_commit, prefix, worktree=compared.worktree)
    new = replace(old, commit=compared.until_commit, label=compared.until, tree=now)
    return old, replace(new, disk=repository if compared.worktree else None)


def _place(path: str, folder: str) -> tuple[str, str | None] | None:
    """Return the environment and the endpoint that a data file is of; None when it is none."""
    parts = PurePosixPath(path).relative_to(folder).parts if path.startswith(f"{folder}/") else ()
    if len(parts) == 2 and parts[1] == "environment.tfvars":
        return parts[0], None
    if len(parts) == 3 and parts[1] == "endpoints" and parts[2].endswith(".tfvars"):
        return parts[0], parts[2].removesuffix(_REVISIONS).removesuffix(".tfvars")
    return None


def _matters(path: str) -> bool:
    """Tell whether a file outside the data may change what Terraform or slipway makes of it."""
    return not path.endswith((".md", ".png", ".svg")) and not path.startswith(("docs/", "tests/"))


def _data(side: _Side, folder: str, wanted: Iterable[tuple[str, str | None]], names: Iterable[str]) -> Data:
    environments = {}
    for name in sorted(names):
        path = f"{folder}/{name}/environment.tfvars"
        values = side.values(path)
        if values is not None:
            found = values.get("environment")
            if not isinstance(found, Mapping):
                raise UsageError(f"{side.named(path)}: it sets no object `environment`")
            environments[name] = found
    return Data(environments, dict(_endpoints(side, folder, wanted)))


def _endpoints(
    side: _Side, folder: str, wanted: Iterable[tuple[str, str | None]]
) -> Iterator[tuple[tuple[str, str], Files]]:
    for name, endpoint in sorted(wanted, key=str):
        if endpoint is None:
            continue
        stem = f"{folder}/{name}/endpoints/{endpoint}"
        text = side.read(f"{stem}{_REVISIONS}")
        revisions = None if text is None else hcl.parse(text, name=side.named(f"{stem}{_REVISIONS}"))
        settings = side.values(f"{stem}.tfvars")
        if settings is not None or revisions is not None:
            sealed = text is None or revisions_file.is_sealed(text)
            yield (name, endpoint), Files(settings, revisions, sealed)
