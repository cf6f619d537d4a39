"""How the demo looks: alive on a terminal, plain lines in a log."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.status import Status
from rich.table import Table


class Show:
    """Prints the story to stderr; the closing table to stdout."""

    def __init__(self, *, plain: bool | None = None) -> None:
        self.err = Console(stderr=True, highlight=False, no_color=bool(os.environ.get("NO_COLOR")))
        self.out = Console(highlight=False, width=None if Console().is_terminal else 140)
        self.live = self.err.is_terminal if plain is None else not plain
        self.status: Status | None = None

    def chapter(self, text: str) -> None:
        """Start a chapter."""
        self.err.print(f"\n[bold]{text}[/bold]" if self.live else f"\n{text}")

    def begin(self, name: str) -> None:
        """Say what is being done now."""
        if self.live:
            self.status = self.err.status(name)
            self.status.start()

    def end(self, name: str, seconds: float, *, failed: bool = False) -> None:
        """Say that it is done, and how long it took."""
        if self.status:
            self.status.stop()
            self.status = None
        mark = "[red]✗[/red]" if failed else "[green]✓[/green]"
        self.err.print(f"  {mark} {name} [dim]{seconds:.1f} s[/dim]", soft_wrap=True)

    def check(self, name: str, passed: bool, detail: str) -> None:
        """Say whether a check held."""
        tail = f" [dim]{_escaped(detail)}[/dim]" if detail else ""
        mark = "[green]holds[/green]" if passed else "[bold red]DOES NOT HOLD[/bold red]"
        self.err.print(f"    {mark}: {_escaped(name)}{tail}", soft_wrap=True)

    def note(self, text: str) -> None:
        """Say something by the way."""
        self.err.print(f"    {_escaped(text)}", soft_wrap=True)

    def closing(self, document: Mapping[str, Any], path: object) -> None:
        """Print the closing tables and the verdict."""
        table = Table(title="What is live", title_justify="left")
        for column in ("environment", "endpoint", "live revision", "config", "release", "image"):
            table.add_column(column, overflow="fold")
        for name, environment in document["environments"].items():
            for endpoint, live in environment["endpoints"].items():
                table.add_row(
                    name,
                    endpoint,
                    live["live_revision"],
                    live["live_config"],
                    live["release"],
                    live["image_digest"][:19],
                )
        self.out.print(table)
        costs = Table(title="What it took", title_justify="left")
        for column, justify in (
            ("step", "left"),
            ("seconds", "right"),
            ("API calls", "right"),
            ("archive bytes", "right"),
        ):
            costs.add_column(column, justify="right" if justify == "right" else "left")
        for step in document["steps"]:
            costs.add_row(
                step["name"],
                f"{step['seconds']:.1f}",
                str(step["api_calls"]),
                str(step["artifact_bytes_through_client"]),
            )
        self.out.print(costs)
        held = sum(check["passed"] for check in document["checks"])
        self.out.print(
            f"{held} of {len(document['checks'])} checks held in {document['seconds']:.0f} s; "
            f"{document['artifact_bytes_through_client']} archive bytes passed through the client in promotions; "
            f"report: {path}",
            soft_wrap=True,
        )


def _escaped(text: str) -> str:
    return text.replace("[", "\\[")
