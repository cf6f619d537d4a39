"""Small plans about access: one role, one bucket, one key, with policies before and after."""

from __future__ import annotations

import json
from typing import Any

from glue.review import access
from glue.review.model import Grade, Part
from tests.review.making import SETTINGS, change, read

OWN, OTHER = "111111111111", "222222222222"
ROLE = f"arn:aws:iam::{OWN}:role/worker"
S3 = "arn:aws:s3:::"
Statement = dict[str, Any]


def policy(*statements: Statement, version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": list(statements)})


def allow(action: Any, resource: Any = "*", condition: Any = None, **more: Any) -> Statement:
    made = {"Effect": "Allow", "Action": action, "Resource": resource} | ({"Condition": condition} if condition else {})
    return {key: value for key, value in {**made, **more}.items() if value is not None}


def deny(action: Any, resource: Any = "*", condition: Any = None, **more: Any) -> Statement:
    return allow(action, resource, condition, **more) | {"Effect": "Deny"}


def trust(principal: Any, condition: Any = None, action: Any = "sts:AssumeRole") -> Statement:
    return allow(action, None, condition, Principal=principal)


def entry(address: str, before: dict[str, Any] | None, after: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    """Return a change whose action follows from what is there."""
    what = "create" if before is None else "delete" if after is None else "no-op" if before == after else "update"
    return change(address, more.pop("what", what), before, after, **more)


def role(**values: Any) -> dict[str, Any]:
    """Return the values of the role."""
    return {"name": "worker", "arn": ROLE, "path": "/", "assume_role_policy": policy(trust({"AWS": OWN})), **values}


def identity(before: str | None, after: str | None) -> Part:
    """Return what is said when the role's only policy changes."""
    sides = [None if text is None else {"role": "worker", "name": "own", "policy": text} for text in (before, after)]
    return inspected(entry("aws_iam_role.worker", role(), role()), entry("aws_iam_role_policy.own", *sides))


def bucket(before: str | None, after: str | None) -> Part:
    """Return what is said when the policy of a bucket of the own account changes."""
    sides = [None if text is None else {"bucket": "data", "policy": text} for text in (before, after)]
    return inspected(entry("aws_iam_role.worker", role(), role()), entry("aws_s3_bucket_policy.data", *sides))


def trusted(before: str | None, after: str | None) -> Part:
    """Return what is said when the role's trust policy changes."""
    sides = [None if text is None else role(assume_role_policy=text) for text in (before, after)]
    own = {"role": "worker", "name": "own", "policy": policy(allow("s3:GetObject", f"{S3}data/*"))}
    return inspected(entry("aws_iam_role.worker", *sides), entry("aws_iam_role_policy.own", own, own))


def key(before: str | None, after: str | None) -> Part:
    """Return what is said when the policy of a key changes."""
    arn = f"arn:aws:kms:eu-west-1:{OWN}:key/1"
    sides = [None if text is None else {"arn": arn, "policy": text} for text in (before, after)]
    return inspected(entry("aws_kms_key.data", *sides))


def inspected(*changes: dict[str, Any], **more: Any) -> Part:
    return access.inspect(read(*changes, **more), SETTINGS)


def grade(part: Part) -> str:
    return max((finding.grade for finding in part.findings), default=Grade.NONE).word


def texts(part: Part, *, gained: bool) -> list[str]:
    assert part.access is not None
    return [right.text for right in (part.access.gained if gained else part.access.lost)]


def rules(part: Part) -> set[str]:
    return {finding.rule for finding in part.findings}
