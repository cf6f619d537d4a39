"""What is handed in: by whom, how often, and how wrong."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from glue.aws import service_model
from tests.unit.queue_support import CALLER, QUEUE, Killed, World, document

import queue_submit  # isort: skip
from queue_jobs import CallError  # isort: skip


def counter(world: World) -> queue_submit.Counter:
    return queue_submit.Counter(
        world.services, world.settings, world.clock, lambda: "abc123", service_model.validator()
    )


def post(wanted: object, /, **changes: Any) -> dict[str, Any]:
    """Return the event of a function URL."""
    text = wanted if isinstance(wanted, str) else json.dumps(wanted)
    event: dict[str, Any] = {
        "version": "2.0",
        "rawPath": "/",
        "headers": {"content-type": "application/json"},
        "requestContext": {"http": {"method": "POST"}, "authorizer": {"iam": {"userArn": CALLER}}},
        "body": text,
        "isBase64Encoded": False,
    }
    return event | changes


def ask(world: World, wanted: object, /, **changes: Any) -> tuple[int, Any]:
    answer = queue_submit.run(post(wanted, **changes), counter(world))
    return answer["statusCode"], json.loads(answer["body"])


def results(world: World, *documents: Any) -> list[dict[str, Any]]:
    status, body = ask(world, {"jobs": list(documents)})
    assert status == 200
    return list(body["results"])


def test_a_job_is_stored_once_and_its_caller_is_who_iam_saw() -> None:
    world = World()
    assert results(world, document()) == [{"id": "ranker-1", "status": "submitted", "errors": []}]
    assert results(world, document()) == [{"id": "ranker-1", "status": "known", "errors": []}]
    assert world.table.items["ranker-1"]["submitted_by"] == CALLER
    assert world.table.items["ranker-1"]["owner"] == "anna"
    assert world.writes("ranker-1") == 1


def test_the_same_id_with_other_content_is_refused_and_the_first_stays() -> None:
    world = World()
    results(world, document())
    (found,) = results(world, document(priority=9))
    assert (found["id"], found["status"]) == ("ranker-1", "refused")
    assert "another job" in found["errors"][0]
    assert world.table.items["ranker-1"]["priority"] == 5


def test_each_job_is_answered_on_its_own_and_a_refused_one_leaves_nothing() -> None:
    world = World()
    found = results(world, document(id="a"), document(id="b", prioritiy=3), 7, document(id="c"))
    assert [one["status"] for one in found] == ["submitted", "refused", "refused", "submitted"]
    assert "prioritiy" in found[1]["errors"][0]
    assert found[1]["id"] == "b"
    assert found[2]["id"] is None
    assert sorted(world.table.items) == ["a", "c"]


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"requestContext": {"http": {"method": "POST"}}}, 403, "Signature Version 4"),
        ({"requestContext": {"http": {"method": "POST"}, "authorizer": {"iam": {"userArn": ""}}}}, 403, "credentials"),
        ({"rawPath": "/jobs"}, 404, "nothing but /"),
        ({"headers": {"content-type": "text/plain"}}, 400, "text/plain"),
        ({"headers": {}}, 400, "not given"),
        ({"body": "{"}, 400, "not JSON"),
        ({"body": '{"jobs": [], "jobs": []}'}, 400, "there twice"),
        ({"body": "\ud800"}, 400, "cannot be used"),
        ({"body": '{"jobs": ' + "9" * 5000 + "}"}, 400, "a number has 5000 digits"),
        ({"body": ""}, 400, "not JSON"),
        ({"body": None}, 400, "not JSON"),
        ({"body": "[" * 100_000}, 400, "nested too deeply"),
        ({"body": "[]"}, 400, "not an object"),
        ({"body": "{}"}, 400, "nothing else"),
        ({"body": '{"jobs": {}}'}, 400, "1 to 25"),
        ({"body": '{"jobs": []}'}, 400, "1 to 25"),
        ({"body": json.dumps({"jobs": [1] * 26})}, 400, "1 to 25"),
        ({"body": '{"cancel": [1]}'}, 400, "strings"),
        ({"body": '{"cancel": ["a"], "jobs": [{}]}'}, 400, "nothing else"),
        ({"body": "x" * (3 * 1024 * 1024)}, 413, "send fewer"),
        ({"body": "!", "isBase64Encoded": True}, 400, "base64"),
        ({"body": "é", "isBase64Encoded": True}, 400, "base64"),
    ],
)
def test_a_wrong_request_has_one_message_and_stores_nothing(changes: dict[str, Any], status: int, said: str) -> None:
    world = World()
    found, body = ask(world, {}, **changes)
    assert found == status
    assert list(body) == ["message"]
    assert said in body["message"]
    assert not world.table.items


def test_an_id_that_is_no_utf_8_is_answered_and_hides_no_other() -> None:
    world = World()
    found = results(world, document(id="\ud800"), document())
    assert [(one["id"], one["status"]) for one in found] == [("\ud800", "refused"), ("ranker-1", "submitted")]
    for body in ({"jobs": [{"id": "\ud800"}]}, {"cancel": ["\ud800", "ä"]}):
        assert queue_submit.run(post(body), counter(world))["body"].isascii()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_another_method_is_answered_with_the_right_one(method: str) -> None:
    event = post({})
    event["requestContext"]["http"]["method"] = method
    answer = queue_submit.run(event, counter(World()))
    assert (answer["statusCode"], answer["headers"]["allow"]) == (405, "POST")


def test_a_body_may_come_as_base64() -> None:
    world = World()
    body = base64.b64encode(json.dumps({"jobs": [document()]}).encode()).decode()
    assert ask(world, body, isBase64Encoded=True)[0] == 200
    assert "ranker-1" in world.table.items


def test_a_document_of_a_megabyte_is_refused_by_its_size() -> None:
    world = World()
    huge = document(id="huge")
    huge["arguments"]["HyperParameters"] = {"a": "x" * 1_000_000}
    found = results(world, huge, document())
    assert [one["status"] for one in found] == ["refused", "submitted"]
    assert len(found[0]["errors"]) == 1
    assert sorted(world.table.items) == ["ranker-1"]


@pytest.mark.parametrize("event", [None, {}, [], {"jobs": []}, {"template": {}}, {"requestContext": {}}, "x"])
def test_a_plain_invocation_is_refused(event: Any) -> None:
    with pytest.raises(queue_submit.SubmitError, match="URL"):
        queue_submit.run(event, counter(World()))


def scheduled(at: str = "2026-11-21T03:00:00Z", **changes: Any) -> dict[str, Any]:
    template = document(**changes)
    del template["id"]
    return {"template": template, "scheduled_at": at, "schedule": "nightly"}


def test_a_schedules_redelivery_is_the_same_job_and_the_next_day_another() -> None:
    world = World()
    for at in ("2026-11-21T03:00:00Z", "2026-11-21T03:00:00Z", "2026-11-22T03:00:00Z"):
        world.clock.now += 1000
        queue_submit.run(scheduled(at), counter(world))
    assert len(world.table.items) == 2
    assert {row["submitted_by"].partition(":schedule/")[2] for row in world.table.items.values()} == {
        f"{QUEUE}/nightly"
    }


def test_a_schedules_refused_job_is_an_error_that_somebody_hears_of() -> None:
    with pytest.raises(queue_submit.SubmitError, match=r"schedule nightly .* refused: .*priority"):
        queue_submit.run(scheduled(priority=-1), counter(World()))
    with pytest.raises(queue_submit.SubmitError, match="cannot be used"):
        queue_submit.run(scheduled(at="tomorrow"), counter(World()))


def test_a_training_may_come_before_its_tuning_in_one_request_only() -> None:
    from tests.unit.test_queue_monitor import tuning_arguments  # noqa: PLC0415

    world = World()
    train = document(id="train", hyperparameters_from="tune")
    tune = document(id="tune", kind="tuning", arguments=tuning_arguments())
    (alone,) = results(world, train)
    assert alone["status"] == "refused"
    assert "submit the tuning first" in alone["errors"][0]
    assert [one["status"] for one in results(world, train, tune)] == ["submitted", "submitted"]
    (wrong,) = results(world, document(id="other", hyperparameters_from="train"))
    assert "is no tuning" in wrong["errors"][0]
    assert cancel(world, "tune") == ["stopped"]
    (late,) = results(world, document(id="late", hyperparameters_from="tune"))
    assert "has ended Stopped" in late["errors"][0]
    assert results(world, train)[0]["status"] == "known"  # it was taken when the tuning could still succeed


def cancel(world: World, *ids: str) -> list[str]:
    status, body = ask(world, {"cancel": list(ids)})
    assert status == 200
    return [one["status"] for one in body["results"]]


def test_a_waiting_job_stops_at_once_and_a_running_one_is_asked_to() -> None:
    world = World()
    world.submit(id="runs")
    world.launch()
    world.submit(id="waits")
    assert cancel(world, "waits", "runs", "nobody", "_launcher", "", "x" * 5000) == [
        "stopped",
        "stopping",
        *["unknown"] * 4,
    ]
    assert world.jobs.jobs["training", "runs-1"]["TrainingJobStatus"] == "Stopping"
    assert cancel(world, "waits", "runs") == ["ended", "stopping"]
    world.hear(world.jobs.end("runs-1", "Stopped"))
    assert world.status("runs") == "Stopped"
    assert cancel(world, "runs") == ["ended"]


def test_a_cancel_between_claim_and_create_stops_the_job_in_the_end() -> None:
    world = World()
    world.submit()
    said: list[str] = []

    def before(call: str) -> None:
        if call == "create":
            world.jobs.before = lambda _: None
            said.extend(cancel(world, "ranker-1"))

    world.jobs.before = before
    world.launch()
    assert said == ["stopping"]
    assert world.jobs.jobs["training", "ranker-1-1"]["TrainingJobStatus"] == "InProgress"
    world.clock.now += 180_000
    world.sweep()
    world.hear(world.jobs.end("ranker-1-1", "Stopped"))
    assert world.status("ranker-1") == "Stopped"


def test_a_cancel_that_races_with_the_claim_is_a_stop() -> None:
    world = World()
    world.submit()

    def before(call: str) -> None:
        if call == "update":
            world.table.before = lambda _: None
            world.launch()

    world.table.before = before
    assert cancel(world, "ranker-1") == ["stopping"]


def test_a_cancel_that_races_with_the_end_finds_it_ended() -> None:
    world = World()
    world.submit()
    world.launch()
    event = world.jobs.end("ranker-1-1")

    def before(call: str) -> None:
        if call == "update":
            world.table.before = lambda _: None
            world.hear(event)

    world.table.before = before
    assert cancel(world, "ranker-1") == ["ended"]
    assert world.status("ranker-1") == "Completed"


def test_a_stop_that_aws_refuses_is_remembered() -> None:
    world = World()
    world.submit()
    world.launch()

    def before(call: str) -> None:
        if call == "stop":
            raise CallError("ThrottlingException", "Rate exceeded", 400)

    world.jobs.before = before
    assert cancel(world, "ranker-1") == ["stopping"]
    assert world.table.items["ranker-1"]["stop_requested_by"] == CALLER
    failed = world.jobs.end("ranker-1-1", "Failed", FailureReason="CapacityError: none")
    world.hear(failed)
    assert world.status("ranker-1") == "Stopped"  # and is not tried again


def test_a_submission_killed_between_two_jobs_is_finished_by_the_next_try() -> None:
    world = World()

    def after(_: str) -> None:
        world.table.after = lambda _: None
        raise Killed

    world.table.after = after
    with pytest.raises(Killed):
        results(world, document(id="a"), document(id="b"))
    assert [one["status"] for one in results(world, document(id="a"), document(id="b"))] == ["known", "submitted"]
