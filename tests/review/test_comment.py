"""`slipway comment` against a server that plays GitHub's documented API."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from glue.cli.main import main
from glue.commenting import Comment, as_issue, close_issue, comment_of, on_pull_request
from glue.errors import RefusedError, SlipwayError, UsageError
from glue.github import ATTEMPTS, GitHub

TOKEN = "ghs_doNotShowThisAnywhere"
MARKER = "<!-- slipway-review:plan -->"
BOT = "github-actions[bot]"
REPO = "/repos/acme/models"
Query = dict[str, list[str]]
Answered = tuple[int, object, dict[str, str]]


class Fake(ThreadingHTTPServer):
    """Comments, issues and labels in memory. `faults` are answers that come first: status, headers, body."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.login: str | None = None  # None: an installation's token, which may not ask
        self.comments: list[dict[str, Any]] = []
        self.issues: list[dict[str, Any]] = []
        self.label_names: list[str] = []
        self.faults: list[tuple[int, dict[str, str], object]] = []
        self.asked: list[str] = []
        self.wrote_anyway = False  # a fault that comes after the work was done
        self.page = 100

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def writer(self) -> str:
        return self.login or BOT

    def comment(self, author: str | None, body: str) -> dict[str, Any]:
        one = {"id": 1000 + len(self.comments), "user": {"login": author} if author else None, "body": body}
        self.comments.append(one)
        return one

    def changes(self) -> list[str]:
        return [one for one in self.asked if not one.startswith("GET")]


class Handler(BaseHTTPRequestHandler):
    server: Fake

    def log_message(self, *_: object) -> None:
        pass

    def _send(self, status: int, body: object = None, headers: dict[str, str] | None = None) -> None:
        data = b"" if status == 204 else (body if isinstance(body, bytes) else json.dumps(body).encode())
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _handle(self) -> None:
        fake, url = self.server, urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        fake.asked.append(f"{self.command} {unquote(url.path)}")
        assert self.headers["Authorization"] == f"Bearer {TOKEN}"
        assert self.headers["X-GitHub-Api-Version"] == "2022-11-28"
        fault = fake.faults.pop(0) if fake.faults else None
        if fault is None or fake.wrote_anyway:
            status, answer, headers = self._answer(url.path, parse_qs(url.query), body)
        if fault is not None:
            status, headers, answer = fault
        self._send(status, answer, headers)

    do_GET = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815

    def _answer(self, path: str, query: Query, body: dict[str, Any]) -> Answered:
        parts = path.removeprefix(REPO).strip("/").split("/")
        return self._of_comments(path, parts, query, body) or self._of_issues(path, parts, query, body)

    def _of_comments(self, path: str, parts: list[str], query: Query, body: dict[str, Any]) -> Answered | None:
        fake = self.server
        if path == "/user":
            return (200, {"login": fake.login}, {}) if fake.login else (403, {"message": "Resource not accessible"}, {})
        match self.command, parts:
            case "GET", ["issues", "7", "comments"]:
                return self._page(fake.comments, query, path)
            case "POST", ["issues", "7", "comments"]:
                return 201, fake.comment(fake.writer, body["body"]), {}
            case "PATCH", ["issues", "comments", number]:
                one = next(one for one in fake.comments if one["id"] == int(number))
                return 200, one | {} if one.update(body) else one, {}
            case "DELETE", ["issues", "comments", number]:
                fake.comments[:] = [one for one in fake.comments if one["id"] != int(number)]
                return 204, None, {}
        return None

    def _of_issues(self, path: str, parts: list[str], query: Query, body: dict[str, Any]) -> Answered:
        fake = self.server
        match self.command, parts:
            case "GET", ["issues", _, "labels"]:
                return self._page([{"name": name} for name in fake.label_names], query, path)
            case "POST", ["issues", _, "labels"]:
                fake.label_names += [name for name in body["labels"] if name not in fake.label_names]
                return 200, [], {}
            case "DELETE", ["issues", _, "labels", name]:
                fake.label_names.remove(unquote(name))
                return 200, [], {}
            case "GET", ["issues"]:
                mine = [
                    one
                    for one in fake.issues
                    if one["state"] == query["state"][0] and one["user"]["login"] == query["creator"][0]
                ]
                return self._page(mine, query, path)
            case "POST", ["issues"]:
                one = {"number": 50 + len(fake.issues), "user": {"login": fake.writer}, "state": "open", **body}
                fake.issues.append(one)
                return 201, one, {}
            case "PATCH", ["issues", number]:
                next(one for one in fake.issues if one["number"] == int(number)).update(body)
                return 200, {}, {}
        return 404, {"message": "Not Found"}, {}

    def _page(self, every: list[Any], query: dict[str, list[str]], path: str) -> tuple[int, object, dict[str, str]]:
        page, size = int(query.get("page", ["1"])[0]), min(self.server.page, int(query["per_page"][0]))
        more = {"Link": f'<{self.server.url}{path}?per_page={size}&page={page + 1}&state=open&creator=x>; rel="next"'}
        return 200, every[(page - 1) * size : page * size], more if page * size < len(every) else {}


@pytest.fixture
def fake() -> Iterator[Fake]:
    server = Fake()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def github(fake: Fake, waits: list[float]) -> GitHub:
    return GitHub("acme/models", TOKEN, fake.url, sleep=waits.append)


def comment(text: str = "all is well", grade: str = "high") -> Comment:
    return Comment("plan", f"{MARKER}\n<!-- slipway-grade:{grade} -->\n\n{text}\n")


def test_the_first_time_a_comment_is_made_then_it_is_updated_then_left(fake: Fake, github: GitHub) -> None:
    assert on_pull_request(github, 7, comment()).what == "created"
    assert on_pull_request(github, 7, comment()).what == "unchanged"
    assert on_pull_request(github, 7, comment("something else")).what == "updated"
    assert [one["body"] for one in fake.comments] == [comment("something else").body]
    assert fake.changes() == [f"POST {REPO}/issues/7/comments", f"PATCH {REPO}/issues/comments/1000"]


@pytest.mark.parametrize("login", [None, "release-bot"])
def test_a_copied_marker_does_not_make_a_comment_ours(fake: Fake, github: GitHub, login: str | None) -> None:
    fake.login = login
    fake.comment("mallory", f"{MARKER}\nlooks like ours")
    fake.comment(None, f"{MARKER}\nof an account that is gone")
    fake.comment(fake.writer, f"see {MARKER}")
    fake.comment(fake.writer, "<!-- slipway-review:drift -->\nanother scope")
    done = on_pull_request(github, 7, comment())
    assert done.what == "created"
    assert [one["body"] for one in fake.comments][:4] == [
        f"{MARKER}\nlooks like ours", f"{MARKER}\nof an account that is gone",
        f"see {MARKER}", "<!-- slipway-review:drift -->\nanother scope",
    ]  # fmt: skip


def test_it_is_found_on_the_last_page_and_doubles_go(fake: Fake, github: GitHub) -> None:
    fake.page = 10
    for _ in range(34):
        fake.comment("somebody", "chatter")
    first, second = (fake.comment(BOT, f"{MARKER}\r\nold") for _ in range(2))
    done = on_pull_request(github, 7, comment())
    assert (done.what, done.number, done.removed) == ("updated", first["id"], 1)
    assert second not in fake.comments
    assert len(fake.comments) == 35


def test_one_label_of_a_prefix(fake: Fake, github: GitHub) -> None:
    fake.label_names = ["bug", "Risk:Low", "risk:medium", "risk/other"]
    done = on_pull_request(github, 7, comment(), labels=comment().labels(["auto", "plan"]))
    assert sorted(fake.label_names) == ["bug", "plan", "risk/other", "risk:high"]
    assert (list(done.labels_added), list(done.labels_removed)) == (["risk:high", "plan"], ["Risk:Low", "risk:medium"])
    again = on_pull_request(github, 7, comment(), labels=["RISK:HIGH"])
    assert (again.labels_added, again.labels_removed) == ([], [])


@pytest.mark.parametrize(
    ("status", "headers", "body", "pause"),
    [
        (502, {}, b"<html>bad gateway", 1.0),
        (429, {"Retry-After": "7"}, {"message": "slow down"}, 7.0),
        (403, {"Retry-After": "3"}, {"message": "You have exceeded a secondary rate limit"}, 3.0),
        (403, {}, {"message": "You have exceeded a secondary rate limit"}, 60.0),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}, {"message": "API rate limit exceeded"}, 1.0),
    ],
)  # fmt: skip
def test_what_may_pass_is_waited_for(
    fake: Fake, github: GitHub, waits: list[float], status: int, headers: dict[str, str], body: object, pause: float
) -> None:
    fake.faults = [(status, headers, body)]
    assert on_pull_request(github, 7, comment()).what == "created"
    assert waits == [pause]


def test_a_comment_that_may_have_been_written_is_looked_for_first(fake: Fake, github: GitHub) -> None:
    list(github.comments(7))
    github.author = BOT
    fake.wrote_anyway = True
    fake.faults = [(200, {}, []), (502, {}, b"")]  # the list is empty, then the writing seems to fail
    assert on_pull_request(github, 7, comment()).what == "created"
    assert len(fake.comments) == 1


@pytest.mark.parametrize(
    ("status", "headers", "body", "error", "said"),
    [
        (401, {}, {"message": "Bad credentials"}, SlipwayError, "not valid any more"),
        (404, {}, {"message": "Not Found"}, SlipwayError, "GITHUB_REPOSITORY"),
        (403, {}, {"message": "Resource not accessible by integration"}, SlipwayError, "pull-requests: write"),
        (429, {"Retry-After": "4000"}, {"message": "API rate limit exceeded"}, RefusedError, "Try again later"),
        (301, {"Location": "http://127.0.0.1:1/elsewhere"}, {"message": "Moved Permanently"}, SlipwayError, "It moved"),
        (200, {}, b"{not json", SlipwayError, "not JSON"),
        (200, {}, {"a": 1}, SlipwayError, "something else than a list"),
    ],
)  # fmt: skip
def test_every_other_answer_is_one_clear_error(
    fake: Fake, github: GitHub, status: int, headers: dict[str, str], body: object, error: type[Exception], said: str
) -> None:
    fake.faults = [(status, headers, body)]
    with pytest.raises(error, match=said.replace(":", ".")) as caught:
        on_pull_request(github, 7, comment())
    assert TOKEN not in str(caught.value)
    assert len(fake.asked) == 1


def test_it_gives_up_after_some_attempts(fake: Fake, github: GitHub, waits: list[float]) -> None:
    fake.faults = [(503, {}, b"")] * ATTEMPTS
    with pytest.raises(SlipwayError, match="503"):
        on_pull_request(github, 7, comment())
    assert waits == [1.0, 2.0, 4.0, 8.0]


def test_the_next_page_is_not_asked_of_another_host(fake: Fake, github: GitHub) -> None:
    fake.faults = [(200, {"Link": '<http://127.0.0.1:9/comments?page=2>; rel="next"'}, [])]
    with pytest.raises(SlipwayError, match="another host"):
        on_pull_request(github, 7, comment())


def test_an_issue_is_opened_kept_and_closed(fake: Fake, github: GitHub) -> None:
    fake.issues.append({"number": 1, "user": {"login": "mallory"}, "state": "open", "title": "x", "body": MARKER})
    assert as_issue(github, "Drift", comment("a"), labels=["drift"]).what == "created"
    assert as_issue(github, "Drift", comment("a")).what == "unchanged"
    done = as_issue(github, "Drift found", comment("b"))
    assert (done.what, done.number) == ("updated", 51)
    assert fake.issues[1]["title"] == "Drift found"
    assert fake.label_names == ["drift"]
    closed = close_issue(github, "plan")
    assert closed is not None
    assert fake.issues[1]["state"] == "closed"
    assert close_issue(github, "plan") is None
    assert fake.issues[0]["state"] == "open"


@pytest.mark.parametrize(
    ("text", "scope", "said"),
    [
        ("no marker\n", None, "does not begin with a marker"),
        (f"{MARKER}\n\n", None, "is empty"),
        ("text", "a--b", "is no scope"),
        ("text", "x -->", "is no scope"),
    ],
)
def test_files_that_are_no_comment(tmp_path: Path, text: str, scope: str | None, said: str) -> None:
    file = tmp_path / "review.md"
    file.write_text(text)
    with pytest.raises(UsageError, match=said):
        comment_of(file, scope)


def test_a_long_text_of_another_program_is_cut_at_a_line(tmp_path: Path) -> None:
    file = tmp_path / "drift.md"
    lines = [f"<details>\n{n} " + "x" * 90 + "\n</details>" for n in range(2000)]
    file.write_text("\n".join(lines))
    body = comment_of(file, "drift").body
    assert 55_000 < len(body) <= 65_536
    assert body.count("<details>") == body.count("</details>")
    assert "more lines are left out" in body.splitlines()[-1]
    file.write_text("y" * 70_000)
    assert len(comment_of(file, "drift").body) < 500


def test_a_scope_replaces_the_marker(tmp_path: Path) -> None:
    file = tmp_path / "review.md"
    file.write_text(f"{MARKER}\r\nbody\r\n")
    assert comment_of(file, "drift").body == "<!-- slipway-review:drift -->\nbody\n"
    assert comment_of(file, None).scope == "plan"
    with pytest.raises(UsageError, match="says no grade"):
        comment_of(file, None).labels(["auto"])


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("GITHUB_TOKEN", "", "GITHUB_TOKEN is not set"),
        ("GITHUB_TOKEN", f"{TOKEN}\nX-Other: 1", "holds spaces or line ends"),
        ("GITHUB_REPOSITORY", "../user", "is no repository"),
        ("GITHUB_API_URL", "http://example.com", "GITHUB_API_URL is"),
    ],
)
def test_wrong_settings_are_usage_errors_without_the_token(name: str, value: str, said: str) -> None:
    environ = {"GITHUB_REPOSITORY": "acme/models", "GITHUB_TOKEN": TOKEN, name: value}
    with pytest.raises(UsageError, match=said) as caught:
        GitHub.of(environ)
    assert TOKEN not in str(caught.value)
    assert TOKEN not in repr(GitHub("acme/models", TOKEN))


def test_the_command_says_what_it_did(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_API_URL", fake.url)
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/models")
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    Path("review.md").write_text(comment().body)
    words = ["comment", "--pull-request", "7", "--file", "review.md", "--label", "auto"]
    assert main([*words, "--dry-run"]) == 0
    assert fake.asked == []
    assert main([*words, "--format", "json"]) == 0
    said = capsys.readouterr()
    document = json.loads(said.out.split("\n", 1)[1])
    assert (document["what"], document["labels_added"]) == ("created", ["risk:high"])
    assert TOKEN not in said.out + said.err
    assert main(["comment", "--issue", "Drift", "--file", "review.md"]) == 0
    assert main(["comment", "--close", "--scope", "plan"]) == 0
    assert fake.issues[0]["state"] == "closed"
    assert main(["comment", "--pull-request", "7"]) == 2
    assert main(["comment", "--close"]) == 2
