"""Objects and uploads as moto's buckets hold them, with contents on disk and checksums as S3 keeps them."""

from __future__ import annotations

import threading
import uuid
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moto.s3.models import FakeBucket, FakeDeleteMarker, FakeKey, FakeMultipart, s3_backends

from sandbox.errors import AwsError
from sandbox.s3 import checksums
from sandbox.s3.blobs import Blob, Content

_locks: weakref.WeakKeyDictionary[Any, threading.RLock] = weakref.WeakKeyDictionary()
_locks_guard = threading.Lock()


@dataclass(frozen=True)
class Part:
    """One part: of an upload, and of the object that came of it. `digest` is in the upload's checksum algorithm."""

    number: int
    blob: Blob
    md5: str
    digest: bytes
    modified: Any

    @property
    def etag(self) -> str:
        """The part's ETag in quotes."""
        return f'"{self.md5}"'


@dataclass(frozen=True)
class Checksum:
    """An object's checksum. `text` is as S3 sends it: with the number of parts when it is composite."""

    algorithm: str
    kind: str
    text: str

    @property
    def header(self) -> str:
        """The name of the header that carries it."""
        return f"x-amz-checksum-{self.algorithm.lower()}"


class StoredKey(FakeKey):  # type: ignore[misc]
    """An object version. Everything that moto asks of its own keys works; the content stays where it is."""

    def __init__(
        self,
        *,
        name: str,
        bucket: FakeBucket,
        content: Content,
        etag: str,
        checksum: Checksum | None,
        parts: tuple[Part, ...] = (),
        storage: str = "STANDARD",
    ) -> None:
        self.content = content
        self.parts = parts
        self._checksum = checksum
        self._lazy = threading.Lock()
        kept = bucket.versioning_status == "Enabled"
        super().__init__(
            name=name,
            value=b"",
            account_id=bucket.account_id,
            region_name=bucket.region_name,
            storage=storage,
            etag=etag,
            is_versioned=bucket.versioning_status is not None,
            version_id=str(uuid.uuid4()) if kept else "null",
            bucket_name=bucket.name,
        )
        self._value_buffer.close()
        if checksum is not None:  # what moto's listings show
            self.checksum_algorithm, self.checksum_type = checksum.algorithm, checksum.kind

    @property
    def value(self) -> bytes:
        """The whole content in memory, for those of moto's parts that want it so."""
        return b"".join(self.content.read())

    @value.setter
    def value(self, data: bytes) -> None:
        self.contentsize = self.content.size if not data else len(data)

    @property
    def checksum(self) -> Checksum:
        """The object's checksum. S3 itself adds CRC64NVME when the client chose none; we do once it is asked for."""
        with self._lazy:
            if self._checksum is None:
                digest = checksums.of_blocks("CRC64NVME", self.content.read())
                self._checksum = Checksum("CRC64NVME", checksums.FULL_OBJECT, checksums.encode(digest))
            return self._checksum

    @property
    def chosen_algorithm(self) -> str | None:
        """The algorithm that the client chose, None when it left the choice to S3."""
        return self.checksum_algorithm

    def __deepcopy__(self, memo: dict[int, Any]) -> StoredKey:
        """moto's listing of versions marks copies; the content is shared, because it never changes."""
        del memo
        copied: StoredKey = object.__new__(type(self))
        copied.__dict__.update(self.__dict__)
        return copied

    def dispose(self, garbage: bool = False) -> None:
        """Nothing: the blobs go with their last user."""
        del garbage
        self.disposed = True


class Upload(FakeMultipart):  # type: ignore[misc]
    """A multipart upload in progress. `request` is the header set of CreateMultipartUpload, applied at completion."""

    def __init__(self, *, bucket: FakeBucket, key: str, metadata: Any, request: dict[str, str]) -> None:
        super().__init__(key, metadata, account_id=bucket.account_id, region_name=bucket.region_name)
        self.request = request
        self.algorithm: str | None = (request.get("x-amz-checksum-algorithm") or "").upper() or None
        self.kind = _kind(self.algorithm, request.get("x-amz-checksum-type"))
        self.received: dict[int, Part] = {}
        self.lock = threading.Lock()
        if self.algorithm:
            self.metadata["x-amz-checksum-algorithm"] = self.algorithm  # what moto's listing shows
            self.metadata["x-amz-checksum-type"] = self.kind

    def dispose(self) -> None:
        """Forget the parts."""
        self.received.clear()


def _kind(algorithm: str | None, asked: str | None) -> str:
    if algorithm is None:
        if asked:
            raise AwsError(
                "InvalidRequest",
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
            )
        return checksums.FULL_OBJECT
    if algorithm not in checksums.ALGORITHMS:
        raise AwsError("InvalidRequest", "Checksum algorithm provided is unsupported.")
    kinds = checksums.KINDS[algorithm]
    if asked and asked.upper() not in kinds:
        raise AwsError(
            "InvalidRequest",
            f"The {asked.upper()} checksum type cannot be used with the {algorithm.lower()} checksum algorithm.",
        )
    return asked.upper() if asked else kinds[0]


def bucket_of(name: str) -> FakeBucket:
    """Return a bucket of any account. Raises AwsError NoSuchBucket."""
    account = s3_backends.bucket_accounts.get(name)
    bucket = s3_backends[account[1]][account[0]].buckets.get(name) if account else None
    if bucket is None:
        raise AwsError("NoSuchBucket", "The specified bucket does not exist", 404, fields={"BucketName": name})
    return bucket


def lock_of(bucket: FakeBucket) -> threading.RLock:
    """Return the lock under which a bucket's keys change: a condition and the write behind it are one step."""
    with _locks_guard:
        return _locks.setdefault(bucket, threading.RLock())


def current(bucket: FakeBucket, name: str) -> StoredKey | FakeDeleteMarker | None:
    """Return what a GET without a version id finds."""
    return bucket.keys.get(name)


def version(bucket: FakeBucket, name: str, version_id: str) -> StoredKey | FakeDeleteMarker | None:
    """Return one version, `null` for the one written without versioning."""
    for candidate in bucket.keys.getlist(name, []):
        if str(candidate.version_id) == version_id:
            return candidate
    return None


def commit(bucket: FakeBucket, key: StoredKey, *, allowed: Callable[[StoredKey | None], None]) -> None:
    """Make `key` the current version, if `allowed` does not raise for the one that is current now; one step for all.

    Unversioned buckets replace; suspended ones replace only the null version
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/AddingObjectstoVersionSuspendedBuckets.html).
    """
    with lock_of(bucket):
        found = current(bucket, key.name)
        allowed(found if isinstance(found, StoredKey) else None)
        others = list(bucket.keys.getlist(key.name, []))
        if bucket.versioning_status is None:
            others = []
        elif key.version_id == "null":
            others = [other for other in others if str(other.version_id) != "null"]
        bucket.keys.setlist(key.name, [*others, key])
