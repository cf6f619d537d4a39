"""Data preparation on spot: SageMaker Processing knows none, so it becomes a managed spot training.

The same image and program; inputs become channels, and outputs go through the checkpoint folder, which SageMaker
copies to S3 as plain files while the job runs, and back when it starts again
(https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html). The program finds its folders in two
variables, in both cases. See docs/decisions/0015-processing-on-spot-is-a-training.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

INPUT_VARIABLE, OUTPUT_VARIABLE = "SLIPWAY_INPUT_DIR", "SLIPWAY_OUTPUT_DIR"
PROCESSING_INPUT, PROCESSING_OUTPUT = "/opt/ml/processing/input", "/opt/ml/processing/output"
TRAINING_INPUT, CHECKPOINTS = "/opt/ml/input/data", "/opt/ml/checkpoints"
_CHANNEL_MEMBERS = {"S3InputMode": "InputMode", "S3CompressionType": "CompressionType"}
_SOURCE_MEMBERS = ("S3Uri", "S3DataType", "S3DataDistributionType")


def as_training(params: Mapping[str, Any], *, output: str) -> dict[str, Any]:
    """Return CreateTrainingJob's parameters for those of CreateProcessingJob. `output` is the job's output folder."""
    app = params["AppSpecification"]
    cluster = params["ProcessingResources"]["ClusterConfig"]
    network = params.get("NetworkConfig", {})
    outputs = params.get("ProcessingOutputConfig", {})
    algorithm = {"TrainingImage": app["ImageUri"], "TrainingInputMode": "File"}
    algorithm |= {name: app[name] for name in ("ContainerEntrypoint", "ContainerArguments") if name in app}
    found: dict[str, Any] = {
        "AlgorithmSpecification": algorithm,
        "ResourceConfig": {
            name: cluster[name]
            for name in ("InstanceType", "InstanceCount", "VolumeSizeInGB", "VolumeKmsKeyId")
            if name in cluster
        },
        "CheckpointConfig": {"S3Uri": base_of(params) or output, "LocalPath": CHECKPOINTS},
        "Environment": {
            **params.get("Environment", {}),
            INPUT_VARIABLE: TRAINING_INPUT,
            OUTPUT_VARIABLE: CHECKPOINTS,
        },
    }
    if channels := [_channel(entry) for entry in params.get("ProcessingInputs", [])]:
        found["InputDataConfig"] = channels
    if "KmsKeyId" in outputs:
        found["OutputDataConfig"] = {"KmsKeyId": outputs["KmsKeyId"]}
    found |= {name: params[name] for name in ("RoleArn", "StoppingCondition", "ExperimentConfig") if name in params}
    return found | {name: value for name, value in network.items() if name in _NETWORK}


_NETWORK = ("EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "VpcConfig")


def problems(params: Mapping[str, Any]) -> Iterator[str]:
    """Yield what cannot be had on spot: whatever a channel and one checkpoint folder cannot hold."""
    app = params.get("AppSpecification")
    if isinstance(app, Mapping) and not app.get("ContainerEntrypoint"):
        yield (
            "arguments.AppSpecification.ContainerEntrypoint: is missing; with spot give it, because a training "
            "starts an image's program `train`"
        )
    for at, entry in enumerate(_entries(params.get("ProcessingInputs"))):
        where = f"arguments.ProcessingInputs[{at}]"
        source = entry.get("S3Input")
        if not isinstance(source, Mapping):
            yield f"{where}: with spot an input must be an S3Input"
        elif source.get("LocalPath") != (wanted := f"{PROCESSING_INPUT}/{entry.get('InputName')}"):
            yield f"{where}.S3Input.LocalPath: with spot it must be {wanted} (the program reads {INPUT_VARIABLE})"
    outputs = params.get("ProcessingOutputConfig")
    entries = _entries(outputs.get("Outputs") if isinstance(outputs, Mapping) else None)
    for at, entry in enumerate(entries):
        yield from _output_problems(f"arguments.ProcessingOutputConfig.Outputs[{at}]", entry)
    if len({_parent(entry) for entry in entries} - {None}) > 1:
        yield (
            "arguments.ProcessingOutputConfig.Outputs: with spot all outputs must lie below one S3 prefix: "
            "<prefix>/<OutputName>"
        )


def base_of(params: Mapping[str, Any]) -> str | None:
    """Return the S3 prefix that all outputs share, or None without outputs."""
    outputs = params.get("ProcessingOutputConfig")
    entries = _entries(outputs.get("Outputs") if isinstance(outputs, Mapping) else None)
    return next((parent for entry in entries if (parent := _parent(entry))), None)


def _output_problems(where: str, entry: Mapping[str, Any]) -> Iterator[str]:
    target = entry.get("S3Output")
    if not isinstance(target, Mapping):
        yield f"{where}: with spot an output must be an S3Output"
        return
    name = entry.get("OutputName")
    if target.get("LocalPath") != (wanted := f"{PROCESSING_OUTPUT}/{name}"):
        yield f"{where}.S3Output.LocalPath: with spot it must be {wanted} (the program writes to {OUTPUT_VARIABLE})"
    if _parent(entry) is None:
        yield f"{where}.S3Output.S3Uri: with spot it must end with /{name}"


def _parent(entry: Mapping[str, Any]) -> str | None:
    target = entry.get("S3Output")
    uri = target.get("S3Uri") if isinstance(target, Mapping) else None
    if not isinstance(uri, str):
        return None
    parent, _, last = uri.rstrip("/").rpartition("/")
    return parent if last == entry.get("OutputName") else None


def _channel(entry: Mapping[str, Any]) -> dict[str, Any]:
    source = entry["S3Input"]
    channel: dict[str, Any] = {
        "ChannelName": entry["InputName"],
        "DataSource": {"S3DataSource": {name: source[name] for name in _SOURCE_MEMBERS if name in source}},
    }
    return channel | {ours: source[theirs] for theirs, ours in _CHANNEL_MEMBERS.items() if theirs in source}


def _entries(value: object) -> list[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []
