"""Model archives come from people: they are unpacked with bounds, and nothing in them may leave the folder."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import IO

MAX_FILES = 100_000
MAX_BYTES = 32 * 1024**3


class ArchiveError(Exception):
    """The archive is not a tar.gz, or holds something that must not be unpacked."""


def unpack(source: IO[bytes], target: Path, *, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES) -> None:
    """Unpack a gzip tar below `target`. Raises ArchiveError; nothing outside of `target` is ever written.

    The same rules as Python's data filter (https://docs.python.org/3/library/tarfile.html#tarfile.data_filter), and
    bounds against archives that grow without end.
    """
    target.mkdir(parents=True, exist_ok=True)
    files = size = 0
    try:
        with tarfile.open(fileobj=source, mode="r|gz") as archive:
            for member in archive:
                files += 1
                size += member.size
                if size > max_bytes or files > max_files:
                    raise ArchiveError(f"the archive grows beyond {max_files} files or {max_bytes} bytes")
                archive.extract(member, target, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ArchiveError(str(error) or type(error).__name__) from error
