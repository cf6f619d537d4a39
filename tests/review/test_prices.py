"""The snapshot of prices, and the script that writes it from AWS's price lists in their documented format."""

from __future__ import annotations

import copy
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from glue.errors import UsageError
from glue.review.prices import SNAPSHOT, Prices, parse
from scripts import update_prices
from scripts.update_prices import differing, prices_in, regions_of, updated, written

ROOT = Path(__file__).resolve().parents[2]
TODAY = date(2026, 11, 21)


def product(sku: str, usage: str, unit: str, usd: str, **attributes: str) -> dict[str, Any]:
    """A product with its on-demand term, as the price list files hold them."""
    dimension = {
        "rateCode": f"{sku}.JRTCKXETXF.6YS6EN2CT7", "description": f"${usd} per {usage}", "beginRange": "0",
        "endRange": "Inf", "unit": unit, "pricePerUnit": {"USD": usd}, "appliesTo": [],
    }  # fmt: skip
    term = {
        "offerTermCode": "JRTCKXETXF", "sku": sku, "effectiveDate": "2026-11-01T00:00:00Z",
        "priceDimensions": {dimension["rateCode"]: dimension}, "termAttributes": {},
    }  # fmt: skip
    said = {"servicecode": "AmazonSageMaker", "location": "EU (Ireland)", "regionCode": "eu-west-1", **attributes}
    return {
        "product": {"sku": sku, "productFamily": "ML Instance", "attributes": {**said, "usagetype": usage}},
        "term": {f"{sku}.JRTCKXETXF": term},
    }


def offer(*products: dict[str, Any], code: str = "AmazonSageMaker") -> dict[str, Any]:
    return {
        "formatVersion": "v1.0",
        "disclaimer": "This pricing list is for informational purposes only.",
        "offerCode": code,
        "version": "20261118120000",
        "publicationDate": "2026-11-18T12:00:00Z",
        "products": {it["product"]["sku"]: it["product"] for it in products},
        "terms": {"OnDemand": {it["product"]["sku"]: it["term"] for it in products}, "Reserved": {}},
    }


SAGEMAKER = offer(
    product("A1", "EU-Host:ml.m5.large", "Hrs", "0.1280000000", component="Hosting", instanceName="ml.m5.large"),
    product("A2", "EU-Train:ml.m5.large", "Hrs", "0.1290000000", component="Training"),
    product("A3", "EU-Notebk:ml.m5.large", "Hrs", "0.5000000000"),
    product("A4", "EU-AsyncInf:ml.m5.large", "Hrs", "0.6000000000"),
    product("A5", "EU-Host:ml.odd.large", "Hrs", "1.0000000000"),
    product("A6", "EU-Host:ml.odd.large", "Hrs", "2.0000000000"),
    product("A7", "EU-Host:ml.free.large", "Hrs", "0.0000000000"),
    product("A8", "EU-ServerlessInf:Mem-2GB", "seconds", "0.0000400000"),
    product(
        "A9", "EU-ProvisionedConcurrency:Mem-2GB", "seconds", "0.0000250000", group="ServerlessProvisionedConcurrency"
    ),
    product(
        "B1",
        "EU-ProvisionedConcurrency:Mem-2GB",
        "seconds",
        "0.0000100000",
        group="ServerlessProvisionedConcurrency-Duration",
    ),
    product("B2", "EU-Host:VolumeUsage.gp2", "GB-Mo", "0.1540000000"),
    product("B4", "EU-XXX1-Host:ml.m5.large", "Hrs", "7.0000000000", locationType="AWS Local Zone"),
    product("B3", "EU-Host:ml.m5.huge", "Quantity", "9.0000000000"),
)
LAMBDA = offer(
    product("C1", "EU-Lambda-Provisioned-Concurrency", "Lambda-GB-Second", "0.0000046400"),
    product("C2", "EU-Lambda-Provisioned-Concurrency-ARM", "Lambda-GB-Second", "0.0000037100"),
    product("C3", "EU-Lambda-Provisioned-GB-Second", "Lambda-GB-Second", "0.0000108000"),
    code="AWSLambda",
)
EMPTY: dict[str, Any] = {"schema_version": 1, "currency": "USD", "sources": {}, "regions": {}}


def offers() -> dict[str, Any]:
    return {"AmazonSageMaker": (SAGEMAKER, "https://example.com/s"), "AWSLambda": (LAMBDA, "https://example.com/l")}


def test_a_price_list_is_read_by_usage_type_and_unit() -> None:
    found, left = prices_in(SAGEMAKER)
    assert found == {
        "hosting": {"ml.m5.large": Decimal("0.128")},
        "training": {"ml.m5.large": Decimal("0.129")},
        "serverless": {"2048": Decimal("0.000025")},
        "volume": {"hosting": Decimal("0.154")},
    }
    assert left == ["hosting ml.odd.large: 2 prices"]
    assert prices_in(LAMBDA)[0] == {"lambda": {"x86_64": Decimal("0.00000464"), "arm64": Decimal("0.00000371")}}


def test_prices_in_tiers_are_nobodys_guess() -> None:
    tiered = copy.deepcopy(SAGEMAKER)
    dimensions = tiered["terms"]["OnDemand"]["A1"]["A1.JRTCKXETXF"]["priceDimensions"]
    first = next(iter(dimensions.values()))
    first["endRange"] = "100"
    dimensions["A1.more"] = {**first, "beginRange": "100", "endRange": "Inf"}
    assert "hosting" not in prices_in(tiered)[0]


def test_a_regions_prices_are_replaced_and_the_same_lists_give_the_same_text() -> None:
    once, _ = updated(EMPTY, "eu-west-1", offers())
    twice, _ = updated(once, "eu-west-1", offers())
    assert written(once) == written(twice)
    prices = parse(json.loads(written(once)))
    assert prices.hour("eu-west-1", "ml.m5.large") == Decimal("0.128")
    assert prices.hour("eu-west-1", "ml.odd.large") is None
    assert prices.hour("eu-west-2", "ml.m5.large") is None
    found = prices.price("eu-west-1", "hosting", "ml.m5.large")
    assert found is not None
    assert prices.sources[found.source].date == date(2026, 11, 18)


def test_sources_that_nothing_names_any_more_go_and_others_stay() -> None:
    before = json.loads(SNAPSHOT.read_text())
    after, _ = updated(before, "eu-west-1", offers())
    assert "bill-2023-12" not in after["sources"]
    assert after["regions"]["us-east-1"] == before["regions"]["us-east-1"]
    assert parse(after).hour("us-east-1", "ml.m5.large") == Decimal("0.115")


def test_a_list_without_hosting_is_refused() -> None:
    with pytest.raises(ValueError, match="sells no hosting"):
        updated(EMPTY, "eu-west-1", {"AmazonSageMaker": (LAMBDA, "https://example.com/s")})


def test_the_committed_snapshot_says_where_each_price_is_from() -> None:
    document = json.loads(SNAPSHOT.read_text())
    assert written(document) == SNAPSHOT.read_text()
    prices = Prices.load()
    used = {price.source for kinds in prices.regions.values() for of in kinds.values() for price in of.values()}
    assert used == set(prices.sources)
    for source in prices.sources.values():
        assert source.where.startswith("https://")
        assert source.what
        assert source.date <= TODAY
    assert prices.hour("eu-west-1", "ml.m5.xlarge") == Decimal("0.257")
    assert prices.price("ap-south-2", "fixed", "aws_kms_key") is not None


def test_stale_and_inferred_prices_are_said() -> None:
    prices = Prices.load()
    inferred = prices.price("eu-west-1", "hosting", "ml.m5.large")
    assert inferred is not None
    said = prices.basis([inferred], today=TODAY)
    assert said.startswith("on-demand prices of 2023-12-31, one of them inferred")
    assert "older than 180 days: `make prices`" in said
    assert prices.basis([inferred], today=date(2024, 6, 1)).endswith("says which)")
    assert prices.basis([], today=TODAY) == "no price of the snapshot was needed or known"


def test_regions_are_those_of_the_environments() -> None:
    assert regions_of(ROOT / "environments") == ["eu-west-1", "us-east-1"]


def test_a_queues_own_price_is_compared_with_the_list_and_not_changed() -> None:
    assert differing(json.loads(SNAPSHOT.read_text()), ROOT / "environments") == []
    after, _ = updated(EMPTY, "eu-west-1", offers())
    assert differing(after, ROOT / "environments") == [
        "dev: usd_per_hour of ml.m5.large is 0.128, the list's price for training is 0.129"
    ]


def snapshot(**changes: Any) -> str:
    return json.dumps({**EMPTY, "sources": {"b": {"where": "w", "date": "2026-01-01"}}, **changes})


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", snapshot(schema_version=2), snapshot(currency="EUR"),
        snapshot(regions={"x": {"hosting": {"a": {"usd": "1", "source": "nobody"}}}}),
        snapshot(regions={"x": {"hosting": {"a": {"usd": "-1", "source": "b"}}}}),
        snapshot(regions={"x": {"hosting": {"a": {"usd": "much", "source": "b"}}}}),
        snapshot(regions={"x": {"odd": {"a": {"usd": "1", "source": "b"}}}}),
        snapshot(regions={"x": {"hosting": "a"}}),
    ],
)  # fmt: skip
def test_a_snapshot_that_is_none_is_one_clear_error(text: str, tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"prices\.json holds no prices"):
        Prices.load(path)


def test_the_script_writes_only_when_all_lists_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "prices.json"
    path.write_text(SNAPSHOT.read_text())
    monkeypatch.setattr(update_prices, "SNAPSHOT", path)
    monkeypatch.setattr(update_prices, "fetch", lambda code, region: offers()[code])
    update_prices.main(["eu-west-1"])
    assert Prices.load(path).hour("eu-west-1", "ml.m5.large") == Decimal("0.128")
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "left out, eu-west-1: hosting ml.odd.large: 2 prices"
    assert said[-1].startswith("look at environments/dev: usd_per_hour of ml.m5.large")
    before = path.read_text()
    monkeypatch.setattr(update_prices, "fetch", lambda code, region: ({"products": {}}, "https://example.com"))
    with pytest.raises(SystemExit, match="another format than is documented"):
        update_prices.main(["eu-west-1"])
    with pytest.raises(SystemExit, match="is not a region"):
        update_prices.main(["../../etc"])
    assert path.read_text() == before
