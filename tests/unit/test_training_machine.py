"""A queue that forgets nothing: whatever happens between any two calls, each job ends once and runs once an attempt.

The functions are the real ones; AWS is in memory. Rules submit, launch, kill, throttle, lose, repeat, reorder, cancel
and turn the clock; in the end the bad days are over, and every promise is checked.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from glue.core.training import keys
from glue.core.training.words import Pool
from tests.unit.queue_support import TERMINAL, Killed
from tests.unit.training_support import BUCKET, PROCESSING, TRAINING, TUNING, changed
from tests.unit.training_world import BUDGETS, ENDS, FAULTS, RUNNING, BadWorld, kill

# isort: split
from queue_launch import LaunchError

MINUTE = 60_000
T = TypeVar("T")
LEGAL = {
    (None, "New"),
    ("New", "Launched"),
    ("New", "Stopped"),
    ("New", "Failed"),
    ("Launched", "New"),
    ("Launched", "Launched"),  # a stop was asked for
    ("Launched", "Completed"),
    ("Launched", "Failed"),
    ("Launched", "Stopped"),
}


def _training(count: int) -> dict[str, Any]:
    return changed(TRAINING, arguments__ResourceConfig__InstanceCount=count)


def _tuning(count: int) -> dict[str, Any]:
    limits = {"MaxNumberOfTrainingJobs": 4, "MaxParallelTrainingJobs": count}
    return changed(TUNING, arguments__HyperParameterTuningJobConfig__ResourceLimits=limits)


def _processing(count: int) -> dict[str, Any]:
    source = f"s3://{BUCKET}/datasets/clicks"
    return changed(
        PROCESSING,
        arguments__ProcessingResources__ClusterConfig__InstanceCount=count,
        arguments__ProcessingInputs__0__S3Input__S3Uri=source,
    )


def _wishes(spot: int, *, fallback: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"instance_types": ["ml.m5.xlarge"]} if fallback else {}
    return found | ({"spot": {"max_wait_minutes": 60, "attempts": spot}} if spot else {})


DOCUMENTS = {"training": _training, "tuning": _tuning, "processing": _processing}
Trapped = tuple[str, int, int] | None  # what happens, at which call, and to which job
picks = st.integers(0, 30)  # which of those that there are, round and round
actions = st.sampled_from(["kill", "kill", "cancel", "hear", "launch"])
traps = st.one_of(st.none(), st.none(), st.tuples(actions, st.integers(1, 14), picks))
faults = st.lists(st.tuples(st.sampled_from(sorted(FAULTS)), st.booleans()), min_size=1, max_size=3)
# How attempts end, and when the event comes; most ends are of one sort, and most events come.
hows = st.tuples(st.sampled_from(["completed", *sorted(ENDS)]), st.sampled_from(["soon", "soon", "late", "never"]))
kinds = st.sampled_from(["training", "training", "training", "tuning", "processing"])
owners = st.sampled_from(["anna", "bela", "cleo"])


class Queue(RuleBasedStateMachine):
    """One queue, its users, SageMaker, and bad luck."""

    def __init__(self) -> None:
        super().__init__()
        self.world = BadWorld()
        self.documents: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []  # told, and not delivered yet
        self.heard: list[dict[str, Any]] = []  # delivered; may come again
        self.cancelled: dict[str, int] = {}  # to the attempt at which the answer was "stopped" or "stopping"
        self.finished = 0  # how much of the stream was delivered
        self.finish_faults = 0
        self.faults = 0  # whatever may cost a write or a describe
        self.overlapped = False  # two launchers at once
        self.swept = False
        self.seen = 0  # how much of the stream was checked

    # What users do

    @initialize(kinds=st.lists(kinds, min_size=4, max_size=4), owner=owners, spot=st.integers(0, 2))
    def begin(self, kinds: list[str], owner: str, spot: int) -> None:
        """A queue at work: some jobs run, and the budgets are nearly used up."""
        for kind in kinds:
            self._submit(kind=kind, owner=owner)
        self._submit(owner="cleo", **_wishes(spot, fallback=True))
        self.world.launch()

    @rule(
        kinds=st.lists(kinds, min_size=1, max_size=3),
        owner=owners,
        priority=st.integers(0, 9),
        count=st.integers(1, 2),
        retry=st.integers(0, 2),
        fallback=st.booleans(),
        spot=st.integers(0, 2),
    )
    def submit(
        self, kinds: list[str], owner: str, priority: int, count: int, retry: int, fallback: bool, spot: int
    ) -> None:
        more = {"owner": owner, "priority": priority, "retry": {"algorithm": retry, "transient": 3}}
        count = 1 if fallback and spot else count
        for kind in kinds:
            self._submit(kind=kind, count=count, **more, **_wishes(spot, fallback=fallback))

    @precondition(lambda self: self.tunings())
    @rule(owner=owners, pick=picks)
    def submit_waiting(self, owner: str, pick: int) -> None:
        self._submit(owner=owner, hyperparameters_from=_one(self.tunings(), pick))

    def tunings(self) -> list[str]:
        """The tunings that may still give something."""
        found = [job for job, made in self.documents.items() if made["kind"] == "tuning"]
        return [job for job in found if self.world.row(job)["JobStatus"] not in ("Failed", "Stopped")]

    def _submit(self, *, kind: str = "training", count: int = 1, **more: Any) -> None:
        job = f"job-{len(self.documents)}"
        made = DOCUMENTS[kind](count) | {"id": job, **more}
        self.documents[job] = made
        assert self.world.post(made) == [{"id": job, "status": "submitted", "errors": []}]

    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        going = [row["JobId"] for row in self.world.open_rows()]
        self._cancel(_one(going or list(self.documents), pick))

    def _cancel(self, job: str) -> None:
        (answer,) = self.world.cancel(job)
        if answer in ("stopped", "stopping"):
            self.cancelled.setdefault(job, self.world.row(job)["attempt"])

    @rule(pick=picks)
    def everything_comes_again(self, pick: int) -> None:
        """A submission, an event and the whole stream: nothing changes, and nobody hears of anything."""
        job = _one(list(self.documents), pick)
        before = {name: dict(row) for name, row in self.world.table.items.items()}
        told = len(self.world.outlets.published)
        other = {**self.documents[job], "priority": (self.documents[job].get("priority", 5) + 1) % 10}
        assert [one["status"] for one in self.world.post(self.documents[job], other)] == ["known", "refused"]
        if self.heard:
            assert self.world.hear(_one(self.heard, pick)) == []
        if self.finished:
            assert self.world.finish(*self.world.ended()[: self.finished]) == []
        assert self.world.table.items == before
        assert len(self.world.outlets.published) == told

    # What the schedules do

    @rule(
        ended=st.lists(hows, max_size=4),
        first=st.integers(0, 5),
        minutes=st.sampled_from([1, 5, 45]),
        faults=st.one_of(st.just([]), st.just([]), faults),
        trap=traps,
    )
    def launch(
        self,
        ended: list[tuple[str, str]],
        first: int,
        minutes: int,
        faults: list[tuple[str, bool]],
        trap: Trapped,
    ) -> None:
        """Some attempts end, time goes by, and the launcher runs; most of the queue's days are like that."""
        self._end(ended, first)
        self.world.clock.now += minutes * MINUTE
        self.faults += bool(faults)
        self.world.jobs.faults.extend(faults)
        with self._trapped(trap):
            self._launch()

    @rule(minutes=st.sampled_from([1, 11, 11]), throttled=st.integers(0, 3), trap=traps)
    def sweep(self, minutes: int, throttled: int, trap: Trapped) -> None:
        self.world.clock.now += minutes * MINUTE
        self.world.jobs.page_faults = throttled
        self.swept = True
        with self._trapped(trap):
            self.world.sweep()

    @rule(trap=traps)
    def finish(self, trap: Trapped) -> None:
        """The stream delivers in order, and again from the first record that failed."""
        batch = self.world.ended()[self.finished :][:5]
        if not batch:
            return
        with self._trapped(trap):
            failed = self.world.finish(*batch)
            self.finished += len(batch) if not failed else 0
            return
        self.finish_faults += 1

    # What SageMaker does

    @rule(ended=st.lists(hows, min_size=1, max_size=4), first=st.integers(0, 5))
    def end(self, ended: list[tuple[str, str]], first: int) -> None:
        self._end(ended, first)

    def _end(self, ended: list[tuple[str, str]], first: int) -> None:
        running = sorted(self.world.jobs.names(*RUNNING))
        first %= max(1, len(running))
        for (kind, name), (how, heard) in zip(running[first:], ended, strict=False):
            event = self.world.end_remote(kind, name, how)
            self.faults += heard == "never" or how == "unexplained"
            if heard == "soon":
                self._hear(event)
            elif heard == "late":
                self.events.append(event)

    @precondition(lambda self: self.events)
    @rule(pick=picks, trap=traps)
    def hear(self, pick: int, trap: Trapped) -> None:
        """Events come in any order; a killed function's come again."""
        event = _one(self.events, pick)
        with self._trapped(trap):
            self._hear(event)

    def _hear(self, event: dict[str, Any]) -> None:
        assert self.world.hear(event) == []
        if event in self.events:
            self.events.remove(event)
        self.heard.append(event)

    @rule(minutes=st.sampled_from([-1, 400]))
    def jump(self, minutes: int) -> None:
        self.world.clock.now += minutes * MINUTE
        if minutes < 0:
            self.world.jobs.lists.clear()  # their times say nothing any more

    @contextlib.contextmanager
    def _trapped(self, trap: Trapped) -> Iterator[None]:
        """Kill the run at one of its calls, or let somebody else go first there."""
        if trap is not None:
            self.faults += 1
            what, calls, pick = trap
            job = _one(list(self.documents), pick)
            actions = {
                "kill": kill,
                "cancel": lambda: self._cancel(job),
                "hear": lambda: self._hear(self.events[0]) if self.events else None,
                "launch": self._launch_beside,
            }
            self.world.trap.set(calls, actions[what])
        with contextlib.suppress(Killed):
            yield
        self.world.trap.clear()

    def _launch(self) -> None:
        with contextlib.suppress(LaunchError):
            self.world.launch()

    def _launch_beside(self) -> None:
        """Another run that sees the same due jobs; at the same moment the budgets are each run's own."""
        self.overlapped = True
        self._launch()

    # What always holds

    @invariant()
    def no_job_is_lost_or_moves_backwards(self) -> None:
        items = self.world.table.items
        assert set(self.documents) <= set(items)
        for old, new in self.world.table.stream[self.seen :]:
            assert (old.get("JobStatus"), new["JobStatus"]) in LEGAL
            assert new["attempt"] >= old.get("attempt", 0) - 1
        self.seen = len(self.world.table.stream)

    @invariant()
    def each_job_is_in_the_index_of_its_status(self) -> None:
        for job in self.documents:
            row = self.world.row(job)
            status = row["JobStatus"]
            assert ("due_shard" in row, "due_key" in row) == (status == "New",) * 2
            assert ("open_shard" in row) == (status == "Launched")
            assert ("expires_at" in row and "ended_at" in row) == (status in TERMINAL)

    @invariant()
    def no_job_runs_twice_at_once(self) -> None:
        running = Counter(keys.attempt_of(name)[0] for _, name in self.world.jobs.names(*RUNNING))
        assert all(count == 1 for count in running.values()), running

    @invariant()
    def budgets_hold(self) -> None:
        """The launcher runs once at a time (its reserved concurrency is 1); two at once would not see each other."""
        if self.overlapped:
            return
        for pool, most in self.world.jobs.most.items():
            assert most <= _budget(pool), (pool, most)

    @invariant()
    def the_cancelled_stay_cancelled(self) -> None:
        for job, attempt in self.cancelled.items():
            made = [keys.attempt_of(name)[1] for name in self.world.jobs.made if keys.attempt_of(name)[0] == job]
            assert max(made, default=0) <= attempt, job

    # In the end

    def teardown(self) -> None:
        """The bad days are over: everything comes to its end, and the sums are right."""
        self.world.jobs.faults.clear()
        self.world.jobs.page_faults = 0
        for _ in range(60):
            for event in list(self.events):
                self._hear(event)
            if not self.world.open_rows():
                break
            self.world.launch(seconds=900)
            for kind, name in self.world.jobs.names(*RUNNING):
                self._hear(self.world.end_remote(kind, name, "completed"))
            self.world.clock.now += 61 * MINUTE
            self.world.sweep(seconds=900)
        assert self.world.finish(*self.world.ended()[self.finished :]) == []
        for job in self.documents:
            self._check_end(job)
        self._check_sums()

    def _check_end(self, job: str) -> None:
        row = self.world.row(job)
        assert row["JobStatus"] in TERMINAL, row
        ends = [new for old, new in self.world.table.stream if new["JobId"] == job and new["JobStatus"] in TERMINAL]
        assert len(ends) == 1
        made = [name for name in self.world.jobs.made if keys.attempt_of(name)[0] == job]
        assert len(made) == len(set(made))  # SageMaker gives out a name once
        assert sorted(keys.attempt_of(name)[1] for name in made) == list(range(1, len(made) + 1))  # none was left out
        assert len(made) <= row["attempt"] <= len(made) + 1

    def _check_sums(self) -> None:
        told = Counter(message["job"] for message in self._messages())
        assert set(told) == set(self.documents)
        assert sum(told.values()) <= len(self.documents) + self.finish_faults
        assert len(self.world.outlets.history) == len(self.documents)
        if self.faults == 0 and not self.swept:
            tuned = [job for job in self.tunings() if self.world.row(job)["JobStatus"] == "Completed"]
            assert self.world.jobs.calls["describe"] <= len(tuned)  # events do not tell the best one
            for job in self.documents:
                cancelled = job in self.cancelled
                assert self.world.writes(job) <= 3 + 2 * max(0, self.world.row(job)["attempt"] - 1) + cancelled
        for earlier, later in zip(self.world.jobs.lists, self.world.jobs.lists[2:], strict=False):
            assert later - earlier >= 1000, "more than 2 list calls in a second"

    def _messages(self) -> list[dict[str, Any]]:
        return [json.loads(message) for message, _ in self.world.outlets.published]


def _one(found: Sequence[T], pick: int) -> T:
    return found[pick % len(found)]


def _budget(pool: Pool) -> int:
    entry = BUDGETS[pool.instance_type]
    return entry.spot_budget if pool.purchase == "spot" else entry.budget


def test_the_queue_forgets_nothing() -> None:
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        Queue,
        settings=settings(max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=checks),
    )
