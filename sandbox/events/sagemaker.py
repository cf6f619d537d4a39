"""SageMaker's own events: each change of a job, an endpoint or a model package, as AWS documents them.

https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sandbox.events import bus

DETAIL_TYPES: Mapping[str, str] = {
    "training-job": "SageMaker Training Job State Change",
    "hyper-parameter-tuning-job": "SageMaker HyperParameter Tuning Job State Change",
    "processing-job": "SageMaker Processing Job State Change",
    "transform-job": "SageMaker Transform Job State Change",
    "endpoint": "SageMaker Endpoint State Change",
    "endpoint-deployment": "SageMaker Endpoint Deployment State Change",
    "endpoint-config": "SageMaker Endpoint Config State Change",
    "model": "SageMaker Model State Change",
    "model-package": "SageMaker Model Package State Change",
    "pipeline": "SageMaker Model Building Pipeline Execution Status Change",
}
# an endpoint's status as its event spells it, which is not how DescribeEndpoint does
_ENDPOINT_STATUS: Mapping[str, str] = {
    "Creating": "CREATING",
    "Updating": "UPDATING",
    "SystemUpdating": "SYSTEM_UPDATING",
    "RollingBack": "ROLLING_BACK",
    "InService": "IN_SERVICE",
    "OutOfService": "OUT_OF_SERVICE",
    "Deleting": "DELETING",
    "Failed": "FAILED",
    "UpdateRollbackFailed": "UPDATE_ROLLBACK_FAILED",
}


def changed(kind: str, arn: str, detail: Mapping[str, Any], *, resources: tuple[str, ...] = ()) -> str:
    """Tell the account's default bus that something changed; returns the event's id.

    `kind`: a key of DETAIL_TYPES; `detail`: what Describe shows of it (members that are None are left out, times become
    milliseconds); further `resources` follow the ARN, as an endpoint's config does. Raises KeyError for another kind.
    """
    _, _, _, region, account, _ = arn.split(":", 5)
    shown = {name: _plain(value) for name, value in detail.items() if value is not None}
    if "EndpointStatus" in shown:
        shown["EndpointStatus"] = _ENDPOINT_STATUS.get(str(shown["EndpointStatus"]), shown["EndpointStatus"])
    return bus.emit(account, region, "aws.sagemaker", DETAIL_TYPES[kind], shown, [arn, *resources])


# What the events of jobs hold of their requests; the rest (spot, checkpoints, environment, metrics, billable time) is
# only in Describe. EventBridge's schema registry has these members: aws.sagemaker@SageMakerTrainingJobStateChange ...
_TRAINING = (
    "HyperParameters",
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "VpcConfig",
    "StoppingCondition",
)
_PROCESSING = (
    "ProcessingInputs",
    "ProcessingOutputConfig",
    "ProcessingResources",
    "StoppingCondition",
    "AppSpecification",
    "Environment",
    "NetworkConfig",
    "RoleArn",
    "ExperimentConfig",
)


def training_job(job: Any) -> None:
    """Tell of a training job's new status, primary or secondary."""
    detail = {
        **{name: job.request[name] for name in _TRAINING if name in job.request},
        "TrainingJobName": job.name,
        "TrainingJobArn": job.arn,
        "TrainingJobStatus": job.status,
        "SecondaryStatus": job.secondary_status,
        "FailureReason": job.failure_reason,
        "ModelArtifacts": {"S3ModelArtifacts": job.artifacts} if job.artifacts else None,
        "SecondaryStatusTransitions": [dict(one) for one in job.transitions],
        "CreationTime": job.creation_time,
        "TrainingStartTime": job.start_time,
        "TrainingEndTime": job.end_time,
        "LastModifiedTime": job.last_modified_time,
        "Tags": _tags(job.tags),
    }
    changed("training-job", job.arn, detail)


def processing_job(job: Any) -> None:
    """Tell of a processing job's new status."""
    detail = {
        **{name: job.request[name] for name in _PROCESSING if name in job.request},
        "ProcessingJobName": job.name,
        "ProcessingJobArn": job.arn,
        "ProcessingJobStatus": job.status,
        "ExitMessage": job.exit_message,
        "FailureReason": job.failure_reason,
        "CreationTime": job.creation_time,
        "ProcessingStartTime": job.start_time,
        "ProcessingEndTime": job.end_time,
        "LastModifiedTime": job.last_modified_time,
        "Tags": _tags(job.tags),
    }
    changed("processing-job", job.arn, detail)


def tuning_job(job: Any) -> None:
    """Tell of a tuning job's new status or counts. Which training job is the best is in Describe only."""
    detail = {
        "HyperParameterTuningJobName": job.name,
        "HyperParameterTuningJobArn": job.arn,
        "HyperParameterTuningJobConfig": job.request.get("HyperParameterTuningJobConfig"),
        "TrainingJobDefinition": job.request.get("TrainingJobDefinition"),
        "HyperParameterTuningJobStatus": job.status,
        "FailureReason": job.failure_reason,
        "CreationTime": job.creation_time,
        "LastModifiedTime": job.last_modified_time,
        "TrainingJobStatusCounters": job.counters(),
        "ObjectiveStatusCounters": job.objective_counters(),
        "Tags": _tags(job.tags),
    }
    changed("hyper-parameter-tuning-job", job.arn, detail)


def endpoint(found: Any) -> None:
    """Tell of an endpoint's new status; while a deployment is under way, of the deployment, too."""
    weights = ("VariantName", "CurrentWeight", "DesiredWeight", "CurrentInstanceCount", "DesiredInstanceCount")
    variants = [
        dict(zip(weights, (one.name, one.weight, one.desired_weight, one.count, one.desired_count), strict=True))
        for one in found.fleet.variants.values()
    ]
    detail = {
        "EndpointName": found.name,
        "EndpointArn": found.arn,
        "EndpointConfigName": found.config_name,
        "ProductionVariants": variants,
        "EndpointStatus": found.status,
        "FailureReason": found.failure_reason,
        "CreationTime": found.creation_time,
        "LastModifiedTime": found.last_modified_time,
        "Tags": _tags(found.tags),
    }
    config = f"{found.arn.partition(':endpoint/')[0]}:endpoint-config/{found.config_name.lower()}"
    changed("endpoint", found.arn, detail, resources=(config,))
    if found.status in {"Updating", "RollingBack"} and found.pending_config:
        pending = {"PendingDeploymentSummary": {"EndpointConfigName": found.pending_config}}
        changed("endpoint-deployment", found.arn, {**detail, **pending})


def model_package(package: Any) -> None:
    """Tell of a model package that was registered, or approved or rejected."""
    detail = {
        **package.request,
        "ModelPackageName": f"{package.group}/{package.version}" if package.group else package.name,
        "ModelPackageGroupName": package.group,
        "ModelPackageVersion": package.version,
        "ModelPackageArn": package.arn,
        "ModelPackageStatus": "Completed",
        "CreationTime": package.creation_time,
        "LastModifiedTime": package.last_modified_time,
        "Tags": _tags(package.tags),
    }
    changed("model-package", package.arn, detail)


def _tags(tags: Any) -> dict[str, str]:
    return {one["Key"]: one["Value"] for one in tags or []}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return int(value.timestamp() * 1000)
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items() if one is not None}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value
