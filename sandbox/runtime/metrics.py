"""CloudWatch metrics of endpoints, gathered and written once a second.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html (Endpoint invocation metrics)
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends
from moto.core.utils import utcnow

log = logging.getLogger(__name__)
EVERY = 1.0  # seconds
NAMESPACE = "AWS/SageMaker"


@dataclass(frozen=True)
class Invocation:
    """One request: what the container answered (None: nothing), times in microseconds, instances that share it."""

    account_id: str
    region: str
    endpoint: str
    variant: str
    status: int | None
    model_us: float
    overhead_us: float
    instances: int


class Meter:
    """Collects invocations; a thread of its own writes them to moto's CloudWatch."""

    def __init__(self) -> None:
        self._waiting: list[Invocation] = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def record(self, invocation: Invocation) -> None:
        """Take one invocation; cheap, never blocks on CloudWatch."""
        with self._lock:
            self._waiting.append(invocation)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="endpoint metrics", daemon=True)
                self._thread.start()

    def flush(self) -> None:
        """Write what was gathered so far."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        groups: defaultdict[tuple[str, str, str, str], list[Invocation]] = defaultdict(list)
        for one in waiting:
            groups[one.account_id, one.region, one.endpoint, one.variant].append(one)
        for (account_id, region, endpoint, variant), invocations in groups.items():
            backend: Any = cloudwatch_backends[account_id][region]
            backend.put_metric_data(NAMESPACE, data(endpoint, variant, invocations))

    def _run(self) -> None:
        while not self._stopped.wait(EVERY):
            try:
                self.flush()
            except Exception:
                log.exception("metrics of endpoints were lost")


def data(endpoint: str, variant: str, invocations: list[Invocation]) -> list[dict[str, Any]]:
    """Return PutMetricData's members: each metric once, its values with their counts."""
    now = utcnow()
    dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]

    def metric(name: str, values: list[float], unit: str) -> dict[str, Any]:
        counted = Counter(values)
        return {
            "MetricName": name,
            "Dimensions": dimensions,
            "Timestamp": now,
            "Unit": unit,
            "Values": list(counted),
            "Counts": list(counted.values()),
        }

    def flags(low: int, high: int) -> list[float]:
        return [float(one.status is not None and low <= one.status <= high) for one in invocations]

    return [
        metric("Invocations", [1.0 for _ in invocations], "None"),
        metric("InvocationsPerInstance", [1.0 / max(one.instances, 1) for one in invocations], "None"),
        metric("Invocation4XXErrors", flags(400, 499), "None"),
        metric("Invocation5XXErrors", _server_errors(invocations), "None"),
        metric(
            "InvocationModelErrors", [float(one.status is None or one.status >= 300) for one in invocations], "None"
        ),
        metric("ModelLatency", [one.model_us for one in invocations], "Microseconds"),
        metric("OverheadLatency", [one.overhead_us for one in invocations], "Microseconds"),
    ]


def _server_errors(invocations: list[Invocation]) -> list[float]:
    return [float(one.status is None or one.status >= 500) for one in invocations]
