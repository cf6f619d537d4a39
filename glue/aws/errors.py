"""Every AWS error is translated here, once: with account, region, resource, and the permission that was missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from botocore import exceptions as boto

from glue.core import denial
from glue.errors import AccessDeniedError, AwsError, CredentialsError, NotFoundError

DENIED = {
    "403",
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "AuthorizationErrorException",
    "Forbidden",
    "KMSAccessDeniedException",
    "UnauthorizedOperation",
    "NotAuthorized",
}
# Only these mean "absent". A bare ResourceNotFound or ValidationError says so in other words for some services; the
# facades know which (for SageMaker: "Could not find").
ABSENT = {
    "404",
    "NoSuchKey",
    "NoSuchVersion",
    "NoSuchBucket",
    "NoSuchUpload",
    "NoSuchTagSet",
    "NotFound",
    "ImageNotFoundException",
    "LayersNotFoundException",
    "ParameterNotFound",
    "RepositoryNotFoundException",
    "ResourceNotFound",
    "ResourceNotFoundException",
}
EXPIRED = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidIdentityToken",
    "InvalidToken",
    "IncompleteSignature",
    "MissingAuthenticationToken",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
THROTTLED = {
    "RequestLimitExceeded",
    "RequestThrottled",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
_CREDENTIALS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.TokenRetrievalError,
    boto.SSOError,
    boto.ProfileNotFound,
    boto.InvalidConfigError,
    boto.ConfigNotFound,
    boto.ConfigParseError,
    boto.InfiniteLoopConfigError,
)
_UNREACHABLE = (boto.HTTPClientError, boto.ConnectionError)
# https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html; S3 puts the service's name before the code
KEY_OFF = {
    "DisabledException",
    "KMSInvalidStateException",
    "KMS.DisabledException",
    "KMS.KMSInvalidStateException",
}
LOG_IN = "Log in again, or set AWS_PROFILE to a profile with valid credentials for this account."


@dataclass(frozen=True)
class Where:
    """Whose call it was: what every error says. `caller` is the ARN behind the credentials.

    `prefix` is `<project>-<environment>`: names of the environment's own roles begin so.
    """

    account_id: str
    region: str
    caller: str
    service: str = ""
    prefix: str = ""

    def __str__(self) -> str:
        return f"account {self.account_id}, {self.region}"


@contextmanager
def translated(where: Where, resource: str) -> Iterator[None]:
    """Turn botocore's errors into ours, naming `resource`. Everything else passes as it is."""
    try:
        yield
    except boto.ClientError as error:
        raise from_client_error(error, where, resource) from error
    except boto.BotoCoreError as error:
        raise from_botocore(error, where, resource) from error


def code_of(error: boto.ClientError) -> str:
    """Return AWS's error code."""
    return str(error.response.get("Error", {}).get("Code", ""))


def message_of(error: boto.ClientError) -> str:
    """Return AWS's message, on one line."""
    return " ".join(str(error.response.get("Error", {}).get("Message", "")).split())


def status_of(error: boto.ClientError) -> int:
    """Return the HTTP status, 0 when there was none."""
    metadata: Any = error.response.get("ResponseMetadata", {})
    return int(metadata.get("HTTPStatusCode", 0))


def from_client_error(error: boto.ClientError, where: Where, resource: str) -> AwsError:
    """Return our error for an error answer of AWS."""
    code, text = code_of(error), message_of(error)
    did = f"{error.operation_name} of {resource} ({where})"
    if code == "RequestTimeTooSkewed":
        return CredentialsError(f"{did}: {code}: {text}", remedy="Set this machine's clock: AWS takes 15 minutes off.")
    if code in EXPIRED:
        return CredentialsError(f"the credentials were not accepted: {did}: {code}: {text}", remedy=LOG_IN)
    if code in DENIED or (status_of(error) == 403 and code not in THROTTLED):
        return _denied(error, where, resource)
    if code in ABSENT:
        return NotFoundError(f"{resource} does not exist ({where}): {error.operation_name}: {code}: {text}")
    return _failed(error, did)


def _failed(error: boto.ClientError, did: str) -> AwsError:
    code, text = code_of(error), message_of(error)
    if code in THROTTLED or status_of(error) == 503:
        return AwsError(f"AWS throttled {did}, also after retries: {code}: {text}", remedy="Wait, then run it again.")
    if code in KEY_OFF:
        return AwsError(
            f"{did}: {code}: {text}",
            remedy="Find out who switched the key off; `aws kms enable-key` brings it back, after `aws kms "
            "cancel-key-deletion` if need be. Then run the same command again.",
        )
    if status_of(error) >= 500:
        return AwsError(
            f"AWS failed at {did}, also after retries: {code}: {text}",
            remedy="Run it again; if it stays, look at https://health.aws.amazon.com.",
        )
    # A HEAD has no body, so that S3 cannot say why.
    hint = "S3 also answers so to HEAD when the credentials have expired: log in again." if code == "400" else None
    return AwsError(f"{did}: {code}: {text}", remedy=hint)


def _denied(error: boto.ClientError, where: Where, resource: str) -> AccessDeniedError:
    """Return what was denied; what AWS does not say is told from the operation, as S3's short answers need it."""
    text = message_of(error)
    said = denial.read(text)
    operation = error.operation_name or ""
    action = said.action or denial.action_of(where.service, operation)
    said = replace(said, action=action, resource=said.resource or resource, principal=said.principal or where.caller)
    remedy = denial.remedy(said, caller=where.caller, prefix=where.prefix, resource=resource)
    if operation in {"HeadObject", "GetObject"} and said.kind is None:
        remedy += " (S3 also says 403 for an absent object when the caller lacks s3:ListBucket on the bucket.)"
    if said.encoded:
        remedy += f" AWS tells more: aws sts decode-authorization-message --encoded-message {said.encoded}"
    why = f": {said.why}" if said.why else f": {text}" if text and text != "Forbidden" and not said.encoded else ""
    return AccessDeniedError(
        f"AWS denied {action} on {said.resource} to {said.principal} ({where}, {operation}){why}", remedy=remedy
    )


def from_botocore(error: boto.BotoCoreError, where: Where, resource: str) -> AwsError:
    """Return our error for one that never reached AWS, or that its answer caused on this side."""
    said = " ".join(str(error).split())
    if isinstance(error, _CREDENTIALS):
        return CredentialsError(f"no usable credentials for {where}: {said}", remedy=LOG_IN)
    if isinstance(error, _UNREACHABLE):
        return AwsError(
            f"AWS did not answer ({where}, {resource}): {said}",
            remedy="Check the network, the proxy, and AWS_ENDPOINT_URL if it is set; then run it again.",
        )
    return AwsError(f"{resource} ({where}): {said}")
