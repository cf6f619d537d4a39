"""The credentials that SageMaker's jobs work with: one session and one S3 client for each role, not for each job."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto.iam.models import iam_backends

from sandbox.runtime import roles
from sandbox.runtime.context import Context
from sandbox.runtime.training_job import JobError

KEPT = 3600.0  # wall seconds; a session lives twelve hours, so that a job has eleven at least
_Key = tuple[str, str, str]
_lock = threading.Lock()
_kept: dict[_Key, tuple[float, Access]] = {}
_owner: list[Context] = []


@dataclass(frozen=True)
class Access:
    """A role's variables, and a client of S3 that acts with them."""

    role: Mapping[str, str]
    s3: Any


def of(context: Context, role_arn: str, region: str) -> Access:
    """Return what a job of this role works with. A role that was made anew is another one.

    Raises JobError when SageMaker may not, or no longer, assume it.
    """
    try:
        roles.check_trust(role_arn, "sagemaker.amazonaws.com")
    except roles.RoleError as error:
        raise JobError(f"ClientError: {error}") from error
    key = (role_arn, _unique_id(role_arn), region)
    with _lock:
        if not _owner or _owner[0] is not context:
            _forget()
            _owner[:] = [context]
        since, found = _kept.get(key, (0.0, None))
        if found is None or time.monotonic() - since > KEPT:
            role = roles.credentials(context, role_arn=role_arn, region=region, session="SageMaker")
            found = Access(role, roles.client(context, "s3", role, actor="sagemaker"))
            _kept[key] = (time.monotonic(), found)
        return found


def forget() -> None:
    """Close what is kept: the sandbox ends."""
    with _lock:
        _forget()


def _forget() -> None:
    for _, access in _kept.values():
        access.s3.close()
    _kept.clear()
    _owner.clear()


def _unique_id(role_arn: str) -> str:
    backend: Any = iam_backends[role_arn.split(":")[4]]["aws"]
    name = role_arn.rpartition("/")[2]
    return next((one.id for one in list(backend.roles.values()) if one.name == name), "")
