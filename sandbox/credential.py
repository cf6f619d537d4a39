"""What a request says about its own signature: the Authorization header, or the query of a presigned URL.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html. What can be read in two ways is refused.
"""

from __future__ import annotations

import datetime
import email.utils
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.refusals import Refusals

if TYPE_CHECKING:
    from sandbox.calls import Call

ALGORITHM = "AWS4-HMAC-SHA256"
LONGEST_PRESIGN_S = 7 * 24 * 3600
_CREDENTIAL = re.compile(r"([A-Za-z0-9]{1,128})/(\d{8})/([a-z0-9-]{1,64})/([A-Za-z0-9.-]{1,64})/aws4_request")
_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"  # RFC 9110, section 5.6.2
_HEADERS = re.compile(f"{_TOKEN}(;{_TOKEN})*")
_MEMBERS = ("Credential", "Signature", "SignedHeaders")
_HEX = re.compile(r"[0-9a-f]{64}")
_TIMESTAMP = re.compile(r"\d{8}T\d{6}Z")
_PRESIGN = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Signature")


@dataclass(frozen=True)
class Credential:
    """A signature and what it covers. `expires_s` is None for a header: it lives as long as clocks may differ."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str
    timestamp: str  # 20261121T120000Z
    signed_at: datetime.datetime
    expires_s: int | None = None

    @property
    def scope(self) -> str:
        """What a signing key is good for."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def is_presigned(call: Call) -> bool:
    """Return whether the query carries a signature of version 4."""
    return "X-Amz-Algorithm" in call.query or "X-Amz-Signature" in call.query


def read(call: Call) -> Credential:
    """Return what the request says. Raises AwsError when it is incomplete, malformed, or says two things at once."""
    header = call.headers.get("authorization", "")
    if is_presigned(call):
        if header:
            raise Refusals(call).two_signatures(header)
        return _from_query(call)
    return _from_header(call, header)


def _from_header(call: Call, header: str) -> Credential:
    refusals = Refusals(call)
    algorithm, _, rest = header.partition(" ")
    if algorithm != ALGORITHM:
        raise refusals.other_algorithm(algorithm)
    members: dict[str, str] = {}
    for part in rest.split(","):
        name, equals, value = part.strip().partition("=")
        if not equals or name in members or name not in _MEMBERS:
            raise refusals.malformed(f"'{part.strip()}' not a valid key=value pair (missing equal-sign)")
        members[name] = value
    missing = [name for name in _MEMBERS if not members.get(name)]
    if missing:
        raise refusals.malformed(" ".join(f"Authorization header requires '{name}' parameter." for name in missing))
    timestamp, signed_at = _moment(call)
    return _checked(call, members, timestamp, signed_at, None)


def _from_query(call: Call) -> Credential:
    refusals = Refusals(call)
    names = [item.partition("=")[0] for item in str(call.environ.get("QUERY_STRING", "")).split("&")]
    required = (*_PRESIGN, "X-Amz-Expires") if call.protocol == "s3" else _PRESIGN
    if any(not call.query.get(name) for name in required) or any(names.count(name) > 1 for name in required):
        raise refusals.query_parameters(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
            "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
        )
    if call.query["X-Amz-Algorithm"] != ALGORITHM:
        raise refusals.query_parameters(f'X-Amz-Algorithm only supports "{ALGORITHM}"')
    text = call.query.get("X-Amz-Expires", "900")
    if not text.isdecimal() or not text.isascii():
        negative = text.startswith("-") and text[1:].isdecimal()
        raise refusals.query_parameters(f"X-Amz-Expires {'must be non-negative' if negative else 'should be a number'}")
    if len(text) > 9 or int(text) > LONGEST_PRESIGN_S:
        raise refusals.query_parameters(
            f"X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than "
            f"{LONGEST_PRESIGN_S} seconds"
        )
    signed_at = _parsed(call.query["X-Amz-Date"])
    if signed_at is None:
        raise refusals.query_parameters("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
    members = {name: call.query[f"X-Amz-{name}"] for name in _MEMBERS}
    return _checked(call, members, call.query["X-Amz-Date"], signed_at, int(text))


def _checked(
    call: Call, members: dict[str, str], timestamp: str, signed_at: datetime.datetime, expires_s: int | None
) -> Credential:
    refusals = Refusals(call)
    scope = _CREDENTIAL.fullmatch(members["Credential"])
    if scope is None:
        raise refusals.malformed(
            'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
        )
    if not _HEADERS.fullmatch(members["SignedHeaders"]):
        raise refusals.malformed("SignedHeaders is mal-formed.")
    if not _HEX.fullmatch(members["Signature"]):
        raise refusals.bad_signature(members["Signature"])
    names = tuple(sorted({name.lower() for name in members["SignedHeaders"].split(";")}))
    return Credential(
        access_key_id=scope[1],
        date=scope[2],
        region=scope[3],
        service=scope[4],
        signed_headers=names,
        signature=members["Signature"],
        timestamp=timestamp,
        signed_at=signed_at,
        expires_s=expires_s,
    )


def _moment(call: Call) -> tuple[str, datetime.datetime]:
    """x-amz-date, else Date (RFC 9110). Both forms name the same moment in the string to sign."""
    text = call.headers.get("x-amz-date") or call.headers.get("date") or ""
    signed_at = _parsed(text)
    if signed_at is None:
        try:
            signed_at = email.utils.parsedate_to_datetime(text)
            if signed_at.tzinfo is None:
                signed_at = signed_at.replace(tzinfo=datetime.UTC)
            signed_at = signed_at.astimezone(datetime.UTC)
        except (TypeError, ValueError, OverflowError):
            raise Refusals(call).no_date(text) from None
    return f"{signed_at:%Y%m%dT%H%M%SZ}", signed_at


def _parsed(text: str) -> datetime.datetime | None:
    if not _TIMESTAMP.fullmatch(text):
        return None
    try:
        return datetime.datetime(
            int(text[:4]),
            int(text[4:6]),
            int(text[6:8]),
            int(text[9:11]),
            int(text[11:13]),
            int(text[13:15]),
            tzinfo=datetime.UTC,
        )
    except ValueError:
        return None
