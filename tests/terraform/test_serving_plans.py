"""What the serving root plans for the committed environments: a chosen part of each plan, and every policy in full."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from scripts.moto_server import moto_server
from tests.terraform.serving_plans import REGION, Plans, revisions

pytestmark = pytest.mark.terraform


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plans]:
    with moto_server() as url:
        folder = tmp_path_factory.mktemp("serving")
        made = Plans(url, folder, folder / "package.zip")
        made.prepare()
        yield made


def created(plan: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What a plan creates, by address."""
    assert {tuple(one["change"]["actions"]) for one in plan["resource_changes"]} == {("create",)}
    return {one["address"]: one["change"]["after"] for one in plan["resource_changes"]}


def statements(policy: str) -> list[dict[str, Any]]:
    return list(json.loads(policy)["Statement"])


def count(plan: dict[str, Any]) -> Counter[str]:
    return Counter(one["type"] for one in plan["resource_changes"])


ENDPOINT = {"aws_sagemaker_model": 1, "aws_sagemaker_endpoint_configuration": 1, "aws_sagemaker_endpoint": 1}
SCALING = {"aws_appautoscaling_target": 1, "aws_appautoscaling_policy": 1, "terraform_data": 1}
# eight kinds on one variant without GPU, and the abort
WATCHED = {"aws_cloudwatch_metric_alarm": 9, "aws_cloudwatch_composite_alarm": 1, "aws_cloudwatch_dashboard": 1}
INVOKER = {
    "aws_lambda_function": 1,
    "aws_lambda_alias": 1,
    "aws_cloudwatch_log_group": 1,
    "aws_iam_role": 1,
    "aws_iam_role_policy": 1,
}
MONITOR = {
    "aws_lambda_function": 1,
    "aws_lambda_permission": 1,
    "aws_cloudwatch_event_rule": 1,
    "aws_cloudwatch_event_target": 1,
    "aws_cloudwatch_log_group": 1,
    "aws_cloudwatch_metric_alarm": 4,
    "aws_iam_role": 1,
    "aws_iam_role_policy": 1,
}


def test_dev_is_an_endpoint_and_little_else(plans: Plans) -> None:
    plan = plans.plan("dev", revisions("dev"))
    assert count(plan) == ENDPOINT | {"aws_cloudwatch_metric_alarm": 7, "aws_cloudwatch_composite_alarm": 1}
    policy = created(plan)["module.endpoint[0].aws_sagemaker_endpoint.this"]["deployment_config"][0]
    assert policy["blue_green_update_policy"][0]["traffic_routing_configuration"][0]["type"] == "ALL_AT_ONCE"


def test_qa_scales_and_has_an_invoker(plans: Plans) -> None:
    plan = plans.plan("qa", revisions("qa"))
    assert count(plan) == ENDPOINT | SCALING | INVOKER | WATCHED
    target = created(plan)['module.endpoint[0].aws_appautoscaling_target.this["main@ml.m5.large"]']
    assert (target["min_capacity"], target["max_capacity"]) == (1, 3)
    settings = created(plan)["module.invoker[0].aws_lambda_function.this"]["environment"][0]["variables"]
    assert json.loads(settings["WEIGHTS"]) == {"main": 1}  # known, though the endpoint is yet to be made


def test_production_lets_the_application_in_and_nobody_else(plans: Plans) -> None:
    plan = plans.plan("production", revisions("production"))
    with_caller = Counter(INVOKER) + Counter(aws_iam_role=1, aws_iam_role_policy=1) + Counter(MONITOR)
    assert count(plan) == Counter(ENDPOINT | SCALING | WATCHED) + with_caller
    resources = created(plan)
    watched = {
        one["Sid"]: one for one in statements(resources["module.monitor[0].aws_iam_role_policy.monitor"]["policy"])
    }
    store = "arn:aws:s3:::slipway-production-artifacts-333333333333"
    assert watched["WriteReports"]["Resource"] == f"{store}/monitoring/ranker/*"
    assert f"{store}/releases/ranker/*/baseline.json" in watched["ReadRequestsLabelsAndBaselines"]["Resource"]
    endpoint = f"arn:aws:sagemaker:{REGION}:333333333333:endpoint/slipway-production-ranker"
    caller = 'module.caller["search"].aws_iam_role.this'
    [trust] = statements(resources[caller]["assume_role_policy"])
    assert trust["Principal"] == {"AWS": "arn:aws:iam::444444444444:role/search-application"}
    assert trust["Action"] == "sts:AssumeRole"
    [allowed] = statements(resources['module.caller["search"].aws_iam_role_policy.invoke']["policy"])
    assert (allowed["Effect"], allowed["Action"], allowed["Resource"]) == (
        "Allow",
        "sagemaker:InvokeEndpoint",
        endpoint,
    )
    rights = {
        one["Sid"]: one for one in statements(resources["module.invoker[0].aws_iam_role_policy.invoke"]["policy"])
    }
    assert rights["InvokeThisEndpoint"]["Resource"] == endpoint
    group = "/aws/lambda/slipway-production-ranker-invoker"
    assert rights["WriteOwnLogs"]["Resource"] == f"arn:aws:logs:{REGION}:333333333333:log-group:{group}:log-stream:*"
    assert rights.keys() == {"InvokeThisEndpoint", "WriteOwnLogs"}
    boundaries = {one["permissions_boundary"] for name, one in resources.items() if name.endswith("aws_iam_role.this")}
    assert boundaries == {"arn:aws:iam::333333333333:policy/slipway-production-workload"}
    tags = resources[caller]["tags_all"]
    assert (tags["owner"], tags["environment"], tags["root"]) == ("ml-platform", "production", "terraform/serving")
    assert tags["repository"].startswith("https://")


def test_before_the_first_promotion_there_is_nothing(plans: Plans) -> None:
    plan = plans.plan("production", {})
    assert plan.get("resource_changes", []) == []
    assert "nothing is deployed yet" in plan["planned_values"]["outputs"]["message"]["value"]


def test_credentials_of_another_account_are_refused(plans: Plans) -> None:
    told = plans.plan("qa", revisions("qa"), of="dev")
    assert "AWS account ID not allowed: 111111111111" in told


def test_a_revision_of_another_environment_is_refused(plans: Plans) -> None:
    told = plans.plan("production", revisions("qa"))
    assert "endpoint ranker: every image must come from 333333333333.dkr.ecr.eu-west-1.amazonaws.com" in told
    assert "Found 222222222222.dkr.ecr" in told
    assert "every execution role must be of account 333333333333" in told
