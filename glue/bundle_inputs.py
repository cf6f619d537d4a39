"""What a plan is made from, by hash: the code, the environment's data, the provider lock, and the state's version."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

from glue.core.bundle import Inputs, StateId, locked
from glue.workspace import Stack, Workspace

LOCK = ".terraform.lock.hcl"
# Of a saved plan, which is a zip archive: with the lineage and serial that Terraform itself compares.
_STATE_BEFORE = "tfstate"
_STATE_LIMIT = 512 * 1024 * 1024
_APART = {"tests", "examples", "__pycache__", ".terraform"}  # nothing of it reaches a plan


def inputs_of(workspace: Workspace, stack: Stack) -> Inputs:
    """Return the hashes of all that a plan of a stack is made from, as it lies here now."""
    lock = workspace.root_folder(stack) / LOCK
    text = lock.read_text(encoding="utf-8", errors="replace") if lock.is_file() else ""
    return Inputs(
        code=dict(_code(workspace, stack)),
        tfvars=dict(_data(workspace, stack)),
        lock=of_bytes(text.encode()),
        providers=locked(text),
    )


def of_bytes(data: bytes) -> str:
    """Return a hash as bundles have it: SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def of_file(path: Path) -> str:
    """Return a file's hash, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _code(workspace: Workspace, stack: Stack) -> Iterator[tuple[str, str]]:
    """Yield each part of the code: the root, each module, the functions' packages, and what is reviewed by."""
    root = workspace.root
    yield f"terraform/{stack.name}", _folder(workspace.root_folder(stack))
    for module in sorted(path for path in (root / "modules").glob("*") if path.is_dir()):
        yield f"modules/{module.name}", _folder(module)
    for package in sorted((root / "build" / "functions").glob("*.zip")):
        yield f"build/functions/{package.name}", of_file(package)
    if (root / "policy").is_dir():
        yield "policy", _folder(root / "policy")


def _folder(folder: Path) -> str:
    """Return one hash of a folder's files, by name; documentation, tests and examples change no plan."""
    found = hashlib.sha256()
    for path in sorted(_files(folder)):
        found.update(f"{path.relative_to(folder).as_posix()}\n{of_file(path)}\n".encode())
    return found.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir():
            if path.name not in _APART:
                yield from _files(path)
        elif path.is_file() and path.suffix != ".md" and path.name != LOCK:
            yield path


def _data(workspace: Workspace, stack: Stack) -> Iterator[tuple[str, str]]:
    """Yield each file of the environment's data that the stack's plan reads."""
    folder = workspace.environments / stack.environment.name
    names = ["backend.hcl", "environment.tfvars"]
    if stack.endpoint:
        names += [f"endpoints/{stack.endpoint}.tfvars", f"endpoints/{stack.endpoint}.revisions.tfvars"]
    if stack.name == "foundation":
        names += sorted(path.relative_to(folder).as_posix() for path in _files(folder / "training"))
    for name in names:
        if (folder / name).is_file():
            yield name, of_file(folder / name)


def state_before(plan: Path) -> StateId | None:
    """Return which version of the state a saved plan was made from, None when it does not say so, or there was none."""
    try:
        with zipfile.ZipFile(plan) as archive:
            if archive.getinfo(_STATE_BEFORE).file_size > _STATE_LIMIT:
                return None
            return state_id(archive.read(_STATE_BEFORE))
    except (OSError, KeyError, zipfile.BadZipFile):
        return None


def state_id(data: bytes) -> StateId | None:
    """Return lineage and serial of a state file, None for an empty one or what is none."""
    try:
        document = json.loads(data)
        found = StateId(str(document["lineage"]), int(document["serial"]))
    except (ValueError, KeyError, TypeError):
        return None
    return found if found.lineage else None
