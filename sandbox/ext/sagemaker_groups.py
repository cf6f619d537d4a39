"""Model package groups and their resource policies.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackageGroup.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow

from sandbox.ext.sagemaker_common import (
    LOCK,
    NAME,
    arn,
    backend,
    invalid,
    listed,
    matches,
    params,
    tags_of,
    without_none,
)


@dataclass
class Group:
    """One group; `versions` counts every version that it ever had."""

    name: str
    arn: str
    description: str | None
    tags: list[dict[str, str]]
    versions: int = 0
    policy: str | None = None
    creation_time: datetime = field(default_factory=utcnow)
    last_modified_time: datetime = field(default_factory=utcnow)


def create_model_package_group(self: Any) -> ActionResult:
    """CreateModelPackageGroup."""
    request = params(self)
    name = request["ModelPackageGroupName"]
    groups = backend(self).model_package_groups
    identifier = arn(self, "model-package-group", name)
    if not NAME.fullmatch(name):
        raise invalid(f"The name {name!r} of a model package group must have letters, digits and hyphens only.")
    with LOCK:
        if name in groups:
            raise invalid(f"Model Package Group already exists: {identifier}")
        tags = tags_of(request)
        groups[name] = Group(name, identifier, request.get("ModelPackageGroupDescription"), tags)
    return ActionResult({"ModelPackageGroupArn": identifier})


def describe_model_package_group(self: Any) -> ActionResult:
    """DescribeModelPackageGroup: by name or ARN."""
    group = group_of(self, params(self)["ModelPackageGroupName"])
    return ActionResult(without_none({**_summary(group), "CreatedBy": {}}))


def list_model_package_groups(self: Any) -> ActionResult:
    """ListModelPackageGroups."""
    request = params(self)
    found = [one for one in list(backend(self).model_package_groups.values()) if matches(one, request)]
    keys = {"CreationTime": lambda one: one.creation_time, "Name": lambda one: one.name}
    page, token = listed(found, request, sort_keys=keys, default_order="Ascending")
    return ActionResult({"ModelPackageGroupSummaryList": [without_none(_summary(g)) for g in page], "NextToken": token})


def delete_model_package_group(self: Any) -> EmptyResult:
    """DeleteModelPackageGroup: only an empty one."""
    with LOCK:
        group = group_of(self, params(self)["ModelPackageGroupName"])
        if any(one.group == group.name for one in backend(self).model_packages.values()):
            raise invalid(f"Model package group {group.arn} cannot be deleted because it has model packages.")
        del backend(self).model_package_groups[group.name]
    return EmptyResult()


def put_model_package_group_policy(self: Any) -> ActionResult:
    """PutModelPackageGroupPolicy."""
    request = params(self)
    group = group_of(self, request["ModelPackageGroupName"])
    try:
        json.loads(request["ResourcePolicy"])
    except ValueError as error:
        raise invalid(f"The resource policy is not JSON: {error}") from error
    group.policy = request["ResourcePolicy"]
    return ActionResult({"ModelPackageGroupArn": group.arn})


def get_model_package_group_policy(self: Any) -> ActionResult:
    """GetModelPackageGroupPolicy."""
    group = group_of(self, params(self)["ModelPackageGroupName"])
    if group.policy is None:
        raise invalid(f"Cannot find resource policy for: {group.arn}")
    return ActionResult({"ResourcePolicy": group.policy})


def delete_model_package_group_policy(self: Any) -> EmptyResult:
    """DeleteModelPackageGroupPolicy."""
    group = group_of(self, params(self)["ModelPackageGroupName"])
    if group.policy is None:
        raise invalid(f"Cannot find resource policy for: {group.arn}")
    group.policy = None
    return EmptyResult()


def group_of(response: Any, name: str) -> Group:
    """Return a group by name or ARN. Raises ValidationException."""
    short = name.rpartition("/")[2]
    group: Group | None = backend(response).model_package_groups.get(short)
    if group is None:
        raise invalid(f"ModelPackageGroup {arn(response, 'model-package-group', short)} does not exist.")
    return group


def _summary(group: Group) -> dict[str, Any]:
    return {
        "ModelPackageGroupName": group.name,
        "ModelPackageGroupArn": group.arn,
        "ModelPackageGroupDescription": group.description,
        "CreationTime": group.creation_time,
        "ModelPackageGroupStatus": "Completed",
    }


GROUP_OPERATIONS = (
    create_model_package_group,
    describe_model_package_group,
    list_model_package_groups,
    delete_model_package_group,
    put_model_package_group_policy,
    get_model_package_group_policy,
    delete_model_package_group_policy,
)
