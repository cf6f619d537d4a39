"""What the checks of an endpoint say: a rule, a sentence, and where in the endpoint's line it belongs."""

from __future__ import annotations

from dataclasses import dataclass

from glue.review import values


def safe(value: object) -> str:
    """Return a value of a plan as text for one line, whole: who cuts it has masked its secrets before."""
    return values.plain(value, most=None)


@dataclass(frozen=True)
class Said:
    """One thing about an endpoint. `where` is interrupts, scales_in, or "" for a finding alone."""

    rule: str
    message: str
    where: str = ""
    resource: str | None = None
    details: tuple[str, ...] = ()
