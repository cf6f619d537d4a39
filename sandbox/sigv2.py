"""S3's older presigned URLs (AWSAccessKeyId, Expires, Signature), which boto3 still makes for older regions.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html. Only the query form: whoever sends the older
Authorization header is told to use version 4.
"""

from __future__ import annotations

import base64
import datetime
import hmac
from typing import TYPE_CHECKING

from sandbox.errors import AwsError

if TYPE_CHECKING:
    from sandbox.calls import Call

# Parts of the query that belong to the resource, and so to what is signed.
_SUBRESOURCES = frozenset(
    {
        "accelerate",
        "acl",
        "analytics",
        "attributes",
        "cors",
        "delete",
        "encryption",
        "intelligent-tiering",
        "inventory",
        "legal-hold",
        "lifecycle",
        "location",
        "logging",
        "metrics",
        "notification",
        "object-lock",
        "ownershipControls",
        "partNumber",
        "policy",
        "policyStatus",
        "publicAccessBlock",
        "replication",
        "requestPayment",
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
        "restore",
        "retention",
        "select",
        "select-type",
        "tagging",
        "torrent",
        "uploadId",
        "uploads",
        "versionId",
        "versioning",
        "versions",
        "website",
    }
)


def is_presigned(call: Call) -> bool:
    """Return whether the query carries a signature of version 2 and nothing else signs the request."""
    return (
        "AWSAccessKeyId" in call.query
        and "Signature" in call.query
        and call.service == "s3"
        and not any(name in call.query for name in ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature"))
        and "authorization" not in call.headers
    )


def verify(call: Call, secret: str, now: datetime.datetime) -> None:
    """Return when the URL is signed with this secret and not over. Raises AwsError as S3 does."""
    expires = call.query.get("Expires", "")
    if not (expires.isdecimal() and expires.isascii() and len(expires) < 16):
        raise AwsError("AccessDenied", f"Invalid date (should be seconds since epoch): {expires[:64]!a}", 403)
    if int(expires) < now.timestamp():
        fields = {"Expires": expires, "ServerTime": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
        raise AwsError("AccessDenied", "Request has expired", 403, fields=fields)
    text = _string_to_sign(call, expires)
    digest = hmac.digest(secret.encode(), text.encode(), "sha1")
    expected = base64.b64encode(digest)
    if not hmac.compare_digest(expected, call.query["Signature"].encode()):
        raise AwsError(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your key and "
            "signing method.",
            403,
            fields={"AWSAccessKeyId": call.access_key_id, "StringToSignBytes": text.encode().hex(" ")},
        )


def _string_to_sign(call: Call, expires: str) -> str:
    # sent in the query, signed as the header that it stands for
    sent = {name: value.encode("latin-1").decode(errors="replace") for name, value in call.headers.items()}
    stated = {name.lower(): value for name, value in call.query.items()} | sent
    folded = "".join(
        f"{name}:{' '.join(value.split())}\n" for name, value in sorted(stated.items()) if name.startswith("x-amz-")
    )
    md5, kind = stated.get("content-md5", ""), stated.get("content-type", "")
    named = sorted((name, value) for name, value in call.query.items() if name in _SUBRESOURCES)
    query = "&".join(f"{name}={value}" if value else name for name, value in named)
    resource = call.path + (f"?{query}" if query else "")
    return f"{call.method}\n{md5}\n{kind}\n{expires}\n{folded}{resource}"
