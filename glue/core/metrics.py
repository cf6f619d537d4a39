"""What CloudWatch says of an endpoint's variants, as data.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from glue.errors import UsageError

NAMESPACE = "AWS/SageMaker"
# What is asked of each variant: field, metric, statistic. Latencies are in microseconds at AWS.
ASKED = (
    ("requests", "Invocations", "Sum"),
    ("errors_4xx", "Invocation4XXErrors", "Sum"),
    ("errors_5xx", "Invocation5XXErrors", "Sum"),
    ("latency_sum", "ModelLatency", "Sum"),
    ("latency_count", "ModelLatency", "SampleCount"),
    ("latency_p50", "ModelLatency", "p50"),
    ("latency_p99", "ModelLatency", "p99"),
)
# CloudWatch keeps minutes for 15 days
# (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention).
_MOST = timedelta(days=15)
_DURATION = re.compile(r"^([1-9]\d{0,4})(m|h|d)$")


@dataclass(frozen=True)
class VariantMetrics:
    """One variant in a window: counts, and the model's latency in milliseconds (None: no request).

    Percentiles are the highest of the periods that CloudWatch cuts the window into.
    """

    requests: float = 0.0
    errors_4xx: float = 0.0
    errors_5xx: float = 0.0
    latency_mean: float | None = None
    latency_p50: float | None = None
    latency_p99: float | None = None


def variant_metrics(values: dict[str, tuple[float, ...]]) -> VariantMetrics:
    """Return the metrics that the data points of `ASKED`, by field, come to."""
    count = sum(values["latency_count"])
    return VariantMetrics(
        requests=sum(values["requests"]),
        errors_4xx=sum(values["errors_4xx"]),
        errors_5xx=sum(values["errors_5xx"]),
        latency_mean=sum(values["latency_sum"]) / count / 1000 if count else None,
        latency_p50=max(values["latency_p50"], default=0.0) / 1000 if count else None,
        latency_p99=max(values["latency_p99"], default=0.0) / 1000 if count else None,
    )


def duration(text: str) -> timedelta:
    """Return `30m`, `6h` or `2d` as a duration. Raises UsageError."""
    match = _DURATION.match(text)
    if not match:
        raise UsageError(f"{text!r} is not a duration", remedy="Write 30m, 6h or 2d.")
    unit = {"m": "minutes", "h": "hours", "d": "days"}[match[2]]
    found = timedelta(**{unit: int(match[1])})
    if found > _MOST:
        raise UsageError(f"{text} is longer than CloudWatch keeps minutes", remedy="Take 15d at most.")
    return found


def period_s(window: timedelta) -> int:
    """Return the period of one data point for a window: all of it in one, a day at most, in whole minutes."""
    minutes = max(1, -(-int(window.total_seconds()) // 60))
    return int(min(minutes, 24 * 60) * 60)
