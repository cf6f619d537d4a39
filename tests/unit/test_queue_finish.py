"""Who is told that a job has ended: once when all goes well, at least once whatever happens, the history last."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.queue_support import QUEUE, Killed, World, stream_record

import queue_finish  # isort: skip
import queue_redrive  # isort: skip
import queue_services  # isort: skip

METRICS = [{"Name": "ndcg", "Regex": "ndcg=(.*)"}]


def ended(world: World, *jobs: str, status: str = "Completed", **changes: Any) -> None:
    for job in jobs:
        world.submit(id=job, **changes)
    world.launch()
    world.hear(*(world.jobs.end(f"{job}-1", status) for job in jobs))


def keys_of(world: World) -> list[str]:
    return sorted(key.rpartition("/")[2] for key in world.outlets.history)


def test_an_end_is_told_once_and_kept() -> None:
    world = World()
    ended(world, "ranker-1")
    assert world.finish() == []
    ((message, attributes),) = world.outlets.published
    assert json.loads(message)["status"] == "Completed"
    assert attributes == {"owner": "anna", "model": "ranker", "status": "Completed"}
    assert world.outlets.releases == []
    ((key, body),) = world.outlets.history.items()
    assert key.startswith("training-history/2026-W")
    kept = json.loads(body)
    assert (kept["JobId"], kept["JobStatus"]) == ("ranker-1", "Completed")
    assert not {"due_shard", "open_shard", "week"} & set(kept)
    assert world.outlets.metric("Ended") == 1


def test_a_redelivery_tells_nobody_again() -> None:
    world = World()
    ended(world, "ranker-1")
    world.finish()
    assert world.finish() == []
    assert len(world.outlets.published) == 1


@pytest.mark.parametrize("call", ["publish", "enqueue_release", "write_history"])
def test_whatever_is_killed_is_told_again_and_the_history_comes_last(call: str) -> None:
    world = World()
    ended(world, "ranker-1", release={"bounds": {}})

    def before(name: str) -> None:
        if name == call:
            raise Killed

    world.outlets.before = before
    with pytest.raises(Killed):
        world.finish()
    assert world.outlets.history == {}
    world.outlets.before = lambda _: None
    assert world.finish() == []
    assert keys_of(world) == ["ranker-1.json"]
    assert json.loads(world.outlets.releases[-1]) == {"job": "ranker-1", "remote_name": "ranker-1-1", "attempt": 1}
    assert world.outlets.published


def test_only_a_completed_job_with_release_settings_becomes_one() -> None:
    world = World()
    ended(world, "a", status="Failed", release={"bounds": {}})
    ended(world, "b")
    world.finish()
    assert world.outlets.releases == []


def test_a_batch_reports_its_first_failure_and_tells_of_the_others() -> None:
    world = World()
    ended(world, "a", "b", "c", "d")

    def before(name: str) -> None:
        if name == "publish" and world.outlets.calls["publish"] in {2, 4}:
            raise RuntimeError("SNS is away")

    world.outlets.before = before
    batch = world.ended()
    assert world.finish(*batch) == [batch[1]["dynamodb"]["SequenceNumber"]]
    assert len(keys_of(world)) == 2
    world.outlets.before = lambda _: None
    assert world.finish(*batch[1:]) == []
    assert len(keys_of(world)) == 4
    assert world.outlets.calls["publish"] == 6


def test_an_item_that_cannot_be_read_fails_alone() -> None:
    world = World()
    ended(world, "a", "b")
    broken, fine = world.ended()
    broken["dynamodb"]["NewImage"]["kind"] = {"BOOL": True}
    assert world.finish(broken, fine) == [broken["dynamodb"]["SequenceNumber"]]
    assert len(keys_of(world)) == 1


def test_what_ttl_removes_is_kept_before_it_is_gone_and_nobody_is_told() -> None:
    world = World()
    ended(world, "old", "known")
    old, known = (world.table.items[job] for job in ("old", "known"))
    world.finish(world.ended()[1])
    told = len(world.outlets.published)
    removals = [stream_record(at, row, {}, "REMOVE") for at, row in enumerate((old, known))]
    assert world.finish(*removals) == []
    assert keys_of(world) == ["known.json", "old.json"]
    assert len(world.outlets.published) == told


def test_what_is_no_end_is_left_alone() -> None:
    world = World()
    world.submit(id="new")
    world.launch()
    control = world.table.items["_launcher"]
    entries = [
        stream_record(1, {}, world.table.items["new"], "INSERT"),
        stream_record(2, control, control),
        stream_record(3, control, {}, "REMOVE"),
        stream_record(4, world.table.items["new"], {}, "REMOVE"),
    ]
    assert world.finish(*entries) == []
    assert world.outlets.calls["publish"] == world.outlets.calls["has_history"] == 0


def repair(world: World, wanted: Any, seconds: float = 30) -> dict[str, Any]:
    return queue_finish.repair(wanted, world.services, remaining=world.clock.lasting(seconds))


def test_a_repair_finishes_what_was_given_up_and_believes_the_table_only() -> None:
    world = World()
    ended(world, "a", "b")
    world.submit(id="runs")
    world.finish(world.ended()[0])
    found = repair(world, ["a", "b", "runs", "nobody", "_launcher"])
    assert (found["repaired"], found["known"], found["left"]) == (["b"], 1, 0)
    assert sorted(found["failed"]) == ["_launcher", "nobody", "runs"]
    assert "has not ended" in found["failed"]["runs"]
    assert keys_of(world) == ["a.json", "b.json"]


def test_a_repair_of_weeks_goes_over_all_shards() -> None:
    world = World()
    ended(world, *(f"job-{at}" for at in range(9)))
    week = world.table.items["job-0"]["week"].partition("#")[0]
    assert len(repair(world, {"weeks": [week]})["repaired"]) == 9
    assert repair(world, {"weeks": [week]})["known"] == 9


def test_a_repair_says_what_time_did_not_allow() -> None:
    world = World()
    ended(world, "a", "b")
    assert repair(world, ["a", "b"], seconds=1)["left"] == 2


@pytest.mark.parametrize("wanted", [None, "a", [1], {"weeks": "x"}, {"weeks": ["x"], "more": 1}, {}])
def test_a_wrong_repair_is_refused(wanted: Any) -> None:
    with pytest.raises(ValueError, match="repair"):
        repair(World(), wanted)


@pytest.mark.parametrize(
    ("arn", "event"),
    [
        (f"arn:aws:lambda:eu-west-1:111111111111:function:{QUEUE}-finish:repair", {"Records": []}),
        (f"arn:aws:lambda:eu-west-1:111111111111:function:{QUEUE}-finish:repair", {"repair": [], "Records": []}),
        (f"arn:aws:lambda:eu-west-1:111111111111:function:{QUEUE}-finish", {"repair": ["a"]}),
    ],
)
def test_people_may_repair_but_not_tell_of_ends(arn: str, event: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    monkeypatch.setattr(queue_services, "services", lambda: world.services)
    monkeypatch.setattr(queue_services, "settings", lambda: world.settings)
    context = SimpleNamespace(invoked_function_arn=arn, get_remaining_time_in_millis=lambda: 30_000)
    with pytest.raises(ValueError, match="alias"):
        queue_finish.handle(event, context)


def test_dead_letters_are_redriven_by_name_only() -> None:
    world = World()
    event = {"redrive": ["events-dead", "releases-dead", "events-dead"]}
    found = queue_redrive.run(event, world.services.redrive, world.settings)
    assert found == {"moved": {"events-dead": "task-1", "releases-dead": "task-2"}, "failed": {}}
    assert world.redriven[0] == f"arn:aws:sqs:eu-west-1:111111111111:{QUEUE}-events-dead"
    again = queue_redrive.run({"redrive": ["events-dead"]}, world.services.redrive, world.settings)
    assert "a task is running" in again["failed"]["events-dead"]
    for wrong in ("events-dead", [], ["events"], ["failures", "events-dead"], None, [7]):
        with pytest.raises(ValueError, match="give a list"):
            queue_redrive.run({"redrive": wrong}, world.services.redrive, world.settings)
