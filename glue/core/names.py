"""Every name in one place. They are contracts: Terraform, the glue and outside tests rely on them.

Limits: SageMaker names have at most 63 characters of letters, digits and hyphens
(https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html).
"""

from __future__ import annotations

import re
from datetime import datetime

from glue.errors import UsageError

SAGEMAKER_NAME_LIMIT = 63
RELEASE_ID = re.compile(r"^(?P<model>[a-z0-9](?:-?[a-z0-9])*)-(?P<date>\d{8})t(?P<time>\d{6})-(?P<commit>[0-9a-f]{7})$")
REVISION_ID = re.compile(r"^r(?P<number>[1-9]\d{0,5})-(?P<hash>[0-9a-f]{8})$")
# What ends a deployment at once: the alarm that each endpoint's deployments obey watches this metric.
DEPLOYMENTS = "Slipway/Deployments"
ABORT_METRIC = "Abort"
ENDPOINT_DIMENSION = "EndpointName"
# The container variable that says which release it serves; the image's answers bear it.
RELEASE_VARIABLE = "SLIPWAY_RELEASE"
MODEL_NAME = re.compile(r"^[a-z0-9](-?[a-z0-9]){0,23}$")


def release_id(*, model: str, created: datetime, commit: str) -> str:
    """Return `<model>-<yyyymmdd>t<hhmmss>-<commit7>`; `created` is taken as UTC.

    Raises UsageError when the model's name is not lower-case letters, digits and single hyphens (24 at most).
    """
    if not MODEL_NAME.match(model):
        raise UsageError(
            f"model name {model!r} is not usable",
            remedy="Use 1 to 24 lower-case letters, digits and single hyphens.",
        )
    if not re.match(r"^[0-9a-f]{7,64}$", commit):
        raise UsageError(f"commit {commit!r} is not a git commit id", remedy="Give at least 7 hex digits.")
    return f"{model}-{created:%Y%m%dt%H%M%S}-{commit[:7]}"


def model_of_release(release: str) -> str:
    """Return the model's name inside a release id. Raises UsageError when it is not a release id."""
    match = RELEASE_ID.match(release)
    if not match:
        raise UsageError(
            f"{release!r} is not a release id",
            remedy="A release id looks like ranker-20260131t120000-1a2b3c4; `slipway release list` shows them.",
        )
    return match["model"]


def artifact_bucket(project: str, environment: str, account_id: str) -> str:
    """Return the artifact store's bucket name of an environment."""
    return f"{project}-{environment}-artifacts-{account_id}"


def state_bucket(project: str, environment: str, account_id: str) -> str:
    """Return the Terraform state bucket's name of an environment."""
    return f"{project}-{environment}-tfstate-{account_id}"


def endpoint_name(project: str, environment: str, endpoint: str) -> str:
    """Return SageMaker's name of an endpoint. Raises UsageError beyond 63 characters."""
    name = f"{project}-{environment}-{endpoint}"
    if len(name) > SAGEMAKER_NAME_LIMIT:
        raise UsageError(
            f"endpoint name {name} has {len(name)} characters; SageMaker takes {SAGEMAKER_NAME_LIMIT}",
            remedy="Shorten the endpoint's name.",
        )
    return name


def abort_alarm(endpoint: str) -> str:
    """Return the name of the alarm that aborts an endpoint's deployment, by the endpoint's full name."""
    return f"{endpoint}-abort"


def foundation_parameter(project: str, environment: str) -> str:
    """Return the name of the SSM parameter that an environment's foundation publishes."""
    return f"/{project}/{environment}/foundation"


def release_prefix(model: str, release: str) -> str:
    """Return the key prefix of a release's files, with the trailing slash."""
    return f"releases/{model}/{release}/"


def async_prefix(endpoint: str) -> str:
    """Return the key prefix of an asynchronous endpoint's requests and answers, with the trailing slash."""
    return f"async/{endpoint}/"


def release_index_key(model: str, name: str) -> str:
    """Return the key that points from a content hash to its release, or from a release id to its content hash.

    Beside the releases, not below them: whoever lists `releases/<model>/` finds releases only.
    """
    return f"release-index/{model}/{name}.json"


def role_arn(account_id: str, project: str, environment: str, role: str) -> str:
    """Return the ARN of one of the product's roles: plan, deploy-foundation, deploy-serving or promote."""
    return f"arn:aws:iam::{account_id}:role/{project}-{environment}-{role}"


def evidence_key_arn(account_id: str, project: str, environment: str, region: str) -> str:
    """Return the ARN of the alias by which an environment's evidence key is known, in every account."""
    return f"arn:aws:kms:{region}:{account_id}:alias/{project}-{environment}-evidence"


def repository_name(project: str, model: str) -> str:
    """Return the image repository's name; the same in every account, because replication keeps names."""
    return f"{project}/{model}"


def pin_tag(digest: str) -> str:
    """Return the tag that keeps an image out of every life-cycle rule: `sha256-` and 12 digits of its digest.

    modules/image-registry spares what carries one.
    """
    return digest.replace(":", "-")[:19]
