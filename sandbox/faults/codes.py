"""Which code and status each service gives for the same trouble: from the errors of its API reference.

Where a service's own list has none, its protocol's common errors apply
(https://docs.aws.amazon.com/IAM/latest/UserGuide/CommonErrors.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sandbox.errors import AwsError

if TYPE_CHECKING:
    from sandbox.calls import Call

Code = tuple[str, int]

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, .../lambda/latest/api/CommonErrors.html,
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html,
# https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html, and each operation's own errors
_THROTTLED: Mapping[str, Code] = {
    "dynamodb": ("ProvisionedThroughputExceededException", 400),
    "dynamodbstreams": ("ProvisionedThroughputExceededException", 400),
    "ec2": ("RequestLimitExceeded", 503),
    "lambda": ("TooManyRequestsException", 429),
    "organizations": ("TooManyRequestsException", 429),
    "resourcegroupstaggingapi": ("ThrottledException", 400),
    "s3": ("SlowDown", 503),
    "s3control": ("SlowDown", 503),
    "scheduler": ("ThrottlingException", 429),
    "sesv2": ("TooManyRequestsException", 429),
    "sns": ("Throttled", 429),
    "sqs": ("RequestThrottled", 403),
}
_INTERNAL: Mapping[str, str] = {
    "application-autoscaling": "InternalServiceException",
    "cloudwatch": "InternalServiceError",
    "dynamodb": "InternalServerError",
    "dynamodbstreams": "InternalServerError",
    "ec2": "InternalError",
    "ecr": "ServerException",
    "events": "InternalException",
    "iam": "ServiceFailure",
    "kms": "KMSInternalException",
    "lambda": "ServiceException",
    "logs": "InternalServerException",
    "organizations": "ServiceException",
    "resourcegroupstaggingapi": "InternalServiceException",
    "s3": "InternalError",
    "s3control": "InternalError",
    "scheduler": "InternalServerException",
    "secretsmanager": "InternalServiceError",
    "sesv2": "InternalServiceErrorException",
    "sns": "InternalError",
    "ssm": "InternalServerError",
}
_UNAVAILABLE: Mapping[str, str] = {
    "ec2": "Unavailable",
    "logs": "ServiceUnavailableException",
    "lambda": "ServiceUnavailableException",
}
_QUOTA: Mapping[str, Code] = {
    "cloudwatch": ("LimitExceeded", 400),
    "ec2": ("InstanceLimitExceeded", 400),
    "iam": ("LimitExceeded", 409),
    "lambda": ("CodeStorageExceededException", 400),
    "s3": ("TooManyBuckets", 400),
    "sagemaker": ("ResourceLimitExceeded", 400),
    "sns": ("TopicLimitExceeded", 403),
    "sqs": ("OverLimit", 403),
    "ssm": ("ParameterLimitExceeded", 400),
    "scheduler": ("ServiceQuotaExceededException", 402),
}
_CONFLICT: Mapping[str, Code] = {
    "application-autoscaling": ("ConcurrentUpdateException", 400),
    "cloudwatch": ("ConcurrentModificationException", 429),
    "dynamodb": ("ConditionalCheckFailedException", 400),
    "events": ("ConcurrentModificationException", 400),
    "iam": ("ConcurrentModification", 409),
    "lambda": ("PreconditionFailedException", 412),
    "organizations": ("ConcurrentModificationException", 400),
    "s3": ("PreconditionFailed", 412),
    "sagemaker": ("ConflictException", 400),
    "scheduler": ("ConflictException", 409),
    "sesv2": ("ConcurrentModificationException", 500),
    "ssm": ("TooManyUpdates", 400),
}
CONFLICT_SERVICES = tuple(sorted(_CONFLICT))
_MESSAGES = {
    "throttle": "Rate exceeded",
    "error": "An internal error occurred. Please try again.",
    "quota": "The account-level service limit was reached. Request an increase of the quota.",
    "lost-update": "Another request changed the resource at the same time, or a condition of this one does not hold.",
    "ProvisionedThroughputExceededException": "The table's provisioned throughput was exceeded.",
    "SlowDown": "Please reduce your request rate.",
    "ConditionalCheckFailedException": "The conditional request failed",
    "PreconditionFailed": "At least one of the pre-conditions you specified did not hold",
    "InternalError": "We encountered an internal error. Please try again.",
}


def refusal(kind: str, call: Call, *, message: str = "", status: int = 500) -> AwsError:
    """Return the error that the service of `call` gives for a fault of one of these kinds."""
    code, http = _code(kind, call, status)
    return AwsError(code, message or _message(kind, code, call), http)


def _code(kind: str, call: Call, status: int) -> Code:
    query = call.protocol in {"query", "ec2"}
    if kind == "throttle":
        return _THROTTLED.get(call.service, ("Throttling" if query else "ThrottlingException", 400))
    if kind == "error":
        if status == 503:
            return _UNAVAILABLE.get(call.service, "ServiceUnavailable"), 503
        return _INTERNAL.get(call.service, "InternalFailure"), 500
    if kind == "deny":
        plain = query or call.protocol in {"s3", "rest-xml"}
        return (
            ("AccessDenied", 403) if plain else ("AccessDeniedException", 403 if call.protocol == "rest-json" else 400)
        )
    if kind == "quota":
        return _QUOTA.get(call.service, ("LimitExceeded" if query else "LimitExceededException", 400))
    return _CONFLICT[call.service]


def _message(kind: str, code: str, call: Call) -> str:
    if kind != "deny":
        return _MESSAGES.get(code, _MESSAGES[kind])
    who = call.principal.arn if call.principal else "anonymous"
    return (
        f"User: {who} is not authorized to perform: {call.service}:{call.operation} because no identity-based policy "
        f"allows the {call.service}:{call.operation} action"
    )
