"""Exports of tables to S3: the whole table as gzipped DynamoDB JSON, with its manifests.

The caller's own permission to write objects counts. What is exported is the table as it is now.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.dynamodb.models import dynamodb_backends

from glue.iam import Principal
from sandbox.errors import AwsError
from sandbox.events import access, tables, work
from sandbox.s3 import keys
from sandbox.s3.blobs import Blob, Content

DURATION = 300.0  # AWS seconds
_lock = threading.Lock()
_exports: dict[str, Export] = {}


@dataclass
class Export:
    """One export, as DescribeExport shows it."""

    arn: str
    table_arn: str
    request: Mapping[str, Any]
    status: str = "IN_PROGRESS"
    failure: AwsError | None = None
    count: int = 0
    size: int = 0
    manifest: str | None = None
    started: float = field(default_factory=time.time)
    ended: float | None = None

    def shown(self) -> dict[str, Any]:
        """Return the members that are known."""
        found = {
            **{name: self.request.get(name) for name in ("S3Bucket", "S3Prefix", "S3SseAlgorithm", "S3BucketOwner")},
            "ExportArn": self.arn,
            "ExportStatus": self.status,
            "ExportType": "FULL_EXPORT",
            "ExportFormat": "DYNAMODB_JSON",
            "TableArn": self.table_arn,
            "StartTime": self.started,
            "EndTime": self.ended,
            "ExportManifest": self.manifest,
            "ItemCount": self.count,
            "BilledSizeBytes": self.size,
            "FailureCode": self.failure.code if self.failure else None,
            "FailureMessage": self.failure.message if self.failure else None,
        }
        return {name: value for name, value in found.items() if value is not None}


def forget() -> None:
    """Forget all exports: a new server begins."""
    with _lock:
        _exports.clear()


def start(caller: Principal, request: Mapping[str, Any]) -> dict[str, Any]:
    """Begin an export; returns its description. Raises AwsError."""
    table_arn = str(request.get("TableArn", ""))
    table = _table(table_arn)
    if table.continuous_backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] != "ENABLED":
        raise AwsError(
            "PointInTimeRecoveryUnavailableException", f"Point in time recovery is not enabled for table '{table.name}'"
        )
    if request.get("ExportFormat", "DYNAMODB_JSON") != "DYNAMODB_JSON" or "IncrementalExportSpecification" in request:
        raise AwsError("ValidationException", "The sandbox exports whole tables as DYNAMODB_JSON.")
    identifier = f"{int(time.time() * 1000):020d}-{secrets.token_hex(4)}"
    made = Export(f"{table_arn}/export/{identifier}", table_arn, dict(request))
    with _lock:
        _exports[made.arn] = made
    work.later(DURATION, made.arn, lambda: _run(made, table, caller, identifier))
    return made.shown()


def described(arn: str) -> dict[str, Any]:
    """Return an export's description. Raises AwsError ExportNotFoundException."""
    with _lock:
        if arn not in _exports:
            raise AwsError("ExportNotFoundException", f"Export not found: {arn}")
        return _exports[arn].shown()


def listed(table_arn: str | None) -> list[dict[str, str]]:
    """Return the exports of a table, or all."""
    with _lock:
        return [
            {"ExportArn": one.arn, "ExportStatus": one.status, "ExportType": "FULL_EXPORT"}
            for one in _exports.values()
            if table_arn in {None, one.table_arn}
        ]


def _table(arn: str) -> Any:
    parts = arn.split(":", 5)
    name = parts[5].removeprefix("table/") if len(parts) == 6 else ""
    table = dynamodb_backends[parts[4]][parts[3]].tables.get(name) if name else None
    if table is None:
        raise AwsError("TableNotFoundException", f"Table not found: {arn}")
    return table


def _run(export: Export, table: Any, caller: Principal, identifier: str) -> None:
    try:
        _write(export, table, caller, identifier)
        export.status = "COMPLETED"
    except AwsError as error:
        export.status, export.failure = "FAILED", error
    export.ended = time.time()


def _write(export: Export, table: Any, caller: Principal, identifier: str) -> None:
    with tables.LOCK:
        lines = [json.dumps({"Item": item.to_json()["Attributes"]}) for item in table.all_items()]
    text = "".join(f"{line}\n" for line in lines).encode()
    export.count, export.size = len(lines), len(text)
    prefix = "/".join(part for part in (str(export.request.get("S3Prefix") or ""), "AWSDynamoDB", identifier) if part)
    data = gzip.compress(text)
    file = f"{prefix}/data/{secrets.token_hex(13)}.json.gz"
    entry = {
        "itemCount": export.count,
        "md5Checksum": base64.b64encode(hashlib.md5(data).digest()).decode(),  # noqa: S324 (as the format has it)
        "dataFileS3Key": file,
    }
    entry["etag"] = hashlib.md5(data).hexdigest()  # noqa: S324
    summary = {
        "version": "2020-06-30",
        "exportArn": export.arn,
        "tableArn": export.table_arn,
        "s3Bucket": export.request["S3Bucket"],
        "s3Prefix": export.request.get("S3Prefix"),
        "manifestFilesS3Key": f"{prefix}/manifest-files.json",
        "billedSizeBytes": export.size,
        "itemCount": export.count,
        "outputFormat": "DYNAMODB_JSON",
        "exportType": "FULL_EXPORT",
    }
    objects = {
        file: data,
        f"{prefix}/manifest-files.json": f"{json.dumps(entry)}\n".encode(),
        f"{prefix}/manifest-summary.json": json.dumps(summary).encode(),
    }
    for name, content in objects.items():
        _put(str(export.request["S3Bucket"]), name, content, caller)
    export.manifest = f"{prefix}/manifest-summary.json"


def _put(bucket_name: str, name: str, content: bytes, caller: Principal) -> None:
    bucket = keys.bucket_of(bucket_name)
    access.check(caller, "s3:PutObject", f"arn:aws:s3:::{bucket_name}/{name}", {})
    etag = hashlib.md5(content).hexdigest()  # noqa: S324
    key = keys.StoredKey(bucket=bucket, name=name, content=Content([Blob(data=content)]), etag=etag, checksum=None)
    keys.commit(bucket, key, allowed=lambda _: None)
