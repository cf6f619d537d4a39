"""SageMaker as data: what AWS describes, what is absent, and the model registry."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import ANY, Stubber

from glue.aws.errors import Where
from glue.aws.runtime import ModelError, Runtime
from glue.aws.sagemaker import SageMaker
from glue.core.described import AsyncConfig, DataCapture, Network, Serverless, VariantConfig, VariantState
from glue.errors import AccessDeniedError, AwsError, NotFoundError

WHERE = Where("222222222222", "eu-west-1", "arn:aws:iam::222222222222:role/slipway-qa-promote", "sagemaker")
WHEN = datetime(2026, 1, 31, 12, tzinfo=UTC)
ARN = "arn:aws:sagemaker:eu-west-1:222222222222:"
GROUP = "slipway-qa-ranker"
PACKAGE = f"{ARN}model-package/{GROUP}/1"
RELEASE = "ranker-20260131t120000-1a2b3c4"


@pytest.fixture(scope="module")
def clients() -> Iterator[dict[str, Any]]:
    make: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x").client
    config = Config(retries={"total_max_attempts": 1})
    made = {name: make(name, region_name="eu-west-1", config=config) for name in ("sagemaker", "sagemaker-runtime")}
    yield made
    for client in made.values():
        client.close()


@pytest.fixture
def sagemaker(clients: dict[str, Any]) -> Iterator[tuple[SageMaker, Stubber]]:
    with Stubber(clients["sagemaker"]) as stub:
        yield SageMaker(clients["sagemaker"], where=WHERE), stub
        stub.assert_no_pending_responses()


@pytest.fixture
def runtime(clients: dict[str, Any]) -> Iterator[tuple[Runtime, Stubber]]:
    with Stubber(clients["sagemaker-runtime"]) as stub:
        yield Runtime(clients["sagemaker-runtime"], where=WHERE), stub
        stub.assert_no_pending_responses()


def test_an_endpoint_as_aws_describes_it(sagemaker: tuple[SageMaker, Stubber]) -> None:
    facade, stub = sagemaker
    stub.add_response(
        "describe_endpoint",
        {
            "EndpointName": "slipway-qa-ranker",
            "EndpointArn": f"{ARN}endpoint/slipway-qa-ranker",
            "EndpointConfigName": "slipway-qa-ranker-r2-1a2b3c4d-0badcafe",
            "EndpointStatus": "Updating",
            "CreationTime": WHEN,
            "LastModifiedTime": WHEN,
            "ProductionVariants": [
                {
                    "VariantName": "main",
                    "CurrentWeight": 1.0,
                    "DesiredWeight": 2.0,
                    "CurrentInstanceCount": 2,
                    "DesiredInstanceCount": 3,
                    "DeployedImages": [{"SpecifiedImage": "a:1", "ResolvedImage": "a@sha256:1"}],
                }
            ],
            "PendingDeploymentSummary": {"EndpointConfigName": "slipway-qa-ranker-r3-00000000-00000000"},
            "LastDeploymentConfig": {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "x"}]}},
        },
        {"EndpointName": "slipway-qa-ranker"},
    )
    endpoint = facade.endpoint("slipway-qa-ranker")
    assert endpoint is not None
    assert (endpoint.status, endpoint.config) == ("Updating", "slipway-qa-ranker-r2-1a2b3c4d-0badcafe")
    assert endpoint.pending_config == "slipway-qa-ranker-r3-00000000-00000000"
    assert endpoint.modified == "2026-01-31T12:00:00+00:00"
    assert endpoint.failure is None
    assert endpoint.variants == {"main": VariantState("main", 1.0, 2.0, 2, 3, ("a@sha256:1",))}


def test_a_config_with_every_setting(sagemaker: tuple[SageMaker, Stubber]) -> None:
    facade, stub = sagemaker
    stub.add_response(
        "describe_endpoint_config",
        {
            "EndpointConfigName": "c",
            "EndpointConfigArn": f"{ARN}endpoint-config/c",
            "CreationTime": WHEN,
            "KmsKeyId": "key",
            "ProductionVariants": [
                {
                    "VariantName": "main",
                    "ModelName": "m",
                    "InitialVariantWeight": 3.0,
                    "InstanceType": "ml.m5.large",
                    "InitialInstanceCount": 2,
                    "VolumeSizeInGB": 30,
                    "ContainerStartupHealthCheckTimeoutInSeconds": 120,
                    "ModelDataDownloadTimeoutInSeconds": 600,
                },
                {
                    "VariantName": "small",
                    "ModelName": "m",
                    "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5, "ProvisionedConcurrency": 1},
                },
            ],
            "ShadowProductionVariants": [{"VariantName": "shadow", "ModelName": "n"}],
            "DataCaptureConfig": {
                "EnableCapture": True,
                "InitialSamplingPercentage": 10,
                "DestinationS3Uri": "s3://b/capture/ranker",
                "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
                "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
            },
        },
    )
    config = facade.config("c")
    assert config is not None
    assert config.kms_key_id == "key"
    assert config.variants["main"] == VariantConfig("main", "m", 3.0, "ml.m5.large", 2, None, 30, 120, 600)
    assert config.variants["small"] == VariantConfig("small", "m", 1.0, serverless=Serverless(2048, 5, 1))
    assert list(config.shadow_variants) == ["shadow"]
    assert config.data_capture == DataCapture(
        True, 10, "s3://b/capture/ranker", None, ("Input", "Output"), ("application/json",)
    )


@pytest.mark.parametrize("where", ["PrimaryContainer", "Containers"])
def test_a_model_with_its_container(where: str, sagemaker: tuple[SageMaker, Stubber]) -> None:
    facade, stub = sagemaker
    container = {"Image": "i@sha256:1", "ModelDataUrl": "s3://b/m", "Environment": {"A": "1"}}
    stub.add_response(
        "describe_model",
        {
            "ModelName": "m",
            "ModelArn": f"{ARN}model/m",
            where: container if where == "PrimaryContainer" else [container],
            "ExecutionRoleArn": "arn:aws:iam::222222222222:role/execution",
            "VpcConfig": {"Subnets": ["s1"], "SecurityGroupIds": ["g1"]},
            "EnableNetworkIsolation": True,
            "CreationTime": WHEN,
        },
    )
    model = facade.model("m")
    assert model is not None
    assert (model.image, model.model_data_url, model.environment) == ("i@sha256:1", "s3://b/m", {"A": "1"})
    assert (model.network, model.isolation) == (Network(("s1",), ("g1",)), True)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ValidationException", 'Could not find endpoint "slipway-qa-none".'),
        ("ValidationException", "Could not find model"),
        ("ResourceNotFound", "no"),
    ],
)
def test_what_sagemaker_could_not_find_is_absent(code: str, message: str, sagemaker: tuple[SageMaker, Stubber]) -> None:
    facade, stub = sagemaker
    for operation in ("describe_endpoint", "describe_endpoint_config", "describe_model"):
        stub.add_client_error(operation, code, message, 400)
    assert (facade.endpoint("x"), facade.config("x"), facade.model("x")) == (None, None, None)


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        ("AccessDeniedException", "not authorized", AccessDeniedError),
        ("ValidationException", "1 validation error detected", AwsError),
        ("ThrottlingException", "Rate exceeded", AwsError),
    ],
)
def test_anything_else_is_never_absent(
    code: str, message: str, kind: type[AwsError], sagemaker: tuple[SageMaker, Stubber]
) -> None:
    facade, stub = sagemaker
    stub.add_client_error("describe_endpoint", code, message, 400)
    with pytest.raises(kind, match=message) as caught:
        facade.endpoint("slipway-qa-ranker")
    assert "endpoint slipway-qa-ranker" in caught.value.message


# model registry


def package(**more: Any) -> dict[str, Any]:
    return {
        "ModelPackageName": GROUP,
        "ModelPackageArn": PACKAGE,
        "ModelPackageGroupName": GROUP,
        "ModelPackageVersion": 1,
        "ModelPackageDescription": f"release {RELEASE}",
        "ModelApprovalStatus": "PendingManualApproval",
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "CreationTime": WHEN,
        "CustomerMetadataProperties": {"release": RELEASE},
        "InferenceSpecification": {"Containers": [{"Image": "i@sha256:1", "ModelDataUrl": "s3://b/m"}]},
        **more,
    }


def summary(description: str, number: int) -> dict[str, Any]:
    return {
        "ModelPackageArn": f"{ARN}model-package/{GROUP}/{number}",
        "ModelPackageDescription": description,
        "CreationTime": WHEN,
        "ModelPackageStatus": "Completed",
    }


def test_finds_the_package_of_a_release_on_any_page(sagemaker: tuple[SageMaker, Stubber]) -> None:
    facade, stub = sagemaker
    first = {"ModelPackageSummaryList": [summary("release other", 2)], "NextToken": "more"}
    second = {"ModelPackageSummaryList": [summary(f"release {RELEASE}", 1)]}
    asked = {"ModelPackageGroupName": GROUP, "SortBy": "CreationTime", "SortOrder": "Descending"}
    stub.add_response("list_model_packages", first, asked)
    stub.add_response("list_model_packages", second, {**asked, "NextToken": "more"})
    stub.add_response("describe_model_package", package(), {"ModelPackageName": PACKAGE})
    found = facade.find_package(GROUP, RELEASE)
    assert found is not None
    assert (found.arn, found.version, found.approval) == (PACKAGE, 1, "PendingManualApproval")
    assert (found.image, found.model_data_url, found.metadata) == ("i@sha256:1", "s3://b/m", {"release": RELEASE})


def test_no_package_is_none_no_group_is_an_error(sagemaker: tuple[SageMaker, Stubber]) -> None:
    facade, stub = sagemaker
    stub.add_response("list_model_packages", {"ModelPackageSummaryList": []})
    stub.add_client_error("list_model_packages", "ValidationException", f"ModelPackageGroup {GROUP} does not exist.")
    assert facade.find_package(GROUP, RELEASE) is None
    with pytest.raises(NotFoundError, match=f"model package group {GROUP} does not exist") as caught:
        facade.find_package(GROUP, RELEASE)
    assert "apply foundation" in str(caught.value)


def test_registers_a_release_once_with_its_lineage(sagemaker: tuple[SageMaker, Stubber]) -> None:
    facade, stub = sagemaker
    tokens: list[str] = []
    for _ in range(2):
        stub.add_response(
            "create_model_package",
            {"ModelPackageArn": PACKAGE},
            {
                "ModelPackageGroupName": GROUP,
                "ModelPackageDescription": f"release {RELEASE}",
                "ModelApprovalStatus": "PendingManualApproval",
                "InferenceSpecification": {
                    "Containers": [{"Image": "i", "ModelDataUrl": "s3://b/m", "Environment": {"A": "1"}}],
                    "SupportedContentTypes": ["application/json"],
                    "SupportedResponseMIMETypes": ["application/json"],
                },
                "CustomerMetadataProperties": {"commit": "c" * 256, "release": RELEASE},
                "ClientToken": ANY,
            },
        )
    facade._client.meta.events.register(
        "provide-client-params.sagemaker.CreateModelPackage",
        lambda params, **_: tokens.append(params["ClientToken"]),
    )
    for _ in range(2):
        arn = facade.create_package(
            GROUP,
            release=RELEASE,
            image_uri="i",
            model_data_url="s3://b/m",
            environment={"A": "1"},
            metadata={"commit": "c" * 300, "empty": ""},
        )
        assert arn == PACKAGE
    assert len(set(tokens)) == 1
    assert len(tokens[0]) == 36


@pytest.mark.parametrize(("approved", "status"), [(True, "Approved"), (False, "Rejected")])
def test_approves_with_a_comment(approved: bool, status: str, sagemaker: tuple[SageMaker, Stubber]) -> None:
    facade, stub = sagemaker
    stub.add_response(
        "update_model_package",
        {"ModelPackageArn": PACKAGE},
        {"ModelPackageArn": PACKAGE, "ModelApprovalStatus": status, "ApprovalDescription": "jo: fine"},
    )
    facade.set_approval(PACKAGE, approved=approved, comment="jo: fine")


# invoking


class Body:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self) -> bytes:
        return self._data


def test_an_answer_names_the_variant(runtime: tuple[Runtime, Stubber]) -> None:
    facade, stub = runtime
    stub.add_response(
        "invoke_endpoint",
        {"Body": Body(b"{}"), "ContentType": "application/json", "InvokedProductionVariant": "main"},
        {
            "EndpointName": "e",
            "Body": b"[]",
            "ContentType": "application/json",
            "Accept": "application/json",
            "TargetVariant": "main",
        },
    )
    answer = facade.invoke("e", b"[]", content_type="application/json", accept="application/json", variant="main")
    assert (answer.body, answer.content_type, answer.variant) == (b"{}", "application/json", "main")


def test_a_models_own_error_is_told_in_its_words(runtime: tuple[Runtime, Stubber]) -> None:
    facade, stub = runtime
    stub.add_client_error(
        "invoke_endpoint",
        "ModelError",
        "Received server error (500) from primary",
        424,
        response_meta={},
        modeled_fields={"OriginalStatusCode": 500, "OriginalMessage": "KeyError: 'query'"},
    )
    with pytest.raises(ModelError, match="the model behind endpoint e answered 500: KeyError: 'query'") as caught:
        facade.invoke("e", b"[]", content_type="a/b", accept="a/b")
    assert (caught.value.status, caught.value.said) == (500, "KeyError: 'query'")
    assert "/aws/sagemaker/Endpoints/e" in str(caught.value)


def test_an_endpoint_that_is_not_there(runtime: tuple[Runtime, Stubber]) -> None:
    facade, stub = runtime
    message = "Endpoint e of account 222222222222 not found."
    stub.add_client_error("invoke_endpoint", "ValidationError", message, 400)
    stub.add_client_error("invoke_endpoint", "AccessDeniedException", "no", 403)
    with pytest.raises(NotFoundError, match="endpoint e does not exist"):
        facade.invoke("e", b"[]", content_type="a/b", accept="a/b")
    with pytest.raises(AccessDeniedError, match="AWS denied sagemaker:InvokeEndpoint on endpoint e"):
        facade.invoke("e", b"[]", content_type="a/b", accept="a/b")


def test_configs_by_the_beginning_of_their_names(sagemaker: tuple[SageMaker, Stubber]) -> None:
    facade, stub = sagemaker
    names = ["slipway-qa-ranker-r2-1a2b3c4d-0badcafe", "other-slipway-qa-ranker-r2-1a2b3c4d-x"]
    entries = [
        {"EndpointConfigName": name, "EndpointConfigArn": f"{ARN}endpoint-config/{name}", "CreationTime": WHEN}
        for name in names
    ]
    asked = {"NameContains": "slipway-qa-ranker-r2-1a2b3c4d-"}
    stub.add_response("list_endpoint_configs", {"EndpointConfigs": entries, "NextToken": "t"}, asked)
    stub.add_response("list_endpoint_configs", {"EndpointConfigs": []}, {**asked, "NextToken": "t"})
    assert facade.config_names("slipway-qa-ranker-r2-1a2b3c4d-") == (names[0],)
    # A deployment that failed before the config was made was of another revision.
    for seconds, found in ((-1, ()), (1, (names[0],))):
        stub.add_response("list_endpoint_configs", {"EndpointConfigs": entries}, asked)
        until = (WHEN + timedelta(seconds=seconds)).isoformat()
        assert facade.config_names("slipway-qa-ranker-r2-1a2b3c4d-", until=until) == found


def test_an_asynchronous_config_as_aws_describes_it(sagemaker: tuple[SageMaker, Stubber]) -> None:
    facade, stub = sagemaker
    output = {
        "S3OutputPath": "s3://b/async/later/output",
        "S3FailurePath": "s3://b/async/later/failures",
        "KmsKeyId": "arn:key",
        "NotificationConfig": {"ErrorTopic": "arn:topic"},
    }
    stub.add_response(
        "describe_endpoint_config",
        {
            "EndpointConfigName": "c",
            "EndpointConfigArn": f"{ARN}endpoint-config/ccccccccccccccccccccc",
            "ProductionVariants": [{"VariantName": "main", "ModelName": "m"}],
            "AsyncInferenceConfig": {
                "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 2},
                "OutputConfig": output,
            },
            "CreationTime": WHEN,
        },
    )
    found = facade.config("c")
    assert found is not None
    assert found.asynchronous == AsyncConfig(
        "s3://b/async/later/output",
        "s3://b/async/later/failures",
        "arn:key",
        2,
        error_topic_arn="arn:topic",
    )
