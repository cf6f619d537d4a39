"""What templates need to know of the accounts: ARNs behind names, ids, aliases and addresses.

A look-up that finds nothing gives the ARN that the thing would have, so that policies by name or path still decide.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

from moto.applicationautoscaling.models import applicationautoscaling_backends
from moto.awslambda.models import lambda_backends
from moto.dynamodbstreams.models import dynamodbstreams_backends
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.organizations.models import organizations_backends

if TYPE_CHECKING:
    from sandbox.iam.templates import Scope

# https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-service-linked-roles.html
_SCALING_ROLES = {
    "sagemaker": ("sagemaker", "SageMakerEndpoint"),
    "dynamodb": ("dynamodb", "DynamoDBTable"),
    "lambda": ("lambda", "LambdaConcurrency"),
}
Lookup = TypeVar("Lookup", bound="Callable[[str, Scope], str | None]")
_LOOKUPS: dict[str, Callable[[str, Scope], str | None]] = {}


def apply(name: str, value: Any, scope: Scope) -> Any:
    """Return what the look-up of that name makes of a value."""
    return _LOOKUPS[name](str(value), scope)


def _lookup(function: Lookup) -> Lookup:
    _LOOKUPS[function.__name__.strip("_")] = function
    return function


@_lookup
def lower(text: str, scope: Scope) -> str:
    """SageMaker's ARNs are in lower case."""
    del scope
    return text.lower()


@_lookup
def tail(text: str, scope: Scope) -> str:
    """The name at the end of an ARN."""
    del scope
    return text.rpartition("/")[2]


@_lookup
def without_scheme(url: str, scope: Scope) -> str:
    """An OpenID provider is named by its address."""
    del scope
    return url.partition("://")[2] or url


@_lookup
def model(name: str, scope: Scope) -> str:
    """A SageMaker model."""
    return f"arn:aws:sagemaker:{scope.region}:{scope.account}:model/{name.lower()}"


def _entity(kind: str, name: str, account: str) -> Any | None:
    backend: Any = iam_backends[account]["aws"]
    stores = {"role": backend.roles, "user": backend.users, "group": backend.groups}
    stores["instance-profile"] = backend.instance_profiles
    return next((one for one in list(stores[kind].values()) if one.name == name), None)


def _entity_arn(kind: str, name: str, scope: Scope) -> str:
    found = _entity(kind, name, scope.account)
    return str(found.arn) if found is not None else f"arn:aws:iam::{scope.account}:{kind}/{name}"


@_lookup
def role(name: str, scope: Scope) -> str:
    """A role with its path."""
    return _entity_arn("role", name, scope)


@_lookup
def user(name: str, scope: Scope) -> str:
    """A user with its path; without a name the caller (whose ARN the scope's `principal` has)."""
    if not name:
        return str(scope.parameters.get("principal") or "*")
    return _entity_arn("user", name, scope)


@_lookup
def group(name: str, scope: Scope) -> str:
    """A group with its path."""
    return _entity_arn("group", name, scope)


@_lookup
def instance_profile(name: str, scope: Scope) -> str:
    """An instance profile with its path."""
    return _entity_arn("instance-profile", name, scope)


@_lookup
def role_boundary(name: str, scope: Scope) -> str | None:
    """The boundary that a role has."""
    found = _entity("role", name, scope.account)
    return str(found.permissions_boundary_arn) if found is not None and found.permissions_boundary_arn else None


@_lookup
def user_boundary(name: str, scope: Scope) -> str | None:
    """The boundary that a user has."""
    found = _entity("user", name, scope.account)
    return getattr(found, "permissions_boundary_arn", None)


@_lookup
def key(name: str, scope: Scope) -> str:
    """A KMS key by id, ARN, alias or alias's ARN."""
    account, region, resource = scope.account, scope.region, name
    if name.startswith("arn:"):
        parts = name.split(":", 5)
        if len(parts) != 6:
            return name
        region, account, resource = parts[3], parts[4], parts[5]
    if resource.startswith("alias/"):
        found = kms_backends[account][region].get_key_id_from_alias(resource)
        if found is None:
            return f"arn:aws:kms:{region}:{account}:{resource}"
        resource = str(found)
    return f"arn:aws:kms:{region}:{account}:key/{resource.removeprefix('key/')}"


@_lookup
def sealed_by(blob: str, scope: Scope) -> str:
    """The key that a ciphertext was made with: it is in the ciphertext, as on AWS, whichever account's key it is
    (https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html, "Cross-account use").
    """
    try:
        name = base64.b64decode(blob)[:36].decode("ascii")
    except ValueError:
        return "*"
    for account, backends in list(kms_backends.items()):
        backend: Any = backends.get(scope.region)
        if backend is not None and name in backend.keys:
            return f"arn:aws:kms:{scope.region}:{account}:key/{name}"
    return key(name, scope)


@_lookup
def scalable_target(resource_id: str, scope: Scope) -> str:
    """A scalable target; before it exists nobody knows its id."""
    backend: Any = applicationautoscaling_backends[scope.account][scope.region]
    dimension = scope.parameters.get("ScalableDimension")
    for targets in list(backend.targets.values()):
        for target in list(targets.values()):
            if target.resource_id == resource_id and target.scalable_dimension == dimension:
                return str(target.arn)
    return f"arn:aws:application-autoscaling:{scope.region}:{scope.account}:scalable-target/*"


@_lookup
def scaling_service(namespace: str, scope: Scope) -> str | None:
    """The service in whose name Application Auto Scaling acts."""
    del scope
    known = _SCALING_ROLES.get(namespace)
    return f"{known[0]}.application-autoscaling.amazonaws.com" if known else None


@_lookup
def scaling_role(namespace: str, scope: Scope) -> str | None:
    """The service-linked role that the first registration makes; None when it is there, or a role was named."""
    known = _SCALING_ROLES.get(namespace)
    if known is None or scope.parameters.get("RoleARN"):
        return None
    name = f"AWSServiceRoleForApplicationAutoScaling_{known[1]}"
    if _entity("role", name, scope.account) is not None:
        return None
    return f"arn:aws:iam::{scope.account}:role/aws-service-role/{scaling_service(namespace, scope)}/{name}"


@_lookup
def group_name(identifier: str, scope: Scope) -> str:
    """A log group by name or ARN."""
    del scope
    return identifier.partition(":log-group:")[2].removesuffix(":*") if identifier.startswith("arn:") else identifier


@_lookup
def queue(url: str, scope: Scope) -> str:
    """A queue by its address, which ends in account and name; some clients send the name alone."""
    parts = url.rstrip("/").split("/")
    account = parts[-2] if len(parts) > 1 and parts[-2].isdecimal() else scope.account
    return f"arn:aws:sqs:{scope.region}:{account}:{parts[-1]}"


@_lookup
def parameter(name: str, scope: Scope) -> str:
    """A parameter; a version or label after the name is not part of its ARN."""
    if name.startswith("arn:"):
        return name
    return f"arn:aws:ssm:{scope.region}:{scope.account}:parameter/{name.partition(':')[0].lstrip('/')}"


@_lookup
def rule(name: str, scope: Scope) -> str:
    """A rule, on the default bus or another."""
    named = str(scope.parameters.get("EventBusName") or "default")
    on = "" if named.rpartition("/")[2] == "default" else f"{named.rpartition('/')[2]}/"
    account = named.split(":")[4] if named.startswith("arn:") else scope.account
    return f"arn:aws:events:{scope.region}:{account}:rule/{on}{name}"


@_lookup
def bus(name: str, scope: Scope) -> str:
    """An event bus by name or ARN."""
    return name if name.startswith("arn:") else f"arn:aws:events:{scope.region}:{scope.account}:event-bus/{name}"


@_lookup
def table(name: str, scope: Scope) -> str:
    """A table by name or ARN."""
    return name if name.startswith("arn:") else f"arn:aws:dynamodb:{scope.region}:{scope.account}:table/{name}"


@_lookup
def index(arn: str, scope: Scope) -> str:
    """The index that a query reads, else the table."""
    name = scope.parameters.get("IndexName")
    return f"{arn}/index/{name}" if name else arn


@_lookup
def stream_of(iterator: str, scope: Scope) -> str:
    """The stream that a shard iterator reads."""
    found = dynamodbstreams_backends[scope.account][scope.region].shard_iterators.get(iterator)
    if found is not None:
        label = found.stream_shard.table.latest_stream_label
        return f"{found.stream_shard.table.table_arn}/stream/{label}"
    return iterator.partition("|")[0] if iterator.startswith("arn:") else "*"


@_lookup
def function(name: str, scope: Scope) -> str:
    """A function without qualifier, by name, partial ARN or ARN."""
    account, region, short, _ = _function_parts(name, scope)
    return f"arn:aws:lambda:{region}:{account}:function:{short}"


@_lookup
def qualified(arn: str, scope: Scope) -> str:
    """The function with the qualifier that the request names, in its own place or within the function's name."""
    given = str(scope.parameters.get("FunctionName") or "")
    qualifier = scope.parameters.get("Qualifier") or _function_parts(given, scope)[3]
    return f"{arn}:{qualifier}" if qualifier and qualifier != "$LATEST" else arn


def _function_parts(name: str, scope: Scope) -> tuple[str, str, str, str | None]:
    """Return account, region, name, qualifier (https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html)."""
    parts = unquote(name).split(":")
    account, region = scope.account, scope.region
    if parts[0] == "arn" and len(parts) >= 7:
        region, account, parts = parts[3], parts[4], parts[6:]
    elif len(parts) >= 3 and parts[1] == "function":
        account, parts = parts[0], parts[2:]
    return account, region, parts[0], parts[1] if len(parts) > 1 else None


@_lookup
def mapped_function(uuid: str, scope: Scope) -> str | None:
    """The function of an event source mapping."""
    found: Any = lambda_backends[scope.account][scope.region]._event_source_mappings.get(uuid)
    return function(found.function_arn, scope) if found is not None else None


@_lookup
def granted_to(statement_id: str, scope: Scope) -> str | None:
    """The principal that a statement of a function's policy names."""
    short = _function_parts(str(scope.parameters.get("FunctionName") or ""), scope)[2]
    group_of: Any = lambda_backends[scope.account][scope.region]._lambdas._functions.get(short)
    for statement in group_of["latest"].policy.statements if group_of else ():
        if statement.get("Sid") == statement_id:
            named = statement.get("Principal")
            return str(next(iter(named.values())) if isinstance(named, dict) else named)
    return None


@_lookup
def organization_target(identifier: str, scope: Scope) -> str:
    """An account, organizational unit or root."""
    kind = {"r": "root", "o": "ou"}.get(identifier[:1], "account")
    backend: Any = organizations_backends[scope.account]["aws"]
    organization = backend.org.id if backend.org else "*"
    return f"arn:aws:organizations::{scope.account}:{kind}/{organization}/{identifier}"
