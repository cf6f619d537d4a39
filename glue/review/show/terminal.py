"""A review for a terminal: the grade and what to do, a line for each endpoint, then what else a reader must know."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from glue.review.model import AccessChange, Finding, Grade, Review
from glue.review.show.report import (
    Report,
    basis_of,
    cost_text,
    counts_text,
    details_of,
    exception_text,
    headline,
    in_order,
    opening,
)
from glue.review.values import plain

_COLOURS = {Grade.NONE: "32", Grade.LOW: "32", Grade.MEDIUM: "33", Grade.HIGH: "31", Grade.FORBIDDEN: "1;31"}
_SIGNS = {"create": "+", "delete": "-", "replace": "-/+", "update": "~", "none": " "}
_FOLDED = 12  # lines of folded and drift; more are counted
_LOW = 8  # findings of grade low; more are counted


def text(report: Report, *, width: int = 120, colour: bool = False) -> str:
    """Return the lines, ending in a newline. `width` is the terminal's, in characters."""
    pen = _Pen(max(60, width), colour=colour)
    lines = [f"{pen.grade(report.grade)}  {_sentence(headline(report))}"]
    several = len(report.reviews) > 1
    loud, quiet = in_order(report)
    for review in loud:
        if several:
            lines += ["", f"{pen.bold(plain(review.name))}: {pen.grade(review.grade)}"]
        lines += _one(review, pen)
    if quiet:
        lines += ["", *pen.folded(f"Nothing changes in {', '.join(quiet)}", "", "  ")]
    if several and (total := cost_text(report.cost)):
        lines += ["", f"Cost of all: {plain(total)}"]
    return "\n".join(line.rstrip() for line in lines) + "\n"


class _Pen:
    """Writes within a width, in colours when there are any."""

    def __init__(self, width: int, *, colour: bool) -> None:
        self.width = width
        self._colour = colour

    def grade(self, grade: Grade, word: str = "") -> str:
        """Return the grade's word in its colour."""
        return self._painted(word or grade.word.upper(), _COLOURS[grade])

    def bold(self, words: str) -> str:
        """Return a heading."""
        return self._painted(words, "1")

    def folded(self, words: str, first: str, rest: str) -> list[str]:
        """Return a paragraph in lines; names are never broken."""
        return textwrap.wrap(
            plain(words, most=2000), self.width,
            initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip

    def _painted(self, words: str, code: str) -> str:
        return f"\x1b[{code}m{words}\x1b[0m" if self._colour else words


def _one(review: Review, pen: _Pen) -> Iterator[str]:
    yield from _endpoints(review, pen)
    yield from _findings(review, pen)
    yield from _access(review.access, pen)
    yield from _section("Drift: changed outside Terraform", review.drift, pen)
    counts = [counts_text(review.counts)] if any(review.counts.values()) else []
    folded = [*counts, *review.folded, *(f"output {text}" for text in review.outputs)]
    yield from _section("Else", folded, pen)
    if cost := cost_text(review.cost):
        yield from ("", *pen.folded(f"Cost: {cost}{basis_of(review.cost)}", "", "  "))
    yield from _section("Note", review.notes, pen)


def _endpoints(review: Review, pen: _Pen) -> Iterator[str]:
    if review.endpoints:
        yield ""
        yield pen.bold("Endpoints")
    for one in review.endpoints:
        first = f"  {_SIGNS.get(one.action, '?'):<3} "
        yield from pen.folded(one.text or f"{one.endpoint}: {one.action}", first, " " * 6)


def _findings(review: Review, pen: _Pen) -> Iterator[str]:
    if not review.findings:
        return
    yield ""
    yield pen.bold("Findings")
    low = [finding for finding in review.findings if finding.grade <= Grade.LOW]
    for finding in [*(finding for finding in review.findings if finding.grade > Grade.LOW), *low[:_LOW]]:
        yield from _finding(finding, pen)
    if len(low) > _LOW:
        yield f"  and {len(low) - _LOW} more of grade low (--format json has all)"


def _finding(finding: Finding, pen: _Pen) -> Iterator[str]:
    indent = " " * 13
    short = finding.grade <= Grade.LOW and finding.exception is None
    told = short or not finding.resource or finding.resource in finding.message
    where = "" if told else finding.resource
    head, *rest = pen.folded(
        f"{finding.message} [{finding.rule}]" + (f" {where}" if where else ""), indent, indent
    ) or [indent]
    yield f"  {pen.grade(finding.grade, f'{finding.grade.word:<9}')}  {head[13:]}"
    yield from rest
    if short:
        return
    details = details_of(finding)
    for detail in details[:5]:
        yield from pen.folded(detail, f"{indent}· ", f"{indent}  ")
    if len(details) > 5:
        yield f"{indent}· and {len(details) - 5} more"
    last = exception_text(finding) or finding.remedy
    if last:
        yield from pen.folded(last, f"{indent}→ ", f"{indent}  ")


def _access(access: AccessChange, pen: _Pen) -> Iterator[str]:
    if not (access.gained or access.lost or access.unjudged):
        return
    yield ""
    yield pen.bold("Access")
    for sign, rights in (("+", access.gained), ("-", access.lost)):
        for right in sorted(rights, key=lambda right: not (right.public or right.cross_account)):
            yield from pen.folded(f"{right.text}{opening(right)}", f"  {sign}   ", " " * 6)
    for unjudged in access.unjudged:
        yield from pen.folded(f"{unjudged.resource} cannot be judged: {unjudged.why}", "  ?   ", " " * 6)


def _section(title: str, lines: Sequence[str], pen: _Pen) -> Iterator[str]:
    if lines:
        yield ""
        yield pen.bold(title)
    for line in lines[:_FOLDED]:
        yield from pen.folded(line, "  ", "    ")
    if len(lines) > _FOLDED:
        yield f"  and {len(lines) - _FOLDED} more (--format json has all)"


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + "."
