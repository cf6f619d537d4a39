"""Other resources that hand access to somebody, or take a limit away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glue.review.access.holders import Reader, sides
from glue.review.access.telling import Story
from glue.review.resource import Resource

Values = Mapping[str, Any]

# Who is given what: the attributes that say so.
_GIVING: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "aws_ssoadmin_account_assignment": (("principal_type", "principal_id"), ("permission_set_arn", "target_id")),
    "aws_ssoadmin_managed_policy_attachment": (("permission_set_arn",), ("managed_policy_arn",)),
    "aws_ssoadmin_customer_managed_policy_attachment": (
        ("permission_set_arn",),
        ("customer_managed_policy_reference",),
    ),
    "aws_eks_access_policy_association": (("principal_arn",), ("policy_arn", "cluster_name")),
    "aws_eks_access_entry": (("principal_arn",), ("kubernetes_groups", "cluster_name")),
    "aws_eks_pod_identity_association": (("namespace", "service_account"), ("role_arn",)),
    "aws_lambda_layer_version_permission": (("principal", "organization_id"), ("action", "layer_name")),
    "aws_ami_launch_permission": (("group", "account_id", "organization_arn"), ("image_id",)),
    "aws_snapshot_create_volume_permission": (("account_id",), ("snapshot_id",)),
    "aws_iam_service_linked_role": (("aws_service_name",), ("custom_suffix",)),
    "aws_rolesanywhere_trust_anchor": (("name", "source"), ("enabled",)),
    "aws_rolesanywhere_profile": (("name",), ("role_arns",)),
    "aws_cognito_identity_pool_roles_attachment": (("identity_pool_id",), ("roles",)),
    "aws_redshift_endpoint_authorization": (("account",), ("cluster_identifier",)),
    "aws_lakeformation_data_lake_settings": (("admins",), ("create_database_default_permissions",)),
}
# Whose code acts as which role; only the change of one is told, for what is new its role's trust is.
_ACTING = {
    "aws_lambda_function": "role",
    "aws_sfn_state_machine": "role_arn",
    "aws_instance": "iam_instance_profile",
    "aws_sagemaker_notebook_instance": "role_arn",
    "aws_sagemaker_pipeline": "role_arn",
    "aws_scheduler_schedule": "target",
    "aws_cloudwatch_event_target": "role_arn",
    "aws_codebuild_project": "service_role",
    "aws_glue_job": "role_arn",
    "aws_ecs_service": "iam_role",
}
_EVERYBODY = ("*", "all")


def inspect(reader: Reader, story: Story, account: str | None) -> None:
    """Note what is handed to whom, who acts as another role, and what limit is taken away."""
    for resource in reader.resources:
        if resource.what in ("none", "read", "forget"):
            continue
        own = reader.plan.account_of(resource) or account
        if resource.type in _GIVING:
            _given(reader, resource, story, own)
        elif resource.type in _ACTING and resource.what == "update":
            _acting(resource, story, _ACTING[resource.type])
        elif resource.type == "aws_organizations_policy_attachment":
            _limit(resource, story)


def _given(reader: Reader, resource: Resource, story: Story, own: str | None) -> None:
    whom, what = _GIVING[resource.type]
    for name in whom:
        if resource.has_unknown(name) and reader.references.written(resource, name) is not False:
            story.cannot(resource.address, f"its {name} is known only after the apply")
            return
    (old_who, old_what), (new_who, new_what) = ((_words(side, whom), _words(side, what)) for side in sides(resource))
    unsure = any(resource.has_unknown(name) for name in what)
    if (old_who, old_what) == (new_who, new_what) and not unsure:
        return
    for who, given, gained in ((new_who, new_what, True), (old_who, old_what, False)):
        if who:
            text = f"{who} {'is newly given' if gained else 'is no longer given'} {given or resource.type}"
            public = gained and any(word in _EVERYBODY for word in who.split())
            other = any(word.isdigit() and len(word) == 12 and word != own for word in who.replace(":", " ").split())
            story.say(
                resource.address, who, (resource.type.removeprefix("aws_"),), (given,), f"{text} ({resource.type})",
                gained=gained, public=public and "organization" not in who, cross_account=other,
            )  # fmt: skip


def _words(values: Values | None, names: tuple[str, ...]) -> str:
    found = ((values or {}).get(name) for name in names)
    return " ".join(str(value) for value in found if value not in (None, "", [], {}))


def _acting(resource: Resource, story: Story, attribute: str) -> None:
    old, new = (_role(values, attribute) for values in sides(resource))
    if resource.has_unknown(attribute):
        new = "a role that is known only after the apply"
    if old == new:
        return
    for role, gained in ((new, True), (old, False)):
        if role:
            verb = "newly acts" if gained else "no longer acts"
            text = f"{resource.address} {verb} as {str(role).rpartition(':')[2]}"
            story.say(resource.address, resource.address, ("sts:AssumeRole",), (str(role),), text, gained=gained)


def _role(values: Values | None, attribute: str) -> object:
    found = (values or {}).get(attribute)
    if isinstance(found, list):
        found = found[0].get("role_arn") if found and isinstance(found[0], Mapping) else None
    return found or None


def _limit(resource: Resource, story: Story) -> None:
    """Note an organization's policy that is attached elsewhere, or no longer."""
    old, new = sides(resource)
    whom = str(resource.values.get("target_id") or "an account")
    for values, gained in ((old, True), (new, False)):
        if values is not None and old != new:
            policy = values.get("policy_id")
            text = f"{whom} is {'no longer' if gained else 'newly'} limited by the organization's policy {policy}"
            story.say(resource.address, whom, ("whatever the policy denies",), ("*",), text, gained=gained)
