"""From a call to what IAM is asked: action, resource and context of each check, by the rules of the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from glue.iam import Principal, Request
from sandbox.calls import Call
from sandbox.errors import AwsError
from sandbox.iam import context, items, key_use, parameters, resource_policies, rules, tags, templates, world
from sandbox.s3 import attributes, keys

_NOT_FOR_KEYS = ("s3:", "aws:SourceIp", "aws:RequestTag", "aws:TagKeys")
_NO_BUCKET_YET = frozenset({"CreateBucket", "ListBuckets"})


class NoRuleError(AwsError):
    """The table does not know the operation."""

    def __init__(self, call: Call) -> None:
        name = f"{call.service or 'unknown service'}:{call.operation or f'{call.method} {call.path}'}"
        super().__init__("AccessDenied", f"the sandbox has no rule for {name}, so nobody may do it", 403)


def of(call: Call) -> list[Request]:
    """Return every check of a call; an empty list means that everybody may. Raises NoRuleError, or AwsError."""
    found = rules.find(call.service, call.operation)
    if found is None or call.principal is None:
        raise NoRuleError(call)
    if not found:
        return []
    if call.service == "s3":
        _read_query_headers(call)
    values = parameters.read(call)
    if call.service == "iam" and call.principal.kind == "user":
        values = {**values, "principal": call.principal.arn}
    service = rules.services()[call.service]
    scope = templates.Scope(call.account_id, call.region or "us-east-1", values, service.resources)
    if call.service == "s3":
        _complete_source(values)
        if _lacks_bucket(call, values):
            return []  # S3 says so to everybody
    return list(_checks(call, found, scope, service))


def _checks(
    call: Call, found: tuple[rules.Rule, ...], scope: templates.Scope, service: rules.Service
) -> Iterator[Request]:
    who = world.principal_of(call.principal) if call.principal else Principal(kind="anonymous")
    common = context.of_call(call) | context.of_session(call) | _requested_tags(scope.parameters, service)
    if service.name == "s3":
        common |= context.of_s3(call, scope.parameters) | _object_tags(call, scope.parameters)
    asked = False
    for rule in found:
        if not _applies(rule, scope):
            continue
        for here in _each(rule, scope):
            asked = True
            yield _request(who, rule, here, common, call)
    if not asked:  # a list that should not be empty
        yield Request(who, found[0].action, "*", common)
    for use in key_use.find(call, scope.parameters, scope):
        yield via_service(who, use, common, region=scope.region)


def _applies(rule: rules.Rule, scope: templates.Scope) -> bool:
    if rule.when is not None and not templates.holds(rule.when, scope):
        return False
    return rule.unless is None or not templates.holds(rule.unless, scope)


def _each(rule: rules.Rule, scope: templates.Scope) -> Iterator[templates.Scope]:
    if rule.each is None:
        yield scope
        return
    found = templates.search(rule.each, scope)
    seen = []
    for item in found if isinstance(found, list) else []:
        if item not in seen:
            seen.append(item)
            yield scope.at(item)


def _request(who: Principal, rule: rules.Rule, scope: templates.Scope, common: context.Context, call: Call) -> Request:
    resource = "*" if rule.on == "*" else templates.text(rule.on, scope)
    if resource is None and rule.otherwise is not None:
        resource = "*" if rule.otherwise == "*" else templates.text(rule.otherwise, scope)
    resource = resource or "*"
    found = dict(common)
    for key, template in rule.keys.items():
        value = templates.value(template, scope)
        if value is not None and value != ():
            found[key] = value
    if rule.encryption_context:
        found |= context.of_encryption(scope.parameters.get(rule.encryption_context))
    if rule.items:
        found |= items.keys_of(rule.items, scope)
    # whoever may have a bucket of that name now: this is about one's own
    owner = who.account_id if rule.action == "s3:CreateBucket" else resource_policies.account_of(resource)
    named = scope.parameters.get("KeyId") if call.service == "kms" else None
    found |= _of_resource(rule.action, resource, scope, caller=who.account_id, named=named)
    return Request(who, rule.action, resource, found, owner)


def _of_resource(
    action: str, resource: str, scope: templates.Scope, *, caller: str | None, named: str | None
) -> context.Context:
    """Return what is known of the resource."""
    if resource == "*":
        return {}
    prefix = action.partition(":")[0]
    found = context.of_resource(resource)
    if prefix == "kms":
        found |= context.of_key(resource, caller, named)
    elif prefix == "s3":
        owner = resource_policies.account_of(resource)
        if owner:
            found["s3:ResourceAccount"] = owner
        found |= _existing_tags(resource, scope.parameters)
    return found | _resource_organization(resource)


def _resource_organization(resource: str) -> context.Context:
    owner = resource_policies.account_of(resource)
    return world.organization_keys(owner, "Resource") if owner else {}


def via_service(who: Principal, use: key_use.KeyUse, common: Mapping[str, Any], *, region: str) -> Request:
    """Return the check of a key's use by a service for its caller. The caller's network does not count for it.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html
    """
    kept = {key: value for key, value in common.items() if not key.startswith(_NOT_FOR_KEYS)}
    via = f"{use.service}.{region}.amazonaws.com"
    found: context.Context = {**kept, "aws:ViaAWSService": "true", "kms:ViaService": via}
    if use.action == "kms:CreateGrant":
        found["kms:GrantIsForAWSResource"] = "true"
    found |= context.of_encryption(use.encryption_context) | context.of_resource(use.key_arn)
    found |= context.of_key(use.key_arn, who.account_id)
    return Request(who, use.action, use.key_arn, found, use.key_arn.split(":")[4])


def _requested_tags(values: Mapping[str, Any], service: rules.Service) -> context.Context:
    given: dict[str, str] = {}
    for name in (service.request_tags, "Tags", "Tag", "tags"):
        if name and values.get(name):
            given = tags.as_mapping(values[name], service.tag_names)
            break
    names = values.get(service.tag_keys) if service.tag_keys else None
    return context.of_request_tags(given, names)


def _read_query_headers(call: Call) -> None:
    """A presigned URL may carry headers in its query (API reference, "Authenticating requests: query parameters")."""
    for name, value in call.query.items():
        if name.lower().startswith("x-amz-") and not name.startswith("X-Amz-"):
            call.headers.setdefault(name.lower(), value)


def _complete_source(values: dict[str, Any]) -> None:
    source = values.get("source")
    if source is None:
        return
    bucket = resource_policies.bucket(source["Bucket"])
    if bucket is None or str(values.get("TaggingDirective", "COPY")).upper() == "REPLACE":
        return
    found = _stored(bucket, source["Key"], source.get("VersionId"))
    source["Tagged"] = bool(found is not None and attributes.tags_of(found))


def _lacks_bucket(call: Call, values: Mapping[str, Any]) -> bool:
    if call.operation in _NO_BUCKET_YET:
        return False
    named = [str(values.get("Bucket", ""))] + ([values["source"]["Bucket"]] if "source" in values else [])
    return any(resource_policies.bucket(name) is None for name in named)


def _stored(bucket: Any, name: str, version_id: str | None) -> keys.StoredKey | None:
    found = keys.version(bucket, name, version_id) if version_id else keys.current(bucket, name)
    return found if isinstance(found, keys.StoredKey) else None


def _object_tags(call: Call, values: Mapping[str, Any]) -> context.Context:
    """Return the tags that a request gives to an object."""
    if call.operation == "PutObjectTagging":
        found = tags.as_mapping(values.get("tags"))
    else:
        try:
            found = attributes.tags(call.headers.get("x-amz-tagging")) or {}
        except AwsError:
            found = {}
    if not found:
        return {}
    return {**{f"s3:RequestObjectTag/{k}": v for k, v in found.items()}, "s3:RequestObjectTagKeys": tuple(found)}


def _existing_tags(resource: str, values: Mapping[str, Any]) -> context.Context:
    name, slash, key = resource.split(":", 5)[5].partition("/")
    bucket = resource_policies.bucket(name) if slash else None
    if bucket is None:
        return {}
    source = values.get("source") or {}
    is_source = source.get("Bucket") == name and source.get("Key") == key
    found = _stored(bucket, key, source.get("VersionId") if is_source else values.get("VersionId"))
    if found is None:
        return {}
    return {f"s3:ExistingObjectTag/{k}": v for k, v in attributes.tags_of(found).items()}
