"""What the page shows of jobs: the newest of each account, of all three kinds."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from moto.sagemaker.models import sagemaker_backends

from sandbox import board
from sandbox.ext.sagemaker_common import LOCK
from sandbox.settings import Settings

MOST = 8  # of each account
_STORES: Mapping[str, str] = {
    "training": "training_jobs",
    "processing": "processing_jobs",
    "tuning": "hyper_parameter_tuning_jobs",
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
    name = _STORES[kind]
    with LOCK:  # nothing is added meanwhile
        jobs: list[Any] = list(itertools.islice(reversed(getattr(backend, name).values()), MOST))
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
    ]
