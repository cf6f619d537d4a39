"""The state machine's rules and promises, drawn by dice: much runs at once, and much goes wrong at once."""

from __future__ import annotations

import random

import pytest

from tests.unit.test_training_machine import Queue
from tests.unit.training_world import ENDS, FAULTS

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", range(16))
def test_long_bad_days(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - a die, no secret
    queue = Queue()
    queue.begin(kinds=["training", "tuning", "processing", "training"], owner="anna", spot=seed % 3)
    for _ in range(100):
        _bad_day(queue, dice)
        queue.no_job_is_lost_or_moves_backwards()
        queue.each_job_is_in_the_index_of_its_status()
        queue.no_job_runs_twice_at_once()
        queue.budgets_hold()
        queue.the_cancelled_stay_cancelled()
    queue.teardown()
    assert len(queue.world.jobs.made) >= len(queue.documents) / 2  # the others were cancelled or refused


def _bad_day(queue: Queue, dice: random.Random) -> None:
    pick = dice.randrange(30)
    trap = (dice.choice(["kill", "kill", "cancel", "hear"]), dice.randint(1, 14), pick) if dice.random() < 0.4 else None
    ended = [(dice.choice(["completed", *ENDS]), dice.choice(["soon", "soon", "late", "never"])) for _ in range(3)]
    what = dice.choices(["submit", "launch", "sweep", "hear", "finish", "cancel", "again"], [3, 9, 2, 3, 2, 2, 1])[0]
    if what == "submit":
        kinds = dice.choices(["training", "tuning", "processing"], [4, 1, 1], k=3)
        owner, spot = dice.choice(["anna", "bela", "cleo"]), dice.randrange(3)
        queue.submit(kinds, owner, dice.randrange(10), dice.randint(1, 2), dice.randrange(3), dice.random() < 0.5, spot)
        if queue.tunings() and pick % 3 == 0:
            queue.submit_waiting(owner, pick)
    elif what == "launch":
        faults = dice.choices(sorted(FAULTS), k=2) if dice.random() < 0.4 else []
        queue.launch(ended, pick, dice.choice([1, 5, 45]), [(name, dice.random() < 0.5) for name in faults], trap)
    elif what == "sweep":
        queue.sweep(11, dice.randrange(3), trap)
    elif what == "hear" and queue.events:
        queue.hear(pick, trap)
    elif what == "finish":
        queue.finish(trap)
    elif what == "cancel":
        queue.cancel(pick)
    elif what == "again":
        queue.everything_comes_again(pick)
