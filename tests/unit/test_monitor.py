"""The drift monitor's function, from captured files to report and metrics, and the numbers that it stands on."""

from __future__ import annotations

import io
import json
import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.core import drift, feedback
from glue.core.drift import Bins, Counts, Window
from glue.core.records import Row
from tests.unit.feedback_support import FULL, LAYOUT, NOON, answer, captured, hour, label, request
from tests.unit.invoker_support import Context

SOURCE = Path(__file__).resolve().parents[2] / "modules" / "drift-monitor" / "src"
BUCKET = "slipway-qa-artifacts-222222222222"
RELEASE = "ranker-20260131t120000-1a2b3c4"
EVEN = {"edges": [0.25, 0.5, 0.75], "shares": [0.25] * 4, "missing": 0.0, "rows": 1000}
BASELINE: dict[str, Any] = {
    "schema": 1,
    "model": "ranker",
    "records": {name: getattr(LAYOUT, name) for name in ("query", "rows", "id", "features", "answers", "score")},
    "features": {"a": EVEN, "b": EVEN},
    "scores": {"edges": [1.5, 2.5], "shares": [1 / 3, 1 / 3, 1 / 3], "missing": 0.0, "rows": 1000},
    "quality": {"ndcg_at_10": 0.9, "click_ndcg_at_10": 0.8},
}
EVENT = {"time": "2026-01-31T13:00:00Z", "detail-type": "Scheduled Event"}


class Cloud:
    """S3, SageMaker and CloudWatch, as far as the function asks them."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {f"releases/ranker/{RELEASE}/baseline.json": json.dumps(BASELINE).encode()}
        self.models = {"main": f"s3://{BUCKET}/releases/ranker/{RELEASE}/model.tar.gz"}
        self.created = NOON - timedelta(days=2)
        self.data: list[dict[str, Any]] = []
        self.read: list[str] = []

    def client(self, _service: str) -> Cloud:
        return self

    def describe_endpoint(self, **given: str) -> dict[str, Any]:
        assert given == {"EndpointName": FULL}
        return {"EndpointConfigName": f"{FULL}-r1"}

    def describe_endpoint_config(self, **_given: str) -> dict[str, Any]:
        variants = [{"VariantName": name, "ModelName": name} for name in self.models]
        return {"CreationTime": self.created, "ProductionVariants": variants, "ShadowProductionVariants": [{}]}

    def describe_model(self, **given: str) -> dict[str, Any]:
        return {"PrimaryContainer": {"ModelDataUrl": self.models[given["ModelName"]]}}

    def get_paginator(self, _name: str) -> Any:
        def paginate(**given: str) -> Iterator[dict[str, Any]]:
            for key in sorted(self.objects):
                if key.startswith(given["Prefix"]):
                    yield {"Contents": [{"Key": key}]}
            yield {}

        return SimpleNamespace(paginate=paginate)

    def get_object(self, **given: str) -> dict[str, Any]:
        self.read.append(given["Key"])
        return {"Body": io.BytesIO(self.objects[given["Key"]])}

    def put_object(self, **given: Any) -> None:
        self.objects[given["Key"]] = given["Body"]

    def put_metric_data(self, **given: Any) -> None:
        assert given["Namespace"] == "Slipway/Monitoring"
        self.data += given["MetricData"]

    def value(self, name: str, **dimensions: str) -> float | None:
        """Return a metric's one datum of the endpoint."""
        wanted = {"EndpointName": FULL} | dimensions
        found = [
            datum["Value"]
            for datum in self.data
            if datum["MetricName"] == name and {d["Name"]: d["Value"] for d in datum["Dimensions"]} == wanted
        ]
        return found[0] if found else None


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def monitor(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    settings = {"ENDPOINT": "ranker", "ENDPOINT_NAME": FULL, "BUCKET": BUCKET, "WINDOW_MINUTES": "120"}
    settings |= {
        "LABEL_WINDOW_MINUTES": "1440",
        "SMALLEST_ROWS": "300",
        "SMALLEST_LABELS": "20",
        "MOST_REQUESTS": "5000",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(SOURCE))
    import monitor as module  # type: ignore[import-not-found] # noqa: PLC0415

    monkeypatch.setattr(module, "client", cloud.client)
    loaded: ModuleType = module
    return loaded


def traffic(count: int, *, shift: float = 0.0, rows: int = 3, at: datetime = NOON, first: int = 0) -> bytes:
    """Return captured requests of three documents each, whose features are even but for a shift of `a`."""
    rng = random.Random(first)  # noqa: S311
    lines = []
    for number in range(first, first + count):
        documents = {f"d{n}": (min(rng.random() + shift, 1.0), rng.random()) for n in range(rows)}
        asked = request("boots", documents)
        lines.append(captured(asked, answer("d0", "d1", "d2"), inference=f"i{number}", event=f"e{number}", at=at))
    return b"\n".join(lines)


def run(monitor: ModuleType, event: object = EVENT, *, context: Context | None = None) -> dict[str, Any]:
    report: dict[str, Any] = monitor.handle(event, context or Context(remaining_ms=900_000))
    return report


def test_the_same_distribution_is_no_drift(monitor: ModuleType, cloud: Cloud) -> None:
    cloud.objects[hour("f")] = traffic(400)
    report = run(monitor)
    assert report["summary"]["rows"] == 1200
    assert report["summary"]["said"] == []
    assert cloud.value("MaxDrift") == report["summary"]["max_drift"] < 0.05
    assert cloud.value("Drift", VariantName="main", Feature="a") is not None
    assert cloud.value("QualityDrop") is None
    stored = json.loads(cloud.objects["monitoring/ranker/2026/01/31/130000.json"])
    assert stored["variants"][0]["release"] == RELEASE
    before = len(cloud.objects)
    run(monitor)
    assert len(cloud.objects) == before


def test_shifted_requests_drift_and_the_report_names_the_feature(monitor: ModuleType, cloud: Cloud) -> None:
    cloud.objects[hour("f")] = traffic(400, shift=0.4)
    report = run(monitor)
    features = report["variants"][0]["features"]
    assert features["a"]["psi"] > 0.25 > 0.05 > features["b"]["psi"]
    assert 0 < features["a"]["jensen_shannon"] < 1
    assert cloud.value("MaxDrift") == features["a"]["psi"]


def test_missing_values_unknown_features_and_bad_lines_are_seen(monitor: ModuleType, cloud: Cloud) -> None:
    poor = [
        captured({"query": "q", "documents": [{"id": f"d{n}", "features": {"b": n / 20, "c": 1}} for n in range(20)]},
                 None, event=f"x{number}")
        for number in range(20)
    ]  # fmt: skip
    cloud.objects[hour("f")] = b"\n".join([*poor, b"", b"{", captured("x", None), b"null"])
    report = run(monitor)
    variant = report["variants"][0]
    assert (variant["rows"], variant["features"]["a"]["missing_rate"]) == (400, 1.0)
    assert variant["features"]["a"]["psi"] > 5
    assert variant["unknown_features"] == {"c": 400}
    assert cloud.value("UnknownRate") == 1.0
    assert variant["unreadable"] == {"not CSV inside": 1, "not JSON": 1, "not a captured request": 1}


def test_too_few_rows_say_so_and_publish_no_drift(monitor: ModuleType, cloud: Cloud) -> None:
    cloud.objects[hour("f")] = traffic(40, shift=0.5)
    report = run(monitor)
    assert report["summary"]["said"] == ["120 rows from 2026-01-31T11:00:00Z on; 300 are needed"]
    assert cloud.value("MaxDrift") is None
    assert cloud.value("Rows") == 120


def test_without_a_baseline_it_says_so(monitor: ModuleType, cloud: Cloud) -> None:
    cloud.objects = {hour("f"): traffic(400)}
    cloud.models["other"] = "s3://somewhere/else/model.tar.gz"
    report = run(monitor)
    assert report["summary"]["said"] == ["the live release has no baseline: release it anew to have it monitored"]
    assert (cloud.value("MaxDrift"), cloud.value("Rows")) == (None, 0.0)


def test_only_the_window_of_the_live_config_counts(monitor: ModuleType, cloud: Cloud) -> None:
    cloud.objects[hour("new")] = traffic(200)
    cloud.objects[hour("old")] = traffic(200, at=NOON - timedelta(minutes=30), first=1000, shift=0.5)
    cloud.objects[hour("ancient", at=NOON - timedelta(days=1))] = traffic(10, at=NOON - timedelta(days=1))
    cloud.objects[hour("s", variant="shadow")] = traffic(10)
    cloud.created = NOON - timedelta(minutes=1)
    assert run(monitor)["summary"]["rows"] == 600
    assert not [key for key in cloud.read if "ancient" in key or "shadow" in key]
    cloud.created = NOON - timedelta(days=2)
    assert run(monitor)["summary"]["rows"] == 1200


def test_labels_say_whether_answers_became_worse(monitor: ModuleType, cloud: Cloud) -> None:
    cloud.objects[hour("f")] = traffic(100)
    lines = [label(f"i{n}", clicks=["d0"], minutes=1) for n in range(60)]
    lines += [label(f"i{n}", clicks=["d2"], minutes=2) for n in range(30)]  # later: the last was the right one
    lines += [label(f"i{n}", clicks=[]) for n in range(60, 70)] + [b"nonsense", label("nobody", clicks=["d0"])]
    lines += [label(f"i{n}", grades={"d0": 0, "d2": 4}, minutes=3) for n in range(30)]
    cloud.objects["feedback/ranker/2026/01/31/12/0.jsonl"] = b"\n".join(lines)
    report = run(monitor)
    quality = report["variants"][0]["quality"]
    assert quality["click_ndcg_at_10"]["labels"] == 60
    assert quality["click_ndcg_at_10"]["value"] == pytest.approx((30 + 30 / 2) / 60)
    assert quality["ndcg_at_10"]["value"] == pytest.approx(1 / math.log2(3), abs=1e-6)
    assert report["variants"][0]["lost"] == {"labels that cannot be read": 1}
    assert (
        cloud.value("QualityDrop") == quality["ndcg_at_10"]["drop"] == pytest.approx(0.9 - 1 / math.log2(3), abs=1e-6)
    )
    assert cloud.value("Quality", VariantName="main", Metric="ndcg_at_10") == quality["ndcg_at_10"]["value"]


def test_a_budget_is_kept_and_told(monitor: ModuleType, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud.objects[hour("f")] = traffic(400)
    monkeypatch.setenv("MOST_REQUESTS", "150")
    report = run(monitor)
    assert (report["variants"][0]["requests"], report["variants"][0]["partial"]) == (150, True)
    assert run(monitor, context=Context(remaining_ms=20_000))["variants"][0]["requests"] == 0


def test_names_that_cloudwatch_does_not_take_are_made_so(monitor: ModuleType, cloud: Cloud) -> None:
    odd = BASELINE | {"features": {"größe\n" + "x" * 300: EVEN, " ": EVEN}}
    cloud.objects[f"releases/ranker/{RELEASE}/baseline.json"] = json.dumps(odd).encode()
    cloud.objects[hour("f")] = traffic(400)
    run(monitor)
    names = {one["Value"] for datum in cloud.data for one in datum["Dimensions"] if one["Name"] == "Feature"}
    assert names == {"gr??e?" + "x" * 249, "?"}


@pytest.mark.parametrize("event", [{}, None, {"time": "2999-01-01T00:00:00Z"}])
def test_by_hand_the_window_ends_now(event: object, monitor: ModuleType) -> None:
    at = datetime.fromisoformat(run(monitor, event)["at"])
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)


def test_an_error_of_aws_is_an_error(monitor: ModuleType, cloud: Cloud) -> None:
    cloud.objects[f"releases/ranker/{RELEASE}/baseline.json"] = b"{}"
    with pytest.raises(ValueError, match="schema 1"):
        run(monitor)
    assert not cloud.data


_SHARES = st.lists(st.integers(1, 100), min_size=2, max_size=12)


@given(weights=_SHARES, rows=st.integers(1, 500))
def test_no_drift_from_oneself_and_never_less_than_none(weights: list[int], rows: int) -> None:
    total = sum(weights)
    bins = Bins(tuple(range(len(weights) - 1)), tuple(weight / total for weight in weights), 0.0, total * rows)
    same = Counts(bins, present=[weight * rows for weight in weights])
    assert drift.psi(same) == pytest.approx(0, abs=1e-9)
    assert drift.jensen_shannon(same) == pytest.approx(0, abs=1e-9)
    other = Counts(bins, present=[0] * (len(weights) - 1) + [rows], missing=3)
    assert drift.psi(other) >= 0
    assert 0 <= drift.jensen_shannon(other) <= 1
    assert drift.psi(Counts(bins)) >= 0


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_every_value_falls_into_one_bin(value: float) -> None:
    counts = Counts(Bins((0.0, 1.0), (0.2, 0.3, 0.5), 0.0, 10))
    counts.add(value)
    counts.add(None)
    assert (counts.rows, counts.missing) == (2, 1)
    assert counts.present.index(1) == (value > 0) + (value > 1)


def test_psi_is_what_it_is_by_hand() -> None:
    counts = Counts(Bins((0.0,), (0.5, 0.5), 0.0, 10**9), present=[9 * 10**6, 10**6])
    assert drift.psi(counts) == pytest.approx(0.4 * math.log(1.8) - 0.4 * math.log(0.2), abs=1e-4)
    assert drift.jensen_shannon(counts) == pytest.approx(0.1468, abs=1e-3)


def test_memory_does_not_grow_with_unknown_names() -> None:
    window = Window(drift.parse(BASELINE))
    window.add_rows(Row(str(n), {"a": 0.1, "b": None}, (f"n{n}",)) for n in range(1000))
    assert (len(window.unknown), window.rows_with_unknown) == (100, 1000)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"schema": 2}, "schema 1"),
        ({"features": {}}, "features is an object"),
        ({"model": None}, "no model"),
        ({"quality": {"x": "y"}}, "quality is an object"),
        ({"records": {}}, r"\[records\] takes exactly"),
        ({"scores": None}, "scores has no distribution"),
        ({"scores": EVEN | {"edges": [1, 1, 2]}}, "edges ascend"),
        ({"scores": EVEN | {"edges": ["x"]}}, "lists of numbers"),
        ({"scores": EVEN | {"shares": [0.5, 0.5, 0.5, -0.5]}}, "not negative"),
        ({"scores": EVEN | {"missing": 2}}, "missing lies between"),
        ({"scores": EVEN | {"rows": 0}}, "rows is a whole number"),
    ],
)
def test_a_baseline_that_is_none_has_its_reason(change: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        drift.parse(BASELINE | change)


def test_a_label_for_rows_that_nobody_saw_says_nothing() -> None:
    clicked = feedback.parse(label(clicks=["stranger"]))
    assert drift.quality(clicked, ["d0", "d1"]) is None
    shown = feedback.parse(label(clicks=["d1"], shown=["d1", "d0"]))
    assert drift.quality(shown, ["d0", "d1"]) == ("click_ndcg_at_10", 1.0)
