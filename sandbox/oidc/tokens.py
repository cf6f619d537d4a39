"""JSON Web Tokens: signed for the issuers that the sandbox plays, verified for STS.

https://www.rfc-editor.org/rfc/rfc7515, https://www.rfc-editor.org/rfc/rfc7519. Only RS256: both issuers sign with it,
and a verifier that lets the token choose among algorithms has been the way in elsewhere.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.oidc import keys
from sandbox.settings import Settings

ALGORITHM = "RS256"


class TokenError(Exception):
    """Not a JSON Web Token."""


@dataclass(frozen=True)
class Token:
    """A token that was read; nothing is verified yet."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes

    def is_signed_by(self, key_set: Mapping[str, Any]) -> bool:
        """Return whether a key of the set, the one that the token names, signed it with RS256."""
        if self.header.get("alg") != ALGORITHM or "crit" in self.header:
            return False
        for jwk in key_set.get("keys", ()):
            if jwk.get("kid") == self.header.get("kid"):
                return _verifies(jwk, self.signed, self.signature)
        return False


def sign(settings: Settings, issuer: str, claims: Mapping[str, Any]) -> str:
    """Return a token of an issuer that the sandbox plays."""
    key = keys.private_key(settings, issuer)
    header = {"typ": "JWT", "alg": ALGORITHM, "kid": keys.key_id(key.public_key())}
    signed = f"{_part(header)}.{_part(claims)}"
    return f"{signed}.{keys.encode(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def read(text: str) -> Token:
    """Return the parts of a token. Raises TokenError when it is none."""
    parts = text.split(".")
    if len(parts) != 3:
        raise TokenError("a token has three parts")
    header, claims = (_object(part) for part in parts[:2])
    return Token(header, claims, f"{parts[0]}.{parts[1]}".encode(), _decode(parts[2]))


def _verifies(jwk: Mapping[str, Any], signed: bytes, signature: bytes) -> bool:
    numbers = rsa.RSAPublicNumbers(
        int.from_bytes(_decode(str(jwk["e"])), "big"), int.from_bytes(_decode(str(jwk["n"])), "big")
    )
    try:
        numbers.public_key().verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def _part(document: Mapping[str, Any]) -> str:
    return keys.encode(json.dumps(document, separators=(",", ":")).encode())


def _object(part: str) -> dict[str, Any]:
    try:
        document = json.loads(_decode(part), object_pairs_hook=_no_duplicates, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise TokenError("a part of the token is not JSON") from None
    if not isinstance(document, dict):
        raise TokenError("a part of the token is not a JSON object")
    return document


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name appears twice")
    return found


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number in JSON")


def _decode(part: str) -> bytes:
    try:
        text = part.encode("ascii") + b"=" * (-len(part) % 4)
        return base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise TokenError("a part of the token is not base64url") from None
