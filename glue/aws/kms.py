"""KMS: signatures of digests. A key is named by its alias's ARN, also in another account.

https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore import exceptions as boto

from glue.aws.errors import Where, code_of, translated
from glue.errors import AwsError

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

_UNUSABLE = {
    "DisabledException": "it is disabled",
    "InvalidKeyUsageException": "it is not a key that signs so",
    "KMSInvalidStateException": "it is being deleted",
    "KeyUnavailableException": "it is not available",
    "NotFoundException": "there is no such key",
}


class KeyUnusableError(AwsError):
    """The key is disabled, deleted, absent, or not one that signs (exit 1 when it reaches the user)."""


class Keys:
    """Asymmetric keys of any account, as far as its key policies let this caller use them."""

    def __init__(self, client: KMSClient, *, where: Where) -> None:
        self._client = client
        self._where = where

    def sign(self, key: str, digest: bytes) -> bytes:
        """Return an ECDSA signature (DER) of a SHA-256 digest. Raises KeyUnusableError, AccessDeniedError, AwsError."""
        with _usable(key), translated(self._where, key):
            answer = self._client.sign(
                KeyId=key, Message=digest, MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256"
            )
        return answer["Signature"]

    def verify(self, key: str, digest: bytes, signature: bytes) -> bool:
        """Tell whether the key made the signature of the digest. Errors as above: they say nothing about it."""
        try:
            with _usable(key), translated(self._where, key):
                answer = self._client.verify(
                    KeyId=key,
                    Message=digest,
                    MessageType="DIGEST",
                    SigningAlgorithm="ECDSA_SHA_256",
                    Signature=signature,
                )
        except AwsError as error:
            cause = error.__cause__
            if isinstance(cause, boto.ClientError) and code_of(cause) == "KMSInvalidSignatureException":
                return False
            raise
        return bool(answer["SignatureValid"])


@contextmanager
def _usable(key: str) -> Iterator[None]:
    """Turn KMS's words for a key that cannot be used into one error."""
    try:
        yield
    except AwsError as error:
        cause = error.__cause__
        code = code_of(cause) if isinstance(cause, boto.ClientError) else ""
        if code not in _UNUSABLE:
            raise
        raise KeyUnusableError(
            f"the key {key} cannot be used: {_UNUSABLE[code]}",
            remedy="Enable it again, cancel its deletion, or apply terraform/foundation of its environment.",
        ) from cause
