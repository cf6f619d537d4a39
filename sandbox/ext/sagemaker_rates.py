"""Operations with a rate of their own, which no quota can raise: a bucket of tokens for each account and operation.

The rate is one of wall seconds, however fast the sandbox's clock runs: who calls paces by the wall clock.
ListTrainingJobs: 2 requests a second for each account
(https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListTrainingJobs.html); the other lists of jobs likewise
(assumption).
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from moto.core.errors import COMMON_ERROR_CODES
from moto.sagemaker.exceptions import SagemakerClientError

RATE, BURST = 2.0, 2.0  # requests a second, and at once after a pause
_lock = threading.Lock()
_buckets: dict[tuple[str, str], Bucket] = {}


class ThrottlingError(SagemakerClientError):  # type: ignore[misc]  # moto has no types
    """Too many requests in a short time."""

    code = "ThrottlingException"


@dataclass
class Bucket:
    """Tokens that come back with time."""

    tokens: float = BURST
    at: float = field(default_factory=time.monotonic)

    def take(self, now: float) -> bool:
        """Take one token; False when there is none."""
        self.tokens = min(BURST, self.tokens + (now - self.at) * RATE)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


def limit(account: str, operation: str) -> None:
    """Count a request. Raises ThrottlingError when there were too many."""
    with _lock:
        if not _buckets.setdefault((account, operation), Bucket()).take(time.monotonic()):
            raise ThrottlingError("Rate exceeded")


def forget() -> None:
    """Begin with full buckets: a server starts."""
    if ThrottlingError.code not in COMMON_ERROR_CODES:  # moto warns of codes that no service model has
        COMMON_ERROR_CODES.append(ThrottlingError.code)
    with _lock:
        _buckets.clear()
