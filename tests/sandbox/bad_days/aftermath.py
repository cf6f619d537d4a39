"""What must still be there after a bad day: everything that a live or retained revision needs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from sandbox.settings import ENVIRONMENT_ACCOUNTS
from tests.sandbox.estate import REPOSITORY, Estate

RUNBOOK = REPOSITORY / "docs" / "runbook.md"
COMMAND = re.compile(r"(\bslipway [a-z]+|\bmake (?:plan|apply|build)|\baws [a-z]+ [a-z]+-[a-z-]+|--retry)\b")
AGAIN = re.compile(r"\brun (it|this|the same command) again\b", re.IGNORECASE)


class Clients:
    """Clients of the operator: each assumes its role once."""

    def __init__(self, estate: Estate) -> None:
        self.of = cache(estate.client)


def inventory(clients: Clients, environment: str) -> frozenset[str]:
    """Return everything that serves or could serve: configs, models, releases' files with their versions, images."""
    return frozenset(_inventory(clients, environment))


def _inventory(clients: Clients, environment: str) -> Iterator[str]:
    sagemaker, name = clients.of(environment, "sagemaker"), f"slipway-{environment}-"
    for page in sagemaker.get_paginator("list_endpoint_configs").paginate(NameContains=name):
        yield from (f"config {one['EndpointConfigName']}" for one in page["EndpointConfigs"])
    for page in sagemaker.get_paginator("list_models").paginate(NameContains=name):
        yield from (f"model {one['ModelName']}" for one in page["Models"])
    bucket = f"slipway-{environment}-artifacts-{ENVIRONMENT_ACCOUNTS[environment]}"
    listed = clients.of(environment, "s3").get_paginator("list_objects_v2")
    for page in listed.paginate(Bucket=bucket, Prefix="releases/"):
        yield from (f"object {one['Key']} {one['ETag']}" for one in page.get("Contents", []))
    for page in (
        clients.of(environment, "ecr").get_paginator("describe_images").paginate(repositoryName="slipway/ranker")
    ):
        yield from (f"image {one['imageDigest']}" for one in page["imageDetails"])


def live(clients: Clients, environment: str) -> dict[str, Any]:
    """Return what an endpoint serves now, from AWS: status, config, release, and why the last deployment failed."""
    sagemaker = clients.of(environment, "sagemaker")
    endpoint = sagemaker.describe_endpoint(EndpointName=f"slipway-{environment}-ranker")
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    model = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    return {
        "status": endpoint["EndpointStatus"],
        "config": endpoint["EndpointConfigName"],
        "release": model["PrimaryContainer"]["ModelDataUrl"].split("/")[-2],
        "reason": endpoint.get("FailureReason"),
    }


def guards(cloudwatch: Any, endpoint: str) -> list[str]:
    """Return the alarms of an endpoint that are in ALARM and roll deployments back."""
    answer = cloudwatch.describe_alarms(AlarmNamePrefix=endpoint, StateValue="ALARM", AlarmTypes=["MetricAlarm"])
    kinds = ("-errors-5xx", "-latency-p99", "-abort")
    return [one["AlarmName"] for one in answer["MetricAlarms"] if one["AlarmName"].endswith(kinds)]


def next_commands(text: str) -> list[str]:
    """Return the commands that a message tells the reader to type, without their arguments, each once."""
    return list(
        dict.fromkeys([*COMMAND.findall(text), *(["run the same command again"] if AGAIN.search(text) else [])])
    )


def unknown_to_the_runbook(commands: list[str], runbook: Path = RUNBOOK) -> list[str]:
    """Return those of the commands that the runbook does not explain."""
    text = runbook.read_text()
    return [command for command in commands if command not in text]
