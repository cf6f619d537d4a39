"""InvokeEndpointAsync: accepted at once, answered to S3.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointAsync.html
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from moto.sagemaker.models import sagemaker_backends
from moto.sagemakerruntime.responses import SageMakerRuntimeResponse

from sandbox.ext.sagemaker_common import patch
from sandbox.ext.sagemaker_runtime import FORWARDED, Response, refused
from sandbox.runtime import context
from sandbox.runtime.asynchronous import TTL, Job, forget, locations, queue_of
from sandbox.runtime.endpoint import Endpoint
from sandbox.settings import Settings

LONGEST_TTL = 21600
_NAMED = {"content-type": "x-amzn-sagemaker-content-type", "accept": "x-amzn-sagemaker-accept"}
_settings: list[Settings] = []


def install(settings: Settings) -> None:
    """Replace moto's InvokeEndpointAsync."""
    _settings[:] = [settings]
    patch(SageMakerRuntimeResponse, invoke_endpoint_async)


def shutdown() -> None:
    """Drop what still waits."""
    forget()


def invoke_endpoint_async(self: Any) -> Response:
    """Accept a request (202), say where its answer will lie, and put it into the endpoint's queue."""
    name = self.path.split("/")[2]
    headers = {key.lower(): value for key, value in self.headers.items()}
    endpoint: Endpoint | None = sagemaker_backends[self.current_account][self.region].endpoints.get(name)
    if endpoint is None or not endpoint.serving:
        return refused(400, "ValidationError", f"Endpoint {name} of account {self.current_account} not found.")
    config = endpoint.fleet.asynchronous
    if config is None:
        return refused(400, "ValidationError", f"Endpoint {name} has no AsyncInferenceConfig: use InvokeEndpoint.")
    place = headers.get("x-amzn-sagemaker-inputlocation", "")
    if not place.startswith("s3://"):
        return refused(400, "ValidationError", f"InputLocation must be an S3 URI, not {place!r}.")
    ttl = headers.get("x-amzn-sagemaker-requestttlseconds") or str(int(TTL))
    if not ttl.isdecimal() or not 60 <= int(ttl) <= LONGEST_TTL:
        return refused(400, "ValidationError", f"RequestTTLSeconds must be from 60 to {LONGEST_TTL}.")
    inference_id = headers.get("x-amzn-sagemaker-inference-id") or str(uuid.uuid4())
    output, failure = locations(config)
    # Content-Type and Accept are this call's, which has no body; those of the request in S3 have names of their own.
    named = {key: headers.get(_NAMED.get(key, key)) for key in FORWARDED}
    forwarded = {key: value for key, value in named.items() if value is not None}
    kept = {**forwarded, "x-amzn-sagemaker-inference-id": inference_id}
    queue_of(context.ensure(_settings[0]), endpoint).put(
        Job(inference_id, place, output, failure, kept, ttl=float(ttl))
    )
    answer = {"status": 202, "Content-Type": "application/json", "X-Amzn-SageMaker-OutputLocation": output}
    if failure:
        answer["X-Amzn-SageMaker-FailureLocation"] = failure
    return 202, answer, json.dumps({"InferenceId": inference_id})
