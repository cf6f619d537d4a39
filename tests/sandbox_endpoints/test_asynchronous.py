"""Asynchronous endpoints.

https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html
"""

from __future__ import annotations

import hashlib
import json
import time
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from glue.asking_async import AsyncAsker
from glue.aws.errors import Where
from glue.aws.runtime import Runtime
from glue.aws.s3 import Bucket
from glue.core.golden import GoldenRequest, GoldenResult

from .conftest import ACCOUNT, BUCKET, REGION, World, until


@pytest.fixture
def later(world: World) -> World:
    """An asynchronous endpoint that tells a queue of successes and failures."""
    sns, sqs = world.client("sns"), world.client("sqs")
    topic = sns.create_topic(Name="answers")["TopicArn"]
    queue = sqs.create_queue(QueueName="answers")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    world.model("one")
    world.config(
        "c1",
        "one",
        AsyncInferenceConfig={
            "OutputConfig": {
                "S3OutputPath": f"s3://{BUCKET}/out",
                "S3FailurePath": f"s3://{BUCKET}/failed",
                "NotificationConfig": {"SuccessTopic": topic, "ErrorTopic": topic},
            },
            "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 1},
        },
    )
    world.endpoint(config="c1")
    return world


def ask(world: World, body: dict[str, Any], **more: Any) -> dict[str, Any]:
    world.client("s3").put_object(Bucket=BUCKET, Key="in.json", Body=json.dumps(body).encode())
    answer = world.client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName="shop",
        InputLocation=f"s3://{BUCKET}/in.json",
        ContentType="application/json",
        **more,
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    return dict(answer)


def test_the_type_of_the_request_in_s3_is_passed_on(later: World) -> None:
    """Not the Content-Type of the call, which has no body.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointAsync.html
    """
    later.client("s3").put_object(Bucket=BUCKET, Key="in.bin", Body=b"no JSON")
    answer = later.client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName="shop", InputLocation=f"s3://{BUCKET}/in.bin", ContentType="application/octet-stream"
    )
    assert until(partial(read, later, answer["OutputLocation"]), bool) == b"no JSON"


def read(world: World, location: str) -> bytes | None:
    key = location.removeprefix(f"s3://{BUCKET}/")
    try:
        return bytes(world.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read())
    except ClientError:
        return None


def told(world: World) -> dict[str, Any]:
    sqs = world.client("sqs")
    url = sqs.get_queue_url(QueueName="answers")["QueueUrl"]
    found = until(lambda: sqs.receive_message(QueueUrl=url).get("Messages"), bool)
    return dict(json.loads(json.loads(found[0]["Body"])["Message"]))


def test_golden_requests_are_handed_in_and_their_answers_awaited(later: World) -> None:
    """The glue's own way to ask an asynchronous endpoint, with its facades."""
    where = Where(ACCOUNT, REGION, "arn:aws:iam::222222222222:user/jo")
    bucket = Bucket(later.client("s3"), name=BUCKET, owner=ACCOUNT, where=where)
    session: Any = SimpleNamespace(
        artifacts=lambda: bucket, runtime=Runtime(later.client("sagemaker-runtime"), where=where)
    )
    asker = AsyncAsker(session, "shop", folder="async/shop/", sleep=lambda _: time.sleep(0.02))
    usual = json.loads(until(partial(read, later, ask(later, {}, Accept="application/json")["OutputLocation"]), bool))

    def judged(body: bytes, expect: object) -> GoldenResult:
        request = GoldenRequest("q", "application/json", "application/json", body, expect, latency_ms=0.001)
        return asker.judged(request, release="ranker-1", variant="main")

    assert judged(b"{}", usual).passed, "how long it waited in the queue is not judged"
    assert judged(b"{}", {**usual, "model": "two"}).reason == "$.model is 'one', not 'two'"
    failed = judged(b'{"status": 500}', usual)
    assert str(failed.reason).startswith("the model failed: ")
    assert "(500)" in str(failed.reason)
    assert sorted(bucket.keys("async/")) == sorted(
        f"async/shop/golden/{hashlib.sha256(body).hexdigest()}" for body in (b"{}", b'{"status": 500}')
    )
    later.client("sagemaker").delete_endpoint(EndpointName="shop")
    until(lambda: judged(b"{}", usual).reason, lambda reason: "does not exist" in str(reason))


def test_the_answer_lies_in_s3_and_the_topic_is_told(later: World) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-check-predictions.html."""
    asked = ask(later, {}, InferenceId="mine")
    assert asked["InferenceId"] == "mine"
    body = until(lambda: read(later, asked["OutputLocation"]), bool)
    assert json.loads(body)["model"] == "one"
    notice = told(later)
    assert (notice["invocationStatus"], notice["inferenceId"]) == ("Completed", "mine")
    assert notice["responseParameters"]["outputLocation"] == asked["OutputLocation"]
    assert notice["requestParameters"]["endpointName"] == "shop"


@pytest.mark.parametrize("body", [{"status": 500}, {"crash": True}])
def test_a_failure_lies_where_failures_lie(later: World, body: dict[str, Any]) -> None:
    asked = ask(later, body)
    reason = until(lambda: read(later, asked["FailureLocation"]), bool)
    assert b"Error" in reason
    assert read(later, asked["OutputLocation"]) is None
    notice = told(later)
    assert notice["invocationStatus"] == "Failed"
    assert "responseParameters" not in notice


def test_an_input_that_is_not_there(later: World) -> None:
    asked = later.client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName="shop", InputLocation=f"s3://{BUCKET}/nothing"
    )
    assert b"NoSuchKey" in until(lambda: read(later, asked["FailureLocation"]), bool)


def test_each_instance_works_on_so_many_and_the_others_wait(later: World) -> None:
    locations = [ask(later, {"sleep": 0.3})["OutputLocation"] for _ in range(3)]
    cloudwatch = later.client("cloudwatch")
    names = until(
        lambda: {one["MetricName"] for one in cloudwatch.list_metrics(Namespace="AWS/SageMaker")["Metrics"]},
        lambda seen: {"ApproximateBacklogSize", "ApproximateBacklogSizePerInstance"} <= seen,
    )
    assert "HasBacklogWithoutCapacity" in names
    for location in locations:
        assert until(partial(read, later, location), bool)


def test_without_instances_requests_wait(later: World) -> None:
    """Scale to zero: https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html."""
    change = later.client("sagemaker").update_endpoint_weights_and_capacities
    change(EndpointName="shop", DesiredWeightsAndCapacities=[{"VariantName": "v0", "DesiredInstanceCount": 0}])
    later.settle()
    assert not list((later.home / "workloads").glob("*.json"))
    asked = ask(later, {})
    assert read(later, asked["OutputLocation"]) is None
    change(EndpointName="shop", DesiredWeightsAndCapacities=[{"VariantName": "v0", "DesiredInstanceCount": 1}])
    assert until(lambda: read(later, asked["OutputLocation"]), bool)


def test_to_nothing_and_from_nothing_to_an_answer(later: World) -> None:
    """The policies and the alarm that modules/model-endpoint makes of min = 0.

    https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html (from zero for new requests)
    """
    scaling = later.client("application-autoscaling")
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/shop/variant/v0",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    backlog = {
        "Namespace": "AWS/SageMaker",
        "MetricName": "ApproximateBacklogSizePerInstance",
        "Dimensions": [{"Name": "EndpointName", "Value": "shop"}],
        "Statistic": "Average",
    }
    scaling.register_scalable_target(**target, MinCapacity=0, MaxCapacity=2)
    scaling.put_scaling_policy(
        **target,
        PolicyName="backlog",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 5.0,
            "ScaleInCooldown": 60,
            "CustomizedMetricSpecification": backlog,
        },
    )
    first = scaling.put_scaling_policy(
        **target,
        PolicyName="from-zero",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "Cooldown": 60,
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
        },
    )["PolicyARN"]
    later.client("cloudwatch").put_metric_alarm(
        AlarmName="waiting",
        Namespace="AWS/SageMaker",
        MetricName="HasBacklogWithoutCapacity",
        Dimensions=[{"Name": "EndpointName", "Value": "shop"}],
        Statistic="Average",
        Period=60,
        EvaluationPeriods=2,
        Threshold=1.0,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="missing",
        AlarmActions=[first],
    )

    def count() -> int:
        (variant,) = later.client("sagemaker").describe_endpoint(EndpointName="shop")["ProductionVariants"]
        return int(variant["CurrentInstanceCount"])

    assert until(count, lambda seen: seen == 0, within=30) == 0  # nothing waits
    asked = ask(later, {})
    assert until(lambda: read(later, asked["OutputLocation"]), bool, within=30)


def test_the_two_ways_of_asking_exclude_each_other(later: World) -> None:
    with pytest.raises(ClientError, match="asynchronous"):
        later.invoke()
    with pytest.raises(ClientError, match="RequestTTLSeconds must be"):
        ask(later, {}, RequestTTLSeconds=60 * 60 * 24)
    later.config("plain", "one")
    later.client("sagemaker").create_endpoint(EndpointName="now", EndpointConfigName="plain")
    later.settle("now")
    with pytest.raises(ClientError, match="no AsyncInferenceConfig"):
        later.client("sagemaker-runtime").invoke_endpoint_async(EndpointName="now", InputLocation="s3://x/y")
