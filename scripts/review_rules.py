"""Writes the table of rules into docs/review/rules.md; a test holds the page equal to rules.toml."""

from __future__ import annotations

import re
from pathlib import Path

from glue.review.rules import Rules

PAGE = Path(__file__).resolve().parent.parent / "docs" / "review" / "rules.md"


def main() -> None:
    """Replace the lines of the table, and leave the rest of the page as it is."""
    rows = "\n".join(
        f"| `{rule.id}` | {rule.grade.word} | {rule.title} | {rule.reason} | {rule.remedy} |"
        for rule in Rules.load().values()
    )
    text = PAGE.read_text(encoding="utf-8")
    head, rest = re.split(r"(?<=\|---\|---\|---\|---\|---\|\n)", text, maxsplit=1)
    PAGE.write_text(head + rows + "\n" + re.sub(r"\A(\|[^\n]*\n)*", "", rest), encoding="utf-8")


if __name__ == "__main__":
    main()
