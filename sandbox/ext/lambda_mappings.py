"""Event source mappings, and settings of asynchronous calls, as AWS keeps them; the pollers run beside the requests.

moto calls functions inside the request that writes to a queue or a table, loses an alias, and keeps only the first
settings of asynchronous calls. https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
"""

from __future__ import annotations

import json
import time
from typing import Any

from moto.awslambda.models import EventInvokeConfig, EventSourceMapping, LambdaBackend
from moto.awslambda.responses import LambdaResponse
from moto.sqs.models import Queue

from sandbox.errors import AwsError
from sandbox.events import access, mappings, patterns, queues, source_queue, source_stream, streams
from sandbox.ext.lambda_common import answer, backend, function_arn, invalid, names, not_found, patch
from sandbox.runtime import context, function_calls
from sandbox.settings import Settings

_originals: dict[str, Any] = {}
_CHANGES = {
    "BatchSize": "batch_size",
    "Enabled": "enabled",
    "MaximumBatchingWindowInSeconds": "max_batch_window",
    "BisectBatchOnFunctionError": "bisect_on_error",
    "DestinationConfig": "destination_config",
    "FilterCriteria": "filter_criteria",
    "FunctionResponseTypes": "function_response_types",
    "MaximumRecordAgeInSeconds": "max_record_age",
    "MaximumRetryAttempts": "max_retry_attempts",
    "ParallelizationFactor": "parallelization_factor",
    "ScalingConfig": "scaling_config",
    "TumblingWindowInSeconds": "tumbling_window",
}


def install(settings: Settings) -> None:
    """Replace moto's mappings and its settings of asynchronous calls; begin to poll."""
    context.ensure(settings)
    _originals.setdefault("get_configuration", EventSourceMapping.get_configuration)
    EventSourceMapping.get_configuration = _shown
    LambdaBackend.create_event_source_mapping = _create
    LambdaBackend.update_event_source_mapping = _update
    LambdaBackend.delete_event_source_mapping = _delete
    patch(
        LambdaResponse,
        put_function_event_invoke_config,
        update_function_event_invoke_config,
        get_function_event_invoke_config,
        delete_function_event_invoke_config,
        list_function_event_invoke_configs,
    )
    mappings.begin()


def shutdown() -> None:
    """Stop polling."""
    mappings.end()


def _create(self: Any, spec: dict[str, Any]) -> Any:
    source, name = spec.get("EventSourceArn"), str(spec.get("FunctionName") or "")
    if not source or source.split(":")[2:3] not in (["sqs"], ["dynamodb"]):
        raise AwsError("InvalidParameterValueException", f"The sandbox reads queues and tables' streams, not {source}.")
    arn = name if name.startswith("arn:") else _arn_of(self, name)
    try:
        function = function_calls.find(arn)
    except AwsError as error:
        raise not_found(error.message) from error
    _check_source(source, function)
    _check(spec, source)
    _check_role(source, function)
    if any(one.event_source_arn == source and one.function_arn == arn for one in _all(self)):
        raise AwsError(
            "ResourceConflictException",
            f'An event source mapping with SQS arn (" {source} ") and function (" {function.function_name} ") already '
            "exists. Please update or delete the existing mapping",
            409,
        )
    spec |= {"RegionName": self.region_name, "AccountId": self.account_id, "FunctionArn": arn}
    if ":sqs:" not in source and spec.get("StartingPosition") not in {"TRIM_HORIZON", "LATEST"}:
        raise invalid("1 validation error detected: StartingPosition must be TRIM_HORIZON or LATEST.")
    made = EventSourceMapping(spec)
    made.last_result = "No records processed"
    if ":sqs:" not in source and spec["StartingPosition"] == "LATEST":
        made.position = streams.end(streams.shard_of(source))
    self._event_source_mappings[made.uuid] = made
    mappings.look()
    return made


def _arn_of(self: Any, name: str) -> str:
    prefix = f"arn:aws:lambda:{self.region_name}:{self.account_id}:function:"
    return prefix + name.rpartition(":function:")[2]


def _all(self: Any) -> list[Any]:
    return list(self._event_source_mappings.values())


def _check_source(source: str, function: Any) -> None:
    try:
        if ":sqs:" not in source:
            streams.shard_of(source)
            return
        queue: Queue = queues.find(source)
    except (AwsError, ValueError) as error:
        raise invalid("Error occurred while ReceiveMessage or GetRecords: the event source does not exist.") from error
    if float(queue.visibility_timeout) < float(function.timeout or 3):
        raise invalid(
            f"Queue visibility timeout: {queue.visibility_timeout} seconds is less than Function timeout: "
            f"{int(function.timeout or 3)} seconds"
        )


def _check_role(source: str, function: Any) -> None:
    """The role must be able to read the source when the mapping is made, as on AWS."""
    try:
        for action in source_queue.READ if ":sqs:" in source else source_stream.READ:
            access.check(function.role, action, source, {})
    except AwsError as error:
        raise invalid(f"The provided execution role does not have permissions to read {source}: {error}") from error


def _check(spec: dict[str, Any], source: str) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html."""
    queue = ":sqs:" in source
    most = 10 if source.endswith(".fifo") else 10_000
    size, window = spec.get("BatchSize"), spec.get("MaximumBatchingWindowInSeconds")
    if size is not None and not 1 <= int(size) <= most:
        raise invalid(f"BatchSize must be from 1 to {most}.")
    if queue and size is not None and int(size) > 10 and not window:
        raise invalid("Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10")
    if window is not None and not 0 <= int(window) <= 300:
        raise invalid("MaximumBatchingWindowInSeconds must be from 0 to 300.")
    concurrency = (spec.get("ScalingConfig") or {}).get("MaximumConcurrency")
    if concurrency is not None and not 2 <= int(concurrency) <= 1000:
        raise invalid("MaximumConcurrency must be from 2 to 1000.")
    for one in (spec.get("FilterCriteria") or {}).get("Filters") or []:
        try:
            patterns.parse(one.get("Pattern", ""))
        except patterns.PatternError as error:
            raise invalid(f"Invalid filter pattern definition. ({error})") from error


def _update(self: Any, uuid: str, spec: dict[str, Any]) -> Any:
    mapping = self._event_source_mappings.get(uuid)
    if mapping is None:
        return None
    _check(spec, mapping.event_source_arn)
    if spec.get("FunctionName"):
        name = str(spec["FunctionName"])
        mapping.function_arn = name if name.startswith("arn:") else _arn_of(self, name)
    for key, attribute in _CHANGES.items():
        if key in spec:
            setattr(mapping, attribute, spec[key])
    mapping.last_modified = time.time()
    mappings.look()
    return mapping


def _delete(self: Any, uuid: str) -> Any:
    mapping = self._event_source_mappings.pop(uuid, None)
    if mapping is not None:
        mappings.look()
    return mapping


def _shown(self: Any) -> dict[str, Any]:
    shown: dict[str, Any] = _originals["get_configuration"](self)
    shown["LastProcessingResult"] = self.__dict__.get("last_result") or "No records processed"
    shown["StateTransitionReason"] = "USER_INITIATED"
    if ":sqs:" in self.event_source_arn:
        shown.pop("StartingPosition", None)
        return shown
    usual = {"MaximumRetryAttempts": -1, "MaximumRecordAgeInSeconds": -1, "ParallelizationFactor": 1}
    usual |= {"BisectBatchOnFunctionError": False, "TumblingWindowInSeconds": 0, "MaximumBatchingWindowInSeconds": 0}
    return {**usual, "FunctionResponseTypes": [], "DestinationConfig": {"OnFailure": {}}, **shown}


def put_function_event_invoke_config(self: Any) -> Any:
    """PutFunctionEventInvokeConfig: replaces all settings of the function, or of a version or alias."""
    configs, qualifier = _configs(self)
    configs[qualifier] = EventInvokeConfig(function_arn(self), time.time(), json.loads(self.body))
    return answer(200, _config(self))


def update_function_event_invoke_config(self: Any) -> Any:
    """UpdateFunctionEventInvokeConfig: what is not sent stays."""
    configs, qualifier = _configs(self)
    known = configs[qualifier].config if qualifier in configs else {}
    configs[qualifier] = EventInvokeConfig(function_arn(self), time.time(), {**known, **json.loads(self.body)})
    return answer(200, _config(self))


def get_function_event_invoke_config(self: Any) -> Any:
    """GetFunctionEventInvokeConfig."""
    return answer(200, _config(self))


def delete_function_event_invoke_config(self: Any) -> Any:
    """DeleteFunctionEventInvokeConfig."""
    configs, qualifier = _configs(self)
    _config(self)
    del configs[qualifier]
    return answer(204, None)


def list_function_event_invoke_configs(self: Any) -> Any:
    """ListFunctionEventInvokeConfigs."""
    configs, _ = _configs(self)
    return answer(200, {"FunctionEventInvokeConfigs": [_described(one) for one in configs.values()]})


def _configs(response: Any) -> tuple[dict[str, Any], str]:
    _, _, name, qualifier = names(response)
    group = backend(response)._lambdas._functions.get(name)
    if group is None:
        raise not_found(f"The function {function_arn(response)} doesn't exist.")
    if qualifier and qualifier != "$LATEST":
        backend(response).get_function(name, qualifier)  # raises ResourceNotFoundException
    found: dict[str, Any] = group.setdefault("event_invoke", {})
    return found, qualifier or "$LATEST"


def _config(response: Any) -> dict[str, Any]:
    configs, qualifier = _configs(response)
    if qualifier not in configs:
        raise not_found(f"The function {function_arn(response)} doesn't have an EventInvokeConfig")
    return _described(configs[qualifier])


def _described(config: Any) -> dict[str, Any]:
    made = {"DestinationConfig": {"OnFailure": {}, "OnSuccess": {}}, **config.config}
    arn = config.arn if config.arn.count(":") == 7 else f"{config.arn}:$LATEST"
    return {**made, "FunctionArn": arn, "LastModified": config.last_modified}
