"""The program `prepare`: runs the model's `prepare(context)`, which makes the channels of a training.

It is the entry point of a SageMaker Processing job, and on spot of a training job that runs it
(ContainerEntrypoint ["prepare"], ContainerArguments ["name=value", …]). Its folders are in two variables in both cases:
SLIPWAY_INPUT_DIR and SLIPWAY_OUTPUT_DIR; without them they are Processing's own places
(https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html).

Exit codes: 0 done, 1 failed, 143 stopped by SIGTERM. The reason of a failure becomes the job's ExitMessage or
FailureReason: it is written to both of SageMaker's files.
"""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import log
from .context import failure_file
from .ending import STOPPED, failed, listen
from .settings import ML_ROOT, SettingsError, model_package

MESSAGE_LIMIT = 1024  # ExitMessage and FailureReason take so many characters


@dataclass(frozen=True)
class PrepareContext:
    """Everything that `prepare(context)` may use: each input and each output is a folder below one of the two."""

    input_dir: Path
    output_dir: Path
    arguments: Mapping[str, str] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)


def main(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> int:
    """Prepare once. Returns the exit code."""
    stop = threading.Event()
    try:
        context = prepare_context(arguments, environ, stop)
        listen(stop)
        context.output_dir.mkdir(parents=True, exist_ok=True)
        log.write("info", "prepare", input=str(context.input_dir), arguments=dict(context.arguments))
        _program(f"{model_package(environ)}.prepare")(context)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the job's owner must read it
        return _failed(environ, error)
    log.write("info", "prepared", stopped=stop.is_set())
    return STOPPED if stop.is_set() else 0


def prepare_context(arguments: Sequence[str], environ: Mapping[str, str], stop: threading.Event) -> PrepareContext:
    """Return the job's folders and arguments. Raises SettingsError for an argument that is not name=value."""
    found: dict[str, str] = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not name or not equals or name in found:
            raise SettingsError(f"argument {argument!r} is not name=value, once for each name")
        found[name] = value
    return PrepareContext(
        input_dir=Path(environ.get("SLIPWAY_INPUT_DIR") or ML_ROOT / "processing" / "input"),
        output_dir=Path(environ.get("SLIPWAY_OUTPUT_DIR") or ML_ROOT / "processing" / "output"),
        arguments=found,
        stop=stop,
    )


def _program(name: str) -> Callable[[PrepareContext], None]:
    try:
        program: Callable[[PrepareContext], None] = importlib.import_module(name).prepare
    except ModuleNotFoundError as error:
        raise SettingsError(f"the image has no program {name}: {error}") from error
    return program


def _failed(environ: Mapping[str, str], error: BaseException) -> int:
    failure = failure_file(environ)
    return failed("prepare", error, files=(failure, failure.with_name("message")), limit=MESSAGE_LIMIT)
