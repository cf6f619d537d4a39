"""What the people of the story do with AWS's own SDK: an application asks, an auditor looks.

All of them work in the roles that Terraform made, which their own credentials only assume.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.demo.shell import StepError
from sandbox.settings import ENVIRONMENT_ACCOUNTS

REGION = "eu-west-1"
QUESTION = Path(__file__).with_name("question.json")
REPLICATION_SECONDS = 30
QUIET_SECONDS = 60


@cache
def assumed(profile: str, role_arn: str) -> dict[str, str]:
    """Return a role's credentials as environment variables, assumed with a profile of the sandbox's AWS config."""
    session: Any = boto3.Session(profile_name=profile, region_name=REGION)
    answer = session.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="demo")
    keys = answer["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }


def in_role(environment: str, role: str) -> dict[str, str]:
    """Return the credentials of one of an environment's roles, as environment variables."""
    account = ENVIRONMENT_ACCOUNTS[environment]
    return assumed(environment, f"arn:aws:iam::{account}:role/slipway-{environment}-{role}")


@cache
def client(environment: str, service: str) -> Any:
    """Return a client in an environment's promote role, which asks and looks."""
    return _client(service, in_role(environment, "promote"))


def _client(service: str, keys: Mapping[str, str]) -> Any:
    config = Config(retries={"mode": "standard", "total_max_attempts": 3}, user_agent_extra="demo")
    make: Any = boto3.client
    return make(
        service,
        region_name=REGION,
        config=config,
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=keys["AWS_SESSION_TOKEN"],
    )


def replicated(environment: str, repository: str, digest: str) -> bool:
    """Wait until an environment's registry holds an image; False if it never does. Replication takes its time."""
    registry = client(environment, "ecr")
    deadline = time.monotonic() + REPLICATION_SECONDS
    while time.monotonic() < deadline:
        answer = registry.batch_get_image(repositoryName=repository, imageIds=[{"imageDigest": digest}])
        if answer["images"]:
            return True
        time.sleep(0.5)
    return False


def foundation(environment: str) -> dict[str, Any]:
    """Return what an environment's foundation publishes."""
    answer = client(environment, "ssm").get_parameter(Name=f"/slipway/{environment}/foundation")
    document: dict[str, Any] = json.loads(answer["Parameter"]["Value"])
    return document


def live(environment: str, endpoint: str) -> dict[str, str]:
    """Return what an endpoint serves, from AWS alone: config, revision, release, image of its first variant."""
    sagemaker = client(environment, "sagemaker")
    name = f"slipway-{environment}-{endpoint}"
    described = sagemaker.describe_endpoint(EndpointName=name)
    config = sagemaker.describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
    model = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    container = model["PrimaryContainer"]
    return {
        "status": described["EndpointStatus"],
        "live_config": described["EndpointConfigName"],
        "live_revision": "-".join(described["EndpointConfigName"].removeprefix(f"{name}-").split("-")[:2]),
        "release": container["ModelDataUrl"].split("/")[-2],
        "model_data_url": container["ModelDataUrl"],
        "image": container["Image"],
        "image_digest": container["Image"].partition("@")[2],
    }


def wait_until_quiet(environment: str, endpoint: str) -> None:
    """Wait until none of an endpoint's alarms rings: a deployment would be refused. Raises StepError when one stays."""
    name = f"slipway-{environment}-{endpoint}"
    deadline = time.monotonic() + QUIET_SECONDS
    while True:
        cloudwatch = client(environment, "cloudwatch")
        answer = cloudwatch.describe_alarms(AlarmNamePrefix=name, StateValue="ALARM", AlarmTypes=["MetricAlarm"])
        ringing = [alarm["AlarmName"] for alarm in answer["MetricAlarms"]]
        if not any(alarm.endswith(("-errors-5xx", "-latency-p99", "-abort")) for alarm in ringing):
            return
        if time.monotonic() > deadline:
            raise StepError(f"still in ALARM after {QUIET_SECONDS} s: {', '.join(ringing)}")
        time.sleep(0.5)


def evidence(environment: str, model: str, releases: Iterable[str]) -> dict[str, bool]:
    """Tell for each release whether the environment keeps a record of what it proved, signed by its own key.

    The signature is over the SHA-256 of the record's `evidence` as canonical JSON (glue/core/evidence.py).
    """
    store, keys = client(environment, "s3"), client(environment, "kms")
    bucket = foundation(environment)["artifact_bucket"]
    found = {}
    for release in releases:
        key = f"evidence/{model}/{release}/{environment}.json"
        try:
            record = json.loads(store.get_object(Bucket=bucket, Key=key)["Body"].read())
            text = json.dumps(record["evidence"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            answer = keys.verify(
                KeyId=f"alias/slipway-{environment}-evidence",
                Message=hashlib.sha256(text.encode()).digest(),
                MessageType="DIGEST",
                SigningAlgorithm="ECDSA_SHA_256",
                Signature=base64.b64decode(record["signature"]["value"]),
            )
            found[release] = bool(answer["SignatureValid"]) and record["evidence"]["release"] == release
        except ClientError:
            found[release] = False
    return found


def ask_invoker(environment: str, endpoint: str, question: dict[str, Any]) -> dict[str, Any]:
    """Ask through the invoker function, in its environment's promote role; returns the function's answer."""
    answer = client(environment, "lambda").invoke(
        FunctionName=f"slipway-{environment}-{endpoint}-invoker",
        Qualifier="live",
        Payload=json.dumps({"body": question}).encode(),
    )
    payload = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise StepError(f"the invoker of {environment}/{endpoint} failed: {payload}")
    body = payload["body"]
    return {"status": payload["statusCode"], "answer": json.loads(body) if isinstance(body, str) else body}


def as_caller(environment: str, endpoint: str, caller: str, account_id: str) -> Any:
    """Return a SageMaker runtime client of the caller role, assumed from the application's own account."""
    role = f"arn:aws:iam::{account_id}:role/slipway-{environment}-{endpoint}-caller-{caller}"
    return _client("sagemaker-runtime", assumed("application", role))


def ask_endpoint(runtime: Any, name: str, question: dict[str, Any]) -> dict[str, Any]:
    """Ask an endpoint directly."""
    answer = runtime.invoke_endpoint(
        EndpointName=name, ContentType="application/json", Accept="application/json", Body=json.dumps(question)
    )
    return {"status": 200, "answer": json.loads(answer["Body"].read()), "variant": answer["InvokedProductionVariant"]}
