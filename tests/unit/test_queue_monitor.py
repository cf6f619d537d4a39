"""How ends are heard: twice, late, out of order, not at all, or of somebody else."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.unit.queue_support import START, World, document

import queue_sweep  # isort: skip
from queue_jobs import CallError  # isort: skip


def launched(world: World, **changes: Any) -> str:
    """Submit and launch a job; return its remote name."""
    record = world.submit(**changes)
    world.launch()
    return f"{record.job}-1"


def test_the_happy_path_is_three_writes_and_no_describe() -> None:
    world = World()
    name = launched(world)
    gets = world.table.calls["get"]
    assert world.hear(world.jobs.end(name)) == []
    assert world.status("ranker-1") == "Completed"
    assert world.writes("ranker-1") == 3
    assert world.table.calls["get"] == gets + 1
    assert world.jobs.calls["describe"] == world.jobs.calls["page"] == 0


def test_an_event_that_comes_again_changes_nothing() -> None:
    world = World()
    event = world.jobs.end(launched(world))
    assert world.hear(event, event) == []
    assert world.hear(event) == []
    assert world.writes("ranker-1") == 3


def test_what_is_no_event_fails_alone_and_the_others_are_heard() -> None:
    world = World()
    event = world.jobs.end(launched(world))
    assert world.hear("{", event, "[]", "null") == ["0", "2", "3"]
    assert world.status("ranker-1") == "Completed"


@pytest.mark.parametrize(
    "change",
    [
        {"source": "aws.s3"},
        {"detail-type": "SageMaker Endpoint State Change"},
        {"detail": None},
        {"detail": {}},
        {"detail": {"TrainingJobName": "ranker-1-1", "TrainingJobStatus": "InProgress"}},
        {"detail": {"TrainingJobName": "somebody", "TrainingJobStatus": "Failed"}},
        {"detail": {"TrainingJobName": "ranker-1-2", "TrainingJobStatus": "Failed"}},
        {"detail": {"TrainingJobName": "ranker-1-1-001-abc", "TrainingJobStatus": "Failed"}},
        {"detail": {"TrainingJobName": "_launcher-1", "TrainingJobStatus": "Failed"}},
    ],
)
def test_what_does_not_concern_us_is_done_without_a_write(change: dict[str, Any]) -> None:
    world = World()
    event = world.jobs.end(launched(world))
    assert world.hear({**event, **change}) == []
    assert world.status("ranker-1") == "Launched"


def test_an_event_of_an_older_attempt_does_not_end_the_new_one() -> None:
    world = World()
    name = launched(world, retry={"algorithm": 1})
    failed = world.jobs.end(name, "Failed", FailureReason="AlgorithmError: exit code 1")
    assert world.hear(failed) == []
    assert world.status("ranker-1") == "New"
    world.clock.now += 3_600_000
    world.launch()
    assert world.hear(failed) == []
    assert world.status("ranker-1") == "Launched"
    assert world.hear(world.jobs.end("ranker-1-2", "Failed", FailureReason="AlgorithmError: exit code 1")) == []
    assert world.status("ranker-1") == "Failed"
    assert world.outlets.metric("Resubmitted") == 1
    assert world.writes("ranker-1") == 5


def test_a_conflict_decides_again_on_what_is_there() -> None:
    world = World()
    name = launched(world, retry={"algorithm": 5})
    event = world.jobs.end(name, "Failed", FailureReason="CapacityError: none")
    done: list[str] = []

    def before(call: str) -> None:
        if call == "update" and not done:
            done.append(call)
            world.table.items["ranker-1"] |= {"stop_requested_at": START, "stop_requested_by": "anna"}

    world.table.before = before
    assert world.hear(event) == []
    assert world.status("ranker-1") == "Stopped"


def test_a_table_that_fails_makes_the_message_come_again() -> None:
    world = World()
    event = world.jobs.end(launched(world))

    def before(call: str) -> None:
        raise RuntimeError("InternalServerError")

    world.table.before = before
    assert world.hear(event) == ["0"]
    world.table.before = lambda _: None
    assert world.hear(event) == []
    assert world.status("ranker-1") == "Completed"


def test_time_that_is_over_leaves_the_rest_to_the_next_delivery() -> None:
    world = World()
    event = world.jobs.end(launched(world))
    assert world.hear(event, event, seconds=2) == ["0", "1"]


def tuning_arguments() -> dict[str, Any]:
    training = document()["arguments"]
    definition = {**training, "StaticHyperParameters": {"a": "1"}}
    definition["AlgorithmSpecification"] = {
        **training["AlgorithmSpecification"],
        "MetricDefinitions": [{"Name": "ndcg", "Regex": "ndcg=(.*)"}],
    }
    return {
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 4, "MaxParallelTrainingJobs": 2},
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "ndcg"},
            "ParameterRanges": {"ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0", "MaxValue": "1"}]},
        },
        "TrainingJobDefinition": definition,
    }


BEST = {
    "TrainingJobName": "tune-1-001-abc",
    "TunedHyperParameters": {"eta": "0.25"},
    "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "ndcg", "Value": 0.75},
}


def test_a_training_waits_for_its_tuning_and_takes_the_best_of_it() -> None:
    world = World()
    world.submit(id="tune", kind="tuning", arguments=tuning_arguments())
    world.submit(id="train", hyperparameters_from="tune")
    counts = world.launch()
    assert counts["Launched"] == 1
    world.clock.now += 600_000
    assert world.launch()["OldestDueSeconds"] == 0  # it waits for another, it is not late
    assert world.hear(world.jobs.end("tune-1", kind="tuning", BestTrainingJob=BEST)) == []
    assert world.status("tune") == "Completed"
    assert world.jobs.calls["describe"] == 1
    assert world.launch()["Launched"] == 1
    assert world.jobs.jobs["training", "train-1"]["HyperParameters"]["eta"] == "0.25"


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ({"status": "Failed", "FailureReason": "AlgorithmError: x"}, "the tuning tune ended Failed"),
        ({"status": "Completed"}, "completed without a best training job"),
    ],
)
def test_a_job_whose_tuning_gives_nothing_ends_failed(end: dict[str, Any], said: str) -> None:
    world = World()
    world.submit(id="tune", kind="tuning", arguments=tuning_arguments())
    world.submit(id="train", hyperparameters_from="tune")
    world.launch()
    world.hear(world.jobs.end("tune-1", kind="tuning", **end))
    world.launch()
    assert world.status("train") == "Failed"
    assert said in world.table.items["train"]["reason"]


def test_a_job_whose_tuning_is_gone_ends_failed() -> None:
    world = World()
    world.submit(id="train", hyperparameters_from="tune")
    world.launch()
    assert "is not in the table" in world.table.items["train"]["reason"]


def test_the_sweep_finds_lost_events_with_a_describe_each_and_leaves_running_jobs_alone() -> None:
    world = World()
    for at in range(8):
        world.submit(id=f"job-{at}")
    world.launch()
    world.clock.now += 300_000
    world.jobs.end("job-3-1", "Failed", FailureReason="AlgorithmError: exit code 1")
    world.jobs.end("job-5-1")
    assert world.sweep()["lists"] == 0  # events may still come
    world.clock.now += 600_000
    found = world.sweep()
    assert (found["ended"], found["described"], found["finished"]) == (2, 2, True)
    assert world.status("job-3") == "Failed"
    assert "exit code 1" in world.table.items["job-3"]["reason"]
    assert world.status("job-5") == "Completed"
    assert world.status("job-0") == "Launched"


def test_a_throttled_list_is_asked_again_with_its_token_and_slowly() -> None:
    world = World()
    for at in range(8):
        world.submit(id=f"job-{at}")
    world.launch()
    world.clock.now += 900_000
    world.jobs.end("job-7-1")
    seen = [0]

    def before(call: str) -> None:
        seen[0] += call == "page"
        if call == "page" and seen[0] in {2, 3, 4}:
            raise CallError("ThrottlingException", "Rate exceeded", 400)

    world.jobs.before = before
    found = world.sweep()
    assert (found["throttled"], found["lists"], found["ended"]) == (3, 6, 1)
    times = world.jobs.lists
    assert all(later - earlier >= 1000 for earlier, later in zip(times, times[2:], strict=False))  # 2 a second at most


def test_a_list_that_is_throttled_for_ever_ends_in_time_and_the_next_sweep_goes_on() -> None:
    world = World()
    for at in range(8):
        world.submit(id=f"job-{at}")
        world.launch()
        world.clock.now += 600_000
    world.clock.now += 600_000
    for at in range(8):
        world.jobs.end(f"job-{at}-1")

    def before(call: str) -> None:
        if call == "page" and world.jobs.calls["page"] > 1:
            raise CallError("ThrottlingException", "Rate exceeded", 400)

    world.jobs.before = before
    first = world.sweep(seconds=120)
    assert first["ended"] == 3
    assert not first["finished"]
    world.jobs.before = lambda _: None
    assert world.sweep()["ended"] == 5
    assert world.sweep()["finished"]


def test_empty_pages_with_a_token_are_not_the_end() -> None:
    world = World()
    name = launched(world)
    world.clock.now += 900_000
    world.jobs.end(name)
    page = world.jobs.page

    def sparse(kind: str, since: int, token: str | None) -> Any:
        found = page(kind, since, None)
        return type(found)(found.jobs if token == "2" else [], None if token == "2" else str(int(token or 0) + 1))

    world.jobs.page = sparse  # type: ignore[method-assign]
    assert world.sweep()["ended"] == 1


def test_one_job_that_cannot_be_settled_does_not_keep_the_others() -> None:
    world = World()
    for at in range(3):
        world.submit(id=f"job-{at}")
    world.launch()
    world.clock.now += 900_000
    for at in range(3):
        world.jobs.end(f"job-{at}-1")
    world.table.items["job-1"]["kind"] = "training"
    world.table.items["job-1"]["priority"] = "high"
    found = world.sweep()
    assert (found["ended"], found["failed"]) == (2, 1)


def test_a_stop_that_came_too_early_is_asked_again() -> None:
    world = World()
    name = launched(world)
    world.table.items["ranker-1"] |= {"stop_requested_at": world.clock.now, "stop_requested_by": "anna"}
    world.clock.now += 60_000
    assert world.sweep()["stopped"] == 0  # its launcher may still be about to make it
    world.clock.now += 120_000
    assert world.sweep()["stopped"] == 1
    assert world.jobs.jobs["training", name]["TrainingJobStatus"] == "Stopping"
    assert world.sweep()["stopped"] == 0
    world.hear(world.jobs.end(name, "Stopped"))
    assert world.status("ranker-1") == "Stopped"


def test_a_claim_without_a_job_that_was_cancelled_ends_stopped() -> None:
    world = World()
    name = launched(world)
    del world.jobs.jobs["training", name]
    world.table.items["ranker-1"] |= {"stop_requested_at": world.clock.now, "stop_requested_by": "anna"}
    world.clock.now += 900_000
    assert world.sweep()["stopped"] == 1
    assert world.status("ranker-1") == "Stopped"


def test_all_kinds_share_one_pace() -> None:
    world = World()
    world.submit(id="tune", kind="tuning", arguments=tuning_arguments())
    for at in range(8):
        world.submit(id=f"job-{at}")
    world.launch()
    world.clock.now += 900_000
    assert world.sweep()["lists"] == 4
    times = world.jobs.lists
    assert all(later - earlier >= 500 for earlier, later in itertools.pairwise(times))


def test_a_kind_that_may_not_be_listed_leaves_the_others_and_rings() -> None:
    world = World()
    world.submit(id="tune", kind="tuning", arguments=tuning_arguments())
    launched(world)
    world.clock.now += 900_000
    world.jobs.end("ranker-1-1")
    world.jobs.end("tune-1", kind="tuning", BestTrainingJob=BEST)

    def before(call: str) -> None:
        if call == "page" and world.jobs.calls["page"] == 1:
            raise CallError("AccessDeniedException", "no sagemaker:ListTrainingJobs", 400)

    world.jobs.before = before
    with pytest.raises(queue_sweep.SweepError, match="training jobs cannot be listed"):
        world.sweep()
    assert world.status("tune") == "Completed"
    assert world.sweep()["ended"] == 1


def test_a_sweep_ends_in_time_however_many_have_ended() -> None:
    world = World()
    world.jobs.page_size = 100
    for at in range(20):
        world.submit(id=f"job-{at:02d}")
        world.launch()
    world.clock.now += 900_000
    for at in range(20):
        world.jobs.end(f"job-{at:02d}-1")
    began = world.clock.now
    found = world.sweep(seconds=32)
    assert world.clock.now - began < 3_000
    assert 0 < found["ended"] < 20
    assert not found["finished"]
    assert world.sweep()["ended"] == 20 - found["ended"]


def test_a_broken_control_item_of_the_sweep_begins_anew() -> None:
    world = World()
    name = launched(world)
    world.table.items["_sweep"] = {"JobId": "_sweep", "training": "yesterday"}
    world.clock.now += 900_000
    world.jobs.end(name)
    assert world.sweep()["ended"] == 1
