"""Requests that have drifted: captured in production, made a training set for dev, and told to people by mail."""

from __future__ import annotations

import json
import random
import re
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sandbox.events import mail
from tests.sandbox.estate import Estate

NAME = "slipway-production-ranker"
STORE = "slipway-production-artifacts-333333333333"
TOPIC = "arn:aws:sns:eu-west-1:333333333333:slipway-production-notifications"
FEATURES = ("bm25", "title_match", "freshness", "popularity", "price_fit", "rating", "dwell", "spam")
LAYOUT = re.compile(rf"capture/ranker/{NAME}/main/\d{{4}}/\d\d/\d\d/\d\d/[^/]+\.jsonl")
PERSON = "owner@example.com"
WHERE = ("--env", "production", "--endpoint", "ranker")
DOCUMENTS, REQUESTS = 100, 250  # a tenth is captured: some 25 requests of 100 rows, where 500 rows are enough


def until(found: Callable[[], list[dict[str, Any]]], what: str) -> list[dict[str, Any]]:
    """Wait for a true value, half a minute at most."""
    deadline = time.monotonic() + 30
    while not (value := found()):
        assert time.monotonic() < deadline, what
        time.sleep(0.5)
    return value


def subscribed(estate: Estate, outbox: Path) -> None:
    """Somebody subscribes to production's topic and confirms by the link in the mail."""
    sns = estate.client("production", "sns")
    sns.subscribe(TopicArn=TOPIC, Protocol="email", Endpoint=PERSON)
    body = until(lambda: mails(outbox, "Subscription Confirmation"), "no mail asks for a confirmation")[0]["body"]
    link = re.search(r"http://\S+", body)
    assert link is not None, body
    with urllib.request.urlopen(link[0], timeout=5) as page:  # noqa: S310
        assert page.status == 200


def mails(outbox: Path, subject: str) -> list[dict[str, Any]]:
    return [one for one in mail.read(outbox) if subject in one["subject"] and one["to"] == PERSON]


def asked(estate: Estate) -> None:
    """Callers whose documents are all fresh, popular spam, which the training never saw together."""
    runtime = estate.client("production", "sagemaker-runtime")
    rng = random.Random(3)  # noqa: S311
    for number in range(REQUESTS):
        documents = [
            {"id": f"d{n}", "features": {name: round(0.9 + rng.random() / 10, 4) for name in FEATURES}}
            for n in range(DOCUMENTS)
        ]
        body = json.dumps({"query": f"query {number}", "documents": documents})
        runtime.invoke_endpoint(
            EndpointName=NAME, Body=body, ContentType="application/json", InferenceId=f"drift-{number}"
        )


def captured(estate: Estate, since: datetime) -> list[dict[str, Any]]:
    """What SageMaker captured of them, by the store's key and in its layout."""
    s3, found = estate.client("production", "s3"), []
    for entry in s3.list_objects_v2(Bucket=STORE, Prefix="capture/").get("Contents", []):
        if entry["LastModified"] < since:
            continue
        assert LAYOUT.fullmatch(entry["Key"]), entry["Key"]
        got = s3.get_object(Bucket=STORE, Key=entry["Key"])
        assert got["ServerSideEncryption"] == "aws:kms"
        found += [json.loads(line) for line in got["Body"].read().splitlines()]
    return [one for one in found if one["eventMetadata"].get("inferenceId", "").startswith("drift-")]


def test_drifted_requests_become_a_training_set_and_a_mail(estate: Estate, tmp_path: Path) -> None:
    outbox = Path(estate.environ["SANDBOX_HOME"]) / "outbox"
    subscribed(estate, outbox)
    began = datetime.now(UTC) - timedelta(seconds=2)
    asked(estate)
    time.sleep(2.5)  # captured requests are written every second
    found = captured(estate, began)
    assert len(found) >= 6

    labels = tmp_path / "labels.jsonl"
    at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    ids = [one["eventMetadata"]["inferenceId"] for one in found]
    labels.write_text("".join(json.dumps({"inference_id": key, "at": at, "clicks": ["d1"]}) + "\n" for key in ids))
    assert estate.slipway("feedback", "put", str(labels), *WHERE).code == 0
    window = (
        "--since",
        f"{began:%Y-%m-%dT%H:%M:%SZ}",
        "--until",
        f"{began + timedelta(minutes=10):%Y-%m-%dT%H:%M:%SZ}",
    )
    build = ("dataset", "build", *WHERE, "--model", "ranker", *window, "--holdout", "0.4", "--to", "dev")
    made = estate.slipway(*build, "--format", "json")
    assert made.code == 0, made.err
    assert made.document["manifest"]["counts"]["joined"] == len(found)
    key = f"datasets/ranker/{made.document['id']}/manifest.json"
    stored = estate.client("dev", "s3").get_object(Bucket="slipway-dev-artifacts-111111111111", Key=key)
    assert json.load(stored["Body"])["id"] == made.document["id"]

    ran = estate.slipway("monitor", "run", *WHERE, "--format", "json")
    assert ran.code == 0, ran.err
    report = ran.document["report"]
    (variant,) = report["variants"]
    assert variant["release"] == estate.live_release("production")
    assert variant["features"]["spam"]["psi"] > 1
    assert report["summary"]["max_drift"] > 1
    told = until(lambda: mails(outbox, f"{NAME}-drift"), "nobody was told of the drift")
    assert told[0]["subject"].startswith("ALARM")
    shown = estate.slipway("monitor", "show", *WHERE, "--format", "json")
    assert shown.document["report"]["summary"] == report["summary"]
