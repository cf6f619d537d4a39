"""GitHub's REST API, as far as one comment, an issue and labels need it: https://docs.github.com/en/rest.

Standard library only. The token goes into one header and nowhere else; redirects are not followed, so that it is sent
to no other host.
"""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from glue.errors import RefusedError, SlipwayError, UsageError

API = "https://api.github.com"
ACTIONS_BOT = "github-actions[bot]"  # who a workflow's GITHUB_TOKEN is; it may not ask for itself
ATTEMPTS = 5
LONGEST_WAIT_S = 120.0
_TIMEOUT_S = 30.0
_PAGES = 100
_MOST_BYTES = 20_000_000
_NEXT = re.compile(r'<([^<>]*)>;\s*rel="next"')
_REPOSITORY = re.compile(r"[A-Za-z0-9-]{1,100}/[A-Za-z0-9._-]{1,100}")
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Entry:
    """A comment or an issue: its number for the API, whose it is, its text."""

    number: int
    author: str
    body: str
    title: str = ""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like any other: following it would hand the token to whoever it names."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Follow none."""


class UnsureError(SlipwayError):
    """GitHub did not say whether something was written (exit 1). Look before writing it again."""


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: Any = None


@dataclass
class GitHub:
    """One repository, with the calls that are used here. `sleep` waits, in seconds, before a call is tried again."""

    repository: str
    token: str = field(repr=False)
    api: str = API
    author: str | None = None
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        if not _REPOSITORY.fullmatch(self.repository):
            raise UsageError(f"{self.repository!r} is no repository", remedy="Set GITHUB_REPOSITORY to owner/name.")
        parts = urlsplit(self.api)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
            raise UsageError(f"GITHUB_API_URL is {self.api!r}", remedy="It begins with https://, for the token's sake.")
        if not re.fullmatch(r"[\x21-\x7e]+", self.token):
            raise UsageError("GITHUB_TOKEN is empty, or holds spaces or line ends", remedy="Set it to a token.")
        self._opener = urllib.request.build_opener(_NoRedirect)

    @classmethod
    def of(cls, environ: Mapping[str, str], *, author: str | None = None) -> GitHub:
        """Return the repository that a workflow's variables name. Raises UsageError for one that is not set."""
        missing = [name for name in ("GITHUB_REPOSITORY", "GITHUB_TOKEN") if not environ.get(name)]
        if missing:
            raise UsageError(
                f"{' and '.join(missing)} is not set",
                remedy="Set them; a workflow gives the step its token: env: GITHUB_TOKEN: ${{ github.token }}",
            )
        api = environ.get("GITHUB_API_URL") or API
        return cls(environ["GITHUB_REPOSITORY"], environ["GITHUB_TOKEN"].strip(), api.rstrip("/"), author)

    def me(self) -> str:
        """Return the login that the token writes as. An app's token may not ask: then it is the workflows' own bot."""
        if self.author is None:
            answer = self._call("GET", "/user", also=(403,))
            self.author = str(answer.body["login"]) if answer.status == 200 else ACTIONS_BOT
        return self.author

    def comments(self, number: int) -> Iterator[Entry]:
        """Yield the comments of a pull request or an issue, the oldest first."""
        for one in self._pages(f"{self._issue(number)}/comments"):
            yield _entry(one, one["id"])

    def create_comment(self, number: int, body: str) -> int:
        """Write a comment and return its id. Raises UnsureError when it may have been written."""
        answer = self._call("POST", f"{self._issue(number)}/comments", {"body": body}, once=True)
        return int(answer.body["id"])

    def update_comment(self, comment: int, body: str) -> None:
        """Replace a comment's text."""
        self._call("PATCH", f"{self._base}/issues/comments/{comment}", {"body": body})

    def delete_comment(self, comment: int) -> None:
        """Remove a comment, which may be gone already."""
        self._call("DELETE", f"{self._base}/issues/comments/{comment}", also=(404,))

    def open_issues(self, creator: str) -> Iterator[Entry]:
        """Yield somebody's open issues, without pull requests."""
        query = urlencode({"state": "open", "creator": creator, "sort": "created", "direction": "asc"})
        for one in self._pages(f"{self._base}/issues?{query}"):
            if "pull_request" not in one:
                yield _entry(one, one["number"])

    def create_issue(self, title: str, body: str) -> int:
        """Open an issue and return its number. Raises UnsureError when it may have been opened."""
        answer = self._call("POST", f"{self._base}/issues", {"title": title, "body": body}, once=True)
        return int(answer.body["number"])

    def update_issue(self, number: int, **fields: str) -> None:
        """Set fields of an issue: title, body, state."""
        self._call("PATCH", self._issue(number), dict(fields))

    def labels(self, number: int) -> list[str]:
        """Return the names of the labels that a pull request or an issue has."""
        return [str(one["name"]) for one in self._pages(f"{self._issue(number)}/labels")]

    def add_labels(self, number: int, names: list[str]) -> None:
        """Add labels; those that the repository does not know yet are made."""
        self._call("POST", f"{self._issue(number)}/labels", {"labels": names})

    def remove_label(self, number: int, name: str) -> None:
        """Take a label away, which may be gone already."""
        self._call("DELETE", f"{self._issue(number)}/labels/{quote(name, safe='')}", also=(404,))

    @property
    def _base(self) -> str:
        return f"/repos/{self.repository}"

    def _issue(self, number: int) -> str:
        return f"{self._base}/issues/{number}"

    def _pages(self, path: str) -> Iterator[Mapping[str, Any]]:
        """Yield what all pages hold, following the Link header, to the same host only."""
        url = f"{self.api}{path}{'&' if '?' in path else '?'}per_page=100"
        for _ in range(_PAGES):
            answer = self._call("GET", url)
            if not isinstance(answer.body, list):
                raise SlipwayError(f"GitHub answers {path} with something else than a list")
            yield from answer.body
            found = _NEXT.search(answer.headers.get("link", ""))
            if found is None:
                return
            url = found[1]
            if urlsplit(url)[:2] != urlsplit(self.api)[:2]:
                raise SlipwayError(f"GitHub's next page lies on another host: {url}")
        raise SlipwayError(f"GitHub has more than {_PAGES} pages of {path}")

    def _call(
        self, method: str, url: str, body: object = None, *, also: tuple[int, ...] = (), once: bool = False
    ) -> _Answer:
        """Ask, and again after a failure that may pass, unless `once`. Raises our errors for every other status."""
        address = url if "://" in url else f"{self.api}{url}"
        for attempt in range(1, ATTEMPTS + 1):
            try:
                answer = self._ask(method, address, body)
            except (OSError, http.client.HTTPException) as error:  # URLError is an OSError
                if once or attempt == ATTEMPTS:
                    kind = UnsureError if once else SlipwayError
                    raise kind(f"GitHub cannot be reached at {self.api}: {error}") from error
                self.sleep(2.0 ** (attempt - 1))
                continue
            if answer.status < 300 or answer.status in also:
                return answer
            if once and answer.status >= 500:
                raise UnsureError(f"GitHub answers {method} {urlsplit(address).path} with {answer.status}")
            pause = _pause(answer, attempt)
            if pause is None or attempt == ATTEMPTS:
                raise _error(answer, f"{method} {urlsplit(address).path}")
            self.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _ask(self, method: str, address: str, body: object) -> _Answer:
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked
            address,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                "User-Agent": "slipway",
                "X-GitHub-Api-Version": "2022-11-28",
            },
        )
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S) as response:
                return _read(response.status, dict(response.headers.items()), response.read(_MOST_BYTES))
        except urllib.error.HTTPError as error:
            with error:
                return _read(error.code, dict(error.headers.items()), error.read(_MOST_BYTES))


def _read(status: int, headers: Mapping[str, str], data: bytes) -> _Answer:
    known = {name.lower(): value for name, value in headers.items()}
    try:
        return _Answer(status, known, json.loads(data) if data else None)
    except ValueError as error:
        if status < 300:
            raise SlipwayError("GitHub's answer is not JSON", remedy="Look at GITHUB_API_URL.") from error
        return _Answer(status, known, None)


def _pause(answer: _Answer, attempt: int) -> float | None:
    """Return how long to wait before the next attempt, None when there is no use in one.

    https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#handle-rate-limit-errors-appropriately
    """
    if answer.status >= 500:
        return 2.0 ** (attempt - 1)
    if answer.status not in {403, 429}:
        return None
    if (after := answer.headers.get("retry-after", "")).isdigit():
        pause = float(after)
    elif answer.headers.get("x-ratelimit-remaining") == "0":
        reset = answer.headers.get("x-ratelimit-reset", "")
        pause = max(1.0, float(reset) - time.time()) if reset.isdigit() else 60.0
    elif answer.status == 429 or "rate limit" in _message(answer).lower():
        pause = 60.0
    else:
        return None
    return pause if pause <= LONGEST_WAIT_S else None


def _error(answer: _Answer, what: str) -> SlipwayError:
    said = _message(answer)
    text = f"GitHub answers {what} with {answer.status}: {said}"
    if answer.status == 401:
        return SlipwayError(text, remedy="GITHUB_TOKEN is not valid any more.")
    if answer.status in {403, 429} and "rate limit" in said.lower():
        return RefusedError(text, remedy="Try again later.")
    if answer.status == 403:
        return SlipwayError(text, remedy="The token needs `pull-requests: write` (and `issues: write` for issues).")
    if answer.status == 404:
        return SlipwayError(text, remedy="Look at GITHUB_REPOSITORY and the number; a token sees only what it may.")
    if 300 <= answer.status < 400:
        return SlipwayError(text, remedy="It moved; set GITHUB_REPOSITORY and GITHUB_API_URL to where it is.")
    return SlipwayError(text)


def _message(answer: _Answer) -> str:
    said = answer.body.get("message") if isinstance(answer.body, Mapping) else None
    return str(said)[:300] if said else "no message"


def _entry(one: Mapping[str, Any], number: int) -> Entry:
    user = one.get("user")  # null when the account is gone
    author = str(user.get("login", "")) if isinstance(user, Mapping) else ""
    return Entry(int(number), author, str(one.get("body") or ""), str(one.get("title") or ""))
