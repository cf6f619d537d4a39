"""Data capture: sampled requests and answers as JSON lines in S3, in AWS's layout.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

from __future__ import annotations

import base64
import json
import logging
import random
import threading
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.runtime import roles
from sandbox.runtime.context import Context

log = logging.getLogger(__name__)
EVERY = 1.0  # seconds; AWS gathers for a while, too


@dataclass(frozen=True)
class Exchange:
    """One request and its answer, with the headers that matter (names in lower case)."""

    request: bytes
    request_headers: Mapping[str, str]
    response: bytes
    response_headers: Mapping[str, str]


@dataclass(frozen=True)
class Target:
    """Whose capture it is: the files are written with the execution role's credentials."""

    account_id: str
    region: str
    role_arn: str
    endpoint: str
    variant: str
    destination: str
    kms_key_id: str


class Recorder:
    """Samples exchanges and uploads them, a file for each variant and second."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._waiting: defaultdict[Target, list[str]] = defaultdict(list)
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()

    def offer(self, config: Mapping[str, Any] | None, target: Target, exchange: Exchange) -> None:
        """Keep the exchange if capture is on and the sample hits it."""
        if not config or not config.get("EnableCapture"):
            return
        if random.random() * 100 >= config["InitialSamplingPercentage"]:  # noqa: S311 (a sample, not a secret)
            return
        text = json.dumps(line(config, exchange), separators=(",", ":"))
        with self._lock:
            self._waiting[target].append(text)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="data capture", daemon=True)
                self._thread.start()

    def flush(self) -> None:
        """Upload what was gathered so far."""
        with self._lock:
            waiting = dict(self._waiting)
            self._waiting.clear()
        for target, lines in waiting.items():
            try:
                self._upload(target, lines)
            except (ClientError, BotoCoreError) as error:
                log.warning("capture of %s/%s was lost: %s", target.endpoint, target.variant, error)

    def _run(self) -> None:
        while not self._stopped.wait(EVERY):
            try:
                self.flush()
            except Exception:
                log.exception("data capture")

    def _upload(self, target: Target, lines: list[str]) -> None:
        client = self._clients.get((target.role_arn, target.region))
        if client is None:
            role = roles.credentials(self._context, role_arn=target.role_arn, region=target.region, session="SageMaker")
            client = roles.client(self._context, "s3", role, actor="sagemaker")
            self._clients[target.role_arn, target.region] = client
        bucket, _, prefix = target.destination.removeprefix("s3://").partition("/")
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": target.kms_key_id} if target.kms_key_id else {}
        body = "".join(f"{text}\n" for text in lines).encode()
        client.put_object(Bucket=bucket, Key=key(prefix, target, datetime.now(UTC)), Body=body, **encryption)


def key(prefix: str, target: Target, now: datetime) -> str:
    """Return `<prefix>/<endpoint>/<variant>/yyyy/mm/dd/hh/<mm-ss-mmm>-<uuid>.jsonl`."""
    stamp = f"{now:%M-%S}-{now.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
    parts = [prefix.rstrip("/"), target.endpoint, target.variant, f"{now:%Y/%m/%d/%H}", stamp]
    return "/".join(part for part in parts if part)


def line(config: Mapping[str, Any], exchange: Exchange) -> dict[str, Any]:
    """Return one captured record with the sides that CaptureOptions name."""
    modes = {option["CaptureMode"] for option in config.get("CaptureOptions") or []}
    captured: dict[str, Any] = {}
    if modes & {"Input", "InputAndOutput"}:
        captured["endpointInput"] = _side(config, "INPUT", exchange.request, exchange.request_headers)
    if modes & {"Output", "InputAndOutput"}:
        captured["endpointOutput"] = _side(config, "OUTPUT", exchange.response, exchange.response_headers)
    metadata: dict[str, Any] = {
        "eventId": str(uuid.uuid4()),
        "inferenceTime": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
    custom = exchange.request_headers.get("x-amzn-sagemaker-custom-attributes")
    if custom:
        metadata["customAttributes"] = [custom]
    inference = exchange.request_headers.get("x-amzn-sagemaker-inference-id")
    if inference:
        metadata["inferenceId"] = inference
    return {"captureData": captured, "eventMetadata": metadata, "eventVersion": "0"}


def _side(config: Mapping[str, Any], mode: str, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    """Text for the content types that the config names, base64 for all others (API_CaptureContentTypeHeader)."""
    observed = headers.get("content-type", "")
    kind = observed.partition(";")[0].strip().lower()
    types = config.get("CaptureContentTypeHeader") or {}
    encoding = "BASE64"
    if kind in {one.lower() for one in types.get("JsonContentTypes") or []}:
        encoding = "JSON"
    elif kind in {one.lower() for one in types.get("CsvContentTypes") or []}:
        encoding = "CSV"
    text = base64.b64encode(body).decode() if encoding == "BASE64" else body.decode("utf-8", "replace")
    return {"observedContentType": observed, "mode": mode, "data": text, "encoding": encoding}
