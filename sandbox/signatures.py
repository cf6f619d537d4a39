"""Signature Version 4: proves that whoever sent a request holds the secret of its access key.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, and for S3, which encodes
the path once and knows unsigned and chunked bodies,
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html and sigv4-query-string-auth.html.
Time is the machine's own, not the sandbox's fast clock: it is what clients sign with.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

from sandbox import payloads, sigv2
from sandbox.credential import ALGORITHM, Credential, read
from sandbox.refusals import Refusals

if TYPE_CHECKING:
    from sandbox.calls import Call

MAX_SKEW = datetime.timedelta(minutes=15)
_UNRESERVED = "-_.~"
# The path of these is encoded once, and their requests name the hash of the body in a header.
OBJECT_SERVICES = frozenset({"s3", "s3-object-lambda", "s3-outposts", "s3express"})


def now(call: Call | None = None) -> datetime.datetime:
    """Return the time (UTC, aware) that signatures and credentials are compared with. A fault may skew it."""
    skew = float(call.environ.get("sandbox.clock_skew_s", 0)) if call else 0.0
    return datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=skew)


def verify(call: Call, secret: str) -> None:
    """Return when the request was signed with this secret, for this moment; else raise AwsError as the service would.

    A body that S3 reads as a stream is not read here: its hash is compared while it passes (`payloads`).
    """
    if sigv2.is_presigned(call):
        sigv2.verify(call, secret, now(call))
        _tell_moto(call, f"{call.access_key_id}/19700101/us-east-1/s3/aws4_request", "host", "")
        return
    credential = read(call)
    if credential.access_key_id != call.access_key_id:  # the secret is of the one that the call was read to name
        raise Refusals(call).malformed("two credentials")
    _require_scope(call, credential)
    _require_time(call, credential)
    _require_signed_headers(call, credential)
    payload = payloads.declared(call, credential, is_s3=credential.service in OBJECT_SERVICES)
    canonical = canonical_request(call, credential, payload.hash)
    text = string_to_sign(credential, canonical)
    key = signing_key(secret, credential.date, credential.region, credential.service)
    expected = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, credential.signature):
        raise Refusals(call).mismatch(credential, string_to_sign=text, canonical=canonical)
    payloads.seal(call, payload, payloads.Chain(key, credential.timestamp, credential.scope, credential.signature))
    names = ";".join(credential.signed_headers)
    _tell_moto(call, f"{credential.access_key_id}/{credential.scope}", names, credential.signature)


@lru_cache(maxsize=4096)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """Return the key of one day, region and service. Kept: it costs four of the five HMACs of a request."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def string_to_sign(credential: Credential, canonical: str) -> str:
    """Return algorithm, time, scope and the hash of the canonical request."""
    digest = hashlib.sha256(canonical.encode("latin-1")).hexdigest()
    return f"{ALGORITHM}\n{credential.timestamp}\n{credential.scope}\n{digest}"


def canonical_request(call: Call, credential: Credential, payload_hash: str) -> str:
    """Return the request in the one form that both sides sign. Characters are the bytes on the wire (latin-1)."""
    target, _, query = _target(call).partition("?")
    path = _once(target) if credential.service in OBJECT_SERVICES else _twice(target)
    headers = "".join(f"{name}:{_folded(call.headers.get(name, ''))}\n" for name in credential.signed_headers)
    names = ";".join(credential.signed_headers)
    return f"{call.method}\n{path}\n{_sorted_query(query)}\n{headers}\n{names}\n{payload_hash}"


def _target(call: Call) -> str:
    raw = str(call.environ.get("RAW_URI") or call.path)
    if raw.startswith(("http://", "https://")):  # as proxies are asked
        return "/" + raw.split("/", 3)[3] if raw.count("/") > 2 else "/"
    return raw


def _once(path: str) -> str:
    """S3: each byte of the key is encoded once, a slash never, and nothing is normalised."""
    return quote(unquote_to_bytes(path.encode("latin-1")), safe="/" + _UNRESERVED) or "/"


def _twice(path: str) -> str:
    """All other services: dots and doubled slashes resolved, and the encoded path encoded again."""
    if "." in path or "//" in path:
        kept: list[str] = []
        for segment in path.split("/"):
            if segment == "..":
                kept[-1:] = []
            elif segment not in {"", "."}:
                kept.append(segment)
        is_folder = path.endswith(("/", "/.", "/..")) and kept
        path = "/" + "/".join(kept) + ("/" if is_folder else "")
    return quote(path.encode("latin-1"), safe="/" + _UNRESERVED) or "/"


def _sorted_query(query: str) -> str:
    if not query:
        return ""
    pairs = []
    for item in query.split("&"):
        name, _, value = item.partition("=")
        if item and name != "X-Amz-Signature":
            pairs.append((_encoded(name), _encoded(value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _encoded(text: str) -> str:
    if text.isalnum() and text.isascii():
        return text
    return quote(unquote_to_bytes(text.replace("+", " ").encode("latin-1")), safe=_UNRESERVED)


def _folded(value: str) -> str:
    return " ".join(value.split()) if "  " in value else value.strip()


def _require_scope(call: Call, credential: Credential) -> None:
    if credential.date != credential.timestamp[:8]:
        raise Refusals(call).other_date(credential)
    region = _region_of_bucket(call) if credential.service == "s3" else None
    if region is not None and region != credential.region:
        raise Refusals(call).other_region(credential, region)


def _region_of_bucket(call: Call) -> str | None:
    """Return where the bucket of the request lies, None when there is none. For everything else one address serves all
    regions: a request is meant for the region that it was signed for.
    """
    from moto.s3.models import s3_backends  # noqa: PLC0415  (moto's settings are made before its import)

    name = call.parameters.get("Bucket")
    owner = s3_backends.bucket_accounts.get(name) if name and call.operation != "CreateBucket" else None
    bucket = s3_backends[owner[1]][owner[0]].buckets.get(name) if owner else None
    return str(bucket.region_name) if bucket is not None else None


def _require_time(call: Call, credential: Credential) -> None:
    signed, present = credential.signed_at, now(call)
    if credential.expires_s is not None:
        if signed - present > MAX_SKEW:
            raise Refusals(call).presign_early(credential, now=present, allowed=MAX_SKEW)
        ends = signed + datetime.timedelta(seconds=credential.expires_s)
        if present > ends:
            raise Refusals(call).presign_over(credential, ends=ends, now=present)
        return
    if abs(present - signed) > MAX_SKEW:
        raise Refusals(call).skewed(credential, now=present, allowed=MAX_SKEW)


def _require_signed_headers(call: Call, credential: Credential) -> None:
    """Host and everything that begins with x-amz- count only when the signature covers them."""
    signed = credential.signed_headers
    if "host" not in signed:
        raise Refusals(call).host_not_signed()
    missing = [name for name in call.headers if name.startswith("x-amz-") and name not in signed]
    if missing:
        raise Refusals(call).headers_not_signed(missing)


def _tell_moto(call: Call, credential: str, names: str, signature: str) -> None:
    """moto chooses the service by its own reading of this header, or of the body where there is none; let it read what
    was verified, and nothing else.
    """
    call.environ["HTTP_AUTHORIZATION"] = (
        f"{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
    )
