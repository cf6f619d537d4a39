"""The latency model of S3 as a local HTTP server: every call takes a fixed time, every copied byte a share of a stream.

S3 copies the parts of a transfer side by side, so that what a client achieves is a matter of how many calls it makes
and how many it has in flight. That is what this server shows, and nothing else: no network, no throttling, no TLS.

`python -m bench.latency_s3` prints its address and serves until its standard input ends, so that it never outlives the
program that started it. `/-/…` is the control channel, answered at once and not counted.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, cast

from bench import s3_api
from bench.s3_api import Answer, Request
from bench.s3_store import Object, Store, composite, cut, etag_of, joined, literal, part_checksums, virtual

CALL_S = 0.030
BYTES_PER_S = 150e6
_HEAD_LIMIT = 64 * 1024


@dataclass
class Traffic:
    """What came in since the last reset. Times are the event loop's, in seconds."""

    calls: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    copied: int = 0
    passed: int = 0
    first: float | None = None
    last: float = 0.0
    in_flight: int = 0
    most_in_flight: int = 0

    def begin(self, now: float) -> None:
        """Count a request that arrives."""
        self.first = now if self.first is None else self.first
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)

    def end(self, now: float, answer: Answer) -> None:
        """Count its answer."""
        self.last = now
        self.in_flight -= 1
        self.calls[answer.operation] += 1
        if answer.status >= 400:
            self.errors[f"{answer.operation} {answer.status}"] += 1
        self.copied += answer.copied
        self.passed += answer.passed

    def report(self) -> dict[str, Any]:
        """Return the counts, and the seconds from the first request to the last answer."""
        return {
            "calls": dict(sorted(self.calls.items())),
            "errors": dict(self.errors),
            "copied_bytes": self.copied,
            "object_bytes_through_client": self.passed,
            "seconds": 0.0 if self.first is None else self.last - self.first,
            "most_in_flight": self.most_in_flight,
        }


@dataclass
class Model:
    """The store, its pace and its traffic."""

    store: Store = field(default_factory=Store)
    traffic: Traffic = field(default_factory=Traffic)
    call_s: float = CALL_S
    bytes_per_s: float = BYTES_PER_S

    def delay(self, answer: Answer) -> float:
        """Return the seconds that an answer takes."""
        return self.call_s + answer.copied / self.bytes_per_s

    def control(self, path: str, body: bytes) -> Any:
        """Do what the control channel asks; KeyError for what there is not."""
        asked = json.loads(body or b"{}")
        controls: dict[str, Callable[..., Any]] = {
            "/-/pace": self._pace,
            "/-/put": self._put,
            "/-/clear": self._clear,
            "/-/corrupt": self._corrupt,
            "/-/abandon": self._abandon,
            "/-/report": self.traffic.report,
            "/-/objects": self._objects,
        }
        return controls[path](**asked)

    def _pace(self, call_s: float = CALL_S, bytes_per_s: float = BYTES_PER_S) -> None:
        self.call_s, self.bytes_per_s = call_s, bytes_per_s

    def _clear(self, bucket: str) -> None:
        self.store.objects[bucket] = {}
        self.store.uploads = {i: u for i, u in self.store.uploads.items() if u.bucket != bucket}
        self.store.corrupt_next = False
        self.traffic = Traffic()

    def _put(
        self, bucket: str, key: str, *, size: int, part_size: int, tags: dict[str, str], text: str | None = None
    ) -> None:
        content = virtual(f"{bucket}/{key}", size) if text is None else literal(text.encode())
        sha256 = composite(part_checksums(content, part_size))
        template = Object(content, etag_of(content), "", sha256, "application/octet-stream", {}, tags)
        self.store.put(bucket, key, template)

    def _corrupt(self) -> None:
        self.store.corrupt_next = True

    def _abandon(self, bucket: str, source: str, key: str, part_size: int) -> None:
        """Leave an upload behind, as a killed copy does: all parts but the last are there."""
        found = self.store.get(source, key)
        upload_id = self.store.begin(bucket, key, replace(found, content=()), sha256=True)
        for number in range(1, -(-found.size // part_size)):
            self.store.put_part(upload_id, number, cut(found.content, (number - 1) * part_size, part_size))

    def _objects(self, bucket: str) -> dict[str, Any]:
        return {
            key: {
                "size": one.size,
                "sha256": one.sha256,
                "tags": dict(one.tags),
                "pieces": [[p.origin, p.start, p.length] for p in joined([one.content])],
            }
            for key, one in self.store.objects.get(bucket, {}).items()
        }


class Connection(asyncio.Protocol):
    """One keep-alive connection: requests are answered one after the other, each after its delay."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._busy = False
        self._told = False  # that the client may send the body it announced
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Forget the connection; an answer under way is counted and not sent."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Collect bytes and answer whole requests."""
        self._buffer += data
        self._advance()

    def _advance(self) -> None:
        while not self._busy and self._transport is not None:
            request = self._next()
            if request is None:
                return
            self._told = False
            if request.path.startswith("/-/"):
                self._send(_control(self._model, request))
                continue
            self._model.traffic.begin(self._loop.time())
            found = s3_api.answer(self._model.store, request)
            delay = self._model.delay(found)
            if delay > 0:
                self._busy = True
                self._loop.call_later(delay, self._finish, found)
            else:
                self._account(found)

    def _finish(self, found: Answer) -> None:
        self._busy = False
        self._account(found)
        self._advance()

    def _account(self, found: Answer) -> None:
        self._model.traffic.end(self._loop.time(), found)
        self._send(found)

    def _next(self) -> Request | None:
        """Take a whole request out of the buffer, None when there is none yet."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _HEAD_LIMIT and self._transport:
                self._transport.close()
            return None
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        size = int(headers.get("content-length") or 0)
        if len(self._buffer) < end + 4 + size:
            if headers.get("expect") == "100-continue" and not self._told and self._transport:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                self._told = True
            return None
        body = bytes(self._buffer[end + 4 : end + 4 + size])
        del self._buffer[: end + 4 + size]
        method, target, _ = lines[0].split(" ", 2)
        return s3_api.parsed(method, target, headers, body)

    def _send(self, found: Answer) -> None:
        if self._transport is None:
            return
        reason = HTTPStatus(found.status).phrase
        headers = {"x-amz-request-id": "0", "Content-Length": str(len(found.body)), **found.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._transport.write(f"HTTP/1.1 {found.status} {reason}\r\n{lines}\r\n".encode("latin-1") + found.body)


def _control(model: Model, request: Request) -> Answer:
    try:
        value = model.control(request.path, request.body)
    except (KeyError, TypeError, ValueError) as error:
        return Answer("control", 400, {}, repr(error).encode())
    return Answer("control", 200, {"Content-Type": "application/json"}, json.dumps(value).encode())


async def serve(*, announce: Callable[[str], None], host: str = "127.0.0.1", port: int = 0) -> None:
    """Serve until standard input ends; `announce` gets the address."""
    model = Model()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(model), host, port, backlog=512)
    announce("http://{}:{}".format(*server.sockets[0].getsockname()[:2]))
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    threading.Thread(target=_await_end, args=(loop, ended), daemon=True).start()
    await ended.wait()
    server.close()


def _await_end(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    sys.stdin.buffer.read()
    loop.call_soon_threadsafe(ended.set)


def main() -> None:
    """Run the server; its address is the one line on standard output."""
    asyncio.run(serve(announce=lambda url: print(url, flush=True)))


if __name__ == "__main__":
    main()
