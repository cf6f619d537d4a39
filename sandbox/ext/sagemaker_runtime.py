"""InvokeEndpoint, answered by the model's own server.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from moto.sagemaker.models import sagemaker_backends
from moto.sagemakerruntime.responses import SageMakerRuntimeResponse

from sandbox.ext.sagemaker_common import patch
from sandbox.runtime import context
from sandbox.runtime.capture import Exchange, Recorder, Target
from sandbox.runtime.endpoint import Endpoint
from sandbox.runtime.fleet import Fleet, Variant
from sandbox.runtime.group import Served, ThrottledError
from sandbox.runtime.metrics import Invocation, counted, invoked
from sandbox.runtime.servers import Answer, NoAnswerError, NotReadyError
from sandbox.settings import Settings

# https://docs.aws.amazon.com/general/latest/gr/sagemaker.html
PAYLOAD_LIMIT = 25 * 1024 * 1024
SERVERLESS_PAYLOAD_LIMIT = 4 * 1024 * 1024
# what SageMaker hands on to the container
FORWARDED = (
    "content-type",
    "accept",
    "x-amzn-sagemaker-custom-attributes",
    "x-amzn-sagemaker-inference-id",
    "x-amzn-sagemaker-target-model",
    "x-amzn-sagemaker-session-id",
)
CUSTOM_ATTRIBUTES_LIMIT = 1024
Response = tuple[int, dict[str, Any], bytes | str]

_recorders: list[Recorder] = []
_shadows = ThreadPoolExecutor(max_workers=4, thread_name_prefix="shadow")


def install(settings: Settings) -> None:
    """Replace moto's InvokeEndpoint; bodies stay bytes, whatever they hold."""
    _recorders[:] = [Recorder(context.ensure(settings))]
    SageMakerRuntimeResponse.use_raw_body = True
    SageMakerRuntimeResponse.allow_request_decompression = False
    patch(SageMakerRuntimeResponse, invoke_endpoint)


def flush() -> None:
    """Write captured data now instead of within a second."""
    for recorder in _recorders:
        recorder.flush()


def invoke_endpoint(self: Any) -> Response:
    """InvokeEndpoint: choose a fleet and a variant, call its server, keep metrics and captured data."""
    started = time.perf_counter()
    name = self.path.split("/")[2]
    headers = {key.lower(): value for key, value in self.headers.items()}
    body: bytes = self.raw_body if isinstance(self.raw_body, bytes) else str(self.raw_body).encode()
    endpoint: Endpoint | None = sagemaker_backends[self.current_account][self.region].endpoints.get(name)
    if endpoint is None or not endpoint.serving:
        return refused(400, "ValidationError", f"Endpoint {name} of account {self.current_account} not found.")
    if len(headers.get("x-amzn-sagemaker-custom-attributes", "")) > CUSTOM_ATTRIBUTES_LIMIT:
        return refused(400, "ValidationError", "CustomAttributes must not be longer than 1024 characters.")
    if endpoint.fleet.asynchronous is not None:
        return refused(400, "ValidationError", f"Endpoint {name} is asynchronous: use InvokeEndpointAsync.")
    target = headers.get("x-amzn-sagemaker-target-variant")
    fleet = endpoint.fleet_for(random.random() * 100)  # noqa: S311 (traffic, not a secret)
    variant = fleet.choose(target)
    if variant is None:
        return refused(400, "ValidationError", f"Could not find variant {target or ''} in endpoint {name}.")
    limit = SERVERLESS_PAYLOAD_LIMIT if variant.serverless else PAYLOAD_LIMIT
    if len(body) > limit:
        return refused(413, "413", f"HTTP content length exceeded {limit} bytes.")
    return _answer(_Call(endpoint, fleet, variant, body, headers, started))


@dataclass(frozen=True)
class _Call:
    endpoint: Endpoint
    fleet: Fleet
    variant: Variant
    body: bytes
    headers: Mapping[str, str]
    started: float

    @property
    def elapsed_us(self) -> float:
        return (time.perf_counter() - self.started) * 1e6


def _answer(call: _Call) -> Response:
    endpoint, variant = call.endpoint, call.variant
    forwarded = {key: call.headers[key] for key in FORWARDED if key in call.headers}
    for shadow in call.fleet.shadows.values():
        _mirror(call, shadow, forwarded)
    try:
        served = variant.server.invoke(call.body, forwarded)
    except ThrottledError:
        _measure(call, 429, None, 0)
        return refused(429, "ThrottlingException", f"The serverless endpoint {endpoint.name} is at its MaxConcurrency.")
    except NotReadyError:
        _measure(call, 503, None, 0)
        return refused(503, "ServiceUnavailable", "The endpoint's container is not ready. Try again.")
    except NoAnswerError as error:
        _measure(call, None, call.elapsed_us, 1)
        return _model_error(endpoint, variant, 0, str(error))
    answer = served.answer
    _measure(call, answer.status, answer.microseconds, served.concurrent)
    _serverless(endpoint, variant, served)
    _capture(call, answer)
    if not 200 <= answer.status < 300:
        return _model_error(endpoint, variant, answer.status, answer.body.decode("utf-8", "replace"))
    return 200, _response_headers(answer, variant), answer.body


def _response_headers(answer: Answer, variant: Variant) -> dict[str, Any]:
    headers = {
        "Content-Type": answer.headers.get("content-type", "application/octet-stream"),
        "x-Amzn-Invoked-Production-Variant": variant.name,
    }
    custom = answer.headers.get("x-amzn-sagemaker-custom-attributes")
    if custom:
        headers["X-Amzn-SageMaker-Custom-Attributes"] = custom
    return headers


def _mirror(call: _Call, shadow: Variant, headers: Mapping[str, str]) -> None:
    """A shadow gets its share of the requests: its weight over the variant's. Nobody waits for its answer.

    Data capture logs its requests and answers too, below the shadow's own name.
    https://docs.aws.amazon.com/sagemaker/latest/dg/model-shadow-deployment.html,
    https://docs.aws.amazon.com/sagemaker/latest/dg/shadow-tests-create.html
    """
    share = shadow.weight / call.variant.weight if call.variant.weight else 0.0
    if random.random() >= share:  # noqa: S311 (traffic, not a secret)
        return
    copy = _Call(call.endpoint, call.fleet, shadow, call.body, call.headers, call.started)

    def run() -> None:
        began = time.perf_counter()
        try:
            served = shadow.server.invoke(call.body, headers)
        except (NotReadyError, NoAnswerError, ThrottledError):
            _measure(copy, None, (time.perf_counter() - began) * 1e6, 1, shadow=True)
        else:
            _measure(copy, served.answer.status, served.answer.microseconds, served.concurrent, shadow=True)
            _capture(copy, served.answer)

    _shadows.submit(run)


def _measure(call: _Call, status: int | None, model_us: float | None, concurrent: int, *, shadow: bool = False) -> None:
    invoked(
        Invocation(
            call.endpoint.account_id,
            call.endpoint.region,
            call.endpoint.name,
            call.variant.name,
            call.fleet.config_name,
            status,
            model_us,
            max(call.elapsed_us - (model_us or 0.0), 0.0) if not shadow else 0.0,
            call.variant.count or 1,
            concurrent,
            shadow,
        )
    )


def _serverless(endpoint: Endpoint, variant: Variant, served: Served) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints-monitoring.html."""
    settings = variant.serverless
    if settings is None:
        return
    where = (endpoint.account_id, endpoint.region, endpoint.name, variant.name)
    if served.setup_s is not None:
        counted(where, "ModelSetupTime", served.setup_s * 1e6, "Microseconds")
    share = served.concurrent / int(settings["MaxConcurrency"])
    counted(where, "ServerlessConcurrentExecutionsUtilization", share, "None")
    provisioned = int(settings.get("ProvisionedConcurrency") or 0)
    if provisioned:
        over = float(served.concurrent > provisioned)
        share = min(served.concurrent / provisioned, 1.0)
        counted(where, "ServerlessProvisionedConcurrencyUtilization", share, "None")
        counted(where, "ServerlessProvisionedConcurrencyInvocations", 1.0 - over, "None")
        counted(where, "ServerlessProvisionedConcurrencySpilloverInvocations", over, "None")


def _capture(call: _Call, answer: Answer) -> None:
    config, endpoint = call.fleet.capture, call.endpoint
    if not config:
        return
    target = Target(
        account_id=endpoint.account_id,
        region=endpoint.region,
        role_arn=call.variant.server.container.role_arn,
        endpoint=endpoint.name,
        variant=call.variant.name,
        destination=config["DestinationS3Uri"],
        kms_key_id=config.get("KmsKeyId") or "",
    )
    exchange = Exchange(call.body, call.headers, answer.body, answer.headers)
    for recorder in _recorders:
        recorder.offer(config, target, exchange)


def _model_error(endpoint: Endpoint, variant: Variant, status: int, message: str) -> Response:
    """ModelError, 424, with the container's own status and words."""
    kind = "client" if 400 <= status < 500 else "server"
    group = variant.server.log.group
    text = (
        f'Received {kind} error ({status}) from primary with message "{message}". See '
        f"https://{endpoint.region}.console.aws.amazon.com/cloudwatch/home?region={endpoint.region}"
        f"#logEventViewer:group={group} in account {endpoint.account_id} for more information."
    )
    return refused(
        424,
        "ModelError",
        text,
        OriginalStatusCode=status,
        OriginalMessage=message,
        LogStreamArn=variant.server.log.arn,
    )


def refused(status: int, code: str, message: str, **members: Any) -> Response:
    """Return an error in the runtime's protocol."""
    headers = {"status": status, "x-amzn-errortype": code, "Content-Type": "application/json"}
    return status, headers, json.dumps({"Message": message, **members})
