"""The front door: every request passes here, on its way to an extension or to moto.

In this order: what is it (`calls`), who calls (`identity`), may they (`iam.enforce`), is it one of ours (`on_path`,
`on_service`), else moto. Whatever goes wrong behind the door becomes an answer that no SDK retries: moto's 500 for an
action that it lacks looks like a hang, because SDKs retry a 500 for minutes.
"""

from __future__ import annotations

import datetime
import json
import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from moto.core.responses import BaseResponse
from werkzeug.wrappers import Response

from sandbox import faults, identity
from sandbox.calls import Call, parse
from sandbox.errors import AwsError, render
from sandbox.iam import denials, enforce

log = logging.getLogger(__name__)
ServiceHandler = Callable[[Call], Response | None]
PathHandler = Callable[[Call], Response | None]
WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]
_service_handlers: dict[str, list[ServiceHandler]] = {}
_path_handlers: dict[str, PathHandler] = {}
_REGION = "sandbox.region"  # in the WSGI environment: the region that the signature is for


def on_service(service: str, handler: ServiceHandler) -> None:
    """Let `handler` see every request to a service before moto does; it answers, or returns None to pass it on."""
    handlers = _service_handlers.setdefault(service, [])
    if handler not in handlers:
        handlers.append(handler)


def forget_handlers() -> None:
    """Forget every handler: a new application is about to install its own."""
    _service_handlers.clear()
    _path_handlers.clear()


def on_path(prefix: str, handler: PathHandler) -> None:
    """Let `handler` answer every request whose path begins with `prefix`, signed or not (URLs that are handed out).

    It may return None to pass a request on.
    """
    _path_handlers[prefix] = handler


def pin_region() -> None:
    """Let moto work in the region that was signed for: it believes the host, the query and the client's name more.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html (credential scope)
    """
    original = BaseResponse.get_region_from_url
    if getattr(original, "pinned", False):
        return

    def get_region_from_url(self: Any, request: Any, full_url: str) -> str:
        signed = getattr(request, "environ", {}).get(_REGION)
        return str(signed or original(self, request, full_url))

    get_region_from_url.pinned = True  # type: ignore[attr-defined]
    BaseResponse.get_region_from_url = get_region_from_url


class Door:
    """The WSGI application."""

    def __init__(self, moto: WsgiApp, requests_log: Path) -> None:
        pin_region()
        enforce.mode()  # a word that it does not know stops the start
        self._moto = moto
        self._log_lock = threading.Lock()
        self._requests_log = requests_log.open("a", buffering=1)
        denials.keep_in(requests_log.with_name("denials.jsonl"))

    def close(self) -> None:
        """Close the access log."""
        self._requests_log.close()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        began = time.perf_counter()
        counted = environ["wsgi.input"] = _Counted(environ["wsgi.input"])
        call = parse(environ)
        environ.pop("HTTP_X_MOTO_ACCOUNT_ID", None)  # moto would believe it; the signature may cover it
        seen: dict[str, Any] = {"status": 500, "bytes": 0}

        def note_status(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            seen["status"] = int(status.split(" ", 1)[0])
            headers = faults.headers(call, headers)
            seen["length"] = next((int(value) for name, value in headers if name.lower() == "content-length"), None)
            return start_response(status, headers, exc_info)

        body = faults.after(call, self._answer(call, note_status), lambda: seen.get("length"))
        return _Watched(body, seen, lambda: self._record(call, began, seen, counted.count))

    def _answer(self, call: Call, start_response: Any) -> Iterable[bytes]:
        kept = _Kept(start_response)
        try:
            response = self._ours(call)
            if response is not None:
                answer: Iterable[bytes] = response(call.environ, start_response)
                return answer
            body = self._moto(call.environ, kept)
            return self._checked(call, kept, body)
        except faults.HangUp:
            return faults.NoAnswer()
        except AwsError as error:
            return self._refuse(call, error, start_response)
        except NotImplementedError as error:
            return self._refuse(call, _unknown_operation(call, str(error)), start_response)
        except Exception as error:
            log.exception("%s %s failed", call.service, call.operation or call.path)
            return self._refuse(call, _internal(call, error), start_response)

    def _ours(self, call: Call) -> Response | None:
        for prefix, answer in _path_handlers.items():
            if call.path.startswith(prefix) and (response := answer(call)) is not None:
                return response
        if call.path.startswith("/moto-api"):
            raise AwsError("AccessDenied", "moto's own interface is closed in the sandbox", 403)
        faults.arrive(call)
        if call.refusal is not None:
            raise call.refusal
        call.principal = identity.authenticate(call)
        if call.principal is not None:
            call.environ["HTTP_X_MOTO_ACCOUNT_ID"] = call.principal.account_id
            call.environ[_REGION] = call.region
        faults.before(call)
        enforce.authorize(call)
        for handler in _service_handlers.get(call.service, ()):
            response = handler(call)
            if response is not None:
                return response
        return None

    def _checked(self, call: Call, kept: _Kept, body: Iterable[bytes]) -> Iterable[bytes]:
        """Pass moto's answer on, unless it is one that moto gives when it is lost."""
        # Flask's own 404 is a web page; an empty one is moto's for a REST path that it cannot place
        lost = kept.code == 404 and (kept.is_page or (not call.operation and call.service != "s3"))
        if lost or kept.code >= 500:
            text = b"".join(body)[:2000].decode(errors="replace")
            if lost:
                # as moto says it where it knows the service: __call__ answers both with AWS's UnknownOperationException
                raise NotImplementedError(f"{call.method} {call.path}")
            raise RuntimeError(f"moto answered {kept.status}: {text}")
        kept.release()
        return body

    def _refuse(self, call: Call, error: AwsError, start_response: Any) -> Iterable[bytes]:
        rendered = render(error, call.protocol)
        body = b"" if call.method == "HEAD" else rendered.body
        response = Response(body, status=rendered.status, headers={**rendered.headers, **error.headers})
        answer: Iterable[bytes] = response(call.environ, start_response)
        return answer

    def _record(self, call: Call, began: float, seen: dict[str, Any], request_bytes: int) -> None:
        entry = {
            "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
            "account": call.account_id,
            "service": call.service,
            "operation": call.operation or f"{call.method} {call.path}",
            "status": seen["status"],
            "ms": round((time.perf_counter() - began) * 1000, 2),
            "request_bytes": request_bytes,
            "response_bytes": seen["bytes"],
            "resource": call.resource,
            "client": call.headers.get("user-agent", ""),
            "principal": call.principal.arn if call.principal else "",
        }
        if met := faults.met(call):
            entry["faults"] = met
        with self._log_lock:
            if not self._requests_log.closed:
                self._requests_log.write(json.dumps(entry) + "\n")


def _unknown_operation(call: Call, detail: str) -> AwsError:
    name = f"{call.service or 'unknown service'} {call.operation or f'{call.method} {call.path}'}"
    log.error("not implemented: %s (%s)", name, detail)
    return AwsError("UnknownOperationException", f"the sandbox does not offer {name}: {detail}", 400)


def _internal(call: Call, error: Exception) -> AwsError:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(frame.filename).name}:{frame.lineno}"
    message = f"{call.service} {call.operation} failed inside the sandbox: {type(error).__name__}: {error} ({where})"
    return AwsError("InternalFailureInSandbox", message, 400)


class _Counted:
    """A request body that counts what was read of it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.count = 0

    def _seen(self, data: bytes) -> bytes:
        self.count += len(data)
        return data

    def read(self, size: int = -1) -> bytes:
        return self._seen(self._stream.read(size))

    def readline(self, size: int = -1) -> bytes:
        return self._seen(self._stream.readline(size))

    def readlines(self, hint: int = -1) -> list[bytes]:
        return [self._seen(line) for line in self._stream.readlines(hint)]

    def __iter__(self) -> Iterator[bytes]:
        while line := self.readline():
            yield line


class _Kept:
    """A `start_response` that holds status and headers back until they are known to be good."""

    def __init__(self, start_response: Any) -> None:
        self._start_response = start_response
        self.status = "500 nothing"
        self._headers: list[tuple[str, str]] = []

    @property
    def code(self) -> int:
        return int(self.status.split(" ", 1)[0])

    @property
    def is_page(self) -> bool:
        return any(name.lower() == "content-type" and "text/html" in value for name, value in self._headers)

    def __call__(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        del exc_info  # moto never starts twice
        self.status, self._headers = status, headers

    def release(self) -> None:
        self._start_response(self.status, self._headers)


class _Watched:
    """A response body that counts what was sent and says when it is over."""

    def __init__(self, body: Iterable[bytes], seen: dict[str, Any], done: Callable[[], None]) -> None:
        self._body = body
        self._seen = seen
        self._done = done

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._body:
            self._seen["bytes"] += len(chunk)
            yield chunk

    def close(self) -> None:
        try:
            if hasattr(self._body, "close"):
                self._body.close()
        finally:
            self._done()
