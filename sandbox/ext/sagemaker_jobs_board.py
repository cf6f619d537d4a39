"""What the page shows of jobs: the newest of each account, of all three kinds."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from moto.sagemaker.models import sagemaker_backends

from sandbox import board
from sandbox.ext.sagemaker_common import LOCK
from sandbox.runtime.processing import ProcessingJob
from sandbox.runtime.training_job import TrainingJob
from sandbox.runtime.tuning import TuningJob
from sandbox.settings import Settings

MOST = 8  # of each account
_STORES: Mapping[str, tuple[str, type]] = {
    "training": ("training_jobs", TrainingJob),
    "processing": ("processing_jobs", ProcessingJob),
    "tuning": ("hyper_parameter_tuning_jobs", TuningJob),
}


def install(settings: Settings) -> None:
    """Register the page's part."""
    del settings
    board.register("jobs", newest)


def newest() -> list[dict[str, Any]]:
    """Return the newest jobs of each account and region, newest first; thousands cost no more than a few."""
    found: list[dict[str, Any]] = []
    for account, regions in list(sagemaker_backends.items()):
        for backend in list(regions.values()):
            jobs = [one for kind in _STORES for one in _last(backend, account, kind)]
            found += sorted(jobs, key=lambda one: str(one["created"]), reverse=True)[:MOST]
    return found


def _last(backend: Any, account: str, kind: str) -> list[dict[str, Any]]:
    name, made = _STORES[kind]
    with LOCK:  # nothing is added meanwhile
        jobs = list(itertools.islice(reversed(getattr(backend, name).values()), MOST))
    return [
        {
            "account": account,
            "kind": kind,
            "name": job.name,
            "status": job.status,
            "secondary": getattr(job, "secondary_status", None),
            "reason": job.failure_reason,
            "created": f"{job.creation_time:%Y-%m-%dT%H:%M:%S.%fZ}",
        }
        for job in jobs
        if isinstance(job, made)
    ]
