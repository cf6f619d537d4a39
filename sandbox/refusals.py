"""How services answer a request whose signature is of no use: each protocol has its own codes and words.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/CommonErrors.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sandbox.errors import AwsError

if TYPE_CHECKING:
    from sandbox.calls import Call
    from sandbox.credential import Credential

_UNPRINTABLE = re.compile(r"[^\n\x20-\x7e]")
_ONLY_V4 = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
_UNSIGNED = "There were headers present in the request which were not signed"


class Refusals:
    """Makes the errors for one call; nothing here raises."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._is_s3 = call.protocol == "s3"
        self._is_json = call.protocol in {"json", "rest-json", "cbor"}

    def _signature_error(self, message: str) -> AwsError:
        if self._is_json:
            return AwsError("InvalidSignatureException", message, 403 if self._call.protocol == "rest-json" else 400)
        return AwsError("SignatureDoesNotMatch", message, 403)

    def mismatch(self, credential: Credential, *, string_to_sign: str, canonical: str) -> AwsError:
        """The signature is not ours. Both strings are told, as AWS does: they hold no secret."""
        string_to_sign, canonical = _printable(string_to_sign), _printable(canonical)
        if self._is_s3:
            return AwsError(
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. Check your key and "
                "signing method.",
                403,
                fields={
                    "AWSAccessKeyId": credential.access_key_id,
                    "StringToSign": string_to_sign,
                    "SignatureProvided": credential.signature,
                    "StringToSignBytes": string_to_sign.encode().hex(" "),
                    "CanonicalRequest": canonical,
                    "CanonicalRequestBytes": canonical.encode().hex(" "),
                },
            )
        return self._signature_error(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details.\n\n"
            f"The Canonical String for this request should have been\n'{canonical}'\n\n"
            f"The String-to-Sign should have been\n'{string_to_sign}'\n"
        )

    def skewed(self, credential: Credential, *, now: datetime.datetime, allowed: datetime.timedelta) -> AwsError:
        """The clocks differ by too much, or the request is a replay."""
        if self._is_s3:
            return AwsError(
                "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.",
                403,
                fields={
                    "RequestTime": credential.timestamp,
                    "ServerTime": f"{now:%Y-%m-%dT%H:%M:%SZ}",
                    "MaxAllowedSkewMilliseconds": str(int(allowed.total_seconds() * 1000)),
                },
            )
        minutes = int(allowed.total_seconds() // 60)
        late = credential.signed_at < now
        limit = now - allowed if late else now + allowed
        verdict = "Signature expired" if late else "Signature not yet current"
        return self._signature_error(
            f"{verdict}: {credential.timestamp} is {'now earlier' if late else 'still later'} than "
            f"{limit:%Y%m%dT%H%M%SZ} ({now:%Y%m%dT%H%M%SZ} {'-' if late else '+'} {minutes} min.)"
        )

    def presign_over(self, credential: Credential, *, ends: datetime.datetime, now: datetime.datetime) -> AwsError:
        """A presigned URL lives X-Amz-Expires seconds."""
        if self._is_s3:
            fields = {
                "X-Amz-Expires": str(credential.expires_s),
                "Expires": f"{ends:%Y-%m-%dT%H:%M:%SZ}",
                "ServerTime": f"{now:%Y-%m-%dT%H:%M:%SZ}",
            }
            return AwsError("AccessDenied", "Request has expired", 403, fields=fields)
        return self._signature_error(
            f"Signature expired: {credential.timestamp} is now earlier than "
            f"{now - datetime.timedelta(seconds=credential.expires_s or 0):%Y%m%dT%H%M%SZ} ({now:%Y%m%dT%H%M%SZ})"
        )

    def presign_early(self, credential: Credential, *, now: datetime.datetime, allowed: datetime.timedelta) -> AwsError:
        """A presigned URL is not valid before it was made."""
        if self._is_s3:
            return AwsError("AccessDenied", "Request is not valid yet", 403)
        return self.skewed(credential, now=now, allowed=allowed)

    def other_date(self, credential: Credential) -> AwsError:
        """The scope is of another day than the time stamp."""
        if self._is_s3:
            return self.malformed(
                f'Invalid credential date "{credential.date}". This date is not the same as X-Amz-Date: '
                f'"{credential.timestamp[:8]}".'
            )
        return self._signature_error(
            f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{credential.date}' != '{credential.timestamp[:8]}', from '{credential.timestamp}'."
        )

    def other_region(self, credential: Credential, expected: str) -> AwsError:
        """A bucket answers in its own region only, and says which one that is."""
        message = f"the region '{credential.region}' is wrong; expecting '{expected}'"
        headers = {"x-amz-bucket-region": expected}
        if credential.expires_s is not None:
            message = f"Error parsing the X-Amz-Credential parameter; {message}"
            return AwsError("AuthorizationQueryParametersError", message, fields={"Region": expected}, headers=headers)
        message = f"The authorization header is malformed; {message}"
        return AwsError("AuthorizationHeaderMalformed", message, fields={"Region": expected}, headers=headers)

    def host_not_signed(self) -> AwsError:
        """Without the host, a signature would be good for every address."""
        if self._is_s3:
            return AwsError("AccessDenied", _UNSIGNED, 403, fields={"HeadersNotSigned": "host"})
        return self._signature_error("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")

    def headers_not_signed(self, names: Sequence[str]) -> AwsError:
        """Headers of ours (x-amz-...) that the signature does not cover."""
        if self._is_s3:
            return AwsError("AccessDenied", _UNSIGNED, 403, fields={"HeadersNotSigned": ", ".join(names)})
        return self._signature_error(f"'{names[0]}' must be a 'SignedHeader' in the AWS Authorization.")

    def two_signatures(self, header: str) -> AwsError:
        """Header and query both carry one."""
        message = (
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
            "parameter or the Authorization header should be specified"
        )
        if self._is_s3:
            fields = {"ArgumentName": "Authorization", "ArgumentValue": _printable(header)}
            return AwsError("InvalidArgument", message, fields=fields)
        return self._incomplete(message)

    def other_algorithm(self, algorithm: str) -> AwsError:
        """Not version 4: S3 says so, the others do not know it."""
        if self._is_s3:
            return AwsError("InvalidRequest", _ONLY_V4)
        return self._incomplete(f"Unsupported AWS 'algorithm': '{_printable(algorithm)}'.")

    def malformed(self, detail: str) -> AwsError:
        """The header cannot be read."""
        if self._is_s3:
            detail = f"The authorization header is malformed; {_printable(detail)}"
            return AwsError("AuthorizationHeaderMalformed", detail)
        return self._incomplete(_printable(detail))

    def bad_signature(self, signature: str) -> AwsError:
        """Not 64 hexadecimal digits."""
        if self._is_s3:
            return AwsError(
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. Check your key and "
                "signing method.",
                403,
                fields={"SignatureProvided": _printable(signature)},
            )
        return self._signature_error("The request signature we calculated does not match the signature you provided.")

    def query_parameters(self, message: str) -> AwsError:
        """The query of a presigned URL is not complete."""
        if self._is_s3:
            return AwsError("AuthorizationQueryParametersError", message)
        return self._incomplete(message)

    def no_date(self, text: str) -> AwsError:
        """Nothing says when the request was signed."""
        if self._is_s3:
            return AwsError("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header", 403)
        if not text:
            return self._incomplete(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
            )
        return self._incomplete("Date must be in ISO-8601 'basic format'.")

    def _incomplete(self, message: str) -> AwsError:
        code = "IncompleteSignatureException" if self._is_json else "IncompleteSignature"
        return AwsError(code, message, 403 if self._call.protocol == "rest-json" else 400)


def _printable(text: str) -> str:
    """What came with the request goes into XML and JSON; no control characters, no bytes of unknown meaning."""
    return _UNPRINTABLE.sub("?", text)
