"""The verdict on every request, at the front door and for what the sandbox's services do for a role.

SANDBOX_IAM chooses: `enforce` (the default) refuses, `observe` notes what would be refused and lets it pass, `off` asks
nobody. Every denial is a line of `.sandbox/denials.jsonl`.
"""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from collections.abc import Iterable, Mapping
from typing import Literal, cast

from glue.iam import Decision, PolicyError, Principal, Reason, Request, evaluate
from sandbox.calls import Call
from sandbox.errors import AwsError
from sandbox.iam import (
    answers,
    context,
    denials,
    parameters,
    public_access,
    requests,
    resource_policies,
    world,
    written,
)
from sandbox.s3 import keys

log = logging.getLogger(__name__)
Mode = Literal["enforce", "observe", "off"]
Keys = Mapping[str, str | tuple[str, ...]]
_OF_FUNCTIONS_AND_ENDPOINTS = re.compile(r"/(20\d\d-\d\d-\d\d|endpoints)/")
_UNSIGNED = frozenset({"AssumeRoleWithWebIdentity", "AssumeRoleWithSAML"})
_READS = frozenset({"GetObject", "HeadObject", "GetObjectAttributes", "GetObjectTagging", "GetObjectAcl"})
_COPIES = frozenset({"CopyObject", "UploadPartCopy"})
# moto looks for these in the caller's account; across accounts they are in the resource's.
_BY_OWNER = frozenset({"sqs", "sns", "kms", "lambda", "dynamodb", "events"})
_chosen: list[Mode] = []
_this = threading.local()


def mode() -> Mode:
    """Return what SANDBOX_IAM, or `use`, says. Raises ValueError for another word."""
    if _chosen:
        return _chosen[0]
    text = os.environ.get("SANDBOX_IAM") or "enforce"
    if text not in {"enforce", "observe", "off"}:
        raise ValueError(f"SANDBOX_IAM must be enforce, observe or off, not {text!r}")
    return cast("Mode", text)


def use(chosen: Mode | None) -> None:
    """Let this process work in another mode than SANDBOX_IAM says; None ends that."""
    _chosen[:] = [chosen] if chosen else []


def authorize(call: Call) -> None:
    """Raise AwsError, in the service's own words, unless the caller may do what it asks for."""
    _this.denied_keys = frozenset()
    if call.principal is None:
        _require_open(call)
        return
    how = mode()
    if how == "off":
        return
    try:
        asked = _asked(call)
    except requests.NoRuleError as error:
        _note_unknown(call, error, how)
        if how == "enforce":
            raise answers.no_rule(call, error) from error
        return
    refused = [decision for decision in _decided(call, asked) if not decision.allowed]
    refused = refused or [decision for decision in _decided(call, _listing(call)) if not decision.allowed]
    for decision in refused:
        _note(decision, f"{call.service}:{call.operation}", how)
    if refused and how == "enforce":
        if call.operation == "DeleteObjects" and call.service == "s3":
            _this.denied_keys = frozenset(decision.request.resource for decision in refused)
        else:
            raise answers.refusal(call, refused[0])
    if how == "enforce":
        _require_no_public_policy(call)
        written.check(call)
    _act_for_owner(call, asked)


def is_denied_key(arn: str) -> bool:
    """Say whether DeleteObjects, which this thread works on, must leave this object alone."""
    return arn in getattr(_this, "denied_keys", ())


def check(
    principal: Principal | str,
    action: str,
    resource: str,
    keys_of_request: Keys | None = None,
) -> None:
    """Raise AwsError AccessDenied unless a role (its ARN) or a principal may do this: a service's work for it.

    A principal that is a service's name (`cloudwatch.amazonaws.com`) is that service; aws:SourceArn and
    aws:SourceAccount come with `keys_of_request`.
    """
    if mode() == "off":
        return
    decision = decide(principal, action, resource, keys_of_request)
    if decision.allowed:
        return
    _note(decision, "(a service's own work)", mode())
    if mode() == "enforce":
        raise AwsError("AccessDenied", decision.sentence(), 403)


def decide(
    principal: Principal | str,
    action: str,
    resource: str,
    keys_of_request: Keys | None = None,
) -> Decision:
    """Return the decision that `check` goes by."""
    who = principal if isinstance(principal, Principal) else _principal(principal)
    found = {"aws:SecureTransport": "true", **(keys_of_request or {})}
    if resource != "*":
        found = {**context.of_resource(resource), **found}
        if action.startswith("kms:"):
            found = {**context.of_key(resource, who.account_id), **found}
    request = Request(who, action, resource, found, resource_policies.account_of(resource))
    return _verdict(request, None)


def check_trust(
    principal: Principal, role_arn: str, action: str, keys_of_request: Mapping[str, str | tuple[str, ...]]
) -> Decision:
    """Return whether a role's trust policy lets a principal in that has no account: a web identity, a service."""
    request = Request(principal, action, role_arn, dict(keys_of_request), role_arn.split(":")[4])
    return _verdict(request, None)


def _principal(name: str) -> Principal:
    if name.startswith("arn:"):
        return world.role_session(name, "service")
    return world.service(name)


def _require_open(call: Call) -> None:
    if call.operation in _UNSIGNED and call.service == "sts":
        return  # STS itself asks the trust policy, with what the token says
    if call.service == "" and call.protocol == "rest-json" and not _OF_FUNCTIONS_AND_ENDPOINTS.match(call.path):
        call.protocol = "s3"  # who signs nothing names no service; strangers ask S3 for objects
    if call.protocol == "s3":
        raise AwsError("AccessDenied", "Access Denied", 403)
    # https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html; JSON services name the exception
    # (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html)
    code = "MissingAuthenticationToken" + ("" if call.protocol in {"query", "ec2", "rest-xml"} else "Exception")
    raise AwsError(code, "Missing Authentication Token", 400 if call.protocol in {"json", "cbor"} else 403)


def _asked(call: Call) -> list[Request]:
    """Return the checks of a call. Parameters of other types than the API's are no request that could be decided."""
    try:
        return requests.of(call)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        log.warning("%s %s cannot be read", call.service, call.operation, exc_info=True)
        raise AwsError("ValidationException", "The request's parameters are not what the API has.", 400) from error


def _decided(call: Call, asked: Iterable[Request]) -> list[Decision]:
    return [_verdict(request, call) for request in asked]


def _verdict(request: Request, call: Call | None) -> Decision:
    try:
        policies = world.policies(request, caller=call.principal if call is not None else None)
    except (world.Denied, PolicyError) as error:
        log.error("%s on %s: %s", request.action, request.resource, error)
        return Decision(allowed=False, reason=Reason.NO_IDENTITY, request=request)
    return evaluate(request, policies)


def _listing(call: Call) -> list[Request]:
    """S3 says that a key does not exist only to those who may list the bucket
    (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html, "Permissions").
    """
    if call.service != "s3" or call.operation not in _READS | _COPIES or call.principal is None:
        return []
    if call.operation in _COPIES:
        source = parameters.copy_source(call.headers.get("x-amz-copy-source", ""))
        name, key, version = source["Bucket"], source["Key"], source.get("VersionId")
    else:
        name, key, version = (
            call.parameters.get("Bucket", ""),
            call.parameters.get("Key", ""),
            call.query.get("versionId"),
        )
    bucket = resource_policies.bucket(name)
    if bucket is None:
        return []
    found = keys.version(bucket, key, version) if version else keys.current(bucket, key)
    if isinstance(found, keys.StoredKey):
        return []
    common = context.of_call(call) | context.of_session(call) | context.of_s3(call, {})
    who = world.principal_of(call.principal)
    return [Request(who, "s3:ListBucket", f"arn:aws:s3:::{name}", common, bucket.account_id)]


def _require_no_public_policy(call: Call) -> None:
    """BlockPublicPolicy refuses the policy itself, whoever brings it."""
    if call.service != "s3" or call.operation != "PutBucketPolicy":
        return
    bucket = resource_policies.bucket(call.parameters.get("Bucket", ""))
    if bucket is None:
        return
    try:
        document = json.loads(call.body())
    except ValueError:
        return  # S3 says that it is malformed
    if isinstance(document, dict) and public_access.blocks_policy(bucket, document):
        message = "because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access."
        who = call.principal.arn if call.principal else "anonymous"
        arn = f"arn:aws:s3:::{bucket.name}"
        text = f'User: {who} is not authorized to perform: s3:PutBucketPolicy on resource: "{arn}" {message}'
        raise AwsError("AccessDenied", text, 403)


def _act_for_owner(call: Call, asked: list[Request]) -> None:
    if call.service not in _BY_OWNER or not asked:
        return
    owner = resource_policies.account_of(asked[0].resource)
    if owner and owner.isdecimal() and owner != call.account_id:
        call.environ["HTTP_X_MOTO_ACCOUNT_ID"] = owner


def _note(decision: Decision, operation: str, how: Mode) -> None:
    request = decision.request
    reason = decision.reason.value if decision.reason is not Reason.ROOT_ASSUMES else "root"
    statements = ", ".join(f"{one.policy}/{one.sid}" for one in decision.statements)
    denials.add(
        principal=request.principal.arn,
        action=request.action,
        resource=request.resource,
        reason=f"{reason} ({statements})" if statements else reason,
        operation=operation,
        mode=how,
        account=request.resource_account_id or request.principal.account_id or "",
    )


def _note_unknown(call: Call, error: AwsError, how: Mode) -> None:
    log.warning("%s", error.message)
    denials.add(
        principal=call.principal.arn if call.principal else "",
        action=f"{call.service}:{call.operation or '?'}",
        resource=call.resource or "*",
        reason=error.message,
        operation=f"{call.service}:{call.operation or call.path}",
        mode=how,
        account=call.account_id,
    )
