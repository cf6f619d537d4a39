"""S3: our own data plane in front of moto's, and moto's buckets with what they drop.

What is repaired, with the AWS documents, is listed in docs/sandbox.md; the code lies in `sandbox/s3/`.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket, FakeKey, s3_backends
from moto.s3.responses import S3Response
from werkzeug.wrappers import Response

from sandbox.calls import Call
from sandbox.door import on_service
from sandbox.errors import AwsError
from sandbox.iam import enforce
from sandbox.s3 import keys, multipart, notices, objects
from sandbox.settings import Settings

_WITH_BODY: dict[str, Callable[[Call, Path], Response]] = {
    "PutObject": objects.put,
    "CopyObject": objects.copy,
    "UploadPart": multipart.upload_part,
    "UploadPartCopy": multipart.upload_part_copy,
}
_OTHERS: dict[str, Callable[[Call], Response]] = {
    "GetObject": objects.get,
    "HeadObject": objects.get,
    "GetObjectAttributes": objects.describe,
    "CreateMultipartUpload": multipart.create,
    "ListParts": multipart.list_parts,
    "CompleteMultipartUpload": multipart.complete,
}
# Settings of which moto keeps only what it knows; S3 returns what was sent.
_ECHOED = {"notification": "get_bucket_notification", "replication": "get_bucket_replication"}


def install(settings: Settings) -> None:
    """Take over objects; keep moto's policy evaluation out of the way; echo settings."""
    folder = settings.objects

    def handle(call: Call) -> Response | None:
        return _handle(call, folder)

    on_service("s3", handle)
    # moto knows no conditions: a Deny of requests without TLS would lock everybody out. The front door decides; moto
    # asks again for each key of DeleteObjects only.
    FakeBucket.get_permission = _permission
    _forget_garbage_warnings()
    _echo_settings()
    notices.install()


def _permission(bucket: FakeBucket, action: str, resource: str) -> PermissionResult:
    del bucket, action
    return PermissionResult.DENIED if enforce.is_denied_key(resource) else PermissionResult.NEUTRAL


def _handle(call: Call, folder: Path) -> Response | None:
    name = call.parameters.get("Bucket")
    if name and call.operation != "CreateBucket":
        bucket = keys.bucket_of(name)
        objects.require_owner(bucket, call.headers.get("x-amz-expected-bucket-owner"))
        # whoever calls: a bucket's objects, tags and settings lie in the account that owns it
        call.environ["HTTP_X_MOTO_ACCOUNT_ID"] = bucket.account_id
    if "Key" in call.parameters:
        _read_query_headers(call)
        _require_valid(call)
    if call.operation in _WITH_BODY:
        return _WITH_BODY[call.operation](call, folder)
    if call.operation in _OTHERS:
        return _OTHERS[call.operation](call)
    return None


def _read_query_headers(call: Call) -> None:
    """A presigned URL may carry headers in its query (x-amz-..., API reference, "Authenticating requests")."""
    for name, value in call.query.items():
        if name.lower().startswith("x-amz-") and not name.startswith("X-Amz-"):
            call.headers.setdefault(name.lower(), value)


def _require_valid(call: Call) -> None:
    """Raise AwsError when a presigned URL has expired."""
    now = time.time()
    ends = call.query.get("Expires") or ""
    if "X-Amz-Expires" in call.query and "X-Amz-Date" in call.query:
        signed = datetime.datetime.strptime(call.query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
        ends = str(int(signed.timestamp()) + int(call.query["X-Amz-Expires"]))
    if ends.isdecimal() and int(ends) < now:
        raise AwsError("AccessDenied", "Request has expired", 403)


def _forget_garbage_warnings() -> None:
    """moto warns of keys that are collected before their file is closed; ours have none."""
    original = FakeKey.__del__

    def collected(self: Any) -> None:
        if not isinstance(self, keys.StoredKey):
            original(self)

    FakeKey.__del__ = collected


def _echo_settings() -> None:
    put = S3Response._bucket_response_put
    if getattr(put, "echoes", False):
        return

    def put_and_remember(self: Any, request: Any, bucket_name: str, querystring: dict[str, Any]) -> Any:
        answer = put(self, request, bucket_name, querystring)
        for name in _ECHOED:
            if name in querystring:
                bucket = self.backend.get_bucket(bucket_name)
                bucket.__dict__.setdefault("echo", {})[name] = self.body
        return answer

    put_and_remember.echoes = True  # type: ignore[attr-defined]
    S3Response._bucket_response_put = put_and_remember
    for name, method in _ECHOED.items():
        setattr(S3Response, method, _echoing(name, getattr(S3Response, method)))
    delete = S3Response.delete_bucket_replication

    def delete_and_forget(self: Any) -> Any:
        self.backend.get_bucket(self.bucket_name).__dict__.get("echo", {}).pop("replication", None)
        return delete(self)

    S3Response.delete_bucket_replication = delete_and_forget


def _echoing(name: str, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def get(self: Any) -> Any:
        body = self.backend.get_bucket(self.bucket_name).__dict__.get("echo", {}).get(name)
        return original(self) if body is None else (200, {"content-type": "application/xml"}, body)

    return get


def object_bytes(bucket: str, key: str, *, version_id: str | None = None) -> bytes:
    """Return an object's content, for parts of the sandbox that play a service. Raises AwsError as a GET would."""
    return b"".join(objects.find(keys.bucket_of(bucket), key, version_id).content.read())


def save_object(bucket: str, key: str, target: Path) -> None:
    """Write an object's content to a file, block by block. Raises AwsError as a GET would."""
    found = objects.find(keys.bucket_of(bucket), key, None)
    with target.open("wb") as file:
        file.writelines(found.content.read())


def all_buckets() -> list[FakeBucket]:
    """Return the buckets of all accounts."""
    return [bucket for partitions in s3_backends.values() for bucket in partitions["aws"].buckets.values()]
