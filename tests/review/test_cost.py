"""What endpoints and plans cost in a month, with prices that are written down here."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from glue.review.cost import PricedServerless, PricedVariant, endpoint_month, inspect, scaling_of, served_cost
from glue.review.document import read
from glue.review.endpoints_shape import Served, Variant
from glue.review.model import Cost, Settings
from glue.review.prices import Prices, parse
from glue.review.rules import Rules

PLANS = Path(__file__).parent / "plans"
TODAY = date(2026, 11, 21)
PRICES = parse({
    "schema_version": 1,
    "currency": "USD",
    "sources": {"test": {"where": "https://example.com", "date": "2026-11-01"}},
    "regions": {
        "eu-west-1": {
            kind: {name: {"source": "test", "usd": usd} for name, usd in prices.items()}
            for kind, prices in {
                "hosting": {"ml.m5.large": "0.1", "ml.m5.xlarge": "0.2"},
                "volume": {"hosting": "0.15"},
                "serverless": {"2048": "0.00002"},
                "lambda": {"x86_64": "0.000004"},
                "fixed": {"aws_kms_key": "1"},
            }.items()
        }
    },
})  # fmt: skip


def instances(count: int | None, kind: str | None = "ml.m5.large", **more: Any) -> PricedVariant:
    return PricedVariant("main", instance_type=kind, instance_count=count, **more)


@pytest.mark.parametrize(
    ("variants", "month", "unknown"),
    [
        ([], "0.00", ()),
        ([instances(1)], "73.00", ()),
        ([instances(3), PricedVariant("shadow", "ml.m5.xlarge", 1)], "365.00", ()),
        ([instances(2, volume_gb=100)], "176.00", ()),
        ([instances(0, "ml.g7.nobody")], "0.00", ()),
        ([instances(1, "ml.g7.nobody")], None, ("ml.g7.nobody in eu-west-1",)),
        ([instances(1), instances(1, "ml.g7.nobody")], None, ("ml.g7.nobody in eu-west-1",)),
        ([instances(None)], None, ("the number of instances of variant main",)),
        ([instances(1, None)], None, ("the instance type of variant main",)),
        ([PricedVariant("s", serverless=PricedServerless(2048, 5))], "0.00", ()),
        ([PricedVariant("s", serverless=PricedServerless(2048, 5, 2))], "105.12", ()),
        (
            [PricedVariant("s", serverless=PricedServerless(3072, 5, 2))],
            None,
            ("provisioned concurrency of 3072 MB in eu-west-1",),
        ),
    ],
)  # fmt: skip
def test_an_endpoints_month(variants: list[PricedVariant], month: str | None, unknown: tuple[str, ...]) -> None:
    assert endpoint_month(variants, "eu-west-1", PRICES) == (Decimal(month) if month else None, unknown)


def test_a_region_that_is_not_known_has_no_prices() -> None:
    assert endpoint_month([instances(1)], None, PRICES) == (None, ("the region of variant main",))
    assert endpoint_month([instances(1)], "eu-west-2", PRICES) == (None, ("ml.m5.large in eu-west-2",))


def served(name: str, **variants: Variant) -> Served:
    return Served(name=name, variants=variants)


def scaled(kind: str = "ml.m5.large", count: object = 1, **more: Any) -> Variant:
    return Variant("main", None, None, instance_type=kind, count=count, **more)


def cost(before: Served | None, after: Served | None, prices: Prices = PRICES, **more: Any) -> Cost:
    return served_cost(before, after, region="eu-west-1", prices=prices, today=TODAY, **more)


def test_the_difference_of_what_stays_the_same_needs_no_price() -> None:
    before = served("a", main=scaled("ml.g7.nobody", 2), other=scaled("ml.m5.large", 1))
    after = served("b", main=scaled("ml.g7.nobody", 2), other=scaled("ml.m5.large", 3))
    found = cost(before, after)
    assert (found.before, found.after, found.difference) == (None, None, Decimal("146.00"))
    assert found.unknown == ("ml.g7.nobody in eu-west-1",)


def test_an_unknown_part_that_changes_makes_the_difference_unknown() -> None:
    found = cost(served("a", main=scaled("ml.m5.large")), served("b", main=scaled("ml.g7.nobody")))
    assert (found.before, found.after, found.difference) == (Decimal("73.00"), None, None)
    counted = cost(served("a", main=scaled()), served("b", main=scaled(count=None)))
    assert (counted.after, counted.difference) == (None, None)


def test_a_new_and_a_deleted_endpoint() -> None:
    one = served("a", main=scaled())
    assert cost(None, one).difference == Decimal("73.00")
    assert cost(one, None).difference == Decimal("-73.00")


def test_live_counts_hold_until_another_config_is_deployed() -> None:
    before, same, other = (served(name, main=scaled()) for name in ("a", "a", "b"))
    stays = cost(before, same, live={"main": 4})
    assert (stays.before, stays.after) == (Decimal("292.00"), Decimal("292.00"))
    moves = cost(before, other, live={"main": 4})
    assert (moves.before, moves.after) == (Decimal("292.00"), Decimal("73.00"))


def test_the_range_of_autoscaling_is_said() -> None:
    found = cost(None, served("a", main=scaled()), bounds={"main": (1, 3)})
    assert found.notes == ("autoscaling keeps variant main between 1 and 3 instances: 73.00 to 219.00 USD a month",)


def test_serverless_is_billed_by_use_and_says_so() -> None:
    variant = Variant("main", None, None, serverless={"memory_size_in_mb": 2048, "max_concurrency": 5})
    found = cost(None, served("a", main=variant))
    assert (found.after, found.difference) == (Decimal("0.00"), None)
    assert found.notes == ("variant main is serverless: its requests are billed by use, and are not counted",)
    same = served("b", main=variant)
    assert cost(served("a", main=variant), same).difference == Decimal("0.00")
    larger = Variant("main", None, None, serverless={"memory_size_in_mb": 4096, "max_concurrency": 5})
    assert cost(same, served("c", main=larger)).difference is None


def test_a_config_that_is_not_in_the_plan_is_unknown() -> None:
    found = cost(Served(name="a", unresolved=("config a is not in this plan",)), served("b", main=scaled()))
    assert (found.before, found.after, found.difference) == (None, Decimal("73.00"), None)
    assert found.unknown == ("the variants of config a",)


def plan_of(*resources: Mapping[str, Any]) -> Any:
    """A plan in which each resource has the given change."""
    changes = []
    for resource in resources:
        kind, name = resource["address"].split(".")
        after = {} if resource["after"] is None else {"values": resource["after"]}
        changes.append({
            "address": resource["address"], "mode": "managed", "type": kind, "name": name,
            "provider_name": "registry.terraform.io/hashicorp/aws", "index": None,
            "change": {"actions": resource["actions"], "before": resource["before"], "after": after.get("values"),
                       "after_unknown": resource.get("unknown", {}), "before_sensitive": {}, "after_sensitive": {}},
        })  # fmt: skip
    document = {
        "format_version": "1.2", "terraform_version": "1.11.4", "resource_changes": changes,
        "planned_values": {"root_module": {"resources": [
            {"address": it["address"], "mode": "managed", "type": it["type"], "name": it["name"],
             "values": it["change"]["after"], "sensitive_values": {}}
            for it in changes if it["change"]["after"] is not None
        ]}},
        "configuration": {"provider_config": {"aws": {
            "name": "aws", "full_name": "registry.terraform.io/hashicorp/aws",
            "expressions": {"region": {"constant_value": "eu-west-1"}},
        }}},
    }  # fmt: skip
    return read(json.dumps(document).encode(), name="made.json")


def whole(plan: Any, **live: Mapping[str, int]) -> Cost:
    found = inspect(plan, Settings(today=TODAY, rules=Rules.load(), prices=PRICES, live_counts=live)).cost
    assert found is not None
    return found


def created(address: str, **values: Any) -> dict[str, Any]:
    return {"address": address, "actions": ["create"], "before": None, "after": values}


def test_lambda_provisioned_concurrency_is_memory_times_time() -> None:
    plan = plan_of(
        created("aws_lambda_function.f", function_name="f", memory_size=512, architectures=["x86_64"]),
        created("aws_lambda_provisioned_concurrency_config.f", function_name="f", provisioned_concurrent_executions=4),
    )
    found = whole(plan)
    assert found.after == Decimal("21.02")  # 4 x 0.5 GB x 2,628,000 s x 0.000004
    assert "calls of Lambda functions are billed by use, and are not counted" in found.notes
    lonely = whole(
        plan_of(
            created(
                "aws_lambda_provisioned_concurrency_config.f", function_name="f", provisioned_concurrent_executions=4
            )
        )
    )
    assert (lonely.after, lonely.unknown) == (
        None,
        ("provisioned concurrency of aws_lambda_provisioned_concurrency_config.f",),
    )


def test_what_is_billed_by_the_hour_and_has_no_price_is_unknown() -> None:
    found = whole(plan_of(created("aws_kms_key.k"), created("aws_nat_gateway.n")))
    assert (found.after, found.difference, found.unknown) == (None, None, ("aws_nat_gateway in eu-west-1",))
    same = {"address": "aws_nat_gateway.n", "actions": ["no-op"], "before": {"id": "n"}, "after": {"id": "n"}}
    kept = whole(plan_of(created("aws_kms_key.k"), same))
    assert (kept.before, kept.after, kept.difference) == (None, None, Decimal("1.00"))
    larger = {
        "address": "aws_db_instance.d",
        "actions": ["update"],
        "before": {"instance_class": "a"},
        "after": {"instance_class": "b"},
    }
    assert whole(plan_of(larger)).difference is None
    tagged = {
        "address": "aws_db_instance.d",
        "actions": ["update"],
        "before": {"tags": {}},
        "after": {"tags": {"a": "b"}},
    }
    assert whole(plan_of(tagged)).difference == Decimal("0.00")


def test_a_plan_without_anything_that_is_billed_by_the_hour_has_no_cost() -> None:
    plan = plan_of(created("aws_vpc_endpoint.s3", vpc_endpoint_type="Gateway"), created("aws_iam_role.r", name="r"))
    assert inspect(plan, Settings(today=TODAY, rules=Rules.load(), prices=PRICES)).cost is None


@pytest.mark.parametrize(
    ("name", "before", "after", "difference"),
    [
        ("promotion", "146.00", "146.00", "0.00"),
        ("count-decrease", "292.00", "73.00", "-219.00"),
        ("first-apply", "0.00", "146.00", "146.00"),
        ("serverless", "146.00", "0.00", None),
        ("endpoint-destroyed", "146.00", "0.00", "-146.00"),
    ],
)
def test_real_plans(name: str, before: str | None, after: str | None, difference: str | None) -> None:
    plan = read(gzip.decompress((PLANS / f"{name}.json.gz").read_bytes()), name=name)
    found = whole(plan)
    assert [found.before, found.after, found.difference] == [
        None if text is None else Decimal(text) for text in (before, after, difference)
    ]


def test_bounds_are_found_in_a_plan() -> None:
    plan = read(gzip.decompress((PLANS / "promotion.json.gz").read_bytes()), name="promotion")
    endpoint = plan.of_type("aws_sagemaker_endpoint")[0].values["name"]
    assert scaling_of(plan) == {endpoint: {"main": (1, 3)}}
    assert f"{endpoint}: autoscaling keeps variant main between 1 and 3 instances: 73.00 to 219.00 USD a month" in (
        whole(plan).notes
    )


@pytest.mark.parametrize("odd", [None, True, -1, 10**30, 1.5, [], {}, "4", {"a": [1]}])
def test_whatever_a_plan_holds_is_no_price_and_no_crash(odd: Any) -> None:
    reserved = {"function_name": "f", "provisioned_concurrent_executions": odd}
    plan = plan_of(
        created("aws_lambda_function.f", function_name="f", memory_size=odd, architectures=odd),
        created("aws_lambda_provisioned_concurrency_config.f", **reserved),
        created("aws_lambda_function.g", function_name=odd),
    )
    found = whole(plan)
    assert (found.after, found.difference) == (None, None)
    assert found.unknown
