"""Which models a set of changed files touches, why, and which stages each needs: pure, git is read elsewhere.

A model is a folder `models/<name>` with an `inference.py`. It is touched by its own folder, by what every image is made
of (`image/`, `requirements/image.txt`), and by what its `model.toml` declares:

    depends = ["shared/features/**"]           # every stage
    depends = { image = [...], train = [...] } # or stage by stage

Paths are relative to the repository's root, with slashes. Bytes that are no UTF-8 are surrogate escapes.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import takewhile
from typing import Literal

from glue.core.names import MODEL_NAME
from glue.errors import UsageError

Stage = Literal["image", "train"]
Why = Literal["own", "declared", "shared", "everything"]
STAGES: tuple[Stage, ...] = ("image", "train")
SHARED = ("image/**", "requirements/image.txt")
LOCAL = ("image/nginx.conf",)  # stands in front of `serve` on a desk, and is in no image
MODELS = "models"
CODE = "inference.py"
SETTINGS = "model.toml"
_DEEPEST = 64  # folders in a pattern
_ZERO = re.compile(r"0{40}(0{24})?\Z")


@dataclass(frozen=True)
class Change:
    """One changed file. `source` is where a renamed or copied one came from; `submodule` says it is a commit of one.

    `kind` is added, copied, deleted, mode, modified, renamed or type.
    """

    kind: str
    path: str
    source: str | None = None
    submodule: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        """What changed: of a renamed file both places, of a copied one the new place only."""
        return (self.path, self.source) if self.kind == "renamed" and self.source else (self.path,)


@dataclass(frozen=True)
class Model:
    """A model, and the patterns of the files elsewhere that each of its stages depends on."""

    name: str
    depends: Mapping[Stage, tuple[str, ...]] = field(default_factory=dict)

    @property
    def patterns(self) -> tuple[str, ...]:
        """Every pattern once, sorted."""
        return tuple(sorted({pattern for patterns in self.depends.values() for pattern in patterns}))


@dataclass(frozen=True)
class Reason:
    """Why a model is touched. `path` is "" when everything counts as changed; `pattern` is what `path` matched."""

    why: Why
    path: str
    change: str
    stages: tuple[Stage, ...]
    source: str | None = None
    pattern: str | None = None


@dataclass(frozen=True)
class Touched:
    """A model that is touched. Without stages nothing has to be made anew: its documentation changed."""

    model: str
    reasons: tuple[Reason, ...]

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages that are needed, in their order."""
        return tuple(stage for stage in STAGES if any(stage in reason.stages for reason in self.reasons))


def touched(changes: Sequence[Change], models: Iterable[Model]) -> tuple[Touched, ...]:
    """Return the models that the changes touch, by name; the reasons of each: those that need a stage first."""
    known = sorted(models, key=lambda model: model.name)
    # Each pattern is looked for once, whoever declares it: there may be thousands of files and hundreds of models.
    hits = {pattern: _hits(pattern, changes) for pattern in {it for model in known for it in model.patterns}}
    shared = frozenset(at for pattern in SHARED for at in _hits(pattern, changes, only=in_image))
    own = _own(changes)
    found = []
    for model in known:
        mine = own.get(model.name, frozenset())
        concerned = sorted(mine.union(shared, *(hits[pattern] for pattern in model.patterns)))
        reasons = [
            _own_reason(changes[at], model) if at in mine else _other_reason(at, changes[at], model, hits, at in shared)
            for at in concerned
        ]
        if reasons:
            order: tuple[Why, ...] = ("own", "declared", "shared", "everything")
            reasons.sort(key=lambda it: (not it.stages, order.index(it.why), it.path, it.change))
            found.append(Touched(model.name, tuple(reasons)))
    return tuple(found)


def _hits(pattern: str, changes: Sequence[Change], *, only: Callable[[str], bool] = bool) -> frozenset[int]:
    """Return which of the changes a pattern names."""
    return frozenset(
        at
        for at, change in enumerate(changes)
        if any(only(path) and matches(pattern, path, submodule=change.submodule) for path in change.paths)
    )


def _own(changes: Sequence[Change]) -> dict[str, frozenset[int]]:
    """Return, for each folder below `models/`, which of the changes are in it."""
    found: dict[str, set[int]] = {}
    for at, change in enumerate(changes):
        for path in change.paths:
            if path.startswith(f"{MODELS}/"):
                found.setdefault(path.split("/")[1], set()).add(at)
    return {name: frozenset(places) for name, places in found.items()}


def _own_reason(change: Change, model: Model) -> Reason:
    home = f"{MODELS}/{model.name}"
    own = [path for path in change.paths if path == home or path.startswith(f"{home}/")]
    needed = any(in_image(path.removeprefix(home).lstrip("/")) for path in own)
    return Reason("own", change.path, change.kind, STAGES if needed else (), change.source)


def _other_reason(at: int, change: Change, model: Model, hits: Mapping[str, frozenset[int]], shared: bool) -> Reason:
    declared = [(stage, pattern) for stage in STAGES for pattern in model.depends.get(stage, ()) if at in hits[pattern]]
    if not declared:
        return Reason("shared", change.path, change.kind, STAGES, change.source)
    stages = tuple(stage for stage in STAGES if shared or stage in {stage for stage, _ in declared})
    return Reason("declared", change.path, change.kind, stages, change.source, declared[0][1])


def all_of(models: Iterable[Model], why: str) -> tuple[Touched, ...]:
    """Return every model, for one reason in words."""
    names = sorted(model.name for model in models)
    return tuple(Touched(name, (Reason("everything", "", why, STAGES),)) for name in names)


def model_names(paths: Iterable[str], submodules: Iterable[str] = ()) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the models among a tree's files, and the folders of `models/` that hold one under an unusable name."""
    folders = {parts[1] for path in paths if (parts := path.split("/"))[0] == MODELS and parts[2:] == [CODE]}
    folders |= {parts[1] for path in submodules if (parts := path.split("/"))[0] == MODELS and len(parts) == 2}
    good = {name for name in folders if MODEL_NAME.match(name)}
    return tuple(sorted(good)), tuple(sorted(folders - good))


def parse_model(name: str, text: bytes | None) -> Model:
    """Return a model from its model.toml (None: it has none). Raises UsageError for what nobody can mean."""
    where = f"{MODELS}/{name}/{SETTINGS}"
    try:
        document = tomllib.loads((text or b"").decode())
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where} cannot be read: {error}", remedy="It says what the model depends on.") from error
    _refuse_misplaced(document, where)
    given = document.get("depends", [])
    stages: Mapping[str, object] = given if isinstance(given, dict) else dict.fromkeys(STAGES, given)
    unknown = sorted(set(stages) - set(STAGES))
    if unknown:
        raise _wrong(where, f"depends has {', '.join(unknown)}")
    return Model(name, {stage: _patterns(stages[stage], where) for stage in STAGES if stage in stages})


def _patterns(given: object, where: str) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(item, str) for item in given):
        raise _wrong(where, "depends is not a list of patterns")
    for pattern in given:
        parts = pattern.rstrip("/").split("/")
        if not all(parts) or {".", ".."} & set(parts) or "\\" in pattern or len(parts) > _DEEPEST:
            raise _wrong(where, f"depends has {pattern!r}, which is no pattern of files in this repository")
    return tuple(dict.fromkeys(pattern.rstrip("/") for pattern in given))


def _refuse_misplaced(document: Mapping[str, object], where: str) -> None:
    # A line below [a table's heading] belongs to that table, and would never be heard of again.
    inside = [
        name for name, value in document.items() if isinstance(value, dict) and name != "depends" and "depends" in value
    ]
    if inside:
        raise _wrong(where, f"depends stands in [{inside[0]}]; it belongs above the first heading")
    misspelt = sorted({"depend", "dependencies", "depends_on"} & set(document))
    if misspelt:
        raise _wrong(where, f"{misspelt[0]} is called depends")


def _wrong(where: str, what: str) -> UsageError:
    return UsageError(
        f"{where}: {what}",
        remedy='Write depends = ["shared/features/**"] or { image = [...], train = [...] }, as paths from the root.',
    )


def matches(pattern: str, path: str, *, submodule: bool = False) -> bool:
    """Tell whether a pattern names a file, or a folder above it. Time grows with pattern times path, whatever both are.

    `*`, `?` and `[...]` stay within a name, `**` is any number of folders. A submodule's commit stands for all files
    below its path.
    """
    parts, head = _split(pattern)
    if head and not f"{path}/".startswith(head) and not (submodule and head.startswith(f"{path}/")):
        return False  # most files of most patterns
    at = {0}  # how many parts of the pattern are used up
    for name in path.split("/"):
        at = _over_stars(parts, at)
        if len(parts) in at:
            return True
        at = {
            step if parts[step] == "**" else step + 1
            for step in at
            if parts[step] == "**" or fnmatchcase(name, parts[step])
        }
        if not at:
            return False
    return submodule or len(parts) in _over_stars(parts, at)


@lru_cache(maxsize=4096)
def _split(pattern: str) -> tuple[tuple[str, ...], str]:
    """Return a pattern's parts, and the folders that it begins with as text: `shared/features/`."""
    parts = tuple(pattern.split("/"))
    plain = list(takewhile(lambda part: not set(part) & set("*?["), parts))
    return parts, "/".join([*plain, ""])


def _over_stars(parts: Sequence[str], at: set[int]) -> set[int]:
    reached = set(at)
    for step in sorted(at):
        while step < len(parts) and parts[step] == "**":
            step += 1  # noqa: PLW2901 - `**` may stand for nothing
            reached.add(step)
    return reached


def nothing_to_compare(ref: str) -> bool:
    """Tell whether a commit id is all zeros: git hosts send it as `before` of a branch that is new."""
    return bool(_ZERO.match(ref))


def shown(path: str) -> str:
    """Return a path that can be printed: what is no UTF-8, and control characters, as `\\x..` and the like."""
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def in_image(path: str) -> bool:
    """Tell whether a file of a model or of image/ may be part of an image; both builders leave the others out."""
    parts = path.split("/")
    left_out = path.endswith((".md", ".pyc")) or "__pycache__" in parts or path in LOCAL
    return not left_out and not any(part.startswith(".") for part in parts)
