"""Reproducible layers: the same files always give the same bytes.

A layer is a gzip-compressed tar (https://github.com/opencontainers/image-spec/blob/main/layer.md). What varies from
machine to machine is fixed: order, times (0), owners (0:0), modes (0755 and 0644), gzip's header. What is left is zlib:
another zlib version may compress otherwise, so `diff_id` (of the tar) is equal everywhere and `digest` for one zlib.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from glue.errors import SlipwayError

DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_LEVEL = 6
_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class File:
    """One file of a layer: where it lies in the image (no leading slash), where its bytes are, whether it runs."""

    target: str
    source: Path
    executable: bool = False


@dataclass(frozen=True)
class Layer:
    """A finished layer: sha256 of the compressed bytes, of the tar, size in bytes, and the file that holds it."""

    digest: str
    diff_id: str
    size: int
    path: Path
    media_type: str = DOCKER_LAYER


def write_layer(files: Iterable[File], path: Path) -> Layer:
    """Write a layer and return it. Raises SlipwayError for a target that occurs twice, or lies outside the image."""
    wanted: dict[str, File] = {}
    for file in files:
        if file.target in wanted or not _inside(file.target):
            raise SlipwayError(f"{file.target!r} cannot go into a layer: it occurs twice or is not a plain path")
        wanted[file.target] = file
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as raw:
        digest, diff_id = _Hashed(raw), hashlib.sha256()
        with (
            gzip.GzipFile(filename="", mode="wb", fileobj=digest, mtime=0, compresslevel=_LEVEL) as packed,
            tarfile.open(fileobj=_Tee(packed, diff_id), mode="w|", format=tarfile.PAX_FORMAT) as tar,  # type: ignore[call-overload]  # as above
        ):
            for name in _folders(wanted):
                tar.addfile(_header(name, tarfile.DIRTYPE, mode=0o755))
            for name in sorted(wanted):
                _add(tar, wanted[name])
    return Layer(
        digest=f"sha256:{digest.hash.hexdigest()}",
        diff_id=f"sha256:{diff_id.hexdigest()}",
        size=path.stat().st_size,
        path=path,
    )


def tree(folder: Path, target: str, *, suffixes: frozenset[str] | None = None) -> Iterator[File]:
    """Yield the files below a folder, sorted, for a place in the image: no caches, no hidden files, no links.

    With `suffixes`, only files that end so. Raises SlipwayError for a symbolic link: an image built from it would hold
    what lies elsewhere on this machine.
    """
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if any(part.startswith(".") or part == "__pycache__" for part in relative.parts):
            continue
        if path.is_symlink():
            raise SlipwayError(f"{path} is a symbolic link", remedy="Put the file itself there.")
        if path.is_file() and (suffixes is None or path.suffix in suffixes):
            yield File(f"{target}/{relative.as_posix()}", path, executable=os.access(path, os.X_OK))


def sha256_file(path: Path) -> str:
    """Return `sha256:<hex>` of a file, read in pieces of 1 MiB."""
    hasher = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            hasher.update(chunk)
    return f"sha256:{hasher.hexdigest()}"


class _Hashed:
    """A writer that hashes what passes through."""

    def __init__(self, target: IO[bytes]) -> None:
        self._target = target
        self.hash = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.hash.update(data)
        return self._target.write(data)

    def flush(self) -> None:
        self._target.flush()


class _Tee:
    """Gives the tar's bytes to gzip and to a hash."""

    def __init__(self, target: gzip.GzipFile, hasher: hashlib._Hash) -> None:
        self._target, self._hasher = target, hasher

    def write(self, data: bytes) -> int:
        self._hasher.update(data)
        return self._target.write(data)


def _inside(target: str) -> bool:
    parts = target.split("/")
    return bool(target) and all(part not in {"", ".", ".."} for part in parts) and "\0" not in target


def _folders(names: Iterable[str]) -> list[str]:
    folders: set[str] = set()
    for name in names:
        parts = name.split("/")[:-1]
        folders.update("/".join(parts[: depth + 1]) for depth in range(len(parts)))
    return sorted(folders)


def _header(name: str, kind: bytes, *, mode: int, size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.size, info.mtime = kind, mode, size, 0
    return info


def _add(tar: tarfile.TarFile, file: File) -> None:
    mode = 0o755 if file.executable else 0o644
    with file.source.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        tar.addfile(_header(file.target, tarfile.REGTYPE, mode=mode, size=size), stream)
