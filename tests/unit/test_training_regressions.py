"""What went wrong in other queues of this sort, by name."""

from __future__ import annotations

import json

from tests.unit.queue_support import World

# isort: split
from queue_jobs import CallError

THROTTLED = CallError("ThrottlingException", "Rate exceeded", 400)


def test_a_throttled_list_does_not_abort_dispatch() -> None:
    world = World()
    world.submit(id="lost")
    world.launch()
    world.jobs.end("lost-1")  # nobody hears of it
    world.submit(id="next")
    world.clock.now += 20 * 60_000

    def before(name: str) -> None:
        if name == "page":
            raise THROTTLED

    world.jobs.before = before
    assert world.sweep(seconds=60)["finished"] is False
    assert world.launch()["Launched"] == 1
    assert world.hear(world.jobs.end("next-1")) == []
    assert world.status("next") == "Completed"
    world.jobs.before = lambda _: None
    assert world.sweep()["finished"] is True
    assert world.status("lost") == "Completed"


def test_a_poisoned_job_does_not_block() -> None:
    world = World()
    world.submit(id="poison", priority=9)
    world.table.items["poison"]["JobArgs"] = '{"kind": "training"'
    world.submit(id="broken", priority=9)
    world.table.items["broken"]["instance_count"] = "many"
    world.submit(id="good", priority=0)
    world.launch()
    assert [world.status(job) for job in ("poison", "broken", "good")] == ["Failed", "Failed", "Launched"]


def test_redelivery_is_bounded() -> None:
    """A message that cannot be heard fails alone, so that SQS counts it; a job that always fails is given up."""
    world = World()
    world.submit(id="a", retry={"algorithm": 2, "transient": 2})
    assert world.hear("no event", {"source": "aws.sagemaker"}) == ["0"]
    for attempt in range(1, 20):
        world.launch()
        if world.status("a") != "Launched":
            break
        event = world.jobs.end(f"a-{attempt}", "Failed", FailureReason="InternalServerError: again")
        before = len(world.table.stream)
        assert world.hear(event, event, event) == []
        assert len(world.table.stream) == before + 1
        world.clock.now += 61 * 60_000
    assert (world.status("a"), world.table.items["a"]["attempt"]) == ("Failed", 3)


def test_a_wait_loop_ends_on_failed() -> None:
    """A training that waits for a tuning ends when that one fails, and says why; it does not wait for ever."""
    world = World()
    definition = world.submit(id="probe")
    world.table.items.pop("probe")
    arguments = json.loads(definition.arguments)["arguments"]
    tuning = {
        "HyperParameterTuningJobConfig": {"Strategy": "Random", "ResourceLimits": {"MaxParallelTrainingJobs": 1}},
        "TrainingJobDefinition": arguments,
    }
    world.submit(id="tune", kind="tuning", arguments=tuning)
    world.submit(id="best", hyperparameters_from="tune")
    world.launch()
    assert world.status("best") == "New"
    world.hear(world.jobs.end("tune-1", "Failed", "tuning", FailureReason="AlgorithmError: all failed"))
    world.clock.now += 60_000
    world.launch()
    assert world.status("best") == "Failed"
    assert "tune ended Failed" in str(world.table.items["best"]["reason"])
