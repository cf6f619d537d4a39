"""Promotes to several environments, wave after wave: the next wave begins only when the whole one before succeeded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from glue.console import Console
from glue.core.environment import Environment
from glue.fanout import AT_ONCE, Outcome, side_by_side

Value = TypeVar("Value")


@dataclass(frozen=True)
class Rolled(Generic[Value]):
    """How it went: each environment's outcome in order, with its wave (from 1), and those that were never begun."""

    outcomes: tuple[tuple[int, Outcome[Environment, Value]], ...]
    untouched: tuple[Environment, ...]


def roll(
    waves: Sequence[Sequence[Environment]],
    work: Callable[[Environment], Value],
    *,
    good: Callable[[Value], bool],
    console: Console,
    at_once: int = AT_ONCE,
    interrupt: Callable[[], None] = lambda: None,
) -> Rolled[Value]:
    """Do the work for each wave, its environments side by side, and stop after the first wave that is not all good.

    What is under way in a wave is not interrupted when another of it fails: it ends as it would have alone.
    """
    outcomes: list[tuple[int, Outcome[Environment, Value]]] = []
    for number, wave in enumerate(waves, start=1):
        names = ", ".join(there.name for there in wave)
        console.step(f"Wave {number} of {len(waves)}: {names}")
        ended = side_by_side(list(wave), work, at_once=at_once, interrupt=interrupt)
        outcomes += [(number, outcome) for outcome in ended]
        failed = [outcome.item.name for outcome in ended if outcome.value is None or not good(outcome.value)]
        if failed:
            untouched = [there for later in waves[number:] for there in later]
            if untouched:
                left = ", ".join(there.name for there in untouched)
                console.warn(f"{', '.join(failed)} did not succeed: {left} not touched")
            return Rolled(tuple(outcomes), tuple(untouched))
    return Rolled(tuple(outcomes), ())
