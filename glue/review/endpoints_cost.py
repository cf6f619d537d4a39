"""What an endpoint costs in a month before and after: its variants as what is billed of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from glue.review.cost_units import PricedServerless, PricedVariant, Usage, compared, usage_of
from glue.review.endpoints_shape import Served
from glue.review.model import Cost
from glue.review.prices import Prices


def month(before: Served | None, after: Served | None, region: str | None, prices: object, today: date) -> Cost:
    """Return what both states of an endpoint cost with the counts of their configs; None is no endpoint: nothing."""
    if not isinstance(prices, Prices):
        return Cost(unknown=("all prices",))
    return compared(_usage(before, region), _usage(after, region), prices, today=today)


def _usage(served: Served | None, region: str | None) -> Usage:
    if served is None:
        return Usage()
    usage = usage_of(list(_priced(served)), region)
    usage.unclear += [text for text in served.unresolved if not served.address or "known after apply" in text]
    return usage


def _priced(served: Served) -> Iterator[PricedVariant]:
    for name, variant in served.everything.items():
        entry = variant.serverless
        serverless = None
        if entry is not None:
            values: Mapping[str, object] = entry if isinstance(entry, Mapping) else {}
            serverless = PricedServerless(
                *(
                    _whole(values.get(key))
                    for key in ("memory_size_in_mb", "max_concurrency", "provisioned_concurrency")
                )
            )
        kind = variant.instance_type
        yield PricedVariant(
            name=name,
            instance_type=kind if isinstance(kind, str) else None,
            instance_count=_whole(variant.count),
            serverless=serverless,
            volume_gb=_whole(variant.rest.get("volume_size_in_gb")),
        )


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
