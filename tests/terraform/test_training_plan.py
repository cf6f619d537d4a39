"""What the training queue adds to bootstrap and foundation where an environment has one, and that the roles suffice."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from glue.tf import hcl

sys.path.append(str(Path(__file__).parent))

import offline
import permits
from training_needs import KEYS, QUEUE, READS, WRITES

pytestmark = pytest.mark.terraform

FUNCTIONS = ("finish", "launch", "monitor", "release", "submit", "sweep")
ROLES = ("finish", "launch", "monitor", "release", "schedule", "submit")


def committed() -> dict[str, Any]:
    found = hcl.read(offline.ROOT / "environments" / "dev" / "environment.tfvars")["environment"]
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def planned() -> Iterator[dict[str, offline.Planned]]:
    with offline.planner() as plan:
        yield {root: plan(root, committed()) for root in ("bootstrap", "foundation")}


def of_role(planned: offline.Planned, role: str) -> permits.Policy:
    """All that a deployment's role may, in its inline and in its managed policies."""
    found = [
        policy
        for address, policy in planned.policies().items()
        if address.startswith(f'module.deploy_role["{role}"].aws_iam_') and address.endswith(".policy")
    ]
    assert found
    return {"Statement": [statement for policy in found for statement in policy["Statement"]]}


def boundary(planned: dict[str, offline.Planned], bounds: str) -> permits.Policy:
    found: permits.Policy = planned["bootstrap"].policies()[
        f'module.role_boundary["{bounds}"].aws_iam_policy.this.policy'
    ]
    return found


def test_the_queue_is_made_of_these(planned: dict[str, offline.Planned]) -> None:
    inside = [address for address in planned["foundation"].resources if address.startswith("module.training_queue")]
    kinds = Counter(address.split('["this"].')[1].removeprefix("module.topic.").split(".")[0] for address in inside)
    assert kinds == {
        "aws_cloudwatch_dashboard": 1,
        "aws_cloudwatch_event_rule": 1,
        "aws_cloudwatch_event_target": 1,
        "aws_cloudwatch_log_group": 6,
        "aws_cloudwatch_metric_alarm": 13,
        "aws_dynamodb_table": 1,
        "aws_iam_role": 6,
        "aws_iam_role_policy": 6,
        "aws_kms_alias": 2,
        "aws_kms_key": 2,
        "aws_lambda_alias": 1,
        "aws_lambda_event_source_mapping": 3,
        "aws_lambda_function": 6,
        "aws_lambda_function_event_invoke_config": 3,
        "aws_lambda_function_url": 1,
        "aws_scheduler_schedule": 3,
        "aws_scheduler_schedule_group": 1,
        "aws_sns_topic": 1,
        "aws_sqs_queue": 5,
    }


def test_its_names_are_the_conventions(planned: dict[str, offline.Planned]) -> None:
    here = planned["foundation"]
    functions = {after["function_name"] for after in here.of("aws_lambda_function").values()}
    assert functions == {f"{QUEUE}-{name}" for name in FUNCTIONS}
    roles = {after["name"]: after["permissions_boundary"] for after in here.of("aws_iam_role").values()}
    assert {name for name in roles if name.startswith(f"{QUEUE}-")} == {f"{QUEUE}-{name}" for name in ROLES}
    bounds = {limit.rpartition("/")[2] for name, limit in roles.items() if name.startswith(f"{QUEUE}-")}
    assert bounds == {"slipway-dev-queue"}
    assert [after["name"] for after in here.of("aws_dynamodb_table").values()] == [QUEUE]
    assert {after["name"] for after in here.of("aws_sqs_queue").values()} == {
        f"{QUEUE}-{name}" for name in ("events", "events-dead", "failures", "releases", "releases-dead")
    }


def test_every_policy_is_known_in_the_plan_that_makes_it(planned: dict[str, offline.Planned]) -> None:
    kinds = ("aws_iam_role_policy", "aws_kms_key", "aws_sns_topic", "aws_sqs_queue")
    here = planned["foundation"]
    unknown = [address for kind in kinds for address, after in here.of(kind).items() if not after.get("policy")]
    assert unknown == []


def test_functions_stay_within_their_boundary(planned: dict[str, offline.Planned]) -> None:
    limit = boundary(planned, "queue")
    beyond = [
        (address.split('"')[3], action, resource)
        for address, policy in planned["foundation"].policies().items()
        if address.startswith("module.training_queue") and ".aws_iam_role_policy." in address
        for statement in policy["Statement"]
        for action in permits.listed(statement["Action"])
        for resource in permits.listed(statement["Resource"])
        if not permits.names(limit, "Allow", action, resource)
    ]
    assert beyond == []


def test_only_launch_passes_roles_and_only_the_models(planned: dict[str, offline.Planned]) -> None:
    passing = {
        (address.split('"')[3], *permits.listed(statement["Resource"]))
        for address, policy in planned["foundation"].policies().items()
        if ".aws_iam_role_policy." in address
        for statement in policy["Statement"]
        if "iam:PassRole" in permits.listed(statement["Action"])
    }
    assert passing == {("launch", "arn:aws:iam::111111111111:role/slipway-dev-ranker-execution")}


def test_the_deployment_role_can_make_it(planned: dict[str, offline.Planned]) -> None:
    policy = of_role(planned["bootstrap"], "deploy-foundation")
    assert permits.missing(policy, boundary(planned, "deployment"), READS + KEYS + WRITES) == []


def test_the_plan_role_can_read_it_and_changes_nothing(planned: dict[str, offline.Planned]) -> None:
    policy = of_role(planned["bootstrap"], "plan")
    assert permits.missing(policy, boundary(planned, "deployment"), READS) == []
    assert len(permits.missing(policy, boundary(planned, "deployment"), WRITES)) == len(WRITES)


def test_records_of_jobs_are_written_once_by_one_role(planned: dict[str, offline.Planned]) -> None:
    text = (offline.ROOT / "terraform" / "foundation" / "training.tf").read_text()
    assert '"training-history/" = "arn:aws:iam::${local.env.account_id}:role/${local.prefix}-training-finish"' in text
    finish = planned["foundation"].policies()['module.training_queue["this"].aws_iam_role_policy.this["finish"].policy']
    written = [
        resource
        for statement in finish["Statement"]
        if "s3:PutObject" in permits.listed(statement["Action"])
        for resource in permits.listed(statement["Resource"])
    ]
    assert written == ["arn:aws:s3:::slipway-dev-artifacts-111111111111/training-history/*"]
