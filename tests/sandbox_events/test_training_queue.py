"""What the training queue is built of, as it is built: a table with its own key, filtered streams, indexes, schedules.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
"""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.events import work

from .conftest import DEV, REGION, Account, document, may

TELL = """
import json, os
import boto3
sqs = boto3.client("sqs")
def handle(event, context):
    for record in event.get("Records", [event]):
        sqs.send_message(QueueUrl=os.environ["URL"], MessageBody=json.dumps(record))
"""
READ = ["dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream", "dynamodb:ListStreams"]
ENDED = ["Completed", "Failed", "Stopped"]
FILTERS = [
    {
        "eventName": ["MODIFY"],
        "dynamodb": {"NewImage": {"JobStatus": {"S": ENDED}}, "OldImage": {"JobStatus": {"S": ["Launched", "New"]}}},
    },
    {"eventName": ["REMOVE"], "userIdentity": {"type": ["Service"], "principalId": ["dynamodb.amazonaws.com"]}},
]


def table(dev: Account, name: str) -> str:
    """Make the table; return its stream's ARN."""
    client, key = dev("dynamodb"), dev("kms").create_key()["KeyMetadata"]["Arn"]
    texts = dict.fromkeys(("JobId", "due_shard"), "S")
    made = client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "JobId", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": one, "AttributeType": kind} for one, kind in {**texts, "due_at": "N"}.items()
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "due",
                "KeySchema": [
                    {"AttributeName": "due_shard", "KeyType": "HASH"},
                    {"AttributeName": "due_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["owner"]},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=True,
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )["TableDescription"]
    assert made["SSEDescription"]["KMSMasterKeyArn"] == key
    client.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    client.update_time_to_live(TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"})
    return str(made["LatestStreamArn"])


def test_the_table_is_what_was_asked_for(dev: Account) -> None:
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithTables.Basics.html
    table(dev, "jobs-read-back")
    client = dev("dynamodb")
    seen = client.describe_table(TableName="jobs-read-back")["Table"]
    assert (seen["DeletionProtectionEnabled"], seen["SSEDescription"]["Status"]) == (True, "ENABLED")
    backups = client.describe_continuous_backups(TableName="jobs-read-back")["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    ttl = client.describe_time_to_live(TableName="jobs-read-back")["TimeToLiveDescription"]
    assert ttl == {"AttributeName": "expires_at", "TimeToLiveStatus": "ENABLED"}
    with pytest.raises(ClientError, match="DeletionProtectionEnabled"):
        client.delete_table(TableName="jobs-read-back")
    client.update_table(TableName="jobs-read-back", DeletionProtectionEnabled=False)
    client.delete_table(TableName="jobs-read-back")


def test_an_index_is_sparse_and_has_what_it_projects(dev: Account) -> None:
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-indexes-general-sparse-indexes.html
    table(dev, "jobs-due")
    client = dev("dynamodb")
    for number in range(3):
        item = {"JobId": {"S": f"j{number}"}, "due_at": {"N": str(number)}, "owner": {"S": "o"}, "JobArgs": {"S": "x"}}
        client.put_item(TableName="jobs-due", Item={**item, "due_shard": {"S": "5#0"}})
    client.update_item(TableName="jobs-due", Key={"JobId": {"S": "j1"}}, UpdateExpression="REMOVE due_shard")
    found = client.query(
        TableName="jobs-due",
        IndexName="due",
        KeyConditionExpression="due_shard = :s AND due_at <= :now",
        ExpressionAttributeValues={":s": {"S": "5#0"}, ":now": {"N": "2"}},
        Limit=1,
    )
    assert found["Items"] == [
        {"JobId": {"S": "j0"}, "due_at": {"N": "0"}, "due_shard": {"S": "5#0"}, "owner": {"S": "o"}}
    ]
    assert found["LastEvaluatedKey"] == {"JobId": {"S": "j0"}, "due_at": {"N": "0"}, "due_shard": {"S": "5#0"}}


def test_a_stream_tells_of_ends_and_of_what_expires(dev: Account) -> None:
    stream = table(dev, "jobs-told")
    url, _ = dev.queue("jobs-told-seen")
    kms = may(["kms:Decrypt"])
    role = dev.role("jobs-told-role", "lambda", may(READ), may("sqs:SendMessage"), kms)
    name = dev.function("jobs-told", TELL, role, Environment={"Variables": {"URL": url}})
    uuid = dev("lambda").create_event_source_mapping(
        EventSourceArn=stream,
        FunctionName=name,
        StartingPosition="TRIM_HORIZON",
        FilterCriteria={"Filters": [{"Pattern": json.dumps(one)} for one in FILTERS]},
    )["UUID"]
    client, now = dev("dynamodb"), int(work.now().timestamp())
    key = {"JobId": {"S": "a"}}
    client.put_item(TableName="jobs-told", Item={**key, "JobStatus": {"S": "New"}})
    change: dict[str, Any] = {
        "TableName": "jobs-told",
        "Key": key,
        "UpdateExpression": "SET JobStatus = :s, expires_at = :e",
    }
    for status in ("Launched", "Completed", "Completed"):
        values = {":s": {"S": status}, ":e": {"N": str(now + (90 if status == "Completed" else 9000))}}
        client.update_item(**change, ExpressionAttributeValues=values)
    client.put_item(TableName="jobs-told", Item={"JobId": {"S": "b"}, "JobStatus": {"S": "New"}})
    client.delete_item(TableName="jobs-told", Key={"JobId": {"S": "b"}})  # a person's deletion is not told
    ended, expired = dev.bodies(url, 2, within=30.0)
    assert (ended["eventName"], ended["dynamodb"]["OldImage"]["JobStatus"]) == ("MODIFY", {"S": "Launched"})
    assert (expired["eventName"], expired["dynamodb"]["OldImage"]["JobId"]) == ("REMOVE", {"S": "a"})
    assert expired["userIdentity"] == {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    assert dev.nothing(url)
    dev("lambda").delete_event_source_mapping(UUID=uuid)


def test_a_schedule_calls_a_function_with_its_own_time(dev: Account) -> None:
    url, _ = dev.queue("trained-at")
    name = dev.function(
        "trained-at",
        TELL,
        dev.role("trained-at-role", "lambda", may("sqs:SendMessage")),
        Environment={"Variables": {"URL": url}},
        Timeout=15,
    )
    role = dev.role("trained-at-schedule", "scheduler", may("lambda:InvokeFunction", name))
    group = f"arn:aws:scheduler:{REGION}:{DEV}:schedule-group/jobs"  # what a trust policy sees is the group
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "scheduler.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": DEV}, "ArnEquals": {"aws:SourceArn": group}},
    }
    dev("iam").update_assume_role_policy(RoleName="trained-at-schedule", PolicyDocument=document(trust))
    words = {"scheduled_at": "<aws.scheduler.scheduled-time>", "arn": "<aws.scheduler.schedule-arn>", "model": "m"}
    scheduler = dev("scheduler")
    scheduler.create_schedule_group(Name="jobs")
    scheduler.create_schedule(
        Name="train-nightly",
        GroupName="jobs",
        ScheduleExpression="rate(1 minute)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": name,
            "RoleArn": role,
            "Input": json.dumps(words),
            "RetryPolicy": {"MaximumRetryAttempts": 5, "MaximumEventAgeInSeconds": 14400},
        },
    )
    found = dev.bodies(url, 2, within=30.0)
    first, second = sorted(found, key=lambda one: str(one["scheduled_at"]))  # asynchronous calls keep no order
    assert first["arn"] == f"arn:aws:scheduler:{REGION}:{DEV}:schedule/jobs/train-nightly"
    assert first["scheduled_at"] < second["scheduled_at"]
    assert len(first["scheduled_at"]) == len("2026-01-31T12:00:00Z")
    scheduler.delete_schedule(Name="train-nightly", GroupName="jobs")


BUSY = """
import json, os, time
import boto3
sqs = boto3.client("sqs")
def handle(event, context):
    began = time.time()
    time.sleep(0.15)
    body = {"began": began, "ended": time.time(), "records": len(event["Records"])}
    sqs.send_message(QueueUrl=os.environ["URL"], MessageBody=json.dumps(body))
"""


def test_a_maximum_concurrency_is_kept(dev: Account) -> None:
    # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
    url, _ = dev.queue("bounded-told")
    source_url, source = dev.queue("bounded")
    read = may(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:SendMessage"])
    settings = {"Environment": {"Variables": {"URL": url}}}
    name = dev.function("bounded", BUSY, dev.role("bounded-role", "lambda", read), **settings)
    client = dev("lambda")
    mapping = {"EventSourceArn": source, "FunctionName": name, "BatchSize": 1}
    made = client.create_event_source_mapping(**mapping, ScalingConfig={"MaximumConcurrency": 2})
    assert made["ScalingConfig"] == {"MaximumConcurrency": 2}
    entries = [{"Id": str(number), "MessageBody": "{}"} for number in range(6)]
    dev("sqs").send_message_batch(QueueUrl=source_url, Entries=entries)
    seen = dev.bodies(url, 6, within=45.0)
    most = max(sum(other["began"] <= one["began"] < other["ended"] for other in seen) for one in seen)
    assert most <= 2  # 1 where the machine is slow
    client.delete_event_source_mapping(UUID=made["UUID"])


def test_one_of_many_claims_a_job(dev: Account) -> None:
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
    table(dev, "jobs-claimed")
    client = dev("dynamodb")
    key = {"JobId": {"S": "a"}}
    client.put_item(TableName="jobs-claimed", Item={**key, "JobStatus": {"S": "New"}, "attempt": {"N": "0"}})
    won: list[int] = []
    lost: list[Any] = []

    def claim(number: int) -> None:
        try:
            client.update_item(
                TableName="jobs-claimed",
                Key=key,
                UpdateExpression="SET JobStatus = :to, attempt = attempt + :one REMOVE due_shard",
                ConditionExpression="JobStatus = :from AND attempt = :was AND attribute_not_exists(stop_requested_at)",
                ExpressionAttributeValues={
                    ":to": {"S": "Launched"},
                    ":from": {"S": "New"},
                    ":was": {"N": "0"},
                    ":one": {"N": "1"},
                },
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
            won.append(number)
        except client.exceptions.ConditionalCheckFailedException as error:
            lost.append(error.response["Item"]["JobStatus"]["S"])

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(12)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert (len(won), lost) == (1, ["Launched"] * 11)
    seen = client.get_item(TableName="jobs-claimed", Key=key, ConsistentRead=True)["Item"]
    assert seen["attempt"] == {"N": "1"}


def test_an_index_follows_every_write(dev: Account) -> None:
    table(dev, "jobs-followed")
    client = dev("dynamodb")

    def due(shard: str) -> list[str]:
        found = client.query(
            TableName="jobs-followed",
            IndexName="due",
            KeyConditionExpression="due_shard = :s",
            ExpressionAttributeValues={":s": {"S": shard}},
        )
        return [one["JobId"]["S"] for one in found["Items"]]

    def item(name: str, shard: str = "a") -> dict[str, Any]:
        return {"JobId": {"S": name}, "due_at": {"N": "1"}, "due_shard": {"S": shard}}

    client.put_item(TableName="jobs-followed", Item=item("1"))
    assert due("a") == ["1"]
    client.batch_write_item(RequestItems={"jobs-followed": [{"PutRequest": {"Item": item(name)}} for name in "234"]})
    assert due("a") == ["1", "2", "3", "4"]
    change = {"TableName": "jobs-followed", "UpdateExpression": "SET due_shard = :s"}
    client.update_item(**change, Key={"JobId": {"S": "2"}}, ExpressionAttributeValues={":s": {"S": "b"}})
    client.delete_item(TableName="jobs-followed", Key={"JobId": {"S": "3"}})
    assert (due("a"), due("b")) == (["1", "4"], ["2"])
    lost = {"Update": {**change, "Key": {"JobId": {"S": "1"}}, "ExpressionAttributeValues": {":s": {"S": "b"}}}}
    check = {
        "ConditionCheck": {
            "TableName": "jobs-followed",
            "Key": {"JobId": {"S": "none"}},
            "ConditionExpression": "attribute_exists(JobId)",
        }
    }
    with pytest.raises(ClientError):
        client.transact_write_items(TransactItems=[lost, check])
    assert due("a") == ["1", "4"]
    client.transact_write_items(TransactItems=[lost, {"Put": {"TableName": "jobs-followed", "Item": item("5", "c")}}])
    assert (due("a"), due("b"), due("c")) == (["4"], ["1", "2"], ["5"])
    client.put_item(TableName="jobs-followed", Item={"JobId": {"S": "4"}, "raw": {"B": b"\x00\xff"}})
    assert due("a") == []
    assert client.get_item(TableName="jobs-followed", Key={"JobId": {"S": "4"}})["Item"]["raw"] == {"B": b"\x00\xff"}
