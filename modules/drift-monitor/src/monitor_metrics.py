"""From what was judged to a report and to metrics: what alarms look at, and what people look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

NAMESPACE = "Slipway/Monitoring"
SCHEMA = 1
BATCH = 500  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html takes 1000
MOST_FEATURES = 100  # each is a metric that costs money: those that drift most


def report(endpoint: str, end: datetime, variants: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the report of a window. Its summary has what alarms look at; null is "not enough to say"."""
    summary = {
        "max_drift": _most(_drift(variant) for variant in variants),
        "quality_drop": _most(metric["drop"] for variant in variants for metric in variant.get("quality", {}).values()),
        "unknown_rate": _most(variant["unknown_rate"] for variant in variants if variant.get("rows")),
        "rows": sum(variant.get("rows", 0) for variant in variants),
        "said": sorted({variant["said"] for variant in variants if "said" in variant}),
    }
    at = f"{end:%Y-%m-%dT%H:%M:%SZ}"
    return {"schema": SCHEMA, "endpoint": endpoint, "at": at, "summary": summary, "variants": list(variants)}


def data(report: Mapping[str, Any], at: datetime) -> Iterator[list[dict[str, Any]]]:
    """Yield the data of a report in batches that PutMetricData takes."""
    found = list(_data(report, at))
    for start in range(0, len(found), BATCH):
        yield found[start : start + BATCH]


def _data(report: Mapping[str, Any], at: datetime) -> Iterator[dict[str, Any]]:
    summary, endpoint = report["summary"], report["endpoint"]

    def datum(name: str, value: float | None, **dimensions: str) -> Iterator[dict[str, Any]]:
        if value is not None:
            named = [{"Name": key, "Value": text} for key, text in ({"EndpointName": endpoint} | dimensions).items()]
            yield {"MetricName": name, "Dimensions": named, "Value": float(value), "Unit": "None", "Timestamp": at}

    yield from datum("MaxDrift", summary["max_drift"])
    yield from datum("QualityDrop", summary["quality_drop"])
    yield from datum("UnknownRate", summary["unknown_rate"])
    yield from datum("Rows", summary["rows"])
    for variant in report["variants"]:
        where = {"VariantName": variant["variant"]}
        yield from datum("Rows", variant.get("rows"), **where)
        yield from datum("MaxDrift", _drift(variant), **where)
        yield from datum("ScoreDrift", variant.get("scores", {}).get("psi"), **where)
        for name, feature in _drifting(variant):
            yield from datum("Drift", feature["psi"], **where, Feature=_dimension(name))
            yield from datum("MissingRate", feature["missing_rate"], **where, Feature=_dimension(name))
        for name, metric in variant.get("quality", {}).items():
            yield from datum("Quality", metric["value"], **where, Metric=name)


def _dimension(name: str) -> str:
    """Return a feature's name as CloudWatch takes it: at most 255 printable ASCII characters, and not only spaces.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html
    """
    printable = "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in name)
    return printable.strip()[:255] or "?"


def _drift(variant: Mapping[str, Any]) -> float | None:
    return _most([variant.get("max_psi"), variant.get("scores", {}).get("psi")])


def _drifting(variant: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    judged = [(name, value) for name, value in variant.get("features", {}).items() if value["psi"] is not None]
    return sorted(judged, key=lambda item: (-item[1]["psi"], item[0]))[:MOST_FEATURES]


def _most(values: Any) -> float | None:
    return max((value for value in values if value is not None), default=None)
