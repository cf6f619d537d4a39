"""Preconditions: of reads, of writes, of copy sources.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from sandbox.errors import AwsError
from sandbox.s3.keys import StoredKey
from sandbox.s3.wire import parse_date


def _failed(condition: str) -> AwsError:
    return AwsError(
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
        412,
        fields={"Condition": condition},
    )


def for_write(headers: Mapping[str, str]) -> Callable[[StoredKey | None], None]:
    """Return what `keys.commit` asks about the object that is there; None stands for none, or a delete marker.

    Raises AwsError NotImplemented for an If-None-Match that is not `*`, as S3 does.
    """
    none_match, match = headers.get("if-none-match"), headers.get("if-match")
    if none_match is not None and none_match.strip() != "*":
        raise AwsError(
            "NotImplemented",
            "A header you provided implies functionality that is not implemented.",
            501,
            fields={"Header": "If-None-Match"},
        )

    def allowed(found: StoredKey | None) -> None:
        if none_match is not None and found is not None:
            raise _failed("If-None-Match")
        if match is not None:
            if found is None:
                raise AwsError("NoSuchKey", "The specified key does not exist.", 404)
            if not _same(match, found):
                raise _failed("If-Match")

    return allowed


def for_read(headers: Mapping[str, str], key: StoredKey) -> bool:
    """Return whether the object is to be sent; False means 304. Raises AwsError PreconditionFailed.

    If-Match wins over If-Unmodified-Since, If-None-Match over If-Modified-Since (GetObject, "Conditional requests").
    """
    match, none_match = headers.get("if-match"), headers.get("if-none-match")
    since, until = parse_date(headers.get("if-modified-since")), parse_date(headers.get("if-unmodified-since"))
    modified = _modified(key)
    if match is not None:
        if not _same(match, key):
            raise _failed("If-Match")
    elif until is not None and modified > until:
        raise _failed("If-Unmodified-Since")
    if none_match is not None:
        return not _same(none_match, key)
    return since is None or modified > since


def for_copy_source(headers: Mapping[str, str], key: StoredKey) -> None:
    """Raise AwsError PreconditionFailed unless the source is as the copy wants it; here 304 does not exist."""
    prefix = "x-amz-copy-source-if-"
    match, none_match = headers.get(f"{prefix}match"), headers.get(f"{prefix}none-match")
    since = parse_date(headers.get(f"{prefix}modified-since"))
    until = parse_date(headers.get(f"{prefix}unmodified-since"))
    if match is not None:
        if not _same(match, key):
            raise _failed(f"{prefix}match")
    elif until is not None and _modified(key) > until:
        raise _failed(f"{prefix}unmodified-since")
    if none_match is not None:
        if _same(none_match, key):
            raise _failed(f"{prefix}none-match")
    elif since is not None and _modified(key) <= since:
        raise _failed(f"{prefix}modified-since")


def _modified(key: StoredKey) -> datetime:
    moment: datetime = key.last_modified
    return moment.replace(microsecond=0, tzinfo=None)


def _same(asked: str, key: StoredKey) -> bool:
    """S3 takes ETags with and without quotes."""
    etags = [etag.strip().strip('"') for etag in asked.split(",")]
    return "*" in etags or key.etag.strip('"') in etags
