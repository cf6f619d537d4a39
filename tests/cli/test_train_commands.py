"""The queue's commands against its real functions, its table and its queues; SageMaker's part is written by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from glue import training_redrive
from glue.aws.accounts import Accounts
from glue.cli.app import App
from glue.core import roles
from glue.core.training import keys
from glue.core.training.record import Record, history
from glue.core.training.words import Kind, Purchase, Status
from tests.aws.conftest import Estate
from tests.aws.training_world import BUCKET, NAME, TrainingWorld, make, now
from tests.cli.conftest import Said

Call = Callable[..., Said]
QUEUE = """
  training_queue = {
    instance_types = { "ml.m5.large" = { budget = 4, spot_budget = 4, usd_per_hour = 0.36 } }
  }
}
"""
DAY = 86_400_000


@pytest.fixture(scope="module")
def world(estate: Estate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrainingWorld]:
    parameter = {"Name": estate.dev.foundation_parameter}
    before = estate.client("ssm").get_parameter(**parameter)["Parameter"]["Value"]
    yield make(estate, estate.dev, tmp_path_factory.mktemp("queue"))
    estate.client("ssm").put_parameter(**parameter, Type="String", Value=before, Overwrite=True)


@pytest.fixture(scope="module")
def once(world: TrainingWorld) -> Iterator[Accounts]:
    """Sessions that all calls share: reading AWS's service models is most of what a call costs."""
    del world
    with Accounts() as made:
        yield made


@pytest.fixture
def train(slipway: Call, data: Path, once: Accounts, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call `slipway train … --env dev` where dev has a queue."""
    monkeypatch.setattr(App, "accounts", once)
    path = data / "environments" / "dev" / "environment.tfvars"
    path.write_text(path.read_text().rstrip().removesuffix("}") + QUEUE)
    return lambda *words: slipway("train", *words, "--env", "dev")


def document(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "training",
        "model": "ranker",
        "owner": "search-team",
        "arguments": {
            "AlgorithmSpecification": {
                "TrainingImage": f"111111111111.dkr.ecr.eu-west-1.amazonaws.com/slipway/ranker@sha256:{'ab' * 32}",
                "TrainingInputMode": "File",
            },
            "HyperParameters": {"seed": "7"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        },
        **changes,
    }


def write(data: Path, **documents: dict[str, Any]) -> Path:
    folder = data / "jobs"
    folder.mkdir(exist_ok=True)
    for name, found in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(found))
    return folder


def a_record(job: str, **changes: Any) -> Record:
    at = changes.pop("submitted_at", now() - 3_600_000)
    found = Record(
        job=job, status=Status.COMPLETED, arguments=json.dumps(document(id=job)), digest="d", kind=Kind.TRAINING,
        model="ranker", owner="search-team", submitted_by="arn:aws:iam::111111111111:role/x", priority=5,
        submitted_at=at, due_at=at, instance_type="ml.m5.large", instance_count=1, purchase=Purchase.ON_DEMAND,
        attempt=1, remote_name=f"{job}-1", first_launched_at=at + 1000, launched_at=at + 1000, started_at=at + 61_000,
        ended_at=at + 600_000, cost_usd=0.05,
    )  # fmt: skip
    return replace(found, **changes)


def test_an_environment_without_a_queue_is_one_clear_error(slipway: Call, data: Path) -> None:
    path = write(data, a=document())
    for words in (
        ("submit", str(path)),
        ("list",),
        ("show", "x"),
        ("cancel", "x"),
        ("logs", "x"),
        ("redrive",),
        ("report",),
    ):
        said = slipway("train", *words, "--env", "qa")
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith("Error: environment qa has no training queue\n  training_queue in environments/qa/")


def test_a_folder_is_submitted_once_and_a_refused_one_hides_no_other(
    train: Call, data: Path, world: TrainingWorld
) -> None:
    bad = document(id="sub-bad")
    bad["arguments"]["ResourceConfig"]["InstanceType"] = "ml.p5.48xlarge"
    folder = write(data, a=document(id="sub-a"), b=bad, c=document(id="sub-c"), d={"id": 5, "kindd": "x"})
    (folder / "e.yaml").write_text("a: &x 1\n")
    said = train("submit", str(folder), "--format", "json")
    found = json.loads(said.out)
    assert said.code == 3
    assert [(job["id"], job["submission"]) for job in found["jobs"]] == [
        ("sub-a", "submitted"), ("sub-bad", "refused"), ("sub-c", "submitted"), (None, "refused"), (None, "refused"),
    ]  # fmt: skip
    assert "ml.p5.48xlarge" in found["jobs"][1]["errors"][0]
    assert "anchors" in found["jobs"][4]["errors"][0]
    assert (found["counts"], found["changed"]) == ({"submitted": 2, "refused": 3}, True)
    assert world.read("sub-a").status is Status.NEW
    again = json.loads(train("submit", str(folder), "--format", "json").out)
    assert (again["counts"], again["changed"]) == ({"known": 2, "refused": 3}, False)
    other = train("submit", str(write(data, a=document(id="sub-a", priority=9)) / "a.json"))
    assert other.code == 3
    assert "id of another job" in other.out


def test_what_only_the_queue_knows_is_refused_by_it(train: Call, data: Path) -> None:
    path = write(data, x=document(id="waits", hyperparameters_from="no-such-tuning")) / "x.json"
    said = train("submit", str(path))
    assert said.code == 3
    assert "submit the tuning first" in said.out


def test_a_dry_run_checks_and_sends_nothing(train: Call, data: Path, world: TrainingWorld) -> None:
    said = train("submit", str(write(data, a=document(id="dry-a"), b=document())), "--dry-run")
    assert (said.code, said.out.splitlines()[-1]) == (0, "Dry run: 2 checked")
    assert list((data / "work" / "train").glob("*.jsonl")) == []
    items = world.client("dynamodb").get_item(TableName=NAME, Key={"JobId": {"S": "dry-a"}})
    assert "Item" not in items


def test_an_image_is_named_by_commit_and_values_are_set(
    train: Call, data: Path, image: str, world: TrainingWorld
) -> None:
    path = str(write(data, a=document(id="img-a")) / "a.json")
    said = train(
        "submit", path, "--image", "1a2b3c4", "--set", "arguments.HyperParameters.seed=8", "--set", "priority=9"
    )
    assert said.code == 0
    record = world.read("img-a")
    arguments = json.loads(record.arguments)["arguments"]
    assert arguments["AlgorithmSpecification"]["TrainingImage"].endswith(f"/slipway/ranker@{image}")
    assert (arguments["HyperParameters"]["seed"], record.priority) == ("8", 9)
    missing = train("submit", path, "--image", "fffffff")
    assert missing.code == 3
    assert "image slipway/ranker fffffff does not exist" in missing.out
    assert "make image MODEL=ranker" in missing.out
    assert train("submit", path, "--set", "priority").code == 2


def test_documents_without_an_id_get_one_and_are_new_jobs_next_time(
    train: Call, data: Path, world: TrainingWorld
) -> None:
    path = str(write(data, a=document()) / "a.json")
    first, second = (json.loads(train("submit", path, "--format", "json").out)["jobs"][0] for _ in range(2))
    assert first["id"] != second["id"]
    assert first["submission"] == second["submission"] == "submitted"
    assert world.read(first["id"]).job.startswith("ranker-")
    assert list((data / "work" / "train").glob("*.jsonl")) == []


def test_waiting_gives_the_release_that_was_made(train: Call, data: Path, world: TrainingWorld) -> None:
    wanted = document(id="rel-a", release={"bounds": {}})
    path = str(write(data, a=wanted) / "a.json")
    assert train("submit", path).code == 0
    pending = train("submit", path, "--wait", "--timeout-minutes", "0", "--format", "json")
    assert (pending.code, json.loads(pending.out)["jobs"][0]["status"]) == (3, "New")
    record = world.read("rel-a")
    world.write(replace(record, status=Status.COMPLETED, attempt=1))
    world.keep("training/rel-a/release.json", {"result": "released", "release": "ranker-20260131t120000-1a2b3c4"})
    said = train("submit", path, "--wait", "--yes", "--format", "json")
    job = json.loads(said.out)["jobs"][0]
    assert said.code == 0
    assert (job["id"], job["submission"], job["status"], job["attempt"], job["release"]) == (
        "rel-a", "known", "Completed", 1, "ranker-20260131t120000-1a2b3c4",
    )  # fmt: skip
    world.keep("training/rel-a/release.json", {"result": "refused", "reasons": ["ndcg is 0.1"], "release": None})
    refused = train("submit", path, "--wait")
    assert refused.code == 1
    assert "ndcg is 0.1" in refused.out


def test_the_newest_jobs_by_owner_model_and_status(train: Call, world: TrainingWorld) -> None:
    for number in range(5):
        at = now() - number * 9 * DAY
        world.write(a_record(f"list-{number}", owner="list-team", submitted_at=at, status=list(Status)[number]))
    found = json.loads(train("list", "--owner", "list-team", "--format", "json").out)["jobs"]
    assert [job["JobId"] for job in found] == ["list-0", "list-1", "list-2", "list-3"]  # the fifth is 36 days old
    assert found[0]["JobArgs"]["model"] == "ranker"
    assert len(train("list", "--owner", "list-team", "--since", "60d", "--limit", "2").out.splitlines()) == 3
    assert train("list", "--owner", "list-team", "--status", "completed").out.split()[10:11] == ["list-2"]
    assert train("list", "--owner", "nobody").out == "No job is like that.\n"
    assert train("list", "--since", "soon").code == 2


def test_all_that_is_known_of_a_job(train: Call, world: TrainingWorld) -> None:
    world.write(a_record("show-a", status=Status.NEW, attempt=1, due_at=now() + DAY, reason="CapacityError: none left"))
    said = train("show", "show-a").out
    assert "CapacityError: none left" in said
    assert "next attempt" in said
    assert "show-a-1  not known to SageMaker" in said
    assert '"seed": "7"' in said
    old = a_record("show-old", submitted_at=now() - 500 * DAY)
    world.keep(keys.history_key(old.job, old.submitted_at), history(old))
    world.keep("training/show-old/release.json", {"result": "failed", "reasons": ["no metrics"]})
    found = json.loads(train("show", "show-old", "--format", "json").out)
    assert (found["from_history"], found["job"]["JobStatus"]) == (True, "Completed")
    assert found["release"]["reasons"] == ["no metrics"]
    for unknown in ("show-none", "_launcher", "", "../x", "x" * 200):
        missing = train("show", unknown)
        assert (missing.code, f"there is no job '{unknown}' in dev" in missing.err) == (2, True)


def test_jobs_are_stopped(train: Call, data: Path, world: TrainingWorld) -> None:
    folder = write(data, a=document(id="can-a"), b=document(id="can-b"))
    assert train("submit", str(folder)).code == 0
    world.write(a_record("can-done"))
    dry = train("cancel", "can-a", "can-none", "", "--dry-run")
    assert (dry.code, world.read("can-a").status) == (3, Status.NEW)
    said = train("cancel", "can-a", "can-b", "can-done", "can-none", "--format", "json")
    assert said.code == 3
    assert json.loads(said.out)["jobs"] == {
        "can-a": "stopped", "can-b": "stopped", "can-done": "ended", "can-none": "unknown",
    }  # fmt: skip
    assert world.read("can-a").status is Status.STOPPED
    assert train("cancel", "can-a").code == 0


def test_logs_of_an_attempt(train: Call, world: TrainingWorld) -> None:
    logs, group = world.client("logs"), "/aws/sagemaker/TrainingJobs"
    world.write(a_record("log-a", attempt=2))
    assert "Nothing was written yet" in train("logs", "log-a").out
    logs.create_log_group(logGroupName=group)
    for stream, texts in (
        ("log-a-1/algo-1", ["first"]),
        ("log-a-2/algo-1", ["second", "\x1b[31mred"]),
        ("log-a-22/x", ["no"]),
    ):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        events = [{"timestamp": now() - 1000 + place, "message": text} for place, text in enumerate(texts)]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    assert train("logs", "log-a").out == "second\n\N{REPLACEMENT CHARACTER}[31mred\n"
    assert train("logs", "log-a", "--follow", "--attempt", "1").out == "first\n"
    assert json.loads(train("logs", "log-a", "--format", "json").out)["lines"][0]["text"] == "second"
    assert train("logs", "log-a", "--attempt", "3").code == 2
    assert train("logs", "log-a", "--follow", "--format", "json").code == 2
    world.write(a_record("log-new", status=Status.NEW, attempt=0))
    assert train("logs", "log-new").code == 3


def test_what_failed_is_done_again(train: Call, world: TrainingWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_redrive, "_FRESH_MS", 1000)  # it waits so long for jobs that other tests ended
    world.write(a_record("red-a", status=Status.FAILED))
    world.send("failures", {"requestContext": {}, "DDBStreamBatchInfo": {"shardId": "s"}})
    template = document(id="red-{date}")
    scheduled = {"template": template, "scheduled_at": "2026-11-21T03:00:00Z", "schedule": "nightly"}
    world.send("failures", {"requestContext": {}, "requestPayload": scheduled})
    world.send("failures", scheduled | {"scheduled_at": "2026-11-22T03:00:00Z"})  # as the scheduler leaves it
    world.send("failures", {})  # a launch that the scheduler could not call
    world.send("failures", {"something": "else"})
    world.kill("events", {"detail": {}})
    dry = json.loads(train("redrive", "--dry-run", "--format", "json").out)
    assert [(one["queue"], one["waiting"], one["status"]) for one in dry["queues"]] == [
        ("events", 1, "dry run"), ("releases", 0, "dry run"), ("failures", 5, "dry run"),
    ]  # fmt: skip
    said = train("redrive", "--format", "json")
    assert said.code == 0, said.out
    events, releases, failures = json.loads(said.out)["queues"]
    assert (events["moved"], events["status"], releases["status"]) == (1, "completed", "empty")
    assert "red-a" in failures["repaired"]
    assert (sorted(failures["submitted"]), failures["status"]) == (["red-20261121", "red-20261122"], "1 left")
    assert world.read("red-20261121").status is Status.NEW
    key = keys.history_key("red-a", world.read("red-a").submitted_at)
    assert world.client("s3").head_object(Bucket=BUCKET, Key=key)["ContentLength"] > 0
    sqs = world.client("sqs")
    assert len(sqs.receive_message(QueueUrl=world.queues["events"], WaitTimeSeconds=0).get("Messages", [])) == 1


def test_the_report_counts_what_the_table_let_go(train: Call, world: TrainingWorld, data: Path) -> None:
    base = now() - 420 * DAY
    for number in range(3):
        world.write(
            a_record(f"rep-{number}", owner="rep-team", submitted_at=base + number, status=Status.FAILED, cost_usd=None)
        )
    gone = a_record(
        "rep-gone", owner="<b>rep</b>", submitted_at=base, purchase=Purchase.SPOT, spot_attempts=1, cost_usd=None
    )
    world.keep(keys.history_key(gone.job, base), history(gone))
    world.keep(f"training-history/{keys.week(base)}/rep-broken.json", ["no record"])
    bill = {"name": "rep-gone-1", "spot": True, "training_seconds": 1000, "billable_seconds": 250, "cost_usd": 0.025}
    world.keep(f"training-billing/{keys.week(base)}/rep-gone.json", {"schema": 1, "attempts": [bill]})
    page = data / "report.html"
    words = ("report", "--since", "421d", "--until", "419d", "--html", str(page))
    found = json.loads(train(*words, "--format", "json").out)
    assert (found["total"]["jobs"], found["unreadable"]) == (4, 1)
    assert found["total"]["success_rate"] == 0.25
    assert found["total"]["spot_saving"] == {"value": 0.75, "known": 1, "of": 1}
    assert found["total"]["cost_usd"] == {"value": 0.025, "known": 1, "of": 4}
    assert "<b>rep</b>" not in page.read_text()
    table = train(*words).out
    assert "25 %" in table
    assert "0.03 + 3 unknown" in table
    assert train("report", "--since", "1d", "--until", "2d").code == 2
    nothing = train("report", "--since", "2020-01-01", "--until", "2020-01-02")
    assert (nothing.code, "No job was submitted in this time." in nothing.out) == (0, True)


def test_spot_bills_are_settled_once_and_at_a_pace(
    train: Call, world: TrainingWorld, once: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    class Described:
        def describe(self, kind: Kind, name: str) -> dict[str, Any] | None:
            asked.append((kind, name))
            if name == "set-lost-1":
                return None
            if name == "set-a-1":  # no instance within the time that it might wait
                return {"TrainingJobName": name, "TrainingJobStatus": "Stopped", "EnableManagedSpotTraining": True}
            return {
                "TrainingJobName": name, "TrainingJobStatus": "Completed", "TrainingTimeInSeconds": 1000,
                "BillableTimeInSeconds": 300 if name == "set-a-2" else 1000,
                "EnableManagedSpotTraining": name == "set-a-2",
                "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
            }  # fmt: skip

    slept: list[float] = []
    monkeypatch.setattr(once.session(world.estate.dev, roles.TRAIN), "training_jobs", Described())
    monkeypatch.setattr("time.sleep", slept.append)
    base = now() - 300 * DAY
    spot = {"purchase": Purchase.SPOT, "spot_attempts": 1, "cost_usd": None, "submitted_at": base}
    world.write(a_record("set-a", **{**spot, "attempt": 3, "spot_attempts": 2, "purchase": Purchase.ON_DEMAND}))
    world.write(a_record("set-lost", **spot))
    world.write(a_record("set-own", **spot, training_seconds=100, billable_seconds=50))
    words = ("report", "--since", "301d", "--until", "299d", "--settle", "--format", "json")
    found = json.loads(train(*words).out)
    assert sorted(name for _, name in asked) == ["set-a-1", "set-a-2", "set-a-3", "set-lost-1"]
    assert sum(slept) >= 1.4
    assert found["settled"] == 1
    assert found["total"]["spot_saving"] == {"value": pytest.approx(1 - 350 / 1100), "known": 2, "of": 3}
    assert found["total"]["cost_usd"]["value"] == pytest.approx(1300 / 3600 * 0.36)
    asked.clear()
    assert json.loads(train(*words).out)["settled"] == 0
    assert [name for _, name in asked] == ["set-lost-1"]


def test_only_a_completed_job_becomes_a_release(train: Call, world: TrainingWorld) -> None:
    world.write(a_record("mk-failed", status=Status.FAILED))
    said = train("release", "mk-failed")
    assert said.code == 3
    assert "mk-failed" in said.err
    assert train("release", "mk-none").code == 2
