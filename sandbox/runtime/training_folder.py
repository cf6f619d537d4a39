"""The folders, files and variables that a training container finds.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOST = "algo-1"
CHECKPOINTS = "/opt/ml/checkpoints"


@dataclass(frozen=True)
class Layout:
    """The places below /opt/ml, in a folder of its own for each instance of a job."""

    root: Path
    host: str = HOST
    hosts: tuple[str, ...] = (HOST,)

    @property
    def config(self) -> Path:
        """Settings of the job as JSON files."""
        return self.root / "input" / "config"

    @property
    def data(self) -> Path:
        """One folder for each channel."""
        return self.root / "input" / "data"

    @property
    def model(self) -> Path:
        """What becomes model.tar.gz."""
        return self.root / "model"

    @property
    def output(self) -> Path:
        """What becomes output.tar.gz."""
        return self.root / "output" / "data"

    @property
    def checkpoints(self) -> Path:
        """What is copied to the job's checkpoint prefix while it runs."""
        return self.root / "checkpoints"

    @property
    def failure(self) -> Path:
        """Where a failing program says why."""
        return self.root / "output" / "failure"


def prepare(layout: Layout, job: Mapping[str, Any]) -> None:
    """Make the folders and write the settings of a CreateTrainingJob request."""
    for folder in (layout.config, layout.data, layout.model, layout.output, layout.checkpoints):
        folder.mkdir(parents=True, exist_ok=True)
    channels = {
        channel["ChannelName"]: {
            "TrainingInputMode": channel.get("InputMode")
            or job["AlgorithmSpecification"].get("TrainingInputMode")
            or "File",
            "S3DistributionType": _distribution(channel),
            "RecordWrapperType": channel.get("RecordWrapperType") or "None",
            **({"ContentType": channel["ContentType"]} if channel.get("ContentType") else {}),
        }
        for channel in job.get("InputDataConfig") or []
    }
    files = {
        "hyperparameters.json": job.get("HyperParameters") or {},
        "inputdataconfig.json": channels,
        "resourceconfig.json": {
            "current_host": layout.host,
            "hosts": list(layout.hosts),
            "network_interface_name": "eth0",
            "current_instance_type": job["ResourceConfig"].get("InstanceType"),
        },
    }
    for name, content in files.items():
        (layout.config / name).write_text(json.dumps(content))


def variables(layout: Layout, job: Mapping[str, Any], arn: str) -> dict[str, str]:
    """Return the job's variables: TRAINING_JOB_*, and those of the SageMaker training toolkit.

    https://github.com/aws/sagemaker-training-toolkit/blob/master/ENVIRONMENT_VARIABLES.md
    """
    hyperparameters: Mapping[str, str] = job.get("HyperParameters") or {}
    channels = sorted(channel["ChannelName"] for channel in job.get("InputDataConfig") or [])
    return {
        "TRAINING_JOB_NAME": job["TrainingJobName"],
        "TRAINING_JOB_ARN": arn,
        "SM_MODEL_DIR": str(layout.model),
        "SM_INPUT_DIR": str(layout.root / "input"),
        "SM_INPUT_CONFIG_DIR": str(layout.config),
        "SM_OUTPUT_DIR": str(layout.root / "output"),
        "SM_OUTPUT_DATA_DIR": str(layout.output),
        "SM_CHECKPOINT_DIR": str(layout.checkpoints),
        "SM_CHANNELS": json.dumps(channels),
        **{f"SM_CHANNEL_{name.upper()}": str(layout.data / name) for name in channels},
        "SM_HPS": json.dumps(dict(hyperparameters)),
        **{f"SM_HP_{name.upper().replace('-', '_')}": value for name, value in hyperparameters.items()},
        "SM_HOSTS": json.dumps(list(layout.hosts)),
        "SM_CURRENT_HOST": layout.host,
        "SM_NETWORK_INTERFACE_NAME": "eth0",
        "SM_NUM_GPUS": "0",
    }


def pack(sources: Sequence[Path], target: Path) -> bool:
    """Write the files of folders as one tar.gz, without the folders' own names. Return whether there were any.

    SageMaker packs what all instances wrote into one archive:
    https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-output.html
    """
    files = {
        str(path.relative_to(source)): path
        for source in sources
        for path in source.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    if not files:
        return False
    with tarfile.open(target, "w:gz") as archive:
        for name, file in sorted(files.items()):
            archive.add(file, arcname=name)
    return True


def failure_text(layout: Layout) -> str:
    """Return what the program left in output/failure; SageMaker shows the first 1024 characters."""
    try:
        return layout.failure.read_text("utf-8", "replace")[:1024]
    except OSError:
        return ""


def _distribution(channel: Mapping[str, Any]) -> str:
    source = (channel.get("DataSource") or {}).get("S3DataSource") or {}
    return str(source.get("S3DataDistributionType") or "FullyReplicated")
