"""Models and endpoint configs: describe = echo of create, with AWS's defaults.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpointConfig.html
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, IMAGE, REGION, ROLE, World

VPC = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}


def shown(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key not in {"ResponseMetadata", "CreationTime"}}


def test_a_model_is_what_was_asked_for(world: World) -> None:
    client = world.client("sagemaker")
    container = {"Image": IMAGE, "ModelDataUrl": "s3://b/m.tar.gz", "Environment": {"A": "1"}, "Mode": "MultiModel"}
    request = {"ModelName": "One", "ExecutionRoleArn": ROLE, "PrimaryContainer": container}
    client.create_model(**request, VpcConfig=VPC, EnableNetworkIsolation=True, Tags=[{"Key": "a", "Value": "b"}])
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/one"
    seen = shown(client.describe_model(ModelName="One"))
    assert seen == {**request, "VpcConfig": VPC, "EnableNetworkIsolation": True, "ModelArn": arn}
    assert client.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]


def test_nothing_is_invented_for_a_plain_model(world: World) -> None:
    client = world.client("sagemaker")
    client.create_model(ModelName="one", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE})
    seen = shown(client.describe_model(ModelName="one"))
    assert set(seen) == {"ModelName", "ExecutionRoleArn", "PrimaryContainer", "EnableNetworkIsolation", "ModelArn"}
    assert seen["PrimaryContainer"] == {"Image": IMAGE, "Mode": "SingleModel"}
    client.delete_model(ModelName="one")
    with pytest.raises(ClientError, match=r'Could not find model "arn:aws:sagemaker:.*:model/one"\.'):
        client.describe_model(ModelName="one")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({}, "Either Containers or PrimaryContainer"),
        ({"PrimaryContainer": {}}, "Either Containers or PrimaryContainer"),
        ({"PrimaryContainer": {"Mode": "SingleModel"}}, "Both Image and ModelPackageName are not provided"),
        ({"PrimaryContainer": {"Image": IMAGE}, "Containers": [{"Image": IMAGE}]}, "Only one of them"),
    ],
)
def test_models_that_sagemaker_refuses(world: World, more: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError, match=message):
        world.client("sagemaker").create_model(ModelName="one", ExecutionRoleArn=ROLE, **more)


def test_models_are_listed_in_pages(world: World) -> None:
    client = world.client("sagemaker")
    for number in range(12):
        client.create_model(ModelName=f"m{number:02}", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE})
    first = client.list_models()
    assert [one["ModelName"] for one in first["Models"]] == [f"m{number:02}" for number in range(11, 1, -1)]
    names = [one["ModelName"] for page in client.get_paginator("list_models").paginate() for one in page["Models"]]
    assert len(names) == 12


def test_a_config_is_what_was_asked_for(world: World) -> None:
    world.model("one")
    client = world.client("sagemaker")
    variants = [
        {
            "VariantName": "main",
            "ModelName": "one",
            "InstanceType": "ml.g6e.48xlarge",
            "InitialInstanceCount": 2,
            "InitialVariantWeight": 3.0,
            "ContainerStartupHealthCheckTimeoutInSeconds": 120,
            "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
        },
        {"VariantName": "less", "ModelName": "one", "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}},
    ]
    shadow = {"VariantName": "dark", "ModelName": "one", "InstanceType": "ml.c7i.large", "InitialInstanceCount": 1}
    request = {
        "EndpointConfigName": "c1",
        "ProductionVariants": variants,
        "ShadowProductionVariants": [{**shadow, "InitialVariantWeight": 0.5}],
        "KmsKeyId": "key",
        "DataCaptureConfig": {
            "EnableCapture": True,
            "InitialSamplingPercentage": 10,
            "DestinationS3Uri": "s3://b/capture",
            "CaptureOptions": [{"CaptureMode": "Input"}],
        },
        "VpcConfig": VPC,
        "ExecutionRoleArn": ROLE,
        "EnableNetworkIsolation": True,
    }
    client.create_endpoint_config(**request)
    seen = shown(client.describe_endpoint_config(EndpointConfigName="c1"))
    variants[1]["InitialVariantWeight"] = 1.0  # AWS's default
    assert seen == {**request, "EndpointConfigArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint-config/c1"}


@pytest.mark.parametrize(
    ("variant", "message"),
    [
        ({"InstanceType": "m5.large", "InitialInstanceCount": 1}, "instanceType"),
        ({"InstanceType": "ml.m5.large"}, "InitialInstanceCount of at least 1"),
        ({}, "either an InstanceType or a ServerlessConfig"),
        ({"ServerlessConfig": {"MemorySizeInMB": 1500, "MaxConcurrency": 5}}, "MemorySizeInMB"),
        (
            {"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 200}, "ModelName": "no"},
            "Could not find model",
        ),
    ],
)
def test_variants_that_sagemaker_refuses(world: World, variant: dict[str, Any], message: str) -> None:
    world.model("one")
    with pytest.raises(ClientError, match=message):
        world.client("sagemaker").create_endpoint_config(
            EndpointConfigName="c1", ProductionVariants=[{"VariantName": "main", "ModelName": "one", **variant}]
        )


def test_variant_names_are_unique(world: World) -> None:
    world.model("one")
    variant = {"VariantName": "v", "ModelName": "one", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    with pytest.raises(ClientError, match="Duplicate variant names"):
        world.client("sagemaker").create_endpoint_config(EndpointConfigName="c1", ProductionVariants=[variant, variant])


def test_malformed_names(world: World) -> None:
    for name in ("under_score", "-dash", "x" * 64):
        with pytest.raises(ClientError, match="regular expression pattern"):
            world.client("sagemaker").create_model(
                ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE}
            )
