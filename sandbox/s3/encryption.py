"""Server-side encryption as S3 reports it: what the request asks for, else the bucket's default, else AES256.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-bucket-encryption.html
"""

from __future__ import annotations

from typing import Any

from moto.kms.models import kms_backends
from moto.s3.models import FakeBucket

from sandbox.errors import AwsError

_HEADER = "x-amz-server-side-encryption"
_KMS = "aws:kms"
Choice = tuple[str, str | None, bool | None]


def choose(bucket: FakeBucket, request: dict[str, str], *, account_id: str) -> Choice:
    """Return algorithm, key ARN and whether a bucket key is used (the last two None without KMS).

    Raises AwsError when the KMS key does not exist or is not enabled.
    """
    asked = request.get(_HEADER)
    rule: dict[str, Any] = (bucket.encryption or {}).get("Rule") or {}
    default: dict[str, Any] = rule.get("ApplyServerSideEncryptionByDefault") or {}
    algorithm = asked or default.get("SSEAlgorithm") or "AES256"
    if algorithm not in {"AES256", _KMS, "aws:kms:dsse"}:
        raise AwsError("InvalidArgument", "The encryption method specified is not supported")
    if algorithm == "AES256":
        return algorithm, None, None
    key = request.get(f"{_HEADER}-aws-kms-key-id")
    if not key and (not asked or asked == default.get("SSEAlgorithm")):
        key = default.get("KMSMasterKeyID")
    bucket_key = request.get(f"{_HEADER}-bucket-key-enabled")
    if bucket_key is None:
        bucket_key = str(rule.get("BucketKeyEnabled") or "false")
    arn = _key_arn(key, region=bucket.region_name, account_id=account_id, owner=bucket.account_id)
    return algorithm, arn, bucket_key.lower() == "true"


def require_usable(key_arn: str | None) -> None:
    """Raise AwsError unless the KMS key can encrypt and decrypt: S3 asks KMS on every read, too."""
    if not key_arn or ":alias/aws/" in key_arn:
        return
    _, _, _, region, account_id, resource = key_arn.split(":", 5)
    key = kms_backends[account_id][region].keys.get(resource.removeprefix("key/"))
    if key is None:
        raise AwsError("KMS.NotFoundException", f"Key '{key_arn}' does not exist")
    if key.key_state == "Disabled":
        raise AwsError("KMS.DisabledException", f"{key_arn} is disabled.")
    if key.key_state != "Enabled":
        raise AwsError("KMS.KMSInvalidStateException", f"{key_arn} is pending deletion.")


def headers(key: Any) -> dict[str, str]:
    """Return the encryption headers of a stored object's answers."""
    out = {_HEADER: key.encryption or "AES256"}
    if key.kms_key_id:
        out[f"{_HEADER}-aws-kms-key-id"] = key.kms_key_id
        if key.bucket_key_enabled:
            out[f"{_HEADER}-bucket-key-enabled"] = "true"
    return out


def _key_arn(name: str | None, *, region: str, account_id: str, owner: str) -> str:
    """Return the ARN behind a key id, key ARN, alias or alias ARN; S3 always answers with the key's ARN."""
    if not name:
        return f"arn:aws:kms:{region}:{owner}:alias/aws/s3"
    account, key_region, resource = account_id, region, name
    if name.startswith("arn:"):
        parts = name.split(":", 5)
        if len(parts) != 6 or parts[2] != "kms":
            raise AwsError("KMS.NotFoundException", f"Invalid arn {name}")
        key_region, account, resource = parts[3], parts[4], parts[5]
    if key_region != region:
        raise AwsError("KMS.NotFoundException", f"Invalid arn {key_region}")  # S3 says it so for another region
    if resource.startswith("alias/"):
        found = kms_backends[account][key_region].get_key_id_from_alias(resource)
        if found is None:
            raise AwsError("KMS.NotFoundException", f"Alias {name} is not found.")
        resource = str(found)
    arn = f"arn:aws:kms:{key_region}:{account}:key/{resource.removeprefix('key/')}"
    require_usable(arn)
    return arn
