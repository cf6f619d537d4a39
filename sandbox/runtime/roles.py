"""Temporary credentials of a role, as a service gets them for the workloads that it runs."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from moto.sts.models import sts_backends

from sandbox.errors import AwsError
from sandbox.iam import enforce, world
from sandbox.runtime.context import Context

_CLIENTS = threading.Lock()
_REPOSITORY = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<name>[^:@]+)(?:[:@]|$)"
)
_PULLS = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
DURATION = 12 * 3600  # seconds; on AWS the platform renews credentials, here they live as long as a working day


class RoleError(Exception):
    """The role does not exist or does not trust the service."""


def check_trust(role_arn: str, service: str, *, source_arn: str | None = None) -> None:
    """Raise RoleError unless the role exists and its trust policy lets the service in, on behalf of its own account.

    Message: as SageMaker's (https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html). `source_arn` is what
    the service works for (https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html).
    """
    if not _trusts(role_arn, service, source_arn):
        raise RoleError(
            f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
            f"'{service}' to assume the role."
        )


def check_pull(role_arn: str, uri: str) -> None:
    """Raise RoleError unless the role may pull an image, with SageMaker's words; an image of no registry is not judged.

    https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html#sagemaker-roles-createmodel-perms
    """
    match = _REPOSITORY.match(uri)
    if match is None:
        return
    repository = f"arn:aws:ecr:{match['region']}:{match['account']}:repository/{match['name']}"
    try:
        enforce.check(role_arn, "ecr:GetAuthorizationToken", "*")
        for action in _PULLS:
            enforce.check(role_arn, action, repository)
    except AwsError as error:
        raise RoleError(
            f"Cannot find repository: {match['name']} in registry ID: {match['account']}. Please check if your ECR "
            f"repository exists and role {role_arn} has proper pull permissions for SageMaker: {', '.join(_PULLS)}"
        ) from error


def credentials(context: Context, *, role_arn: str, region: str, session: str) -> dict[str, str]:
    """Return the environment of a workload that acts as the role: credentials, region, endpoint."""
    account_id = role_arn.split(":")[4]
    role: Any = sts_backends[account_id]["aws"].assume_role(
        region_name=region,
        role_session_name=session[:64],
        role_arn=role_arn,
        policy=None,
        duration=DURATION,
        external_id=None,
    )
    environment = {
        "AWS_ACCESS_KEY_ID": role.access_key_id,
        "AWS_SECRET_ACCESS_KEY": role.secret_access_key,
        "AWS_SESSION_TOKEN": role.session_token,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    if context.url:
        environment["AWS_ENDPOINT_URL"] = context.url
    return environment


def client(context: Context, service: str, environment: Mapping[str, str], *, actor: str) -> Any:
    """Return a boto3 client that acts with a workload's credentials; `actor` shows in the access log."""
    with _CLIENTS:  # making clients is not safe against threads; one session reads the service models once
        return _session().client(
            service,
            region_name=environment["AWS_REGION"],
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=environment["AWS_SESSION_TOKEN"],
            endpoint_url=context.url,
            config=Config(
                user_agent_extra=f"sandbox/{actor}",
                s3={"addressing_style": "path"},
                connect_timeout=10,
                read_timeout=60,
                retries={"max_attempts": 3, "mode": "standard"},
            ),
        )


@cache
def _session() -> Any:
    return boto3.session.Session()


def _trusts(role_arn: str, service: str, source_arn: str | None) -> bool:
    parts = role_arn.split(":")
    if len(parts) != 6 or not parts[5].startswith("role/"):
        return False
    found = {"aws:SourceAccount": parts[4], **({"aws:SourceArn": source_arn} if source_arn else {})}
    return enforce.check_trust(world.service(service), role_arn, "sts:AssumeRole", found).allowed
