"""What a refresh finds "changed outside of Terraform" though Terraform changed it itself, through another resource.

A bucket mirrors what `aws_s3_bucket_policy` and its siblings set, a role what `aws_iam_role_policy` sets: recorded
before they were made, both differ at the next refresh. What no resource of the plan accounts for is no echo.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from glue.review.plan import Plan
from glue.review.resource import Path, Resource

# Written by AWS along with everything else; alone they tell nobody anything.
NOISE = frozenset({
    "attachment_count", "creation_time", "last_modified", "last_modified_time", "last_processing_result",
    "last_updated", "source_code_size", "state_transition_reason",
})  # fmt: skip
# Attributes of aws_s3_bucket, and the resources that set them
# (https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/s3_bucket).
_OF_BUCKET = {
    "acceleration_status": "aws_s3_bucket_accelerate_configuration",
    "acl": "aws_s3_bucket_acl",
    "cors_rule": "aws_s3_bucket_cors_configuration",
    "grant": "aws_s3_bucket_acl",
    "lifecycle_rule": "aws_s3_bucket_lifecycle_configuration",
    "logging": "aws_s3_bucket_logging",
    "object_lock_configuration": "aws_s3_bucket_object_lock_configuration",
    "policy": "aws_s3_bucket_policy",
    "replication_configuration": "aws_s3_bucket_replication_configuration",
    "request_payer": "aws_s3_bucket_request_payment_configuration",
    "server_side_encryption_configuration": "aws_s3_bucket_server_side_encryption_configuration",
    "versioning": "aws_s3_bucket_versioning",
    "website": "aws_s3_bucket_website_configuration",
    "website_domain": "aws_s3_bucket_website_configuration",
    "website_endpoint": "aws_s3_bucket_website_configuration",
}
_INLINE, _ATTACHED = "aws_iam_role_policy", "aws_iam_role_policy_attachment"
_KINDS = frozenset({*_OF_BUCKET.values(), _INLINE, _ATTACHED})


class Echoes:
    """Knows what a plan's resources set on others."""

    def __init__(self, plan: Plan) -> None:
        self._buckets: set[tuple[str, str]] = set()
        self._inline: set[tuple[str, str]] = set()
        self._attached: set[tuple[str, str]] = set()
        if plan.drift:
            for resource in (*plan.changes, *plan.resources()):
                if resource.type in _KINDS:
                    self._learn(resource)

    def _learn(self, resource: Resource) -> None:
        values = resource.before or {}  # what is there; a change that is only planned accounts for nothing yet
        if resource.type == _INLINE:
            self._inline.add((_text(values, "role"), _text(values, "name")))
        elif resource.type == _ATTACHED:
            self._attached.add((_text(values, "role"), _text(values, "policy_arn")))
        else:
            self._buckets.add((resource.type, _text(values, "bucket")))

    def meaningful(self, change: Resource) -> tuple[Path, ...]:
        """Return the paths at which a drifted resource differs for a reason that somebody should know."""
        return tuple(path for path in change.changed() if path[0] not in NOISE and not self._echo(change, str(path[0])))

    def _echo(self, change: Resource, attribute: str) -> bool:
        after = change.after or {}
        if change.type == "aws_s3_bucket":
            kind = _OF_BUCKET.get(attribute)
            bucket = _text(after, "bucket")
            return kind is not None and bool(bucket) and (kind, bucket) in self._buckets
        if change.type != "aws_iam_role":
            return False
        role = _text(after, "name")
        if not role:
            return False
        if attribute == "inline_policy":
            return all((role, name) in self._inline for name in _differing(change, attribute))
        if attribute == "managed_policy_arns":
            before, now = (list(_listed(values, attribute)) for values in (change.before, change.after))
            moved = [arn for arn in [*before, *now] if (arn in before) != (arn in now)]
            return all(isinstance(arn, str) and (role, arn) in self._attached for arn in moved)
        return False


def _text(values: Mapping[str, Any], name: str) -> str:
    """Return a value that is a string, "" for all else: a plan may hold anything."""
    found = values.get(name)
    return found if isinstance(found, str) else ""


def _listed(values: Mapping[str, Any] | None, attribute: str) -> Iterator[Any]:
    found = (values or {}).get(attribute)
    return iter(found if isinstance(found, list) else ())


def _differing(change: Resource, attribute: str) -> Iterator[str]:
    """Yield the names of the inline policies that are on one side only, or differ; "" for what has no name."""
    before, now = (list(_listed(values, attribute)) for values in (change.before, change.after))
    for entry in [*before, *now]:
        if (entry in before) != (entry in now):
            yield _text(entry, "name") if isinstance(entry, Mapping) else ""
