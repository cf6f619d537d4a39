"""How many instances of a type an account uses at once, and the quota that a fault sets for them.

https://docs.aws.amazon.com/general/latest/gr/sagemaker.html: each usage (training, spot training, processing) has a
quota for each instance type, and a request that would go beyond it is refused with ResourceLimitExceeded.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from moto.sagemaker.exceptions import SagemakerClientError

from sandbox import faults

_lock = threading.Lock()
_used: dict[str, Use] = {}  # ARN of the job -> what it uses


class LimitExceededError(SagemakerClientError):  # type: ignore[misc]  # moto has no types
    """A quota of the account is used up."""

    code = "ResourceLimitExceeded"


@dataclass(frozen=True)
class Use:
    """So many instances of one type. `usage`: training job, spot training job, processing job."""

    account: str
    usage: str
    instance_type: str
    instances: int


def take(arn: str, use: Use) -> None:
    """Count a job's instances until `give_back`. Raises LimitExceededError when they are too many."""
    facts = {"account": use.account, "instance_type": use.instance_type, "usage": use.usage}
    with _lock:
        limit = None if faults.registry().idle else faults.registry().standing("instance-quota", facts)
        if limit is not None:
            _check(use, int(limit.number("instances")), facts)
        _used[arn] = use


def give_back(arn: str) -> None:
    """Count them no more."""
    with _lock:
        _used.pop(arn, None)


def forget() -> None:
    """Begin with nothing used: a server starts."""
    with _lock:
        _used.clear()


def _check(use: Use, most: int, facts: dict[str, str]) -> None:
    same = (use.account, use.usage, use.instance_type)
    now = sum(one.instances for one in _used.values() if (one.account, one.usage, one.instance_type) == same)
    if now + use.instances <= most:
        return
    faults.asks("instance-quota", **facts)  # this one is met: it counts
    raise LimitExceededError(
        f"The account-level service limit '{use.instance_type} for {use.usage} usage' is {most} Instances, with "
        f"current utilization of {now} Instances and a request delta of {use.instances} Instances. Please use AWS "
        "Service Quotas to request an increase for this quota. If AWS Service Quotas is not available, contact AWS "
        "support to request an increase for this quota."
    )
