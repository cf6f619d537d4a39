"""SageMaker endpoint configs: DescribeEndpointConfig gives back what CreateEndpointConfig got.

moto knows a list of instance types only, and drops shadow variants, explainers and network settings.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpointConfig.html
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.sagemaker.responses import SageMakerResponse

from sandbox.ext.sagemaker_common import (
    LOCK,
    Record,
    arn,
    backend,
    invalid,
    listed,
    matches,
    new_record,
    params,
    patch,
)
from sandbox.settings import Settings

INSTANCE_TYPE = re.compile(r"ml\.[a-z0-9][a-z0-9-]*\.[a-z0-9-]+")
SERVERLESS_MEMORY = range(1024, 6145, 1024)  # MB


def install(settings: Settings) -> None:
    """Replace moto's endpoint config operations."""
    del settings
    patch(
        SageMakerResponse,
        create_endpoint_config,
        describe_endpoint_config,
        list_endpoint_configs,
        delete_endpoint_config,
    )


def create_endpoint_config(self: Any) -> ActionResult:
    """CreateEndpointConfig: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html."""
    request = params(self)
    configs = backend(self).endpoint_configs
    with LOCK:
        record = new_record(self, "endpoint-config", request["EndpointConfigName"], configs)
        _check_variants(self, request)
        configs[record.name] = record
    return ActionResult({"EndpointConfigArn": record.arn})


def describe_endpoint_config(self: Any) -> ActionResult:
    """DescribeEndpointConfig: the request, defaults filled in."""
    record = config_of(self, params(self)["EndpointConfigName"])
    echo = copy.deepcopy(record.request)
    for variant in _variants(echo):
        variant.setdefault("InitialVariantWeight", 1.0)
    echo.setdefault("EnableNetworkIsolation", False)
    return ActionResult({**echo, "EndpointConfigArn": record.arn, "CreationTime": record.creation_time})


def list_endpoint_configs(self: Any) -> ActionResult:
    """ListEndpointConfigs: newest first unless asked otherwise."""
    request = params(self)
    found = [record for record in backend(self).endpoint_configs.values() if matches(record, request)]
    keys = {"CreationTime": lambda record: record.creation_time, "Name": lambda record: record.name}
    page, token = listed(found, request, sort_keys=keys)
    configs = [
        {
            "EndpointConfigName": record.name,
            "EndpointConfigArn": record.arn,
            "CreationTime": record.creation_time,
        }
        for record in page
    ]
    return ActionResult({"EndpointConfigs": configs, "NextToken": token})


def delete_endpoint_config(self: Any) -> EmptyResult:
    """DeleteEndpointConfig, refused while an endpoint uses the config.

    AWS says "you must not delete an EndpointConfig in use", without refusing it in every case: here it always is, so
    that whoever does it hears of it (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteEndpointConfig.html).
    """
    with LOCK:
        record = config_of(self, params(self)["EndpointConfigName"])
        users = [
            endpoint.name
            for endpoint in backend(self).endpoints.values()
            if endpoint.status not in {"Failed", "Deleting"}
            and record.name in {endpoint.config_name, endpoint.fleet.config_name, endpoint.pending_config}
        ]
        if users:
            raise invalid(
                f'Cannot delete endpoint configuration "{record.arn}" because it is in use by endpoint(s) '
                f"[{', '.join(users)}]."
            )
        del backend(self).endpoint_configs[record.name]
    return EmptyResult()


def config_of(response: Any, name: str) -> Record:
    """Return an endpoint config of the caller's account. Raises ValidationException."""
    record: Record | None = backend(response).endpoint_configs.get(name)
    if record is None:
        raise invalid(f'Could not find endpoint configuration "{arn(response, "endpoint-config", name)}".')
    return record


def _variants(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [*request["ProductionVariants"], *(request.get("ShadowProductionVariants") or [])]


def _check_variants(response: Any, request: Mapping[str, Any]) -> None:
    variants = _variants(request)
    if not 1 <= len(request["ProductionVariants"]) <= 10:
        raise invalid("ProductionVariants must have from 1 to 10 members.")
    names = [variant["VariantName"] for variant in variants]
    if len(set(names)) != len(names):
        raise invalid("Duplicate variant names are not allowed in an endpoint configuration.")
    for variant in variants:
        model = variant.get("ModelName")
        if model and model not in backend(response)._models:
            raise invalid(f'Could not find model "{arn(response, "model", model)}".')
        _check_capacity(variant)


def _check_capacity(variant: Mapping[str, Any]) -> None:
    """Instances or serverless, one of the two; the type of the form ml.<family>.<size>."""
    name, serverless, kind = variant["VariantName"], variant.get("ServerlessConfig"), variant.get("InstanceType")
    if bool(serverless) == bool(kind):
        raise invalid(f"Variant {name} must have either an InstanceType or a ServerlessConfig.")
    if kind and not INSTANCE_TYPE.fullmatch(kind):
        raise invalid(
            f"1 validation error detected: Value '{kind}' at 'productionVariants.1.member.instanceType' failed to "
            "satisfy constraint: Member must satisfy enum value set: [ml.<family>.<size>]"
        )
    if kind and int(variant.get("InitialInstanceCount") or 0) < 1 and not variant.get("ManagedInstanceScaling"):
        raise invalid(f"Variant {name} must have an InitialInstanceCount of at least 1.")
    if float(variant.get("InitialVariantWeight", 1.0)) < 0:
        raise invalid(f"The InitialVariantWeight of variant {name} must not be negative.")
    if serverless and serverless.get("MemorySizeInMB") not in SERVERLESS_MEMORY:
        raise invalid("MemorySizeInMB must be one of [1024, 2048, 3072, 4096, 5120, 6144].")
    if serverless and not 1 <= int(serverless.get("MaxConcurrency") or 0) <= 200:
        raise invalid("MaxConcurrency must be from 1 to 200.")
    if serverless and int(serverless.get("ProvisionedConcurrency") or 0) > int(serverless["MaxConcurrency"]):
        raise invalid("ProvisionedConcurrency must not exceed MaxConcurrency.")
