"""The body of a signed request: which hash its signature covers, and whether the bytes that arrive have it.

Small bodies are read and compared at once. An object that S3 takes as a stream is compared while it passes, so that
nothing of many megabytes lies in memory: the read that meets the wrong byte, or the end, raises.
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and sigv4-streaming-trailers.html
"""

from __future__ import annotations

import abc
import hashlib
import hmac
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.errors import AwsError

if TYPE_CHECKING:
    from sandbox.calls import Call
    from sandbox.credential import Credential

UNSIGNED = "UNSIGNED-PAYLOAD"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
CHUNKS_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
EMPTY = hashlib.sha256(b"").hexdigest()
_HEX = re.compile(r"[0-9a-f]{64}")
_STREAMED = frozenset({"PutObject", "UploadPart"})
_AT_ONCE = 256 * 1024  # bytes
_LARGEST = 64 * 1024 * 1024  # of a request that is no upload; Lambda's largest is 50 MB
_SMALLEST_CHUNK = 8192  # of all but the last
_MAX_LINE = 16 * 1024
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,16});chunk-signature=([0-9a-f]{64})")
_CONTENT_SHA256 = "x-amz-content-sha256"
_TRAILER_SIGNATURE = "x-amz-trailer-signature"


@dataclass(frozen=True)
class Payload:
    """`hash` is what the canonical request ends with; `body` is there when the body was read to find it."""

    hash: str
    body: bytes | None = None


@dataclass
class Chain:
    """Each chunk's signature covers the one before it; the first covers the request's."""

    key: bytes
    timestamp: str
    scope: str
    signature: str

    def next(self, kind: str, *digests: str) -> str:
        """Return the signature of the next chunk (`kind` PAYLOAD) or of the trailers (TRAILER), and move on to it."""
        text = "\n".join((f"AWS4-HMAC-SHA256-{kind}", self.timestamp, self.scope, self.signature, *digests))
        self.signature = hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()
        return self.signature


def declared(call: Call, credential: Credential, *, is_s3: bool) -> Payload:
    """Return what the signature covers of the body. Raises AwsError when S3's header is missing or makes no sense."""
    if not is_s3:
        body = _whole(call)
        return Payload(hashlib.sha256(body).hexdigest() if body else EMPTY, body)
    text = call.headers.get(_CONTENT_SHA256)
    if text is None and credential.expires_s is not None:
        text = call.query.get("X-Amz-Content-Sha256", UNSIGNED)
    if text is None:
        raise AwsError("InvalidRequest", f"Missing required header for this request: {_CONTENT_SHA256}")
    if text in {CHUNKS, CHUNKS_TRAILER, UNSIGNED_TRAILER} and call.operation not in _STREAMED:
        raise AwsError("InvalidRequest", f"{call.operation} does not take a body in chunks")
    if text not in {UNSIGNED, UNSIGNED_TRAILER, CHUNKS, CHUNKS_TRAILER} and not _HEX.fullmatch(text):
        raise AwsError(
            "InvalidArgument",
            f"{_CONTENT_SHA256} must be {UNSIGNED}, {UNSIGNED_TRAILER}, {CHUNKS}, {CHUNKS_TRAILER}, or a valid sha256 "
            "value.",
            fields={"ArgumentName": _CONTENT_SHA256, "ArgumentValue": re.sub(r"[^ -~]", "?", text)},
        )
    return Payload(text)


def seal(call: Call, payload: Payload, chain: Chain) -> None:
    """Compare the body with what was signed, now or while it is read (raises XAmzContentSHA256Mismatch)."""
    if payload.body is not None or payload.hash in {UNSIGNED, UNSIGNED_TRAILER}:
        return
    stream = call.environ["wsgi.input"]
    if payload.hash in {CHUNKS, CHUNKS_TRAILER}:
        call.environ["wsgi.input"] = SignedChunks(stream, chain, has_trailer=payload.hash == CHUNKS_TRAILER)
        return
    length = call.headers.get("content-length", "")
    if call.operation in _STREAMED and not (length.isdecimal() and int(length) <= _AT_ONCE):
        call.environ["wsgi.input"] = Hashed(stream, payload.hash, int(length) if length.isdecimal() else None)
        return
    digest = hashlib.sha256(_whole(call)).hexdigest()
    if digest != payload.hash:
        raise _other_hash(payload.hash, digest)


def _whole(call: Call) -> bytes:
    length = call.headers.get("content-length", "")
    if length.isdecimal() and int(length) > _LARGEST:
        raise AwsError("RequestEntityTooLargeException", f"A request may have at most {_LARGEST} bytes.", 413)
    if length in {"", "0"} and "transfer-encoding" not in call.headers:
        return b""
    data: bytes = call.environ["wsgi.input"].read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise AwsError("RequestEntityTooLargeException", f"A request may have at most {_LARGEST} bytes.", 413)
    call.environ["wsgi.input"] = io.BytesIO(data)
    return data


def _other_hash(promised: str, computed: str) -> AwsError:
    return AwsError(
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
        fields={"ClientComputedContentSHA256": promised, "S3ComputedContentSHA256": computed},
    )


class _Watching(abc.ABC):
    """A stream that sees every byte before its reader does; `_see` gets them, `_end` is told that no more come."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    @abc.abstractmethod
    def _see(self, data: bytes) -> None: ...

    @abc.abstractmethod
    def _end(self) -> None: ...

    def _seen(self, data: bytes, size: int | None) -> bytes:
        if data:
            self._see(data)
        if size is None or size < 0 or (not data and size):
            self._end()
        return data

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes that were compared; raises AwsError for wrong ones."""
        return self._seen(self._stream.read(size), size)

    def readline(self, size: int = -1) -> bytes:
        """Return one line, likewise."""
        return self._seen(self._stream.readline(size), 1)


class Hashed(_Watching):
    """A body with one hash over all of it."""

    def __init__(self, stream: Any, promised: str, length: int | None) -> None:
        super().__init__(stream)
        self._promised = promised
        self._left = length
        self._sha256 = hashlib.sha256()

    def _see(self, data: bytes) -> None:
        self._sha256.update(data)
        if self._left is not None:
            self._left -= len(data)
            if self._left == 0:
                self._end()

    def _end(self) -> None:
        digest = self._sha256.hexdigest()
        if digest != self._promised:
            raise _other_hash(self._promised, digest)


class SignedChunks(_Watching):
    """aws-chunked, passed on as it is, each chunk's signature compared before its last bytes are handed out."""

    def __init__(self, stream: Any, chain: Chain, *, has_trailer: bool) -> None:
        super().__init__(stream)
        self._chain = chain
        self._has_trailer = has_trailer
        self._state = "size"  # size, data, break, trailer, over
        self._line = bytearray()
        self._left = 0
        self._small = False
        self._promised = ""
        self._sha256 = hashlib.sha256()
        self._trailers: list[str] = []

    def _see(self, data: bytes) -> None:
        position = 0
        while position < len(data):
            if self._state == "data":
                taken = memoryview(data)[position : position + self._left]
                self._sha256.update(taken)
                self._left -= len(taken)
                position += len(taken)
                if not self._left:
                    self._compare(self._chain.next("PAYLOAD", EMPTY, self._sha256.hexdigest()))
                    self._state = "break"
                continue
            end = data.find(b"\n", position)
            stop = len(data) if end < 0 else end + 1
            self._line += data[position:stop]
            position = stop
            if len(self._line) > _MAX_LINE:
                raise _incomplete()
            if end >= 0:
                line = bytes(self._line).rstrip(b"\r\n")
                self._line.clear()
                self._take(line)

    def _take(self, line: bytes) -> None:
        if self._state == "size":
            self._begin(line)
        elif self._state == "break":
            if line:
                raise _incomplete()
            self._state = "size"
        elif self._state == "trailer":
            self._take_trailer(line)
        else:
            raise _incomplete()

    def _begin(self, line: bytes) -> None:
        match = _CHUNK.fullmatch(line)
        if match is None:
            raise _incomplete()
        self._left, self._promised = int(match[1], 16), match[2].decode()
        self._sha256 = hashlib.sha256()
        if self._left:
            if self._small:
                raise AwsError(
                    "InvalidChunkSizeError",
                    f"Only the last chunk is allowed to have a size less than {_SMALLEST_CHUNK} bytes",
                    403,
                )
            self._small = self._left < _SMALLEST_CHUNK
            self._state = "data"
            return
        self._compare(self._chain.next("PAYLOAD", EMPTY, EMPTY))
        self._state = "trailer"

    def _take_trailer(self, line: bytes) -> None:
        if not line:
            self._finish()
            return
        name, _, value = line.decode("latin-1").partition(":")
        if not self._has_trailer:
            raise _incomplete()
        if name.strip().lower() == _TRAILER_SIGNATURE:
            self._promised = value.strip()
            text = "".join(f"{item}\n" for item in self._trailers)
            digest = hashlib.sha256(text.encode("latin-1")).hexdigest()
            self._compare(self._chain.next("TRAILER", digest))
            self._has_trailer = False
        else:
            self._trailers.append(f"{name.strip().lower()}:{value.strip()}")

    def _finish(self) -> None:
        if self._has_trailer:
            raise AwsError("MalformedTrailerError", f"The request has no {_TRAILER_SIGNATURE}.")
        self._state = "over"

    def _end(self) -> None:
        if self._line:
            raise _incomplete()
        if self._state == "trailer":
            self._finish()
        if self._state != "over":
            raise _incomplete()

    def _compare(self, expected: str) -> None:
        if not hmac.compare_digest(expected.encode(), self._promised.encode("latin-1")):
            raise AwsError(
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. Check your key and "
                "signing method.",
                403,
                fields={"SignatureProvided": re.sub(r"[^ -~]", "?", self._promised)},
            )


def _incomplete() -> AwsError:
    return AwsError("IncompleteBody", "The request body terminated unexpectedly")
