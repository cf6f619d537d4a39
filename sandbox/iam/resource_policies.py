"""The policy that a resource itself has: bucket, key, queue, topic, function, repository, group, table, bus, role."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from moto.awslambda.models import lambda_backends
from moto.dynamodb.models import dynamodb_backends
from moto.ecr.models import ecr_backends
from moto.events.models import events_backends
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.logs.models import logs_backends
from moto.s3.models import s3_backends
from moto.sagemaker.models import sagemaker_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from glue.iam import Grant, Policy, Request
from glue.iam.model import PolicyKind
from sandbox.iam import public_access

Found = tuple[tuple[Policy, ...], PolicyKind, tuple[Grant, ...]]
_NOTHING: Found = ((), "default", ())
# A registry's policy is for those who write from elsewhere:
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html
_REGISTRY_ACTIONS = frozenset({"ecr:ReplicateImage", "ecr:BatchImportUpstreamImage", "ecr:CreateRepository"})


def find(request: Request) -> Found:
    """Return the resource's policies, how they count, and its grants."""
    parts = request.resource.split(":", 5)
    if len(parts) != 6:
        return _NOTHING
    finder = _FINDERS.get(parts[2])
    return finder(request, parts[4], parts[3], parts[5]) if finder else _NOTHING


def account_of(arn: str) -> str | None:
    """Return the account that owns a resource, None when the ARN does not say and nobody knows it."""
    parts = arn.split(":", 5)
    if len(parts) != 6:
        return None
    if parts[2] == "s3":
        return bucket_owner(parts[5].partition("/")[0])
    return parts[4] or None


def bucket_owner(name: str) -> str | None:
    """Return the account of a bucket, None when there is no such bucket."""
    found = s3_backends.bucket_accounts.get(name)
    return str(found[1]) if found else None


def bucket(name: str) -> Any | None:
    """Return moto's bucket of any account."""
    found = s3_backends.bucket_accounts.get(name)
    return s3_backends[found[1]][found[0]].buckets.get(name) if found else None


def _parsed(text: str | bytes | None, name: str) -> tuple[Policy, ...]:
    from sandbox.iam.world import parse  # noqa: PLC0415 (the world needs this module)

    if not text:
        return ()
    return (parse(text.decode() if isinstance(text, bytes) else text, name),)


def _s3(request: Request, account: str, region: str, resource: str) -> Found:
    del account, region
    found = bucket(resource.partition("/")[0])
    if found is None or not found.policy or request.action == "s3:CreateBucket":
        return _NOTHING
    policies = _parsed(found.policy, f"policy of bucket {found.name}")
    if public_access.is_restricted(found, request, policies[0]):
        policies = public_access.without_public(policies[0])
    return policies, "default", ()


def _kms(request: Request, account: str, region: str, resource: str) -> Found:
    del request
    if not resource.startswith("key/") or resource.endswith("*"):
        return _NOTHING
    key = kms_backends[account][region].keys.get(resource.removeprefix("key/"))
    if key is None:
        return _NOTHING
    grants = tuple(
        Grant(
            grantee=grant.grantee_principal,
            operations=frozenset(grant.operations),
            name=grant.name or grant.id,
            encryption_context=(grant.constraints or {}).get("EncryptionContextEquals"),
            encryption_context_subset=(grant.constraints or {}).get("EncryptionContextSubset"),
        )
        for grant in list(key.grants.values())
    )
    return _parsed(key.policy, f"policy of key {key.id}"), "key", grants


def _sqs(request: Request, account: str, region: str, resource: str) -> Found:
    del request
    queue = sqs_backends[account][region].queues.get(resource)
    return (_parsed(queue.policy, f"policy of queue {resource}"), "default", ()) if queue is not None else _NOTHING


def _sns(request: Request, account: str, region: str, resource: str) -> Found:
    topic = sns_backends[account][region].topics.get(request.resource)
    return (_parsed(topic.policy, f"policy of topic {resource}"), "default", ()) if topic is not None else _NOTHING


def _lambda(request: Request, account: str, region: str, resource: str) -> Found:
    """A policy belongs to the function or to one qualifier, never to both."""
    if not resource.startswith("function:"):
        return _NOTHING
    functions: Any = lambda_backends[account][region]._lambdas._functions
    group = functions.get(resource.split(":")[1])
    if not group:
        return _NOTHING
    arn = request.resource
    statements = [one for one in group["latest"].policy.statements if one["Resource"] == arn]
    if not statements:
        return _NOTHING
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return _parsed(document, f"policy of {resource}"), "default", ()


def _logs(request: Request, account: str, region: str, resource: str) -> Found:
    """Policies for services lie in the account, and name the log groups
    (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html).
    """
    del resource
    backend: Any = logs_backends[account][region]
    if request.principal.kind != "service":
        return _NOTHING
    found = [
        policy
        for one in list(backend.resource_policies.values())
        for policy in _parsed(one.policy_document, f"log policy {one.policy_name}")
    ]
    return tuple(found), "default", ()


def _ecr(request: Request, account: str, region: str, resource: str) -> Found:
    backend: Any = ecr_backends[account][region]
    repository = backend.repositories.get(resource.removeprefix("repository/"))
    found: tuple[Policy, ...] = ()
    if repository is not None and repository.policy:
        found += _parsed(_with_resource(repository.policy), f"policy of repository {repository.name}")
    if request.action in _REGISTRY_ACTIONS and backend.registry_policy:
        found += _parsed(backend.registry_policy, f"policy of registry {account}")
    return found, "default", ()


def _with_resource(text: str) -> str:
    """A repository's policy names no resource: it is about its repository."""
    document = json.loads(text)
    statements = document.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        if "Resource" not in statement and "NotResource" not in statement:
            statement["Resource"] = "*"
    return json.dumps(document)


def _sagemaker(request: Request, account: str, region: str, resource: str) -> Found:
    """A group's policy is also that of its packages
    (https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-deploy-xaccount.html).
    """
    del request
    kind, _, path = resource.partition("/")
    if kind not in {"model-package-group", "model-package"}:
        return _NOTHING
    groups: Any = sagemaker_backends[account][region].model_package_groups
    name = path.partition("/")[0]
    group = groups.get(name) or next((one for one in list(groups.values()) if one.name.lower() == name), None)
    text = getattr(group, "policy", None)
    return (_parsed(text, f"policy of model package group {name}"), "default", ()) if text else _NOTHING


def _dynamodb(request: Request, account: str, region: str, resource: str) -> Found:
    backend: Any = dynamodb_backends[account][region]
    table = request.resource.partition("/index/")[0]
    found = backend.resource_policies.get(table)
    return (_parsed(found.policy_doc, f"policy of {resource}"), "default", ()) if found else _NOTHING


def _events(request: Request, account: str, region: str, resource: str) -> Found:
    del request
    if not resource.startswith("event-bus/"):
        return _NOTHING
    bus = events_backends[account][region].event_buses.get(resource.removeprefix("event-bus/"))
    return (_parsed(bus.policy, f"policy of bus {bus.name}"), "default", ()) if bus is not None else _NOTHING


def _iam(request: Request, account: str, region: str, resource: str) -> Found:
    """A role's trust policy decides who may become it, and nothing else."""
    from sandbox.iam.world import trust_policy  # noqa: PLC0415

    del region
    if not request.action.startswith("sts:") or not resource.startswith("role/"):
        return _NOTHING
    roles: Any = iam_backends[account]["aws"].roles
    role = next((one for one in list(roles.values()) if one.arn == request.resource), None)
    return ((trust_policy(role),) if role is not None else ()), "trust", ()


_FINDERS: dict[str, Callable[[Request, str, str, str], Found]] = {
    "dynamodb": _dynamodb,
    "ecr": _ecr,
    "events": _events,
    "iam": _iam,
    "kms": _kms,
    "lambda": _lambda,
    "logs": _logs,
    "s3": _s3,
    "sagemaker": _sagemaker,
    "sns": _sns,
    "sqs": _sqs,
}
