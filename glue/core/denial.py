"""Reads AWS's denials: which permission was missing, who lacked it, and which kind of policy said no.

The forms of the messages: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html. Only some
services say why; S3 often says "Access Denied" alone, and EC2 encodes what it knows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SAID = re.compile(
    r"(?:(?:User|Principal):?\s+)?(?P<principal>arn:[^\s]+|[A-Z0-9]{16,}|anonymous)?\s*"
    r"is not authorized to perform:?\s+"
    r"(?P<action>[A-Za-z0-9-]+:[A-Za-z0-9*]+)"
    r"(?:\s+on(?:\s+the)?\s+resource:?\s+\"?(?P<resource>[^\s\"]+)\"?)?"
)
_KIND = (
    r"(?P<kind>identity-based|resource-based|permissions boundary|service control|resource control|session|VPC endpoint"
    r"|role trust)(?: policy)?"
)
_NOBODY_ALLOWS = re.compile(rf"because no {_KIND} allows", re.IGNORECASE)
_DENIES = re.compile(rf"with an explicit deny in (?:an?|the) {_KIND}", re.IGNORECASE)
_ENCODED = re.compile(r"Encoded authorization failure message: (?P<message>[A-Za-z0-9_-]{20,})")
_KEY = re.compile(r"The ciphertext refers to a customer master key that does not exist")

# Where the permission is not simply `<service>:<Operation>`
# (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html).
_ACTIONS = {
    "HeadObject": "s3:GetObject",
    "HeadBucket": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
    "GetObject": "s3:GetObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "UploadPartCopy": "s3:PutObject on the target or s3:GetObject on the source",
    "CopyObject": "s3:PutObject on the target or s3:GetObject on the source",
    "DeleteObjects": "s3:DeleteObject",
    "GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "ListObjectVersions": "s3:ListBucketVersions",
    "CompleteMultipartUpload": "s3:PutObject",
    "ListParts": "s3:ListMultipartUploadParts",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "Invoke": "lambda:InvokeFunction",
}

# The policies that AWS names, in words that say where to look for them.
KINDS = {
    "identity-based": "the role's own policy",
    "permissions boundary": "the permissions boundary",
    "resource-based": "the resource's policy",
    "service control": "a service control policy of the organization",
    "resource control": "a resource control policy of the organization",
    "session": "the session policy",
    "vpc endpoint": "the VPC endpoint's policy",
    "role trust": "the role's trust policy",
}


@dataclass(frozen=True)
class Denial:
    """What a denial says. `kind` is a key of KINDS, None when AWS did not say; `explicit`: a statement denies it."""

    action: str | None
    resource: str | None = None
    principal: str | None = None
    kind: str | None = None
    explicit: bool = False
    encoded: str | None = None

    @property
    def why(self) -> str:
        """Which policy said no, as the end of a sentence; empty when AWS did not say."""
        if self.kind is None:
            return ""
        return f"{KINDS[self.kind]} denies it" if self.explicit else f"{KINDS[self.kind]} does not allow it"


def read(text: str) -> Denial:
    """Return what a denial's text says; what it does not say is None. Line breaks inside it do not matter."""
    line = " ".join(text.split())
    said = _SAID.search(line)
    denies = _DENIES.search(line, said.end() if said else 0)
    allows = _NOBODY_ALLOWS.search(line, said.end() if said else 0)
    encoded = _ENCODED.search(line)
    found = denies or allows
    kind = found["kind"].lower() if found else None
    if said is None:
        action = "kms:Decrypt" if _KEY.search(line) else None
        return Denial(action, kind=kind, explicit=denies is not None, encoded=encoded["message"] if encoded else None)
    return Denial(
        action=_lower_service(said["action"]),
        resource=said["resource"].rstrip(".,;") if said["resource"] else None,
        principal=said["principal"],
        kind=kind,
        explicit=denies is not None,
        encoded=encoded["message"] if encoded else None,
    )


def action_of(service: str, operation: str) -> str:
    """Return the permission that an operation of a service needs."""
    return _ACTIONS.get(operation, f"{service or 'aws'}:{operation}")


def role_of(principal: str) -> str:
    """Return a role's name from its ARN or from its session's; other principals as they are."""
    match = re.match(r"^arn:[a-z-]+:(?:sts::\d{12}:assumed-role/([^/]+)/|iam::\d{12}:role/(?:.*/)?([^/]+)$)", principal)
    return next(filter(None, match.groups()), principal) if match else principal


def declared_in(principal: str, *, prefix: str, denial: Denial) -> str | None:
    """Return the file that declares what a denied principal may do, None when it is not of this repository.

    `prefix` is `<project>-<environment>`, with which the names of all its roles begin.
    """
    name = role_of(principal)
    if not name.startswith(f"{prefix}-"):
        return None
    if denial.kind == "permissions boundary":
        return f"modules/role-boundary/{'deployment' if _is_deployment(name, prefix) else 'workload'}.tf"
    role = name.removeprefix(f"{prefix}-")
    if role in _FILES:
        return f"modules/deploy-role/{_FILES[role]}"
    return next((folder for ending, folder in _MODULES.items() if re.search(ending, role)), None)


_FILES = {
    "plan": "plan.tf",
    "deploy-foundation": "foundation.tf",
    "deploy-serving": "serving.tf",
    "promote": "promote.tf",
}
_MODULES = {
    r"-execution$": "modules/execution-role",
    r"-invoker$": "modules/endpoint-invoker/role.tf",
    r"-caller-.+$": "modules/caller-role/role.tf",
}


def remedy(denial: Denial, *, caller: str, prefix: str, resource: str) -> str:
    """Return what to do about a denial: which permission to give, in which file."""
    action = denial.action or "the permission"
    on = denial.resource or resource
    file = declared_in(denial.principal or caller, prefix=prefix, denial=denial)
    if denial.kind in {"service control", "resource control"}:
        return f"Ask who administers the AWS organization to allow {action} on {on}."
    if denial.kind in {"vpc endpoint", "session"}:
        return f"Change {KINDS[denial.kind]}, so that it allows {action} on {on}."
    if denial.kind in {"resource-based", "role trust"}:
        where = _resource_file(on)
        return f"Let {KINDS[denial.kind]} allow {action} on {on}" + (f": {where} declares it." if where else ".")
    if denial.explicit:
        return f"Somebody denies this on purpose: read that statement{_in(file)} before you change it."
    give = f"Give {role_of(denial.principal or caller)} {action} on {on}{_in(file)}, then apply the root that makes it."
    theirs = _account(on)
    if denial.kind is not None or theirs is None or theirs == _account(denial.principal or caller):
        return give
    where = _resource_file(on)
    grant = f" ({where} declares it; apply it there)" if where else ""
    return f"{on} belongs to account {theirs}, so its policy{grant} and the role{_in(file)} must both allow {action}."


def _account(resource: str) -> str | None:
    """Return the account of a principal or a resource; of a bucket of ours, whose name ends in it."""
    match = re.match(r"^arn:[a-z-]+:[a-z-]+:[a-z0-9-]*:(\d{12}):", resource) or _BUCKET.match(resource)
    return match[1] if match else None


_BUCKET = re.compile(r"^(?:arn:[a-z-]+:s3:::|s3://)[^/]*-(?:artifacts|tfstate)-(\d{12})(?:/|$)")


def _in(file: str | None) -> str:
    return f" ({file} declares it)" if file else ""


def _resource_file(resource: str) -> str | None:
    """Return the module whose resource policy decides about a resource of ours."""
    for pattern, module in (
        (r"^(arn:[a-z-]+:s3:::|s3://)[^/]*-artifacts-\d{12}", "modules/artifact-store"),
        (r"^(arn:[a-z-]+:s3:::|s3://)[^/]*-tfstate-\d{12}", "modules/state-store"),
        (r"^arn:[a-z-]+:kms:", "modules/encrypted-bucket/key.tf"),
        (r"^arn:[a-z-]+:sns:", "modules/notification-topic/topic.tf"),
        (r"^arn:[a-z-]+:ecr:", "modules/image-registry"),
        (
            r"^arn:[a-z-]+:iam::\d{12}:role/.*-(plan|deploy-foundation|deploy-serving|promote)$",
            "modules/deploy-role/role.tf",
        ),
        (r"^arn:[a-z-]+:iam::\d{12}:role/.*-caller-", "modules/caller-role/role.tf"),
    ):
        if re.search(pattern, resource):
            return module
    return None


def _is_deployment(name: str, prefix: str) -> bool:
    return name.removeprefix(f"{prefix}-") in _FILES


def _lower_service(action: str) -> str:
    """Return an action as policies write it: SNS says `SNS:Publish` in its messages."""
    service, _, operation = action.partition(":")
    return f"{service.lower()}:{operation}"
