"""Charts as SVG texts: no script, no font and no picture from elsewhere. Every text is escaped here."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

WIDTH, HEIGHT = 640, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 28
_ROW = 26
_LABEL = 150
_MOST_LABELS = 12
_LONGEST = 22


@dataclass(frozen=True)
class Serie:
    """One line, or one layer of columns: its name, the CSS class that colours it, a value for each label."""

    name: str
    colour: str
    values: Sequence[float | None]


def columns(title: str, labels: Sequence[str], series: Sequence[Serie]) -> str:
    """Return stacked columns, one for each label."""
    sums = [sum(serie.values[place] or 0 for serie in series) for place in range(len(labels))]
    top = _ceiling(max(sums, default=0))
    step = _plot_width() / max(1, len(labels))
    width = max(1.0, min(48.0, step * 0.7))
    parts = [_frame(top, _number), *_labels(labels, step)]
    for place, label in enumerate(labels):
        base = 0.0
        for serie in series:
            value = serie.values[place] or 0
            if value:
                y, height = _y(base + value, top), value / top * _plot_height()
                x = _LEFT + step * place + (step - width) / 2
                tip = f"<title>{_text(f'{label}: {serie.name} {_number(value)}')}</title>"
                parts.append(
                    f'<rect class="{serie.colour}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
                    f'height="{height:.1f}">{tip}</rect>'
                )
                base += value
    return _svg(title, parts, WIDTH, HEIGHT) + legend(series)


def lines(
    title: str,
    labels: Sequence[str],
    series: Sequence[Serie],
    *,
    text: Callable[[float], str],
    ceiling: Callable[[float], float],
) -> str:
    """Return lines with a gap wherever a value is not known. `ceiling` says where an axis ends for a greatest value."""
    known = [value for serie in series for value in serie.values if value is not None]
    top = ceiling(max(known, default=0))
    step = _plot_width() / max(1, len(labels))
    parts = [_frame(top, text), *_labels(labels, step)]
    for serie in series:
        points = [(_LEFT + step * (place + 0.5), value) for place, value in enumerate(serie.values)]
        for is_known, run in groupby(points, key=lambda point: point[1] is not None):
            if is_known:
                path = " ".join(f"{x:.1f},{_y(value or 0, top):.1f}" for x, value in run)
                parts.append(f'<polyline class="line {serie.colour}" points="{path}"/>')
        for (x, value), label in zip(points, labels, strict=True):
            if value is not None:
                tip = f"<title>{_text(f'{label}: {serie.name} {text(value)}')}</title>"
                parts.append(
                    f'<circle class="{serie.colour}" cx="{x:.1f}" cy="{_y(value, top):.1f}" r="3">{tip}</circle>'
                )
    return _svg(title, parts, WIDTH, HEIGHT) + legend(series)


def bars(title: str, rows: Sequence[tuple[str, float | None, str]], *, colour: str, top: float | None = None) -> str:
    """Return a bar for each row: its label, its value (None: unknown, no bar) and the text beside it."""
    most = top or max((value for _, value, _ in rows if value is not None), default=0) or 1
    room = WIDTH - _LABEL - 150
    parts = []
    for place, (label, value, text) in enumerate(rows):
        y = place * _ROW
        length = 0 if value is None else max(0.0, min(1.0, value / most)) * room
        parts.append(
            f'<text class="label" x="{_LABEL - 8}" y="{y + 17}" text-anchor="end">{_text(_short(label))}</text>'
        )
        if value:
            tip = f"<title>{_text(f'{label}: {text}')}</title>"
            size = f'width="{max(1.0, length):.1f}" height="18"'
            parts.append(f'<rect class="{colour}" x="{_LABEL}" y="{y + 4}" {size}>{tip}</rect>')
        parts.append(f'<text class="value" x="{_LABEL + length + 6:.1f}" y="{y + 17}">{_text(text)}</text>')
    return _svg(title, parts, WIDTH, max(1, len(rows)) * _ROW)


def legend(series: Sequence[Serie]) -> str:
    """Return the names of series with their colours."""
    key = '<svg class="key" viewBox="0 0 10 10" aria-hidden="true"><rect class="{}" width="10" height="10"/></svg>'
    names = "".join(f"<li>{key.format(one.colour)}{_text(one.name)}</li>" for one in series)
    return f'<ul class="legend">{names}</ul>'


def _svg(title: str, parts: Sequence[str], width: int, height: int) -> str:
    inner = "".join(parts)
    name = _text(title)
    return f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{name}">{inner}</svg>'


def _frame(top: float, text: Callable[[float], str]) -> str:
    """Return three lines with their values; the lowest is zero."""
    parts = []
    for share in (0, 0.5, 1):
        y = _y(top * share, top)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<text class="tick" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_text(text(top * share))}</text>'
        )
    return "".join(parts)


def _labels(labels: Sequence[str], step: float) -> list[str]:
    every = max(1, math.ceil(len(labels) / _MOST_LABELS))
    return [
        f'<text class="tick" x="{_LEFT + step * (place + 0.5):.1f}" y="{HEIGHT - 8}" text-anchor="middle">'
        f"{_text(label[5:])}</text>"
        for place, label in enumerate(labels)
        if place % every == 0
    ]


def _ceiling(value: float) -> float:
    """Return the next 1, 2 or 5 with zeros: an axis ends at a number that reads well."""
    if value <= 0:
        return 1.0
    unit = 10.0 ** math.floor(math.log10(value))
    return next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= value * (1 - 1e-9))


def _y(value: float, top: float) -> float:
    return _TOP + _plot_height() * (1 - value / top)


def _plot_width() -> float:
    return WIDTH - _LEFT - _RIGHT


def _plot_height() -> float:
    return HEIGHT - _TOP - _BOTTOM


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _text(text: str) -> str:
    return escape(text, quote=True)
