"""Who goes next: priority, then fair share among owners, then age; nobody starves and no budget is exceeded.

Jobs compete for instances of one type, bought one way: a pool. In each pool, highest priority first, three of four
launches go to the owner who has least of the pool (running and given in this run), the fourth to the oldest job,
whoever owns it. The count, a turn for each pool and priority, lives on between runs. When the oldest job, at its turn,
wants several instances that are not free together and has waited long, the pool is kept for it: else smaller jobs
would take each instance as it becomes free, for ever. Pools take turns among each other. All in O(n log n).
"""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from glue.core.training.words import Pool, Purchase

PATIENCE_MS = 30 * 60_000
ROUND = 4  # each ROUND-th launch of a pool and priority goes to the oldest job
Turns = Mapping[tuple[Pool, int], int]  # (pool, priority) -> launches so far


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
    attempt: int = 0
    fallbacks: tuple[str, ...] = ()  # all types it may use, in the job's order
    waits_for: str | None = None

    @property
    def age(self) -> tuple[int, str]:
        """What sorts the oldest first; the id breaks ties."""
        return self.submitted_at, self.job


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


def candidate(row: Mapping[str, object]) -> Candidate:
    """Return the candidate of a row of the index `due`. Raises ValueError, KeyError or TypeError for a poisoned row."""
    fallbacks = row.get("fallbacks")
    waits_for = row.get("waits_for")
    return Candidate(
        job=str(row["JobId"]),
        owner=str(row["owner"]),
        priority=_whole(row["priority"]),
        due_at=_whole(row["due_at"]),
        submitted_at=_whole(row["submitted_at"]),
        instance_type=str(row["instance_type"]),
        instance_count=_counted(row["instance_count"]),
        purchase=Purchase(str(row["purchase"])),
        attempt=_whole(row["attempt"]),
        fallbacks=tuple(str(fallbacks).split(",")) if fallbacks else (),
        waits_for=str(waits_for) if waits_for else None,
    )


def running(row: Mapping[str, object]) -> Running:
    """Return what a row of the index `open` holds. Raises as `candidate` does."""
    pool = Pool(str(row["instance_type"]), Purchase(str(row["purchase"])))
    return Running(str(row["owner"]), pool, _counted(row["instance_count"]))


class _Owners:
    """The jobs of one pool and priority: by owner, and by age."""

    def __init__(self, jobs: list[Candidate], held: Mapping[str, int]) -> None:
        self._by_age = deque(sorted(jobs, key=lambda job: job.age))
        self._by_owner: dict[str, deque[Candidate]] = defaultdict(deque)
        for job in self._by_age:
            self._by_owner[job.owner].append(job)
        self._held = held
        self._heap = [(held.get(owner, 0), jobs[0].age, owner) for owner, jobs in self._by_owner.items()]
        heapq.heapify(self._heap)
        self._chosen: set[str] = set()
        self._unfit: set[str] = set()

    def oldest(self) -> Candidate | None:
        """The oldest that was not chosen yet; one that did not fit at a fair turn is still asked about here."""
        while self._by_age and self._by_age[0].job in self._chosen:
            self._by_age.popleft()
        return self._by_age[0] if self._by_age else None

    def fairest(self) -> Candidate | None:
        """The oldest of the owner who has least."""
        while self._heap:
            held, age, owner = self._heap[0]
            jobs = self._by_owner[owner]
            while jobs and (jobs[0].job in self._chosen or jobs[0].job in self._unfit):
                jobs.popleft()
            if not jobs:
                heapq.heappop(self._heap)
                continue
            now = (self._held.get(owner, 0), jobs[0].age, owner)
            if now == (held, age, owner):
                return jobs[0]
            heapq.heapreplace(self._heap, now)
        return None

    def choose(self, job: Candidate) -> None:
        """Take a job out for good."""
        self._chosen.add(job.job)

    def skip(self, job: Candidate, *, by_age: bool) -> None:
        """Take a job that does not fit out of one order: free instances only become fewer in a run."""
        if by_age:
            self._by_age.popleft()
        else:
            self._unfit.add(job.job)


class _Pool:
    """One pool's jobs by priority, its free instances, and whose turn it is."""

    def __init__(self, pool: Pool, *, budget: int, free: int, held: dict[str, int], turns: Turns, now: int) -> None:
        self.pool = pool
        self.budget = budget
        self.free = free
        self.held = held
        self.turns = {priority: turn for (key, priority), turn in turns.items() if key == pool}
        self.closed = False
        self._now = now
        self._waiting: dict[int, list[Candidate]] = defaultdict(list)
        self._lines: dict[int, _Owners] = {}

    def add(self, job: Candidate) -> None:
        self._waiting[job.priority].append(job)

    def next(self, priority: int) -> Choice | None:
        """The next job of this priority that fits, its instances taken. None: nothing more in this run."""
        line = self._line(priority)
        while line is not None and not self.closed and self.free > 0:
            turn = self.turns.get(priority, 0)
            by_age = turn % ROUND == ROUND - 1
            job = line.oldest() if by_age else line.fairest()
            if job is None:
                return None
            if job.instance_count <= self.free:
                line.choose(job)
                self.free -= job.instance_count
                self.held[job.owner] = self.held.get(job.owner, 0) + job.instance_count
                self.turns[priority] = turn + 1
                return Choice(job, self.pool)
            if by_age and self._is_kept_for(job):
                self.closed = True
                return None
            line.skip(job, by_age=by_age)
        return None

    def _line(self, priority: int) -> _Owners | None:
        if priority not in self._lines and priority in self._waiting:
            self._lines[priority] = _Owners(self._waiting.pop(priority), self.held)
        return self._lines.get(priority)

    def _is_kept_for(self, job: Candidate) -> bool:
        """A job larger than today's budget fits never: it keeps nobody waiting."""
        return job.instance_count <= self.budget and self._now - job.due_at >= PATIENCE_MS


class Line:
    """The due jobs in order. Take one with `next`; say what became of it with `close` or `give_back`.

    A job whose own instance type cools down stands in the pool of its first fallback that does not; without one it
    is not offered. A full budget is no reason to fall back. Jobs that wait for others are the caller's matter.
    """

    def __init__(
        self,
        candidates: Iterable[Candidate],
        *,
        running: Iterable[Running],
        budgets: Mapping[Pool, int],
        cooling: Collection[Pool],
        turns: Turns,
        now: int,
    ) -> None:
        self._before = dict(turns)
        self._pools: dict[Pool, _Pool] = {}
        used: dict[Pool, int] = defaultdict(int)
        held: dict[Pool, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for entry in running:
            used[entry.pool] += entry.instance_count
            held[entry.pool][entry.owner] += entry.instance_count
        priorities = set()
        for job in candidates:
            pool = self._pool_for(job, budgets, cooling)
            if pool is None:
                continue
            if pool not in self._pools:
                self._pools[pool] = _Pool(
                    pool,
                    budget=budgets[pool],
                    free=budgets[pool] - used[pool],
                    held=held[pool],
                    turns=turns,
                    now=now,
                )
            self._pools[pool].add(job)
            priorities.add(job.priority)
        self._priorities = deque(sorted(priorities, reverse=True))
        self._round = deque(self._pools.values())

    def next(self) -> Choice | None:
        """Return the next job to launch; None when nothing more fits. Its instances are taken from the budget."""
        while self._priorities:
            while self._round:
                pool = self._round.popleft()
                if (choice := pool.next(self._priorities[0])) is not None:
                    self._round.append(pool)
                    return choice
            self._priorities.popleft()
            self._round = deque(pool for pool in self._pools.values() if not pool.closed and pool.free > 0)
        return None

    def give_back(self, choice: Choice) -> None:
        """Put a choice's instances and its turn back: it was not launched (claimed elsewhere, withdrawn, refused)."""
        pool = self._pools[choice.pool]
        pool.free += choice.candidate.instance_count
        pool.held[choice.candidate.owner] -= choice.candidate.instance_count
        pool.turns[choice.candidate.priority] -= 1
        if pool not in self._round:
            self._round.append(pool)
        if choice.candidate.priority not in self._priorities:
            self._priorities.appendleft(choice.candidate.priority)

    def close(self, pool: Pool) -> None:
        """Offer nothing more of this pool: it is cooling down now."""
        if pool in self._pools:
            self._pools[pool].closed = True

    @property
    def turns(self) -> dict[tuple[Pool, int], int]:
        """The launches of each pool and priority so far, modulo a round, for the control item."""
        found = dict(self._before)
        for pool, entry in self._pools.items():
            found |= {(pool, priority): turn for priority, turn in entry.turns.items()}
        return {key: turn % ROUND for key, turn in found.items() if turn % ROUND}

    @staticmethod
    def _pool_for(job: Candidate, budgets: Mapping[Pool, int], cooling: Collection[Pool]) -> Pool | None:
        at = job.fallbacks.index(job.instance_type) if job.instance_type in job.fallbacks else 0
        for instance_type in dict.fromkeys((job.instance_type, *job.fallbacks[at:], *job.fallbacks[:at])):
            pool = Pool(instance_type, job.purchase)
            if pool not in cooling and budgets.get(pool, 0) > 0:
                return pool
        return None


def _whole(value: object) -> int:
    if isinstance(value, str | bool):
        raise TypeError(f"{value!r} is no number")
    return int(cast("float", value))


def _counted(value: object) -> int:
    """A count below 1 would give budget away."""
    if (number := _whole(value)) < 1:
        raise ValueError(f"{number} instances")
    return number
