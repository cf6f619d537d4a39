"""Model package groups, model packages, tags.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, BUCKET, IMAGE, REGION, World

SPECIFICATION = {
    "Containers": [
        {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/releases/model.tar.gz", "Environment": {"COLOUR": "green"}}
    ],
    "SupportedContentTypes": ["application/json"],
    "SupportedResponseMIMETypes": ["application/json"],
    "SupportedRealtimeInferenceInstanceTypes": ["ml.c7i.xlarge"],
}
PACKAGE_ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/slipway-qa-ranker"


@pytest.fixture
def registry(world: World) -> Any:
    client = world.client("sagemaker")
    client.create_model_package_group(ModelPackageGroupName="Slipway-qa-ranker", Tags=[{"Key": "a", "Value": "1"}])
    return client


def register(client: Any, **more: Any) -> str:
    settings = {"ModelPackageGroupName": "Slipway-qa-ranker", "InferenceSpecification": SPECIFICATION}
    return str(client.create_model_package(**{**settings, **more})["ModelPackageArn"])


def test_a_package_is_described_as_it_was_made(registry: Any) -> None:
    arn = register(
        registry,
        ModelPackageDescription="release r",
        ModelApprovalStatus="Approved",
        CustomerMetadataProperties={"release": "r", "commit": "c"},
    )
    assert arn == f"{PACKAGE_ARN}/1"
    seen = registry.describe_model_package(ModelPackageName=arn)
    assert seen["InferenceSpecification"] == SPECIFICATION
    assert seen["CustomerMetadataProperties"] == {"release": "r", "commit": "c"}
    assert seen["ModelPackageGroupName"] == "Slipway-qa-ranker"
    assert seen["ModelPackageVersion"] == 1
    assert seen["ModelApprovalStatus"] == "Approved"
    assert seen["ModelPackageStatus"] == "Completed"
    assert "ModelPackageName" not in seen
    assert "LastModifiedTime" not in seen


def test_versions_count_up_and_are_never_used_again(registry: Any) -> None:
    register(registry)
    second = register(registry)
    registry.delete_model_package(ModelPackageName=second)
    assert register(registry) == f"{PACKAGE_ARN}/3"
    with pytest.raises(ClientError, match="does not exist"):
        registry.describe_model_package(ModelPackageName=second)


def test_one_token_is_one_package(registry: Any) -> None:
    assert register(registry, ClientToken="release-r") == register(registry, ClientToken="release-r")


def test_an_update_keeps_what_it_does_not_name(registry: Any) -> None:
    arn = register(registry, CustomerMetadataProperties={"a": "1", "b": "2"})
    assert registry.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"] == "PendingManualApproval"
    registry.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="fine")
    seen = registry.describe_model_package(ModelPackageName=arn)
    assert seen["CustomerMetadataProperties"] == {"a": "1", "b": "2"}
    assert seen["LastModifiedTime"] >= seen["CreationTime"]
    registry.update_model_package(
        ModelPackageArn=arn, CustomerMetadataProperties={"c": "3"}, CustomerMetadataPropertiesToRemove=["a"]
    )
    seen = registry.describe_model_package(ModelPackageName=arn)
    assert seen["CustomerMetadataProperties"] == {"b": "2", "c": "3"}
    assert (seen["ModelApprovalStatus"], seen["ApprovalDescription"]) == ("Approved", "fine")


def test_lists_are_sorted_filtered_and_paged(registry: Any) -> None:
    arns = [register(registry, ModelApprovalStatus=status) for status in ("Approved", "Rejected", "Approved")]
    find = registry.list_model_packages
    everything = find(ModelPackageGroupName="Slipway-qa-ranker")["ModelPackageSummaryList"]
    assert [one["ModelPackageArn"] for one in everything] == arns
    page = find(ModelPackageGroupName="Slipway-qa-ranker", SortOrder="Descending", MaxResults=2)
    assert [one["ModelPackageVersion"] for one in page["ModelPackageSummaryList"]] == [3, 2]
    rest = find(
        ModelPackageGroupName="Slipway-qa-ranker", SortOrder="Descending", MaxResults=2, NextToken=page["NextToken"]
    )
    assert [one["ModelPackageVersion"] for one in rest["ModelPackageSummaryList"]] == [1]
    approved = find(ModelPackageGroupName="Slipway-qa-ranker", ModelApprovalStatus="Approved")
    assert len(approved["ModelPackageSummaryList"]) == 2
    assert find()["ModelPackageSummaryList"] == []  # those without a group


def test_groups(registry: Any) -> None:
    arn = registry.describe_model_package_group(ModelPackageGroupName="Slipway-qa-ranker")["ModelPackageGroupArn"]
    with pytest.raises(ClientError, match="already exists"):
        registry.create_model_package_group(ModelPackageGroupName="Slipway-qa-ranker")
    with pytest.raises(ClientError, match=r"ModelPackageGroup arn:.*nothing does not exist\."):
        registry.list_model_packages(ModelPackageGroupName="nothing")
    assert [
        g["ModelPackageGroupArn"] for g in registry.list_model_package_groups()["ModelPackageGroupSummaryList"]
    ] == [arn]
    register(registry)
    with pytest.raises(ClientError, match="has model packages"):
        registry.delete_model_package_group(ModelPackageGroupName="Slipway-qa-ranker")
    registry.delete_model_package(ModelPackageName=f"{PACKAGE_ARN}/1")
    registry.delete_model_package_group(ModelPackageGroupName="Slipway-qa-ranker")
    with pytest.raises(ClientError, match="does not exist"):
        registry.describe_model_package_group(ModelPackageGroupName="Slipway-qa-ranker")


def test_group_policies(registry: Any) -> None:
    name = {"ModelPackageGroupName": "Slipway-qa-ranker"}
    with pytest.raises(ClientError, match="Cannot find resource policy"):
        registry.get_model_package_group_policy(**name)
    registry.put_model_package_group_policy(**name, ResourcePolicy='{"Statement": []}')
    assert registry.get_model_package_group_policy(**name)["ResourcePolicy"] == '{"Statement": []}'
    registry.delete_model_package_group_policy(**name)
    with pytest.raises(ClientError, match="Cannot find resource policy"):
        registry.get_model_package_group_policy(**name)


def test_tags(registry: Any) -> None:
    arn = registry.describe_model_package_group(ModelPackageGroupName="Slipway-qa-ranker")["ModelPackageGroupArn"]
    registry.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}])
    assert registry.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}]
    registry.delete_tags(ResourceArn=arn, TagKeys=["a"])
    assert registry.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "3"}]
    with pytest.raises(ClientError, match="Could not find"):
        registry.list_tags(ResourceArn=arn + "x")
