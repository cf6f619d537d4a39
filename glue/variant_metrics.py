"""Reads what CloudWatch says of an endpoint's variants."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from glue.core.metrics import ASKED, NAMESPACE, VariantMetrics, period_s, variant_metrics

if TYPE_CHECKING:
    from glue.aws.session import Session


def read(session: Session, endpoint: str, variants: Iterable[str], *, window: timedelta) -> dict[str, VariantMetrics]:
    """Return the metrics of each variant of an endpoint (its full name) in the window that ends now."""
    from glue.aws.cloudwatch import Series  # noqa: PLC0415 - boto3 is paid for by those who need it

    names = list(variants)
    wanted = {
        f"{variant} {field}": Series(NAMESPACE, metric, statistic, {"EndpointName": endpoint, "VariantName": variant})
        for variant in names
        for field, metric, statistic in ASKED
    }
    end = datetime.now(UTC)
    found = session.cloudwatch.values(wanted, begin=end - window, end=end, period_s=period_s(window))
    return {
        variant: variant_metrics({field: found[f"{variant} {field}"] for field, _, _ in ASKED}) for variant in names
    }
