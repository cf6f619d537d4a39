"""What is billed, in units: how much of each an endpoint uses, and what that costs in a month of 730 hours.

Instances are billed for as long as they run, serverless variants by use and for provisioned concurrency
(https://aws.amazon.com/sagemaker/ai/pricing/). Unknown is never zero. What is the same before and after needs no price
for the difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from glue.review.model import Cost
from glue.review.prices import PER_MONTH, Price, Prices

MOST = 10**9
CENT = Decimal("0.01")
Unit = tuple[str, str, str]  # region, kind and name of a price


@dataclass(frozen=True)
class PricedServerless:
    """A serverless variant: memory in MB, and how many concurrent invocations are at most and always there."""

    memory_mb: int | None
    max_concurrency: int | None = None
    provisioned: int | None = None


@dataclass(frozen=True)
class PricedVariant:
    """What of a variant (or shadow) is billed; None is unknown. A variant without instances is serverless."""

    name: str
    instance_type: str | None = None
    instance_count: int | None = None
    serverless: PricedServerless | None = None
    volume_gb: int | None = None


@dataclass
class Usage:
    """How much of what is billed: units by price. `unclear` says what is not known, `notes` what is billed by use.

    `by_use` are the serverless variants with their memory: when they change, so does a part that only use tells.
    """

    units: dict[Unit, Decimal] = field(default_factory=dict)
    by_use: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, unit: Unit, amount: Decimal | int) -> None:
        """Count more of a unit."""
        if amount:
            self.units[unit] = self.units.get(unit, Decimal(0)) + amount

    def take(self, other: Usage) -> None:
        """Count everything of another usage, too."""
        for unit, amount in other.units.items():
            self.add(unit, amount)
        self.by_use += other.by_use
        self.unclear += other.unclear
        self.notes += other.notes


def endpoint_month(
    variants: Sequence[PricedVariant], region: str | None, prices: Prices
) -> tuple[Decimal | None, tuple[str, ...]]:
    """Return US dollars a month of an endpoint's variants, shadows too; None when any part of it is unknown.

    The second value names what has no price or is not known. Serverless variants without provisioned concurrency
    count as 0: they are billed by use.
    """
    usage = usage_of(variants, region)
    total, unknown, _ = _priced(usage.units, prices)
    unclear = (*usage.unclear, *unknown)
    return (None if unclear else _cents(total)), tuple(dict.fromkeys(unclear))


def usage_of(variants: Iterable[PricedVariant], region: str | None) -> Usage:
    """Return what variants use."""
    usage = Usage()
    for variant in variants:
        if variant.serverless is not None:
            _serverless(usage, variant, variant.serverless, region)
        else:
            _instances(usage, variant, region)
    return usage


def _instances(usage: Usage, variant: PricedVariant, region: str | None) -> None:
    count, kind = variant.instance_count, variant.instance_type
    if count == 0:
        return
    if not sane(count, variant.volume_gb):
        usage.unclear.append(f"the size of variant {variant.name}, which no account has")
        return
    if kind is None or count is None or region is None:
        what = "instance type" if kind is None else "number of instances" if count is None else "region"
        usage.unclear.append(f"the {what} of variant {variant.name}")
        return
    usage.add((region, "hosting", kind), count)
    if variant.volume_gb:
        usage.add((region, "volume", "hosting"), Decimal(variant.volume_gb) * count)


def _serverless(usage: Usage, variant: PricedVariant, serverless: PricedServerless, region: str | None) -> None:
    usage.by_use.append(f"{variant.name} {serverless.memory_mb}")
    usage.notes.append(f"variant {variant.name} is serverless: its requests are billed by use, and are not counted")
    if not serverless.provisioned:
        return
    if not sane(serverless.provisioned):
        usage.unclear.append(f"the size of variant {variant.name}, which no account has")
        return
    if serverless.memory_mb is None or region is None:
        usage.unclear.append(f"the memory or region of serverless variant {variant.name}")
        return
    usage.add((region, "serverless", str(serverless.memory_mb)), serverless.provisioned)


def compared(before: Usage, after: Usage, prices: Prices, *, today: date) -> Cost:
    """Return what two usages cost and the difference; each is None when a part of it is unknown.

    What is billed by use counts as 0 on both sides; when it changes, the difference is known to nobody.
    """
    old, old_unknown, old_used = _priced(before.units, prices)
    new, new_unknown, new_used = _priced(after.units, prices)
    moved = {unit for unit in {*before.units, *after.units} if before.units.get(unit) != after.units.get(unit)}
    _, open_ends, _ = _priced({unit: Decimal(1) for unit in moved}, prices)
    old_unclear, new_unclear = [*before.unclear, *old_unknown], [*after.unclear, *new_unknown]
    clear = not (before.unclear or after.unclear or open_ends) and sorted(before.by_use) == sorted(after.by_use)
    return Cost(
        before=None if old_unclear else _cents(old),
        after=None if new_unclear else _cents(new),
        difference=_cents(new - old) if clear else None,
        unknown=tuple(dict.fromkeys([*old_unclear, *new_unclear])),
        basis=prices.basis([*old_used, *new_used], today=today),
        notes=tuple(dict.fromkeys([*before.notes, *after.notes])),
    )


def _priced(units: Mapping[Unit, Decimal], prices: Prices) -> tuple[Decimal, list[str], list[Price]]:
    """Return the sum of what has a price, what has none in words, and the prices that were used."""
    total, unknown, used = Decimal(0), [], []
    for (region, kind, name), amount in sorted(units.items()):
        price = prices.price(region, kind, name)
        if price is None:
            unknown.append(_named(region, kind, name))
        else:
            used.append(price)
            total += price.usd * PER_MONTH[kind] * amount
    return total, unknown, used


def _named(region: str, kind: str, name: str) -> str:
    words = {
        "hosting": f"{name} in {region}",
        "volume": f"storage of endpoints in {region}",
        "serverless": f"provisioned concurrency of {name} MB in {region}",
        "lambda": f"Lambda's provisioned concurrency on {name} in {region}",
        "fixed": f"{name} in {region}",
    }
    return words.get(kind, f"{name} ({kind}) in {region}")


def sane(*sizes: float | None) -> bool:
    """Tell whether numbers may be those of a variant: what else stands in a file cannot be priced."""
    return all(size is None or 0 <= size <= MOST for size in sizes)


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT)
