"""Turns SageMaker's answers into the dataclasses of `described`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glue.core.described import (
    AsyncConfig,
    DataCapture,
    Endpoint,
    EndpointConfig,
    Model,
    ModelPackage,
    Network,
    Serverless,
    VariantConfig,
    VariantState,
)


def endpoint_of(answer: Mapping[str, Any]) -> Endpoint:
    """Return what DescribeEndpoint said."""
    pending = answer.get("PendingDeploymentSummary") or {}
    return Endpoint(
        name=answer["EndpointName"],
        arn=answer["EndpointArn"],
        status=answer["EndpointStatus"],
        # AWS documents the field as required; an endpoint that failed while it was created may lack it.
        config=answer.get("EndpointConfigName", ""),
        created=_time(answer, "CreationTime"),
        modified=_time(answer, "LastModifiedTime"),
        failure=answer.get("FailureReason") or None,
        variants=_states(answer.get("ProductionVariants")),
        shadow_variants=_states(answer.get("ShadowProductionVariants")),
        pending_config=pending.get("EndpointConfigName"),
        last_deployment=answer.get("LastDeploymentConfig"),
        capture_status=(answer.get("DataCaptureConfig") or {}).get("CaptureStatus"),
    )


def _states(entries: Any) -> dict[str, VariantState]:
    return {entry["VariantName"]: _state(entry) for entry in entries or []}


def _state(entry: Mapping[str, Any]) -> VariantState:
    images = entry.get("DeployedImages") or []
    return VariantState(
        name=entry["VariantName"],
        current_weight=entry.get("CurrentWeight", 0.0),
        desired_weight=entry.get("DesiredWeight", 0.0),
        current_instances=entry.get("CurrentInstanceCount"),
        desired_instances=entry.get("DesiredInstanceCount"),
        images=tuple(image.get("ResolvedImage") or image.get("SpecifiedImage", "") for image in images),
        serverless=entry.get("CurrentServerlessConfig"),
    )


def config_of(answer: Mapping[str, Any]) -> EndpointConfig:
    """Return what DescribeEndpointConfig said."""
    return EndpointConfig(
        name=answer["EndpointConfigName"],
        arn=answer["EndpointConfigArn"],
        variants=_variants(answer.get("ProductionVariants")),
        shadow_variants=_variants(answer.get("ShadowProductionVariants")),
        data_capture=_capture(answer.get("DataCaptureConfig")),
        asynchronous=_asynchronous(answer.get("AsyncInferenceConfig")),
        kms_key_id=answer.get("KmsKeyId"),
        created=_time(answer, "CreationTime"),
    )


def _variants(entries: Any) -> dict[str, VariantConfig]:
    return {entry["VariantName"]: _variant(entry) for entry in entries or []}


def _variant(entry: Mapping[str, Any]) -> VariantConfig:
    serverless = entry.get("ServerlessConfig")
    return VariantConfig(
        name=entry["VariantName"],
        model=entry.get("ModelName", ""),
        weight=entry.get("InitialVariantWeight", 1.0),
        instance_type=entry.get("InstanceType"),
        initial_instance_count=entry.get("InitialInstanceCount"),
        serverless=None
        if not serverless
        else Serverless(
            serverless["MemorySizeInMB"], serverless["MaxConcurrency"], serverless.get("ProvisionedConcurrency")
        ),
        volume_size_in_gb=entry.get("VolumeSizeInGB"),
        container_startup_health_check_timeout_in_seconds=entry.get("ContainerStartupHealthCheckTimeoutInSeconds"),
        model_data_download_timeout_in_seconds=entry.get("ModelDataDownloadTimeoutInSeconds"),
    )


def _capture(entry: Mapping[str, Any] | None) -> DataCapture | None:
    if not entry:
        return None
    header = entry.get("CaptureContentTypeHeader") or {}
    return DataCapture(
        enabled=bool(entry.get("EnableCapture")),
        sampling_percentage=entry["InitialSamplingPercentage"],
        destination_s3_uri=entry["DestinationS3Uri"],
        kms_key_id=entry.get("KmsKeyId"),
        modes=tuple(option["CaptureMode"] for option in entry.get("CaptureOptions", [])),
        json_content_types=tuple(header.get("JsonContentTypes") or ()),
        csv_content_types=tuple(header.get("CsvContentTypes") or ()),
    )


def _asynchronous(entry: Mapping[str, Any] | None) -> AsyncConfig | None:
    if not entry:
        return None
    output = entry.get("OutputConfig") or {}
    topics = output.get("NotificationConfig") or {}
    return AsyncConfig(
        output_s3_uri=output.get("S3OutputPath", ""),
        failure_s3_uri=output.get("S3FailurePath"),
        key_arn=output.get("KmsKeyId"),
        max_concurrent_invocations_per_instance=(entry.get("ClientConfig") or {}).get(
            "MaxConcurrentInvocationsPerInstance"
        ),
        success_topic_arn=topics.get("SuccessTopic"),
        error_topic_arn=topics.get("ErrorTopic"),
    )


def model_of(answer: Mapping[str, Any]) -> Model:
    """Return what DescribeModel said of a model with one container (`PrimaryContainer`, or one of `Containers`)."""
    container: Mapping[str, Any] = answer.get("PrimaryContainer") or next(iter(answer.get("Containers") or []), {})
    vpc = answer.get("VpcConfig")
    return Model(
        name=answer["ModelName"],
        arn=answer["ModelArn"],
        image=container.get("Image", ""),
        model_data_url=container.get("ModelDataUrl", ""),
        environment=dict(container.get("Environment") or {}),
        execution_role_arn=answer.get("ExecutionRoleArn", ""),
        network=Network(tuple(vpc["Subnets"]), tuple(vpc["SecurityGroupIds"])) if vpc else None,
        isolation=bool(answer.get("EnableNetworkIsolation")),
    )


def package_of(answer: Mapping[str, Any]) -> ModelPackage:
    """Return what DescribeModelPackage said."""
    containers = (answer.get("InferenceSpecification") or {}).get("Containers") or [{}]
    return ModelPackage(
        arn=answer["ModelPackageArn"],
        group=answer.get("ModelPackageGroupName", ""),
        version=answer.get("ModelPackageVersion", 0),
        approval=answer.get("ModelApprovalStatus", ""),
        description=answer.get("ModelPackageDescription", ""),
        metadata=dict(answer.get("CustomerMetadataProperties") or {}),
        image=containers[0].get("Image", ""),
        model_data_url=containers[0].get("ModelDataUrl", ""),
        comment=answer.get("ApprovalDescription", ""),
    )


def _time(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    return value.isoformat() if value else ""
