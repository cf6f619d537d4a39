"""The names of the things in the estate that the probes are about, asked from AWS as each account's administrator."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping
from typing import Any

from scripts.probes import Probes
from tests.sandbox.probe_callers import ACCOUNTS, REGION, Callers

_PLACE = re.compile(r"\{([a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\}")
Facts = dict[str, Any]


def gather(callers: Callers, probes: Probes) -> Facts:
    """Return the facts: `{qa.artifacts}` is facts["qa"]["artifacts"]. Every fact is of a thing that exists."""
    facts: Facts = {name: _of_environment(callers, name) for name in ACCOUNTS}
    tokens = {name: callers.token(name) for name in probes.tokens}
    return facts | {"documents": dict(probes.documents), "tokens": tokens, "zip": _archive()}


def fill(value: Any, facts: Facts) -> Any:
    """Return a value of the data with its places filled. Raises KeyError for a fact that is not known."""
    if isinstance(value, Mapping):
        return {key: fill(item, facts) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, facts) for item in value]
    if not isinstance(value, str):
        return value
    if whole := _PLACE.fullmatch(value):
        return _fact(whole[1], facts)
    return _PLACE.sub(lambda place: str(_fact(place[1], facts)), value)


def _fact(path: str, facts: Facts) -> Any:
    found: Any = facts
    for name in path.split("."):
        found = found[name]
    return found


def _of_environment(callers: Callers, name: str) -> Facts:
    account, prefix = ACCOUNTS[name], f"slipway-{name}"

    def client(service: str) -> Any:
        return callers.client(f"{name}/operator", service)

    parameter = client("ssm").get_parameter(Name=f"/slipway/{name}/foundation")["Parameter"]["Value"]
    foundation = json.loads(parameter)
    facts: Facts = {
        "name": name,
        "account": account,
        "artifacts": foundation["artifact_bucket"],
        "states": f"{prefix}-tfstate-{account}",
        "artifact_key": foundation["artifact_key_arn"],
        "evidence_key": foundation["evidence_key_arn"],
        "topic": foundation["notification_topic_arn"],
        "boundary": f"arn:aws:iam::{account}:policy/{prefix}-deployment",
        "workload_boundary": foundation["workload_boundary_arn"],
        "execution_role": foundation["models"]["ranker"]["execution_role_arn"],
        "group": foundation["models"]["ranker"]["model_package_group"],
        "role": f"arn:aws:iam::{account}:role/{prefix}",
        "parameter": parameter,
        "endpoint": f"{prefix}-ranker",
        "sagemaker": f"arn:aws:sagemaker:{REGION}:{account}",
        "repository": f"arn:aws:ecr:{REGION}:{account}:repository/slipway/ranker",
        "function": f"arn:aws:lambda:{REGION}:{account}:function:{prefix}-ranker-invoker",
        "alarm": f"{prefix}-ranker-main-errors-5xx",
        **_queue(account, f"{prefix}-training"),
    }
    for more in (_live, _keys, _policies, _objects):
        facts |= more(client, facts)
    return facts


def _queue(account: str, queue: str) -> Facts:
    """Return the names of a training queue's things, which follow from its own; only one environment has a queue."""
    return {
        "queue": queue,
        "table": f"arn:aws:dynamodb:{REGION}:{account}:table/{queue}",
        "queue_arn": f"arn:aws:sqs:{REGION}:{account}:{queue}",
        "queue_url": f"https://sqs.{REGION}.amazonaws.com/{account}/{queue}",
        "queue_function": f"arn:aws:lambda:{REGION}:{account}:function:{queue}",
        "queue_boundary": f"arn:aws:iam::{account}:policy/{queue.removesuffix('-training')}-queue",
    }


def _live(client: Any, facts: Facts) -> Facts:
    sagemaker = client("sagemaker")
    config = sagemaker.describe_endpoint(EndpointName=facts["endpoint"])["EndpointConfigName"]
    model = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"][0]["ModelName"]
    container = sagemaker.describe_model(ModelName=model)["PrimaryContainer"]
    digest = container["Image"].partition("@")[2]
    jobs = sagemaker.list_training_jobs(SortBy="CreationTime")["TrainingJobSummaries"]
    packages = sagemaker.list_model_packages(ModelPackageGroupName=facts["group"])["ModelPackageSummaryList"]
    images = client("ecr").batch_get_image(repositoryName="slipway/ranker", imageIds=[{"imageDigest": digest}])
    manifest = images["images"][0]["imageManifest"]
    scaling = client("application-autoscaling").describe_scaling_policies(ServiceNamespace="sagemaker")[
        "ScalingPolicies"
    ]
    made_here = {"training_job": jobs[0]["TrainingJobName"]} if jobs else {}
    if scaling:
        made_here["scaling_policy"] = scaling[0]["PolicyName"]
    return {
        **made_here,
        "config": config,
        "model": model,
        "image": container["Image"],
        "digest": digest,
        "manifest": manifest,
        "layer": json.loads(manifest)["layers"][0]["digest"],
        "package": packages[0]["ModelPackageArn"],
        "release": container["ModelDataUrl"].partition(f"s3://{facts['artifacts']}/")[2].rpartition("/")[0],
    }


def _keys(client: Any, facts: Facts) -> Facts:
    kms, prefix = client("kms"), facts["states"].partition("-tfstate-")[0]
    state = kms.describe_key(KeyId=f"alias/{prefix}-tfstate")["KeyMetadata"]["Arn"]
    return {
        "state_key": state,
        "sealed": kms.encrypt(KeyId=facts["artifact_key"], Plaintext=b"probe")["CiphertextBlob"],
        "sealed_state": kms.encrypt(KeyId=state, Plaintext=b"probe")["CiphertextBlob"],
        "artifact_key_policy": kms.get_key_policy(KeyId=facts["artifact_key"], PolicyName="default")["Policy"],
        "state_key_policy": kms.get_key_policy(KeyId=state, PolicyName="default")["Policy"],
    }


def _policies(client: Any, facts: Facts) -> Facts:
    s3, iam, ecr = client("s3"), client("iam"), client("ecr")
    try:
        received = {"registry_policy": ecr.get_registry_policy()["policyText"]}
    except ecr.exceptions.RegistryPolicyNotFoundException:
        received = {}  # nothing is replicated into the first environment
    own = s3.get_bucket_policy(Bucket=facts["artifacts"])["Policy"]
    everybody = {
        "Sid": "All",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{facts['artifacts']}/*",
    }
    public = json.loads(own)  # were it let in, the denials of the store would still be there
    public["Statement"].append(everybody)
    execution = facts["execution_role"].rpartition("/")[2]
    artifacts = iam.get_role_policy(RoleName=execution, PolicyName="artifacts")["PolicyDocument"]
    trust = iam.get_role(RoleName=execution)["Role"]["AssumeRolePolicyDocument"]
    return {
        **received,
        "boundary_version": iam.get_policy(PolicyArn=facts["boundary"])["Policy"]["DefaultVersionId"],
        "artifacts_policy": own,
        "public_policy": json.dumps(public),
        "states_policy": s3.get_bucket_policy(Bucket=facts["states"])["Policy"],
        "execution_policy": json.dumps(artifacts),
        "execution_trust": json.dumps(trust),
    }


def _objects(client: Any, facts: Facts) -> Facts:
    s3 = client("s3")

    def newest(bucket: str, prefix: str) -> Mapping[str, Any]:
        found = s3.list_object_versions(Bucket=bucket, Prefix=prefix).get("Versions", [])
        return found[-1] if found else {}

    release = facts["release"]
    golden = json.load(s3.get_object(Bucket=facts["artifacts"], Key=f"{release}/golden/requests.json")["Body"])
    where_made = {"training": "training/", "index": "release-index/"}  # in the first environment only
    where_made["evidence"] = "evidence/"
    found = {name: newest(facts["artifacts"], prefix).get("Key") for name, prefix in where_made.items()}
    return {
        "version": newest(facts["artifacts"], f"{release}/model.tar.gz")["VersionId"],
        "state_version": newest(facts["states"], "foundation.tfstate")["VersionId"],
        "question": json.dumps(golden[0]["body"]),
    } | {name: key for name, key in found.items() if key}


def _archive() -> bytes:
    """Return a function's code."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("invoker.py", "def handle(event, context):\n    return {}\n")
    return packed.getvalue()
