"""After a promotion production needs nobody: without any grant between accounts it answers, scales and goes back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from glue.tf import revisions_file
from tests.sandbox.estate import Estate

pytestmark = pytest.mark.sandbox
ACCOUNTS = {"dev": "111111111111", "qa": "222222222222", "production": "333333333333"}
ENDPOINT = "slipway-production-ranker"


@pytest.fixture
def alone(estate: Estate) -> Iterator[Estate]:
    """The estate without any grant from one account to another: buckets, keys, registries."""
    undo = []
    for name, account in ACCOUNTS.items():
        s3, kms, ecr = (estate.client(name, service) for service in ("s3", "kms", "ecr"))
        bucket = f"slipway-{name}-artifacts-{account}"
        policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
        undo.append((s3.put_bucket_policy, {"Bucket": bucket, "Policy": policy}))
        s3.delete_bucket_policy(Bucket=bucket)
        key = kms.describe_key(KeyId=f"alias/slipway-{name}-artifacts")["KeyMetadata"]["KeyId"]
        policy = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
        undo.append((kms.put_key_policy, {"KeyId": key, "PolicyName": "default", "Policy": policy}))
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=own_statements(policy, account))
        try:
            policy = ecr.get_registry_policy()["policyText"]
        except ecr.exceptions.RegistryPolicyNotFoundException:
            continue
        undo.append((ecr.put_registry_policy, {"policyText": policy}))
        ecr.delete_registry_policy()
    assert len(undo) == 8, "three stores, three keys, two registries that receive"
    yield estate
    for call, arguments in undo:
        call(**arguments)


def own_statements(policy: str, account: str) -> str:
    """A key policy with what it grants to its own account."""
    document = json.loads(policy)
    root = f"arn:aws:iam::{account}:root"
    document["Statement"] = [one for one in document["Statement"] if one["Principal"] == {"AWS": root}]
    assert document["Statement"], "the account's own statement must stay"
    return json.dumps(document)


def verified(estate: Estate) -> str:
    """Ask the golden requests of what production serves; returns the live revision."""
    said = estate.slipway("verify", "--env", "production", "--endpoint", "ranker", "--format", "json")
    assert said.code == 0, said.out + said.err
    return str(estate.client("production", "sagemaker").describe_endpoint(EndpointName=ENDPOINT)["EndpointConfigName"])


def scaled(estate: Estate, count: int) -> dict[str, Any]:
    """Let autoscaling keep exactly so many instances, and wait until they are there: nothing scales in meanwhile."""
    scaling = estate.client("production", "application-autoscaling")
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    which = {name: target[name] for name in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
    scaling.register_scalable_target(**which, MinCapacity=count, MaxCapacity=count)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        found = estate.client("production", "sagemaker").describe_endpoint(EndpointName=ENDPOINT)
        variant = found["ProductionVariants"][0]
        if found["EndpointStatus"] == "InService" and variant["CurrentInstanceCount"] == count:
            return dict(found)
        time.sleep(0.2)
    raise AssertionError(f"still {found['EndpointStatus']} with {variant['CurrentInstanceCount']} instances")


@pytest.fixture
def bounds(estate: Estate) -> Iterator[None]:
    """The bounds of autoscaling are afterwards what they were."""
    scaling = estate.client("production", "application-autoscaling")
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    yield
    names = ("ServiceNamespace", "ResourceId", "ScalableDimension", "MinCapacity", "MaxCapacity")
    scaling.register_scalable_target(**{name: target[name] for name in names})


def test_production_answers_scales_out_and_goes_back_on_its_own(alone: Estate, bounds: None) -> None:
    before = verified(alone)

    scaled(alone, 1)  # somebody's questions may have brought a second one
    began = alone.mark()
    found = scaled(alone, 2)
    assert found.get("FailureReason") is None
    images = [image["ResolvedImage"] for image in found["ProductionVariants"][0]["DeployedImages"]]
    assert images
    assert all(image.startswith("333333333333.dkr.ecr.") for image in images)
    containers = "assumed-role/slipway-production-ranker-execution/"
    fetched = [line for line in alone.requests(began) if containers in str(line["principal"])]
    assert any(line["operation"] == "GetObject" for line in fetched), "a new instance fetches its model data"
    assert {line["account"] for line in fetched} == {"333333333333"}
    assert {line["status"] for line in fetched} <= {200, 206}
    scaled(alone, 1)

    revisions = revisions_file.load(alone.revisions_file("production"))
    other = next(name for name in revisions.revisions if name != revisions.live)
    for wanted in (other, revisions.live):
        said = alone.slipway("rollback", "--env", "production", "--endpoint", "ranker", "--to", wanted, "--yes")
        assert said.code == 0, said.err
        assert f"-{wanted}-" in verified(alone)
    assert verified(alone) == before


def test_a_promotion_is_what_the_grants_are_for(alone: Estate) -> None:
    said = alone.slipway("promote", alone.release("second"), "--to", "production", "--format", "json")
    assert said.code == 1
    error = said.document["error"]
    assert "slipway-qa-artifacts-222222222222" in error["message"]
    assert "role/slipway-production-promote" in error["message"]
    assert "s3:GetObject" in error["message"] or "s3:ListBucket" in error["message"]
    assert "modules/artifact-store" in error["remedy"]
