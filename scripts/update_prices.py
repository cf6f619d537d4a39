"""Writes glue/review/prices.json anew from AWS's public price lists: `update_prices.py [REGION]...`.

Without a region: those of environments/, and us-east-1. Needs the internet, and no credentials. Prices of other regions
stay as they are. Format of the lists:
https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/reading-service-price-list-file-for-services.html
"""

from __future__ import annotations

import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from glue.tf import environment_file, hcl

ROOT = Path(__file__).resolve().parent.parent
SNAPSHOT = ROOT / "glue" / "review" / "prices.json"
HOST = "https://pricing.us-east-1.amazonaws.com"
OFFERS = ("AmazonSageMaker", "AWSLambda")
LIMIT = 256 * 1024 * 1024
TIMEOUT_S = 120

# Usage types, without the region's prefix ("EU-Host:ml.m5.large"), the unit they are sold in, and our kind of price.
_USAGE = (
    (re.compile(r"(?:^|-)Host:(ml\.[a-z0-9-]+\.[a-z0-9-]+)$"), {"hrs", "hour", "hours"}, "hosting"),
    (re.compile(r"(?:^|-)Train:(ml\.[a-z0-9-]+\.[a-z0-9-]+)$"), {"hrs", "hour", "hours"}, "training"),
    (re.compile(r"(?:^|-)Host:VolumeUsage\.gp[23]$"), {"gb-mo", "gb-month"}, "volume"),
    (re.compile(r"(?:^|-)ProvisionedConcurrency:Mem-(\d+)GB$"), {"second", "seconds"}, "serverless"),
    (
        re.compile(r"(?:^|-)Lambda-Provisioned-Concurrency(-ARM)?$"),
        {"second", "seconds", "lambda-gb-second", "gb-second", "gb-seconds"},
        "lambda",
    ),
)
Found = dict[str, dict[str, Decimal]]


def prices_in(offer: Mapping[str, Any]) -> tuple[Found, list[str]]:
    """Return the prices of a region's offer file by kind and name, and what was left out because it is ambiguous.

    A name that two products sell at different prices, and a price in tiers, is nobody's guess: it stays unknown.
    """
    found: dict[tuple[str, str], set[Decimal]] = {}
    terms = offer["terms"].get("OnDemand", {})
    for sku, product in offer["products"].items():
        named = _named(product.get("attributes", {}))
        if named is None:
            continue
        kind, name, units = named
        for price in _prices(terms.get(sku, {}), units):
            found.setdefault((kind, name), set()).add(price)
    kept: Found = {}
    left = []
    for (kind, name), prices in sorted(found.items()):
        if len(prices) == 1:
            kept.setdefault(kind, {})[name] = next(iter(prices))
        else:
            left.append(f"{kind} {name}: {len(prices)} prices")
    return kept, left


def _named(attributes: Mapping[str, Any]) -> tuple[str, str, set[str]] | None:
    usage = str(attributes.get("usagetype", ""))
    if attributes.get("locationType", "AWS Region") != "AWS Region":
        return None  # a local zone of the region has prices of its own
    # what runs on provisioned concurrency is billed beside it, under the same usage type
    if str(attributes.get("group", "")).endswith("-Duration"):
        return None
    for pattern, units, kind in _USAGE:
        match = pattern.search(usage)
        if match:
            return kind, _name(kind, match), units
    return None


def _name(kind: str, match: re.Match[str]) -> str:
    if kind == "volume":
        return "hosting"
    if kind == "serverless":
        return str(int(match[1]) * 1024)
    if kind == "lambda":
        return "arm64" if match[1] else "x86_64"
    return match[1]


def _prices(terms: Mapping[str, Any], units: set[str]) -> Iterator[Decimal]:
    for term in terms.values():
        dimensions = list(term["priceDimensions"].values())
        whole = [it for it in dimensions if it.get("beginRange", "0") == "0" and it.get("endRange", "Inf") == "Inf"]
        if len(dimensions) != 1 or len(whole) != 1 or str(whole[0]["unit"]).lower() not in units:
            continue
        try:
            price = Decimal(whole[0]["pricePerUnit"]["USD"])
        except (KeyError, InvalidOperation):
            continue
        if price.is_finite() and price > 0:
            yield price


def updated(
    snapshot: Mapping[str, Any], region: str, offers: Mapping[str, tuple[Mapping[str, Any], str]]
) -> tuple[dict[str, Any], list[str]]:
    """Return a snapshot with a region's prices from offer files (by offer code, with their address).

    The second value says what was left out. Kinds that the files do not sell stay; sources that no price names any more
    go. Raises ValueError for files without hosting prices: they are not what they were asked for.
    """
    sources, regions = dict(snapshot["sources"]), dict(snapshot["regions"])
    kinds: dict[str, Any] = dict(regions.get(region, {}))
    left: list[str] = []
    for code, (offer, where) in sorted(offers.items()):
        found, ambiguous = prices_in(offer)
        left += [f"{region}: {text}" for text in ambiguous]
        if code == "AmazonSageMaker" and not found.get("hosting"):
            raise ValueError(f"{where} sells no hosting instances")
        source = f"{code}-{region}"
        sources[source] = {"date": offer["publicationDate"][:10], "what": f"version {offer['version']}", "where": where}
        for kind, prices in found.items():
            kinds[kind] = {name: {"source": source, "usd": _plain(price)} for name, price in prices.items()}
    regions[region] = kinds
    named = {entry["source"] for of in regions.values() for kind in of.values() for entry in kind.values()}
    kept = {key: entry for key, entry in sources.items() if key in named}
    return {**snapshot, "sources": kept, "regions": regions}, left


def _plain(price: Decimal) -> str:
    return f"{price.normalize():f}"


def written(snapshot: Mapping[str, Any]) -> str:
    """Return a snapshot as text: sorted, a price a line."""
    lines = json.dumps(snapshot, indent=2, sort_keys=True).splitlines()
    text = "\n".join(lines) + "\n"
    return re.sub(r'\{\s+"source": ("[^"]*"),\s+"usd": ("[^"]*")\s+\}', r'{ "source": \1, "usd": \2 }', text)


def regions_of(environments: Path) -> list[str]:
    """Return the regions that environments are in, and us-east-1."""
    files = [hcl.read(path)["environment"] for path in sorted(environments.glob("*/environment.tfvars"))]
    said = {values["region"] for values in files if isinstance(values, dict)}
    return sorted({"us-east-1", *(region for region in said if isinstance(region, str))})


def differing(snapshot: Mapping[str, Any], environments: Path) -> list[str]:
    """Say where a training queue's `usd_per_hour` is not the list's price: it is what a job is said to have cost.

    It may differ on purpose (a savings plan), so nobody changes it but its owner.
    """
    found = []
    for path in sorted(environments.glob("*/environment.tfvars")):
        where = environment_file.load(path, path.parent.name)
        listed = snapshot["regions"].get(where.region, {}).get("training", {})
        types = where.training_queue.instance_types if where.training_queue else {}
        for name, settings in types.items():
            if settings.usd_per_hour is None or name not in listed:
                continue
            if Decimal(str(settings.usd_per_hour)) != Decimal(listed[name]["usd"]):
                said = f"{path.parent.name}: usd_per_hour of {name} is {settings.usd_per_hour}"
                found.append(f"{said}, the list's price for training is {listed[name]['usd']}")
    return found


def fetch(code: str, region: str) -> tuple[Mapping[str, Any], str]:
    """Return a region's offer file and its address. Exits when it cannot be had."""
    where = f"{HOST}/offers/v1.0/aws/{code}/current/{region}/index.json"
    try:
        with urllib.request.urlopen(where, timeout=TIMEOUT_S) as answer:  # noqa: S310 - https, of one host
            data = answer.read(LIMIT + 1)
        if len(data) > LIMIT:
            sys.exit(f"{where} is longer than {LIMIT} bytes")
        offer = json.loads(data)
        return offer, where
    except (OSError, ValueError, urllib.error.URLError) as error:
        sys.exit(f"{where} cannot be read: {error}. The snapshot stays as it is.")


def main(arguments: Iterable[str]) -> None:
    """Exit 1 when a list cannot be had or holds no prices; the snapshot is written only when all are there."""
    snapshot = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    for region in list(arguments) or regions_of(ROOT / "environments"):
        if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", region):
            sys.exit(f"{region} is not a region")
        try:
            snapshot, left = updated(snapshot, region, {code: fetch(code, region) for code in OFFERS})
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            sys.exit(f"the price list of {region} has another format than is documented: {error!r}")
        for text in left:
            print(f"left out, {text}")
        print(f"{region}: {sum(map(len, snapshot['regions'][region].values()))} prices")
    SNAPSHOT.write_text(written(snapshot), encoding="utf-8")
    for text in differing(snapshot, ROOT / "environments"):
        print(f"look at environments/{text}")


if __name__ == "__main__":
    main(sys.argv[1:])
