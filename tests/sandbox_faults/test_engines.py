"""Faults that happen behind the front door, where an engine asks for them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from sandbox import faults
from sandbox.faults.kinds import KINDS
from sandbox.iam import enforce
from sandbox.runtime import clock, training
from sandbox.runtime.training_job import TrainingJob

from .conftest import Client, Set, hits

LIST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "111111111111"}}],
}


def test_every_kind_of_an_engine_is_asked_for() -> None:
    folder = Path(faults.__file__).resolve().parent.parent
    code = "".join(path.read_text() for path in folder.rglob("*.py") if path.parent != folder / "faults")
    missing = [
        name
        for name, kind in KINDS.items()
        if not kind.on_requests and not re.search(rf'(asks|fault)\(\s*"{re.escape(name)}"', code)
    ]
    assert missing == []


@pytest.fixture
def role(request: pytest.FixtureRequest) -> str:
    """Another name for each test: what was known of a role is not forgotten with it."""
    return str(request.node.name)[:60]


@pytest.fixture
def late_role(server: Any, client: Client, role: str) -> Iterator[Any]:
    """A client with a role that may nothing yet."""
    iam = client("iam")
    arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    enforce.use("enforce")
    made = client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    session = boto3.Session(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"], region_name="eu-west-1")
    s3 = session.client("s3")
    yield s3
    enforce.use(None)
    s3.close()
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        iam.delete_role_policy(RoleName=role, PolicyName=name)
    iam.delete_role(RoleName=role)


def test_a_policy_takes_effect_later(late_role: Any, client: Client, fault: Set, role: str) -> None:
    arn = f"arn:aws:iam::111111111111:role/{role}"
    one = fault("iam.consistency", match={"account": "dev", "resource": arn}, effect={"seconds": 90})
    client("iam").put_role_policy(RoleName=role, PolicyName="list", PolicyDocument=json.dumps(LIST))
    began = clock.shared().elapsed()
    with pytest.raises(ClientError, match="AccessDenied"):
        late_role.list_buckets()
    assert hits(one) == 1
    clock.shared().sleep(90 - (clock.shared().elapsed() - began) + 1)
    late_role.list_buckets()
    client("iam").delete_role_policy(RoleName=role, PolicyName="list")
    late_role.list_buckets()  # what was taken away goes on for a while, too
    assert hits(one) == 2


def test_without_a_fault_a_policy_takes_effect_at_once(late_role: Any, client: Client, fault: Set, role: str) -> None:
    fault("iam.consistency", match={"resource": "*:role/other"}, effect={"seconds": 3600})
    with pytest.raises(ClientError, match="AccessDenied"):
        late_role.list_buckets()
    client("iam").put_role_policy(RoleName=role, PolicyName="list", PolicyDocument=json.dumps(LIST))
    late_role.list_buckets()


def test_a_training_job_gets_no_instances(server: Any, fault: Set, tmp_path: Path) -> None:
    match = {"account": "dev", "instance_type": "ml.g5.*"}
    one = fault("training-capacity-error", match=match, times=1)
    request = {"ResourceConfig": {"InstanceType": "ml.g5.xlarge"}}
    arn = "arn:aws:sagemaker:eu-west-1:111111111111:training-job/job"
    job = TrainingJob("job", arn, "111111111111", "eu-west-1", request, [])
    steps = training.run(SimpleNamespace(home=tmp_path), job)  # type: ignore[arg-type]
    assert next(steps) == training.LAUNCH
    assert next(steps, None) is None
    assert (job.status, hits(one)) == ("Failed", 1)
    assert str(job.failure_reason).startswith("CapacityError: Unable to provision requested ML compute capacity.")
