"""S3: one bucket, with the account that must own it in every call.

Every object is written as a multipart object with SHA-256 parts and completed with If-None-Match: its composite
checksum is then comparable everywhere, and nothing is ever overwritten (but by `put`). A HEAD answer of 403 is a
denial, never "absent" (https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from botocore import exceptions as boto

from glue.aws.errors import Where, code_of, translated
from glue.core.checksum import PartRange
from glue.core.copying import OpenUpload, StoredObject, StoredPart
from glue.errors import AwsError, NotFoundError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# An upload that two runs share may be aborted, or have a part written again under a new ETag, while it is completed.
_CHANGED = {"NoSuchUpload", "InvalidPart"}
_TRIES = 4
_LOST = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}


class PreconditionError(AwsError):
    """The key was taken meanwhile (If-None-Match), or the source is not what it was (If-Match)."""


class UploadGoneError(AwsError):
    """The multipart upload was completed, aborted or written to by somebody else."""


@dataclass(frozen=True)
class Head:
    """An object with what a copy of it must keep."""

    stored: StoredObject
    content_type: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    encryption: str | None = None
    key_arn: str | None = None


@dataclass(frozen=True)
class Listed:
    """An object as a listing shows it; `stored` is S3's own time, which no writer can choose."""

    key: str
    bytes: int
    stored: datetime


@dataclass(frozen=True)
class Source:
    """One version of one object, as the source of a server-side copy. Nothing else will do: the ETag is checked too."""

    bucket: str
    owner: str
    key: str
    etag: str
    version_id: str | None


class Bucket:
    """One bucket. Errors name it, the key, the account and the region."""

    def __init__(self, client: S3Client, *, name: str, owner: str, where: Where, key_arn: str | None = None) -> None:
        self._client = client
        self._where = where
        self.name = name
        self.owner = owner
        self.key_arn = key_arn
        self._seen = False  # that the bucket is there
        self._looking = threading.Lock()

    def __repr__(self) -> str:
        return f"Bucket({self.name}, owner {self.owner})"

    def uri(self, key: str) -> str:
        """Return `s3://bucket/key`."""
        return f"s3://{self.name}/{key}"

    # reading

    def head(self, key: str) -> Head | None:
        """Return an object's description, None when the bucket is there and the object is not."""
        try:
            with translated(self._where, self.uri(key)):
                answer = self._client.head_object(
                    Bucket=self.name, Key=key, ChecksumMode="ENABLED", ExpectedBucketOwner=self.owner
                )
        except NotFoundError:
            # A HEAD has no body: 404 may mean that the whole bucket is missing.
            self._require_bucket(key)
            return None
        return _head(key, answer, answer.get("ContentLength", 0))

    def get_small(self, key: str, *, limit: int) -> tuple[bytes, Head] | None:
        """Return a small object with its description, None when it is absent. Raises AwsError beyond `limit` bytes."""
        try:
            with translated(self._where, self.uri(key)):
                answer = self._client.get_object(
                    Bucket=self.name, Key=key, ChecksumMode="ENABLED", ExpectedBucketOwner=self.owner
                )
                size = answer["ContentLength"]
                if size > limit:
                    answer["Body"].close()
                    raise AwsError(f"{self.uri(key)} has {size} bytes; at most {limit} are read ({self._where})")
                data = answer["Body"].read()
        except NotFoundError as error:
            if "NoSuchBucket" in error.message:
                raise self._no_bucket(error) from error
            return None
        return data, _head(key, answer, size)

    def open(self, key: str, *, etag: str, version_id: str | None, start: int = 0) -> Any:
        """Return a stream over one version of an object, from byte `start` on. The caller closes it."""
        extra: dict[str, Any] = {"VersionId": version_id} if version_id else {}
        if start:
            extra["Range"] = f"bytes={start}-"
        with self._translated(self.uri(key)):
            answer = self._client.get_object(
                Bucket=self.name, Key=key, IfMatch=etag, ExpectedBucketOwner=self.owner, **extra
            )
        return answer["Body"]

    def tags(self, key: str, *, version_id: str | None = None) -> dict[str, str]:
        """Return the tags of an object."""
        extra: dict[str, Any] = {"VersionId": version_id} if version_id else {}
        with translated(self._where, self.uri(key)):
            answer = self._client.get_object_tagging(Bucket=self.name, Key=key, ExpectedBucketOwner=self.owner, **extra)
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys below a prefix, sorted."""
        for page in self._pages(prefix):
            for entry in page.get("Contents", []):
                yield entry["Key"]

    def objects(self, prefix: str) -> Iterator[Listed]:
        """Yield the objects below a prefix, sorted by key: without what a delete marker hides."""
        for page in self._pages(prefix):
            for entry in page.get("Contents", []):
                yield Listed(entry["Key"], entry["Size"], entry["LastModified"])

    def folders(self, prefix: str) -> list[str]:
        """Return the names directly below a prefix that have something below them."""
        found: list[str] = []
        for page in self._pages(prefix, Delimiter="/"):
            found += [entry["Prefix"].removeprefix(prefix).rstrip("/") for entry in page.get("CommonPrefixes", [])]
        return found

    # writing

    def put_once(self, key: str, data: bytes, *, content_type: str) -> bool:
        """Write a small object unless the key is taken; tell whether it was written.

        Raises PreconditionError when others keep writing there and none of them gets through.
        """
        for _ in range(_TRIES - 1):
            try:
                self._put(key, data, content_type)
            except PreconditionError:
                # 409: several writers at once, of whom none may have won yet. S3 wants it sent again.
                if self.head(key) is not None:
                    return False
            else:
                return True
        self._put(key, data, content_type)
        return True

    def put(self, key: str, data: bytes, *, content_type: str) -> None:
        """Write a small object over what is there: for records of work under way, never for what others rely on."""
        self._put(key, data, content_type, once=False)

    def _put(self, key: str, data: bytes, content_type: str, *, once: bool = True) -> None:
        extra: dict[str, Any] = {"IfNoneMatch": "*"} if once else {}
        with self._translated(self.uri(key)):
            self._client.put_object(
                Bucket=self.name,
                Key=key,
                Body=data,
                ContentType=content_type,
                ChecksumAlgorithm="SHA256",
                ExpectedBucketOwner=self.owner,
                **extra,
                **self._encryption,
            )

    def delete(self, key: str) -> None:
        """Put a delete marker over an object; its versions go by the bucket's life cycle. Harmless when it is gone.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html
        """
        with translated(self._where, self.uri(key)):
            self._client.delete_object(Bucket=self.name, Key=key, ExpectedBucketOwner=self.owner)

    def create_upload(
        self, key: str, *, content_type: str, metadata: Mapping[str, str], tags: Mapping[str, str]
    ) -> str:
        """Begin a multipart upload with SHA-256 parts and return its id."""
        extra: dict[str, Any] = {"Tagging": urlencode(tags)} if tags else {}
        with translated(self._where, self.uri(key)):
            answer = self._client.create_multipart_upload(
                Bucket=self.name,
                Key=key,
                ContentType=content_type,
                Metadata=dict(metadata),
                ChecksumAlgorithm="SHA256",
                ChecksumType="COMPOSITE",
                ExpectedBucketOwner=self.owner,
                **extra,
                **self._encryption,
            )
        return answer["UploadId"]

    def upload_part(self, key: str, upload_id: str, *, number: int, body: bytes, sha256: str) -> StoredPart:
        """Upload one part; S3 refuses it unless its bytes have the given checksum."""
        with self._translated(f"{self.uri(key)} part {number}"):
            answer = self._client.upload_part(
                Bucket=self.name,
                Key=key,
                UploadId=upload_id,
                PartNumber=number,
                Body=body,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=sha256,
                ExpectedBucketOwner=self.owner,
            )
        return StoredPart(number, len(body), answer["ETag"], answer.get("ChecksumSHA256"))

    def copy_part(self, key: str, upload_id: str, *, source: Source, part: PartRange, whole: bool) -> StoredPart:
        """Copy one part on the server's side. `whole` leaves out the range, which S3 takes only above 5 MiB.

        Raises PreconditionError when the source is not the given version and ETag any more.
        """
        copied: dict[str, str] = {"Bucket": source.bucket, "Key": source.key}
        if source.version_id:
            copied["VersionId"] = source.version_id
        extra: dict[str, Any] = {} if whole else {"CopySourceRange": part.http_range}
        with self._translated(f"{self.uri(key)} part {part.number} from s3://{source.bucket}/{source.key}"):
            answer = self._client.upload_part_copy(
                Bucket=self.name,
                Key=key,
                UploadId=upload_id,
                PartNumber=part.number,
                CopySource=copied,  # type: ignore[arg-type]
                CopySourceIfMatch=source.etag,
                ExpectedBucketOwner=self.owner,
                ExpectedSourceBucketOwner=source.owner,
                **extra,
            )
        result = answer["CopyPartResult"]
        return StoredPart(part.number, part.length, result["ETag"], result.get("ChecksumSHA256"))

    def complete(self, key: str, upload_id: str, parts: Sequence[StoredPart], *, size: int) -> str | None:
        """Make the object of its parts, unless the key is taken, and return S3's composite checksum of it.

        S3 compares each part's checksum and the size. Raises PreconditionError when the key was taken meanwhile,
        UploadGoneError when the upload is not there any more.
        """
        done: list[Any] = [
            {"PartNumber": part.number, "ETag": part.etag, "ChecksumSHA256": part.sha256} for part in parts
        ]
        with self._translated(self.uri(key)):
            answer = self._client.complete_multipart_upload(
                Bucket=self.name,
                Key=key,
                UploadId=upload_id,
                MultipartUpload={"Parts": done},
                MpuObjectSize=size,
                IfNoneMatch="*",
                ExpectedBucketOwner=self.owner,
            )
        return answer.get("ChecksumSHA256")

    def abort(self, key: str, upload_id: str) -> None:
        """Drop an unfinished upload with its parts. Harmless when it is gone."""
        try:
            with self._translated(self.uri(key)):
                self._client.abort_multipart_upload(
                    Bucket=self.name, Key=key, UploadId=upload_id, ExpectedBucketOwner=self.owner
                )
        except UploadGoneError:
            return

    def uploads(self, prefix: str) -> dict[str, list[OpenUpload]]:
        """Return the unfinished SHA-256 uploads below a prefix, with their parts, by key."""
        found: dict[str, list[OpenUpload]] = {}
        with translated(self._where, self.uri(prefix)):
            pages = self._client.get_paginator("list_multipart_uploads").paginate(
                Bucket=self.name, Prefix=prefix, ExpectedBucketOwner=self.owner
            )
            open_uploads = [entry for page in pages for entry in page.get("Uploads", [])]
        for entry in open_uploads:
            if entry.get("ChecksumAlgorithm", "SHA256") == "SHA256":
                key, upload_id = entry["Key"], entry["UploadId"]
                parts = self._parts(key, upload_id)
                if parts is not None:
                    upload = OpenUpload(upload_id, entry["Initiated"].isoformat(), parts)
                    found.setdefault(key, []).append(upload)
        return found

    def _parts(self, key: str, upload_id: str) -> tuple[StoredPart, ...] | None:
        try:
            with self._translated(self.uri(key)):
                pages = self._client.get_paginator("list_parts").paginate(
                    Bucket=self.name, Key=key, UploadId=upload_id, ExpectedBucketOwner=self.owner
                )
                return tuple(
                    StoredPart(part["PartNumber"], part["Size"], part["ETag"], part.get("ChecksumSHA256"))
                    for page in pages
                    for part in page.get("Parts", [])
                )
        except UploadGoneError:
            return None  # completed or aborted since it was listed

    @cached_property
    def _encryption(self) -> dict[str, Any]:
        if self.key_arn is None:
            return {}
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.key_arn, "BucketKeyEnabled": True}

    def _require_bucket(self, key: str) -> None:
        """Raise NotFoundError when there is no bucket. HeadBucket would need the right to list everything in it."""
        with self._looking:  # many heads at once need to know it once
            if self._seen:
                return
            try:
                with translated(self._where, f"s3://{self.name}"):
                    self._client.list_objects_v2(
                        Bucket=self.name, Prefix=key, MaxKeys=1, ExpectedBucketOwner=self.owner
                    )
            except NotFoundError as error:
                raise self._no_bucket(error) from error
            self._seen = True

    def _no_bucket(self, error: NotFoundError) -> NotFoundError:
        return NotFoundError(
            f"bucket {self.name} does not exist in account {self.owner}: {error.message}",
            remedy="Has terraform/foundation been applied there?",
        )

    def _pages(self, prefix: str, **extra: Any) -> Iterator[Any]:
        try:
            with translated(self._where, self.uri(prefix)):
                paginator = self._client.get_paginator("list_objects_v2")
                yield from paginator.paginate(Bucket=self.name, Prefix=prefix, ExpectedBucketOwner=self.owner, **extra)
        except NotFoundError as error:
            raise self._no_bucket(error) from error

    @contextmanager
    def _translated(self, resource: str) -> Iterator[None]:
        """Translate errors, among them the two that a race answers with."""
        try:
            with translated(self._where, resource):
                yield
        except AwsError as error:
            cause = error.__cause__
            code = code_of(cause) if isinstance(cause, boto.ClientError) else ""
            if code in _LOST:
                raise PreconditionError(error.message) from cause
            if code in _CHANGED:
                raise UploadGoneError(error.message) from cause
            raise


def _head(key: str, answer: Any, size: int) -> Head:
    stored = StoredObject(key, size, answer["ETag"], answer.get("ChecksumSHA256"), answer.get("VersionId"))
    return Head(
        stored,
        content_type=answer.get("ContentType", "binary/octet-stream"),
        metadata=answer.get("Metadata", {}),
        encryption=answer.get("ServerSideEncryption"),
        key_arn=answer.get("SSEKMSKeyId"),
    )
