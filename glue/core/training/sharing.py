"""Who goes next: priority, then fair share among owners, then age; nobody starves and no budget is exceeded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from glue.core.training.words import Pool, Purchase

PATIENCE_MS = 30 * 60_000


@dataclass(frozen=True)
class Candidate:
    """A due job, as the index `due` holds it."""

    job: str
    owner: str
    priority: int
    due_at: int
    submitted_at: int
    instance_type: str
    instance_count: int
    purchase: Purchase
    attempt: int
    fallbacks: tuple[str, ...] = ()
    waits_for: str | None = None


@dataclass(frozen=True)
class Running:
    """A launched job, as the index `open` holds it."""

    owner: str
    pool: Pool
    instance_count: int


@dataclass(frozen=True)
class Choice:
    """A candidate that may be launched now, in this pool."""

    candidate: Candidate
    pool: Pool


class Line:
    """The due jobs in order. Take one with `next`; say what became of it with `close` or `give_back`."""

    def __init__(
        self,
        candidates: Iterable[Candidate],
        *,
        running: Iterable[Running],
        budgets: Mapping[Pool, int],
        cooling: Collection[Pool],
        turns: Mapping[Pool, int],
        now: int,
    ) -> None:
        raise NotImplementedError

    def next(self) -> Choice | None:
        """Return the next job to launch; None when nothing more fits. Its instances are taken from the budget."""
        raise NotImplementedError

    def give_back(self, choice: Choice) -> None:
        """Put a choice's instances back: it was not launched (claimed by another run, withdrawn, refused)."""
        raise NotImplementedError

    def close(self, pool: Pool) -> None:
        """Offer nothing more of this pool: it is cooling down now."""
        raise NotImplementedError

    @property
    def turns(self) -> dict[Pool, int]:
        """The launches of each pool so far, for the control item: each fourth one goes to the oldest job."""
        raise NotImplementedError
