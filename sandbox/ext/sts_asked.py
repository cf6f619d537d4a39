"""What a caller asks STS for: read from the request and held against AWS's limits.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html and, for tags,
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from glue.iam import PolicyError, parse_policy
from sandbox.calls import Call
from sandbox.errors import AwsError
from sandbox.identity import Principal
from sandbox.sessions import Session

_SHORTEST_S, _LONGEST_S = 900, 43200
_DEFAULT_S = 3600
_NAME = re.compile(r"[\w+=,.@-]*", re.ASCII)
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]*", re.ASCII)
_ROLE_ARN = re.compile(r"arn:aws:iam::\d{12}:role/[!-~]{1,576}", re.ASCII)
_POLICY_ARN = re.compile(r"arn:aws:iam::(\d{12}|aws):policy/[!-~]{1,640}", re.ASCII)
_POLICY_TEXT = re.compile(r"[\t\n\r\u0020-\u00ff]+")
_TAG_TEXT = re.compile(r"[\w\s.:/=+\-@]*")
_MOST_TAGS, _MOST_POLICIES, _MOST_CHARACTERS = 50, 10, 2048


@dataclass(frozen=True)
class Asked:
    """The parameters of AssumeRole and AssumeRoleWithWebIdentity."""

    role_arn: str
    session_name: str
    duration_s: int
    policy: str | None
    policy_arns: tuple[str, ...]
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive: frozenset[str] = frozenset()
    source_identity: str = ""
    external_id: str = ""
    has_mfa: bool = False

    def check_duration(self, role: Any, *, is_chained: bool, chained_s: int) -> None:
        """A session ends with the role's maximum, and after an hour when a role assumed it ("Role chaining",
        https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining).
        """
        if is_chained and self.duration_s > chained_s:
            raise AwsError(
                "ValidationError",
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
            )
        if self.duration_s > int(role.max_session_duration or _DEFAULT_S):
            raise AwsError(
                "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
            )

    def packed_size(self) -> dict[str, int]:
        """Return the member PackedPolicySize when policies or tags were passed."""
        return packed_size(self.policy, self.policy_arns, self.tags)


def parameters(call: Call) -> dict[str, str]:
    """Return the request's parameters, from form and query."""
    return {**call.query, **call.form}


def read(call: Call) -> Asked:
    """Return what is asked for. Raises AwsError (ValidationError, MalformedPolicyDocument, PackedPolicyTooLarge)."""
    form = parameters(call)
    role_arn = _text(form, "RoleArn", shortest=20, longest=2048)
    if not _ROLE_ARN.fullmatch(role_arn):
        raise AwsError("ValidationError", f"{role_arn} is invalid")
    policy, policy_arns = session_policies(form, account_id=role_arn.split(":")[4])
    given, transitive = tags(form)
    source = name(form, "SourceIdentity") if "SourceIdentity" in form else ""
    if source.lower().startswith("aws:"):
        raise AwsError("ValidationError", "SourceIdentity cannot begin with the reserved prefix 'aws:'.")
    external_id = _text(form, "ExternalId", shortest=2, longest=1224) if "ExternalId" in form else ""
    if not _EXTERNAL_ID.fullmatch(external_id):
        raise _unsatisfied("externalId", external_id, r"Member must satisfy regular expression pattern: [\w+=,.@:\/-]*")
    return Asked(
        role_arn=role_arn,
        session_name=name(form, "RoleSessionName"),
        duration_s=duration(form, _DEFAULT_S, longest=_LONGEST_S),
        policy=policy,
        policy_arns=policy_arns,
        tags=given,
        transitive=transitive,
        source_identity=source,
        external_id=external_id,
        has_mfa="SerialNumber" in form or "TokenCode" in form,
    )


def name(form: Mapping[str, str], member: str, *, longest: int = 64) -> str:
    """Return a name of 2 to 64 letters, digits and +=,.@-_."""
    text = _text(form, member, shortest=2, longest=longest)
    if not _NAME.fullmatch(text):
        raise _unsatisfied(_lower(member), text, r"Member must satisfy regular expression pattern: [\w+=,.@-]*")
    return text


def duration(form: Mapping[str, str], default: int, *, longest: int) -> int:
    """Return DurationSeconds, at least 15 minutes."""
    text = form.get("DurationSeconds", str(default))
    if not re.fullmatch(r"[+-]?\d{1,9}", text, re.ASCII):
        raise AwsError("MalformedInput", "Invalid integer value for DurationSeconds")
    seconds = int(text)
    if seconds < _SHORTEST_S:
        raise _unsatisfied("durationSeconds", text, f"Member must have value greater than or equal to {_SHORTEST_S}")
    if seconds > longest:
        raise _unsatisfied("durationSeconds", text, f"Member must have value less than or equal to {longest}")
    return seconds


def session_policies(form: Mapping[str, str], *, account_id: str) -> tuple[str | None, tuple[str, ...]]:
    """Return the inline session policy and the ARNs of managed ones, which must be AWS's or of the same account."""
    policy = form.get("Policy") or None
    arns = tuple(_members(form, "PolicyArns", ("arn",))[index]["arn"] for index in _indices(form, "PolicyArns"))
    if len(arns) > _MOST_POLICIES:
        raise _unsatisfied(
            "policyArns", str(len(arns)), f"Member must have length less than or equal to {_MOST_POLICIES}"
        )
    for arn in arns:
        match = _POLICY_ARN.fullmatch(arn)
        if match is None or match[1] not in {"aws", account_id}:
            raise AwsError("ValidationError", f"{arn[:200]} is not a managed policy of this account or of AWS.")
    if policy is not None:
        _check_policy(policy)
    size = len(policy or "") + sum(len(arn) for arn in arns)
    if size > _MOST_CHARACTERS:
        raise AwsError(
            "PackedPolicyTooLarge",
            f"The session policies have {size} characters in total; the limit is {_MOST_CHARACTERS}.",
        )
    return policy, arns


def tags(form: Mapping[str, str]) -> tuple[dict[str, str], frozenset[str]]:
    """Return session tags and the keys of those that are transitive. Keys are unique whatever their case."""
    members = _members(form, "Tags", ("Key", "Value"))
    if len(members) > _MOST_TAGS:
        raise _unsatisfied("tags", str(len(members)), f"Member must have length less than or equal to {_MOST_TAGS}")
    given: dict[str, str] = {}
    for member in members.values():
        key, value = member["Key"], member["Value"]
        if not 1 <= len(key) <= 128 or len(value) > 256 or not _TAG_TEXT.fullmatch(key + value):
            raise AwsError("ValidationError", f"The tag {key[:128]!a} is too long, or has characters that no tag has.")
        if key.lower().startswith("aws:"):
            raise AwsError("ValidationError", "Tag keys cannot begin with the reserved prefix 'aws:'.")
        given[key] = value
    if len({key.lower() for key in given}) < len(members):
        raise AwsError(
            "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        )
    keys = [form[f"TransitiveTagKeys.member.{index}"] for index in _indices(form, "TransitiveTagKeys")]
    unknown = sorted(key for key in keys if key not in given)
    if unknown:
        raise AwsError("InvalidParameterValue", f"The transitive tag key {unknown[0][:128]!a} is not among the tags.")
    return given, frozenset(keys)


def tags_along(session: Session | None, request: Asked) -> tuple[dict[str, str], frozenset[str]]:
    """Return the tags of a session that another one opens: those that are transitive come first and cannot be replaced
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_role-chaining).
    """
    inherited = {key: session.tags[key] for key in session.transitive} if session is not None else {}
    taken = {key.lower() for key in inherited}
    clashing = sorted(key for key in request.tags if key.lower() in taken)
    if clashing:
        raise AwsError(
            "InvalidParameterValue",
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from "
            f"the calling session: {clashing[0]}",
        )
    return {**request.tags, **inherited}, request.transitive | frozenset(inherited)


def source_identity_along(session: Session | None, request: Asked, who: Principal, operation: str) -> str:
    """Return the source identity, which stays what it is along a chain of roles
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html).
    """
    set_before = session.source_identity if session is not None else ""
    if set_before and request.source_identity and request.source_identity != set_before:
        raise not_authorized(who, operation.replace("AssumeRole", "SetSourceIdentity"), request.role_arn)
    return set_before or request.source_identity


def packed_size(policy: str | None, arns: tuple[str, ...], given: Mapping[str, str]) -> dict[str, int]:
    """Return PackedPolicySize in percent. AWS packs in a form of its own; here it is the share of the characters."""
    if not policy and not arns and not given:
        return {}
    size = len(policy or "") + sum(len(arn) for arn in arns) + sum(len(key + value) for key, value in given.items())
    return {"PackedPolicySize": min(100, -(-size * 100 // (2 * _MOST_CHARACTERS)))}


def not_authorized(who: Principal | None, operation: str, resource: str) -> AwsError:
    """Return AWS's AccessDenied, with names for those who signed and without for others."""
    if who is None:
        return AwsError("AccessDenied", f"Not authorized to perform sts:{operation}", 403)
    message = f"User: {who.arn} is not authorized to perform: sts:{operation} on resource: {resource}"
    return AwsError("AccessDenied", message, 403)


def _check_policy(policy: str) -> None:
    """A session policy is an identity policy: statements without principals."""
    try:
        parsed = parse_policy(policy, name="session policy") if _POLICY_TEXT.fullmatch(policy) else None
    except PolicyError:
        parsed = None
    if parsed is None or parsed.has_principal:
        raise AwsError("MalformedPolicyDocument", "Syntax errors in policy.")


def _text(form: Mapping[str, str], member: str, *, shortest: int, longest: int) -> str:
    text = form.get(member)
    if text is None:
        raise AwsError(
            "ValidationError",
            f"1 validation error detected: Value null at '{_lower(member)}' failed to satisfy constraint: Member must "
            "not be null",
        )
    if len(text) < shortest:
        raise _unsatisfied(_lower(member), text, f"Member must have length greater than or equal to {shortest}")
    if len(text) > longest:
        raise _unsatisfied(_lower(member), text, f"Member must have length less than or equal to {longest}")
    return text


def _indices(form: Mapping[str, str], member: str) -> list[str]:
    found = {match[1] for key in form if (match := re.match(rf"{member}\.member\.(\d{{1,4}})(?:\.|$)", key))}
    return sorted(found, key=int)


def _members(form: Mapping[str, str], member: str, names: tuple[str, ...]) -> dict[str, dict[str, str]]:
    return {
        index: {part: form.get(f"{member}.member.{index}.{part}", "") for part in names}
        for index in _indices(form, member)
    }


def _unsatisfied(member: str, value: str, constraint: str) -> AwsError:
    shown = value[:200].encode("ascii", errors="replace").decode()
    return AwsError(
        "ValidationError",
        f"1 validation error detected: Value '{shown}' at '{member}' failed to satisfy constraint: {constraint}",
    )


def _lower(member: str) -> str:
    return member[0].lower() + member[1:]
