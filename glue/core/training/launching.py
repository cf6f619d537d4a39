"""What an error of a Create* call means, by AWS's code and message."""

from __future__ import annotations

import re
from enum import StrEnum


class Launch(StrEnum):
    """What a Create* call came to."""

    LAUNCHED = "launched"  # made, or made before (ResourceInUse)
    QUOTA = "quota"  # ResourceLimitExceeded: put back, and cool the pool down
    CAPACITY = "capacity"  # no instances of the type now: put back, and cool the pool down
    THROTTLED = "throttled"  # try again in place, slower
    REFUSED = "refused"  # this job can never be made: terminal
    DENIED = "denied"  # our own permissions: put back and ring, or thousands fail
    UNKNOWN = "unknown"  # 5xx, connection: it may have been made; the claim stays, the sweep finds out


# botocore's own list of throttling codes: botocore/retries/standard.py
_THROTTLED = """
    BandwidthLimitExceeded EC2ThrottledException LimitExceededException PriorRequestNotComplete
    ProvisionedThroughputExceededException RequestLimitExceeded RequestThrottled RequestThrottledException SlowDown
    ThrottledException Throttling ThrottlingException TooManyRequestsException TransactionInProgressException
"""
_DENIED = """
    AccessDenied AccessDeniedException AuthFailure CredentialRetrievalError ExpiredToken ExpiredTokenException
    IncompleteSignature InvalidClientTokenId InvalidSignatureException KMSAccessDeniedException
    MissingAuthenticationToken MissingAuthenticationTokenException NoCredentialsError NotAuthorized OptInRequired
    RequestExpired SignatureDoesNotMatch UnauthorizedOperation UnrecognizedClientException
"""
_CODES = {
    "ResourceInUse": Launch.LAUNCHED,
    "CapacityError": Launch.CAPACITY,
    "InsufficientCapacityException": Launch.CAPACITY,
    "InsufficientInstanceCapacity": Launch.CAPACITY,
    "ParamValidationError": Launch.REFUSED,
    "ResourceNotFound": Launch.REFUSED,
    "ResourceNotFoundException": Launch.REFUSED,
    "ValidationException": Launch.REFUSED,
    **dict.fromkeys(_THROTTLED.split(), Launch.THROTTLED),
    **dict.fromkeys(_DENIED.split(), Launch.DENIED),
}
# "The account-level service limit '...' is 432000 Seconds, with current utilization of 0 Seconds and a request delta of
# 500000 Seconds": what one request asks for too much of will not become less by waiting. Instances do.
_LIMIT = re.compile(r"is (?P<limit>\d+) (?P<unit>\w+), with current utilization .* delta of (?P<delta>\d+)", re.DOTALL)
_WAITING_HELPS = ("instances", "jobs")
_ROLE = re.compile(r"assume (the )?role|not authorized|AccessDenied", re.IGNORECASE)


def launch_error(code: str, message: str, status: int | None) -> Launch:
    """Return what an error of Create* means. `code` is AWS's error code, or the exception's name without an answer.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html
    """
    if code in ("ResourceLimitExceeded", "ServiceQuotaExceededException"):
        return _limit(message)
    if code == "ValidationException" and _ROLE.search(message):
        return Launch.DENIED  # our role is to blame, not the job: so would be all others
    if code in _CODES:
        return _CODES[code]
    if status == 429:
        return Launch.THROTTLED
    return Launch.REFUSED if status is not None and 400 <= status < 500 else Launch.UNKNOWN


def _limit(message: str) -> Launch:
    found = _LIMIT.search(message)
    if found and found["unit"].lower() not in _WAITING_HELPS and int(found["delta"]) > int(found["limit"]):
        return Launch.REFUSED
    return Launch.QUOTA
