"""On-demand prices from a dated snapshot, each with where it is from. What the snapshot does not hold is unknown.

`scripts/update_prices.py` writes the snapshot from AWS's price list
(https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from typing import Any

from glue.errors import UsageError

SNAPSHOT = Path(__file__).parent / "prices.json"
STALE_DAYS = 180
# What a price is for, and how much of it a month of 730 hours is.
HOURS = Decimal(730)
PER_MONTH: Mapping[str, Decimal] = {
    "hosting": HOURS,  # USD per instance and hour, by instance type
    "training": HOURS,  # likewise
    "volume": Decimal(1),  # USD per GB and month, of an endpoint's storage
    "serverless": HOURS * 3600,  # USD per second of one provisioned concurrency, by memory in MB
    "lambda": HOURS * 3600,  # USD per GB-second of provisioned concurrency, by architecture
    "fixed": Decimal(1),  # USD per thing and month, by Terraform type
}


@dataclass(frozen=True)
class Source:
    """Where prices are from: an address, the day they were true, and what it says there.

    `inferred` tells that it says so of something else that is known to cost the same; `what` says of what.
    """

    where: str
    date: date
    what: str = ""
    inferred: bool = False


@dataclass(frozen=True)
class Price:
    """US dollars for one unit, and the source's id."""

    usd: Decimal
    source: str


@dataclass(frozen=True)
class Prices:
    """A snapshot: prices by region (`*`: the same in all), kind (see PER_MONTH) and name, and their sources by id."""

    regions: Mapping[str, Mapping[str, Mapping[str, Price]]] = field(default_factory=dict)
    sources: Mapping[str, Source] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path | None = None) -> Prices:
        """Return the committed snapshot, or another. Raises UsageError when it cannot be read."""
        return _load(path or SNAPSHOT)

    def hour(self, region: str | None, instance_type: str, kind: str = "hosting") -> Decimal | None:
        """Return US dollars per hour of an instance, None when it is unknown."""
        found = self.price(region, kind, instance_type)
        return None if found is None else found.usd

    def price(self, region: str | None, kind: str, name: str) -> Price | None:
        """Return a price, None when it is unknown."""
        for where in (region or "", "*"):
            found = self.regions.get(where, {}).get(kind, {}).get(name)
            if found is not None:
                return found
        return None

    def basis(self, used: Iterable[Price], *, today: date) -> str:
        """Return what prices are of which day, and that they are stale when the oldest is (over 180 days)."""
        sources = [self.sources[price.source] for price in used]
        days = sorted({source.date for source in sources})
        if not days:
            return "no price of the snapshot was needed or known"
        span = f"{days[0]}" if len(days) == 1 else f"{days[0]} to {days[-1]}"
        said = f"on-demand prices of {span}"
        if any(source.inferred for source in sources):
            said += ", one of them inferred from what costs the same (glue/review/prices.json says which)"
        if today - days[0] > timedelta(days=STALE_DAYS):
            said += f", older than {STALE_DAYS} days: `make prices` fetches today's"
        return said


@lru_cache(maxsize=4)
def _load(path: Path) -> Prices:
    try:
        document = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        return parse(document)
    except OSError as error:
        raise UsageError(f"the prices in {path.name} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UsageError(f"{path.name} holds no prices: {error}", remedy="Write it anew with `make prices`.") from error


def parse(document: Mapping[str, Any]) -> Prices:
    """Return the prices of a snapshot's document. Raises ValueError, TypeError or KeyError for what is none."""
    if document["schema_version"] != 1 or document["currency"] != "USD":
        raise ValueError("its schema_version is not 1, or its currency not USD")
    sources = {
        key: Source(
            entry["where"], date.fromisoformat(entry["date"]), entry.get("what", ""), entry.get("inferred") is True
        )
        for key, entry in document["sources"].items()
    }
    regions = {
        region: {kind: {name: _price(entry, sources) for name, entry in of.items()} for kind, of in kinds.items()}
        for region, kinds in document["regions"].items()
    }
    unknown = {kind for kinds in regions.values() for kind in kinds} - set(PER_MONTH)
    if unknown:
        raise ValueError(f"it has prices of an unknown kind: {', '.join(sorted(unknown))}")
    return Prices(regions, sources)


def _price(entry: Mapping[str, str], sources: Mapping[str, Source]) -> Price:
    if entry["source"] not in sources:
        raise ValueError(f"a price names the source {entry['source']!r}, which is not there")
    try:
        usd = Decimal(entry["usd"])
    except InvalidOperation as error:
        raise ValueError(f"{entry['usd']!r} is no price") from error
    if not usd.is_finite() or usd < 0:
        raise ValueError(f"{entry['usd']!r} is no price")
    return Price(usd, entry["source"])
