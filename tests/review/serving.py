"""Small plans of endpoints, as other people's modules make them: names are given, and nothing is of this repository."""

from __future__ import annotations

import copy
from typing import Any

from tests.review.making import change

ARN = "arn:aws:sagemaker:eu-west-1:333333333333"
ROLE = "arn:aws:iam::333333333333:role/sagemaker"
KEY = "arn:aws:kms:eu-west-1:333333333333:key/one"
IMAGE = "333333333333.dkr.ecr.eu-west-1.amazonaws.com/fraud"
Values = dict[str, Any]


def changed(values: Values, **more: Any) -> Values:
    """Return values with others in them; `path__to__it` reaches into blocks, which are lists of one or more."""
    found = copy.deepcopy(values)
    for path, value in more.items():
        inside: Any = found
        *steps, last = path.split("__")
        for step in steps:
            inside = inside[int(step)] if step.isdigit() else inside[step]
            inside = inside[0] if isinstance(inside, list) and not step.isdigit() and len(inside) == 1 else inside
        inside[last] = value
    return found


def model(name: str = "fraud-1", **more: Any) -> Values:
    """Return a model's values."""
    container = {"image": f"{IMAGE}:1", "model_data_url": "s3://models/1.tar.gz", "environment": {"LEVEL": "info"}}
    values: Values = {
        "name": name,
        "arn": f"{ARN}:model/{name}",
        "execution_role_arn": ROLE,
        "enable_network_isolation": False,
        "primary_container": [container],
        "container": [],
        "vpc_config": [],
        "tags": None,
    }  # fmt: skip
    return changed(values, **more)


def variant(name: str = "main", model_name: str = "fraud-1", **more: Any) -> Values:
    """Return a variant's block."""
    values: Values = {
        "variant_name": name, "model_name": model_name, "initial_variant_weight": 1, "instance_type": "ml.m5.large",
        "initial_instance_count": 2, "serverless_config": [], "volume_size_in_gb": 0,
    }  # fmt: skip
    return values | more


def config(name: str = "fraud-a", *variants: Values, **more: Any) -> Values:
    """Return a config's values."""
    values: Values = {
        "name": name,
        "arn": f"{ARN}:endpoint-config/{name}",
        "production_variants": list(variants or (variant(),)),
        "shadow_production_variants": [],
        "data_capture_config": [],
        "async_inference_config": [],
        "kms_key_arn": None,
    }
    return changed(values, **more)


def canary(percent: int = 10, wait_s: int = 600, *, alarms: tuple[str, ...] = ("errors",)) -> list[Values]:
    """Return a deployment config that tries a part first."""
    routing = {
        "type": "CANARY",
        "wait_interval_in_seconds": wait_s,
        "canary_size": [{"type": "CAPACITY_PERCENT", "value": percent}],
        "linear_step_size": [],
    }
    blue_green = {
        "maximum_execution_timeout_in_seconds": 3600,
        "termination_wait_in_seconds": 300,
        "traffic_routing_configuration": [routing],
    }
    return [
        {
            "blue_green_update_policy": [blue_green],
            "rolling_update_policy": [],
            "auto_rollback_configuration": [{"alarms": [{"alarm_name": name} for name in alarms]}],
        }
    ]


def endpoint(serves: str = "fraud-a", name: str = "fraud", **more: Any) -> Values:
    """Return an endpoint's values; it deploys with a canary and an alarm."""
    values = {
        "name": name,
        "arn": f"{ARN}:endpoint/{name}",
        "endpoint_config_name": serves,
        "deployment_config": canary(),
    }
    return changed(values, **more)


def target(least: int = 1, most: int = 4, *, of: str = "fraud", scaled: str = "main", **more: Any) -> Values:
    """Return a scalable target's values."""
    place = f"endpoint/{of}/variant/{scaled}"
    return {
        "id": place,
        "resource_id": place,
        "min_capacity": least,
        "max_capacity": most,
        "suspended_state": [],
    } | more


def policy(*, of: str = "fraud", scaled: str = "main", near: float = 20) -> Values:
    """Return a scaling policy's values."""
    metric = [{"predefined_metric_type": "SageMakerVariantInvocationsPerInstance"}]
    tracking = [{"predefined_metric_specification": metric, "target_value": near}]
    place = f"endpoint/{of}/variant/{scaled}"
    return {"name": "requests", "resource_id": place, "target_tracking_scaling_policy_configuration": tracking}


def alarm(name: str = "errors", **more: Any) -> Values:
    """Return an alarm's values."""
    return {
        "alarm_name": name, "metric_name": "Invocation5XXErrors", "namespace": "AWS/SageMaker",
        "dimensions": {"EndpointName": "fraud", "VariantName": "main"}, "statistic": "Average", "threshold": 0.02,
        "comparison_operator": "GreaterThanOrEqualToThreshold", "period": 60, "evaluation_periods": 1,
        "treat_missing_data": "notBreaching",
    } | more  # fmt: skip


def stays(address: str, values: Values) -> Values:
    """Return a resource that does not change."""
    return change(address, "no-op", values, values)


MODEL, CONFIG, ENDPOINT = "aws_sagemaker_model", "aws_sagemaker_endpoint_configuration", "aws_sagemaker_endpoint"
TARGET, POLICY, ALARM = (
    "aws_appautoscaling_target.main",
    "aws_appautoscaling_policy.main",
    "aws_cloudwatch_metric_alarm.errors",
)


def moved(
    before: Values | None = None,
    after: Values | None = None,
    *,
    models: tuple[Values, Values] | None = None,
    **endpoints: Any,
) -> list[Values]:
    """Return a deployment from config fraud-a to fraud-b; everything old stays, so that it can go back.

    `endpoints` are what the endpoint has afterwards.
    """
    old, new = models or (model("fraud-1"), model("fraud-2"))
    first = before or config("fraud-a", variant(model_name="fraud-1"))
    then = after or config("fraud-b", variant(model_name="fraud-2"))
    return [
        change(f"{ENDPOINT}.this", "update", endpoint(), endpoint("fraud-b", **endpoints)),
        stays(f"{CONFIG}.a", first | {"name": "fraud-a"}),
        change(f"{CONFIG}.b", "create", None, then | {"name": "fraud-b"}),
        stays(f"{MODEL}.one", old),
        *([change(f"{MODEL}.two", "create", None, new)] if new["name"] != old["name"] else []),
    ]


def at_rest(*, scaled: bool = False) -> list[Values]:
    """Return an endpoint that does not change, with its config and model."""
    found = [stays(f"{ENDPOINT}.this", endpoint()), stays(f"{CONFIG}.a", config()), stays(f"{MODEL}.one", model())]
    return [*found, stays(TARGET, target()), stays(POLICY, policy())] if scaled else found
