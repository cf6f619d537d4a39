"""A training queue as its module makes it, without its schedules: nothing is launched unless a test does it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glue.aws.dynamodb import item_of
from glue.core.environment import Environment
from glue.core.training import record as records
from glue.core.training.record import Record
from scripts.build_function import package

from .conftest import Estate, foundation

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "modules" / "training-queue" / "src"
NAME = "slipway-dev-training"
BUCKET = "slipway-dev-artifacts-111111111111"
QUEUES = ("events", "events_dead", "releases", "releases_dead", "failures")
TYPES = {"ml.m5.large": {"budget": 4, "spot_budget": 4, "usd_per_hour": 0.36}}
_EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@dataclass(frozen=True)
class TrainingWorld:
    """The queue, with an administrator's hands in it."""

    estate: Estate
    queues: Mapping[str, str]

    def client(self, service: str) -> Any:
        return self.estate.client(service)

    def write(self, record: Record) -> None:
        """Put a job's item as the queue's functions would."""
        typed = {
            name: {"S": value} if isinstance(value, str) else {"N": str(value)}
            for name, value in records.to_item(record).items()
        }
        self.client("dynamodb").put_item(TableName=NAME, Item=typed)

    def read(self, job: str) -> Record:
        item = self.client("dynamodb").get_item(TableName=NAME, Key={"JobId": {"S": job}}, ConsistentRead=True)["Item"]
        return records.from_item(item_of(item))

    def keep(self, key: str, document: object) -> None:
        """Put a JSON object into the artifact store."""
        self.client("s3").put_object(Bucket=BUCKET, Key=key, Body=json.dumps(document).encode())

    def send(self, queue: str, body: object) -> None:
        self.client("sqs").send_message(QueueUrl=self.queues[queue], MessageBody=json.dumps(body))

    def kill(self, queue: str, body: object) -> None:
        """Send a message that nobody can work on, until it is a dead letter."""
        self.send(queue, body)
        sqs, url = self.client("sqs"), self.queues[queue]
        for _ in range(2):
            sqs.receive_message(QueueUrl=url, VisibilityTimeout=0, WaitTimeSeconds=1)


def make(estate: Estate, environment: Environment, folder: Path) -> TrainingWorld:
    """Make a queue in an environment, and say in its foundation where it is."""
    role = _role(estate, "slipway-dev-training-function", {"Service": "lambda.amazonaws.com"})
    _role(estate, "slipway-dev-train", {"AWS": f"arn:aws:iam::{environment.account_id}:root"})
    _table(estate)
    queues = _queues(estate)
    topic = estate.client("sns").create_topic(Name=NAME)["TopicArn"]
    settings = {
        "queue": NAME, "project": "slipway", "environment": "dev", "account_id": environment.account_id,
        "region": environment.region, "table": NAME, "bucket": BUCKET, "topic_arn": topic,
        "releases_queue_url": queues["releases"], "instance_types": TYPES,
        "models": {"ranker": {"inputs": [], "network": None}},
    }  # fmt: skip
    archive = folder / "training-queue.zip"
    package(SOURCE, archive)
    handlers = {"submit": "queue_submit.handle", "finish": "queue_finish.handle", "sweep": "queue_monitor.sweep"}
    functions = estate.client("lambda")
    for name, handler in handlers.items():
        functions.create_function(
            FunctionName=f"{NAME}-{name}", Runtime="python3.11", Role=role, Handler=handler, Timeout=60, MemorySize=512,
            Code={"ZipFile": archive.read_bytes()}, Environment={"Variables": {"QUEUE_SETTINGS": json.dumps(settings)}},
        )  # fmt: skip
    functions.create_alias(FunctionName=f"{NAME}-finish", Name="repair", FunctionVersion="$LATEST")
    url = functions.create_function_url_config(FunctionName=f"{NAME}-submit", AuthType="AWS_IAM")["FunctionUrl"]
    published = {
        **foundation(environment, _key(estate, environment)),
        "training_queue": {
            "name": NAME, "table": NAME, "submit_url": url, "submit_function": f"{NAME}-submit", "topic_arn": topic,
            "queues": queues, "history_prefix": "training-history/",
        },
    }  # fmt: skip
    estate.client("ssm").put_parameter(
        Name=environment.foundation_parameter, Type="String", Value=json.dumps(published), Overwrite=True
    )
    return TrainingWorld(estate, queues)


def _key(estate: Estate, environment: Environment) -> str:
    found = estate.client("ssm").get_parameter(Name=environment.foundation_parameter)["Parameter"]["Value"]
    return str(json.loads(found)["artifact_key_arn"])


def _role(estate: Estate, name: str, principal: object) -> str:
    iam = estate.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}],
    }
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(_EVERYTHING))
    return str(made)


def _table(estate: Estate) -> None:
    kinds = {"JobId": "S", "due_key": "S", "due_shard": "S", "launched_at": "N", "open_shard": "S",
             "submitted_at": "N", "week": "S"}  # fmt: skip
    indexes = {
        "due": ("due_shard", "due_key"),
        "open": ("open_shard", "launched_at"),
        "history": ("week", "submitted_at"),
    }
    estate.client("dynamodb").create_table(
        TableName=NAME,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "JobId", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in kinds.items()],
        GlobalSecondaryIndexes=[
            {
                "IndexName": name,
                "KeySchema": [
                    {"AttributeName": partition, "KeyType": "HASH"},
                    {"AttributeName": order, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
            for name, (partition, order) in indexes.items()
        ],
    )


def _queues(estate: Estate) -> dict[str, str]:
    sqs = estate.client("sqs")
    made: dict[str, str] = {}
    for name in sorted(QUEUES, key=lambda name: not name.endswith("_dead")):
        attributes = {}
        if f"{name}_dead" in made:
            arn = f"arn:aws:sqs:eu-west-1:111111111111:{NAME}-{name}-dead"
            attributes["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
        made[name] = sqs.create_queue(QueueName=f"{NAME}-{name.replace('_', '-')}", Attributes=attributes)["QueueUrl"]
    return made


def now() -> int:
    """Return the time in epoch milliseconds."""
    return int(time.time() * 1000)
