"""The launcher, on a table and a SageMaker in memory: what must not happen first."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from glue.core.training import quotas
from glue.core.training.words import Pool, Purchase
from tests.unit.queue_support import START, Killed, World

from queue_jobs import CallError, UnansweredError  # isort: skip
from queue_launch import LaunchError  # isort: skip
from queue_store import LAUNCHER  # isort: skip


def refusing(world: World, *errors: Exception | None, forever: Exception | None = None) -> None:
    """Answer the first create calls with errors (None: let it through), then all with `forever`."""
    left = list(errors)

    def before(name: str) -> None:
        error = (left.pop(0) if left else forever) if name == "create" else None
        if error is not None:
            raise error

    world.jobs.before = before


THROTTLED = CallError("ThrottlingException", "Rate exceeded", 400)
QUOTA = CallError("ResourceLimitExceeded", "The account-level service limit 'x' is 4 Instances", 400)


def names(world: World) -> list[str]:
    return [name for _, name in world.jobs.jobs]


def test_a_poisoned_job_ends_failed_and_the_others_go() -> None:
    world = World()
    for at in range(3):
        world.submit(id=f"good-{at}")
    world.submit(id="poison", priority=9)
    world.table.items["poison"]["JobArgs"] = "{"
    world.submit(id="refused", priority=9)
    bad = CallError("ValidationException", "1 validation error detected", 400)

    def before(name: str) -> None:
        if name == "create" and world.status("refused") == "Launched":
            raise bad

    world.jobs.before = before
    counts = world.launch()
    assert counts["Launched"] == 3
    assert counts["LaunchErrors"] == 2
    assert world.status("poison") == "Failed"
    assert "cannot be read" in world.table.items["poison"]["reason"]
    assert world.status("refused") == "Failed"
    assert "1 validation error" in world.table.items["refused"]["reason"]


def test_an_item_that_cannot_be_read_is_ended_and_blocks_nobody() -> None:
    world = World()
    world.submit(id="broken", priority=9)
    del world.table.items["broken"]["owner"]
    world.submit(id="half", priority=9)
    world.table.items["half"]["kind"] = "nothing"
    world.submit(id="good")
    assert world.launch()["Launched"] == 1
    assert {world.status(job) for job in ("broken", "half")} == {"Failed"}
    assert world.table.items["broken"]["expires_at"] > 0
    assert not [row for row in world.table.items.values() if row.get("JobStatus") == "Failed" and "due_shard" in row]


def test_an_error_of_our_own_does_not_keep_the_others_and_rings() -> None:
    world = World()
    world.submit(id="bad", priority=9)
    world.submit(id="good")

    def before(name: str) -> None:
        if (
            name == "update"
            and world.status("bad") == "New"
            and not world.jobs.jobs
            and world.table.calls["update"] == 1
        ):
            raise RuntimeError("the item is too large")

    world.table.before = before
    with pytest.raises(LaunchError, match="bad: RuntimeError: the item is too large"):
        world.launch()
    assert names(world) == ["good-1"]


def test_throttling_is_retried_in_place_and_slows_down_without_a_write() -> None:
    world = World()
    for at in range(4):
        world.submit(id=f"job-{at}")
    refusing(world, THROTTLED, THROTTLED, None, THROTTLED)
    counts = world.launch()
    assert counts == {
        "OldestDueSeconds": 0, "Due": 0, "Open": 4, "Launched": 4, "LaunchErrors": 0, "Throttled": 3, "PutBack": 0,
    }  # fmt: skip
    assert [world.writes(f"job-{at}") for at in range(4)] == [2] * 4
    assert world.table.items[LAUNCHER]["rate"] < 10


def test_throttling_to_the_end_puts_the_one_job_back_in_time() -> None:
    world = World()
    for at in range(4):
        world.submit(id=f"job-{at}")
    refusing(world, forever=THROTTLED)
    end = world.clock.now + 55_000
    counts = world.launch()
    assert world.clock.now < end - 10_000
    assert counts["PutBack"] == 1
    assert {row["JobStatus"] for row in world.table.items.values() if "JobStatus" in row} == {"New"}
    refusing(world)
    world.clock.now += 60_000
    assert sum(world.launch().get("Launched", 0) for _ in range(2)) == 4  # slowly at first
    assert sorted(names(world)) == [f"job-{at}-1" for at in range(4)]  # no attempt was spent


def test_a_full_quota_cools_its_pool_down_and_leaves_the_other_jobs_alone() -> None:
    world = World()
    for at in range(5):
        world.submit(id=f"large-{at}")
    body = world.submit(id="other").arguments
    assert body
    refusing(world, QUOTA)
    counts = world.launch()
    assert counts["PutBack"] == 1
    assert world.jobs.calls["create"] == 1
    assert sum(world.writes(f"large-{at}") for at in range(5)) == 5 + 2  # one of them was claimed and put back
    refusing(world)
    assert world.launch()["Launched"] == 0  # still cooling
    world.clock.now += 200_000
    assert world.launch()["Launched"] == 6
    assert all(name.endswith("-1") for name in names(world))


def test_a_call_without_an_answer_is_made_again_and_never_twice() -> None:
    world = World()
    world.submit()
    left = [UnansweredError("read timeout")]

    def after(name: str) -> None:
        if name == "create" and left:
            raise left.pop()

    world.jobs.after = after
    assert world.launch()["Launched"] == 1
    assert names(world) == ["ranker-1-1"]
    assert world.jobs.calls["create"] == 2


def test_a_call_that_never_has_an_answer_leaves_the_claim_to_the_sweep() -> None:
    world = World()
    world.submit()
    refusing(world, forever=UnansweredError("connect timeout"))
    assert world.launch()["LaunchErrors"] == 1
    assert world.status("ranker-1") == "Launched"
    refusing(world)
    world.clock.now += 3_600_000
    assert world.sweep()["lost"] == 1
    assert world.launch()["Launched"] == 1
    assert names(world) == ["ranker-1-1"]


def test_a_denial_is_put_back_and_rings_and_does_not_go_through_the_whole_line() -> None:
    world = World()
    for at in range(10):
        world.submit(id=f"job-{at}")
    refusing(world, forever=CallError("AccessDeniedException", "no iam:PassRole", 400))
    with pytest.raises(LaunchError, match="AWS denies launching"):
        world.launch()
    assert world.jobs.calls["create"] == 3
    assert {world.status(f"job-{at}") for at in range(10)} == {"New"}


def test_one_denied_job_does_not_block_the_others() -> None:
    world = World()
    world.submit(id="denied", priority=9)
    for at in range(3):
        world.submit(id=f"job-{at}")
    refusing(world, CallError("AccessDeniedException", "no iam:PassRole", 400))
    assert world.launch()["Launched"] == 3
    assert world.table.items["denied"]["due_at"] > world.clock.now


@pytest.mark.parametrize("at", range(1, 7))
def test_a_launcher_killed_at_any_call_loses_nothing_and_launches_each_once(at: int) -> None:
    world = World()
    for number in range(2):
        world.submit(id=f"job-{number}")
    seen = [0]

    def call(_: str) -> None:
        seen[0] += 1
        if seen[0] == at:
            raise Killed

    world.table.after = world.jobs.before = world.jobs.after = call
    with contextlib.suppress(Killed):
        world.launch()
    quiet: Any = lambda _: None  # noqa: E731
    world.table.after = world.jobs.before = world.jobs.after = quiet
    for _ in range(3):
        world.clock.now += 3_600_000
        world.sweep()
        world.launch()
    assert sorted(names(world)) == ["job-0-1", "job-1-1"]
    assert {world.status(f"job-{number}") for number in range(2)} == {"Launched"}


def test_two_launchers_at_once_launch_each_job_once() -> None:
    world = World()
    for at in range(6):
        world.submit(id=f"job-{at}")
    nested = [False]

    def before(name: str) -> None:
        if name == "create" and not nested[0]:
            nested[0] = True
            world.launch(run="other")

    world.jobs.before = before
    world.launch(run="first")
    assert world.jobs.calls["create"] == 6
    assert sorted(names(world)) == [f"job-{at}-1" for at in range(6)]
    assert [world.writes(f"job-{at}") for at in range(6)] == [2] * 6


def test_a_claim_that_was_written_but_not_answered_is_ours() -> None:
    world = World()
    world.submit()
    update = world.table.update
    world.table.update = lambda *given: (update(*given), update(*given))[1]  # type: ignore[method-assign]
    assert world.launch()["Launched"] == 1


def test_a_name_that_is_taken_is_looked_at_once() -> None:
    world = World()
    world.submit()
    world.launch()
    world.table.items["ranker-1"] |= {"JobStatus": "New", "attempt": 0, "due_shard": "0", "due_key": "4#0"}
    world.jobs.end("ranker-1-1")
    world.launch()
    assert world.status("ranker-1") == "Completed"
    assert world.jobs.calls["describe"] == 1


def test_a_strangers_job_of_that_name_fails_ours() -> None:
    world = World()
    world.jobs.create("training", {"TrainingJobName": "ranker-1-1"})
    world.clock.now += 60_000
    world.submit()
    world.launch()
    assert world.status("ranker-1") == "Failed"
    assert "was there before" in world.table.items["ranker-1"]["reason"]


def test_a_cancelled_job_is_not_put_back() -> None:
    world = World()
    world.submit()

    def before(name: str) -> None:
        if name == "create":
            world.table.items["ranker-1"] |= {"stop_requested_at": world.clock.now, "stop_requested_by": "x"}
            raise QUOTA

    world.jobs.before = before
    world.launch()
    assert world.status("ranker-1") == "Stopped"


def test_nothing_due_costs_four_queries_and_no_write() -> None:
    world = World()
    assert world.launch() == {"OldestDueSeconds": 0, "Due": 0}
    assert world.table.calls == {"query": 4}


def test_a_lost_control_item_changes_nothing() -> None:
    world = World()
    world.submit(id="one")
    world.launch()
    world.table.items[LAUNCHER] = {"JobId": LAUNCHER, "rate": "fast"}
    world.submit(id="two")
    assert world.launch()["Launched"] == 1


def test_budgets_hold_over_runs() -> None:
    world = World()
    for at in range(25):
        world.submit(id=f"job-{at}")
    assert world.launch()["Launched"] == 20
    counts = world.launch()
    assert (counts["Launched"], counts["Due"], counts["Open"]) == (0, 5, 20)
    world.clock.now += 90_000
    assert world.launch()["OldestDueSeconds"] >= 90
    world.hear(world.jobs.end(names(world)[0]))
    assert world.launch()["Launched"] == 1


def test_a_budget_above_awss_quota_runs_at_the_quota() -> None:
    world = World()
    for at in range(40):
        world.submit(id=f"job-{at:02d}")

    def before(name: str) -> None:
        running = sum(job["TrainingJobStatus"] == "InProgress" for job in world.jobs.jobs.values())
        if name == "create" and running >= 12:
            raise QUOTA

    world.jobs.before = before
    assert world.launch()["Launched"] == 12
    refused = world.table.items[LAUNCHER]["quotas"]
    assert refused.startswith('{"ml.m5.large/on-demand": [12, ')
    for _ in range(3):
        world.clock.now += 60_000
        for name in names(world)[-9:]:
            world.hear(world.jobs.end(name))
        counts = world.launch()
        assert (counts["Launched"], counts["PutBack"]) == (9, 0)
    assert all(world.writes(f"job-{at:02d}") <= 5 for at in range(40))
    assert sum(world.writes(f"job-{at:02d}") - 1 for at in range(40)) == 27 * 2 + 12 + 2  # one was put back once
    world.clock.now += 900_000
    world.jobs.before = lambda _: None
    assert world.launch()["Launched"] == 1  # the budget is believed again, and everything has run


def test_what_a_quota_keeps_out_goes_to_the_fallbacks() -> None:
    world = World()
    for at in range(10):
        world.submit(id=f"job-{at}", instance_types=["ml.m5.xlarge"])

    def before(name: str) -> None:
        large = [job for job in world.jobs.jobs.values() if job["ResourceConfig"]["InstanceType"] == "ml.m5.large"]
        if name == "create" and len(large) >= 4 and world.jobs.calls["create"] == 5:
            raise QUOTA

    world.jobs.before = before
    assert world.launch()["Launched"] == 4 + 5  # the pool's quota, and the fallback's budget
    world.clock.now += 60_000
    assert world.launch() == {**world.launch(), "Launched": 0, "Due": 1, "PutBack": 0}


def test_quotas_that_cannot_be_read_are_learnt_again() -> None:
    for text in (
        None,
        "",
        "[]",
        '{"a": 1}',
        '{"ml.m5.large/spot": ["x", 1]}',
        '{"ml.m5.large/rent": [1, 1]}',
        "[" * 9999,
    ):
        assert quotas.of_text(text, START).learnt == {}
    pool = Pool("ml.m5.large", Purchase.SPOT)
    learnt = quotas.Quotas().refused(pool, running=3, now=START)
    assert quotas.of_text(learnt.text(START), START) == learnt
    assert learnt.within({pool: 20}, START) == {pool: 3}
    assert learnt.within({pool: 2}, START) == {pool: 2}
    assert learnt.within({}, START) == {}
    assert learnt.within({pool: 20}, START + 3_600_000) == {pool: 20}
    assert learnt.text(START + 3_600_000) == "{}"


def test_a_state_that_cannot_be_kept_loses_no_figures_and_rings() -> None:
    world = World()
    world.submit()

    def before(name: str) -> None:
        if name == "update" and world.table.calls["update"] == 2:
            raise RuntimeError("the table is away")

    world.table.before = before
    with pytest.raises(LaunchError, match="state was not kept"):
        world.launch()
    assert world.outlets.metric("Launched") == 1
