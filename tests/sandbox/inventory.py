"""What there is in the accounts, so that it can be shown that nothing changed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

Client = Callable[[str], Any]
# What changes by itself: times, ids of answers, and what autoscaling does as it follows the load.
_PASSING = {"ResponseMetadata", "RevisionId", "LastModified", "LastModifiedTime", "LastUsedDate", "lastEvaluatedAt"} | {
    "EndpointStatus", "CurrentInstanceCount", "DesiredInstanceCount", "VariantStatus", "PendingDeploymentSummary",
}  # fmt: skip
_WRITTEN_BY_ITSELF = ("capture/", "monitoring/")  # by endpoints that are asked, and by functions on their schedules
_OF_BUCKETS = ("policy", "versioning", "encryption", "lifecycle_configuration", "ownership_controls", "replication",
               "notification_configuration", "acl", "tagging", "logging")  # fmt: skip


def of_account(client: Client) -> dict[str, Any]:
    """Return an account's things with their settings, by kind and name, as its administrator sees them."""
    kinds = (_buckets, _roles, _policies, _keys, _images, _endpoints, _functions, _alarms, _others)
    with ThreadPoolExecutor(4) as pool:
        return {
            kind.__name__.strip("_"): found
            for kind, found in zip(kinds, pool.map(lambda k: k(client), kinds), strict=True)
        }


def differences(before: Any, after: Any, where: str = "") -> list[str]:
    """Return where two inventories differ, one line for each place."""
    if isinstance(before, dict) and isinstance(after, dict):
        names = sorted({*before, *after}, key=str)
        return [line for name in names for line in differences(before.get(name), after.get(name), f"{where}/{name}")]
    return [] if before == after else [f"{where}: {before!r} became {after!r}"]


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lasting(item) for key, item in value.items() if key not in _PASSING}
    return [_lasting(item) for item in value] if isinstance(value, list) else value


def _ask(call: Callable[..., Any], **parameters: Any) -> Any:
    """Return an answer, or the code of the error that says that there is none."""
    try:
        return _lasting(call(**parameters))
    except ClientError as error:
        return error.response["Error"]["Code"]


def _all(client: Any, operation: str, member: str, **parameters: Any) -> list[Any]:
    pages = client.get_paginator(operation).paginate(**parameters)
    return [item for page in pages for item in page.get(member, [])]


def _buckets(client: Client) -> dict[str, Any]:
    s3 = client("s3")
    found = {}
    for bucket in s3.list_buckets()["Buckets"]:
        name = bucket["Name"]
        versions = _all(s3, "list_object_versions", "Versions", Bucket=name)
        markers = _all(s3, "list_object_versions", "DeleteMarkers", Bucket=name)
        kept = [one for one in versions if not one["Key"].startswith(_WRITTEN_BY_ITSELF)]
        settings = {what: _ask(getattr(s3, f"get_bucket_{what}"), Bucket=name) for what in _OF_BUCKETS}
        found[name] = settings | {
            "public": _ask(s3.get_public_access_block, Bucket=name),
            "versions": {(one["Key"], one["VersionId"]): (one["ETag"], one["IsLatest"]) for one in kept},
            "markers": sorted((one["Key"], one["VersionId"]) for one in markers),
            "uploads": [one["Key"] for one in s3.list_multipart_uploads(Bucket=name).get("Uploads", [])],
            "tags of objects": {
                one["Key"]: _ask(s3.get_object_tagging, Bucket=name, Key=one["Key"])["TagSet"]
                for one in kept
                if one["IsLatest"]
            },
        }
    return found


def _roles(client: Client) -> dict[str, Any]:
    iam = client("iam")
    found: dict[str, Any] = {}
    for role in _all(iam, "list_roles", "Roles"):
        name = role["RoleName"]
        policies = _all(iam, "list_role_policies", "PolicyNames", RoleName=name)
        about = _lasting(iam.get_role(RoleName=name)["Role"])
        found[name] = {key: about.get(key) for key in _OF_ROLES} | {
            "policies": {one: _ask(iam.get_role_policy, RoleName=name, PolicyName=one) for one in policies},
            "attached": _all(iam, "list_attached_role_policies", "AttachedPolicies", RoleName=name),
        }
    return found


_OF_ROLES = ("Arn", "AssumeRolePolicyDocument", "PermissionsBoundary", "MaxSessionDuration", "Tags", "Description")


def _policies(client: Client) -> dict[str, Any]:
    iam = client("iam")
    own = _all(iam, "list_policies", "Policies", Scope="Local")
    issuers = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    return {
        "policies": {one["Arn"]: _ask(iam.list_policy_versions, PolicyArn=one["Arn"]) for one in own},
        "issuers": {
            one["Arn"]: _ask(iam.get_open_id_connect_provider, OpenIDConnectProviderArn=one["Arn"]) for one in issuers
        },
        "users": [one["Arn"] for one in _all(iam, "list_users", "Users")],
        "groups": [one["Arn"] for one in _all(iam, "list_groups", "Groups")],
        "profiles": [one["Arn"] for one in _all(iam, "list_instance_profiles", "InstanceProfiles")],
    }


def _keys(client: Client) -> dict[str, Any]:
    kms = client("kms")
    aliases = {one["AliasName"]: one.get("TargetKeyId") for one in _all(kms, "list_aliases", "Aliases")}
    found: dict[str, Any] = {"aliases": aliases}
    for key in sorted({aliases[name] for name in aliases if not name.startswith("alias/aws/")}):
        found[key] = {
            "about": _ask(kms.describe_key, KeyId=key),
            "policy": _ask(kms.get_key_policy, KeyId=key, PolicyName="default"),
            "rotation": _ask(kms.get_key_rotation_status, KeyId=key),
            "tags": _ask(kms.list_resource_tags, KeyId=key),
            "grants": _ask(kms.list_grants, KeyId=key),
        }
    return found


def _images(client: Client) -> dict[str, Any]:
    ecr = client("ecr")
    found: dict[str, Any] = {"registry": _ask(ecr.get_registry_policy), "replication": _ask(ecr.describe_registry)}
    for repository in _all(ecr, "describe_repositories", "repositories"):
        name = repository["repositoryName"]
        images = _all(ecr, "list_images", "imageIds", repositoryName=name)
        found[name] = {
            "about": _lasting(repository),
            "policy": _ask(ecr.get_repository_policy, repositoryName=name),
            "expiry": _ask(ecr.get_lifecycle_policy, repositoryName=name),
            "images": sorted((one["imageDigest"], one.get("imageTag", "")) for one in images),
        }
    return found


def _endpoints(client: Client) -> dict[str, Any]:
    sagemaker = client("sagemaker")
    endpoints = [one["EndpointName"] for one in _all(sagemaker, "list_endpoints", "Endpoints")]
    configs = [one["EndpointConfigName"] for one in _all(sagemaker, "list_endpoint_configs", "EndpointConfigs")]
    models = [one["ModelName"] for one in _all(sagemaker, "list_models", "Models")]
    groups = _all(sagemaker, "list_model_package_groups", "ModelPackageGroupSummaryList")
    names = [group["ModelPackageGroupName"] for group in groups]
    scaling = client("application-autoscaling")
    found = {name: _ask(sagemaker.describe_endpoint, EndpointName=name) for name in endpoints}
    return {
        "endpoints": {name: _lasting(about) for name, about in found.items()},
        "tags": {name: _ask(sagemaker.list_tags, ResourceArn=about["EndpointArn"]) for name, about in found.items()},
        "configs": {name: _ask(sagemaker.describe_endpoint_config, EndpointConfigName=name) for name in configs},
        "models": {name: _ask(sagemaker.describe_model, ModelName=name) for name in models},
        "jobs": sorted(one["TrainingJobName"] for one in _all(sagemaker, "list_training_jobs", "TrainingJobSummaries")),
        "packages": {name: _ask(sagemaker.list_model_packages, ModelPackageGroupName=name) for name in names},
        "shared": {name: _ask(sagemaker.get_model_package_group_policy, ModelPackageGroupName=name) for name in names},
        "targets": _ask(scaling.describe_scalable_targets, ServiceNamespace="sagemaker"),
        "scaling": _ask(scaling.describe_scaling_policies, ServiceNamespace="sagemaker"),
    }


def _functions(client: Client) -> dict[str, Any]:
    functions = client("lambda")
    return {
        one["FunctionName"]: {
            "about": _lasting(one),
            "policy": _ask(functions.get_policy, FunctionName=one["FunctionName"]),
            "concurrency": _ask(functions.get_function_concurrency, FunctionName=one["FunctionName"]),
        }
        for one in _all(functions, "list_functions", "Functions")
    }


def _alarms(client: Client) -> dict[str, Any]:
    about = client("cloudwatch").describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    alarms = about["MetricAlarms"] + about["CompositeAlarms"]
    return {
        one["AlarmName"]: {
            key: value for key, value in one.items() if not key.startswith("State") and "Time" not in key
        }
        for one in alarms
    }


def _others(client: Client) -> dict[str, Any]:
    sns, ssm = client("sns"), client("ssm")
    parameters = _all(ssm, "describe_parameters", "Parameters")
    return {
        "topics": {
            one["TopicArn"]: _ask(sns.get_topic_attributes, **one) for one in _all(sns, "list_topics", "Topics")
        },
        "subscriptions": _all(sns, "list_subscriptions", "Subscriptions"),
        "parameters": {one["Name"]: _ask(ssm.get_parameter, Name=one["Name"]) for one in parameters},
        "groups of logs": {
            one["logGroupName"]: one.get("retentionInDays")
            for one in _all(client("logs"), "describe_log_groups", "logGroups")
        },
    }
