"""The program `train`: runs the model's `train(context)` and reports as SageMaker wants it.

Exit codes: 0 the model is saved, 1 failed (the reason is in the failure file, which becomes the job's FailureReason),
143 stopped at once by a second SIGTERM.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Mapping
from types import FrameType

from . import log
from .context import TrainingContext, failure_file, training_context
from .settings import model_package

FAILURE_LIMIT = 1024  # SageMaker shows the first 1024 characters


class TrainingFailedError(Exception):
    """The training cannot give a usable model."""


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Train once. Returns the exit code; writes the failure file when it is not 0."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # several threads sum in another order: no two models alike
    try:
        context = training_context(environ)
        _listen(context)
        _run(model_package(environ), context)
    except SystemExit as error:
        if error.code in {None, 0}:
            return 0
        return _failed(environ, TrainingFailedError(f"the training left with exit code {error.code}"))
    except BaseException as error:  # noqa: BLE001 - whatever it is, the job's owner must read it
        return _failed(environ, error)
    return 0


def _run(package: str, context: TrainingContext) -> None:
    for folder in (context.model_dir, context.output_dir):
        folder.mkdir(parents=True, exist_ok=True)
    name = f"{package}.train"
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise TrainingFailedError(f"the image has no training program {name}: {error}") from error
    log.write("info", "train", job=context.job_name, channels=sorted(context.channels), cpus=context.num_cpus)
    module.train(context)
    if context.is_leader and not any(path.is_file() for path in context.model_dir.rglob("*")):
        raise TrainingFailedError("train() saved nothing into the model folder")
    log.write("info", "trained", job=context.job_name, stopped=context.stop.is_set())


def _listen(context: TrainingContext) -> None:
    # StopTrainingJob sends SIGTERM and waits 120 s: long enough to save what there is.
    def stop(_: int, __: FrameType | None) -> None:
        if context.stop.is_set():
            os._exit(143)
        context.stop.set()

    signal.signal(signal.SIGTERM, stop)


def _failed(environ: Mapping[str, str], error: BaseException) -> int:
    reason = log.describe(error)
    log.write("error", "train", reason=reason, traceback=log.trace(error))
    path = failure_file(environ)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(reason[:FAILURE_LIMIT], encoding="utf-8")
    except OSError as problem:
        log.write("error", "train", reason=f"cannot write {path}: {log.describe(problem)}")
    sys.stderr.flush()
    return 1
