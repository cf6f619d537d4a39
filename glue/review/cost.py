"""What a plan's endpoints, and what else is billed by the hour, cost in a month before and after it.

Counted are the instances that an endpoint's config asks for (or that run now, where that is known), provisioned
concurrency of serverless variants and of Lambda functions, and keys. What is billed by use is said, not counted. What
is billed by the hour and has no price here makes the sum unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from glue.review.cost_units import (
    PricedServerless,
    PricedVariant,
    Usage,
    compared,
    endpoint_month,
    sane,
    usage_of,
)
from glue.review.endpoints_resolve import ENDPOINT, Estate
from glue.review.endpoints_scaling import variant_of
from glue.review.endpoints_shape import UNKNOWN, Served, Variant, merged
from glue.review.model import Cost, Part, Settings
from glue.review.plan import Plan
from glue.review.prices import Prices
from glue.review.resource import Resource
from glue.review.values import plain

__all__ = ["PricedServerless", "PricedVariant", "endpoint_month", "inspect", "served_cost"]

SCALED, LAMBDA, RESERVED = (
    "aws_appautoscaling_target",
    "aws_lambda_function",
    "aws_lambda_provisioned_concurrency_config",
)
# Billed for as long as it is there. Those without a price in the snapshot make a sum that they change unknown.
HOURLY = (
    "aws_kms_key", "aws_kms_replica_key", "aws_nat_gateway", "aws_lb", "aws_alb", "aws_elb", "aws_instance",
    "aws_autoscaling_group", "aws_db_instance", "aws_rds_cluster_instance", "aws_elasticache_cluster",
    "aws_elasticache_replication_group", "aws_eks_cluster", "aws_eks_node_group", "aws_ecs_service", "aws_msk_cluster",
    "aws_opensearch_domain", "aws_redshift_cluster", "aws_kinesis_stream", "aws_mwaa_environment", "aws_emr_cluster",
    "aws_fsx_lustre_file_system", "aws_eip", "aws_sagemaker_notebook_instance", "aws_sagemaker_app",
    "aws_sagemaker_space", "aws_vpc_endpoint", "aws_ec2_transit_gateway_vpc_attachment", "aws_networkfirewall_firewall",
)  # fmt: skip
_CONCURRENT = "provisioned_concurrent_executions"
_SAID = {"tags", "tags_all", "policy", "description"}  # attributes that no bill depends on
NO_BOUNDS: Mapping[str, tuple[int, int]] = {}
NO_COUNTS: Mapping[str, int] = {}


def inspect(plan: Plan, settings: Settings) -> Part:
    """Return what the whole plan costs in a month: before, after, and the difference."""
    prices = settings.prices if isinstance(settings.prices, Prices) else Prices.load()
    before, after = Usage(), Usage()
    estate, scaling = Estate(plan), scaling_of(plan)
    for endpoint in _all(plan, ENDPOINT):
        region = plan.region_of(endpoint) or settings.region
        old, new = _states(estate, endpoint)
        if endpoint.what == "forget":  # it leaves the state, not AWS
            after.notes.append(f"{plain(endpoint.address)} is forgotten, not deleted: it goes on costing")
        name = str(endpoint.values.get("name"))
        live = settings.live_counts.get(name, NO_COUNTS)
        if endpoint.what != "none":
            ranges = _ranges(new, scaling.get(name, NO_BOUNDS), region, prices)
            after.notes += [f"{plain(name)}: {text}" for text in ranges]
        for usage, side in zip((before, after), _sides(old, new, region, live), strict=True):
            usage.take(side)
    _functions(plan, settings, before, after)
    _things(plan, settings, before, after)
    if not any((before.units, after.units, before.unclear, after.unclear, before.by_use, after.by_use)):
        return Part()  # nothing here is billed by the hour
    return Part(cost=compared(before, after, prices, today=settings.today))


def _states(estate: Estate, endpoint: Resource) -> tuple[Served | None, Served | None]:
    """Return what an endpoint serves before and after; one that is not changed never gets what its config becomes."""
    before = estate.before(endpoint)
    old = before.served if before else None
    if endpoint.what in ("none", "forget"):
        return old, old
    after = estate.after(endpoint)
    return old, after.served if after else None


def served_cost(
    before: Served | None,
    after: Served | None,
    *,
    region: str | None,
    prices: Prices,
    today: date,
    live: Mapping[str, int] = NO_COUNTS,
    bounds: Mapping[str, tuple[int, int]] = NO_BOUNDS,
) -> Cost:
    """Return what one endpoint costs in a month; None is no endpoint, and costs 0.

    `live` is how many instances each variant has now, and counts as long as its config stays. `bounds` is between how
    many autoscaling keeps each variant afterwards: it becomes a range in the notes.
    """
    old, new = _sides(before, after, region, live)
    new.notes += _ranges(after, bounds, region, prices)
    return compared(old, new, prices, today=today)


def scaling_of(plan: Plan) -> dict[str, dict[str, tuple[int, int]]]:
    """Return between how many instances autoscaling keeps each endpoint's variants after the apply."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for target in plan.resources():
        if target.type != SCALED:
            continue
        named = variant_of(target.values.get("resource_id"))
        least, most = target.values.get("min_capacity"), target.values.get("max_capacity")
        if named and isinstance(least, int) and isinstance(most, int):
            found.setdefault(named[0], {})[named[1]] = (least, most)
    return found


def _sides(
    before: Served | None, after: Served | None, region: str | None, live: Mapping[str, int]
) -> tuple[Usage, Usage]:
    stays = before is not None and after is not None and isinstance(before.name, str) and before.name == after.name
    return _usage(before, region, live), _usage(after, region, live if stays else NO_COUNTS)


def _usage(served: Served | None, region: str | None, live: Mapping[str, int]) -> Usage:
    if served is None:
        return Usage()
    usage = usage_of([_priced(name, it, live) for name, it in served.everything.items()], region)
    hidden = any("production_variants" in text for text in served.unresolved)
    if hidden or not served.everything:  # known after apply only, or not in this plan
        usage.unclear.append(f"the variants of config {plain(served.name)}")
    return usage


def _priced(name: str, variant: Variant, live: Mapping[str, int]) -> PricedVariant:
    count = live.get(name, variant.count)
    shown = plain(name)
    if variant.serverless is not None:
        values = variant.serverless if isinstance(variant.serverless, Mapping) else {}
        provisioned = values.get("provisioned_concurrency")
        memory = _whole(values.get("memory_size_in_mb"))
        if values is not variant.serverless or provisioned is UNKNOWN:
            return PricedVariant(shown)  # how much of it is provisioned is not known
        return PricedVariant(shown, serverless=PricedServerless(memory, None, _whole(provisioned)))
    kind = variant.instance_type
    return PricedVariant(
        shown,
        instance_type=plain(kind) if isinstance(kind, str) else None,
        instance_count=_whole(count),
        volume_gb=_whole(variant.rest.get("volume_size_in_gb")),
    )


def _whole(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) else None


def _ranges(
    served: Served | None, bounds: Mapping[str, tuple[int, int]], region: str | None, prices: Prices
) -> Iterator[str]:
    for name, (least, most) in sorted(bounds.items()):
        variant = served.everything.get(name) if served else None
        if variant is None or not isinstance(variant.instance_type, str) or least == most:
            continue
        kind = variant.instance_type
        low, high = (endpoint_month([PricedVariant(name, kind, count)], region, prices)[0] for count in (least, most))
        if low is not None and high is not None:
            yield (
                f"autoscaling keeps variant {plain(name)} between {least} and {most} instances: "
                f"{low} to {high} USD a month"
            )


def _all(plan: Plan, *kinds: str) -> list[Resource]:
    """Return every resource of some types, before or after the plan; deposed ones are on their way out."""
    found = {change.address: change for change in plan.of_type(*kinds) if change.deposed is None}
    for resource in plan.resources():
        if resource.type in kinds:
            found.setdefault(resource.address, resource)
    return [found[address] for address in sorted(found)]


def _values(resource: Resource, *, after: bool) -> Mapping[str, Any] | None:
    if not after or resource.what == "forget":
        return resource.before
    return None if resource.after is None else merged(resource.after, resource.unknown)


def _functions(plan: Plan, settings: Settings, before: Usage, after: Usage) -> None:
    """Count provisioned concurrency of Lambda functions: memory x time, whether it is used or not."""
    reserved, functions = _all(plan, RESERVED), _all(plan, LAMBDA)
    for usage, late in ((before, False), (after, True)):
        sizes = {
            str(values.get("function_name")): values
            for function in functions
            if (values := _values(function, after=late)) is not None
        }
        for resource in reserved:
            values = _values(resource, after=late)
            if values is None:
                continue
            region = plan.region_of(resource) or settings.region
            function = sizes.get(str(values.get("function_name")), {})
            memory, amount = _whole(function.get("memory_size", 128)), _whole(values.get(_CONCURRENT))
            kinds = function.get("architectures") or ["x86_64"]
            known = bool(function) and isinstance(kinds, list) and sane(memory, amount)
            if not known or memory is None or amount is None or region is None:
                usage.unclear.append(f"provisioned concurrency of {plain(resource.address)}")
                continue
            usage.add((region, "lambda", plain(kinds[0])), Decimal(memory) / 1024 * amount)
    if any(function.what in ("create", "update", "replace") for function in functions):
        after.notes.append("calls of Lambda functions are billed by use, and are not counted")


def _things(plan: Plan, settings: Settings, before: Usage, after: Usage) -> None:
    """Count what is billed by the hour for being there; an update of what has no fixed price makes the sum unknown."""
    for resource in _all(plan, *HOURLY):
        if resource.type == "aws_vpc_endpoint" and resource.values.get("vpc_endpoint_type") in (None, "Gateway"):
            continue  # free
        region = plan.region_of(resource) or settings.region or "an unknown region"
        unit = (region, "fixed", resource.type)
        changed = resource.what in ("update", "replace") and not set(resource.attributes()) <= _SAID
        for usage, late in ((before, False), (after, True)):
            if _values(resource, after=late) is not None:
                usage.add(unit, 1)
        if changed and resource.type != "aws_kms_key":
            after.unclear.append(f"what the change of {plain(resource.address)} costs")
