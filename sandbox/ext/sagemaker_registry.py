"""SageMaker's model registry: groups, and packages that echo everything they were made with.

moto checks instance types against a list, drops members, and wipes metadata on every update.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow
from moto.sagemaker.responses import SageMakerResponse

from sandbox.events import sagemaker as events
from sandbox.ext.sagemaker_common import (
    LOCK,
    NAME,
    arn,
    backend,
    in_use,
    invalid,
    listed,
    matches,
    params,
    patch,
    tags_of,
    without_none,
)
from sandbox.ext.sagemaker_groups import GROUP_OPERATIONS, Group, group_of
from sandbox.settings import Settings

APPROVALS = ("Approved", "Rejected", "PendingManualApproval")


@dataclass
class Package:
    """One model package; a version of a group, or one with a name of its own."""

    name: str  # of the group when it is versioned
    arn: str
    group: str | None
    version: int | None
    request: dict[str, Any]
    tags: list[dict[str, str]]
    token: str | None
    creation_time: datetime = field(default_factory=utcnow)
    last_modified_time: datetime = field(default_factory=utcnow)
    modified: bool = False


def install(settings: Settings) -> None:
    """Replace moto's registry."""
    del settings
    patch(
        SageMakerResponse,
        *GROUP_OPERATIONS,
        create_model_package,
        describe_model_package,
        update_model_package,
        list_model_packages,
        delete_model_package,
    )


def create_model_package(self: Any) -> ActionResult:
    """CreateModelPackage: the next version of a group; the same ClientToken gives the same package."""
    request = params(self)
    group_name = str(request.pop("ModelPackageGroupName", None) or "").rpartition("/")[2]
    name = request.pop("ModelPackageName", None)
    if bool(group_name) == bool(name):
        raise invalid("Exactly one of ModelPackageName and ModelPackageGroupName must be provided.")
    status = request.get("ModelApprovalStatus")
    _check_approval(status)
    token = request.pop("ClientToken", None)
    packages: dict[str, Package] = backend(self).model_packages
    with LOCK:
        group = group_of(self, group_name) if group_name else None
        known = next((one for one in packages.values() if token and one.token == token), None)
        if known is not None:
            return ActionResult({"ModelPackageArn": known.arn})
        made = _new(self, request, group=group, name=name, token=token)
        packages[made.arn] = made
    events.model_package(made)
    return ActionResult({"ModelPackageArn": made.arn})


def describe_model_package(self: Any) -> ActionResult:
    """DescribeModelPackage: by ARN, or by name for one without a group."""
    package = _package(self, params(self)["ModelPackageName"])
    shown = {"CertifyForMarketplace": False, **package.request, **_identity(package)}
    statuses: list[dict[str, str]] = []
    shown["ModelPackageStatusDetails"] = {"ValidationStatuses": statuses, "ImageScanStatuses": statuses}
    if package.modified:
        shown["LastModifiedTime"] = package.last_modified_time
    return ActionResult(without_none(shown))


def update_model_package(self: Any) -> ActionResult:
    """UpdateModelPackage: what is not sent stays, CustomerMetadataProperties are merged.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateModelPackage.html
    """
    request = params(self)
    with LOCK:
        package = _package(self, request.pop("ModelPackageArn"))
        _check_approval(request.get("ModelApprovalStatus"))
        metadata = dict(package.request.get("CustomerMetadataProperties") or {})
        metadata.update(request.pop("CustomerMetadataProperties", None) or {})
        for key in request.pop("CustomerMetadataPropertiesToRemove", None) or []:
            metadata.pop(key, None)
        more = request.pop("AdditionalInferenceSpecificationsToAdd", None) or []
        if more:
            known = package.request.get("AdditionalInferenceSpecifications") or []
            package.request["AdditionalInferenceSpecifications"] = [*known, *more]
        package.request.update({key: value for key, value in request.items() if value is not None})
        if metadata or package.request.get("CustomerMetadataProperties"):
            package.request["CustomerMetadataProperties"] = metadata
        package.last_modified_time, package.modified = utcnow(), True
    events.model_package(package)
    return ActionResult({"ModelPackageArn": package.arn})


def list_model_packages(self: Any) -> ActionResult:
    """ListModelPackages: of one group, or those without one; newest first is not the default here."""
    request = params(self)
    wanted = str(request.get("ModelPackageGroupName") or "").rpartition("/")[2] or None
    kind = request.get("ModelPackageType") or ("Versioned" if wanted else "Unversioned")
    approval = request.get("ModelApprovalStatus")
    if wanted:
        group_of(self, wanted)
    found = [
        one
        for one in list(backend(self).model_packages.values())
        if matches(one, request)
        and wanted in {None, one.group}
        and approval in {None, one.request.get("ModelApprovalStatus")}
        and (kind == "Both" or (kind == "Versioned") == (one.version is not None))
    ]
    keys = {
        "CreationTime": lambda one: (one.creation_time, one.version or 0),
        "Name": lambda one: (one.name, one.version or 0),
    }
    page, token = listed(found, request, sort_keys=keys, default_order="Ascending")
    members = ("ModelPackageDescription", "ModelApprovalStatus")
    summaries = [
        without_none({**_identity(one), **{member: one.request.get(member) for member in members}}) for one in page
    ]
    return ActionResult({"ModelPackageSummaryList": summaries, "NextToken": token})


def delete_model_package(self: Any) -> EmptyResult:
    """DeleteModelPackage. Its version number is not given out again."""
    with LOCK:
        package = _package(self, params(self)["ModelPackageName"])
        del backend(self).model_packages[package.arn]
    return EmptyResult()


def _new(
    response: Any, request: dict[str, Any], *, group: Group | None, name: str | None, token: str | None
) -> Package:
    tags = tags_of(request)
    if group is not None:
        if tags:
            raise invalid("Tags are not supported for versioned model packages; tag the group.")
        if request.get("SourceAlgorithmSpecification") is None and request.get("InferenceSpecification") is None:
            raise invalid("InferenceSpecification or SourceAlgorithmSpecification must be provided.")
        group.versions += 1
        request.setdefault("ModelApprovalStatus", "PendingManualApproval")
        identifier = arn(response, "model-package", f"{group.name}/{group.versions}")
        return Package(group.name, identifier, group.name, group.versions, request, tags, token)
    if name is None or not NAME.fullmatch(name):
        raise invalid(f"The name {name!r} of a model package must have letters, digits and hyphens only.")
    identifier = arn(response, "model-package", name)
    if identifier in backend(response).model_packages:
        raise in_use(f"Model package already exists: {identifier}")
    return Package(name, identifier, None, None, request, tags, token)


def _identity(package: Package) -> dict[str, Any]:
    return {
        "ModelPackageName": None if package.group else package.name,
        "ModelPackageGroupName": package.group,
        "ModelPackageVersion": package.version,
        "ModelPackageArn": package.arn,
        "ModelPackageStatus": "Completed",
        "CreationTime": package.creation_time,
    }


def _package(response: Any, name: str) -> Package:
    packages: dict[str, Package] = backend(response).model_packages
    found = packages.get(name) or packages.get(arn(response, "model-package", name))
    if found is None:
        identifier = name if name.startswith("arn:") else arn(response, "model-package", name)
        raise invalid(f"ModelPackage {identifier} does not exist.")
    return found


def _check_approval(status: str | None) -> None:
    if status is not None and status not in APPROVALS:
        raise invalid(
            f"1 validation error detected: Value '{status}' at 'modelApprovalStatus' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(APPROVALS)}]"
        )
