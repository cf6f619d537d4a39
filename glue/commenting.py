"""Keeps one comment of ours on a pull request, or one issue of ours open, with the labels of its grade."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from glue.errors import SlipwayError, UsageError
from glue.github import ATTEMPTS, Entry, GitHub, UnsureError
from glue.review.show.markdown import LIMIT, marker

AUTO = "auto"
_MARKER = re.compile(r"<!-- slipway-review:(\S+) -->")
_GRADE = re.compile(r"^<!-- slipway-grade:([a-z]+) -->$", re.MULTILINE)
_LABEL = re.compile(r"[^\x00-\x1f,]{1,50}")


@dataclass(frozen=True)
class Comment:
    """The text of a comment, whose first line is its marker."""

    scope: str
    body: str

    @property
    def marker(self) -> str:
        """The first line, by which it is found again."""
        return self.body.partition("\n")[0]

    def labels(self, wanted: Iterable[str]) -> list[str]:
        """Return the labels, `auto` replaced by `risk:<grade>` of the text. Raises UsageError for what is none."""
        return list(dict.fromkeys(self._label(one) for one in wanted))

    def _label(self, wanted: str) -> str:
        if wanted != AUTO:
            if not _LABEL.fullmatch(wanted):
                raise UsageError(f"{wanted!r} is no label", remedy="At most 50 characters, no commas.")
            return wanted
        found = _GRADE.search("\n".join(self.body.split("\n", 3)[:3]))
        if found is None:
            raise UsageError("the file says no grade", remedy="`slipway review --markdown FILE` writes it there.")
        return f"risk:{found[1]}"


@dataclass(frozen=True)
class Done:
    """What was done: created, updated, unchanged or closed; how many doubles went; the labels that changed."""

    what: str
    number: int
    removed: int = 0
    labels_added: Sequence[str] = ()
    labels_removed: Sequence[str] = ()


def comment_of(file: Path, scope: str | None) -> Comment:
    """Return the comment in a file, cut to GitHub's limit; a scope replaces its marker. Raises UsageError."""
    try:
        text = file.read_text(encoding="utf-8").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SlipwayError(f"{file} cannot be read: {error}") from error
    first, _, rest = text.partition("\n")
    found = _MARKER.fullmatch(first.strip())
    scope = scope or (found[1] if found else None)
    if scope is None:
        raise UsageError(
            f"{file} does not begin with a marker", remedy="Name what it is about: --scope plan, or --scope drift."
        )
    body = f"{marker(scope)}\n{rest if found else text}"
    if not (rest if found else text).strip():
        raise UsageError(f"{file} is empty", remedy="Write it with `slipway review --markdown FILE`.")
    return Comment(scope, _fitted(body))


def _fitted(body: str) -> str:
    """Return a text that GitHub takes: whole lines, what is folded closed, and how much was left out."""
    if len(body) <= LIMIT:
        return body
    kept: list[str] = []
    room = LIMIT - 200
    lines = body.split("\n")
    for line in lines:
        room -= len(line) + 1 + len("</details>\n") * line.count("<details>")
        if room < 0:
            break
        kept.append(line)
    text = "\n".join(kept)
    closed = "\n</details>\n" * (text.count("<details>") - text.count("</details>"))
    return (
        f"{text}\n{closed}\n… {len(lines) - len(kept):,} more lines are left out: GitHub takes {LIMIT:,} characters.\n"
    )


def on_pull_request(github: GitHub, number: int, comment: Comment, *, labels: Sequence[str] = ()) -> Done:
    """Leave exactly one comment of ours with this marker, and the labels; others of the same prefix go."""

    def find() -> list[Entry]:
        return _mine(github, github.comments(number), comment.marker)

    mine = find()
    if not mine:
        what, written = "created", _written(github, lambda: github.create_comment(number, comment.body), find)
    else:
        written = mine[0].number
        what = "unchanged" if _same(mine[0].body, comment.body) else "updated"
        if what == "updated":
            github.update_comment(written, comment.body)
    for double in mine[1:]:
        github.delete_comment(double.number)
    added, removed = _label(github, number, labels)
    return Done(what, written, len(mine[1:]), added, removed)


def as_issue(github: GitHub, title: str, comment: Comment, *, labels: Sequence[str] = ()) -> Done:
    """Leave one open issue of ours with this marker, title and text."""

    def find() -> list[Entry]:
        return _mine(github, github.open_issues(github.me()), comment.marker)

    mine = find()
    if not mine:
        what, number = "created", _written(github, lambda: github.create_issue(title, comment.body), find)
    else:
        number = mine[0].number
        same = _same(mine[0].body, comment.body) and mine[0].title == title
        what = "unchanged" if same else "updated"
        if not same:
            github.update_issue(number, title=title, body=comment.body)
    added, removed = _label(github, number, labels)
    return Done(what, number, 0, added, removed)


def close_issue(github: GitHub, scope: str) -> Done | None:
    """Close our open issues of a scope; None when there is none."""
    mine = _mine(github, github.open_issues(github.me()), marker(scope))
    for one in mine:
        github.update_issue(one.number, state="closed", state_reason="completed")
    return Done("closed", mine[0].number) if mine else None


def _written(github: GitHub, write: Callable[[], int], find: Callable[[], list[Entry]]) -> int:
    """Write once: when GitHub does not say whether it did, look before writing again."""
    for attempt in range(1, ATTEMPTS):
        try:
            return write()
        except UnsureError:
            github.sleep(2.0**attempt)
            if found := find():
                return found[0].number
    return write()


def _mine(github: GitHub, entries: Iterable[Entry], first_line: str) -> list[Entry]:
    """Return what is ours: it begins with the marker, and we wrote it. Anybody can copy a marker."""
    found = [one for one in entries if one.body.replace("\r\n", "\n").partition("\n")[0].strip() == first_line]
    return [one for one in found if one.author == github.me()] if found else []


def _same(old: str, new: str) -> bool:
    return old.replace("\r\n", "\n").strip() == new.strip()


def _label(github: GitHub, number: int, wanted: Sequence[str]) -> tuple[list[str], list[str]]:
    """Set labels; each replaces the others of its prefix (`risk:high` takes `risk:low` away)."""
    if not wanted:
        return [], []
    there = github.labels(number)
    known = {name.lower() for name in there}  # GitHub's labels ignore case
    keep = {name.lower() for name in wanted}
    prefixes = tuple({f"{name.lower().partition(':')[0]}:" for name in wanted if ":" in name})
    added = [name for name in wanted if name.lower() not in known]
    removed = [name for name in there if prefixes and name.lower().startswith(prefixes) and name.lower() not in keep]
    if added:
        github.add_labels(number, added)
    for name in removed:
        github.remove_label(number, name)
    return added, removed
