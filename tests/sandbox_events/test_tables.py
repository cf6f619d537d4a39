"""Tables under threads, whole transactions, complete streams, items that expire, exports.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
"""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.events import work

from .conftest import Account, until


def table(dev: Account, name: str) -> str:
    made = dev("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "n", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return str(made["TableDescription"]["LatestStreamArn"])


def key(name: str, number: int = 0) -> dict[str, Any]:
    return {"id": {"S": name}, "n": {"N": str(number)}}


def records(dev: Account, stream: str) -> list[dict[str, Any]]:
    streams = dev("dynamodbstreams")
    shard = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    return list(streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"])


def race(count: int, task: Callable[[int], Any]) -> list[Any]:
    """Do something in many threads at once; returns what came of each, errors too."""
    found: list[Any] = [None] * count
    gate = threading.Barrier(count)

    def run(number: int) -> None:
        gate.wait()
        try:
            found[number] = task(number)
        except Exception as error:  # noqa: BLE001 (the errors are what is looked at)
            found[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return found


def test_one_of_sixteen_wins_a_condition(dev: Account) -> None:
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
    table(dev, "won")
    client = dev("dynamodb")
    for again in range(5):
        item = {**key("a", again), "state": {"S": "free"}}
        client.put_item(TableName="won", Item=item)
        update = {
            "TableName": "won",
            "Key": key("a", again),
            "UpdateExpression": "SET #s = :taken, holder = :o",
            "ConditionExpression": "#s = :free",
            "ExpressionAttributeNames": {"#s": "state"},
        }

        def take(number: int, update: dict[str, Any] = update) -> Any:
            values = {":taken": {"S": "taken"}, ":free": {"S": "free"}, ":o": {"N": str(number)}}
            return client.update_item(**update, ExpressionAttributeValues=values)

        found = race(16, take)
        winners = [number for number, one in enumerate(found) if isinstance(one, dict)]
        assert len(winners) == 1
        lost = client.exceptions.ConditionalCheckFailedException
        assert [one for one in found if not isinstance(one, (dict, lost))] == []
        kept = client.get_item(TableName="won", Key=key("a", again))["Item"]
        assert kept["holder"] == {"N": str(winners[0])}


def test_transactions_of_sixteen_threads_lose_nothing(dev: Account) -> None:
    stream = table(dev, "moved")
    client = dev("dynamodb")
    for name in ("a", "b"):
        client.put_item(TableName="moved", Item={**key(name), "sum": {"N": "100"}})

    def add(name: str, value: int) -> dict[str, Any]:
        return {
            "Update": {
                "TableName": "moved",
                "Key": key(name),
                "UpdateExpression": "ADD #s :v",
                "ExpressionAttributeNames": {"#s": "sum"},
                "ExpressionAttributeValues": {":v": {"N": str(value)}},
            }
        }

    def move(number: int) -> Any:
        for _ in range(4):
            client.transact_write_items(TransactItems=[add("a", -1), add("b", 1)])
        return number

    began = time.monotonic()
    assert race(16, move) == list(range(16))
    assert time.monotonic() - began < 8
    sums = [client.get_item(TableName="moved", Key=key(name))["Item"]["sum"]["N"] for name in ("a", "b")]
    assert sums == ["36", "164"]
    assert len(records(dev, stream)) == 2 + 2 * 64


def test_a_cancelled_transaction_writes_nothing(dev: Account) -> None:
    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
    stream = table(dev, "whole")
    client = dev("dynamodb")
    client.put_item(TableName="whole", Item={**key("old"), "x": {"S": "text"}})
    put = {"Put": {"TableName": "whole", "Item": key("new")}}
    check = {
        "ConditionCheck": {
            "TableName": "whole",
            "Key": key("old"),
            "ConditionExpression": "attribute_not_exists(id)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }
    with pytest.raises(client.exceptions.TransactionCanceledException) as caught:
        client.transact_write_items(TransactItems=[put, check])
    reasons = caught.value.response["CancellationReasons"]
    assert [one["Code"] for one in reasons] == ["None", "ConditionalCheckFailed"]
    assert reasons[1]["Item"]["x"] == {"S": "text"}
    add = {
        "Update": {
            "TableName": "whole",
            "Key": key("old"),
            "UpdateExpression": "SET x = x + :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
    }
    with pytest.raises(client.exceptions.ClientError):  # the second fails while it is written
        client.transact_write_items(TransactItems=[put, add])
    with pytest.raises(client.exceptions.ClientError, match="multiple operations on one item"):
        client.transact_write_items(TransactItems=[put, {"Delete": {"TableName": "whole", "Key": key("new")}}])
    assert "Item" not in client.get_item(TableName="whole", Key=key("new"))
    assert len(records(dev, stream)) == 1


def test_a_token_makes_a_transaction_happen_once(dev: Account) -> None:
    table(dev, "token")
    client = dev("dynamodb")
    update = {
        "TableName": "token",
        "Key": key("a"),
        "UpdateExpression": "ADD c :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    for _ in range(2):
        client.transact_write_items(TransactItems=[{"Update": update}], ClientRequestToken="t")
    assert client.get_item(TableName="token", Key=key("a"))["Item"]["c"] == {"N": "1"}
    with pytest.raises(client.exceptions.IdempotentParameterMismatchException):
        client.transact_write_items(
            TransactItems=[{"Delete": {"TableName": "token", "Key": key("a")}}], ClientRequestToken="t"
        )


def test_a_stream_has_every_change_once(dev: Account) -> None:
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
    stream = table(dev, "streamed")
    client = dev("dynamodb")
    change = {"TableName": "streamed", "Key": key("a"), "UpdateExpression": "SET x = :x"}
    client.update_item(**change, ExpressionAttributeValues={":x": {"S": "1"}})  # an insert, not two
    client.update_item(**change, ExpressionAttributeValues={":x": {"S": "1"}})  # changes nothing
    client.update_item(**change, ExpressionAttributeValues={":x": {"S": "2"}})
    client.delete_item(TableName="streamed", Key=key("a"))
    client.delete_item(TableName="streamed", Key=key("a"))
    found = records(dev, stream)
    assert [one["eventName"] for one in found] == ["INSERT", "MODIFY", "REMOVE"]
    assert found[0]["dynamodb"]["NewImage"] == {**key("a"), "x": {"S": "1"}}
    assert "OldImage" not in found[0]["dynamodb"]
    assert found[1]["dynamodb"]["OldImage"]["x"] == {"S": "1"}
    assert found[2]["dynamodb"]["Keys"] == key("a")
    assert {one["awsRegion"] for one in found} == {"eu-west-1"}
    numbers = [int(one["dynamodb"]["SequenceNumber"]) for one in found]
    assert numbers == sorted(set(numbers))


def test_items_expire_by_the_sandboxs_clock(dev: Account) -> None:
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
    stream = table(dev, "expiring")
    client = dev("dynamodb")
    client.update_time_to_live(
        TableName="expiring", TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"}
    )
    now = int(work.now().timestamp())
    for number, until_ in enumerate((now + 60, now + 36000, now - 6 * 365 * 86400)):
        client.put_item(TableName="expiring", Item={**key("a", number), "until": {"N": str(until_)}})
    found = until(lambda: records(dev, stream), lambda seen: len(seen) == 4)
    assert (found[3]["eventName"], found[3]["dynamodb"]["Keys"]) == ("REMOVE", key("a", 0))
    assert found[3]["userIdentity"] == {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}
    assert client.scan(TableName="expiring")["Count"] == 2


def test_recovery_points_and_exports(dev: Account) -> None:
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.HowItWorks.html
    table(dev, "saved")
    client, s3 = dev("dynamodb"), dev("s3")
    arn = client.describe_table(TableName="saved")["Table"]["TableArn"]
    client.put_item(TableName="saved", Item=key("a"))
    s3.create_bucket(Bucket="saved-tables", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    with pytest.raises(client.exceptions.PointInTimeRecoveryUnavailableException):
        client.export_table_to_point_in_time(TableArn=arn, S3Bucket="saved-tables", S3Prefix="x")
    client.update_continuous_backups(
        TableName="saved", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    shown = client.describe_continuous_backups(TableName="saved")["ContinuousBackupsDescription"]
    assert shown["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    made = client.export_table_to_point_in_time(TableArn=arn, S3Bucket="saved-tables", S3Prefix="x")
    export = made["ExportDescription"]["ExportArn"]
    assert export.startswith(f"{arn}/export/")
    done = until(
        lambda: client.describe_export(ExportArn=export)["ExportDescription"],
        lambda one: one["ExportStatus"] != "IN_PROGRESS",
    )
    assert (done["ExportStatus"], done["ItemCount"]) == ("COMPLETED", 1)
    names = [one["Key"] for one in s3.list_objects_v2(Bucket="saved-tables")["Contents"]]
    (data,) = [one for one in names if "/data/" in one]
    lines = gzip.decompress(s3.get_object(Bucket="saved-tables", Key=data)["Body"].read()).splitlines()
    assert json.loads(lines[0]) == {"Item": key("a")}
    summary = json.loads(s3.get_object(Bucket="saved-tables", Key=done["ExportManifest"])["Body"].read())
    assert (summary["itemCount"], summary["tableArn"]) == (1, arn)
