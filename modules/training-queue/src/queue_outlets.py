"""Where the queue tells others what happened: a topic, the queue of releases, the history in S3, metrics."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_s3 import S3Client

Datum = Mapping[str, Any]
NAMESPACE = "Slipway/Training"


class Outlets(Protocol):
    """What the functions say, and to whom. All but `metrics` raise when it was not taken."""

    def publish(self, message: str, attributes: Mapping[str, str]) -> None:
        """Notify the subscribers of a job's end; the attributes are what they filter by."""

    def enqueue_release(self, message: str) -> None:
        """Have a completed job made into a release."""

    def has_history(self, key: str) -> bool:
        """Tell whether a history record exists."""

    def write_history(self, key: str, body: bytes) -> bool:
        """Write a history record, never over another. False when there is one."""

    def metrics(self, data: Sequence[Datum]) -> None:
        """Count. Never raises: a queue works on without its metrics, and their absence is an alarm."""


class AwsOutlets:
    """SNS, SQS, S3 and CloudWatch of this account and region."""

    def __init__(self, clients: Any, *, topic_arn: str, releases_queue_url: str, bucket: str) -> None:
        """`clients` returns the client of a service, and makes it when it is first asked for."""
        self._client = clients
        self._topic = topic_arn
        self._releases = releases_queue_url
        self._bucket = bucket

    def publish(self, message: str, attributes: Mapping[str, str]) -> None:
        """Notify the subscribers of a job's end."""
        said = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        self._client("sns").publish(TopicArn=self._topic, Message=message, MessageAttributes=said)

    def enqueue_release(self, message: str) -> None:
        """Have a completed job made into a release."""
        self._client("sqs").send_message(QueueUrl=self._releases, MessageBody=message)

    def has_history(self, key: str) -> bool:
        """Tell whether a history record exists, by listing: S3 answers 403 to who asks for an absent key by name."""
        s3: S3Client = self._client("s3")
        found = s3.list_objects_v2(Bucket=self._bucket, Prefix=key, MaxKeys=1)
        return any(one["Key"] == key for one in found.get("Contents", []))

    def write_history(self, key: str, body: bytes) -> bool:
        """Write a history record, never over another.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
        """
        s3: S3Client = self._client("s3")
        try:
            s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType="application/json", IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] == "PreconditionFailed":
                return False
            raise
        return True

    def metrics(self, data: Sequence[Datum]) -> None:
        """Count, with one call."""
        if not data:
            return
        cloudwatch: CloudWatchClient = self._client("cloudwatch")
        try:
            cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=list(data))  # type: ignore[arg-type]
        except (ClientError, BotoCoreError) as error:
            log("WARNING", "the metrics were not taken", error=" ".join(str(error).split()))


def datum(queue: str, name: str, value: float, unit: str = "Count", **dimensions: str) -> dict[str, Any]:
    """Return one metric of the queue."""
    more = [{"Name": key, "Value": text} for key, text in dimensions.items()]
    return {
        "MetricName": name,
        "Dimensions": [{"Name": "Queue", "Value": queue}, *more],
        "Value": value,
        "Unit": unit,
    }


def log(level: str, message: str, **facts: object) -> None:
    """Write one line of JSON to the function's log."""
    print(json.dumps({"level": level, "message": message} | facts, default=str), flush=True)
