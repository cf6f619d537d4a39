"""A stream over a large object that survives broken connections."""

from __future__ import annotations

from typing import Any

from botocore import exceptions as boto

from glue.aws.s3 import Bucket, Source
from glue.errors import AwsError

_ATTEMPTS = 6


class ResumingStream:
    """Reads one version of an object to its end; a broken connection is opened again where it broke.

    botocore retries a request, not the reading of its body
    (https://docs.aws.amazon.com/boto3/latest/guide/retries.html). Raises AwsError when it keeps breaking.
    """

    def __init__(self, bucket: Bucket, source: Source, size: int) -> None:
        self._bucket = bucket
        self._source = source
        self._size = size
        self._at = 0
        self._body: Any = None

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes; empty at the end of the object."""
        last: Exception | None = None
        for _ in range(_ATTEMPTS):
            if self._at == self._size:
                return b""
            try:
                data = self._read(size)
            except (boto.HTTPClientError, boto.ResponseStreamingError, boto.IncompleteReadError, OSError) as error:
                data, last = b"", error
            if data:
                return data
            self.close()
        raise AwsError(
            f"reading {self._bucket.uri(self._source.key)} broke off {_ATTEMPTS} times at byte {self._at} of "
            f"{self._size}: {last}",
            remedy="Check the network, then run it again.",
        ) from last

    def close(self) -> None:
        """Close the connection."""
        if self._body is not None:
            self._body.close()
            self._body = None

    def _read(self, size: int) -> bytes:
        if self._body is None:
            source = self._source
            self._body = self._bucket.open(source.key, etag=source.etag, version_id=source.version_id, start=self._at)
        data: bytes = self._body.read(size)
        self._at += len(data)
        return data
