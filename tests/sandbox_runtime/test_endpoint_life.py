"""CreateEndpoint, DescribeEndpoint, DeleteEndpoint.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html
"""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, BUCKET, IMAGE, REGION, ROLE, World, session, until

NO_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)
ENDPOINT_ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/shop"


def test_an_endpoint_serves_what_is_in_its_archive(world: World) -> None:
    world.endpoint()
    seen = world.invoke({"env": ["COLOUR", "FLAVOUR"]})
    assert seen["model"] == "one"
    assert seen["env"] == {"COLOUR": "green", "FLAVOUR": "plain"}


def test_it_is_creating_first_and_takes_no_requests(world: World) -> None:
    world.model("one")
    world.config("c1", "one")
    sagemaker = world.client("sagemaker")
    sagemaker.create_endpoint(EndpointName="shop", EndpointConfigName="c1")
    seen = sagemaker.describe_endpoint(EndpointName="shop")
    assert seen["EndpointStatus"] == "Creating"
    with pytest.raises(ClientError, match=f"Endpoint shop of account {ACCOUNT} not found"):
        world.invoke()
    with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
        sagemaker.delete_endpoint(EndpointName="shop")
    world.settle()


def test_describe_shows_what_aws_shows(world: World) -> None:
    world.endpoint(Tags=[{"Key": "owner", "Value": "us"}])
    seen = world.client("sagemaker").describe_endpoint(EndpointName="shop")
    assert seen["EndpointArn"] == ENDPOINT_ARN
    assert seen["EndpointStatus"] == "InService"
    assert seen["EndpointConfigName"] == "c1"
    (variant,) = seen["ProductionVariants"]
    (image,) = variant.pop("DeployedImages")
    assert image["SpecifiedImage"] == image["ResolvedImage"] == IMAGE
    assert variant == {
        "VariantName": "v0",
        "CurrentWeight": 1.0,
        "DesiredWeight": 1.0,
        "CurrentInstanceCount": 1,
        "DesiredInstanceCount": 1,
    }
    assert not {"FailureReason", "PendingDeploymentSummary", "DataCaptureConfig", "LastDeploymentConfig"} & set(seen)


def test_unknown_endpoint(world: World) -> None:
    with pytest.raises(ClientError) as caught:
        world.client("sagemaker").describe_endpoint(EndpointName="shop")
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert caught.value.response["Error"]["Message"] == f'Could not find endpoint "{ENDPOINT_ARN}".'


@pytest.mark.parametrize(
    ("kind", "again"),
    [
        ("model", lambda world: world.model("one")),
        ("endpoint configuration", lambda world: world.config("c1", "one")),
        ("endpoint", lambda world: world.endpoint(config="c1")),
    ],
)
def test_names_are_given_out_once(world: World, kind: str, again: object) -> None:
    world.endpoint()
    with pytest.raises(ClientError, match=f"Cannot create already existing {kind} "):
        again(world)  # type: ignore[operator]


def failure(world: World) -> str:
    sagemaker = world.client("sagemaker")
    sagemaker.create_endpoint(EndpointName="shop", EndpointConfigName="c1")
    seen = world.settle()
    assert seen["EndpointStatus"] == "Failed"
    assert "ProductionVariants" not in seen
    return str(seen["FailureReason"])


def test_a_missing_image_fails_the_endpoint(world: World) -> None:
    missing = IMAGE.replace("1" * 64, "2" * 64)
    world.model("one", image=missing)
    world.config("c1", "one")
    assert failure(world) == f"The image '{missing}' does not exist."


def test_a_missing_archive_fails_the_endpoint(world: World) -> None:
    world.model("one", url=f"s3://{BUCKET}/nothing.tar.gz")
    world.config("c1", "one")
    assert failure(world).startswith(
        f'Failed to download model data for container "container_1" from URL: "s3://{BUCKET}/nothing.tar.gz".'
    )


def test_what_is_no_archive_fails_the_endpoint(world: World) -> None:
    world.client("s3").put_object(Bucket=BUCKET, Key="junk", Body=b"junk")
    world.model("one", url=f"s3://{BUCKET}/junk")
    world.config("c1", "one")
    assert failure(world).startswith("Failed to extract model data archive")


def test_a_sick_container_fails_the_endpoint(world: World) -> None:
    world.model("one", exit=True)
    world.config("c1", "one")
    assert failure(world) == (
        "The primary container for production variant v0 did not pass the ping health check. "
        "Please check CloudWatch logs for this endpoint."
    )


def test_a_role_that_does_not_trust_sagemaker_fails_the_endpoint(world: World) -> None:
    world.client("iam").update_assume_role_policy(RoleName="execution", PolicyDocument=NO_TRUST)
    world.model("one")
    world.config("c1", "one")
    assert failure(world).startswith(f"Could not assume role {ROLE}.")


def test_a_role_that_may_not_pull_fails_the_endpoint(world: World) -> None:
    # https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html#sagemaker-roles-createmodel-perms
    world.client("iam").delete_role_policy(RoleName="execution", PolicyName="pull")
    world.model("one")
    world.config("c1", "one")
    assert failure(world) == (
        f"Cannot find repository: slipway/tiny in registry ID: {ACCOUNT}. Please check if your ECR repository exists "
        f"and role {ROLE} has proper pull permissions for SageMaker: ecr:BatchCheckLayerAvailability, "
        "ecr:BatchGetImage, ecr:GetDownloadUrlForLayer"
    )


def test_a_failed_endpoint_can_only_be_deleted(world: World) -> None:
    world.model("one", exit=True)
    world.config("c1", "one")
    failure(world)
    sagemaker = world.client("sagemaker")
    with pytest.raises(ClientError, match="it can only be deleted"):
        sagemaker.update_endpoint(EndpointName="shop", EndpointConfigName="c1")
    sagemaker.delete_endpoint(EndpointName="shop")
    until(lambda: sagemaker.list_endpoints()["Endpoints"], lambda found: not found)


def test_delete_ends_the_server(world: World) -> None:
    world.endpoint()
    sagemaker = world.client("sagemaker")
    sagemaker.delete_endpoint(EndpointName="shop")
    assert sagemaker.describe_endpoint(EndpointName="shop")["EndpointStatus"] == "Deleting"
    until(lambda: sagemaker.list_endpoints()["Endpoints"], lambda found: not found)
    assert not list((world.home / "workloads").glob("*.json"))
    assert not list((world.home / "endpoints").iterdir())


def test_a_config_in_use_is_not_deleted(world: World) -> None:
    world.endpoint()
    with pytest.raises(ClientError, match="in use by endpoint"):
        world.client("sagemaker").delete_endpoint_config(EndpointConfigName="c1")


def test_endpoints_are_listed_newest_first_in_pages(world: World) -> None:
    world.model("one")
    world.config("c1", "one")
    for name in ("a", "b", "c"):
        world.client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName="c1")
    sagemaker = world.client("sagemaker")
    first = sagemaker.list_endpoints(MaxResults=2)
    assert [one["EndpointName"] for one in first["Endpoints"]] == ["c", "b"]
    rest = sagemaker.list_endpoints(MaxResults=2, NextToken=first["NextToken"])
    assert [one["EndpointName"] for one in rest["Endpoints"]] == ["a"]
    assert "NextToken" not in rest
    named = sagemaker.list_endpoints(SortBy="Name", SortOrder="Ascending", NameContains="B")
    assert [one["EndpointName"] for one in named["Endpoints"]] == ["b"]
    for name in ("a", "b", "c"):
        world.settle(name)
    assert not sagemaker.list_endpoints(StatusEquals="Creating")["Endpoints"]


def test_an_image_of_another_account_needs_that_repositorys_policy(world: World) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-containers-inference-private.html."""
    other = "222222222222"
    foreign = IMAGE.replace(ACCOUNT, other)
    world.images[foreign] = world.images[IMAGE]
    credentials = world.client("sts").assume_role(RoleArn=f"arn:aws:iam::{other}:role/x", RoleSessionName="other")[
        "Credentials"
    ]
    ecr = session().client(
        "ecr",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )
    ecr.create_repository(repositoryName="slipway/tiny")
    world.model("one", image=foreign)
    world.config("c1", "one")
    assert "does not grant ecr:GetDownloadUrlForLayer" in failure(world)
    world.client("sagemaker").delete_endpoint(EndpointName="shop")
    until(lambda: world.client("sagemaker").list_endpoints()["Endpoints"], lambda found: not found)
    grant = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "pull",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                "Action": ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            }
        ],
    }
    ecr.set_repository_policy(repositoryName="slipway/tiny", policyText=json.dumps(grant))
    world.endpoint(config="c1")
    assert world.invoke()["model"] == "one"
