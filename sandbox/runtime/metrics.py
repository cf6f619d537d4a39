"""CloudWatch metrics of endpoints: of each request as it is answered, and of the server processes each minute.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sandbox.cloudwatch.metrics import key_of, now, record, store

log = logging.getLogger(__name__)
NAMESPACE = "AWS/SageMaker"
HOSTS = "/aws/sagemaker/Endpoints"
KEPT = 20_000  # requests that the page looks back on
_OFTEN = 0.1  # wall seconds; on a fast clock the minutes pass faster than processes are worth looking at
_PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Invocation:
    """One request: what the container answered (None: nothing), times in microseconds (None: it never got there),
    instances that share the traffic, and requests that the model worked on at once."""

    account_id: str
    region: str
    endpoint: str
    variant: str
    config: str
    status: int | None
    model_us: float | None
    overhead_us: float
    instances: int
    concurrent: int = 1
    shadow: bool = False


@dataclass(frozen=True)
class Seen:
    """A request as the page counts it; `at` is the monotonic clock's."""

    at: float
    account_id: str
    endpoint: str
    variant: str
    status: int | None
    milliseconds: float | None


_recent: deque[Seen] = deque(maxlen=KEPT)
_lock = threading.Lock()


def invoked(one: Invocation) -> None:
    """Report one request, by endpoint and variant, and for alarms on a new fleet alone by config, too.

    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html (EndpointConfigName)
    """
    failed = one.status is None or not 200 <= one.status < 300
    values: list[tuple[str, float, str]] = [
        ("Invocations", 1.0, "None"),
        ("InvocationsPerInstance", 1.0 / max(one.instances, 1), "None"),
        ("Invocation4XXErrors", float(one.status is not None and 400 <= one.status < 500), "None"),
        ("Invocation5XXErrors", float(one.status is None or one.status >= 500), "None"),
        ("InvocationModelErrors", float(failed), "None"),
        ("ConcurrentRequestsPerModel", float(one.concurrent), "None"),
    ]
    if one.model_us is not None:
        values.append(("ModelLatency", one.model_us, "Microseconds"))
        values.append(("OverheadLatency", one.overhead_us, "Microseconds"))
    dimensions = {"EndpointName": one.endpoint, "VariantName": one.variant}
    metrics, moment = store(one.account_id, one.region), now()
    for where in (dimensions, {**dimensions, "EndpointConfigName": one.config}):
        for name, value, unit in values:
            metrics.add(key_of(NAMESPACE, name, where), [(value, 1.0)], unit=unit, moment=moment)
    if not one.shadow:
        total = None if one.model_us is None else (one.model_us + one.overhead_us) / 1000
        with _lock:
            _recent.append(Seen(time.monotonic(), one.account_id, one.endpoint, one.variant, one.status, total))


def counted(where: tuple[str, str, str, str], name: str, value: float, unit: str) -> None:
    """Report one value of another metric of a variant: account, region, endpoint, variant."""
    account_id, region, endpoint, variant = where
    dimensions = {"EndpointName": endpoint, "VariantName": variant}
    record(NAMESPACE, name, dimensions, value, unit, account_id=account_id, region=region)


def recent(seconds: float) -> list[Seen]:
    """Return the requests of the last seconds of the wall clock, the oldest first."""
    since = time.monotonic() - seconds
    with _lock:
        return [one for one in _recent if one.at >= since]


class Host:
    """Measures the processes of one variant, as the instances that they stand for.

    CPUUtilization: per cent of one processor, as AWS gives it for each; MemoryUtilization, DiskUtilization: per cent.
    """

    def __init__(self) -> None:
        self._before: tuple[float, float] | None = None  # monotonic clock, seconds of processor
        self._last: dict[str, float] = {}

    def measure(self, pids: Iterable[int], folder: Path | None) -> dict[str, float]:
        """Return the metrics since the last time; empty at first, and when the processes are gone."""
        if self._before is not None and time.monotonic() - self._before[0] < _OFTEN:
            return self._last
        used = [one for pid in pids if (one := _used(pid)) is not None]
        if not used:
            return {}
        moment, processor = time.monotonic(), sum(one[0] for one in used)
        before, self._before = self._before, (moment, processor)
        memory = sum(one[1] for one in used) / (os.sysconf("SC_PHYS_PAGES") * _PAGE_SIZE) * 100
        found: dict[str, float] = {"MemoryUtilization": memory}
        if before is not None and moment > before[0] and processor >= before[1]:
            found["CPUUtilization"] = (processor - before[1]) / (moment - before[0]) * 100
        if folder is not None and folder.exists():
            disk = shutil.disk_usage(folder)
            found["DiskUtilization"] = disk.used / disk.total * 100
        self._last = found
        return found


def _used(pid: int) -> tuple[float, float] | None:
    """Seconds of processor and bytes of memory of a process and its children, from /proc; None when it is gone."""
    try:
        numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return None
    own = (sum(int(number) for number in numbers[11:15]) / _TICKS, int(numbers[21]) * _PAGE_SIZE)
    below = [found for child in children if (found := _used(int(child))) is not None]
    return own[0] + sum(one[0] for one in below), own[1] + sum(one[1] for one in below)
