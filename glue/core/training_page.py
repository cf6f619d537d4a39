"""The report as one HTML page that needs nothing else: no script, no network; charts with the tables that they show.

Names and reasons come from whoever submits jobs: all of them are escaped, and the page forbids itself scripts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from glue.core.training.words import Status
from glue.core.training_charts import Serie, bars, columns, lines
from glue.core.training_report import (
    COLUMNS,
    Figures,
    Report,
    cells,
    cost_text,
    duration_text,
    moment,
    saving_text,
    share_text,
)

_SHOWN = 12  # groups in a chart; the table has more
_ROWS = 200
_DURATIONS = (10, 60, 120, 240, 600, 1200, 2400, 3600, 7200, 14400, 28800, 43200, 86400)
_CSS = """
:root { color-scheme: light dark; --bg: #fff; --fg: #1a1a1a; --soft: #5b6169; --rule: #d9dce1; --card: #f6f7f9;
  --completed: #0072b2; --failed: #d55e00; --stopped: #8a8f98; --open: #7cc4ec; --second: #009e73; }
@media (prefers-color-scheme: dark) { :root { --bg: #14171c; --fg: #e7e9ec; --soft: #a3a9b3; --rule: #333941;
  --card: #1c2027; --completed: #4aa8e0; --failed: #ff8c42; --stopped: #80868f; --open: #2c5f80; --second: #3fc79a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 84rem; padding: 1.5rem; background: var(--bg); color: var(--fg);
  font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.05rem; margin: 0 0 .5rem; } p { margin: .3rem 0; }
.soft, caption { color: var(--soft); } caption { text-align: left; padding-bottom: .3rem; }
.tiles { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.2rem 0; padding: 0; list-style: none; }
.tiles li { background: var(--card); border: 1px solid var(--rule); border-radius: .5rem; padding: .6rem .9rem;
  min-width: 9rem; }
.tiles b { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
section { border-top: 1px solid var(--rule); padding: 1.1rem 0; }
.pair { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 1.5rem; align-items: start; }
.halves { grid-template-columns: repeat(2, minmax(0, 1fr)); }
@media (max-width: 60rem) { .pair, .halves { grid-template-columns: minmax(0, 1fr); } }
.scroll { overflow-x: auto; } .pair .scroll { max-height: 17rem; overflow-y: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .87rem; }
th, td { text-align: right; padding: .22rem .5rem; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; overflow-wrap: anywhere; white-space: normal; }
.chart { width: 100%; height: auto; } .chart text { fill: var(--fg); font-size: 12px; }
.chart .tick { fill: var(--soft); font-size: 11px; }
.grid { stroke: var(--rule); } .completed { fill: var(--completed); } .failed { fill: var(--failed); }
.stopped { fill: var(--stopped); } .open { fill: var(--open); } .second { fill: var(--second); }
.line { fill: none; stroke-width: 2; }
.line.completed { stroke: var(--completed); } .line.failed { stroke: var(--failed); }
.legend { list-style: none; display: flex; gap: 1rem; margin: .3rem 0 0; padding: 0; color: var(--soft);
  font-size: .85rem; }
.key { width: .75rem; height: .75rem; margin-right: .35rem; }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(report: Report, *, made: int) -> str:
    """Return the page. `made` is the time of its making (epoch ms)."""
    title = f"Training in {report.environment}"
    body = "".join(
        (
            f"<h1>{_text(title)}</h1>",
            _subtitle(report, made),
            _tiles(report.total),
            _ended(report),
            _waited(report),
            _by_group(report),
            _all(report),
            _why(report),
            _notes(report),
        )
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(title)}</title><style>{_CSS}</style></head><body><main>{body}</main></body></html>\n"
    )


def _subtitle(report: Report, made: int) -> str:
    span = f"Jobs submitted from {moment(report.since)} to {moment(report.until)}"
    return f'<p class="soft">{span}, by {_text(report.by)}. Made {moment(made)}.</p>'


def _tiles(total: Figures) -> str:
    tiles = (
        ("jobs", f"{total.jobs:,}"),
        ("open", f"{total.open:,}"),
        ("success", share_text(total.success)),
        ("waiting, p50", duration_text(total.waiting_p50.value)),
        ("waiting, p95", duration_text(total.waiting_p95.value)),
        ("spot saving", saving_text(total.saving)),
        ("cost USD", cost_text(total.cost)),
        ("retries", f"{total.retries:,}"),
    )
    items = "".join(f'<li><span class="soft">{name}</span><b>{_text(value)}</b></li>' for name, value in tiles)
    return f'<ul class="tiles">{items}</ul>'


def _ended(report: Report) -> str:
    labels = [one.name for one in report.series]
    layers = [
        Serie(name, name, [one.by_status[status] for one in report.series])
        for name, status in (("completed", Status.COMPLETED), ("failed", Status.FAILED), ("stopped", Status.STOPPED))
    ]
    layers.append(Serie("open", "open", [one.open for one in report.series]))
    rows = [(one.name, *cells(one)[0:5]) for one in report.series]
    return _section(
        "How jobs ended, by submission",
        columns("Jobs by the time of their submission and how they ended", labels, layers),
        _table("Jobs", ("when", "jobs", "open", "completed", "failed", "stopped"), rows),
    )


def _waited(report: Report) -> str:
    labels = [one.name for one in report.series]
    series = (
        Serie("p50", "completed", [one.waiting_p50.value for one in report.series]),
        Serie("p95", "failed", [one.waiting_p95.value for one in report.series]),
    )
    rows = [
        (
            one.name,
            duration_text(one.waiting_p50.value),
            duration_text(one.waiting_p95.value),
            str(one.waiting_p50.known),
        )
        for one in report.series
    ]
    return _section(
        "Waiting, from submission until training starts",
        lines(
            "Waiting time, median and 95th percentile", labels, series, text=duration_text, ceiling=_duration_ceiling
        ),
        _table("Waiting", ("when", "p50", "p95", "jobs known"), rows),
    )


def _duration_ceiling(seconds: float) -> float:
    """Return the next duration whose half reads well, too."""
    return next((one for one in _DURATIONS if one >= seconds), 86400.0 * math.ceil(seconds / 86400))


def _by_group(report: Report) -> str:
    shown = report.groups[:_SHOWN]
    by = _text(report.by)
    charts = (
        (
            "Success",
            bars(
                "Success rate", [(g.name, g.success, share_text(g.success)) for g in shown], colour="completed", top=1
            ),
        ),
        (
            "Cost, USD",
            bars("Cost in US dollars", [(g.name, g.cost.value, cost_text(g.cost)) for g in shown], colour="second"),
        ),
        (
            "Spot saving",
            bars(
                "Spot saving",
                [(g.name, g.saving.value, saving_text(g.saving)) for g in shown],
                colour="completed",
                top=1,
            ),
        ),
        ("Retries", bars("Retries", [(g.name, float(g.retries), str(g.retries)) for g in shown], colour="failed")),
    )
    parts = "".join(f"<div><h2>{name} by {by}</h2>{chart}</div>" for name, chart in charts)
    more = (
        f'<p class="soft">The first {_SHOWN} of {len(report.groups)} are drawn.</p>'
        if len(report.groups) > _SHOWN
        else ""
    )
    return f'<section aria-label="Charts by {by}"><div class="pair halves">{parts}</div>{more}</section>'


def _all(report: Report) -> str:
    rows = [(one.name, *cells(one)) for one in report.groups[:_ROWS]]
    rows.append(("all", *cells(report.total)))
    more = len(report.groups) - _ROWS
    note = f'<p class="soft">{more} more are in the JSON result.</p>' if more > 0 else ""
    return (
        f'<section aria-label="All figures"><h2>By {_text(report.by)}</h2>'
        f"{_table('All figures', (report.by, *COLUMNS), rows)}{note}</section>"
    )


def _why(report: Report) -> str:
    if not report.reasons:
        return ""
    rows = [(text, str(count)) for text, count in report.reasons]
    table = _table("The most frequent reasons", ("reason", "jobs"), rows)
    return f'<section aria-label="Why jobs failed"><h2>Why jobs failed</h2>{table}</section>'


def _notes(report: Report) -> str:
    unreadable = (
        f"<p>{report.unreadable} records could not be read and are not counted.</p>" if report.unreadable else ""
    )
    return (
        f'<section class="soft" aria-label="Notes">{unreadable}<p>Success is completed among completed and failed '
        "jobs. Waiting ends when the last attempt trains. The saving is 1 - billable / training seconds of "
        "spot attempts whose bill is settled. What is unknown is said, and is not counted as zero. Times are UTC.</p>"
        "</section>"
    )


def _section(title: str, chart: str, table: str) -> str:
    return f'<section aria-label="{title}"><h2>{title}</h2><div class="pair"><div>{chart}</div>{table}</div></section>'


def _table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f'<th scope="col">{_text(name)}</th>' for name in head)
    lines_ = "".join(
        f'<tr><th scope="row">{_text(row[0])}</th>' + "".join(f"<td>{_text(cell)}</td>" for cell in row[1:]) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{_text(caption)}">'
        f"<table><caption>{_text(caption)}</caption><thead><tr>{top}</tr></thead>"
        f"<tbody>{lines_}</tbody></table></div>"
    )


def _text(text: str) -> str:
    return escape(text, quote=True)
