"""Pictures of what happens to an endpoint: its variants before and after, the traffic over time, the cost."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from glue.review.model import Cost, EndpointChange, Traffic, VariantShape
from glue.review.show.escape import html
from glue.review.show.report import money

_WIDTH, _HEIGHT = 360, 130
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 12, 10, 24


def change(one: EndpointChange) -> str:
    """Return the endpoint before and after, side by side: revision, releases, variants with their share of traffic."""
    before = _side("Before", one.before, one.releases_before, one.variants_before, css="before")
    after = _side("After", one.after, one.releases_after, one.variants_after, css="after")
    return f'<div class="change">{before}<div class="arrow" aria-hidden="true">→</div>{after}</div>'


def _side(
    title: str, revision: str | None, releases: Sequence[str], variants: Sequence[VariantShape], *, css: str
) -> str:
    if revision is None and not variants:
        return f'<div class="side gone"><h4>{title}</h4><p class="soft">nothing is known to be here</p></div>'
    told = {shape.release for shape in variants}
    rest = [name for name in releases if name not in told]
    lines = "".join(f'<p class="soft">{html(name)}</p>' for name in rest)
    items = "".join(_variant(shape) for shape in variants)
    listed = f'<ul class="variants">{items}</ul>' if items else ""
    name = f"<h3><code>{html(revision or 'unknown')}</code></h3>"
    return f'<div class="side {css}"><h4>{title}</h4>{name}{lines}{listed}</div>'


def _variant(shape: VariantShape) -> str:
    release = f'<br><span class="soft">{html(shape.release)}</span>' if shape.release else ""
    if shape.shadow:
        return f'<li><b>{html(shape.name)}</b> <span class="mirror">shadow</span> {html(shape.capacity)}{release}</li>'
    if shape.share is None:
        return f"<li><b>{html(shape.name)}</b> {html(shape.capacity)}{release}</li>"
    percent = 100 * max(0.0, min(1.0, shape.share))
    bar = f'<div class="track" aria-hidden="true"><div class="fill" style="width:{percent:.1f}%"></div></div>'
    share = f"{percent:.3g} % of requests"
    return f"<li><b>{html(shape.name)}</b> {html(shape.capacity)}, {share}{release}{bar}</li>"


def traffic(one: Traffic) -> str:
    """Return how traffic moves as a chart of steps; nothing when they are not known."""
    if not one.steps:
        return ""
    end = max(1.5 * max(minute for minute, _ in one.steps), 1.0)
    steps = sorted((max(0.0, minute), max(0.0, min(100.0, percent))) for minute, percent in one.steps)
    points = [(_x(0, end), _y(0))]
    for minute, percent in steps:
        points += [(_x(minute, end), points[-1][1]), (_x(minute, end), _y(percent))]
    points.append((_x(end, end), points[-1][1]))
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    told = "; ".join(f"{percent:.3g} % from minute {minute:.3g}" for minute, percent in steps)
    frame = "".join(
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{_y(share):.1f}" y2="{_y(share):.1f}"/>'
        f'<text x="{_LEFT - 5}" y="{_y(share) + 4:.1f}" text-anchor="end">{share} %</text>'
        for share in (0, 50, 100)
    )
    ticks = "".join(
        f'<text x="{_x(minute, end):.1f}" y="{_HEIGHT - 7}" text-anchor="{anchor}">{minute:.3g} min</text>'
        for minute, anchor in ((0.0, "start"), (end / 2, "middle"), (end, "end"))
    )
    area = f'<polygon class="area" points="{path} {_x(end, end):.1f},{_y(0):.1f}"/>'
    return _svg(
        f"Traffic on the new fleet: {told}", f'{frame}{ticks}{area}<polyline class="line" points="{path}"/>', _HEIGHT
    )


def cost(one: Cost) -> str:
    """Return the cost of a month before and after as bars; nothing when they are the same, or neither is known."""
    rows = (("before", one.before, "bar-old"), ("after", one.after, "bar-new"))
    if one.before == one.after:  # also when neither is known
        return ""
    most = max((amount for _, amount, _ in rows if amount is not None), default=Decimal(1)) or Decimal(1)
    parts = []
    for place, (name, amount, css) in enumerate(rows):
        y = 6 + place * 26
        length = float(amount / most) * 200 if amount is not None else 0.0
        parts.append(f'<text x="46" y="{y + 13}" text-anchor="end">{name}</text>')
        if amount is not None:
            parts.append(f'<rect class="{css}" x="52" y="{y}" width="{max(1.0, length):.1f}" height="18" rx="3"/>')
        parts.append(f'<text class="number" x="{58 + length:.1f}" y="{y + 13}">{html(money(amount))}</text>')
    label = f"Cost in {one.currency} a month: before {money(one.before)}, after {money(one.after)}"
    return _svg(label, "".join(parts), 60)


def _svg(label: str, inner: str, height: int) -> str:
    return f'<svg class="chart" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{html(label)}">{inner}</svg>'


def _x(minute: float, end: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * minute / end


def _y(percent: float) -> float:
    return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - percent / 100)
