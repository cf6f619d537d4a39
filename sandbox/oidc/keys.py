"""The issuers' signing keys: one for each, made when it is first needed, in files that only the sandbox's owner reads.

The server verifies with them and a command of this machine signs with them; a fresh start makes new ones.
"""

from __future__ import annotations

import base64
import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.settings import Settings


def private_key(settings: Settings, issuer: str) -> rsa.RSAPrivateKey:
    """Return the key of an issuer (its short name, such as github). Whoever comes first makes it."""
    path = settings.home / "oidc" / f"{issuer}.pem"
    if not path.exists():
        _make(path)
    return _read(path, path.stat().st_mtime_ns)


def key_id(key: rsa.RSAPublicKey) -> str:
    """Return the thumbprint of a key (https://www.rfc-editor.org/rfc/rfc7638), which tokens name as `kid`."""
    jwk = _members(key)
    text = f'{{"e":"{jwk["e"]}","kty":"RSA","n":"{jwk["n"]}"}}'
    return encode(hashlib.sha256(text.encode()).digest())


def key_set(settings: Settings, issuer: str) -> dict[str, Any]:
    """Return the issuer's JSON Web Key Set (https://www.rfc-editor.org/rfc/rfc7517)."""
    key = private_key(settings, issuer).public_key()
    return {"keys": [{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": key_id(key), **_members(key)}]}


def encode(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _members(key: rsa.RSAPublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    return {"n": _number(numbers.n), "e": _number(numbers.e)}


def _number(value: int) -> str:
    return encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(text)
    try:
        os.link(draft, path)  # the first of several stays
    except FileExistsError:
        pass
    finally:
        draft.unlink()


@lru_cache(maxsize=16)
def _read(path: Path, changed: int) -> rsa.RSAPrivateKey:
    del changed  # a fresh start writes the file anew
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError(f"{path} holds no RSA key")
    return key
