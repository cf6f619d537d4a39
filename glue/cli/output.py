"""What a command prints: one result on stdout, as table, JSON or Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

FORMATS = ("table", "json", "markdown")


@dataclass(frozen=True)
class Table:
    """Rows under headings; cells are text."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


@dataclass(frozen=True)
class Result:
    """What a command found or did: the same as a document for programs, and as lines and tables for people."""

    document: Mapping[str, object]
    lines: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    exit_code: int = 0
    more: Mapping[str, object] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)  # for forms that only this command has


def text_of(result: Result, style: str) -> str:
    """Return the text for stdout, ending in a newline; empty when there is nothing to say."""
    if style in result.texts:
        return result.texts[style]
    if style == "json":
        return json.dumps({**result.document, **result.more}, indent=2, ensure_ascii=False, default=str) + "\n"
    draw = _markdown if style == "markdown" else _plain
    blocks = [draw(table) for table in result.tables if table.rows]
    if result.lines:
        blocks.append("\n\n".join(result.lines) if style == "markdown" else "\n".join(result.lines))
    return "\n\n".join(blocks) + "\n" if blocks else ""


def _plain(table: Table) -> str:
    rows = [tuple(column.upper() for column in table.columns), *table.rows]
    widths = [max(len(row[index]) for row in rows) for index in range(len(table.columns))]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _markdown(table: Table) -> str:
    def line(cells: Sequence[str]) -> str:
        escaped = (cell.replace("|", "\\|").replace("\n", " ") for cell in cells)
        return "| " + " | ".join(escaped) + " |"

    return "\n".join([line(table.columns), line(["---"] * len(table.columns)), *map(line, table.rows)])
