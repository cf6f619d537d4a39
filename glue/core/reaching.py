"""What each Terraform root reads of a repository's tree: modules it calls, nested, and functions it packs. Pure.

A local module's source begins with `./` or `../` and is a literal
(https://developer.hashicorp.com/terraform/language/modules/sources#local-paths), so the text alone tells the graph.
Comments are read, too: a call too many only plans a stack too many.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# also as JSON: {"module": {"x": {"source": "../y"}}}
_SOURCE = re.compile(r'(?<![\w-])source"?\s*[=:]\s*"(\.\.?/[^"]*)"')
_PATH = re.compile(r'\$\{path\.(module|root)\}/([^"\n]*)')
_ZIP = re.compile(r"build/functions/([A-Za-z0-9_-]+)\.zip")
CODE = (".tf", ".tf.json")
ROOTS = "terraform"
LISTING = "package.txt"


@dataclass(frozen=True)
class Picture:
    """A repository's tree: its files, the folders that are submodules, and the texts that say what belongs together.

    Paths are relative to the repository's root. `texts` holds what `is_read` names.
    """

    files: frozenset[str]
    submodules: frozenset[str] = frozenset()
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reach:
    """What a root reads. `folders` maps each folder to the calls that lead to it, the root's own first.

    Files that code reads by path elsewhere count as folders. `packages` maps each file that is packed into a function
    to the function's name. `lost` says what leads to no folder of the tree: what lies behind it is not known.
    """

    folders: Mapping[str, tuple[str, ...]]
    packages: Mapping[str, str]
    lost: tuple[str, ...] = ()

    def folder_of(self, path: str) -> str | None:
        """Return the innermost folder of this root's that a path lies in (a submodule's path is its folder)."""
        held = [folder for folder in self.folders if path == folder or path.startswith(f"{folder}/")]
        return max(held, key=len, default=None)


def is_read(path: str) -> bool:
    """Tell whether a file's text says what belongs together: Terraform code, and lists of packed files."""
    return path.endswith(CODE) or posixpath.basename(path) == LISTING


def reach(picture: Picture, root: str) -> Reach:
    """Return what the root `terraform/<root>` reads, following its calls to whatever depth."""
    start = f"{ROOTS}/{root}"
    by_folder = _code_by_folder(picture)
    there = _there(picture)
    folders: dict[str, tuple[str, ...]] = {start: (start,)}
    lost: list[str] = []
    waiting = [start]
    for folder in waiting:  # grows while it is walked
        for called in sorted(_calls(by_folder.get(folder, ()), folder)):
            if called in folders:
                continue
            if called not in there:
                lost.append(f"{folder} calls {called}, which is not here")
                continue
            folders[called] = (*folders[folder], called)
            waiting.append(called)
    for folder in waiting:
        for read in sorted(_reads(by_folder.get(folder, ()), folder, start)):
            if read == ".":
                lost.append(f"{folder} reads files of any name")
            elif read in there:
                folders.setdefault(read, (*folders[folder], read))
    texts = [text for folder in waiting for text in by_folder.get(folder, ())]
    return Reach(folders, _packed(picture, texts), tuple(lost))


def _there(picture: Picture) -> set[str]:
    """Return every file and folder of a tree."""
    found = set(picture.files | picture.submodules)
    for path in picture.files | picture.submodules:
        parent = posixpath.dirname(path)
        while parent and parent not in found:
            found.add(parent)
            parent = posixpath.dirname(parent)
    return found


def _code_by_folder(picture: Picture) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path, text in picture.texts.items():
        if path.endswith(CODE):
            found.setdefault(posixpath.dirname(path), []).append(text)
    return found


def _calls(texts: Iterable[str], folder: str) -> set[str]:
    return {posixpath.normpath(posixpath.join(folder, source)) for text in texts for source in _SOURCE.findall(text)}


def _reads(texts: Iterable[str], folder: str, root: str) -> set[str]:
    """Return the files and folders that code reads by path, besides its own: of a composed path what is known."""
    found = set()
    for text in texts:
        for base, path in _PATH.findall(text):
            known, cut, _ = path.partition("${")
            target = posixpath.normpath(
                posixpath.join(folder if base == "module" else root, posixpath.dirname(known) if cut else known)
            )
            if target != folder and not target.startswith(f"{folder}/"):
                found.add(target)
    return found


def _packed(picture: Picture, texts: Iterable[str]) -> dict[str, str]:
    """Return the files of the functions whose zips the texts name; `make build` packs them from `modules/<name>`."""
    found: dict[str, str] = {}
    for name in sorted({name for text in texts for name in _ZIP.findall(text)}):
        home = f"modules/{name}"
        listing = f"{home}/{LISTING}"
        packed = [path for path in picture.files if path.startswith(f"{home}/src/")]
        packed += [listing, *picture.texts.get(listing, "").split()]
        for path in packed:
            found.setdefault(path, name)
    return found
