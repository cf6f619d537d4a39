"""What was seen on each bad day, as JSON and as a table."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.sandbox.bad_days.caller import Tally
from tests.sandbox.estate import Said

if TYPE_CHECKING:
    from tests.sandbox.bad_days.days import Day

COLUMNS = ("day", "asked", "old", "new", "model errors", "lost", "exit", "what it said", "next plan")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True)
class Seen:
    """One day. `old` and `new` count answers; `model_errors` are 424 of the new release, asked again and answered."""

    day: str
    about: str
    environment: str
    asked: int
    old: int
    new: int
    model_errors: int
    lost: int
    exit_code: int | None
    message: str
    commands: tuple[str, ...]
    next_plan: str
    seconds: float

    @classmethod
    def of(cls, name: str, about: str, day: Day, tally: Tally, plan: Said, *, seconds: float) -> Seen:
        """Return what a day's caller and commands saw."""
        answered = tally.answered
        return cls(
            day=name,
            about=about,
            environment=day.environment,
            asked=len(tally.asked),
            old=answered[day.old],
            new=sum(count for release, count in answered.items() if release != day.old),
            model_errors=tally.model_errors,
            lost=len(tally.lost),
            exit_code=day.said.code if day.said else None,
            message=message_of(day.said) if day.said else "",
            commands=tuple(day.commands),
            next_plan="empty" if plan.code == 0 and plan.document["results"][0]["empty"] else message_of(plan),
            seconds=round(seconds, 1),
        )

    def row(self) -> tuple[str, ...]:
        """Return the cells of the table."""
        code = "" if self.exit_code is None else str(self.exit_code)
        numbers = (self.asked, self.old, self.new, self.model_errors, self.lost)
        return (self.day, *map(str, numbers), code, self.message, self.next_plan)


def message_of(said: Said) -> str:
    """Return what a command said last, on one line: the end of its result, or its error."""
    text = said.out.strip() or said.err.strip()
    return _SPACES.sub(" ", text.split("\n\n")[-1]).strip()


def write(folder: Path, days: Sequence[Seen]) -> None:
    """Write report.json and report.md."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps([asdict(day) for day in days], indent=2) + "\n")
    rows = [COLUMNS, tuple("---" for _ in COLUMNS), *(day.row() for day in days)]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    (folder / "report.md").write_text("\n".join(lines) + "\n")
