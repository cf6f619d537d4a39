"""Approvals of plans: who said yes to what a plan does. One holds for every plan that does the same, for six days."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from glue.core.audit import clean
from glue.core.bundle import GRADES, Manifest, text_of, time_of
from glue.core.environment import Environment
from glue.core.strictjson import StrictObject, loads

SCHEMA = 1
LIMIT = 64 * 1024
LIFETIME = timedelta(days=6)  # shorter than what is shared stays: retention.plan_days
CLAIMED_BY = "SLIPWAY_APPROVED_BY"

_SHA = re.compile(r"[0-9a-f]{64}")
_PRINCIPAL = re.compile(
    r"arn:aws[a-z-]*:(?:sts|iam)::(?P<account>\d{12}):(?:assumed-role|(?P<kind>role|user))/(?P<rest>.+)"
)
_FROM_SSO = "AWSReservedSSO_"  # AWS itself writes the person's name into these sessions


@dataclass(frozen=True)
class Approval:
    """One yes. `by` is the ARN of the approver's own credentials, `bundle` what they looked at."""

    scope: str
    semantic: str
    bundle: str
    grade: str
    made_by: str
    by: str
    at: datetime
    expires_at: datetime
    comment: str = ""


def encode(approval: Approval) -> bytes:
    """Return the bytes of an approval's object."""
    document = {
        "schema_version": SCHEMA,
        "scope": approval.scope,
        "semantic": approval.semantic,
        "bundle": approval.bundle,
        "grade": approval.grade,
        "made_by": approval.made_by,
        "approved_by": approval.by,
        "approved_at": text_of(approval.at),
        "expires_at": text_of(approval.expires_at),
        "comment": clean(approval.comment),
    }
    return (json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def decode(data: bytes) -> Approval:
    """Return the approval in an object. Raises ValueError when it is none."""
    document = loads(data, limit=LIMIT)
    if not isinstance(document, dict):
        raise ValueError("it is not an object")
    obj = StrictObject(document, "approval")
    if obj.integer("schema_version") != SCHEMA:
        raise ValueError(f"its schema_version is not {SCHEMA}")
    found = Approval(
        scope=obj.text("scope"),
        semantic=obj.text("semantic", _SHA),
        bundle=obj.text("bundle", _SHA),
        grade=obj.text("grade"),
        made_by=obj.text("made_by"),
        by=obj.text("approved_by"),
        at=time_of(obj.text("approved_at")),
        expires_at=time_of(obj.text("expires_at")),
        comment=clean(obj.text("comment")),
    )
    obj.close()
    if found.grade not in GRADES:
        raise ValueError("its grade is none")
    return found


def refusals(approval: Approval, manifest: Manifest, *, environment: Environment, by: str, now: datetime) -> list[str]:
    """Return why an approval does not count for a bundle that `by` applies; none when it does."""
    found = []
    if (approval.scope, approval.semantic) != (manifest.scope, manifest.semantic):
        found.append("it is of a plan that does something else")
    if now >= approval.expires_at or approval.expires_at - approval.at > LIFETIME:
        found.append(f"it expired at {text_of(approval.expires_at)}")
    if not may_approve(approval.by, environment):
        found.append(f"{approval.by} is none of the approvers of {environment.name}")
    if same(approval.by, manifest.made_by.principal) or same(approval.by, approval.made_by):
        found.append(f"{approval.by} made the plan")
    if same(approval.by, by):
        found.append(f"{approval.by} applies it")
    if GRADES.index(manifest.grade) > GRADES.index(approval.grade):
        found.append(f"it was graded {approval.grade} when it was approved, and is {manifest.grade} now")
    return found


def valid(
    approvals: Iterable[Approval], manifest: Manifest, *, environment: Environment, by: str, now: datetime
) -> tuple[Approval | None, list[str]]:
    """Return the first approval that counts, or None and why none does."""
    told: list[str] = []
    for approval in approvals:
        why = refusals(approval, manifest, environment=environment, by=by, now=now)
        if not why:
            return approval, []
        told += why
    return None, told


def may_approve(arn: str, environment: Environment) -> bool:
    """Tell whether a principal is one of an environment's approvers, or a pipeline's job in their role."""
    who = _identity(arn)
    allowed = [*environment.approvers, environment.role_arn("approve")]
    return (
        bool(environment.approvers) and who is not None and who[:3] in {(_identity(one) or ())[:3] for one in allowed}
    )


def same(one: str, other: str) -> bool:
    """Tell whether two principals may be the same person.

    A role's session is as good as the role: who assumes it chooses the session's name. Only in sessions of IAM Identity
    Center AWS itself writes it
    (https://docs.aws.amazon.com/singlesignon/latest/userguide/permissionsetsconcept.html).
    """
    first, second = _identity(one), _identity(other)
    return one == other if first is None or second is None else first == second


def _identity(arn: str) -> tuple[str, ...] | None:
    """Return account, kind and name, and the person where AWS vouches for it; None for what is no principal."""
    match = _PRINCIPAL.fullmatch(arn)
    if match is None:
        return None
    parts = match["rest"].split("/")
    if match["kind"] is None:
        person = (parts[1],) if parts[0].startswith(_FROM_SSO) and len(parts) > 1 else ()
        return (match["account"], "role", parts[0], *person)
    return (match["account"], match["kind"], parts[-1])


def claimed(environ: Mapping[str, str]) -> str:
    """Return who a pipeline says approved, and where; empty when nothing says so. Nobody has proven it."""
    github, circle = environ.get("GITHUB_ACTOR"), environ.get("CIRCLE_USERNAME")
    run = ""
    if github and environ.get("GITHUB_RUN_ID"):
        server = environ.get("GITHUB_SERVER_URL", "https://github.com")
        run = f"{server}/{environ.get('GITHUB_REPOSITORY', '')}/actions/runs/{environ['GITHUB_RUN_ID']}"
    elif circle:
        run = environ.get("CIRCLE_BUILD_URL", "")
    elif environ.get("BUILD_PIPELINE_NAME"):
        names = ("BUILD_TEAM_NAME", "BUILD_PIPELINE_NAME", "BUILD_JOB_NAME", "BUILD_NAME")
        run = f"{environ.get('ATC_EXTERNAL_URL', '')}/{'/'.join(environ.get(name, '') for name in names)}"
    who = environ.get(CLAIMED_BY) or github or circle or environ.get("BUILD_CREATED_BY") or ""
    return clean(" ".join(part for part in (who, run) if part))[:400]
