"""What goes with an object besides its bytes: metadata, tags, storage class, locks, and the headers that show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from moto.s3.models import FakeBucket, s3_backends
from moto.s3.utils import STORAGE_CLASS

from sandbox.errors import AwsError
from sandbox.s3 import encryption
from sandbox.s3.keys import StoredKey
from sandbox.s3.wire import http_date

_OVERRIDES = ("content-type", "content-language", "expires", "cache-control", "content-disposition", "content-encoding")
_METADATA_LIMIT = 2048


def metadata(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the metadata in a request. Raises AwsError MetadataTooLarge beyond 2 KB of user metadata."""
    found = {name: value for name, value in headers.items() if name.startswith("x-amz-meta-") or name in _OVERRIDES}
    encodings = [part.strip() for part in found.pop("content-encoding", "").split(",")]
    encodings = [part for part in encodings if part and part != "aws-chunked"]  # how it was sent, not what it is
    if encodings:
        found["content-encoding"] = ",".join(encodings)
    size = sum(len(name[11:]) + len(value) for name, value in found.items() if name.startswith("x-amz-meta-"))
    if size > _METADATA_LIMIT:
        raise AwsError("MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size")
    return found


def tags(text: str | None) -> dict[str, str] | None:
    """Return the tags of an x-amz-tagging header; None without one. Raises AwsError on more than ten, or bad ones."""
    if text is None:
        return None
    pairs = parse_qsl(text, keep_blank_values=True)
    found = dict(pairs)
    if len(found) != len(pairs):
        raise AwsError("InvalidTag", "Cannot provide multiple Tags with the same key")
    if len(found) > 10:
        raise AwsError("BadRequest", "Object tags cannot be greater than 10")
    for name, value in found.items():
        if not 1 <= len(name) <= 128 or len(value) > 256 or name.lower().startswith("aws:"):
            raise AwsError("InvalidTag", f"The TagKey or TagValue you have provided is invalid: {name}")
    return found


def tags_of(key: StoredKey) -> dict[str, str]:
    """Return an object's tags. They lie in the account of the bucket."""
    found: dict[str, str] = s3_backends[key.account_id]["aws"].tagger.get_tag_dict_for_resource(key.arn)
    return found


def set_tags(key: StoredKey, values: Mapping[str, str] | None) -> None:
    """Give a new object its tags."""
    tagger = s3_backends[key.account_id]["aws"].tagger
    if values:
        tagger.tag_resource(key.arn, tagger.convert_dict_to_tags_input(dict(values)))


def apply(key: StoredKey, bucket: FakeBucket, request: Mapping[str, str], chosen: encryption.Choice) -> None:
    """Give a new object what its request asks for: encryption, locks, website redirect, the bucket's ACL."""
    key.encryption, key.kms_key_id, key.bucket_key_enabled = chosen
    key.set_acl(bucket.acl)
    key.website_redirect_location = request.get("x-amz-website-redirect-location")
    key.lock_legal_status = request.get("x-amz-object-lock-legal-hold")
    key.lock_mode = request.get("x-amz-object-lock-mode")
    key.lock_until = request.get("x-amz-object-lock-retain-until-date")
    if (key.lock_mode or key.lock_until or key.lock_legal_status) and not bucket.object_lock_enabled:
        raise AwsError("InvalidRequest", "Bucket is missing Object Lock Configuration")
    if bucket.object_lock_enabled and bucket.has_default_lock and not key.lock_mode:
        key.lock_mode, key.lock_until = bucket.default_lock_mode, bucket.default_retention()


def storage_class(request: Mapping[str, str]) -> str:
    """Return the storage class that a request asks for. Raises AwsError InvalidStorageClass."""
    asked = request.get("x-amz-storage-class") or "STANDARD"
    if asked not in STORAGE_CLASS:
        raise AwsError("InvalidStorageClass", "The storage class you specified is not valid")
    return asked


def version_header(key: Any) -> dict[str, str]:
    """Return the header that names the version, for buckets that have or had versioning."""
    return {"x-amz-version-id": str(key.version_id)} if key._is_versioned else {}


def of_object(key: StoredKey, query: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of GetObject and HeadObject, but for length and range."""
    out = {
        "ETag": key.etag,
        "Last-Modified": http_date(key.last_modified),
        "Accept-Ranges": "bytes",
        **version_header(key),
        **encryption.headers(key),
    }
    names = {
        "x-amz-storage-class": key.storage_class if key.storage_class != "STANDARD" else None,
        "x-amz-website-redirect-location": key.website_redirect_location,
        "x-amz-object-lock-mode": key.lock_mode,
        "x-amz-object-lock-retain-until-date": key.lock_until,
        "x-amz-object-lock-legal-hold": key.lock_legal_status,
        "x-amz-tagging-count": str(len(tags_of(key)) or ""),
    }
    out.update({name: value for name, value in names.items() if value})
    for name, value in key.metadata.items():
        out[name if name.startswith("x-amz-meta-") else name.title()] = value
    for name in _OVERRIDES:
        if query.get(f"response-{name}"):
            out[name.title()] = _header_value(f"response-{name}", query[f"response-{name}"])
    return out


def _header_value(name: str, value: str) -> str:
    """Return a value that an answer's header can carry; S3 refuses others (InvalidArgument)."""
    if all(" " <= letter <= "\u00ff" for letter in value):
        return value
    raise AwsError(
        "InvalidArgument",
        "Header value cannot be represented using ISO-8859-1.",
        fields={"ArgumentName": name, "ArgumentValue": value.encode("ascii", errors="replace").decode()},
    )
