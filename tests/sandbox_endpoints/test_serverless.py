"""Serverless endpoints.

https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.ext import sagemaker_board

from .conftest import World, session, until


def serverless(world: World, **settings: Any) -> None:
    world.model("one")
    config = {"MemorySizeInMB": 1024, "MaxConcurrency": 1, **settings}
    world.client("sagemaker").create_endpoint_config(
        EndpointConfigName="c1",
        ProductionVariants=[{"VariantName": "v0", "ModelName": "one", "ServerlessConfig": config}],
    )
    world.endpoint(config="c1")


def processes(world: World) -> int:
    return len(list((world.home / "workloads").glob("*.json")))


def test_it_is_described_without_instances(world: World) -> None:
    serverless(world, MaxConcurrency=5)
    (variant,) = world.client("sagemaker").describe_endpoint(EndpointName="shop")["ProductionVariants"]
    assert variant["CurrentServerlessConfig"] == {"MemorySizeInMB": 1024, "MaxConcurrency": 5}
    assert "CurrentInstanceCount" not in variant
    assert world.invoke()["model"] == "one"


def test_requests_beyond_its_concurrency_are_throttled(world: World) -> None:
    serverless(world)
    with ThreadPoolExecutor(max_workers=1) as pool:
        slow = pool.submit(world.invoke, {"sleep": 1})
        (endpoint,) = sagemaker_board.everywhere()
        until(lambda: endpoint.fleet.variants["v0"].server.busy, lambda busy: busy == 1)
        once = session().client("sagemaker-runtime", config=Config(retries={"total_max_attempts": 1}))
        with pytest.raises(ClientError) as caught:
            once.invoke_endpoint(EndpointName="shop", Body=b"{}")
        assert caught.value.response["Error"]["Code"] == "ThrottlingException"
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
        assert slow.result()["model"] == "one"


def test_it_scales_to_nothing_and_starts_cold(world: World) -> None:
    serverless(world)
    first = world.invoke()["pid"]
    until(lambda: processes(world), lambda number: number == 0)
    seen = world.invoke()
    assert seen["pid"] != first
    metrics = world.client("cloudwatch").list_metrics(Namespace="AWS/SageMaker", MetricName="ModelSetupTime")
    assert len(metrics["Metrics"]) == 1


def test_provisioned_concurrency_stays_warm(world: World) -> None:
    serverless(world, MaxConcurrency=2, ProvisionedConcurrency=1)
    world.invoke()
    clock = world.context.clock
    began = clock.elapsed()
    until(clock.elapsed, lambda now: now > began + 600)
    assert processes(world) == 1
    names = {one["MetricName"] for one in world.client("cloudwatch").list_metrics(Namespace="AWS/SageMaker")["Metrics"]}
    assert "ServerlessProvisionedConcurrencyUtilization" in names


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"MemorySizeInMB": 1500}, "MemorySizeInMB"),
        ({"ProvisionedConcurrency": 2}, "ProvisionedConcurrency"),
    ],
)
def test_what_is_refused(world: World, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError, match=message):
        serverless(world, **settings)
