"""Takes the body of an upload: undoes aws-chunked, computes checksums on the way, compares them with what was promised.

moto accepts any checksum. A test of corruption would pass falsely. The hash that the signature covers is compared by
the front door while the body is read (`sandbox/payloads.py`).
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.calls import Call
from sandbox.errors import AwsError
from sandbox.s3 import checksums
from sandbox.s3.blobs import BLOCK, Blob, Writer

_PREFIX = "x-amz-checksum-"
_MAX_LINE = 16 * 1024
LARGEST_PUT = 5 * 1024**3


@dataclass(frozen=True)
class Received:
    """An accepted body. `algorithm` is the one that the client named, if any; `digest` is of that algorithm."""

    blob: Blob
    md5: str
    algorithm: str | None = None
    digest: bytes = b""


def receive(call: Call, folder: Path, *, compute: str | None = None) -> Received:
    """Read the body into a blob. `compute` is the algorithm to use when the client sends no checksum.

    Raises AwsError: BadDigest when a checksum or Content-MD5 does not match, IncompleteBody, InvalidDigest,
    InvalidRequest for checksums that are malformed, EntityTooLarge beyond 5 GiB.
    """
    algorithm, promised = _promise(call)
    chosen = algorithm or compute
    total = checksums.running(chosen) if chosen else None
    md5 = hashlib.md5(usedforsecurity=False)
    signed = call.headers.get("x-amz-content-sha256", "")
    chunked = signed.startswith("STREAMING-") or "aws-chunked" in call.headers.get("content-encoding", "")
    stream = _Chunked(call.environ["wsgi.input"]) if chunked else None
    writer = Writer(folder)
    try:
        for block in stream.blocks() if stream else _blocks(call.environ["wsgi.input"]):
            if writer.size + len(block) > LARGEST_PUT:
                raise AwsError("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
            writer.write(block)
            md5.update(block)
            if total is not None:
                total.update(block)
        _check_length(call, writer.size, chunked=chunked)
        _check_md5(call, md5.digest())
        if stream is not None and algorithm and not promised:
            promised = stream.trailers.get(_PREFIX + algorithm.lower(), "")
            if not promised:
                raise AwsError("MalformedTrailerError", "The trailer announced in x-amz-trailer is not there.")
        digest = total.digest() if total is not None else b""
        if algorithm and promised:
            verify(algorithm, promised, digest)
    except BaseException:
        writer.abandon()
        raise
    return Received(writer.finish(), md5.hexdigest(), algorithm, digest)


def verify(algorithm: str, promised: str, digest: bytes) -> None:
    """Raise AwsError unless the promised checksum (base64) is the computed one."""
    expected = checksums.decode(algorithm, promised)
    if expected is None:
        raise AwsError("InvalidRequest", f"Value for {_PREFIX}{algorithm.lower()} header is invalid.")
    if expected != digest:
        raise AwsError("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")


def promised_checksums(headers: dict[str, str]) -> dict[str, str]:
    """Return the checksums that a request carries in its headers, by algorithm."""
    return {name: headers[_PREFIX + name.lower()] for name in checksums.ALGORITHMS if _PREFIX + name.lower() in headers}


def _promise(call: Call) -> tuple[str | None, str]:
    """Return the algorithm that the client chose and the checksum that it promises in a header, if any."""
    promised = promised_checksums(call.headers)
    trailer = call.headers.get("x-amz-trailer", "").strip().lower()
    if len(promised) > 1 or (promised and trailer.startswith(_PREFIX)):
        raise AwsError(
            "InvalidRequest",
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        )
    if promised:
        return next(iter(promised.items()))
    named = trailer.removeprefix(_PREFIX) if trailer.startswith(_PREFIX) else None
    named = named or call.headers.get("x-amz-sdk-checksum-algorithm")
    if named and named.upper() not in checksums.ALGORITHMS:
        raise AwsError("InvalidRequest", "Checksum algorithm provided is unsupported.")
    return (named.upper() if named else None), ""


def _check_length(call: Call, size: int, *, chunked: bool) -> None:
    announced = call.headers.get("x-amz-decoded-content-length" if chunked else "content-length")
    if announced is not None and announced != str(size):
        raise AwsError(
            "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header"
        )


def _check_md5(call: Call, digest: bytes) -> None:
    text = call.headers.get("content-md5")
    if text is None:
        return
    try:
        expected = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        expected = b""
    if len(expected) != 16:
        raise AwsError("InvalidDigest", "The Content-MD5 you specified was invalid.")
    if expected != digest:
        raise AwsError("BadDigest", "The Content-MD5 you specified did not match what we received.")


def _blocks(stream: Any) -> Iterator[bytes]:
    while block := stream.read(BLOCK):
        yield block


class _Chunked:
    """aws-chunked: `<hex size>[;chunk-signature=...]`, the bytes, until size 0, then trailers."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.trailers: dict[str, str] = {}

    def blocks(self) -> Iterator[bytes]:
        while size := self._size():
            left = size
            while left:
                block = self._stream.read(min(left, BLOCK))
                if not block:
                    raise _incomplete()
                left -= len(block)
                yield block
            if self._line() != b"":
                raise _incomplete()
        while line := self._line():
            name, _, value = line.partition(b":")
            self.trailers[name.decode("latin-1").strip().lower()] = value.decode("latin-1").strip()

    def _size(self) -> int:
        text = self._line().partition(b";")[0]
        try:
            return int(text, 16)
        except ValueError:
            raise _incomplete() from None

    def _line(self) -> bytes:
        line: bytes = self._stream.readline(_MAX_LINE)
        return line.rstrip(b"\r\n")


def _incomplete() -> AwsError:
    return AwsError("IncompleteBody", "The request body terminated unexpectedly")
