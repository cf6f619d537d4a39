"""KMS: signatures that can be verified offline, and the rotation period.

moto hashes a digest once more when it signs with MessageType=DIGEST, and salts RSASSA-PSS with the longest salt where
KMS takes the digest's length; neither signature verifies with the public key.
https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
"""

from __future__ import annotations

import base64
import binascii
import datetime
import json
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from moto.kms.models import kms_backends
from werkzeug.wrappers import Response

from sandbox.calls import Call
from sandbox.door import on_service
from sandbox.errors import AwsError
from sandbox.events import work
from sandbox.settings import Settings

_HASHES: dict[str, hashes.HashAlgorithm] = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
_LONGEST_MESSAGE = 4096
_USUAL_PERIOD_DAYS = 365
_MOST_ON_DEMAND = 25  # https://docs.aws.amazon.com/kms/latest/developerguide/rotating-keys-on-demand.html
_OURS = frozenset(
    {"Sign", "Verify", "EnableKeyRotation", "GetKeyRotationStatus", "RotateKeyOnDemand", "ListKeyRotations"}
)


def install(settings: Settings) -> None:
    """Sign, verify and remember rotation periods in place of moto."""
    del settings
    on_service("kms", _answer)


def _answer(call: Call) -> Response | None:
    if call.operation not in _OURS:
        return None
    request = json.loads(call.body() or b"{}")
    key = _key(call, str(request.get("KeyId", "")))
    if call.operation == "EnableKeyRotation":
        return _enable_rotation(key, request)
    if call.operation == "GetKeyRotationStatus":
        return _rotation_status(key)
    if call.operation == "RotateKeyOnDemand":
        return _rotate(key)
    if call.operation == "ListKeyRotations":
        return _json({"Rotations": _rotations(key), "Truncated": False})
    return _sign(key, request) if call.operation == "Sign" else _verify(key, request)


def _key(call: Call, name: str) -> Any:
    """Return the key behind an id, an ARN, an alias or an alias's ARN. Raises AwsError NotFoundException."""
    account, region, resource = call.account_id, call.region, name
    if name.startswith("arn:"):
        parts = name.split(":", 5)
        if len(parts) != 6:
            raise AwsError("NotFoundException", f"Invalid arn {name}")
        region, account, resource = parts[3], parts[4], parts[5].removeprefix("key/")
    backend = kms_backends[account][region]
    if resource.startswith("alias/"):
        resource = backend.get_key_id_from_alias(resource) or ""
    key = backend.keys.get(resource)
    if key is None:
        raise AwsError("NotFoundException", f"Key '{name}' does not exist")
    return key


def _enable_rotation(key: Any, request: dict[str, Any]) -> Response:
    """EnableKeyRotation, with RotationPeriodInDays from 90 to 2560 (API reference)."""
    _require_enabled(key)
    if key.key_spec != "SYMMETRIC_DEFAULT":
        raise AwsError("UnsupportedOperationException", f"{key.arn} key spec does not support automatic rotation.")
    known: int = getattr(key, "rotation_days", _USUAL_PERIOD_DAYS)
    days = int(request.get("RotationPeriodInDays", known))
    if not 90 <= days <= 2560:
        raise AwsError("ValidationException", f"RotationPeriodInDays must be from 90 to 2560, not {days}")
    if not key.key_rotation_status or days != known:
        key.rotation_began = work.now()
    key.key_rotation_status, key.rotation_days = True, days
    return _json({})


def _rotation_status(key: Any) -> Response:
    status: dict[str, Any] = {"KeyId": key.arn, "KeyRotationEnabled": key.key_rotation_status}
    if key.key_rotation_status:
        days = getattr(key, "rotation_days", _USUAL_PERIOD_DAYS)
        status |= {"RotationPeriodInDays": days, "NextRotationDate": int(_rotation_times(key)[-1].timestamp())}
    return _json(status)


def _rotation_times(key: Any) -> list[datetime.datetime]:
    """The automatic rotations so far, by the sandbox's clock, and the next one."""
    period = datetime.timedelta(days=getattr(key, "rotation_days", _USUAL_PERIOD_DAYS))
    times = [key.__dict__.setdefault("rotation_began", work.now()) + period]
    while times[-1] <= work.now():
        times.append(times[-1] + period)
    return times


def _rotations(key: Any) -> list[dict[str, Any]]:
    """ListKeyRotations: https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeyRotations.html."""
    found = [(moment, "ON_DEMAND") for moment in getattr(key, "rotated", [])]
    if key.key_rotation_status:
        found += [(moment, "AUTOMATIC") for moment in _rotation_times(key)[:-1]]
    return [
        {"KeyId": key.id, "RotationDate": int(moment.timestamp()), "RotationType": kind}
        for moment, kind in sorted(found)
    ]


def _rotate(key: Any) -> Response:
    """RotateKeyOnDemand: what was encrypted before can still be read, the key id stays."""
    _require_enabled(key)
    if key.key_spec != "SYMMETRIC_DEFAULT":
        raise AwsError("UnsupportedOperationException", f"{key.arn} key spec does not support rotation.")
    if len(getattr(key, "rotated", [])) >= _MOST_ON_DEMAND:
        raise AwsError("LimitExceededException", f"{key.arn} was rotated on demand {_MOST_ON_DEMAND} times already.")
    key.rotated = [*getattr(key, "rotated", []), work.now()]
    return _json({"KeyId": key.arn})


def _sign(key: Any, request: dict[str, Any]) -> Response:
    algorithm, digest, hashed = _prepare(key, request)
    private = key.private_key.private_key
    if algorithm.startswith("ECDSA"):
        signature = private.sign(digest, ec.ECDSA(utils.Prehashed(hashed)))
    else:
        signature = private.sign(digest, _padding(algorithm, hashed), utils.Prehashed(hashed))
    answer = {"KeyId": key.arn, "Signature": base64.b64encode(signature).decode(), "SigningAlgorithm": algorithm}
    return _json(answer)


def _verify(key: Any, request: dict[str, Any]) -> Response:
    algorithm, digest, hashed = _prepare(key, request)
    public = key.private_key.private_key.public_key()
    signature = _bytes(request, "Signature")
    try:
        if algorithm.startswith("ECDSA"):
            public.verify(signature, digest, ec.ECDSA(utils.Prehashed(hashed)))
        else:
            public.verify(signature, digest, _padding(algorithm, hashed), utils.Prehashed(hashed))
    except InvalidSignature:
        raise AwsError("KMSInvalidSignatureException", "The signature is not valid.") from None
    return _json({"KeyId": key.arn, "SignatureValid": True, "SigningAlgorithm": algorithm})


def _prepare(key: Any, request: dict[str, Any]) -> tuple[str, bytes, hashes.HashAlgorithm]:
    """Return algorithm, digest and hash of a request to sign or verify. Raises AwsError as KMS does."""
    _require_enabled(key)
    algorithm = str(request.get("SigningAlgorithm", ""))
    if key.key_usage != "SIGN_VERIFY" or algorithm not in (key.signing_algorithms or []):
        raise AwsError(
            "InvalidKeyUsageException", f"{key.arn} key usage is {key.key_usage} which is not valid for {algorithm}."
        )
    hashed = _HASHES[algorithm[-3:]]
    message = _bytes(request, "Message")
    if request.get("MessageType", "RAW") == "DIGEST":
        if len(message) != hashed.digest_size:
            raise AwsError("ValidationException", f"Digest is invalid length for algorithm {algorithm}.")
        return algorithm, message, hashed
    if not 1 <= len(message) <= _LONGEST_MESSAGE:
        raise AwsError(
            "ValidationException",
            "1 validation error detected: Value at 'message' failed to satisfy constraint: Member must have length "
            f"between 1 and {_LONGEST_MESSAGE}",
        )
    total = hashes.Hash(hashed)
    total.update(message)
    return algorithm, total.finalize(), hashed


def _padding(algorithm: str, hashed: hashes.HashAlgorithm) -> padding.AsymmetricPadding:
    if "PKCS1" in algorithm:
        return padding.PKCS1v15()
    return padding.PSS(mgf=padding.MGF1(hashed), salt_length=hashed.digest_size)


def _require_enabled(key: Any) -> None:
    if key.key_state == "Disabled":
        raise AwsError("DisabledException", f"{key.arn} is disabled.")
    if key.key_state != "Enabled":
        raise AwsError("KMSInvalidStateException", f"{key.arn} is pending deletion.")


def _bytes(request: dict[str, Any], name: str) -> bytes:
    try:
        return base64.b64decode(request.get(name, ""), validate=True)
    except (binascii.Error, TypeError):
        raise AwsError("SerializationException", f"{name} is not base64") from None


def _json(document: dict[str, Any]) -> Response:
    return Response(json.dumps(document), content_type="application/x-amz-json-1.1")
