"""A queue that forgets nothing: whatever happens between any two calls, each job ends once and runs once an attempt.

The functions are the real ones; AWS is in memory. Rules submit, launch, kill, throttle, lose, repeat, reorder, cancel
and turn the clock; in the end the bad days are over, and every promise is checked.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from typing import Any

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
from tests.unit.queue_support import TERMINAL, Killed, document
from tests.unit.training_world import BUDGETS, ENDS, FAULTS, RUNNING, BadWorld, kill

# isort: split
from queue_launch import LaunchError

MINUTE = 60_000
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
traps = st.one_of(
    st.none(), st.none(), st.tuples(st.sampled_from(["kill", "cancel", "hear", "launch"]), st.integers(1, 14))
)
owners = st.sampled_from(["anna", "bela", "cleo"])


class Queue(RuleBasedStateMachine):
    """One queue, its users, SageMaker, and bad luck."""

    def __init__(self) -> None:
        super().__init__()
        self.world = BadWorld()
        self.documents: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []  # told, and not delivered yet
        self.heard: list[dict[str, Any]] = []  # delivered; may come again
        self.cancelled: set[str] = set()  # the answer was "stopped" or "stopping"
        self.told_before_cancel: dict[str, int] = {}
        self.finished = 0  # how much of the stream was delivered
        self.finish_faults = 0
        self.faults = 0  # whatever may cost a write or a describe
        self.overlapped = False  # two launchers at once
        self.seen = 0  # how much of the stream was checked

    # What users do

    @initialize()
    def first(self) -> None:
        self._submit("job-0", owner="anna")

    @rule(owner=owners, priority=st.integers(0, 9), count=st.integers(1, 3), retry=st.integers(0, 2), data=st.data())
    def submit(self, owner: str, priority: int, count: int, retry: int, data: st.DataObject) -> None:
        more: dict[str, Any] = {"priority": priority, "retry": {"algorithm": retry, "transient": 3}}
        if data.draw(st.booleans()):
            more["instance_types"] = ["ml.m5.xlarge"]
        if data.draw(st.booleans()):
            more["spot"] = {"max_wait_minutes": 60, "attempts": data.draw(st.integers(1, 2))}
        count = min(count, 1 if more.get("instance_types") else 2)
        self._submit(f"job-{len(self.documents)}", owner=owner, count=count, **more)

    def _submit(self, job: str, *, count: int = 1, **more: Any) -> None:
        made = document(id=job, **more)
        made["arguments"]["ResourceConfig"]["InstanceCount"] = count
        self.documents[job] = made
        assert [one["status"] for one in self.world.post(made)] == ["submitted"]

    @rule(data=st.data())
    def submit_again(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(sorted(self.documents)))
        before = dict(self.world.row(job))
        other = {**self.documents[job], "priority": (self.documents[job].get("priority", 5) + 1) % 10}
        answers = self.world.post(self.documents[job], other)
        assert [one["status"] for one in answers] == ["known", "refused"]
        assert self.world.row(job) == before

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self._cancel(data.draw(st.sampled_from(sorted(self.documents))))

    def _cancel(self, job: str) -> None:
        (answer,) = self.world.cancel(job)
        if answer in ("stopped", "stopping"):
            self.cancelled.add(job)
            self.told_before_cancel.setdefault(job, self.world.row(job)["attempt"])

    # What the schedules do

    @rule(trap=traps, data=st.data())
    def launch(self, trap: tuple[str, int] | None, data: st.DataObject) -> None:
        with self._trapped(trap, data), contextlib.suppress(LaunchError):
            self.world.launch()

    @rule(trap=traps, throttled=st.integers(0, 3), data=st.data())
    def sweep(self, trap: tuple[str, int] | None, throttled: int, data: st.DataObject) -> None:
        self.world.clock.now += MINUTE  # never two at once, and not one right after the other
        self.world.jobs.page_faults = throttled
        self.faults += 1
        with self._trapped(trap, data):
            self.world.sweep()

    @rule(trap=traps, data=st.data())
    def finish(self, trap: tuple[str, int] | None, data: st.DataObject) -> None:
        """The stream delivers in order, and again from the first record that failed."""
        batch = self._stream()[self.finished :][:5]
        if not batch:
            return
        with self._trapped(trap, data):
            failed = self.world.finish(*batch)
            self.finished += len(batch) if not failed else 0
            return
        self.finish_faults += 1

    @rule()
    def stream_again(self) -> None:
        if self.finished:
            assert self.world.finish(*self._stream()[: self.finished]) == []

    # What SageMaker does

    @precondition(lambda self: self.world.jobs.names(*RUNNING))
    @rule(how=st.sampled_from(sorted(ENDS)), heard=st.sampled_from(["soon", "late", "never"]), data=st.data())
    def end(self, how: str, heard: str, data: st.DataObject) -> None:
        kind, name = data.draw(st.sampled_from(sorted(self.world.jobs.names(*RUNNING))))
        event = self.world.end_remote(kind, name, how)
        self.faults += heard == "never" or how == "unexplained"
        if heard == "soon":
            self._hear(event)
        elif heard == "late":
            self.events.append(event)

    @precondition(lambda self: self.events)
    @rule(trap=traps, data=st.data())
    def hear(self, trap: tuple[str, int] | None, data: st.DataObject) -> None:
        """Events come in any order; a killed function's come again."""
        event = data.draw(st.sampled_from(self.events))
        with self._trapped(trap, data):
            self._hear(event)

    @precondition(lambda self: self.heard)
    @rule(data=st.data())
    def hear_again(self, data: st.DataObject) -> None:
        before = {job: dict(row) for job, row in self.world.table.items.items()}
        assert self.world.hear(data.draw(st.sampled_from(self.heard))) == []
        assert self.world.table.items == before

    def _hear(self, event: dict[str, Any]) -> None:
        assert self.world.hear(event) == []
        if event in self.events:
            self.events.remove(event)
        self.heard.append(event)

    @rule(faults=st.lists(st.tuples(st.sampled_from(sorted(FAULTS)), st.booleans()), min_size=1, max_size=3))
    def trouble(self, faults: list[tuple[str, bool]]) -> None:
        self.faults += 1
        self.world.jobs.faults.extend(faults)

    @rule(minutes=st.sampled_from([-1, 1, 11, 45, 400]))
    def turn_the_clock(self, minutes: int) -> None:
        self.world.clock.now += minutes * MINUTE
        if minutes < 0:
            self.world.jobs.lists.clear()  # their times say nothing any more

    @contextlib.contextmanager
    def _trapped(self, trap: tuple[str, int] | None, data: st.DataObject) -> Any:
        """Kill the run at one of its calls, or let somebody else go first there."""
        if trap is not None:
            self.faults += 1
            what, calls = trap
            job = data.draw(st.sampled_from(sorted(self.documents)))
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

    def _launch_beside(self) -> None:
        """Another run that saw the same due jobs; at the same moment the budgets are each run's own."""
        self.overlapped = True
        with contextlib.suppress(LaunchError):
            self.world.launch()

    def _stream(self) -> list[dict[str, Any]]:
        return self.world.ended()

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
        for job, attempt in self.told_before_cancel.items():
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
        assert self.world.finish(*self._stream()[self.finished :]) == []
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
        assert len(made) <= row["attempt"]
        if job in self.cancelled:
            assert row["JobStatus"] != "New"

    def _check_sums(self) -> None:
        told = Counter(message["job"] for message in self._messages())
        assert set(told) == set(self.documents)
        assert sum(told.values()) <= len(self.documents) + self.finish_faults
        assert len(self.world.outlets.history) == len(self.documents)
        if self.faults == 0:
            assert self.world.jobs.calls["describe"] == 0
            for job in self.documents:
                cancelled = job in self.cancelled
                assert self.world.writes(job) <= 3 + 2 * max(0, self.world.row(job)["attempt"] - 1) + cancelled
        for earlier, later in zip(self.world.jobs.lists, self.world.jobs.lists[2:], strict=False):
            assert later - earlier >= 1000, "more than 2 list calls in a second"

    def _messages(self) -> list[dict[str, Any]]:
        return [json.loads(message) for message, _ in self.world.outlets.published]


def _budget(pool: Pool) -> int:
    entry = BUDGETS[pool.instance_type]
    return entry.spot_budget if pool.purchase == "spot" else entry.budget


def test_the_queue_forgets_nothing() -> None:
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        Queue,
        settings=settings(max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=checks),
    )
