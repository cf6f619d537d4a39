"""The queue's functions loaded as Lambda does, and AWS in memory: a table with the same conditions, jobs, outlets."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).resolve().parents[2] / "modules" / "training-queue" / "src"
if str(SOURCE) not in sys.path:
    sys.path.append(str(SOURCE))

import queue_finish  # noqa: E402 - only there from here on
import queue_launch  # noqa: E402
import queue_monitor  # noqa: E402
import queue_sweep  # noqa: E402
from queue_jobs import WORDS, CallError, Listing  # noqa: E402
from queue_redrive import RedriveError  # noqa: E402
from queue_services import Services  # noqa: E402
from queue_store import Store  # noqa: E402
from queue_table import Page, Row, Written, encoded  # noqa: E402

from glue.core.training import job as jobs  # noqa: E402
from glue.core.training import keys  # noqa: E402
from glue.core.training import record as records  # noqa: E402
from glue.core.training.record import Record  # noqa: E402
from glue.core.training.settings import InstanceType, Location, Model, Settings  # noqa: E402

START = 1_795_000_000_000  # a moment in November 2026, epoch milliseconds
INDEXES = {"due": ("due_shard", "due_key"), "open": ("open_shard", "launched_at"), "history": ("week", "submitted_at")}
QUEUE = "slipway-dev-training"
ACCOUNT, REGION = "111111111111", "eu-west-1"
CALLER = f"arn:aws:sts::{ACCOUNT}:assumed-role/slipway-dev-train/anna"
TERMINAL = ("Completed", "Failed", "Stopped")
DETAIL_TYPES = {
    "training": "SageMaker Training Job State Change",
    "tuning": "SageMaker HyperParameter Tuning Job State Change",
    "processing": "SageMaker Processing Job State Change",
}


class Killed(BaseException):
    """What a killed function looks like from within: nothing catches it, nothing is tidied up."""


class Clock:
    """A clock in epoch milliseconds that moves when somebody sleeps, or when it is told to."""

    def __init__(self, now: int = START) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> int:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += round(seconds * 1000)

    def until(self, end: int) -> Callable[[], int]:
        """Return Lambda's remaining time of a function that ends then."""
        return lambda: max(0, end - self.now)

    def lasting(self, seconds: float) -> Callable[[], int]:
        return self.until(self.now + round(seconds * 1000))


class Calls:
    """Counts calls, and calls `before` with the name of each: a test raises there what AWS would, or kills."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.before: Callable[[str], None] = lambda _: None
        self.after: Callable[[str], None] = lambda _: None

    def _called(self, name: str) -> None:
        self.calls[name] += 1
        self.before(name)


class MemoryTable(Calls):
    """A table with the indexes of the queue, and with `queue_table.Table`'s conditions."""

    def __init__(self) -> None:
        super().__init__()
        self.items: dict[str, Row] = {}
        self.stream: list[tuple[Row, Row]] = []  # old and new images
        self.page = 1000

    def get(self, job_id: str) -> Row | None:
        self._called("get")
        return dict(self.items[job_id]) if job_id in self.items else None

    def put(self, row: Mapping[str, Any], when: Mapping[str, Any]) -> Written:
        self._called("put")
        return self._write(str(row["JobId"]), dict(row), when)

    def update(self, job_id: str, changes: Mapping[str, Any], when: Mapping[str, Any]) -> Written:
        self._called("update")
        new = {**self.items.get(job_id, {}), "JobId": job_id, **changes}
        return self._write(job_id, {name: value for name, value in new.items() if value is not None}, when)

    def query(
        self, index: str, key: tuple[str, str], *, until: tuple[str, int] | None, start: Row | None, limit: int
    ) -> Page:
        self._called("query")
        partition, sort = INDEXES[index]
        assert key[0] == partition
        rows = [row for row in self.items.values() if row.get(partition) == key[1] and sort in row]
        rows.sort(key=lambda row: (row[sort], row["JobId"]))
        if start is not None:
            rows = [row for row in rows if (row[sort], row["JobId"]) > (start[sort], start["JobId"])]
        page = rows[: min(limit, self.page)]
        following = {name: page[-1][name] for name in (partition, sort, "JobId")} if len(page) < len(rows) else None
        return Page([dict(row) for row in page if until is None or row[until[0]] <= until[1]], following)

    def _write(self, job_id: str, new: Row, when: Mapping[str, Any]) -> Written:
        old = self.items.get(job_id, {})
        if any(old.get(name) != value for name, value in when.items()):
            return Written(False, dict(old))
        self.items[job_id] = new
        if not job_id.startswith("_"):
            self.stream.append((dict(old), dict(new)))
        self.after("write")
        return Written(True, dict(new))


class MemoryJobs(Calls):
    """SageMaker: names are given out once, jobs run until a test ends them, lists have short pages."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.jobs: dict[tuple[str, str], dict[str, Any]] = {}
        self.lists: list[int] = []
        self.page_size = 3

    def create(self, kind: str, request: Mapping[str, Any]) -> None:
        self._called("create")
        words = WORDS[kind]
        name = str(request[words.name])
        if (kind, name) in self.jobs:
            raise CallError("ResourceInUse", f"{name} already exists", 400)
        now = datetime.fromtimestamp(self.clock.now / 1000, UTC)
        self.jobs[kind, name] = {**request, words.status: "InProgress", "CreationTime": now, "LastModifiedTime": now}
        self.after("create")

    def describe(self, kind: str, name: str) -> dict[str, Any] | None:
        self._called("describe")
        return self.jobs.get((kind, name))

    def stop(self, kind: str, name: str) -> bool:
        self._called("stop")
        job = self.jobs.get((kind, name))
        if job is None or job[WORDS[kind].status] in TERMINAL:
            return False
        job[WORDS[kind].status] = "Stopping"
        return True

    def page(self, kind: str, since_ms: int, token: str | None) -> Listing:
        self.lists.append(self.clock.now)
        self._called("page")
        since = datetime.fromtimestamp(since_ms / 1000, UTC)
        found = [
            job
            for (of, _), job in sorted(self.jobs.items(), key=lambda pair: pair[1]["CreationTime"])
            if of == kind and job["CreationTime"] >= since
        ]
        begin = int(token or 0)
        page = found[begin : begin + self.page_size]
        following = str(begin + self.page_size) if begin + self.page_size < len(found) else None
        return Listing([dict(job) for job in page], following)

    def end(self, name: str, status: str = "Completed", kind: str = "training", **more: Any) -> dict[str, Any]:
        """End a job, and return the EventBridge event that tells of it."""
        words, job = WORDS[kind], self.jobs[kind, name]
        now = datetime.fromtimestamp(self.clock.now / 1000, UTC)
        job |= {words.status: status, "LastModifiedTime": now, **more}
        if kind == "training":
            job |= {
                "TrainingStartTime": job["CreationTime"],
                "TrainingEndTime": now,
                "SecondaryStatus": more.get("SecondaryStatus", status),
            }
        return self.event(name, kind)

    def event(self, name: str, kind: str = "training") -> dict[str, Any]:
        detail = {
            key: round(value.timestamp() * 1000) if isinstance(value, datetime) else value
            for key, value in self.jobs[kind, name].items()
            if key != "BestTrainingJob"
        }
        return {"source": "aws.sagemaker", "detail-type": DETAIL_TYPES[kind], "detail": detail}


class MemoryOutlets(Calls):
    """SNS, SQS, S3 and CloudWatch, as far as the functions tell them something."""

    def __init__(self) -> None:
        super().__init__()
        self.published: list[tuple[str, dict[str, str]]] = []
        self.releases: list[str] = []
        self.history: dict[str, bytes] = {}
        self.data: list[Mapping[str, Any]] = []

    def publish(self, message: str, attributes: Mapping[str, str]) -> None:
        self._called("publish")
        self.published.append((message, dict(attributes)))

    def enqueue_release(self, message: str) -> None:
        self._called("enqueue_release")
        self.releases.append(message)

    def has_history(self, key: str) -> bool:
        self._called("has_history")
        return key in self.history

    def write_history(self, key: str, body: bytes) -> bool:
        self._called("write_history")
        if key in self.history:
            return False
        self.history[key] = body
        return True

    def metrics(self, data: Sequence[Mapping[str, Any]]) -> None:
        self.calls["metrics"] += 1
        self.data += data

    def metric(self, name: str) -> float:
        """Return the last value of a metric."""
        return float([one["Value"] for one in self.data if one["MetricName"] == name][-1])


class World:
    """One queue in memory, with a clock."""

    def __init__(self, **settings: Any) -> None:
        self.clock = Clock()
        self.table = MemoryTable()
        self.jobs = MemoryJobs(self.clock)
        self.outlets = MemoryOutlets()
        self.redriven: list[str] = []
        self.settings = make_settings(**settings)

    def submit(self, **changes: Any) -> Record:
        """Put a job into the table, as the submit function does."""
        job = jobs.parse(
            document(**changes),
            settings=self.settings,
            caller="anna",
            now=self.clock(),
            nonce="abc123",
            validate=lambda *_: (),
        )
        record = records.new(job, submitted_by=CALLER, now=self.clock())
        assert self.services.store.put_new(record) == "submitted"
        return record

    def launch(self, seconds: float = 55.0, run: str = "run", **more: Any) -> dict[str, Any]:
        return queue_launch.run(
            self.services,
            self.settings,
            clock=self.clock,
            sleep=self.clock.sleep,
            remaining=self.clock.lasting(seconds),
            token=lambda: run,
            draw=lambda: 0.5,
            **more,
        )

    def hear(self, *events: Any, seconds: float = 30.0) -> list[str]:
        """Deliver events; return which of them failed, by position."""
        messages = [
            {"messageId": str(at), "body": event if isinstance(event, str) else json.dumps(event)}
            for at, event in enumerate(events)
        ]
        answer = queue_monitor.run(
            messages,
            self.services,
            self.settings,
            clock=self.clock,
            remaining=self.clock.lasting(seconds),
            draw=lambda: 0.5,
        )
        return [one["itemIdentifier"] for one in answer["batchItemFailures"]]

    def sweep(self, seconds: float = 300.0) -> dict[str, Any]:
        return queue_sweep.run(
            self.services,
            self.settings,
            clock=self.clock,
            sleep=self.clock.sleep,
            remaining=self.clock.lasting(seconds),
            draw=lambda: 0.5,
        )

    def finish(self, *entries: dict[str, Any]) -> list[str]:
        """Deliver stream records, by default those of all changes so far into a terminal status."""
        batch = list(entries) or self.ended()
        answer = queue_finish.run(batch, self.services, self.settings, remaining=self.clock.lasting(30))
        return [one["itemIdentifier"] for one in answer["batchItemFailures"]]

    def ended(self) -> list[dict[str, Any]]:
        """Return the stream records that the mapping's filter lets through."""
        return [
            stream_record(at, old, new)
            for at, (old, new) in enumerate(self.table.stream)
            if new.get("JobStatus") in TERMINAL and old.get("JobStatus") not in TERMINAL
        ]

    @property
    def services(self) -> Services:
        return Services(Store(self.table), self.jobs, self.outlets, self._redrive)

    def _redrive(self, queue_arn: str) -> str:
        if queue_arn in self.redriven:
            raise RedriveError("UnsupportedOperation: a task is running")
        self.redriven.append(queue_arn)
        return f"task-{len(self.redriven)}"

    def status(self, job: str) -> str:
        return str(self.table.items[job]["JobStatus"])

    def writes(self, job: str) -> int:
        return sum(new["JobId"] == job for _, new in self.table.stream)


def create_table(client: Any, name: str) -> None:
    """Make a table with the queue's indexes in DynamoDB."""
    attributes = sorted({"JobId", *(key for pair in INDEXES.values() for key in pair)})
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "JobId", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": key, "AttributeType": "N" if key in {"launched_at", "submitted_at"} else "S"}
            for key in attributes
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": index,
                "KeySchema": [
                    {"AttributeName": key, "KeyType": kind} for key, kind in zip(pair, ("HASH", "RANGE"), strict=True)
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
            for index, pair in INDEXES.items()
        ],
    )


def stream_record(number: int, old: Row, new: Row, name: str = "MODIFY") -> dict[str, Any]:
    change: dict[str, Any] = {"SequenceNumber": str(number), "Keys": encoded({"JobId": (new or old)["JobId"]})}
    change |= {key: encoded(image) for key, image in (("OldImage", old), ("NewImage", new)) if image}
    return {"eventName": name, "dynamodb": change}


def make_settings(**changes: Any) -> Settings:
    values: dict[str, Any] = {
        "queue": QUEUE,
        "project": "slipway",
        "environment": "dev",
        "account_id": ACCOUNT,
        "region": REGION,
        "table": QUEUE,
        "bucket": f"slipway-dev-artifacts-{ACCOUNT}",
        "topic_arn": f"arn:aws:sns:{REGION}:{ACCOUNT}:{QUEUE}",
        "releases_queue_url": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{QUEUE}-releases",
        "instance_types": {
            "ml.m5.large": InstanceType(20, 20, 0.115),
            "ml.m5.xlarge": InstanceType(5, 5, 0.23),
            "ml.c5.xlarge": InstanceType(2, 0, None),
        },
        "models": {"ranker": Model((Location(f"slipway-dev-artifacts-{ACCOUNT}", "data/"),), None)},
        "launches_per_second": 10.0,
    }
    return Settings(**(values | changes))


def document(**changes: Any) -> dict[str, Any]:
    """Return a valid job document."""
    repository = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/slipway/ranker"
    found: dict[str, Any] = {
        "id": "ranker-1",
        "kind": "training",
        "model": "ranker",
        "arguments": {
            "AlgorithmSpecification": {
                "TrainingImage": f"{repository}@sha256:{'ab' * 32}",
                "TrainingInputMode": "File",
            },
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        },
    }
    return {**found, **changes}


def shard_of(job: str) -> str:
    return str(keys.shard(job))
