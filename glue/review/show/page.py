"""A review as one HTML page that needs nothing else: no script, no network. The picture of what changes comes first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from glue.review.model import AccessChange, EndpointChange, Finding, Grade, Review, Right
from glue.review.show import drawing
from glue.review.show.escape import html, sentence
from glue.review.show.page_style import CSS
from glue.review.show.report import (
    Report,
    basis_of,
    cost_text,
    counts_text,
    details_of,
    exception_text,
    headline,
    in_order,
    made_from_plan,
    money,
    move_text,
    opening,
    way_back,
)

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_OPEN = 12  # endpoints drawn openly; more are folded
_ROWS = 500  # lines of a list; JSON has all
_GRADES = tuple(sorted(Grade, reverse=True))


def page(report: Report) -> str:
    """Return the page. Nothing in a plan can be more than text in it."""
    title = f"Review: {report.grade.word}"
    loud, quiet = in_order(report)
    body = "".join((_header(report, title), *(_plan(review) for review in loud), _quiet(quiet)))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html(title)}</title><style>{CSS}</style></head><body><main>{body}</main></body></html>\n"
    )


def _quiet(names: Sequence[str]) -> str:
    listed = ", ".join(f"<code>{html(name)}</code>" for name in names)
    return (
        f'<section class="plan" aria-label="Without changes"><p>Nothing changes in {listed}.</p></section>'
        if names
        else ""
    )


def _header(report: Report, title: str) -> str:
    endpoints = sum(len(review.endpoints) for review in report.reviews)
    findings = sum(len(review.findings) for review in report.reviews)
    gained = sum(len(review.access.gained) for review in report.reviews)
    tiles = (
        ("plans", str(len(report.reviews))),
        ("endpoints", str(endpoints)),
        ("findings", str(findings)),
        ("rights gained", str(gained)),
        ("USD a month", money(report.cost.difference, sign=True) if cost_text(report.cost) else "no change"),
    )
    items = "".join(f'<li><span class="soft">{name}</span><b>{html(value)}</b></li>' for name, value in tiles)
    lead = headline(report)
    return (
        f"<header><h1>{html(title[:7])} {_badge(report.grade)}</h1>"
        f'<p class="lead">{html(lead[:1].upper() + lead[1:])}.</p><ul class="tiles">{items}</ul></header>'
    )


def _plan(review: Review) -> str:
    version = f", Terraform {html(review.terraform_version)}" if review.terraform_version else ""
    digest = f" · digest <code>{html(review.digest[:16])}</code>" if review.digest else ""
    parts = (
        f"<h2><code>{html(review.name)}</code> {_badge(review.grade)}</h2>",
        f'<p class="soft">{html(_told(review))}{version}{digest}</p>',
        "".join(_endpoints(review.endpoints)),
        _findings(review.findings),
        _access(review.access),
        _rest(review),
    )
    return f'<section class="plan" aria-label="{html(review.name)}">{"".join(parts)}</section>'


def _told(review: Review) -> str:
    return counts_text(review.counts) if made_from_plan(review) else "made without a plan: less sure"


def _endpoints(endpoints: Sequence[EndpointChange]) -> Iterator[str]:
    for place, one in enumerate(endpoints):
        title = f"<code>{html(one.endpoint)}</code> {html(move_text(one))}"
        body = _endpoint(one)
        if place < _OPEN:
            yield f'<article class="endpoint" aria-label="{html(one.endpoint)}"><h3>{title}</h3>{body}</article>'
        else:
            yield f"<details><summary>{title}</summary>{body}</details>"


def _endpoint(one: EndpointChange) -> str:
    alarms = "".join(f'<p class="warn">▲ {html(text)}</p>' for text in (*one.interrupts, *one.scales_in))
    changes = _list([change.text for change in one.changes])
    moves = f"<p>{html(one.traffic.text)}</p>{drawing.traffic(one.traffic)}"
    back = f"<p>{html(way_back(one.rollback))}</p>"
    price = cost_text(one.cost)
    facts = (
        _fact("What changes", changes),
        f"<div>{_fact('Traffic', moves)}{_fact('Way back', back)}</div>",
        _fact("Cost", f"<p>{html(price)}</p>{drawing.cost(one.cost)}" if price else ""),
    )
    drawn = one.changes or one.variants_before or one.variants_after
    text = f"<p>{html(one.text)}</p>" if one.text and not drawn else ""
    return f'{text}{alarms}{drawing.change(one)}<div class="facts">{"".join(facts)}</div>'


def _fact(title: str, body: str) -> str:
    return f'<div class="fact"><h4>{title}</h4>{body}</div>' if body else ""


def _findings(findings: Sequence[Finding]) -> str:
    if not findings:
        return ""
    by_grade = ((grade, [one for one in findings if one.grade is grade]) for grade in _GRADES)
    parts = []
    for grade, some in by_grade:
        items = "".join(_finding(one) for one in some[:_ROWS]) + _more(len(some))
        if not some:
            continue
        title = f"{_badge(grade)} {len(some)} finding{'s' if len(some) > 1 else ''}"
        body = f'<ul class="findings">{items}</ul>'
        folded = f"<details><summary>{title}</summary>{body}</details>"
        parts.append(folded if grade <= Grade.LOW else f'<div class="block"><h3>{title}</h3>{body}</div>')
    return "".join(parts)


def _finding(one: Finding) -> str:
    where = f"<br><code>{html(one.resource)}</code>" if one.resource and one.resource not in one.message else ""
    details = _list(details_of(one))
    last = exception_text(one) or one.remedy
    remedy = f'<p class="soft">→ {sentence(last)}</p>' if last else ""
    text = f"<b>{sentence(one.message)}</b>{where} <code class='soft'>{html(one.rule)}</code>{details}{remedy}"
    return f"<li>{text}</li>"


def _access(access: AccessChange) -> str:
    unjudged = "".join(
        f'<li><span class="gain">?</span> <code>{html(one.resource)}</code> cannot be judged: {html(one.why)}</li>'
        for one in access.unjudged[:_ROWS]
    )
    parts = (
        _rights("Access that cannot be judged", unjudged + _more(len(access.unjudged))),
        _rights("Access gained", _right_items(access.gained, '<span class="gain">+</span>')),
        _rights("Access lost", _right_items(access.lost, '<span class="loss">−</span>')),
    )
    return "".join(parts)


def _right_items(rights: Sequence[Right], sign: str) -> str:
    ordered = sorted(rights, key=lambda right: (not right.public, not right.cross_account))
    items = (
        f"<li>{sign} {html(right.text)}<b>{opening(right)}</b>"
        f' <span class="soft">from <code>{html(right.source)}</code></span></li>'
        for right in ordered[:_ROWS]
    )
    return "".join(items) + _more(len(rights))


def _rights(title: str, items: str) -> str:
    return f'<div class="block"><h3>{title}</h3><ul class="rights">{items}</ul></div>' if items else ""


def _rest(review: Review) -> str:
    changes = [
        f"{one.what} {one.address}" + (f": {', '.join(one.attributes)}" if one.attributes else "")
        for one in review.changes
    ]
    parts = [
        _details("Drift: changed outside Terraform", review.drift),
        _details("Notes", review.notes, opened=True),
        _details("Folded away", review.folded),
        _details("Outputs", review.outputs),
        _details("Every change", changes),
    ]
    if (price := cost_text(review.cost)) and [one.cost for one in review.endpoints] != [review.cost]:
        basis = f'<span class="soft">{sentence(basis_of(review.cost))}</span>'
        chart = drawing.cost(review.cost)
        parts.insert(0, f'<div class="block"><h3>Cost of this plan</h3><p>{html(price)}{basis}</p>{chart}</div>')
    return "".join(parts)


def _details(title: str, lines: Sequence[str], *, opened: bool = False) -> str:
    if not lines:
        return ""
    word = " open" if opened else ""
    return f"<details{word}><summary>{title} ({len(lines):,})</summary>{_list(lines)}</details>"


def _list(lines: Sequence[str]) -> str:
    items = "".join(f"<li>{sentence(line)}</li>" for line in lines[:_ROWS]) + _more(len(lines))
    return f'<ul class="plain">{items}</ul>' if items else ""


def _more(count: int) -> str:
    return f"<li>and {count - _ROWS:,} more; the JSON document has all</li>" if count > _ROWS else ""


def _badge(grade: Grade) -> str:
    return f'<span class="badge {grade.word}">{grade.word}</span>'
