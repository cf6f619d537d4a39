"""CreateMultipartUpload, UploadPart, UploadPartCopy, ListParts, CompleteMultipartUpload."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from moto.core.utils import utcnow
from moto.s3.models import FakeBucket
from werkzeug.wrappers import Response

from sandbox.calls import Call
from sandbox.errors import AwsError
from sandbox.s3 import attributes, checksums, conditions, encryption, keys, objects
from sandbox.s3.blobs import Content, Writer
from sandbox.s3.keys import Checksum, Part, StoredKey, Upload
from sandbox.s3.receive import LARGEST_PUT, promised_checksums, receive
from sandbox.s3.wire import answer, child, iso_date, parse

_SMALLEST_PART = 5 * 1024 * 1024
_MOST_PARTS = 10_000
_COPY_RANGE = re.compile(r"bytes=(\d+)-(\d+)$")


def create(call: Call) -> Response:
    """CreateMultipartUpload. Encryption, tags and metadata are named here and hold for the finished object."""
    bucket, name = keys.bucket_of(call.parameters["Bucket"]), call.parameters["Key"]
    attributes.tags(call.headers.get("x-amz-tagging"))
    attributes.storage_class(call.headers)
    chosen = encryption.choose(bucket, call.headers, account_id=call.account_id)
    upload = Upload(bucket=bucket, key=name, metadata=attributes.metadata(call.headers), request=dict(call.headers))
    upload.encryption, upload.kms_key_id, upload.bucket_key_enabled = chosen
    bucket.multiparts[upload.id] = upload
    headers = encryption.headers(upload)
    if upload.algorithm:
        headers |= {"x-amz-checksum-algorithm": upload.algorithm, "x-amz-checksum-type": upload.kind}
    members = [("Bucket", bucket.name), ("Key", name), ("UploadId", upload.id)]
    return answer("InitiateMultipartUploadResult", members, headers)


def upload_part(call: Call, folder: Path) -> Response:
    """UploadPart. The part's checksum must be in the algorithm that the upload was created with."""
    _, upload = _upload(call)
    number = _number(call)
    received = receive(call, folder)
    if upload.algorithm and upload.algorithm != received.algorithm:
        actual = (received.algorithm or "null").lower()
        raise AwsError(
            "InvalidRequest",
            f"Checksum Type mismatch occurred, expected checksum Type: {upload.algorithm.lower()}, "
            f"actual checksum Type: {actual}",
        )
    digest = received.digest if upload.algorithm else b""
    part = Part(number, received.blob, received.md5, digest, utcnow())
    _keep(upload, part)
    headers = {"ETag": part.etag, **encryption.headers(upload)}
    if received.algorithm:
        headers[f"x-amz-checksum-{received.algorithm.lower()}"] = checksums.encode(received.digest)
    return Response(b"", status=200, headers=headers)


def upload_part_copy(call: Call, folder: Path) -> Response:
    """UploadPartCopy. Returns the part's checksum in the upload's algorithm; the bytes are read and hashed anew."""
    _, upload = _upload(call)
    number = _number(call)
    source = objects.source_of(call)
    start, end = _copy_range(call.headers.get("x-amz-copy-source-range"), source)
    total = checksums.running(upload.algorithm) if upload.algorithm else None
    md5 = hashlib.md5(usedforsecurity=False)
    writer = Writer(folder)
    try:
        for block in source.content.read(start, end):
            writer.write(block)
            md5.update(block)
            if total is not None:
                total.update(block)
    except BaseException:
        writer.abandon()
        raise
    part = Part(number, writer.finish(), md5.hexdigest(), total.digest() if total else b"", utcnow())
    _keep(upload, part)
    members: list[tuple[str, Any]] = [("LastModified", iso_date(part.modified)), ("ETag", part.etag)]
    if upload.algorithm:
        members.append((f"Checksum{upload.algorithm}", checksums.encode(part.digest)))
    return answer("CopyPartResult", members, {**encryption.headers(upload), **objects.copied_version(source)})


def list_parts(call: Call) -> Response:
    """ListParts, a thousand at a time."""
    bucket, upload = _upload(call)
    after = int(call.query.get("part-number-marker") or 0)
    most = min(int(call.query.get("max-parts") or 1000), 1000)
    numbers = [number for number in sorted(upload.received) if number > after]
    chosen = [upload.received[number] for number in numbers[:most]]
    owner = [("ID", bucket.account_id), ("DisplayName", bucket.account_id)]
    members: list[tuple[str, Any]] = [
        ("Bucket", bucket.name),
        ("Key", upload.key_name),
        ("UploadId", upload.id),
        ("Initiator", owner),
        ("Owner", owner),
        ("StorageClass", upload.request.get("x-amz-storage-class") or "STANDARD"),
        ("PartNumberMarker", after),
        ("NextPartNumberMarker", chosen[-1].number if chosen else 0),
        ("MaxParts", most),
        ("IsTruncated", len(numbers) > len(chosen)),
        ("ChecksumAlgorithm", upload.algorithm),
        ("ChecksumType", upload.kind if upload.algorithm else None),
    ]
    for part in chosen:
        shown: list[tuple[str, Any]] = [
            ("PartNumber", part.number),
            ("LastModified", iso_date(part.modified)),
            ("ETag", part.etag),
            ("Size", part.blob.size),
        ]
        if upload.algorithm:
            shown.append((f"Checksum{upload.algorithm}", checksums.encode(part.digest)))
        members.append(("Part", shown))
    return answer("ListPartsResult", members)


def complete(call: Call) -> Response:
    """CompleteMultipartUpload. Repeating it after it succeeded answers as the first time did.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
    """
    bucket, name = keys.bucket_of(call.parameters["Bucket"]), call.parameters["Key"]
    done = _completed(bucket, call.query.get("uploadId", ""))
    if done is not None:
        return _completion(bucket, done)
    _, upload = _upload(call)
    allowed = conditions.for_write(call.headers)
    with upload.lock:  # of two completions of one upload, the second finds it done
        done = _completed(bucket, upload.id)
        if done is not None:
            return _completion(bucket, done)
        parts = _chosen_parts(call, upload)
        key = _assemble(call, bucket, name, upload, parts)
        keys.commit(bucket, key, allowed=allowed)
        bucket.__dict__.setdefault("completed_uploads", {})[upload.id] = key
        bucket.multiparts.pop(upload.id, None)
    attributes.set_tags(key, attributes.tags(upload.request.get("x-amz-tagging")))
    upload.dispose()
    objects.notify(bucket, key, "ObjectCreated:CompleteMultipartUpload")
    return _completion(bucket, key)


def _completed(bucket: FakeBucket, upload_id: str) -> StoredKey | None:
    found: StoredKey | None = bucket.__dict__.get("completed_uploads", {}).get(upload_id)
    return found


def _completion(bucket: FakeBucket, key: StoredKey) -> Response:
    members: list[tuple[str, Any]] = [
        ("Location", f"https://{bucket.name}.s3.{bucket.region_name}.amazonaws.com/{key.name}"),
        ("Bucket", bucket.name),
        ("Key", key.name),
        ("ETag", key.etag),
    ]
    if key.chosen_algorithm:
        members += [(f"Checksum{key.checksum.algorithm}", key.checksum.text), ("ChecksumType", key.checksum.kind)]
    headers = {**attributes.version_header(key), **encryption.headers(key)}
    return answer("CompleteMultipartUploadResult", members, headers)


def _assemble(call: Call, bucket: FakeBucket, name: str, upload: Upload, parts: Sequence[Part]) -> StoredKey:
    content = Content([part.blob for part in parts])
    checksum = _checksum_of(call, upload, parts, content)
    etags = hashlib.md5(b"".join(bytes.fromhex(part.md5) for part in parts), usedforsecurity=False)
    size = call.headers.get("x-amz-mp-object-size")
    if size is not None and size != str(content.size):
        raise AwsError("InvalidRequest", "The provided 'x-amz-mp-object-size' header does not match the object's size.")
    key = StoredKey(
        name=name,
        bucket=bucket,
        content=content,
        etag=f"{etags.hexdigest()}-{len(parts)}",
        checksum=checksum,
        parts=tuple(parts),
        storage=attributes.storage_class(upload.request),
    )
    attributes.apply(key, bucket, upload.request, (upload.encryption, upload.kms_key_id, upload.bucket_key_enabled))
    key.set_metadata(attributes.metadata(upload.request))
    return key


def _checksum_of(call: Call, upload: Upload, parts: Sequence[Part], content: Content) -> Checksum | None:
    """Return the finished object's checksum, compared with the one that the request promises."""
    if upload.algorithm is None:
        return None
    if upload.kind == checksums.COMPOSITE:
        text = checksums.composite(upload.algorithm, [part.digest for part in parts])
    else:
        text = checksums.encode(checksums.of_blocks(upload.algorithm, content.read()))
    promised = promised_checksums(call.headers).get(upload.algorithm)
    if promised is not None and promised not in {text, text.partition("-")[0]}:
        raise AwsError("BadDigest", f"The {upload.algorithm} you specified did not match the calculated checksum.")
    asked = call.headers.get("x-amz-checksum-type")
    if asked and asked.upper() != upload.kind:
        raise AwsError(
            "InvalidRequest",
            f"The upload was created using the {upload.kind} checksum mode. The complete request must use the same "
            "checksum mode.",
        )
    return Checksum(upload.algorithm, upload.kind, text)


def _chosen_parts(call: Call, upload: Upload) -> list[Part]:
    """Return the parts that the request lists. Raises AwsError when they are not what was uploaded."""
    root = parse(call.body())
    listed = [element for element in root if element.tag.rpartition("}")[2] == "Part"]
    if not listed:
        raise AwsError(
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        )
    parts: list[Part] = []
    for element in listed:
        number = child(element, "PartNumber") or ""
        part = upload.received.get(int(number)) if number.isdecimal() else None
        if part is None or (child(element, "ETag") or "").strip('"') != part.md5:
            raise _invalid_part(number, upload)
        if parts and part.number <= parts[-1].number:
            raise AwsError("InvalidPartOrder", "The list of parts was not in ascending order.")
        _check_part_checksum(upload, part, child(element, f"Checksum{upload.algorithm}"))
        parts.append(part)
    for part in parts[:-1]:
        if part.blob.size < _SMALLEST_PART:
            raise AwsError(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
                fields={"PartNumber": str(part.number), "MinSizeAllowed": str(_SMALLEST_PART)},
            )
    return parts


def _check_part_checksum(upload: Upload, part: Part, promised: str | None) -> None:
    if upload.algorithm is None:
        return
    if promised is None:
        if upload.kind == checksums.COMPOSITE:
            raise AwsError(
                "InvalidRequest",
                f"The upload was created using a {upload.algorithm.lower()} checksum. The complete request must "
                f"include the checksum for each part. It was missing for part {part.number} in the request.",
            )
        return
    if promised != checksums.encode(part.digest):
        raise _invalid_part(str(part.number), upload)


def _invalid_part(number: str, upload: Upload) -> AwsError:
    return AwsError(
        "InvalidPart",
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the "
        "specified entity tag may not match the part's entity tag.",
        fields={"UploadId": upload.id, "PartNumber": number},
    )


def _upload(call: Call) -> tuple[FakeBucket, Upload]:
    bucket = keys.bucket_of(call.parameters["Bucket"])
    upload = bucket.multiparts.get(call.query.get("uploadId", ""))
    if not isinstance(upload, Upload) or upload.key_name != call.parameters["Key"]:
        raise _no_upload(call)
    return bucket, upload


def _no_upload(call: Call) -> AwsError:
    return AwsError(
        "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
        "completed.",
        404,
        fields={"UploadId": call.query.get("uploadId", "")},
    )


def _number(call: Call) -> int:
    text = call.query.get("partNumber", "")
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_PARTS:
        message = f"Part number must be an integer between 1 and {_MOST_PARTS}, inclusive"
        raise AwsError("InvalidArgument", message, fields={"ArgumentName": "partNumber", "ArgumentValue": text})
    return int(text)


def _keep(upload: Upload, part: Part) -> None:
    upload.received[part.number] = part


def _copy_range(text: str | None, source: StoredKey) -> tuple[int, int]:
    """Return first byte and end. A range needs a source of more than 5 MB (UploadPartCopy, x-amz-copy-source-range)."""
    size = source.content.size
    if text is None:
        if size > LARGEST_PUT:
            message = f"The specified copy source is larger than the maximum allowable size: {LARGEST_PUT}"
            raise AwsError("InvalidRequest", message)
        return 0, size
    match = _COPY_RANGE.match(text)
    if match is None or int(match[1]) > int(match[2]):
        raise AwsError(
            "InvalidArgument",
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "
            "zero-based offsets of the first and last bytes to copy",
        )
    start, end = int(match[1]), int(match[2]) + 1
    if end > size:
        raise AwsError("InvalidArgument", f"Range specified is not valid for source object of size: {size}")
    if size <= _SMALLEST_PART:
        raise AwsError("InvalidRequest", "The specified copy source is not supported as a byte-range copy source")
    if end - start > LARGEST_PUT:
        raise AwsError("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
    return start, end
