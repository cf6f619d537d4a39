"""Who goes next: budgets hold, nobody starves, owners share, and ten thousand jobs are put in order quickly."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glue.core.training.record import to_item
from glue.core.training.sharing import PATIENCE_MS, Candidate, Choice, Line, Running, candidate, running
from glue.core.training.words import Pool, Purchase
from tests.unit.training_support import NOW, stored

LARGE, XLARGE = "ml.m5.large", "ml.m5.xlarge"
POOL = Pool(LARGE, Purchase.ON_DEMAND)
OTHER = Pool(XLARGE, Purchase.ON_DEMAND)


def job(name: str, owner: str = "anna", **more: object) -> Candidate:
    base = Candidate(
        job=name,
        owner=owner,
        priority=5,
        due_at=NOW,
        submitted_at=NOW,
        instance_type=LARGE,
        instance_count=1,
        purchase=Purchase.ON_DEMAND,
    )
    return replace(base, **more)  # type: ignore[arg-type]


def line(
    jobs: Iterable[Candidate],
    *,
    running: Iterable[Running] = (),
    budgets: Mapping[Pool, int] | None = None,
    cooling: Iterable[Pool] = (),
    turns: Mapping[tuple[Pool, int], int] | None = None,
    now: int = NOW,
) -> Line:
    return Line(
        jobs,
        running=running,
        budgets={POOL: 4} if budgets is None else budgets,
        cooling=set(cooling),
        turns=turns or {},
        now=now,
    )


def drawn(found: Line) -> list[Choice]:
    choices = []
    while (choice := found.next()) is not None:
        choices.append(choice)
    return choices


def names(found: Line) -> list[str]:
    return [choice.candidate.job for choice in drawn(found)]


def test_priority_goes_first_then_who_has_least_then_age() -> None:
    jobs = [
        job("a-old", submitted_at=NOW - 9),
        job("a-new", submitted_at=NOW - 8),
        job("b-newest", "bela", submitted_at=NOW - 1),
        job("urgent", "anna", priority=9),
    ]
    assert names(line(jobs, running=[Running("anna", POOL, 1)], budgets={POOL: 4})) == ["urgent", "b-newest", "a-old"]


def test_every_fourth_launch_goes_to_the_oldest_whoever_owns_it() -> None:
    jobs = [job(f"a{at}", submitted_at=NOW - 100 + at) for at in range(4)]
    jobs += [job(f"b{at}", "bela", submitted_at=NOW + at) for at in range(8)]
    busy = [Running("anna", POOL, 10)]
    assert names(line(jobs, running=busy, budgets={POOL: 18})) == ["b0", "b1", "b2", "a0", "b3", "b4", "b5", "a1"]
    assert names(line(jobs, running=busy, budgets={POOL: 12}, turns={(POOL, 5): 3})) == ["a0", "b0"]


def test_a_full_or_cooling_pool_blocks_no_other() -> None:
    jobs = [
        job("full", submitted_at=1),
        job("cooling", instance_type="ml.c5.xlarge"),
        job("free", instance_type=XLARGE),
    ]
    budgets = {POOL: 1, OTHER: 1, Pool("ml.c5.xlarge", Purchase.ON_DEMAND): 5}
    busy = [Running("bela", POOL, 1)]
    assert names(line(jobs, running=busy, budgets=budgets, cooling=[Pool("ml.c5.xlarge", Purchase.ON_DEMAND)])) == [
        "free"
    ]


def test_a_job_whose_pool_cools_down_takes_its_next_type_but_a_full_budget_waits() -> None:
    flexible = job("x", fallbacks=(LARGE, XLARGE))
    budgets = {POOL: 1, OTHER: 1}
    (choice,) = drawn(line([flexible], budgets=budgets, cooling=[POOL]))
    assert choice.pool == OTHER
    assert names(line([flexible], budgets=budgets, running=[Running("bela", POOL, 1)])) == []
    moved = replace(flexible, instance_type=XLARGE)
    (choice,) = drawn(line([moved], budgets=budgets, cooling=[OTHER]))
    assert choice.pool == POOL


def test_spot_and_on_demand_are_budgets_of_their_own() -> None:
    spot = Pool(LARGE, Purchase.SPOT)
    jobs = [job("d1"), job("d2"), job("s1", purchase=Purchase.SPOT), job("s2", purchase=Purchase.SPOT)]
    assert sorted(names(line(jobs, budgets={POOL: 1, spot: 1}))) == ["d1", "s1"]


def test_a_large_job_that_waited_long_gets_its_instances_in_the_end() -> None:
    """One instance becomes free at a time, and small jobs always wait: the large one comes within a few launches."""
    large = job("large", instance_count=4, submitted_at=NOW - 1)
    turns: Mapping[tuple[Pool, int], int] = {}
    busy, now, launched = 4, NOW + PATIENCE_MS, []
    for at in range(40):
        smaller = [job(f"s{at}-{more}", "bela", submitted_at=NOW + at) for more in range(4)]
        busy = max(0, busy - 1)
        found = line([large, *smaller], running=[Running("cleo", POOL, busy)], turns=turns, now=now)
        for choice in drawn(found):
            busy += choice.candidate.instance_count
            launched.append(choice.candidate.job)
        turns = found.turns
        if "large" in launched:
            break
    assert "large" in launched
    assert len(launched) < 10


def test_a_job_beyond_the_budget_keeps_nobody_waiting() -> None:
    jobs = [job("huge", instance_count=9, submitted_at=1, due_at=NOW - 2 * PATIENCE_MS), job("small")]
    assert names(line(jobs, turns={(POOL, 5): 3})) == ["small"]


def test_what_is_given_back_is_offered_to_others() -> None:
    found = line([job("a", submitted_at=1), job("b", submitted_at=2)], budgets={POOL: 1})
    first = found.next()
    assert first is not None
    assert found.next() is None
    found.give_back(first)
    assert found.turns == {}
    assert names(found) == ["b"]


def test_a_pool_that_cools_down_in_the_run_is_closed() -> None:
    found = line([job("a"), job("b"), job("c", instance_type=XLARGE)], budgets={POOL: 2, OTHER: 1})
    assert found.next() is not None
    found.close(POOL)
    assert names(found) == ["c"]


jobs_drawn = st.lists(
    st.builds(
        job,
        st.uuids().map(str),
        st.sampled_from(["anna", "bela", "cleo"]),
        priority=st.integers(0, 2),
        submitted_at=st.integers(NOW - 5_000_000, NOW),
        due_at=st.integers(NOW - 5_000_000, NOW),
        instance_count=st.integers(1, 4),
        purchase=st.sampled_from(list(Purchase)),
        instance_type=st.sampled_from([LARGE, XLARGE]),
        fallbacks=st.sampled_from([(), (LARGE, XLARGE)]),
    ),
    max_size=25,
)
pools = [Pool(name, purchase) for name in (LARGE, XLARGE) for purchase in Purchase]


@settings(max_examples=80)
@given(
    jobs=jobs_drawn,
    busy=st.lists(st.builds(Running, st.just("anna"), st.sampled_from(pools), st.integers(1, 3)), max_size=4),
    budgets=st.fixed_dictionaries({pool: st.integers(0, 6) for pool in pools}),
    cooling=st.sets(st.sampled_from(pools)),
    turn=st.integers(0, 3),
)
def test_budgets_are_never_exceeded_and_no_job_comes_twice(
    jobs: list[Candidate], busy: list[Running], budgets: dict[Pool, int], cooling: set[Pool], turn: int
) -> None:
    turns = {(pool, priority): turn for pool in pools for priority in range(3)}
    used: Counter[Pool] = Counter()
    for entry in busy:
        used[entry.pool] += entry.instance_count
    choices = drawn(line(jobs, running=busy, budgets=budgets, cooling=cooling, turns=turns))
    for choice in choices:
        assert choice.pool not in cooling
        assert choice.pool.purchase is choice.candidate.purchase
        used[choice.pool] += choice.candidate.instance_count
        assert used[choice.pool] <= budgets[choice.pool]
    assert len({choice.candidate.job for choice in choices}) == len(choices)


@settings(max_examples=25)
@given(
    jobs=jobs_drawn.filter(bool),
    crowd=st.integers(1, 3),
    width=st.integers(1, 4),
)
def test_nobody_starves_within_a_priority(jobs: list[Candidate], crowd: int, width: int) -> None:
    """New jobs of a favourite come in each round; all that was there before is launched nevertheless."""
    jobs = [replace(one, priority=5, purchase=Purchase.ON_DEMAND, fallbacks=()) for one in jobs]
    budgets = {POOL: 7, OTHER: 7}  # four are free
    waiting = {one.job: one for one in jobs}
    turns: Mapping[tuple[Pool, int], int] = {}
    held = [Running(owner, pool, 1) for owner in ("anna", "bela", "cleo") for pool in budgets]  # all but the favourite
    for at in range(40 * len(jobs)):
        now = NOW + PATIENCE_MS + at
        crowded = [
            job(
                f"new-{at}-{pool.instance_type}-{n}",
                "zoe",
                submitted_at=now,
                due_at=now,
                instance_count=width,
                instance_type=pool.instance_type,
            )
            for n in range(crowd)
            for pool in budgets
        ]
        found = line([*waiting.values(), *crowded], running=held, budgets=budgets, turns=turns, now=now)
        for _ in budgets:  # one launch a pool and round, as where instances become free one after the other
            if (choice := found.next()) is not None:
                waiting.pop(choice.candidate.job, None)
        turns = found.turns
        if not waiting:
            break
    assert not waiting


def test_ten_thousand_candidates_are_put_in_order_quickly() -> None:
    jobs = [job(f"j{at}", f"owner-{at % 200}", priority=at % 10, submitted_at=NOW - at) for at in range(10_000)]
    began = time.process_time()
    assert len(names(line(jobs, budgets={POOL: 10_000}))) == 10_000
    assert time.process_time() - began < 2  # 0.15 s on an idle machine


def test_rows_of_the_indexes_are_read_strictly() -> None:
    row = to_item(stored(instance_types=["ml.m5.xlarge"], spot={"max_wait_minutes": 60}))
    found = candidate(row)
    assert (found.fallbacks, found.purchase) == ((LARGE, XLARGE), Purchase.SPOT)
    assert running(row) == Running("anna", Pool(LARGE, Purchase.SPOT), 1)
    for poison in ({"instance_count": 0}, {"priority": "5"}, {"purchase": "gift"}, {"due_at": True}):
        with pytest.raises((TypeError, ValueError)):
            candidate({**row, **poison})
    with pytest.raises(KeyError):
        candidate({name: value for name, value in row.items() if name != "owner"})
