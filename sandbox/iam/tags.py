"""The tags of a resource by its ARN, for aws:ResourceTag and the services' own keys.

Which resources support authorization by tag: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html
S3 buckets do not, as long as ABAC is not switched on for them; objects have s3:ExistingObjectTag.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from moto.applicationautoscaling.models import applicationautoscaling_backends
from moto.awslambda.models import lambda_backends
from moto.cloudwatch.models import cloudwatch_backends
from moto.dynamodb.models import dynamodb_backends
from moto.ecr.models import ecr_backends
from moto.events.models import events_backends
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.logs.models import logs_backends
from moto.sagemaker.models import sagemaker_backends
from moto.scheduler.models import scheduler_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.ssm.models import ssm_backends

log = logging.getLogger(__name__)
Tags = Mapping[str, str]
_SAGEMAKER_STORES = {
    "endpoint": "endpoints",
    "endpoint-config": "endpoint_configs",
    "model": "_models",
    "model-package-group": "model_package_groups",
    "model-package": "model_packages",
    "training-job": "training_jobs",
    "processing-job": "processing_jobs",
    "hyper-parameter-tuning-job": "hyper_parameter_tuning_jobs",
}


def of(arn: str) -> Tags:
    """Return the tags of a resource; none when it does not exist, or its service has none."""
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[2] not in _FINDERS or not parts[4].isdecimal() or "*" in parts[5]:
        return {}
    try:
        return _FINDERS[parts[2]](arn, parts[4], parts[3], parts[5])
    except (KeyError, LookupError, AttributeError):
        log.exception("no tags of %s", arn)
        return {}


def as_mapping(tags: Any, names: tuple[str, str] | None = None) -> dict[str, str]:
    """Return tags as key and value, from any of the shapes in which the services take them."""
    if isinstance(tags, Mapping):
        return {str(key): str(value) for key, value in tags.items()}
    if not isinstance(tags, Iterable) or isinstance(tags, str):
        return {}
    found = {}
    for tag in tags:
        if not isinstance(tag, Mapping):
            continue
        if names:
            key, value = tag.get(names[0]), tag.get(names[1])
        else:
            key, value = tag.get("Key", tag.get("key")), tag.get("Value", tag.get("value"))
        if key is not None:
            found[str(key)] = str(value if value is not None else "")
    return found


def _sagemaker(arn: str, account: str, region: str, resource: str) -> Tags:
    kind, _, name = resource.partition("/")
    store = getattr(sagemaker_backends[account][region], _SAGEMAKER_STORES.get(kind, ""), None) or {}
    found = store.get(name) or store.get(arn)
    if found is None or getattr(found, "arn", arn) != arn:
        found = next((one for one in list(store.values()) if getattr(one, "arn", None) == arn), None)
    return as_mapping(getattr(found, "tags", None) or ())


def _kms(arn: str, account: str, region: str, resource: str) -> Tags:
    del arn
    return dict(kms_backends[account][region].tagger.get_tag_dict_for_resource(resource.removeprefix("key/")))


def _iam(arn: str, account: str, region: str, resource: str) -> Tags:
    del region
    kind, _, path = resource.partition("/")
    backend: Any = iam_backends[account]["aws"]
    if kind == "policy":
        policy = backend.managed_policies.get(arn)
        return as_mapping(policy.get_tags()) if policy is not None else {}
    if kind not in {"role", "user"}:
        return {}
    store = backend.roles if kind == "role" else backend.users
    found = next((one for one in list(store.values()) if one.name == path.rpartition("/")[2]), None)
    return as_mapping(_dicts(found.tags)) if found is not None else {}


def _dicts(tags: Any) -> Any:
    return list(tags.values()) if isinstance(tags, dict) else tags or ()


def _lambda(arn: str, account: str, region: str, resource: str) -> Tags:
    del arn
    kind, _, name = resource.partition(":")
    if kind != "function":
        return {}
    found: Any = lambda_backends[account][region]._lambdas._functions.get(name.partition(":")[0])
    return as_mapping(found["latest"].tags) if found else {}


def _sqs(arn: str, account: str, region: str, resource: str) -> Tags:
    del arn
    found = sqs_backends[account][region].queues.get(resource)
    return as_mapping(found.tags) if found is not None else {}


def _sns(arn: str, account: str, region: str, resource: str) -> Tags:
    del resource
    found = sns_backends[account][region].topics.get(arn)
    return as_mapping(found._tags) if found is not None else {}


def _dynamodb(arn: str, account: str, region: str, resource: str) -> Tags:
    del arn
    found = dynamodb_backends[account][region].tables.get(resource.split("/")[1])
    return as_mapping(found.tags) if found is not None else {}


def _ssm(arn: str, account: str, region: str, resource: str) -> Tags:
    del arn
    backend: Any = ssm_backends[account][region]
    name = resource.removeprefix("parameter")
    tags = backend._resource_tags.get("Parameter", {})
    return as_mapping(tags.get(name) or tags.get(name.lstrip("/")) or {})


def _scaling(arn: str, account: str, region: str, resource: str) -> Tags:
    del resource
    backend: Any = applicationautoscaling_backends[account][region]
    for targets in list(backend.targets.values()):
        for target in list(targets.values()):
            if target.arn == arn:
                return as_mapping(target.__dict__.get("tags") or {})
    return {}


def _tagger(backends: Any) -> Callable[[str, str, str, str], Tags]:
    def find(arn: str, account: str, region: str, resource: str) -> Tags:
        del resource
        backend: Any = backends[account][region or "eu-west-1"]
        return dict(backend.tagger.get_tag_dict_for_resource(arn.removesuffix(":*")))

    return find


_FINDERS: dict[str, Callable[[str, str, str, str], Tags]] = {
    "application-autoscaling": _scaling,
    "cloudwatch": _tagger(cloudwatch_backends),
    "dynamodb": _dynamodb,
    "ecr": _tagger(ecr_backends),
    "events": _tagger(events_backends),
    "iam": _iam,
    "kms": _kms,
    "lambda": _lambda,
    "logs": _tagger(logs_backends),
    "sagemaker": _sagemaker,
    "scheduler": _tagger(scheduler_backends),
    "sns": _sns,
    "sqs": _sqs,
    "ssm": _ssm,
}
