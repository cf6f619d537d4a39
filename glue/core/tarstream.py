"""A strict reader of tar streams: only what every implementation of tar reads in the same way.

The inference container's tar unpacks what this module has looked at, so the two must not disagree. Formats taken:
ustar, GNU (long names), pax (https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13).
Whatever is ambiguous is refused: Python's tarfile, for one, takes a damaged header in the middle for the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from glue.core.checksum import Readable
from glue.errors import UsageError

BLOCK = 512
MAX_EXTENSION = 64 * 1024
# pax records that change nothing about what is unpacked where
_HARMLESS = ("mtime", "atime", "ctime", "uid", "gid", "uname", "gname", "comment", "charset")
_HARMLESS_PREFIXES = ("SCHILY.", "LIBARCHIVE.", "APPLE.", "RHT.security", "MSWINDOWS.")
_KINDS = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a character device",
    b"4": "a block device",
    b"6": "a named pipe",
    b"K": "a link",
    b"S": "a sparse file",
    b"V": "a volume label",
    b"M": "a multi-volume continuation",
}


class ArchiveError(UsageError):
    """A model archive that is not acceptable. The message names the archive, and the member where there is one."""


@dataclass(frozen=True)
class Entry:
    """One header of the archive: a file or a folder, with its permission bits."""

    name: str
    bytes: int
    folder: bool
    mode: int = 0o644


class TarStream:
    """Reads headers and members one after the other, never backwards."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._left = 0  # bytes of the current member that nobody has read
        self._padding = 0
        self.last = ""  # the name read last: what an error further down happened after

    def entries(self) -> Iterator[Entry]:
        """Yield each entry; its bytes can be read by `read` until the next one is asked for."""
        while (header := self._header()) is not None:
            entry = self._entry(header)
            self.last = entry.name
            self._left = entry.bytes
            self._padding = -entry.bytes % BLOCK
            yield entry
            self._skip()
        self._check_end()

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes of the current member; empty at its end."""
        data = self._source.read(min(size, self._left))
        if not data and min(size, self._left):
            raise ArchiveError(f"it ends in the middle of {self.last!r}")
        self._left -= len(data)
        return data

    def _skip(self) -> None:
        while self._left:
            self.read(1024 * 1024)
        self._exactly(self._padding)

    def _header(self) -> bytes | None:
        block = self._source.read(BLOCK)
        while 0 < len(block) < BLOCK and (more := self._source.read(BLOCK - len(block))):
            block += more
        if len(block) < BLOCK:
            raise ArchiveError(f"it ends without an end mark{self._after()}: it is cut off")
        return block if any(block) else None

    def _check_end(self) -> None:
        while data := self._source.read(1024 * 1024):
            if any(data):
                raise ArchiveError(f"there is data behind its end mark{self._after()}")

    def _entry(self, header: bytes) -> Entry:
        """Return the entry that `header` begins, its extended headers read and applied."""
        long_name: str | None = None
        pax: dict[str, str] = {}
        while (kind := self._kind(header)) in {b"x", b"g", b"L"}:
            data = self._extension(header)
            if kind == b"L":
                long_name = _once(long_name, _text(data.rstrip(b"\0"), "a long name"))
            elif kind == b"x":
                if pax:
                    raise ArchiveError(f"two extended headers for one member{self._after()}")
                pax = _pax_records(data, allowed=("path", "size"))
            else:
                _pax_records(data, allowed=())
            following = self._header()
            if following is None:
                raise ArchiveError(f"an extended header without a member{self._after()}")
            header = following
        name = _once(long_name, pax["path"]) if "path" in pax else long_name
        return _finish(header, kind, name if name is not None else _plain_name(header), pax.get("size"))

    def _kind(self, header: bytes) -> bytes:
        stated = _octal(header[148:156], "checksum")
        if stated != sum(header[:148]) + 8 * 32 + sum(header[156:]):
            raise ArchiveError(f"a header is damaged{self._after()}" if self.last else "it is not a tar archive")
        return header[156:157]

    def _extension(self, header: bytes) -> bytes:
        size = _octal(header[124:136], "size")
        if size > MAX_EXTENSION:
            raise ArchiveError(f"an extended header has {size} bytes{self._after()}; at most {MAX_EXTENSION} are read")
        data = self._exactly(size)
        self._exactly(-size % BLOCK)
        return data

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._source.read(size - len(data))
            if not more:
                raise ArchiveError(f"it ends in the middle of a header{self._after()}: it is cut off")
            data += more
        return data

    def _after(self) -> str:
        return f" after {self.last!r}" if self.last else ""


def _finish(header: bytes, kind: bytes, name: str, pax_size: str | None) -> Entry:
    if kind in _KINDS:
        raise ArchiveError(f"{name!r} is {_KINDS[kind]}; only files and folders are taken")
    if kind not in {b"0", b"\0", b"5"}:
        raise ArchiveError(f"{name!r} is of the unknown kind {kind!r}; only files and folders are taken")
    size = _octal(header[124:136], "size") if pax_size is None else _decimal(pax_size, name)
    # Before POSIX, a folder was a file whose name ends in a slash; every tar still reads it so.
    folder = kind == b"5" or (kind == b"\0" and name.endswith("/"))
    if folder and size:
        raise ArchiveError(f"the folder {name!r} claims {size} bytes")
    return Entry(name=name, bytes=size, folder=folder, mode=_octal(header[100:108], "mode") & 0o7777)


def _plain_name(header: bytes) -> str:
    name = _text(header[:100].split(b"\0", 1)[0], "a name")
    prefix = header[345:500].split(b"\0", 1)[0]
    # In GNU's format these bytes hold times, not a prefix; only POSIX's magic gives them that meaning.
    if prefix and header[257:263] == b"ustar\0":
        return f"{_text(prefix, 'a name')}/{name}"
    return name


def _pax_records(data: bytes, *, allowed: tuple[str, ...]) -> dict[str, str]:
    """Parse `<length> <keyword>=<value>\\n` records. Raises ArchiveError for one that changes what is unpacked."""
    found: dict[str, str] = {}
    while data:
        digits, space, _ = data[:20].partition(b" ")
        length = int(digits) if space and digits.isdigit() else 0
        record, data = data[:length], data[length:]
        keyword, equals, value = record[len(digits) + 1 :].partition(b"=")
        if not equals or len(record) != length or not record.endswith(b"\n"):
            raise ArchiveError("an extended header is damaged")
        word = _text(keyword, "an extended header")
        if word in allowed:
            if word in found:
                raise ArchiveError(f"an extended header states {word} twice")
            found[word] = _text(value[:-1], f"the extended header {word}")
        elif word not in _HARMLESS and not word.startswith(_HARMLESS_PREFIXES):
            raise ArchiveError(f"the extended header {word!r} is not taken; write plain files without it")
    return found


def _once(before: str | None, value: str) -> str:
    if before is not None and before != value:
        raise ArchiveError(f"one member has two names, {before!r} and {value!r}")
    return value


def _text(raw: bytes, what: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ArchiveError(f"{what} is not UTF-8: {raw[:80]!r}") from error


def _octal(field: bytes, what: str) -> int:
    """Return a number field: octal digits, or GNU's base 256 for sizes from 8 GiB on."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    if any(byte not in b"01234567" for byte in digits):
        raise ArchiveError("it is not a tar archive, or a header is damaged: " + f"a {what} is not a number")
    return int(digits or b"0", 8)


def _decimal(value: str, name: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 20):
        raise ArchiveError(f"the size of {name!r} is not a number: {value[:40]!r}")
    return int(value)
