"""AWS's words for a denial.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from __future__ import annotations

from glue.iam.model import Decision, Principal, Reason

_TYPES = {
    "RCP": "a resource control policy",
    "SCP": "a service control policy",
    "RESOURCE": "a resource-based policy",
    "TRUST": "the role trust policy",
    "IDENTITY": "an identity-based policy",
    "BOUNDARY": "a permissions boundary",
    "SESSION": "a session policy",
}
_QUOTED = ("s3",)  # these services put the resource in quotation marks


def sentence(decision: Decision) -> str:
    """Return the message of a denial, or one line that says why the request was allowed."""
    request = decision.request
    if decision.allowed:
        what = f"{request.action} on resource: {request.resource}"
        return f"{_who(request.principal)} may perform: {what} ({decision.reason.value})"
    resource = f'"{request.resource}"' if request.action.partition(":")[0] in _QUOTED else request.resource
    start = f"User: {_who(request.principal)} is not authorized to perform: {request.action} on resource: {resource}"
    return f"{start} {because(decision)}"


def because(decision: Decision) -> str:
    """Return the part of the message that says which type of policy denied."""
    if decision.reason is Reason.ROOT_ASSUMES:
        return "because roles may not be assumed by root accounts"
    if decision.explicit_deny:
        return f"with an explicit deny in {_TYPES[decision.reason.name.removeprefix('DENY_')]}"
    return f"because {decision.reason.value} the {decision.request.action} action"


def _who(principal: Principal) -> str:
    return principal.arn or "anonymous"
