"""A review as the text of a pull request's comment: what matters first, the rest folded, within GitHub's limit.

The first line is a marker by which the comment is found again, the second names the grade for a label.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from glue.errors import UsageError
from glue.review.model import AccessChange, EndpointChange, Finding, Grade, Review, Right
from glue.review.show.escape import code, prose
from glue.review.show.fitting import Block, fit
from glue.review.show.report import (
    Report,
    basis_of,
    cost_text,
    counts_text,
    details_of,
    exception_text,
    headline,
    in_order,
    move_text,
    opening,
    way_back,
)

LIMIT = 65_536  # characters that GitHub stores of a comment
SCOPE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_./]|-(?!-)){0,79}")
SIGNS = {Grade.NONE: "⚪", Grade.LOW: "🟢", Grade.MEDIUM: "🟠", Grade.HIGH: "🔴", Grade.FORBIDDEN: "⛔"}
_HEAD = 4_000  # characters kept for the first lines
_ACTIONS = {"create": "is created", "delete": "is **destroyed**", "replace": "is **replaced**"}


def marker(scope: str) -> str:
    """Return the first line of a scope's comment. Raises UsageError for a scope that would not fit into it."""
    if not SCOPE.fullmatch(scope) or scope.endswith("-"):
        raise UsageError(
            f"{scope[:80]!r} is no scope of a comment",
            remedy="Use letters, digits and . _ / - (no two hyphens in a row), at most 80.",
        )
    return f"<!-- slipway-review:{scope} -->"


def grade_line(grade: Grade) -> str:
    """Return the second line, which `slipway comment --label auto` reads."""
    return f"<!-- slipway-grade:{grade.word} -->"


def text(report: Report, *, scope: str = "plan", limit: int = LIMIT) -> str:
    """Return the comment, at most `limit` characters. Nothing in a plan can mean anything in it."""
    loud, quiet = in_order(report)
    blocks = [block for review in loud for block in _blocks(review, several=len(report.reviews) > 1)]
    if quiet:
        blocks.append(Block(1, f"\nNothing changes in {', '.join(code(name, most=200) for name in quiet)}.\n"))
    top = [marker(scope), grade_line(report.grade), f"## {SIGNS[report.grade]} {report.grade.word}: {headline(report)}"]
    if len(report.reviews) > 1:
        top.append(f"{len(report.reviews)} plans, the worst first.")
        if total := cost_text(report.cost):
            top.append(f"Cost of all: {prose(total, most=500)}")
    elif report.reviews:
        top.append(f"{code(report.reviews[0].name, most=200)}: {counts_text(report.reviews[0].counts)}")
    first = "\n\n".join(["\n".join(top[:2]), *top[2:]])
    fitted = fit(blocks, limit - max(_HEAD, len(first) + 1000))
    if fitted.left_out:
        first += f"\n\n> Left out to keep GitHub's limit: {_tally(fitted.left_out)}. The JSON document has everything."
    return f"{first}\n{fitted.text}"


def _tally(left_out: Counter[str]) -> str:
    return ", ".join(f"{count:,} {noun.replace('(s)', 's' if count > 1 else '')}" for noun, count in left_out.items())


def _blocks(review: Review, *, several: bool) -> Iterator[Block]:
    """Yield a review's parts in the order of reading; the ranks say which give way."""
    if several:
        title = f"\n### {SIGNS[review.grade]} {code(review.name, most=200)}: {review.grade.word}\n"
        counts = f"\n{counts_text(review.counts)}\n" if any(review.counts.values()) else ""
        yield Block(0, title + counts, noun="plan(s)")
    for one in review.endpoints:
        yield from _endpoint(one)
    yield from _findings(review.findings)
    yield from _access(review.access)
    yield _list(4, "Drift: changed outside Terraform", review.drift, "drift line(s)")
    if cost := cost_text(review.cost):
        yield Block(3, f"\n**Cost**: {prose(cost + basis_of(review.cost))}\n")
    yield _list(3, "Notes", review.notes, "note(s)")
    yield _folded(6, "Folded away", [prose(line) for line in review.folded], "folded line(s)")
    yield _folded(7, "Outputs", [prose(line) for line in review.outputs], "output(s)")
    changes = [
        f"{prose(one.what)} {code(one.address)}" + (f": {code(', '.join(one.attributes))}" if one.attributes else "")
        for one in review.changes
    ]
    yield _folded(8, "Every change", changes, "change(s)")


def _endpoint(one: EndpointChange) -> Iterator[Block]:
    line = (
        prose(one.text.removeprefix(f"{one.endpoint}: "))
        if one.text
        else f"{code(one.endpoint)} {_ACTIONS.get(one.action, 'changes')}"
    )
    alarms = [*(f"interrupts: {text}" for text in one.interrupts), *(f"scales in: {text}" for text in one.scales_in)]
    title = f"**{_sign(one)} {code(one.endpoint, most=200)}**" + (
        "" if one.text else f" {code(move_text(one), most=300)}"
    )
    warned = "".join(f"- **!** {prose(text)}\n" for text in alarms[:10])
    yield Block(1, "", [f"\n{title}\n\n{line}\n" + (f"\n{warned}" if warned else "")], noun="endpoint(s)")
    facts = [prose(change.text) for change in one.changes]
    facts += [f"traffic: {prose(one.traffic.text)}", f"way back: {prose(way_back(one.rollback))}"]
    if cost := cost_text(one.cost):
        facts.append(f"cost: {prose(cost)}")
    yield _folded(5, "What changes inside", facts, "detail(s) of endpoints")


def _sign(one: EndpointChange) -> str:
    return "⚠️" if one.interrupts or one.scales_in or one.action in {"delete", "replace"} else "➡️"


def _findings(findings: Sequence[Finding]) -> Iterator[Block]:
    """Yield the findings by grade; those of low are folded."""
    for grade in sorted({finding.grade for finding in findings}, reverse=True):
        items = [_finding(finding) for finding in findings if finding.grade is grade]
        rank = {Grade.FORBIDDEN: 0, Grade.HIGH: 0, Grade.MEDIUM: 2}.get(grade, 5)
        title = f"{SIGNS[grade]} {grade.word}: {len(items)} finding{'s' if len(items) > 1 else ''}"
        head, tail = _details(title) if grade <= Grade.LOW else (f"\n#### {title}\n\n", "")
        yield Block(rank, head, items, tail, noun=f"{grade.word} finding(s)")


def _finding(finding: Finding) -> str:
    where = f" {code(finding.resource)}" if finding.resource and finding.resource not in finding.message else ""
    parts = [f"- {prose(finding.message)}{where} · {code(finding.rule)}\n"]
    details = details_of(finding)
    parts += [f"  - {prose(detail)}\n" for detail in details[:5]]
    if len(details) > 5:
        parts.append(f"  - and {len(details) - 5} more\n")
    last = exception_text(finding) or finding.remedy
    return "".join(parts) + (f"  - **→** {prose(last)}\n" if last else "")


def _access(access: AccessChange) -> Iterator[Block]:
    unjudged = [f"- {code(one.resource)} cannot be judged: {prose(one.why)}\n" for one in access.unjudged]
    yield _plain(1, "Access that cannot be judged", unjudged, "unjudged policy document(s)")
    yield _plain(1, "Access gained", [_right(one) for one in _open_first(access.gained)], "right(s) gained")
    yield _plain(4, "Access lost", [_right(one) for one in _open_first(access.lost)], "right(s) lost")


def _open_first(rights: Sequence[Right]) -> list[Right]:
    return sorted(rights, key=lambda right: (not right.public, not right.cross_account))


def _right(right: Right) -> str:
    return f"- {prose(right.text)}{opening(right)}\n"


def _list(rank: int, title: str, lines: Sequence[str], noun: str) -> Block:
    return _plain(rank, title, [f"- {prose(line)}\n" for line in lines], noun)


def _plain(rank: int, title: str, items: Sequence[str], noun: str) -> Block:
    return Block(rank, f"\n#### {title}\n\n" if items else "", items, noun=noun)


def _folded(rank: int, title: str, lines: Sequence[str], noun: str) -> Block:
    if not lines:
        return Block(rank)
    head, tail = _details(f"{title} ({len(lines):,})" if rank > 5 else title)
    return Block(rank, head, [f"- {line}\n" for line in lines], tail, noun=noun)


def _details(title: str) -> tuple[str, str]:
    """Return the head and tail of a folded list; the empty lines let Markdown be read inside."""
    return f"\n<details><summary>{title}</summary>\n\n", "\n</details>\n"
