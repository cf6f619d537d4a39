"""The queue's own words: kinds, statuses, purchases. They are values of the table and of documents."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What a job is for SageMaker."""

    TRAINING = "training"
    TUNING = "tuning"
    PROCESSING = "processing"


class Status(StrEnum):
    """JobStatus. The last three are terminal: no job leaves them."""

    NEW = "New"
    LAUNCHED = "Launched"
    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPED = "Stopped"

    @property
    def terminal(self) -> bool:
        """Whether no job leaves it."""
        return self in (Status.COMPLETED, Status.FAILED, Status.STOPPED)


class Purchase(StrEnum):
    """How instances are paid for. AWS has quotas of its own for each."""

    SPOT = "spot"
    ON_DEMAND = "on-demand"


class Pool(NamedTuple):
    """What jobs compete for: instances of one type, bought one way."""

    instance_type: str
    purchase: Purchase

    def __str__(self) -> str:
        return f"{self.instance_type}/{self.purchase}"


def pool_of(text: str) -> Pool:
    """Return the pool that `str` of one names. Raises ValueError."""
    instance_type, _, purchase = text.rpartition("/")
    if not instance_type:
        raise ValueError(f"{text!r} names no pool")
    return Pool(instance_type, Purchase(purchase))
