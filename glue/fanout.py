"""Several things side by side, of which none is hidden: each ends with a value or an error, and all are handed back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

from glue.errors import SlipwayError

Item = TypeVar("Item")
Value = TypeVar("Value")

AT_ONCE = 4


@dataclass(frozen=True)
class Outcome(Generic[Item, Value]):
    """How one ended: with a value or with an error."""

    item: Item
    value: Value | None = None
    error: SlipwayError | None = None


def side_by_side(
    items: Sequence[Item],
    work: Callable[[Item], Value],
    *,
    at_once: int = AT_ONCE,
    interrupt: Callable[[], None] = lambda: None,
) -> list[Outcome[Item, Value]]:
    """Do the work for each item, and return every outcome in the items' order.

    A SlipwayError is an outcome; anything else is a bug and is raised, after all others have ended. Ctrl-C calls
    `interrupt`, which asks the work to stop, and still waits for it: half-done work is worse than a second's patience.
    """

    def guarded(item: Item) -> Outcome[Item, Value]:
        try:
            return Outcome(item, value=work(item))
        except SlipwayError as error:
            return Outcome(item, error=error)

    with ThreadPoolExecutor(max_workers=max(1, at_once)) as pool:
        futures = [pool.submit(guarded, item) for item in items]
        while True:
            try:
                wait(futures)
                break
            except KeyboardInterrupt:
                interrupt()
    return [future.result() for future in futures]


def exit_code(outcomes: Sequence[Outcome[Item, Value]]) -> int:
    """Return the exit code of all together: 0 when all went well, else the lowest of the errors' (1 before 3)."""
    return min((outcome.error.exit_code for outcome in outcomes if outcome.error), default=0)
