"""Labels, data sets and the monitor's reports through the command, on two accounts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from glue.aws.session import Session
from tests.cli.conftest import Said
from tests.unit.feedback_support import answer, captured, hour, label

Call = Callable[..., Said]
FEATURES = ("bm25", "title_match", "freshness", "popularity", "price_fit", "rating", "dwell", "spam")
BUILD = ("dataset", "build", "--env", "qa", "--endpoint", "ranker", "--model", "ranker", "--since", "2026-01-31")


@pytest.fixture
def labels(data: Path) -> Path:
    path = data / "labels.jsonl"
    lines = [label(f"i{n}", clicks=["d0"]) for n in range(4)] + [label("i4", grades={"d0": 4, "d1": 0})]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


@pytest.fixture(scope="module")
def requests(qa: Session) -> None:
    """What qa's endpoint captured: five questions with two documents each."""
    lines = []
    for number in range(5):
        documents = [{"id": f"d{n}", "features": dict.fromkeys(FEATURES, 0.5 + n)} for n in range(2)]
        asked = {"query": f"query {number}", "documents": documents}
        lines.append(captured(asked, answer("d0", "d1"), inference=f"i{number}", event=f"e{number}"))
    qa.artifacts().put_once(hour("f"), b"\n".join(lines), content_type="application/json")


def put(slipway: Call, path: Path, *words: str) -> Said:
    return slipway("feedback", "put", str(path), "--env", "qa", "--endpoint", "ranker", *words)


def test_labels_are_put_once(slipway: Call, labels: Path, qa: Session) -> None:
    assert put(slipway, labels, "--dry-run").out.startswith("Dry run: would put 5 labels from 2026-01-31T12:01:00Z")
    assert list(qa.artifacts().keys("feedback/")) == []
    first = json.loads(put(slipway, labels, "--format", "json").out)
    assert (first["changed"], first["labels"], first["kinds"]) == (True, 5, {"clicks": 4, "grades": 1})
    assert first["uri"].startswith("s3://slipway-qa-artifacts-222222222222/feedback/ranker/2026/01/31/12/")
    assert put(slipway, labels).out.startswith("Nothing to do: these 5 labels are s3://")
    assert len(list(qa.artifacts().keys("feedback/"))) == 1


def test_bad_labels_are_a_usage_error(slipway: Call, data: Path) -> None:
    (data / "bad.jsonl").write_text('{"inference_id": "i", "at": "2026-01-31T12:00:00Z", "clicked": []}\n')
    said = put(slipway, data / "bad.jsonl")
    assert said.code == 2
    assert "line 1: unknown field 'clicked'" in said.err


@pytest.mark.usefixtures("requests")
def test_a_data_set_goes_where_training_is_and_only_once(
    slipway: Call, labels: Path, qa: Session, dev: Session, data: Path
) -> None:
    assert put(slipway, labels).code == 0
    made = json.loads(slipway(*BUILD, "--until", "2026-02-01", "--to", "dev", "--format", "json").out)
    place = f"s3://slipway-dev-artifacts-111111111111/datasets/ranker/{made['id']}"
    assert made["channels"] == {"train": f"{place}/train/", "validation": f"{place}/validation/"}
    assert made["changed"] is True
    assert made["manifest"]["counts"]["joined"] == 5
    stored = {
        key.rsplit("/", 1)[-1]: dev.artifacts().get_small(key, limit=10**6) for key in dev.artifacts().keys("datasets/")
    }
    assert set(stored) == {"clicks.csv", "judgements.csv", "manifest.json"}
    assert list(qa.artifacts().keys("datasets/")) == []
    again = slipway(*BUILD, "--until", "2026-02-01", "--to", "dev")
    assert again.out.rstrip().endswith("Nothing to do: it is there already.")
    local = json.loads(slipway(*BUILD, "--until", "2026-02-01", "--output", str(data / "set"), "--format", "json").out)
    assert local["id"] == made["id"]
    found = stored["clicks.csv"]
    assert found is not None
    assert (data / "set" / "train" / "clicks.csv").read_bytes() == found[0]


def test_wrong_words_of_a_data_set(slipway: Call) -> None:
    assert "--until 'soon' is not a time" in slipway(*BUILD, "--until", "soon").err
    assert "is not before" in slipway(*BUILD, "--until", "2026-01-30").err
    said = slipway(*BUILD, "--until", "2026-01-31T01:00:00Z")
    assert (said.code, "there is nothing to train on for ranker" in said.err) == (3, True)
    assert slipway(*BUILD[:6], "--model", "other", "--since", "2026-01-31").code == 2


def test_the_last_report_is_shown(slipway: Call, qa: Session) -> None:
    said = slipway("monitor", "show", "--env", "qa", "--endpoint", "ranker")
    assert said.code == 1
    assert "has no report of a monitor yet" in said.err
    distribution = {"psi": 0.4, "missing_rate": 0.0, "baseline_missing_rate": 0.0, "jensen_shannon": 0.1}
    report = {
        "schema": 1, "endpoint": "slipway-qa-ranker", "at": "2026-01-31T12:00:00Z",
        "summary": {"max_drift": 0.4, "quality_drop": None, "unknown_rate": 0.0, "rows": 600, "said": ["look"]},
        "variants": [
            {
                "variant": "main", "release": "ranker-1", "scores": distribution,
                "features": {"bm25": distribution | {"psi": None}, "spam": distribution},
                "quality": {"ndcg_at_10": {"labels": 7, "value": 0.5, "baseline": 0.9, "drop": None}},
            }
        ],
    }  # fmt: skip
    for day, at in (("30", "235900"), ("31", "120000")):
        document = report | {"at": f"2026-01-{day}T12:00:00Z"}
        key = f"monitoring/ranker/2026/01/{day}/{at}.json"
        qa.artifacts().put_once(key, json.dumps(document).encode(), content_type="application/json")
    lines = slipway("monitor", "show", "--env", "qa", "--endpoint", "ranker").out.splitlines()
    assert [line.split()[2:4] for line in lines[1:4]] == [["(scores)", "0.400"], ["spam", "0.400"], ["bm25", "not"]]
    assert "max drift: 0.400" in lines
    assert "quality drop: not enough to say" in lines
    assert lines[-1].startswith(
        "600 rows up to 2026-01-31T12:00:00Z: s3://slipway-qa-artifacts-222222222222/monitoring/"
    )
    found = json.loads(slipway("monitor", "show", "--env", "qa", "--endpoint", "ranker", "--format", "json").out)
    assert found["report"]["summary"]["max_drift"] == 0.4


def test_a_monitor_that_is_not_there_says_how_to_have_one(slipway: Call) -> None:
    said = slipway("monitor", "run", "--env", "qa", "--endpoint", "ranker")
    assert said.code == 1
    assert "function slipway-qa-ranker-monitor does not exist" in said.err
    assert "monitor = {}" in said.err
