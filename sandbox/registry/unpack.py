"""Unpacks an image's layers into a folder, and never anything outside it.

Layers come from whoever may push. Names may be absolute or climb with `..`, links may lead anywhere, a later layer may
write through a link of an earlier one. All names are therefore resolved inside the folder, as a container sees them.
Whiteouts: https://github.com/opencontainers/image-spec/blob/main/layer.md
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import tarfile
from pathlib import Path, PurePosixPath
from typing import IO

_MOST_BYTES = 20 * 1024**3
_MOST_MEMBERS = 500_000
_MOST_LINKS = 40
_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"


class UnpackError(ValueError):
    """A layer that is not what it should be."""


class _Hashed:
    """A stream that knows the SHA-256 of all that was read from it, and has a bound."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._sha256 = hashlib.sha256()
        self._count = 0

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._sha256.update(data)
        self._count += len(data)
        if self._count > _MOST_BYTES:
            raise UnpackError(f"a layer grows beyond {_MOST_BYTES} bytes")
        return data

    def rest(self) -> str:
        while self.read(1024 * 1024):
            pass
        return self._sha256.hexdigest()


def layer(root: Path, blob: Path, *, diff_id: str | None) -> None:
    """Unpack one layer over what is in `root`. `diff_id` is the digest of the uncompressed layer, from the config.

    Raises UnpackError when the layer is no tar, its digest differs, or it is too large.
    """
    with blob.open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        stream = _Hashed(gzip.GzipFile(fileobj=raw) if zipped else raw)  # type: ignore[arg-type]
        made: set[str] = set()
        try:
            with tarfile.open(fileobj=stream, mode="r|") as archive:  # type: ignore[call-overload]
                for count, member in enumerate(archive):
                    if count >= _MOST_MEMBERS:
                        raise UnpackError(f"a layer has more than {_MOST_MEMBERS} members")
                    _member(root, archive, member, made)
        except (tarfile.TarError, EOFError, gzip.BadGzipFile) as error:
            raise UnpackError(f"not a layer: {error}") from error
        found = stream.rest()
    if diff_id is not None and diff_id != f"sha256:{found}":
        raise UnpackError(f"the layer's content is sha256:{found}, the image's config says {diff_id}")


def _member(root: Path, archive: tarfile.TarFile, member: tarfile.TarInfo, made: set[str]) -> None:
    parts = PurePosixPath("/", member.name).parts[1:]
    if ".." in parts:
        raise UnpackError(f"{member.name!r} climbs out of the image")
    if not parts:
        return
    parent = resolve(root, PurePosixPath(*parts[:-1]))
    parent.mkdir(parents=True, exist_ok=True)
    name = parts[-1]
    if name == _OPAQUE:
        for entry in parent.iterdir():
            if str(entry) not in made and not any(one.startswith(f"{entry}/") for one in made):
                _remove(entry)
        return
    if name.startswith(_WHITEOUT):
        _remove(parent / name.removeprefix(_WHITEOUT))
        return
    target = parent / name
    made.add(str(target))
    _write(root, archive, member, target)


def _write(root: Path, archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    if member.isdir():
        if target.is_symlink() or (target.exists() and not target.is_dir()):
            _remove(target)
        target.mkdir(exist_ok=True)
        target.chmod((member.mode & 0o777) | 0o700)
        return
    if member.isreg():
        _remove(target)
        source = archive.extractfile(member)
        if source is None:
            raise UnpackError(f"{member.name!r} has no content")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(target, flags, (member.mode & 0o777) | 0o600), "wb") as file:
            shutil.copyfileobj(source, file, 1024 * 1024)
    elif member.issym():
        _remove(target)
        target.symlink_to(_inside(root, target, member.linkname))
    elif member.islnk():
        original = resolve(root, PurePosixPath("/", member.linkname).relative_to("/"))
        if original.is_symlink() or not original.is_file():
            raise UnpackError(f"{member.name!r} links to {member.linkname!r}, which is not there")
        if original != target:
            _remove(target)
            target.hardlink_to(original)
    # devices, pipes: nothing that a model needs, nothing that we could make without being root


def _inside(root: Path, link: Path, text: str) -> str:
    """Return a link's text so that it leads to the same place within `root`: nothing here runs in a container."""
    base = PurePosixPath("/") if text.startswith("/") else PurePosixPath("/", link.parent.relative_to(root).as_posix())
    clean: list[str] = []
    for part in (base / text).parts[1:]:
        if part == "..":
            clean = clean[:-1]
        else:
            clean.append(part)
    return os.path.relpath(root.joinpath(*clean), link.parent)


def resolve(root: Path, path: PurePosixPath) -> Path:
    """Return where a path inside the image lies on disk, following its links, none of which leads out of `root`.

    Raises UnpackError when links go round in circles.
    """
    waiting = list(path.parts)
    here: list[str] = []
    followed = 0
    while waiting:
        part = waiting.pop(0)
        if part in {".", "/"}:
            continue
        if part == "..":
            here = here[:-1]
            continue
        candidate = root.joinpath(*here, part)
        if candidate.is_symlink():
            followed += 1
            if followed > _MOST_LINKS:
                raise UnpackError(f"{path} goes round in circles")
            waiting = [*candidate.readlink().parts, *waiting]
        else:
            here.append(part)
    return root.joinpath(*here)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
