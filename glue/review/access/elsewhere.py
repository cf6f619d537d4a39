"""Access that is said in words which this review does not judge: other clouds' bindings, stacks that make roles.

What cannot be compared is told as gained whenever it is made or changed: never as a change like any other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from glue.review.access.holders import Reader, sides
from glue.review.access.telling import Story
from glue.review.resource import Resource

Values = Mapping[str, Any]

# Types of other providers that say who may do what: google_project_iam_binding, azurerm_role_assignment.
_SAYS = re.compile(
    r"_(iam|rbac|acl|grants?|permissions?|role|roles|privileges?|service_account_key|access_(policy|binding|level|control))"
    r"(_|$)|_role_?(assignment|binding|definition|attachment|mapping)",
    re.ASCII,
)
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
_STACKS = ("aws_cloudformation_stack", "aws_cloudformation_stack_set", "aws_cloudformation_stack_instances")
_MAKES_ROLES = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM")
_SHARED = {"aws_db_snapshot": "shared_accounts", "aws_db_cluster_snapshot": "shared_accounts"}


def inspect(reader: Reader, story: Story) -> None:
    """Note what of it is made, changed or removed."""
    for resource in reader.resources:
        if resource.what in ("none", "read", "forget"):
            continue
        if resource.type in _STACKS:
            _stack(resource, story)
        elif resource.type in _SHARED:
            _shared(resource, story, _SHARED[resource.type])
        elif _says(resource):
            _elsewhere(resource, story)
        _public(resource, story)


def _says(resource: Resource) -> bool:
    """Tell whether a resource says who may do what, in words that are not IAM policies of the AWS provider."""
    if resource.type == "aws_cloudcontrolapi_resource":
        return str(resource.values.get("type_name")).startswith("AWS::IAM::")
    if resource.type.startswith(("aws_", "awscc_")):
        return resource.type.startswith("awscc_iam_")
    return _SAYS.search(resource.type) is not None


def _elsewhere(resource: Resource, story: Story) -> None:
    if resource.what == "update" and not resource.attributes():
        return
    gained = resource.what != "delete" or "deny" in resource.type
    verb = {"delete": "is removed", "update": "changes", "replace": "is made anew"}.get(resource.what, "is made")
    text = f"{resource.type} {verb}, which says who may do what in a way that is not judged here"
    story.say(resource.address, "whoever it names", (resource.type,), (), text, gained=gained)


def _stack(resource: Resource, story: Story) -> None:
    """A template may hold any role and policy once it has the capability."""
    _, after = sides(resource)
    capabilities = (after or {}).get("capabilities")
    may = isinstance(capabilities, list) and any(one in _MAKES_ROLES for one in capabilities)
    if after is not None and (may or resource.has_unknown("capabilities")):
        text = "the stack's template may make roles and policies, which are not judged here"
        story.say(resource.address, "whoever its template names", _MAKES_ROLES, (), text, gained=True)


def _shared(resource: Resource, story: Story, name: str) -> None:
    before, after = ({str(one) for one in (side or {}).get(name) or ()} for side in sides(resource))
    for who, gained in ((after - before, True), (before - after, False)):
        if who:
            named = ", ".join(sorted(who))
            text = f"{named} {'can newly' if gained else 'can no longer'} restore the snapshot"
            public = gained and "all" in who
            story.say(
                resource.address, named, ("rds:RestoreDBInstanceFromDBSnapshot",), (), text,
                gained=gained, public=public, cross_account=not public,
            )  # fmt: skip


def _public(resource: Resource, story: Story) -> None:
    """Something that gets an address of the internet: a database, a replication instance, a cluster."""
    before, after = (side is not None and side.get("publicly_accessible") is True for side in sides(resource))
    if after and not before:
        text = f"{resource.address} newly has a public address"
        rule = "network-opened"
        story.say(
            resource.address, "everybody on the internet", ("network",), (resource.address,), text,
            gained=True, rule=rule,
        )  # fmt: skip
