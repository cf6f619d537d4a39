"""S3 Block Public Access: which bucket policies are public, and whom they still let in.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from glue.iam import Policy, Request, parse_policy

# A statement for everyone is not public when one of these has a fixed value ("The meaning of public").
_NARROWING = frozenset(
    {
        "aws:principalorgid",
        "aws:principalaccount",
        "aws:principalarn",
        "aws:userid",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceorgid",
        "aws:sourceip",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
    }
)


def blocks_policy(bucket: Any, document: Mapping[str, Any]) -> bool:
    """Say whether BlockPublicPolicy refuses this new policy."""
    block = bucket.public_access_block
    return _is_on(block, "block_public_policy") and any(_is_public(one) for one in _statements(document))


def is_restricted(bucket: Any, request: Request, policy: Policy) -> bool:
    """Say whether RestrictPublicBuckets keeps this caller out: only the owner's account and services pass."""
    if not _is_on(bucket.public_access_block, "restrict_public_buckets"):
        return False
    who = request.principal
    if who.kind == "service" or who.account_id == bucket.account_id:
        return False
    return any(_is_public(one) for one in _statements(policy.document))


def without_public(policy: Policy) -> tuple[Policy, ...]:
    """Return what a restricted public policy still says to others: its denials."""
    return _denials(policy)


@lru_cache(maxsize=256)
def _denials(policy: Policy) -> tuple[Policy, ...]:
    kept = [one for one in _statements(policy.document) if one.get("Effect") == "Deny"]
    return (parse_policy({**policy.document, "Statement": kept}, name=policy.name),) if kept else ()


def _is_on(block: Any, name: str) -> bool:
    return block is not None and str(getattr(block, name, "")).lower() == "true"


def _statements(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = document.get("Statement") or []
    return list(found) if isinstance(found, list) else [found]


def _is_public(statement: Mapping[str, Any]) -> bool:
    if statement.get("Effect") != "Allow":
        return False
    principal = statement.get("Principal")
    named = principal if not isinstance(principal, Mapping) else principal.get("AWS")
    everyone = "NotPrincipal" in statement or "*" in (named if isinstance(named, list) else [named])
    return everyone and not any(
        key.lower() in _NARROWING and not _has_wildcard(values)
        for operator, keys in (statement.get("Condition") or {}).items()
        if not operator.lower().startswith(("null", "stringnot", "arnnot", "notip"))
        for key, values in keys.items()
    )


def _has_wildcard(values: Any) -> bool:
    return any(str(value) in {"*", "0.0.0.0/0", "::/0"} for value in (values if isinstance(values, list) else [values]))
