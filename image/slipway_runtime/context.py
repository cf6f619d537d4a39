"""What a training job knows: its folders, channels, hyperparameters and machines.

SageMaker's files: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .settings import ML_ROOT, SettingsError, cpu_count, model_dir

Scalar = str | int | float | bool | None | list[object] | dict[str, object]


@dataclass(frozen=True)
class TrainingContext:
    """Everything that `train(context)` may use. `model_dir` becomes model.tar.gz; `output_dir` becomes output.tar.gz.

    `hyperparameters` are decoded: SageMaker hands over strings, so "15" arrives as 15 and "true" as True.
    `checkpoint_dir` is what SageMaker keeps in S3 while the job runs, and brings back when it runs again; None without.
    """

    model_dir: Path
    output_dir: Path
    failure_file: Path
    channels: Mapping[str, Path]
    hyperparameters: Mapping[str, Scalar]
    num_cpus: int = 1
    job_name: str = "local"
    hosts: tuple[str, ...] = ("algo-1",)
    current_host: str = "algo-1"
    checkpoint_dir: Path | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def is_leader(self) -> bool:
        """Whether this machine is the one that saves the model."""
        return self.current_host == min(self.hosts)


def training_context(environ: Mapping[str, str]) -> TrainingContext:
    """Return the job's context from SM_* variables, else from /opt/ml. Raises SettingsError for unreadable settings."""
    input_dir = Path(environ.get("SM_INPUT_DIR") or ML_ROOT / "input")
    config_dir = Path(environ.get("SM_INPUT_CONFIG_DIR") or input_dir / "config")
    resources = _json_object(config_dir / "resourceconfig.json")
    current = environ.get("SM_CURRENT_HOST") or str(resources.get("current_host") or "algo-1")
    checkpoints = Path(environ.get("SM_CHECKPOINT_DIR") or ML_ROOT / "checkpoints")
    return TrainingContext(
        model_dir=model_dir(environ),
        output_dir=output_dir(environ),
        failure_file=failure_file(environ),
        channels=_channels(environ, input_dir / "data", config_dir),
        hyperparameters=_hyperparameters(environ, config_dir),
        num_cpus=cpu_count(environ),
        job_name=environ.get("TRAINING_JOB_NAME") or "local",
        hosts=_hosts(environ, resources, current),
        current_host=current,
        checkpoint_dir=checkpoints if checkpoints.is_dir() else None,
    )


def output_dir(environ: Mapping[str, str]) -> Path:
    """Return the folder for files beside the model: SM_OUTPUT_DATA_DIR, else /opt/ml/output/data."""
    named = environ.get("SM_OUTPUT_DATA_DIR")
    return Path(named) if named else Path(environ.get("SM_OUTPUT_DIR") or ML_ROOT / "output") / "data"


def failure_file(environ: Mapping[str, str]) -> Path:
    """Return where a failing job says why: in SM_OUTPUT_DIR, else beside SM_OUTPUT_DATA_DIR, else in /opt/ml/output."""
    named = environ.get("SM_OUTPUT_DIR")
    return (Path(named) if named else output_dir(environ).parent) / "failure"


def _hyperparameters(environ: Mapping[str, str], config_dir: Path) -> dict[str, Scalar]:
    text = environ.get("SM_HPS")
    raw = _object(text, "SM_HPS") if text is not None else _json_object(config_dir / "hyperparameters.json")
    # The SageMaker SDK passes its own settings the same way (sagemaker_program, sagemaker_region, ...), and so does a
    # tuning (_tuning_objective_metric).
    return {name: _decoded(value) for name, value in raw.items() if not name.startswith(("sagemaker_", "_tuning_"))}


def _decoded(value: object) -> Scalar:
    if not isinstance(value, str):
        return value  # type: ignore[return-value]  # it came out of JSON
    try:
        return json.loads(value)  # type: ignore[no-any-return]
    except ValueError:
        return value


def _channels(environ: Mapping[str, str], data_dir: Path, config_dir: Path) -> dict[str, Path]:
    names = set(_json_object(config_dir / "inputdataconfig.json"))
    names |= {str(name) for name in _list(environ.get("SM_CHANNELS"), "SM_CHANNELS")}
    channels = {name: data_dir / name for name in names}
    for variable, value in environ.items():
        if variable.startswith("SM_CHANNEL_") and value:
            upper = variable.removeprefix("SM_CHANNEL_")
            channels[next((name for name in names if name.upper() == upper), upper.lower())] = Path(value)
    return channels


def _hosts(environ: Mapping[str, str], resources: Mapping[str, object], current: str) -> tuple[str, ...]:
    hosts = _list(environ.get("SM_HOSTS"), "SM_HOSTS") or resources.get("hosts")
    return tuple(str(host) for host in hosts) if isinstance(hosts, list) and hosts else (current,)


def _json_object(path: Path) -> dict[str, object]:
    if not path.is_file():
        return {}
    return _object(path.read_text(encoding="utf-8"), str(path))


def _object(text: str, source: str) -> dict[str, object]:
    value = _json(text, source)
    if not isinstance(value, dict):
        raise SettingsError(f"{source} is not a JSON object")
    return value


def _list(text: str | None, source: str) -> list[object]:
    value = _json(text, source) if text else []
    if not isinstance(value, list):
        raise SettingsError(f"{source} is not a JSON list")
    return value


def _json(text: str, source: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise SettingsError(f"{source} is not JSON: {error}") from error
