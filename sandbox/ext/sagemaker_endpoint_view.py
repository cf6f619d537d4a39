"""What DescribeEndpoint shows of an endpoint: no invented fields, no dropped ones.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.ext.sagemaker_common import without_none
from sandbox.runtime.endpoint import Endpoint
from sandbox.runtime.fleet import Variant


def describe(endpoint: Endpoint) -> dict[str, Any]:
    """Return the members of the answer."""
    with endpoint.lock:
        live = endpoint.fleet
        shadows = [_variant(variant) for variant in live.shadows.values()]
        answer = {
            "EndpointName": endpoint.name,
            "EndpointArn": endpoint.arn,
            "EndpointConfigName": endpoint.config_name,
            "ProductionVariants": [_variant(variant) for variant in live.variants.values()],
            "DataCaptureConfig": _capture(live.capture),
            "EndpointStatus": endpoint.status,
            "FailureReason": endpoint.failure_reason,
            "CreationTime": endpoint.creation_time,
            "LastModifiedTime": endpoint.last_modified_time,
            "LastDeploymentConfig": endpoint.last_deployment,
            "PendingDeploymentSummary": _pending(endpoint),
            "ShadowProductionVariants": shadows or None,
        }
    if endpoint.status == "Failed":
        del answer["ProductionVariants"]
    return dict(without_none(answer))


def _variant(variant: Variant) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "VariantName": variant.name,
        "DeployedImages": _images(variant),
        "CurrentWeight": variant.weight,
        "DesiredWeight": variant.desired_weight,
        "CurrentInstanceCount": variant.count,
        "DesiredInstanceCount": variant.desired_count,
        "ManagedInstanceScaling": variant.settings.get("ManagedInstanceScaling"),
        "RoutingConfig": variant.settings.get("RoutingConfig"),
    }
    if variant.serverless:
        summary["CurrentServerlessConfig"] = variant.serverless
        summary["DesiredServerlessConfig"] = variant.serverless
    return summary


def _pending(endpoint: Endpoint) -> dict[str, Any] | None:
    """The deployment under way; during a rollback it is still the one that is being undone."""
    green = endpoint.pending
    if green is None:
        return None
    return {
        "EndpointConfigName": green.config_name,
        "ProductionVariants": _pending_variants(green.variants),
        "StartTime": endpoint.started,
        "ShadowProductionVariants": _pending_variants(green.shadows) or None,
    }


def _pending_variants(variants: Mapping[str, Variant]) -> list[dict[str, Any]]:
    return [
        {**_variant(variant), "InstanceType": variant.settings.get("InstanceType")} for variant in variants.values()
    ]


def _images(variant: Variant) -> list[dict[str, Any]]:
    return [{"SpecifiedImage": variant.image, "ResolvedImage": variant.resolved, "ResolutionTime": variant.resolved_at}]


def _capture(config: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not config:
        return None
    return {
        "EnableCapture": bool(config.get("EnableCapture")),
        "CaptureStatus": "Started" if config.get("EnableCapture") else "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": config.get("KmsKeyId") or "",
    }
