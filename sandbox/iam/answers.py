"""How each service words a denial: code, status, message.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html; the codes are those of each service's
API reference ("Common errors") and of botocore's models.
"""

from __future__ import annotations

from collections.abc import Sequence

from glue.iam import Decision
from sandbox.calls import Call
from sandbox.errors import AwsError

# Services whose codes are not those of their protocol.
_CODES = {"sns": "AuthorizationError", "ec2": "UnauthorizedOperation"}
# What stands in for a code when the denial is about a key that the service uses for its caller.
_KEY_CODES = {"sns": "KMSAccessDenied", "sqs": "KMS.AccessDeniedException"}
# JSON services that kept the error codes of their query protocol (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-json-faqs.html)
_QUERY_COMPATIBLE = frozenset({"sqs", "cloudwatch"})


def refusal(call: Call, decision: Decision) -> AwsError:
    """Return the error that a service answers a denial with."""
    about_key = decision.request.action.startswith("kms:") and call.service != "kms"
    message = _message(call, decision)
    if call.protocol in {"s3", "rest-xml"}:
        return AwsError("AccessDenied", message, 403)
    if call.protocol in {"query", "ec2"}:
        code = _KEY_CODES.get(call.service) if about_key else None
        return AwsError(code or _CODES.get(call.service, "AccessDenied"), message, 400 if code else 403)
    code = _KEY_CODES.get(call.service) if about_key else None
    if call.service in _QUERY_COMPATIBLE:
        named = code or "AccessDenied"
        headers = {"x-amzn-query-error": f"{named};Sender"}
        return AwsError(code or "AccessDeniedException", message, 400 if code else 403, headers=headers)
    return AwsError(code or "AccessDeniedException", message, 403 if call.protocol == "rest-json" else 400)


def no_rule(call: Call, error: AwsError) -> AwsError:
    """Return the answer to an operation that the table does not know."""
    code = "AccessDeniedException" if call.protocol in {"json", "rest-json", "cbor"} else "AccessDenied"
    return AwsError(code, error.message, 403 if code == "AccessDenied" or call.protocol == "rest-json" else 400)


def _message(call: Call, decision: Decision) -> str:
    """S3 gives no details across accounts, but within an organization
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html).
    """
    request = decision.request
    owner, asking = request.resource_account_id, request.principal.account_id
    if call.service == "s3" and owner and asking and owner != asking and not _same_organization(request.context):
        return "Access Denied"
    return decision.sentence()


def _same_organization(context: object) -> bool:
    found: dict[str, str | Sequence[str]] = dict(context)  # type: ignore[call-overload]
    return bool(found.get("aws:PrincipalOrgID")) and found.get("aws:PrincipalOrgID") == found.get("aws:ResourceOrgID")
