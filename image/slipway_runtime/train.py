"""The program `train`: runs the model's `train(context)` and reports as SageMaker wants it.

Exit codes: 0 the model is saved; 1 failed (the reason is in the failure file, which becomes the job's FailureReason);
143 stopped by SIGTERM, with whatever the training saved. SageMaker calls a job that it stopped Stopped, and starts an
interrupted one on spot anew, whatever the code; but 0 would be a lie that could count as Completed.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopTrainingJob.html
"""

from __future__ import annotations

import importlib
import os
import stat
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from . import log
from .context import TrainingContext, failure_file, training_context
from .ending import STOPPED, failed, listen
from .settings import model_package

FAILURE_LIMIT = 1024  # SageMaker shows the first 1024 characters
EPOCH = 315_532_800  # 1980-01-01, the earliest time that every archive format can hold


class TrainingFailedError(Exception):
    """The training cannot give a usable model."""


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Train once. Returns the exit code; writes the failure file when it is 1."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # several threads sum in another order: no two models alike
    stop = threading.Event()
    try:
        context = replace(training_context(environ), stop=stop)
        listen(stop)
        _run(model_package(environ), context)
    except SystemExit as error:
        if error.code in {None, 0}:
            return STOPPED if stop.is_set() else 0
        return _failed(environ, TrainingFailedError(f"the training left with exit code {error.code}"))
    except BaseException as error:  # noqa: BLE001 - whatever it is, the job's owner must read it
        return _failed(environ, error)
    return STOPPED if stop.is_set() else 0


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
    even_out(context.model_dir)
    stopped = context.stop.is_set()
    if context.is_leader and not stopped and not any(path.is_file() for path in context.model_dir.rglob("*")):
        raise TrainingFailedError("train() saved nothing into the model folder")
    log.write("info", "trained", job=context.job_name, stopped=stopped)


def even_out(folder: Path) -> None:
    """Give what SageMaker will pack one time, and modes that no umask decides: the same files are the same entries.

    Anybody may read them, because serving does so as another user than the one who trained.
    """
    for path in (folder, *folder.rglob("*")):
        if path.is_symlink():
            continue
        runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
        path.chmod(0o755 if runs else 0o644)
        os.utime(path, (EPOCH, EPOCH))


def _failed(environ: Mapping[str, str], error: BaseException) -> int:
    return failed("train", error, files=(failure_file(environ),), limit=FAILURE_LIMIT)
