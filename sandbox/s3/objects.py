"""PutObject, GetObject, HeadObject, GetObjectAttributes, CopyObject."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from moto.s3 import notifications
from moto.s3.models import FakeBucket, FakeDeleteMarker
from werkzeug.wrappers import Response

from sandbox.calls import Call
from sandbox.errors import AwsError
from sandbox.s3 import attributes, checksums, conditions, encryption, keys
from sandbox.s3.blobs import Content
from sandbox.s3.keys import Checksum, Part, StoredKey
from sandbox.s3.receive import LARGEST_PUT, receive
from sandbox.s3.wire import answer, http_date, iso_date

_RANGE = re.compile(r"bytes=(\d*)-(\d*)$")


def notify(bucket: FakeBucket, key: StoredKey, event: str) -> None:
    """Tell whom the bucket's notification settings name; `event` as in s3:ObjectCreated:Put."""
    notifications.send_event(bucket.account_id, notifications.S3NotificationEvent(f"s3:{event}"), bucket, key)


def put(call: Call, folder: Path) -> Response:
    """PutObject (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html)."""
    bucket, name = keys.bucket_of(call.parameters["Bucket"]), call.parameters["Key"]
    _require_name(name)
    allowed = conditions.for_write(call.headers)
    tags = attributes.tags(call.headers.get("x-amz-tagging"))
    metadata = attributes.metadata(call.headers)
    chosen = encryption.choose(bucket, call.headers, account_id=call.account_id)
    received = receive(call, folder)
    checksum = None
    if received.algorithm:
        checksum = Checksum(received.algorithm, checksums.FULL_OBJECT, checksums.encode(received.digest))
    key = StoredKey(
        name=name,
        bucket=bucket,
        content=Content([received.blob]),
        etag=received.md5,
        checksum=checksum,
        storage=attributes.storage_class(call.headers),
    )
    attributes.apply(key, bucket, call.headers, chosen)
    key.set_metadata(metadata)
    keys.commit(bucket, key, allowed=allowed)
    attributes.set_tags(key, tags)
    notify(bucket, key, "ObjectCreated:Put")
    headers = {"ETag": key.etag, **attributes.version_header(key), **encryption.headers(key)}
    if checksum:
        headers |= {checksum.header: checksum.text, "x-amz-checksum-type": checksum.kind}
    return Response(b"", status=200, headers=headers)


def find(bucket: FakeBucket, name: str, version_id: str | None) -> StoredKey:
    """Return an object to read. Raises AwsError NoSuchKey, NoSuchVersion, or MethodNotAllowed for a delete marker."""
    found = keys.version(bucket, name, version_id) if version_id else keys.current(bucket, name)
    if isinstance(found, StoredKey):
        return found
    if isinstance(found, FakeDeleteMarker):
        fields = {"Key": name, "ResourceType": "DeleteMarker"} if version_id else {"Key": name}
        code, status = ("MethodNotAllowed", 405) if version_id else ("NoSuchKey", 404)
        raise DeleteMarkerError(code, status, fields=fields, version_id=str(found.version_id))
    if version_id:
        fields = {"Key": name, "VersionId": version_id}
        raise AwsError("NoSuchVersion", "The specified version does not exist.", 404, fields=fields)
    raise AwsError("NoSuchKey", "The specified key does not exist.", 404, fields={"Key": name})


class DeleteMarkerError(AwsError):
    """A read met a delete marker; the answer says so in its headers."""

    def __init__(self, code: str, status: int, *, fields: dict[str, str], version_id: str) -> None:
        message = (
            "The specified key does not exist."
            if status == 404
            else "The specified method is not allowed against this resource."
        )
        headers = {"x-amz-delete-marker": "true", "x-amz-version-id": version_id}
        super().__init__(code, message, status, fields=fields, headers=headers)


def get(call: Call) -> Response:
    """GetObject and HeadObject (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html)."""
    bucket, name = keys.bucket_of(call.parameters["Bucket"]), call.parameters["Key"]
    key = find(bucket, name, call.query.get("versionId"))
    encryption.require_usable(key.kms_key_id)
    headers = attributes.of_object(key, call.query)
    if not conditions.for_read(call.headers, key):
        kept = {name: value for name, value in headers.items() if not name.startswith("Content-")}
        return Response(b"", status=304, headers=kept)
    start, end, status = 0, key.content.size, 200
    if "partNumber" in call.query:
        start, end, part = _part_range(key, call.query["partNumber"])
        status = 206
        if key.parts:
            headers["x-amz-mp-parts-count"] = str(len(key.parts))
        _show_checksum(call, headers, key, part)
    elif span := _range(call.headers.get("range"), key.content.size):
        (start, end), status = span, 206
    else:
        _show_checksum(call, headers, key, None)
    if status == 206:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{key.content.size}"
    headers["Content-Length"] = str(end - start)
    body = iter(()) if call.method == "HEAD" else key.content.read(start, end)  # an empty string would set the length
    return Response(body, status=status, headers=headers, direct_passthrough=True)


def _show_checksum(call: Call, headers: dict[str, str], key: StoredKey, part: Part | None) -> None:
    """Add the checksum, of the part when one was asked for; only with x-amz-checksum-mode, never with a range."""
    if call.headers.get("x-amz-checksum-mode", "").upper() != "ENABLED":
        return
    checksum = key.checksum
    headers["x-amz-checksum-type"] = checksum.kind
    if part is None:
        headers[checksum.header] = checksum.text
    elif part.digest:
        headers[checksum.header] = checksums.encode(part.digest)


def _part_range(key: StoredKey, text: str) -> tuple[int, int, Part | None]:
    number = int(text) if text.isdecimal() else 0
    if number == 1 and not key.parts:
        return 0, key.content.size, None
    start = 0
    for position, part in enumerate(key.parts, start=1):
        if position == number:
            return start, start + part.blob.size, part
        start += part.blob.size
    raise AwsError("InvalidPartNumber", "The requested partnumber is not satisfiable", 416)


def _range(text: str | None, size: int) -> tuple[int, int] | None:
    """Return first byte and end of a Range header; None for none, or one that S3 ignores. Raises InvalidRange."""
    match = _RANGE.match(text.strip()) if text else None
    if match is None or match[0] == "bytes=-":
        return None
    first, last = match[1], match[2]
    if not first:
        start, end = max(size - int(last), 0), size
        valid = int(last) > 0 and size > 0
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
        valid = start < size
    if not valid:
        fields = {"RangeRequested": str(text), "ActualObjectSize": str(size)}
        raise AwsError("InvalidRange", "The requested range is not satisfiable", 416, fields=fields)
    return start, end


def describe(call: Call) -> Response:
    """GetObjectAttributes. A composite checksum comes without its number of parts here, unlike in HeadObject.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html
    """
    bucket, name = keys.bucket_of(call.parameters["Bucket"]), call.parameters["Key"]
    key = find(bucket, name, call.query.get("versionId"))
    conditions.for_read(call.headers, key)
    wanted = {part.strip() for part in call.headers.get("x-amz-object-attributes", "").split(",")}
    known = {"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"}
    if not wanted <= known:
        raise AwsError("InvalidArgument", "Invalid attribute name specified.")
    checksum = key.checksum if {"Checksum", "ObjectParts"} & wanted else None
    shown = None
    if checksum is not None and "Checksum" in wanted:
        shown = [
            (f"Checksum{checksum.algorithm}", checksum.text.partition("-")[0]),
            ("ChecksumType", checksum.kind),
        ]
    members = [
        ("ETag", key.etag.strip('"') if "ETag" in wanted else None),
        ("Checksum", shown),
        ("ObjectParts", _parts(call, key) if "ObjectParts" in wanted and key.parts else None),
        ("StorageClass", key.storage_class if "StorageClass" in wanted else None),
        ("ObjectSize", key.content.size if "ObjectSize" in wanted else None),
    ]
    headers = {"Last-Modified": http_date(key.last_modified), **attributes.version_header(key)}
    return answer("GetObjectAttributesResponse", members, headers)


def _parts(call: Call, key: StoredKey) -> list[tuple[str, Any]]:
    after = int(call.headers.get("x-amz-part-number-marker") or 0)
    most = int(call.headers.get("x-amz-max-parts") or 1000)
    algorithm = key.checksum.algorithm
    numbered = list(enumerate(key.parts, start=1))
    chosen = [(number, part) for number, part in numbered if number > after][:most]
    last = chosen[-1][0] if chosen else after
    out: list[tuple[str, Any]] = [
        ("PartsCount", len(key.parts)),
        ("PartNumberMarker", after),
        ("NextPartNumberMarker", last),
        ("MaxParts", most),
        ("IsTruncated", last < len(key.parts)),
    ]
    if not chosen or not chosen[0][1].digest:  # parts are listed only for uploads that named an algorithm
        return out
    for number, part in chosen:
        checksum = (f"Checksum{algorithm}", checksums.encode(part.digest))
        out.append(("Part", [("PartNumber", number), ("Size", part.blob.size), checksum]))
    return out


def source_of(call: Call) -> StoredKey:
    """Return the object that a copy reads, with its preconditions checked.

    Raises AwsError: NoSuchBucket, NoSuchKey, NoSuchVersion, InvalidRequest for a delete marker, PreconditionFailed,
    AccessDenied when the source bucket has another owner than expected.
    """
    path, _, query = call.headers["x-amz-copy-source"].partition("?")
    bucket_name, _, name = unquote(path).lstrip("/").partition("/")
    if not bucket_name or not name:
        message = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
        raise AwsError("InvalidArgument", message)
    bucket = keys.bucket_of(bucket_name)
    require_owner(bucket, call.headers.get("x-amz-source-expected-bucket-owner"))
    version_id = parse_qs(query).get("versionId", [None])[0]
    try:
        key = find(bucket, name, version_id)
    except DeleteMarkerError:
        if version_id is None:
            raise
        raise AwsError(
            "InvalidRequest",
            "The source of a copy request may not specifically refer to a delete marker by version id.",
        ) from None
    conditions.for_copy_source(call.headers, key)
    encryption.require_usable(key.kms_key_id)
    return key


def require_owner(bucket: FakeBucket, expected: str | None) -> None:
    """Raise AwsError AccessDenied when a bucket does not belong to the account that the caller expects.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
    """
    if expected is not None and expected != bucket.account_id:
        raise AwsError("AccessDenied", "Access Denied", 403)


def copy(call: Call, folder: Path) -> Response:
    """CopyObject (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html)."""
    del folder  # contents never change, so both objects use the same
    bucket, name = keys.bucket_of(call.parameters["Bucket"]), call.parameters["Key"]
    source = source_of(call)
    allowed = conditions.for_write(call.headers)
    if source.content.size > LARGEST_PUT:
        raise AwsError(
            "InvalidRequest",
            f"The specified copy source is larger than the maximum allowable size for a copy source: {LARGEST_PUT}",
        )
    _require_change(call, bucket, name, source)
    chosen = encryption.choose(bucket, call.headers, account_id=call.account_id)
    replace = call.headers.get("x-amz-metadata-directive", "COPY").upper() == "REPLACE"
    metadata = attributes.metadata(call.headers) if replace else dict(source.metadata)
    tags = attributes.tags_of(source)
    if call.headers.get("x-amz-tagging-directive", "COPY").upper() == "REPLACE":
        tags = attributes.tags(call.headers.get("x-amz-tagging")) or {}
    key = StoredKey(
        name=name,
        bucket=bucket,
        content=source.content,
        etag=_md5(source),
        checksum=_copied_checksum(call, source),
        storage=attributes.storage_class(call.headers),
    )
    attributes.apply(key, bucket, call.headers, chosen)
    key.set_metadata(metadata)
    keys.commit(bucket, key, allowed=allowed)
    attributes.set_tags(key, tags)
    notify(bucket, key, "ObjectCreated:Copy")
    headers = {**attributes.version_header(key), **encryption.headers(key), **copied_version(source)}
    members: list[tuple[str, Any]] = [("LastModified", iso_date(key.last_modified)), ("ETag", key.etag)]
    if key.chosen_algorithm:
        members += [(f"Checksum{key.checksum.algorithm}", key.checksum.text), ("ChecksumType", key.checksum.kind)]
    return answer("CopyObjectResult", members, headers)


def copied_version(source: StoredKey) -> dict[str, str]:
    """Return the header that names the version that was copied."""
    return {"x-amz-copy-source-version-id": str(source.version_id)} if source._is_versioned else {}


def _require_change(call: Call, bucket: FakeBucket, name: str, source: StoredKey) -> None:
    same = source.bucket_name == bucket.name and source.name == name
    named = "versionId=" in call.headers["x-amz-copy-source"]
    changing = ("x-amz-storage-class", "x-amz-website-redirect-location", "x-amz-server-side-encryption")
    replaces = call.headers.get("x-amz-metadata-directive", "").upper() == "REPLACE"
    if same and not named and not replaces and not any(header in call.headers for header in changing):
        raise AwsError(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's metadata, storage class, website redirect location or encryption attributes.",
        )


def _md5(source: StoredKey) -> str:
    """Return the ETag of a copy: CopyObject writes one piece, so a multipart ETag becomes a plain MD5."""
    if not source.parts:
        return str(source.etag.strip('"'))
    total = hashlib.md5(usedforsecurity=False)
    for block in source.content.read():
        total.update(block)
    return total.hexdigest()


def _copied_checksum(call: Call, source: StoredKey) -> Checksum | None:
    """Return the checksum of a copy: of the whole object, in the algorithm asked for, else in the source's own."""
    asked = call.headers.get("x-amz-checksum-algorithm", "").upper()
    if asked and asked not in checksums.ALGORITHMS:
        raise AwsError("InvalidRequest", "Checksum algorithm provided is unsupported.")
    algorithm = asked or source.chosen_algorithm
    if algorithm is None:
        return None
    if source.chosen_algorithm == algorithm and source.checksum.kind == checksums.FULL_OBJECT:
        return source.checksum
    digest = checksums.of_blocks(algorithm, source.content.read())
    return Checksum(algorithm, checksums.FULL_OBJECT, checksums.encode(digest))


def _require_name(name: str) -> None:
    if len(name.encode()) > 1024:
        raise AwsError("KeyTooLongError", "Your key is too long", fields={"MaxSizeAllowed": "1024"})
