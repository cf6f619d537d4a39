"""Writes the declared access matrix, policy/access.toml, as tables into docs/access.md. `--check` only compares."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from scripts.access.declared import Declared, Row, Who
from scripts.terraform_checks import ROOT

PAGE = ROOT / "docs" / "access.md"
BEGIN, END = "<!-- matrix -->", "<!-- /matrix -->"
TRAITS = {
    "first": "the first environment of the chain",
    "training": "environments that train",
    "inputs": "environments that name training inputs",
    "network": "environments that name a network",
    "invoker": "environments with an invoker",
    "monitor": "environments with a drift monitor",
    "no approval": "environments that ask for no approval",
}


def cell(lines: Iterable[str]) -> str:
    """Return lines as one cell of a table."""
    return "<br>".join(line.replace("|", "\\|") for line in lines)


def code(text: str) -> str:
    """Return text in code's letters."""
    return f"`{text}`"


def whose(row: Row) -> str:
    """Say whose the resources of a row are, when they are not the role's own."""
    return {"upstream": " of the environment that it promotes from", "elsewhere": " of any other account"}.get(
        row.of, ""
    )


def conditions(row: Row) -> list[str]:
    """Return when a row holds."""
    found = [
        f"{code(key)} is {' or '.join(code(value) if value else 'absent' for value in values)}"
        for key, values in row.when.items()
    ]
    return found + ([f"only in {TRAITS.get(row.only, f'environments with {row.only}')}"] if row.only else [])


def table(rows: Iterable[Row]) -> list[str]:
    """Return a table of rows."""
    lines = ["| why | may | on | only if |", "| --- | --- | --- | --- |"]
    for row in rows:
        kinds = [f"{'what knows no resource' if kind == '*' else kind}{whose(row)}" for kind in sorted(row.kinds)]
        actions = (code(action) for action in sorted(row.written))
        lines.append(f"| {row.why} | {cell(actions)} | {cell(kinds)} | {cell(conditions(row))} |")
    return lines


def section(who: Who) -> list[str]:
    """Return what one may do."""
    found = ["", f"### {who.name}", "", who.what + (f" {code(who.arn)}" if who.arn else "")]
    return [*found, "", *(table(who.rows) if who.rows else ["Nothing."])]


def render(declared: Declared) -> str:
    """Return the generated part of the page."""
    planned = [who for who in declared.who.values() if who.principal is None]
    others = [who for who in declared.who.values() if who.principal is not None]
    lines = [BEGIN, "## Roles that Terraform makes"]
    for who in planned:
        lines += section(who)
    lines += ["", "## Everybody else"]
    for who in others:
        lines += section(who)
    lines += ["", "## What nobody may do", "", "Whatever a row above says."]
    lines += ["", *table(declared.never), "", "## What the resources are", "", "| kind | AWS's type | such as |"]
    lines += ["| --- | --- | --- |"]
    named = {name for kinds in declared.text["resources"].values() for name in kinds}
    lines += [
        f"| {name} | {code(kind)} | {code(arn)} |" for name, (kind, arn) in declared.kinds.items() if name in named
    ]
    return "\n".join([*lines, END])


def main() -> None:
    """Write the page, or with --check exit 1 when it is out of date."""
    before = PAGE.read_text()
    head, _, rest = before.partition(BEGIN)
    after = head + render(Declared()) + rest.partition(END)[2]
    if "--check" in sys.argv[1:]:
        if after != before:
            sys.exit(f"{PAGE.relative_to(ROOT)} is out of date. `make docs` writes it anew.")
        return
    PAGE.write_text(after)


if __name__ == "__main__":
    main()
