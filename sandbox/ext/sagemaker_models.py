"""SageMaker models: DescribeModel gives back what CreateModel got; names are taken once.

moto invents VpcConfig and drops EnableNetworkIsolation and InferenceExecutionConfig.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeModel.html
"""

from __future__ import annotations

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


def install(settings: Settings) -> None:
    """Replace moto's model operations."""
    del settings
    patch(SageMakerResponse, create_model, describe_model, list_models, delete_model)


def create_model(self: Any) -> ActionResult:
    """CreateModel: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModel.html."""
    request = params(self)
    models = backend(self)._models
    containers = [request["PrimaryContainer"]] if request.get("PrimaryContainer") else request.get("Containers") or []
    if request.get("PrimaryContainer") and request.get("Containers"):
        raise invalid("Both Containers and PrimaryContainer are provided. Only one of them can be specified.")
    if not containers:
        raise invalid("Either Containers or PrimaryContainer must be provided.")
    for container in containers:
        if not container.get("Image") and not container.get("ModelPackageName"):
            raise invalid("Both Image and ModelPackageName are not provided. One of them must be specified.")
    with LOCK:
        record = new_record(self, "model", request["ModelName"], models)
        models[record.name] = record
    return ActionResult({"ModelArn": record.arn})


def describe_model(self: Any) -> ActionResult:
    """DescribeModel: the request, defaults filled in."""
    record = _model(self)
    echo = {"EnableNetworkIsolation": False, **record.request}
    for container in _containers(echo):
        container.setdefault("Mode", "SingleModel")
    return ActionResult({**echo, "ModelArn": record.arn, "CreationTime": record.creation_time})


def list_models(self: Any) -> ActionResult:
    """ListModels: newest first unless asked otherwise."""
    request = params(self)
    found = [record for record in backend(self)._models.values() if matches(record, request)]
    keys = {"CreationTime": lambda record: record.creation_time, "Name": lambda record: record.name}
    page, token = listed(found, request, sort_keys=keys)
    models = [
        {"ModelName": record.name, "ModelArn": record.arn, "CreationTime": record.creation_time} for record in page
    ]
    return ActionResult({"Models": models, "NextToken": token})


def delete_model(self: Any) -> EmptyResult:
    """DeleteModel. The model may still be in use: its endpoints go on, but cannot be patched or scaled any more."""
    with LOCK:
        record = _model(self)
        del backend(self)._models[record.name]
    return EmptyResult()


def _model(response: Any) -> Record:
    name = params(response)["ModelName"]
    record: Record | None = backend(response)._models.get(name)
    if record is None:
        raise invalid(f'Could not find model "{arn(response, "model", name)}".')
    return record


def _containers(request: dict[str, Any]) -> list[dict[str, Any]]:
    primary = request.get("PrimaryContainer")
    if primary is not None:
        request["PrimaryContainer"] = dict(primary)
        return [request["PrimaryContainer"]]
    request["Containers"] = [dict(container) for container in request.get("Containers") or []]
    return list(request["Containers"])
