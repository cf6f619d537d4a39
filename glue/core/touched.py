"""Which stacks a set of changed files touches, and why: pure, git is read elsewhere.

A stack is an environment's bootstrap, foundation, or one serving endpoint. What is known to be in no stack touches
none; a file that nobody can place touches all of them, because a plan too many costs minutes and one too few is a lie.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from glue.core.changed import Change, shown
from glue.core.reaching import ROOTS, Picture, Reach, reach

STACKS = ("bootstrap", "foundation", "serving")
NAME = re.compile(r"[a-z0-9](-?[a-z0-9])*\Z")
_SUFFIX, _REVISIONS = ".tfvars", ".revisions.tfvars"

# Folders that no stack is made of: what is packed into a function or called as a module is looked for before these.
_ELSEWHERE = (
    ".ci", ".circleci", ".github", "bench", "docs", "examples", "glue", "image", "models", "pipelines", "policy",
    "requirements", "sandbox", "scripts", "tests",
)  # fmt: skip
# Files at the repository's root that no stack is made of. Not among them: what decides how plans are made.
_TOP = (
    ".checkov.yaml", ".dockerignore", ".editorconfig", ".gitignore", ".hadolint.yaml", ".pre-commit-config.yaml",
    ".terraform-docs.yml", ".tflint.hcl", ".trivyignore", "CODEOWNERS", "LICENSE", "pyproject.toml", "renovate.json",
    "trivy.yaml",
)  # fmt: skip
_HOW = {
    ".tool-versions": "it pins Terraform",
    "Makefile": "it says how plans and packages are made",
    "policy/review-exceptions.toml": "it says which plans are not refused",
}
_PACKER = "scripts/build_function.py"
_NOT_PLANNED = ("examples", "tests")  # folders of a root or module
Estate = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, order=True)
class Which:
    """A stack by name; `endpoint` is the short name, None but for serving."""

    env: str
    stack: str
    endpoint: str | None = None

    @property
    def label(self) -> str:
        """How messages call it: `qa/serving/ranker`."""
        return "/".join(part for part in (self.env, self.stack, self.endpoint) if part)


@dataclass(frozen=True)
class TouchedStack:
    """A stack that is touched. `gone` says that its data is no longer there, while its state may be."""

    which: Which
    why: tuple[str, ...]
    gone: bool = False


@dataclass(frozen=True)
class Touched:
    """The stacks that a range touches, in the order in which they are applied; `everything` says why it is all."""

    everything: str
    stacks: tuple[TouchedStack, ...]
    known: tuple[Which, ...]


@dataclass(frozen=True)
class _Scope:
    """What a file touches: of the three, None means all. `broad` marks a file that says nothing of where it belongs."""

    why: str
    env: str | None = None
    stack: str | None = None
    endpoint: str | None = None
    broad: bool = False

    def holds(self, which: Which) -> bool:
        return all(
            mine is None or mine == theirs
            for mine, theirs in (
                (self.env, which.env),
                (self.stack, which.stack),
                (self.endpoint, which.endpoint),
            )
        )


def estate_of(picture: Picture, folder: str) -> dict[str, tuple[str, ...]]:
    """Return the environments below `folder` with their endpoints' short names, both sorted.

    A name that no environment or endpoint can have is left out: it would end up in a pipeline's commands.
    """
    found: dict[str, list[str]] = {}
    for path in sorted(picture.files):
        parts = path.removeprefix(f"{folder}/").split("/") if path.startswith(f"{folder}/") else []
        if parts[1:] == ["environment.tfvars"] and NAME.match(parts[0]):
            found[parts[0]] = []
    for path in sorted(picture.files):
        env, endpoint = _endpoint_of(path, folder)
        if env in found and endpoint and not path.endswith(_REVISIONS):
            found[env].append(endpoint)
    return {env: tuple(sorted(names)) for env, names in found.items()}


def all_stacks(estate: Estate, order: Sequence[str]) -> tuple[Which, ...]:
    """Return every stack: environments in `order` (others after them), bootstrap, foundation, endpoints by name."""
    envs = [env for env in order if env in estate] + sorted(set(estate) - set(order))
    found: list[Which] = []
    for env in envs:
        found += [Which(env, "bootstrap"), Which(env, "foundation")]
        found += [Which(env, "serving", name) for name in estate[env]]
    return tuple(found)


def touched(
    changes: Sequence[Change],
    *,
    now: Picture,
    before: Sequence[Picture],
    folder: str,
    order: Sequence[str] = (),
    everything: str = "",
) -> Touched:
    """Return the stacks that the changes touch. `everything` says why all are, whatever changed; `before` may be none.

    `folder` is where the environments lie, `order` how environments follow each other.
    """
    here = estate_of(now, folder)
    estate = _merged((here, *(estate_of(picture, folder) for picture in before)))
    known = all_stacks(here, order)
    scopes = list(_scopes(changes, _Placing((now, *before), folder, estate)))
    everything = everything or next((scope.why for scope in scopes if scope.broad), "")
    if everything:
        scopes.append(_Scope(everything))
    found = [TouchedStack(which, _why(which, scopes), which not in known) for which in all_stacks(estate, order)]
    return Touched(everything, tuple(it for it in found if it.why), known)


def _why(which: Which, scopes: Iterable[_Scope]) -> tuple[str, ...]:
    # what names the stack most closely comes first
    mine = [scope for scope in scopes if scope.holds(which)]
    mine.sort(key=lambda it: (it.endpoint is None, it.env is None, it.stack is None))
    return tuple(dict.fromkeys(scope.why for scope in mine))


def _merged(estates: Iterable[Estate]) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for estate in estates:
        for env, endpoints in estate.items():
            found.setdefault(env, set()).update(endpoints)
    return {env: tuple(sorted(names)) for env, names in found.items()}


def _scopes(changes: Iterable[Change], placing: _Placing) -> Iterable[_Scope]:
    for change in changes:
        for path in change.paths:
            said = f"{shown(path)} {_kind(change, path)}"
            for scope in placing.place(path):
                yield _Scope(f"{said}: {scope.why}", scope.env, scope.stack, scope.endpoint, scope.broad)


def _kind(change: Change, path: str) -> str:
    if change.kind == "renamed" and path == change.source:
        return f"renamed to {shown(change.path)}"
    return {"mode": "has another mode", "type": "is of another type"}.get(change.kind, change.kind)


class _Placing:
    """Says what a file touches, by what the roots read in any of the pictures."""

    def __init__(self, pictures: Sequence[Picture], folder: str, estate: Estate) -> None:
        self._folder = folder
        self._estate = estate
        self._reaches: list[tuple[str, Reach]] = []
        for picture in pictures:
            for root in STACKS:
                found = reach(picture, root)
                if (root, found) not in self._reaches:
                    self._reaches.append((root, found))
        self._rules: tuple[Callable[[str], Iterable[_Scope] | None], ...] = (
            self._data,
            self._how,
            self._read,
            self._elsewhere,
        )

    def place(self, path: str) -> Iterable[_Scope]:
        """Return what a file touches: nothing, some stacks, or all."""
        for rule in self._rules:
            found = rule(path)
            if found is not None:
                return found
        return (_Scope("nobody can say which stacks it belongs to, so all are looked at", broad=True),)

    def _data(self, path: str) -> Iterable[_Scope] | None:
        if not path.startswith(f"{self._folder}/"):
            return None
        parts = path.removeprefix(f"{self._folder}/").split("/")
        if path.endswith(".md"):
            return ()
        if len(parts) < 2 or parts[0] not in self._estate:
            return None
        env, endpoint = _endpoint_of(path, self._folder)
        if endpoint in self._estate[parts[0]]:
            what = "its revisions" if path.endswith(_REVISIONS) else "its settings"
            return (_Scope(f"{what}", env, "serving", endpoint),)
        if parts[1] == "training" and len(parts) > 2:
            return (_Scope("a template of its training queue", parts[0], "foundation"),)
        known = {"environment.tfvars": "the environment's settings", "backend.hcl": "where its states lie"}
        said = known.get("/".join(parts[1:]), "nobody can say which stacks of the environment read it")
        return (_Scope(said, parts[0]),)

    def _how(self, path: str) -> Iterable[_Scope] | None:
        return (_Scope(_HOW[path], broad=True),) if path in _HOW else None

    def _read(self, path: str) -> Iterable[_Scope] | None:
        """Return the roots that read a file, None when no root is known to."""
        found: dict[str, str] = {}
        for root, reached in () if path.startswith(f"{self._folder}/") else self._reaches:
            why = _reason(path, reached)
            if why and root not in found:
                found[root] = why
        return [_Scope(why, stack=root) for root, why in found.items()] or None

    def _elsewhere(self, path: str) -> Iterable[_Scope] | None:
        parts = path.split("/")
        top = parts[0] in _TOP or path.endswith(".md") if len(parts) == 1 else parts[0] in _ELSEWHERE
        unread = parts[0] == "modules" and len(parts) > 2  # a module that no root calls
        root = parts[0] == ROOTS and len(parts) > 2 and parts[1] in STACKS  # its tests
        words = parts[0] in {"modules", ROOTS} and path.endswith(".md")
        return () if top or unread or root or words else None


def _reason(path: str, reached: Reach) -> str:
    """Return why a root reads a file, "" when it does not."""
    function = reached.packages.get(path)
    if function:
        return f"packed into the function {function}"
    if path == _PACKER and reached.packages:
        return "it packs the functions"
    folder = reached.folder_of(path)
    if folder is not None and _planned(path.removeprefix(folder).lstrip("/")):
        calls = reached.folders[folder]
        if path.endswith(".terraform.lock.hcl"):
            return f"it pins the providers of {calls[0]}"
        return " calls ".join(calls) if len(calls) > 1 else f"code of {folder}"
    if (
        reached.lost
        and path.startswith(("modules/", f"{ROOTS}/"))
        and _planned(path.partition("/")[2].partition("/")[2])
    ):
        return f"{reached.lost[0]}, so it may be what is called"
    return ""


def _planned(inside: str) -> bool:
    """Tell whether a file of a root or module may matter to a plan, by its path in there."""
    return inside.partition("/")[0] not in _NOT_PLANNED and inside not in {"README.md", "CHANGELOG.md"}


def _endpoint_of(path: str, folder: str) -> tuple[str, str]:
    """Return the environment and the endpoint that a data file is named after, "" where it is none."""
    parts = path.removeprefix(f"{folder}/").split("/") if path.startswith(f"{folder}/") else []
    if len(parts) != 3 or parts[1] != "endpoints" or not parts[2].endswith(_SUFFIX):
        return "", ""
    name = parts[2].removesuffix(_REVISIONS).removesuffix(_SUFFIX)
    return (parts[0], name) if NAME.match(name) and NAME.match(parts[0]) else ("", "")


def matrix(stacks: Iterable[TouchedStack], *, most: int = 256) -> list[dict[str, str | None]]:
    """Return what pipelines plan: one entry for each stack that is still there.

    GitHub runs at most 256 jobs of a matrix
    (https://docs.github.com/en/actions/reference/limits): with more stacks, an environment's endpoints are one entry
    without `endpoint`, which `make plan` takes as all of them.
    """
    here = [it.which for it in stacks if not it.gone]
    whole = list(dict.fromkeys((which.env, which.stack, None) for which in here))
    entries = [(which.env, which.stack, which.endpoint) for which in here] if len(here) <= most else whole
    return [{"env": env, "stack": stack, "endpoint": endpoint} for env, stack, endpoint in entries]


def is_text(path: str, folder: str) -> bool:
    """Tell whether a file is an environment's settings, which say what it promotes from."""
    return posixpath.basename(path) == "environment.tfvars" and path.startswith(f"{folder}/")
