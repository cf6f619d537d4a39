"""A model of S3's objects that holds no bytes: what an object is made of is remembered, not stored.

An object is a sequence of pieces, each a range of an original. Two objects are equal exactly when their merged pieces
are, so a 10 GiB copy can be proven complete and in order without 10 GiB. The checksum of a piece of an original that
exists by description only is the SHA-256 of that description: as good as a real one for whoever compares it, because
different ranges have different ones, and it costs nothing.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

MIB = 1024**2
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
COPY_OBJECT_LIMIT = 5 * 1024**3
PART_LIMIT = 5 * 1024**3
LEAST_PART = 5 * MIB


class S3Error(Exception):
    """An error as S3 answers it: HTTP status, code and message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True)
class Piece:
    """Bytes `start` to `start + length` (exclusive) of an original. `data` is given only where bytes are read."""

    origin: str
    start: int
    length: int
    data: bytes | None = field(default=None, repr=False, compare=False)

    def cut(self, start: int, length: int) -> Piece:
        """Return a range of this piece."""
        data = None if self.data is None else self.data[start : start + length]
        return Piece(self.origin, self.start + start, length, data)


Content = tuple[Piece, ...]


def virtual(origin: str, size: int) -> Content:
    """Return the content of an original of `size` bytes that exists by description only."""
    return (Piece(origin, 0, size),)


def literal(data: bytes) -> Content:
    """Return the content of an original with real bytes; equal bytes are the same original."""
    return (Piece(f"sha256:{hashlib.sha256(data).hexdigest()}", 0, len(data), data),)


def size_of(content: Content) -> int:
    """Return the bytes of a content."""
    return sum(piece.length for piece in content)


def cut(content: Content, start: int, length: int) -> Content:
    """Return a range of a content. Raises S3Error 416 when it does not lie within it."""
    if start < 0 or length < 0 or start + length > size_of(content):
        raise S3Error(416, "InvalidRange", "The requested range is not satisfiable")
    found: list[Piece] = []
    for piece in content:
        first, last = max(start, 0), min(start + length, piece.length)
        if first < last:
            found.append(piece.cut(first, last - first))
        start -= piece.length
    return tuple(found)


def joined(contents: Iterable[Content]) -> Content:
    """Return contents one after the other; neighbours of the same original become one piece."""
    merged: list[Piece] = []
    for piece in itertools.chain.from_iterable(contents):
        if not piece.length:
            continue
        last = merged[-1] if merged else None
        if last and last.origin == piece.origin and last.start + last.length == piece.start:
            data = last.data + piece.data if last.data is not None and piece.data is not None else None
            merged[-1] = Piece(last.origin, last.start, last.length + piece.length, data)
        else:
            merged.append(piece)
    return tuple(merged)


def digest(content: Content) -> bytes:
    """Return the SHA-256 of a content: of its bytes where it has them, of its description otherwise."""
    pieces = joined([content])
    if all(piece.data is not None for piece in pieces):
        return hashlib.sha256(b"".join(piece.data or b"" for piece in pieces)).digest()
    return hashlib.sha256("\n".join(f"{p.origin} {p.start} {p.length}" for p in pieces).encode()).digest()


def part_checksums(content: Content, part_size: int) -> tuple[str, ...]:
    """Return what S3 says of each part when the content is uploaded in parts of `part_size` bytes."""
    size = size_of(content)
    starts = range(0, size, part_size) if size else (0,)
    return tuple(_base64(digest(cut(content, start, min(part_size, size - start)))) for start in starts)


def composite(parts: Sequence[str]) -> str:
    """Return the composite checksum of parts."""
    whole = hashlib.sha256(b"".join(base64.b64decode(part) for part in parts))
    return f"{_base64(whole.digest())}-{len(parts)}"


@dataclass(frozen=True)
class Object:
    """One version of one object. `sha256` is its checksum, None when it was written without one."""

    content: Content
    etag: str
    version_id: str
    sha256: str | None = None
    content_type: str = "binary/octet-stream"
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Its bytes."""
        return size_of(self.content)


@dataclass(frozen=True)
class Part:
    """An uploaded part."""

    content: Content
    etag: str
    sha256: str | None


@dataclass
class Upload:
    """An unfinished multipart upload."""

    bucket: str
    key: str
    template: Object
    sha256: bool
    parts: dict[int, Part] = field(default_factory=dict)


class Store:
    """Buckets with their objects and unfinished uploads. A write to an unknown bucket creates it."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Object]] = {}
        self.uploads: dict[str, Upload] = {}
        self.corrupt_next = False  # whether the next copy goes wrong without S3 noticing
        self._numbers = itertools.count(1)

    def put(self, bucket: str, key: str, template: Object, *, if_none_match: bool = False) -> Object:
        """Make an object, a new version when there is one. Raises S3Error 412 when it must not exist and does."""
        if if_none_match and key in self.objects.get(bucket, {}):
            raise S3Error(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
        made = replace(template, version_id=f"v{next(self._numbers)}")
        self.objects.setdefault(bucket, {})[key] = made
        return made

    def get(self, bucket: str, key: str, version_id: str | None = None) -> Object:
        """Return an object. Raises S3Error 404."""
        found = self.objects.get(bucket, {}).get(key)
        if found is None or (version_id and found.version_id != version_id):
            raise S3Error(404, "NoSuchKey", f"The specified key does not exist: {bucket}/{key}")
        return found

    def source(self, bucket: str, key: str, version_id: str | None, etag: str | None) -> Object:
        """Return an object as the source of a copy. Raises S3Error 412 when it is not the one that was meant."""
        found = self.get(bucket, key, version_id)
        if etag and etag != found.etag:
            raise S3Error(412, "PreconditionFailed", "The source is not what x-amz-copy-source-if-match says")
        if self.corrupt_next:
            self.corrupt_next = False
            return replace(found, content=virtual("corrupt", found.size))
        return found

    def begin(self, bucket: str, key: str, template: Object, *, sha256: bool) -> str:
        """Begin a multipart upload and return its id."""
        upload_id = f"upload-{next(self._numbers)}"
        self.uploads[upload_id] = Upload(bucket, key, template, sha256)
        return upload_id

    def upload(self, upload_id: str) -> Upload:
        """Return an unfinished upload. Raises S3Error 404."""
        if upload_id not in self.uploads:
            raise S3Error(404, "NoSuchUpload", "The specified upload does not exist")
        return self.uploads[upload_id]

    def put_part(self, upload_id: str, number: int, content: Content) -> Part:
        """Store a part and return it with its checksum, if the upload was begun with one."""
        upload = self.upload(upload_id)
        if not 1 <= number <= 10_000 or size_of(content) > PART_LIMIT:
            raise S3Error(400, "InvalidArgument", "A part has a number from 1 to 10,000 and at most 5 GiB")
        part = Part(content, etag_of(content), _base64(digest(content)) if upload.sha256 else None)
        upload.parts[number] = part
        return part

    def complete(
        self, upload_id: str, named: Sequence[tuple[int, str, str | None]], *, size: int | None, if_none_match: bool
    ) -> Object:
        """Make the object of its parts: number, ETag and checksum of each, in order.

        Raises S3Error for parts that are not there or differ, another total size than `size`, a taken key.
        """
        upload = self.upload(upload_id)
        parts = [_checked(upload, *one) for one in named]
        if [number for number, _, _ in named] != sorted({number for number, _, _ in named}) or not parts:
            raise S3Error(400, "InvalidPartOrder", "The list of parts was not in ascending order")
        if any(size_of(part.content) < LEAST_PART for part in parts[:-1]):
            raise S3Error(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size")
        content = joined(part.content for part in parts)
        if size is not None and size != size_of(content):
            raise S3Error(400, "InvalidRequest", "The provided x-amz-mp-object-size header does not match")
        sums = [part.sha256 for part in parts if part.sha256]
        etag = hashlib.md5("".join(part.etag for part in parts).encode(), usedforsecurity=False).hexdigest()
        template = replace(
            upload.template,
            content=content,
            etag=f'"{etag}-{len(parts)}"',
            sha256=composite(sums) if upload.sha256 else None,
        )
        made = self.put(upload.bucket, upload.key, template, if_none_match=if_none_match)
        del self.uploads[upload_id]
        return made


def etag_of(content: Content) -> str:
    """Return the ETag of a single part or object, with its quotes."""
    return f'"{digest(content).hex()[:32]}"'


def _checked(upload: Upload, number: int, etag: str, sha256: str | None) -> Part:
    part = upload.parts.get(number)
    if part is None or part.etag != etag or (sha256 and sha256 != part.sha256):
        raise S3Error(400, "InvalidPart", f"Part {number} could not be found, or its ETag or checksum differs")
    return part


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
