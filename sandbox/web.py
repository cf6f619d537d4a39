"""An HTTP/1.1 server with keep-alive around a WSGI application.

werkzeug's own handler closes every connection after one answer, because it cannot tell where a request's body ends when
the application did not read it. Here the body is a stream that knows its end, so the rest of it can be skipped. A new
connection for each of the thousands of calls that a Terraform run makes would cost more than most of the calls.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import DechunkedInput, ThreadedWSGIServer

_IDLE_S = 300.0  # an idle connection holds a thread
_SKIP_LIMIT = 64 * 1024 * 1024  # beyond it, closing is cheaper than reading what nobody wants
_BLOCK = 256 * 1024


class HttpServer(ThreadedWSGIServer):  # type: ignore[misc]
    """One thread for each connection."""

    request_queue_size = 256

    def __init__(self, host: str, port: int, application: Any) -> None:
        super().__init__(host, port, application, handler=_Handler)

    def log(self, kind: str, message: str, *values: Any) -> None:
        """Requests are in the access log of the front door."""


class _Body:
    """The request's body: reads no further than it reaches."""

    def __init__(self, stream: Any, length: int) -> None:
        self._stream = stream
        self.left = length

    def read(self, size: int = -1) -> bytes:
        wanted = self.left if size is None or size < 0 else min(size, self.left)
        data: bytes = self._stream.read(wanted) if wanted else b""
        if len(data) < wanted:
            raise ConnectionError("the client went away in the middle of its request")
        self.left -= len(data)
        return data

    def readline(self, size: int = -1) -> bytes:
        wanted = self.left if size is None or size < 0 else min(size, self.left)
        data: bytes = self._stream.readline(wanted) if wanted else b""
        self.left -= len(data)
        return data

    def readlines(self, hint: int = -1) -> list[bytes]:
        del hint
        lines = []
        while line := self.readline():
            lines.append(line)
        return lines


class _Handler(MotoRequestHandler):  # type: ignore[misc]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024
    timeout = _IDLE_S

    def make_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().make_environ()
        stream = environ["wsgi.input"]
        if not isinstance(stream, DechunkedInput):
            length = environ.get("CONTENT_LENGTH") or "0"
            stream = _Body(self.rfile, int(length) if length.isdecimal() else 0)
        environ["wsgi.input"] = stream
        environ["wsgi.input_terminated"] = True
        return environ

    def handle_expect_100(self) -> bool:
        answered: bool = super().handle_expect_100()
        self.wfile.flush()  # our writes are buffered, and the client waits for this one
        return answered

    def run_wsgi(self) -> None:
        environ = self.make_environ()
        stream = environ["wsgi.input"]
        answer = _Answer(self)
        try:
            body = self.server.app(environ, answer.start)
            try:
                for chunk in body:
                    answer.write(chunk)
                answer.finish()
            finally:
                if hasattr(body, "close"):
                    body.close()
            self._skip_rest(stream)
        except (ConnectionError, TimeoutError, socket.timeout):  # noqa: UP041  (3.9 and earlier differ)
            self.close_connection = True

    def finish(self) -> None:
        """Close both directions, also when the client went away before its answer was sent."""
        try:
            super().finish()
        except OSError:
            self.close_connection = True
        finally:
            self.rfile.close()  # the base class does not come to it when closing the other direction fails

    def _skip_rest(self, stream: Any) -> None:
        if isinstance(stream, _Body):
            if stream.left > _SKIP_LIMIT:
                self.close_connection = True
                return
            while stream.left:
                stream.read(_BLOCK)
            return
        skipped = 0
        while block := stream.read(_BLOCK):
            skipped += len(block)
            if skipped > _SKIP_LIMIT:
                self.close_connection = True
                return

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Requests are in the access log of the front door."""


class _Answer:
    """One response: status line and headers go out with the first byte of the body."""

    def __init__(self, handler: Any) -> None:
        self._handler = handler
        self._status = ""
        self._headers: list[tuple[str, str]] = []
        self._sent = False
        self._chunked = False
        self._silent = False

    def start(self, status: str, headers: Iterable[tuple[str, str]], exc_info: Any = None) -> Any:
        if exc_info and self._sent:
            raise exc_info[1].with_traceback(exc_info[2])
        self._status, self._headers = status, list(headers)
        return self.write

    def _send_head(self) -> None:
        handler = self._handler
        code = int(self._status.split(" ", 1)[0])
        names = {name.lower() for name, _ in self._headers}
        phrase = self._status.partition(" ")[2]
        # the usual one adds the date, which is not ours to say when the answer has one
        (handler.send_response_only if "date" in names else handler.send_response)(code, phrase)
        for name, value in self._headers:
            handler.send_header(name, value)
        bodiless = code in {204, 304} or 100 <= code < 200
        self._silent = bodiless or handler.command == "HEAD"
        if not bodiless and "content-length" not in names:
            if handler.command == "HEAD":
                handler.send_header("Content-Length", "0")
            elif handler.request_version >= "HTTP/1.1":
                self._chunked = True
                handler.send_header("Transfer-Encoding", "chunked")
            else:
                handler.close_connection = True
        if handler.close_connection:
            handler.send_header("Connection", "close")
        handler.end_headers()
        self._sent = True

    def write(self, data: bytes) -> None:
        if not self._sent:
            self._send_head()
        if not data or self._silent:
            return
        if self._chunked:
            self._handler.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        else:
            self._handler.wfile.write(data)

    def finish(self) -> None:
        if not self._sent:
            self._send_head()
        if self._chunked:
            self._handler.wfile.write(b"0\r\n\r\n")
        self._handler.wfile.flush()
