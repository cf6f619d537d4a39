"""Condition keys of a request: the global ones, S3's headers, what belongs to a KMS key.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Mapping
from typing import Any

from moto.kms.models import kms_backends

from sandbox.calls import Call
from sandbox.iam import tags, world

Context = dict[str, "str | tuple[str, ...]"]
_S3_HEADERS = (
    "x-amz-acl",
    "x-amz-content-sha256",
    "x-amz-copy-source",
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-read-acp",
    "x-amz-grant-write",
    "x-amz-grant-write-acp",
    "x-amz-metadata-directive",
    "x-amz-object-ownership",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
)
_LOCK_HEADERS = {
    "x-amz-object-lock-mode": "s3:object-lock-mode",
    "x-amz-object-lock-retain-until-date": "s3:object-lock-retain-until-date",
    "x-amz-object-lock-legal-hold": "s3:object-lock-legal-hold",
}
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
_WRITES_OBJECT = frozenset({"PutObject", "CompleteMultipartUpload", "CopyObject"})
_CREATES = _WRITES_OBJECT | {"CreateMultipartUpload", "UploadPart", "UploadPartCopy"}


def of_call(call: Call) -> Context:
    """Return the global keys that come from the request itself. Loopback counts as TLS: it has no certificates."""
    now = datetime.datetime.now(datetime.UTC)
    address = str(call.environ.get("REMOTE_ADDR") or "127.0.0.1")
    found: Context = {
        "aws:CurrentTime": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "aws:EpochTime": str(int(now.timestamp())),
        "aws:RequestedRegion": call.region or "us-east-1",
        "aws:SecureTransport": "true" if _is_private(call, address) else "false",
        "aws:SourceIp": address,
        "aws:UserAgent": call.headers.get("user-agent", ""),
        "aws:ViaAWSService": "false",
    }
    if referer := call.headers.get("referer"):
        found["aws:Referer"] = referer
    return found


def _is_private(call: Call, address: str) -> bool:
    if call.environ.get("wsgi.url_scheme") == "https":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def of_session(call: Call) -> Context:
    """Return the keys that come from the caller's session and organization."""
    caller = call.principal
    if caller is None:
        return {}
    found: Context = {}
    session = caller.session
    if session is not None:
        found["aws:TokenIssueTime"] = f"{session.issued_at:%Y-%m-%dT%H:%M:%SZ}"
        found["aws:MultiFactorAuthPresent"] = "false"  # nobody has a device here; only sessions carry the key at all
        if session.source_identity:
            found["aws:SourceIdentity"] = session.source_identity
        if session.provider:
            found["aws:FederatedProvider"] = session.provider
        found |= dict(session.claims)
    return found | world.organization_keys(caller.account_id, "Principal")


def of_request_tags(values: Mapping[str, str] | None, names: Any) -> Context:
    """Return aws:RequestTag and aws:TagKeys."""
    found: Context = {f"aws:RequestTag/{key}": value for key, value in (values or {}).items()}
    keys = tuple(values or ()) or (tuple(str(name) for name in names) if isinstance(names, list) else ())
    return found | {"aws:TagKeys": keys} if keys else found


def of_resource(arn: str) -> Context:
    """Return aws:ResourceTag, and the name that IAM has for it on its own resources."""
    found: Context = {}
    service = arn.split(":")[2] if arn.startswith("arn:") else ""
    for key, value in tags.of(arn).items():
        found[f"aws:ResourceTag/{key}"] = value
        if service in {"iam", "ecr", "ssm", "sagemaker"}:
            found[f"{service}:ResourceTag/{key}"] = value
    return found


def of_s3(call: Call, parameters: Mapping[str, Any]) -> Context:
    """Return S3's keys (https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html)."""
    presigned = "X-Amz-Signature" in call.query or "Signature" in call.query
    found: Context = {
        "s3:authType": "REST-QUERY-STRING" if presigned else "REST-HEADER",
        "s3:signatureversion": "AWS" if "AWSAccessKeyId" in call.query else "AWS4-HMAC-SHA256",
        "s3:TlsVersion": "1.3",
    }
    found |= {f"s3:{name}": call.headers[name] for name in _S3_HEADERS if name in call.headers}
    found |= {key: call.headers[name] for name, key in _LOCK_HEADERS.items() if name in call.headers}
    for name, key in (("Prefix", "prefix"), ("Delimiter", "delimiter"), ("MaxKeys", "max-keys")):
        if name in parameters:
            found[f"s3:{key}"] = str(parameters[name])
    if call.operation in {"ListObjects", "ListObjectsV2", "ListObjectVersions", "ListMultipartUploads"}:
        found.setdefault("s3:prefix", "")
    if "VersionId" in parameters:
        found["s3:VersionId"] = str(parameters["VersionId"])
    if call.operation == "CreateBucket" and (region := _location(call.body()[:4096])):
        found["s3:LocationConstraint"] = region
    if call.operation in _CREATES:
        found["s3:ObjectCreationOperation"] = "true" if call.operation in _WRITES_OBJECT else "false"
        for name in ("if-match", "if-none-match"):
            if name in call.headers:
                found[f"s3:{name}"] = call.headers[name]
    return found


def _location(body: bytes) -> str:
    return body.partition(b"LocationConstraint>")[2].partition(b"<")[0].decode(errors="replace")


def of_key(arn: str, caller: str | None, named: str | None = None) -> Context:
    """Return the keys of a KMS key: its aliases, what it is for, who asks; `named` is how the request named it.

    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
    """
    found: Context = {"kms:CallerAccount": caller} if caller else {}
    parts = arn.split(":", 5)
    if len(parts) != 6 or not parts[5].startswith("key/"):
        return found
    if named and "alias/" in named:
        found["kms:RequestAlias"] = named[named.index("alias/") :]
    backend: Any = kms_backends[parts[4]][parts[3]]
    key = backend.keys.get(parts[5].removeprefix("key/"))
    if key is None:
        return found
    if aliases := tuple(key.aliases):
        found["kms:ResourceAliases"] = aliases
    for name, value in (("KeySpec", key.key_spec), ("KeyUsage", key.key_usage), ("KeyOrigin", key.origin)):
        if value:
            found[f"kms:{name}"] = str(value)
    found["kms:MultiRegion"] = str(bool(key.multi_region)).lower()
    return found


def of_encryption(pairs: Any) -> Context:
    """Return kms:EncryptionContext:<key> and kms:EncryptionContextKeys."""
    if not isinstance(pairs, Mapping) or not pairs:
        return {}
    found: Context = {f"kms:EncryptionContext:{key}": str(value) for key, value in pairs.items()}
    return {**found, "kms:EncryptionContextKeys": tuple(str(key) for key in pairs)}
