"""The drift monitor: what an endpoint was asked and said lately, held against what its live releases were made with.

Which releases are live is read from SageMaker at each run, and from nowhere else. A bad line, an old release without
a baseline, or too few requests are said in the report; an error of AWS is the function's own, which has an alarm.
"""

from __future__ import annotations

import functools
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.session
import monitor_metrics as metrics
from botocore.config import Config

from glue.core import capture, drift, feedback, records
from glue.core.capture import Captured, UnreadableError
from glue.core.drift import Baseline, Window

RELEASE = re.compile(r"^s3://(?P<bucket>[^/]+)/(?P<prefix>releases/[^/]+/(?P<release>[^/]+)/)[^/]+$")
BASELINE_LIMIT = 8 * 1024 * 1024
LINE_LIMIT = 16 * 1024 * 1024
LABELS = 200_000  # newest first; each is a few hundred bytes
MARGIN_MS = 30_000  # for the report and the metrics


@dataclass(frozen=True)
class Settings:
    """What Terraform says. Windows reach back from the scheduled time."""

    endpoint: str
    endpoint_name: str
    bucket: str
    window: timedelta
    label_window: timedelta
    smallest_rows: int
    smallest_labels: int
    most_requests: int


@dataclass(frozen=True)
class Variant:
    """A live production variant: its release, and since when it can have answered."""

    name: str
    release: str
    baseline: Baseline | None
    since: datetime


class Budget:
    """How much one run may still read: requests, and the time that Lambda leaves."""

    def __init__(self, requests: int, context: Any) -> None:
        self._left = requests
        self._context = context
        self.spent = False

    def allows(self) -> bool:
        """Tell whether there is room for another request; once there is none, there is none again."""
        self._left -= 1
        self.spent = self.spent or self._left < 0 or self._context.get_remaining_time_in_millis() < MARGIN_MS
        return not self.spent


def handle(event: Any, context: Any) -> dict[str, Any]:
    """Answer a schedule's event, or a call by hand: judge the window up to the event's time, and return the report.

    The same event twice writes the same report again.
    """
    settings = from_environment()
    end = _scheduled(event)
    variants = live(settings)
    report = metrics.report(settings.endpoint_name, end, _judged(settings, variants, end, context))
    key = f"monitoring/{settings.endpoint}/{end:%Y/%m/%d}/{end:%H%M%S}.json"
    body = (json.dumps(report, indent=2, allow_nan=False) + "\n").encode()
    client("s3").put_object(Bucket=settings.bucket, Key=key, Body=body, ContentType="application/json")
    for batch in metrics.data(report, end):
        client("cloudwatch").put_metric_data(Namespace=metrics.NAMESPACE, MetricData=batch)
    print(json.dumps({"level": "INFO", "report": f"s3://{settings.bucket}/{key}"} | report["summary"]), flush=True)
    return report | {"report": f"s3://{settings.bucket}/{key}"}


def from_environment() -> Settings:
    """Return the settings."""
    given = os.environ
    return Settings(
        endpoint=given["ENDPOINT"],
        endpoint_name=given["ENDPOINT_NAME"],
        bucket=given["BUCKET"],
        window=timedelta(minutes=int(given["WINDOW_MINUTES"])),
        label_window=timedelta(minutes=int(given["LABEL_WINDOW_MINUTES"])),
        smallest_rows=int(given["SMALLEST_ROWS"]),
        smallest_labels=int(given["SMALLEST_LABELS"]),
        most_requests=int(given["MOST_REQUESTS"]),
    )


def live(settings: Settings) -> list[Variant]:
    """Return the live production variants with their releases' baselines, from SageMaker."""
    sagemaker = client("sagemaker")
    endpoint = sagemaker.describe_endpoint(EndpointName=settings.endpoint_name)
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    # What was captured before its config existed was another release's.
    since = config["CreationTime"].astimezone(UTC)
    found = []
    for variant in config["ProductionVariants"]:
        model = sagemaker.describe_model(ModelName=variant["ModelName"])
        match = RELEASE.match((model.get("PrimaryContainer") or {}).get("ModelDataUrl") or "")
        if match is None or match["bucket"] != settings.bucket:
            found.append(Variant(variant["VariantName"], "", None, since))
            continue
        baseline = _baseline(settings, match["prefix"] + "baseline.json")
        found.append(Variant(variant["VariantName"], match["release"], baseline, since))
    return found


def _judged(settings: Settings, variants: list[Variant], end: datetime, context: Any) -> list[dict[str, Any]]:
    budget = Budget(settings.most_requests, context)
    labels, lost = _labels(settings, end)
    return [
        {"variant": variant.name, "release": variant.release, "lost": dict(lost)}
        | _variant(settings, variant, end, labels, budget)
        for variant in variants
    ]


def _variant(
    settings: Settings, variant: Variant, end: datetime, labels: dict[tuple[str, str], feedback.Label], budget: Budget
) -> dict[str, Any]:
    if variant.baseline is None:
        return {"said": "the live release has no baseline: release it anew to have it monitored"}
    window, bad = Window(variant.baseline), Counter[str]()
    since = max(end - settings.window, variant.since)
    earliest = max(end - settings.label_window, variant.since) if labels else since
    for found in _captured(settings, variant.name, (min(since, earliest), end), budget, bad):
        try:
            _count(window, found, labels, drifting=found.at >= since)
        except UnreadableError as error:
            bad[error.reason] += 1
    said = window.report(smallest=settings.smallest_rows, smallest_labels=settings.smallest_labels)
    if not said["enough_rows"]:
        said["said"] = f"{window.rows} rows from {since:%Y-%m-%dT%H:%M:%SZ} on; {settings.smallest_rows} are needed"
    said["partial"] = budget.spent
    said["unreadable"] = dict(sorted(bad.items()))
    return said


def _count(window: Window, found: Captured, labels: dict[tuple[str, str], feedback.Label], *, drifting: bool) -> None:
    layout = window.baseline.layout
    known = [labels[found.key, kind] for kind in (feedback.CLICKS, feedback.GRADES) if (found.key, kind) in labels]
    scores = records.scores_of(found.answer, layout) if found.answer is not None else []
    if drifting and found.request is not None:
        window.add_rows(records.rows_of(found.request, layout).rows)
    if drifting:
        window.add_scores(score for _, score in scores)
    for label in known:
        window.add_quality(label, [key for key, _ in scores])


def _captured(
    settings: Settings, variant: str, span: tuple[datetime, datetime], budget: Budget, bad: Counter[str]
) -> Iterator[Captured]:
    """Yield what was captured in [since, end), the newest files first, until the budget is spent."""
    prefix = capture.prefix(settings.endpoint, settings.endpoint_name) + f"{variant}/"
    for key in _newest(settings, prefix, *span):
        for line in _lines(settings, key, LINE_LIMIT):
            if line is not None and not line.strip():
                continue
            if not budget.allows():
                return
            try:
                record = capture.parse(line)
            except UnreadableError as error:
                bad[error.reason] += 1
                continue
            if span[0] <= record.at < span[1]:
                yield record


def _newest(settings: Settings, prefix: str, since: datetime, end: datetime) -> Iterator[str]:
    for day in reversed(capture.days(since, end)):
        for key in reversed(_keys(settings, prefix + day)):
            found = capture.place(key)
            if found is not None and capture.may_hold(found[1], since, end):
                yield key


def _labels(settings: Settings, end: datetime) -> tuple[dict[tuple[str, str], feedback.Label], Counter[str]]:
    """Return the labels that were put for the window, by id and kind: the later one wins. Counts what was left out."""
    since, lost = end - settings.label_window, Counter[str]()
    found: dict[tuple[str, str], feedback.Label] = {}
    keys = [
        key for day in capture.days(since, end) for key in _keys(settings, feedback.prefix(settings.endpoint) + day)
    ]
    for key in reversed(keys):
        for line in _lines(settings, key, feedback.LINE_LIMIT):
            if line is not None and not line.strip():
                continue
            try:
                label = feedback.parse(line)
            except ValueError:
                lost["labels that cannot be read"] += 1
                continue
            place = label.key, label.kind
            label = replace(label, text=feedback.digest_of(label.text.encode()))  # of equal times; the text may be long
            if place in found or len(found) < LABELS:
                found[place] = max(found.get(place, label), label, key=lambda one: one.rank)
            else:
                lost["labels beyond the most that are read"] += 1
    return found, lost


def _baseline(settings: Settings, key: str) -> Baseline | None:
    """Return a release's baseline, None when it has none. To who may not list it, S3 answers 403 for an absent key."""
    if key not in _keys(settings, key):
        return None
    answer = client("s3").get_object(Bucket=settings.bucket, Key=key)
    data = answer["Body"].read(BASELINE_LIMIT + 1)
    if len(data) > BASELINE_LIMIT:
        raise ValueError(f"{key} has more than {BASELINE_LIMIT} bytes")
    return drift.parse(json.loads(data))


def _keys(settings: Settings, prefix: str) -> list[str]:
    pages = client("s3").get_paginator("list_objects_v2").paginate(Bucket=settings.bucket, Prefix=prefix)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def _lines(settings: Settings, key: str, limit: int) -> Iterator[bytes | None]:
    stream = client("s3").get_object(Bucket=settings.bucket, Key=key)["Body"]
    try:
        yield from capture.lines(stream, limit=limit)
    finally:
        stream.close()


def _scheduled(event: Any) -> datetime:
    """Return the time that EventBridge scheduled, to the second: two deliveries judge one window. Never the future."""
    text = event.get("time") if isinstance(event, dict) else None
    now = datetime.now(UTC)
    moment = datetime.fromisoformat(text) if isinstance(text, str) else now
    return min(now, moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)


@functools.lru_cache(maxsize=4)
def client(service: str) -> Any:
    """Return the client of a service, made once for all runs of this instance."""
    config = Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 5})
    return botocore.session.get_session().create_client(service, config=config)
