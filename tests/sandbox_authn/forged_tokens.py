"""Tokens that nobody issued."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.oidc import keys


def part(document: Any) -> str:
    text = document if isinstance(document, str) else json.dumps(document)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def forged(token: str, kind: str, settings: Any) -> str:
    """Return a token that says the same and was not signed by the issuer."""
    head, body, signature = token.split(".")
    header = json.loads(base64.urlsafe_b64decode(head + "=="))
    if kind == "none":
        return f"{part({**header, 'alg': 'none'})}.{body}."
    if kind == "another key":
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return f"{head}.{body}.{keys.encode(key.sign(f'{head}.{body}'.encode(), padding.PKCS1v15(), hashes.SHA256()))}"
    if kind == "public key as secret":
        secret = json.dumps(keys.key_set(settings, "github")).encode()
        text = f"{part({**header, 'alg': 'HS256'})}.{body}"
        return f"{text}.{keys.encode(hmac.digest(secret, text.encode(), 'sha256'))}"
    if kind == "its own key":
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        text = f"{part({**header, 'jwk': {'kty': 'RSA'}, 'jku': 'http://127.0.0.1:1/jwks'})}.{body}"
        return f"{text}.{keys.encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"
    if kind == "unknown kid":
        return f"{part({**header, 'kid': 'x'})}.{body}.{signature}"
    if kind == "other claims":
        claims = json.loads(base64.urlsafe_b64decode(body + "=="))
        return f"{head}.{part({**claims, 'exp': claims['exp'] + 1})}.{signature}"
    return {
        "cut off": token[:-10],
        "two parts": f"{head}.{body}",
        "empty": "....",
        "not json": f"{head}.{part('x')}.{signature}",
        "a list": f"{head}.{part([])}.{signature}",
        "a name twice": ".".join((head, part('{"iss": 1, "iss": 2}'), signature)),
    }[kind]
