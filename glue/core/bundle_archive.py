"""A bundle as one object: a tar archive with exactly its five files, so that it is there whole or not at all."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping

from glue.core.bundle import FILES, MANIFEST

LIMIT = 256 * 1024 * 1024  # bytes; a plan of 200 endpoints in one state has 14 MB of JSON
_NAMES = (MANIFEST, *FILES)


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return the archive of a bundle's files: the same bytes for the same files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in _NAMES:
            if name in files:
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(files[name]), 0o600
                archive.addfile(entry, io.BytesIO(files[name]))
    return buffer.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    """Return the files of an archive. Raises ValueError for anything but plain files of a bundle, each once."""
    if len(data) > LIMIT:
        raise ValueError(f"it has {len(data)} bytes; at most {LIMIT} are read")
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:  # not compressed: nothing can swell
            for entry in archive:
                if entry.name not in _NAMES or entry.name in found or not entry.isreg():
                    raise ValueError(f"{entry.name[:80]!r} is no file of a bundle")
                content = archive.extractfile(entry)
                found[entry.name] = content.read() if content is not None else b""
    except tarfile.TarError as error:
        raise ValueError(f"it is not an archive: {error}") from error
    if MANIFEST not in found:
        raise ValueError(f"it has no {MANIFEST}")
    return found
