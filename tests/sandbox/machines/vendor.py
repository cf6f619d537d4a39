"""A server that plays what GitHub's jobs ask GitHub for: identity tokens, comments, labels, issues, approvals."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

BOT = "github-actions[bot]"


class GitHubServer(ThreadingHTTPServer):
    """`token` makes a job's identity token; `bearers` are the requests' own secrets, by job."""

    daemon_threads = True

    def __init__(self, repository: str, token: Callable[[str, str], str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repository, self.token = repository, token
        self.bearers: dict[str, str] = {}
        self.comments: dict[int, list[dict[str, Any]]] = {}
        self.labels: dict[int, list[str]] = {}
        self.issues: list[dict[str, Any]] = []
        self.approvals: list[dict[str, Any]] = []
        self.problems: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: GitHubServer

    def log_message(self, *_: object) -> None:
        pass

    def _handle(self) -> None:
        url = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        parts = [unquote(part) for part in url.path.strip("/").split("/")]
        status, answer = self._identity(parts, parse_qs(url.query)) or self._api(parts, parse_qs(url.query), body)
        if status == 404:
            self.server.problems.append(f"{self.command} {self.path}")
        data = json.dumps(answer).encode() if status != 204 else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815

    def _identity(self, parts: list[str], query: dict[str, list[str]]) -> tuple[int, Any] | None:
        if parts[0] != "identity":
            return None
        bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.server.bearers.get(parts[1]) != bearer:
            return 401, {"message": "Bad credentials"}
        return 200, {"value": self.server.token(parts[1], query["audience"][0])}

    def _api(self, parts: list[str], query: dict[str, list[str]], body: dict[str, Any]) -> tuple[int, Any]:
        if parts == ["user"]:
            return 403, {"message": "Resource not accessible by integration"}
        if "/".join(parts[:3]) != f"repos/{self.server.repository}":
            return 404, {"message": "Not Found"}
        return self._issues(parts[3:], query, body) or self._more(parts[3:], body)

    def _issues(self, parts: list[str], query: dict[str, list[str]], body: dict[str, Any]) -> tuple[int, Any] | None:
        server = self.server
        first = query.get("page", ["1"])[0] == "1"
        match self.command, parts:
            case "GET", ["issues", number, "comments"]:
                return 200, server.comments.get(int(number), []) if first else []
            case "POST", ["issues", number, "comments"]:
                found = server.comments.setdefault(int(number), [])
                one = {"id": int(number) * 1000 + len(found), "user": {"login": BOT}, "body": body["body"]}
                found.append(one)
                return 201, one
            case "PATCH", ["issues", "comments", number]:
                one = next(one for found in server.comments.values() for one in found if one["id"] == int(number))
                one.update(body)
                return 200, one
            case "GET", ["issues", number, "labels"]:
                return 200, [{"name": name} for name in server.labels.get(int(number), [])] if first else []
            case "POST", ["issues", number, "labels"]:
                server.labels.setdefault(int(number), []).extend(body["labels"])
                return 200, []
            case "DELETE", ["issues", number, "labels", name]:
                server.labels[int(number)].remove(name)
                return 200, []
        return None

    def _more(self, parts: list[str], body: dict[str, Any]) -> tuple[int, Any]:
        server = self.server
        match self.command, parts:
            case "GET", ["issues"]:
                return 200, [one for one in server.issues if one["state"] == "open"]
            case "POST", ["issues"]:
                one = {"number": 50 + len(server.issues), "user": {"login": BOT}, "state": "open", **body}
                server.issues.append(one)
                return 201, one
            case "PATCH", ["issues", number]:
                next(one for one in server.issues if one["number"] == int(number)).update(body)
                return 200, {}
            case "GET", ["actions", "runs", _, "approvals"]:
                return 200, server.approvals
        return 404, {"message": "Not Found"}


@contextmanager
def serving(server: GitHubServer) -> Iterator[GitHubServer]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
