"""S3's REST interface on the model: one request in, one answer out. What it leaves out answers 501.

Operations: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from bench.s3_store import (
    COPY_OBJECT_LIMIT,
    LEAST_PART,
    Object,
    S3Error,
    Store,
    cut,
    digest,
    etag_of,
    literal,
    size_of,
)

DATE = "Sat, 31 Jan 2026 12:00:00 GMT"
TIME = "2026-01-31T12:00:00.000Z"
PAGE = 1000


@dataclass(frozen=True)
class Request:
    """An HTTP request; header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def bucket(self) -> str:
        """The bucket, addressed by path."""
        return self.path.lstrip("/").partition("/")[0]

    @property
    def key(self) -> str:
        """The key, empty for the bucket itself."""
        return self.path.lstrip("/").partition("/")[2]


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. `copied` are bytes that S3 moved inside, `passed` object bytes that the client sent or got."""

    operation: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    copied: int = 0
    passed: int = 0


def answer(store: Store, request: Request) -> Answer:
    """Answer one request; errors are answers, too."""
    operation = operation_of(request)
    handler = HANDLERS.get(operation)
    try:
        if handler is None:
            raise S3Error(501, "NotImplemented", f"this model of S3 has no {operation}")
        return handler(store, request)
    except S3Error as error:
        text = f"<Error><Code>{error.code}</Code><Message>{escape(str(error))}</Message></Error>"
        body = b"" if request.method == "HEAD" else text.encode()
        return Answer(operation, error.status, {"Content-Type": "application/xml"}, body)


def parsed(method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Request:
    """Return a request from its request line, headers and body."""
    path, _, query = target.partition("?")
    return Request(method, unquote(path), dict(parse_qsl(query, keep_blank_values=True)), headers, body)


def operation_of(request: Request) -> str:
    """Return S3's name of what a request asks for."""
    if not request.key:
        if request.method == "HEAD":
            return "HeadBucket"
        return "ListMultipartUploads" if "uploads" in request.query else "ListObjectsV2"
    sub = next((name for name in ("tagging", "uploads", "uploadId") if name in request.query), "")
    if request.method == "PUT" and sub != "tagging":
        part = "partNumber" in request.query
        if "x-amz-copy-source" in request.headers:
            return "UploadPartCopy" if part else "CopyObject"
        return "UploadPart" if part else "PutObject"
    return _BY_METHOD.get((request.method, sub), f"{request.method} {sub}")


_BY_METHOD = {
    ("HEAD", ""): "HeadObject",
    ("GET", ""): "GetObject",
    ("GET", "tagging"): "GetObjectTagging",
    ("PUT", "tagging"): "PutObjectTagging",
    ("GET", "uploadId"): "ListParts",
    ("POST", "uploads"): "CreateMultipartUpload",
    ("POST", "uploadId"): "CompleteMultipartUpload",
    ("DELETE", "uploadId"): "AbortMultipartUpload",
}


def _xml(operation: str, root: str, inner: str, **more: int) -> Answer:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}>{inner}</{root}>'
    return Answer(operation, 200, {"Content-Type": "application/xml"}, text.encode(), **more)


def _object_headers(found: Object, request: Request) -> dict[str, str]:
    headers = {
        "ETag": found.etag,
        "Content-Type": found.content_type,
        "Content-Length": str(found.size),
        "Last-Modified": DATE,
        "Accept-Ranges": "bytes",
        "x-amz-version-id": found.version_id,
        **{f"x-amz-meta-{name}": value for name, value in found.metadata.items()},
    }
    if found.sha256 and request.headers.get("x-amz-checksum-mode") == "ENABLED":
        headers["x-amz-checksum-sha256"] = found.sha256
        headers["x-amz-checksum-type"] = "COMPOSITE" if "-" in found.sha256 else "FULL_OBJECT"
    if found.tags:
        headers["x-amz-tagging-count"] = str(len(found.tags))
    return headers


def _head_bucket(store: Store, request: Request) -> Answer:
    if request.bucket not in store.objects:
        raise S3Error(404, "NoSuchBucket", "The specified bucket does not exist")
    return Answer("HeadBucket")


def _head_object(store: Store, request: Request) -> Answer:
    found = store.get(request.bucket, request.key, request.query.get("versionId"))
    return Answer("HeadObject", 200, _object_headers(found, request))


def _get_object(store: Store, request: Request) -> Answer:
    found = store.get(request.bucket, request.key, request.query.get("versionId"))
    if any(piece.data is None for piece in found.content):
        raise S3Error(501, "NotImplemented", "objects of this model that are made of a description cannot be read")
    body = b"".join(piece.data or b"" for piece in found.content)
    return Answer("GetObject", 200, _object_headers(found, request), body, passed=len(body))


def _get_tagging(store: Store, request: Request) -> Answer:
    found = store.get(request.bucket, request.key, request.query.get("versionId"))
    tags = "".join(f"<Tag><Key>{escape(k)}</Key><Value>{escape(v)}</Value></Tag>" for k, v in found.tags.items())
    return _xml("GetObjectTagging", "Tagging", f"<TagSet>{tags}</TagSet>")


def _put_tagging(store: Store, request: Request) -> Answer:
    found = store.get(request.bucket, request.key)
    pairs = [(_text(tag, "Key"), _text(tag, "Value")) for tag in _elements(request.body, "Tag")]
    store.objects[request.bucket][request.key] = Object(**{**vars(found), "tags": dict(pairs)})
    return Answer("PutObjectTagging")


def _put_object(store: Store, request: Request) -> Answer:
    template = _template(request)
    content = literal(request.body)
    sha256 = base64.b64encode(hashlib.sha256(request.body).digest()).decode()
    _require_checksum(request, sha256)
    made = Object(**{**vars(template), "content": content, "etag": etag_of(content), "sha256": sha256})
    stored = store.put(request.bucket, request.key, made, if_none_match=_if_none_match(request))
    headers = {"ETag": stored.etag, "x-amz-version-id": stored.version_id}
    return Answer("PutObject", 200, headers, passed=len(request.body))


def _copy_object(store: Store, request: Request) -> Answer:
    source = _source(store, request)
    if source.size > COPY_OBJECT_LIMIT:
        raise S3Error(400, "InvalidRequest", "The specified copy source is larger than 5 GiB")
    own = request.headers.get("x-amz-tagging-directive") == "REPLACE"
    tags = _template(request).tags if own else source.tags
    # A copy made by one call has no composite checksum.
    made = Object(source.content, etag_of(source.content), "", None, source.content_type, source.metadata, tags)
    stored = store.put(request.bucket, request.key, made, if_none_match=_if_none_match(request))
    inner = f"<LastModified>{TIME}</LastModified><ETag>{escape(stored.etag)}</ETag>"
    return _xml("CopyObject", "CopyObjectResult", inner, copied=source.size)


def _create_upload(store: Store, request: Request) -> Answer:
    sha256 = request.headers.get("x-amz-checksum-algorithm", "").upper() == "SHA256"
    upload_id = store.begin(request.bucket, request.key, _template(request), sha256=sha256)
    inner = f"<Bucket>{request.bucket}</Bucket><Key>{escape(request.key)}</Key><UploadId>{upload_id}</UploadId>"
    return _xml("CreateMultipartUpload", "InitiateMultipartUploadResult", inner)


def _upload_part(store: Store, request: Request) -> Answer:
    content = literal(request.body)
    _require_checksum(request, base64.b64encode(digest(content)).decode())
    part = store.put_part(request.query["uploadId"], int(request.query["partNumber"]), content)
    headers = {"ETag": part.etag, **({"x-amz-checksum-sha256": part.sha256} if part.sha256 else {})}
    return Answer("UploadPart", 200, headers, passed=len(request.body))


def _upload_part_copy(store: Store, request: Request) -> Answer:
    source = _source(store, request)
    content = source.content
    if chosen := request.headers.get("x-amz-copy-source-range"):
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", chosen)
        if match is None or source.size <= LEAST_PART:
            raise S3Error(400, "InvalidRequest", "A range is bytes=first-last, of a source over 5 MiB")
        first, last = int(match[1]), int(match[2])
        content = cut(content, first, last - first + 1)
    part = store.put_part(request.query["uploadId"], int(request.query["partNumber"]), content)
    inner = f"<LastModified>{TIME}</LastModified><ETag>{escape(part.etag)}</ETag>{_checksum(part.sha256)}"
    return _xml("UploadPartCopy", "CopyPartResult", inner, copied=size_of(content))


def _complete_upload(store: Store, request: Request) -> Answer:
    named = [
        (int(_text(part, "PartNumber")), _text(part, "ETag"), _text(part, "ChecksumSHA256") or None)
        for part in _elements(request.body, "Part")
    ]
    size = request.headers.get("x-amz-mp-object-size")
    made = store.complete(
        request.query["uploadId"], named, size=int(size) if size else None, if_none_match=_if_none_match(request)
    )
    inner = f"<Key>{escape(request.key)}</Key><ETag>{escape(made.etag)}</ETag>{_checksum(made.sha256)}"
    return _xml("CompleteMultipartUpload", "CompleteMultipartUploadResult", inner)


def _abort_upload(store: Store, request: Request) -> Answer:
    store.upload(request.query["uploadId"])
    del store.uploads[request.query["uploadId"]]
    return Answer("AbortMultipartUpload", 204)


def _list_parts(store: Store, request: Request) -> Answer:
    after = int(request.query.get("part-number-marker") or 0)
    upload = store.upload(request.query["uploadId"])
    parts = [(number, part) for number, part in sorted(upload.parts.items()) if number > after]
    inner = f"<IsTruncated>{str(len(parts) > PAGE).lower()}</IsTruncated>"
    for number, part in parts[:PAGE]:
        inner += f"<Part><PartNumber>{number}</PartNumber><Size>{size_of(part.content)}</Size>"
        inner += f"<ETag>{escape(part.etag)}</ETag>{_checksum(part.sha256)}</Part>"
        inner += f"<NextPartNumberMarker>{number}</NextPartNumberMarker>" if number == parts[:PAGE][-1][0] else ""
    return _xml("ListParts", "ListPartsResult", inner)


def _list_uploads(store: Store, request: Request) -> Answer:
    prefix = request.query.get("prefix", "")
    inner = "<IsTruncated>false</IsTruncated>"
    for upload_id, upload in store.uploads.items():
        if upload.bucket == request.bucket and upload.key.startswith(prefix):
            algorithm = "<ChecksumAlgorithm>SHA256</ChecksumAlgorithm>" if upload.sha256 else ""
            inner += f"<Upload><Key>{_encoded(upload.key, request)}</Key><UploadId>{upload_id}</UploadId>"
            inner += f"<Initiated>{TIME}</Initiated>{algorithm}</Upload>"
    return _xml("ListMultipartUploads", "ListMultipartUploadsResult", inner)


def _list_objects(store: Store, request: Request) -> Answer:
    prefix = request.query.get("prefix", "")
    after = request.query.get("continuation-token") or request.query.get("start-after", "")
    found = sorted(key for key in store.objects.get(request.bucket, {}) if key.startswith(prefix) and key > after)
    page, more = found[:PAGE], len(found) > PAGE
    inner = (
        f"<Name>{request.bucket}</Name><KeyCount>{len(page)}</KeyCount><IsTruncated>{str(more).lower()}</IsTruncated>"
    )
    inner += f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
    for key in page:
        one = store.objects[request.bucket][key]
        inner += f"<Contents><Key>{_encoded(key, request)}</Key><LastModified>{TIME}</LastModified>"
        inner += f"<ETag>{escape(one.etag)}</ETag><Size>{one.size}</Size></Contents>"
    return _xml("ListObjectsV2", "ListBucketResult", inner)


HANDLERS: Mapping[str, Callable[[Store, Request], Answer]] = {
    "HeadBucket": _head_bucket,
    "HeadObject": _head_object,
    "GetObject": _get_object,
    "GetObjectTagging": _get_tagging,
    "PutObjectTagging": _put_tagging,
    "PutObject": _put_object,
    "CopyObject": _copy_object,
    "CreateMultipartUpload": _create_upload,
    "UploadPart": _upload_part,
    "UploadPartCopy": _upload_part_copy,
    "CompleteMultipartUpload": _complete_upload,
    "AbortMultipartUpload": _abort_upload,
    "ListParts": _list_parts,
    "ListMultipartUploads": _list_uploads,
    "ListObjectsV2": _list_objects,
}


def _template(request: Request) -> Object:
    headers = request.headers
    metadata = {k.removeprefix("x-amz-meta-"): v for k, v in headers.items() if k.startswith("x-amz-meta-")}
    tags = dict(parse_qsl(headers.get("x-amz-tagging", ""), keep_blank_values=True))
    content_type = headers.get("content-type") or "binary/octet-stream"
    return Object((), "", "", content_type=content_type, metadata=metadata, tags=tags)


def _source(store: Store, request: Request) -> Object:
    path, _, version = unquote(request.headers["x-amz-copy-source"]).partition("?versionId=")
    bucket, _, key = path.lstrip("/").partition("/")
    return store.source(bucket, key, version or None, request.headers.get("x-amz-copy-source-if-match"))


def _if_none_match(request: Request) -> bool:
    return request.headers.get("if-none-match") == "*"


def _require_checksum(request: Request, sha256: str) -> None:
    if request.headers.get("x-amz-checksum-sha256", sha256) != sha256:
        raise S3Error(400, "BadDigest", "The SHA256 you specified did not match the calculated checksum")


def _checksum(sha256: str | None) -> str:
    return f"<ChecksumSHA256>{sha256}</ChecksumSHA256>" if sha256 else ""


def _encoded(key: str, request: Request) -> str:
    return quote(key, safe="/") if request.query.get("encoding-type") == "url" else escape(key)


def _elements(body: bytes, name: str) -> list[ET.Element]:
    try:
        root = ET.fromstring(body)  # noqa: S314 - what our own clients send
    except ET.ParseError as error:
        raise S3Error(400, "MalformedXML", "The XML you provided was not well-formed") from error
    return [element for element in root.iter() if element.tag.rpartition("}")[2] == name]


def _text(element: ET.Element, name: str) -> str:
    return next((child.text or "" for child in element if child.tag.rpartition("}")[2] == name), "")
