"""Captured requests and labels as text, and a folder that stands in for a bucket."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from glue.core.dataset import ClickModel
from glue.core.records import Layout

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
LAYOUT = Layout("query", "documents", "id", "features", "ranking", "score", ("a", "b"))
CLICKS = ClickModel(decay=1.0, noise=0.05)
FULL = "slipway-qa-ranker"


def request(query: str, documents: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Return a request's document; features are named."""
    named = [{"id": key, "features": dict(zip(LAYOUT.names, values, strict=True))} for key, values in documents.items()]
    return {"query": query, "documents": named}


def answer(*ids: str) -> dict[str, Any]:
    """Return an answer with these ids, best first."""
    return {"ranking": [{"id": key, "score": float(len(ids) - place)} for place, key in enumerate(ids)]}


def captured(
    asked: object,
    said: object | None,
    *,
    inference: str | None = "i1",
    event: str = "e1",
    at: datetime = NOON,
    encoding: str = "JSON",
) -> bytes:
    """Return a line as SageMaker writes it."""
    data: dict[str, Any] = {"endpointInput": _side("INPUT", asked, encoding)}
    if said is not None:
        data["endpointOutput"] = _side("OUTPUT", said, encoding)
    about = {"eventId": event, "inferenceTime": f"{at:%Y-%m-%dT%H:%M:%SZ}"} | (
        {"inferenceId": inference} if inference else {}
    )
    return json.dumps({"captureData": data, "eventMetadata": about, "eventVersion": "0"}).encode()


def label(key: str = "i1", *, by: str = "inference_id", minutes: float = 1, **outcome: object) -> bytes:
    """Return a line of labels, some minutes after noon."""
    at = NOON + timedelta(minutes=minutes)
    return json.dumps({by: key, "at": f"{at:%Y-%m-%dT%H:%M:%SZ}", **outcome}).encode()


def _side(mode: str, body: object, encoding: str) -> dict[str, str]:
    text = body if isinstance(body, str) else json.dumps(body)
    kind = "text/csv" if isinstance(body, str) else "application/json"
    data = base64.b64encode(text.encode()).decode() if encoding == "BASE64" else text
    return {"observedContentType": f"{kind}; charset=utf-8", "mode": mode, "data": data, "encoding": encoding}


@dataclass
class FolderBucket:
    """What the glue asks of a bucket, over a dictionary."""

    objects: dict[str, bytes] = field(default_factory=dict)
    name: str = "slipway-qa-artifacts-222222222222"

    def uri(self, key: str) -> str:
        return f"s3://{self.name}/{key}"

    def keys(self, prefix: str) -> Iterator[str]:
        yield from sorted(key for key in self.objects if key.startswith(prefix))

    def folders(self, prefix: str) -> list[str]:
        rest = {key.removeprefix(prefix) for key in self.objects if key.startswith(prefix)}
        return sorted({name.split("/")[0] for name in rest if "/" in name})

    def head(self, key: str) -> Any:
        data = self.objects.get(key)
        stored = SimpleNamespace(etag="x", version_id=None, bytes=len(data or b""))
        return None if data is None else SimpleNamespace(stored=stored)

    def open(self, key: str, *, etag: str, version_id: str | None) -> io.BytesIO:
        assert etag == "x"
        assert version_id is None
        return io.BytesIO(self.objects[key])


def account(bucket: FolderBucket) -> Any:
    """Return a session of qa that has one bucket."""
    environment = SimpleNamespace(name="qa", project="slipway", artifact_bucket=bucket.name)
    return SimpleNamespace(environment=environment, artifacts=lambda: bucket)


def hour(name: str, *, at: datetime = NOON, variant: str = "main") -> str:
    """Return the key of a captured file."""
    return f"capture/ranker/{FULL}/{variant}/{at:%Y/%m/%d/%H}/{name}.jsonl"
