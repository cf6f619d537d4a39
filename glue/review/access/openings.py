"""Access that no policy says: function URLs, networks open to the world, identity providers, keys, shares, ACLs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from glue.review.access.holders import Reader, sides
from glue.review.access.permissions import SYNTHETIC
from glue.review.access.telling import Story
from glue.review.resource import Resource
from glue.review.values import Secret

Values = Mapping[str, Any]
_WORLD = ("0.0.0.0/0", "::/0")
# Attributes that decide who is let in: unknown, they cannot be judged.
_DECIDING: Mapping[str, tuple[str, ...]] = {
    "aws_lambda_permission": ("principal", "action", "source_account", "principal_org_id"),
    "aws_cloudwatch_event_permission": ("principal", "condition"),
    "aws_kms_grant": ("grantee_principal", "operations"),
    "aws_ram_principal_association": ("principal",),
    "aws_lakeformation_permissions": ("principal", "permissions"),
    "aws_security_group_rule": ("cidr_blocks", "ipv6_cidr_blocks"),
    "aws_vpc_security_group_ingress_rule": ("cidr_ipv4", "cidr_ipv6"),
    "aws_lambda_function_url": ("authorization_type",),
    "aws_iam_openid_connect_provider": ("url", "client_id_list"),
}


def inspect(reader: Reader, story: Story, account: str | None) -> None:
    """Note every opening and closing of these kinds."""
    for resource in reader.resources:
        if resource.what in ("none", "read", "forget"):
            continue
        judge = _KINDS.get(resource.type)
        if judge is None:
            continue
        before, after = sides(resource)
        if hidden := _hidden(reader, resource, after):
            story.cannot(resource.address, f"its {hidden} is known only after the apply or sensitive")
            continue
        judge(resource, before, after, story, reader.plan.account_of(resource) or account)


def _hidden(reader: Reader, resource: Resource, after: Values | None) -> str | None:
    """Return an attribute that decides who is let in and that cannot be read."""
    for name in _DECIDING.get(resource.type, ()):
        unknown = resource.has_unknown(name) and reader.references.written(resource, name) is not False
        if after is not None and (unknown or isinstance(after.get(name), Secret)):
            return name
    return None


def _function_url(
    resource: Resource, before: Values | None, after: Values | None, story: Story, _own: str | None
) -> None:
    """A function's URL without authorization is for everybody, once its permission says so; the provider adds that one.

    https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
    """
    was, now = (values is not None and values.get("authorization_type") == "NONE" for values in (before, after))
    name = str(resource.values.get("function_name") or resource.address)
    if now != was:
        word = "can newly" if now else "can no longer"
        story.say(
            resource.address, "anyone", ("lambda:InvokeFunctionUrl",), (name,),
            f"anyone {word} call the function {name} by its URL, without authorization", gained=now, public=now,
        )  # fmt: skip
    elif before is None and after is not None:
        text = f"a URL calls the function {name}; whoever has lambda:InvokeFunctionUrl on it can newly use that"
        story.say(resource.address, "whoever may", ("lambda:InvokeFunctionUrl",), (name,), text, gained=True)


def _security(resource: Resource, before: Values | None, after: Values | None, story: Story, _own: str | None) -> None:
    """Openings of a network to the whole world."""
    was, now = set(_open_ports(resource, before)), set(_open_ports(resource, after))
    name = str(resource.values.get("name") or resource.values.get("security_group_id") or resource.address)
    for ports, gained in ((now - was, True), (was - now, False)):
        if ports:
            word = "can newly" if gained else "can no longer"
            text = f"everybody on the internet {word} reach {name}: {', '.join(sorted(ports))}"
            rule = "network-opened" if gained else ""
            story.say(resource.address, "everybody on the internet", tuple(sorted(ports)), (name,), text,
                      gained=gained, rule=rule)  # fmt: skip


def _open_ports(resource: Resource, values: Values | None) -> Iterator[str]:
    """Yield the ports that the whole world may reach."""
    if values is None or (resource.type == "aws_security_group_rule" and values.get("type") != "ingress"):
        return
    rules = values.get("ingress") if "security_group" in resource.type and "ingress" in values else [values]
    for rule in rules if isinstance(rules, list) else []:
        if isinstance(rule, Mapping) and any(_is_world(text) for text in _ranges(rule)):
            yield f"{_ports(rule)} from {', '.join(text for text in _ranges(rule) if _is_world(text))}"


def _ranges(rule: Values) -> Iterator[str]:
    for name in ("cidr_blocks", "ipv6_cidr_blocks", "cidr_ipv4", "cidr_ipv6"):
        found = rule.get(name)
        yield from (text for text in (found if isinstance(found, list) else [found]) if isinstance(text, str))


def _is_world(text: str) -> bool:
    """Tell whether a range is the world, or so much of it (wider than /8) that it was cut up to hide it."""
    length = text.rpartition("/")[2]
    return text in _WORLD or (length.isdigit() and int(length) < 8)


def _ports(rule: Values) -> str:
    protocol, first, last = (rule.get(name) for name in ("protocol", "from_port", "to_port"))
    protocol = protocol or rule.get("ip_protocol")
    if str(protocol) in ("-1", "all"):
        return "every port"
    return f"{protocol} {first}" if first == last else f"{protocol} {first}-{last}"


def _provider(resource: Resource, before: Values | None, after: Values | None, story: Story, _own: str | None) -> None:
    """An identity provider: who has its tokens can be trusted by roles."""
    url = str(resource.values.get("url") or resource.values.get("name") or resource.address)
    if before is None or after is None or _one(before, "url") != _one(after, "url"):
        gained = after is not None
        text = f"identities of {url} {'can newly' if gained else 'can no longer'} be trusted by roles"
        story.say(resource.address, f"identities of {url}", ("sts:AssumeRoleWithWebIdentity",), (), text, gained=gained)
        return
    old, new = ({str(one) for one in values.get("client_id_list") or ()} for values in (before, after))
    for audiences, gained in ((new - old, True), (old - new, False)):
        if audiences:
            named = ", ".join(sorted(audiences))
            text = f"tokens of {url} for {named} {'are newly' if gained else 'are no longer'} taken"
            story.say(
                resource.address, f"identities of {url}", ("sts:AssumeRoleWithWebIdentity",), (), text, gained=gained
            )
    if _one(before, "thumbprint_list") != _one(after, "thumbprint_list"):
        text = f"other certificates than before vouch for {url}"
        story.say(resource.address, f"identities of {url}", ("sts:AssumeRoleWithWebIdentity",), (), text, gained=True)


def _saml(resource: Resource, before: Values | None, after: Values | None, story: Story, _own: str | None) -> None:
    name = str(resource.values.get("name") or resource.address)
    if after is None:
        story.say(resource.address, f"identities of {name}", ("sts:AssumeRoleWithSAML",), (),
                  f"identities of {name} can no longer be trusted by roles", gained=False)  # fmt: skip
    elif before is None or before.get("saml_metadata_document") != after.get("saml_metadata_document"):
        story.say(resource.address, f"identities of {name}", ("sts:AssumeRoleWithSAML",), (),
                  f"whom the metadata of {name} vouches for can newly be trusted", gained=True)  # fmt: skip


def _profile(resource: Resource, before: Values | None, after: Values | None, story: Story, _own: str | None) -> None:
    """Machines with an instance profile act as its role."""
    old, new = (_one(values or {}, "role") for values in (before, after))
    name = str(resource.values.get("name") or resource.address)
    if after is not None and resource.is_unknown("role"):
        new = "a role that is known only after the apply"
    if old == new:
        return
    for role, gained in ((new, True), (old, False)):
        if role:
            text = f"machines with profile {name} {'can newly' if gained else 'can no longer'} act as role {role}"
            who = f"machines with profile {name}"
            story.say(resource.address, who, ("sts:AssumeRole",), (str(role),), text, gained=gained)


def _credentials(
    resource: Resource, before: Values | None, after: Values | None, story: Story, _own: str | None
) -> None:
    """Keys and passwords of users: who holds them is the user."""
    user = str(resource.values.get("user") or "a user")
    what = "password" if "login" in resource.type else "access key"
    if (before is None or resource.what == "replace") and after is not None:
        story.say(resource.address, f"who holds the {what}", ("whatever the user may",), (f"as user {user}",),
                  f"who holds the new {what} can newly act as user {user}", gained=True)  # fmt: skip
    elif after is None:
        story.say(resource.address, f"who holds the {what}", ("whatever the user may",), (f"as user {user}",),
                  f"who holds the {what} can no longer act as user {user}", gained=False)  # fmt: skip


def _shared(resource: Resource, before: Values | None, after: Values | None, story: Story, own: str | None) -> None:
    """Principals with whom a resource is shared, and what Lake Formation lets a principal do."""
    old, new = ((_one(values or {}, "principal"), _several(values, "permissions")) for values in (before, after))
    if old == new:
        return
    for (principal, permissions), gained in ((new, True), (old, False)):
        if principal:
            what = ", ".join(permissions) or "use what is shared"
            share = str(resource.values.get("resource_share_arn") or resource.address)
            account = next((part for part in str(principal).split(":") if part.isdigit() and len(part) == 12), None)
            text = f"{principal} {'can newly' if gained else 'can no longer'} {what} ({share})"
            story.say(resource.address, str(principal), permissions or ("ram:use",), (share,), text, gained=gained,
                      cross_account=account is not None and account != own)  # fmt: skip


def _acl(resource: Resource, before: Values | None, after: Values | None, story: Story, _own: str | None) -> None:
    """Grants of an ACL to everybody or to other accounts: https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html."""
    old, new = set(_acl_grants(before)), set(_acl_grants(after))
    bucket = str(resource.values.get("bucket") or resource.address)
    for grants, gained in ((new - old, True), (old - new, False)):
        for grantee, permission in sorted(grants):
            public = grantee.endswith(("/AllUsers", "/AuthenticatedUsers"))
            who = "anyone" if public else f"account {grantee}"
            text = f"{who} {'can newly' if gained else 'can no longer'} {permission} {bucket} by its ACL"
            story.say(resource.address, who, (permission,), (bucket,), text, gained=gained, public=public and gained)


def _acl_grants(values: Values | None) -> Iterator[tuple[str, str]]:
    policies = (values or {}).get("access_control_policy")
    listed = [
        *_several_maps(policies, "grant"),
        *[one for one in (values or {}).get("grant") or () if isinstance(one, Mapping)],
    ]
    for one in listed:
        inner = one.get("grantee")
        grantee: Values = inner[0] if isinstance(inner, list) and inner and isinstance(inner[0], Mapping) else one
        who = grantee.get("uri") or grantee.get("id") or grantee.get("email_address")
        permissions = one.get("permissions") or [one.get("permission")]
        yield from ((str(who), str(permission)) for permission in permissions if who)


def _several_maps(listed: object, name: str) -> Iterable[Values]:
    for one in listed if isinstance(listed, list) else []:
        found = one.get(name) if isinstance(one, Mapping) else None
        yield from (inner for inner in (found if isinstance(found, list) else []) if isinstance(inner, Mapping))


def _several(values: Values | None, name: str) -> tuple[str, ...]:
    found = (values or {}).get(name)
    return tuple(sorted(map(str, found))) if isinstance(found, list) else ()


def _one(values: Values, name: str) -> Any:
    return values.get(name) or None


_KINDS: Mapping[str, Callable[..., None]] = {
    **SYNTHETIC,
    "aws_lambda_function_url": _function_url,
    "aws_security_group": _security,
    "aws_default_security_group": _security,
    "aws_security_group_rule": _security,
    "aws_vpc_security_group_ingress_rule": _security,
    "aws_iam_openid_connect_provider": _provider,
    "aws_iam_saml_provider": _saml,
    "aws_iam_instance_profile": _profile,
    "aws_iam_access_key": _credentials,
    "aws_iam_user_login_profile": _credentials,
    "aws_ram_principal_association": _shared,
    "aws_lakeformation_permissions": _shared,
    "aws_s3_bucket_acl": _acl,
    "aws_s3_bucket": _acl,
}
