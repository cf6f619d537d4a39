"""UpdateEndpoint: traffic, alarms, rollback.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import World, until

ALARMS = {"Alarms": [{"AlarmName": "errors"}]}


def routing(kind: str, **more: Any) -> dict[str, Any]:
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": kind, **more}}}


def canary(wait: int = 600) -> dict[str, Any]:
    size = {"Type": "CAPACITY_PERCENT", "Value": 25}
    return {
        **routing("CANARY", WaitIntervalInSeconds=wait, CanarySize=size),
        "AutoRollbackConfiguration": ALARMS,
    }


@pytest.fixture
def two(world: World) -> World:
    """An endpoint on c1, and a config c2 that nothing uses; an alarm that is quiet."""
    world.endpoint()
    world.model("two")
    world.config("c2", "two")
    world.client("cloudwatch").put_metric_alarm(
        AlarmName="errors",
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        Period=60,
        Threshold=1,
        Statistic="Sum",
    )
    return world


def update(world: World, config: str = "c2", **more: Any) -> None:
    world.client("sagemaker").update_endpoint(EndpointName="shop", EndpointConfigName=config, **more)


def ring(world: World, state: str = "ALARM") -> None:
    world.client("cloudwatch").set_alarm_state(AlarmName="errors", StateValue=state, StateReason="test")


def count(world: World, number: int) -> None:
    world.client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName="shop", DesiredWeightsAndCapacities=[{"VariantName": "v0", "DesiredInstanceCount": number}]
    )
    world.settle()


def counts(seen: dict[str, Any]) -> tuple[int, int]:
    variant = seen["ProductionVariants"][0]
    return variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]


def test_all_at_once(two: World) -> None:
    before = two.invoke()["pid"]
    update(two)
    seen = two.client("sagemaker").describe_endpoint(EndpointName="shop")
    assert seen["EndpointStatus"] == "Updating"
    assert seen["EndpointConfigName"] == "c1"
    pending = seen["PendingDeploymentSummary"]
    assert pending["EndpointConfigName"] == "c2"
    assert pending["ProductionVariants"][0]["InstanceType"] == "ml.m5.large"
    seen = two.settle()
    assert (seen["EndpointStatus"], seen["EndpointConfigName"]) == ("InService", "c2")
    assert "PendingDeploymentSummary" not in seen
    assert two.invoke()["model"] == "two"
    assert two.invoke()["pid"] != before
    assert len(list((two.home / "workloads").glob("*.json"))) == 1  # the old fleet is gone


def test_the_canary_gets_its_share_of_the_traffic(two: World) -> None:
    update(two, DeploymentConfig=canary(wait=6000))
    until(lambda: {two.invoke()["model"] for _ in range(40)}, lambda seen: seen == {"one", "two"})
    answers = [two.invoke()["model"] for _ in range(300)]
    assert 30 < answers.count("two") < 130  # a quarter of 300, give and take
    ring(two)
    assert two.settle()["EndpointConfigName"] == "c1"


def test_linear_ends_on_the_new_config(two: World) -> None:
    size = {"Type": "CAPACITY_PERCENT", "Value": 50}
    wanted = routing("LINEAR", WaitIntervalInSeconds=60, LinearStepSize=size)
    update(two, DeploymentConfig=wanted)
    seen = two.settle()
    assert seen["EndpointConfigName"] == "c2"
    assert seen["LastDeploymentConfig"] == wanted


def test_rolling_ends_on_the_new_config(two: World) -> None:
    size = {"Type": "INSTANCE_COUNT", "Value": 1}
    update(two, DeploymentConfig={"RollingUpdatePolicy": {"MaximumBatchSize": size, "WaitIntervalInSeconds": 30}})
    assert two.settle()["EndpointConfigName"] == "c2"


def test_an_alarm_in_the_bake_rolls_back_to_the_old_config(two: World) -> None:
    count(two, 3)
    update(two, DeploymentConfig=canary())
    until(lambda: {two.invoke()["model"] for _ in range(40)}, lambda seen: seen == {"one", "two"})
    ring(two)
    sagemaker = two.client("sagemaker")
    until(lambda: sagemaker.describe_endpoint(EndpointName="shop")["EndpointStatus"], lambda one: one == "RollingBack")
    assert {two.invoke()["model"] for _ in range(20)} == {"one"}
    seen = until(lambda: sagemaker.describe_endpoint(EndpointName="shop"), lambda x: x["EndpointStatus"] == "InService")
    assert seen["EndpointConfigName"] == "c1"
    assert "errors" in seen["FailureReason"]
    assert counts(seen) == (3, 3)  # kept
    assert len(list((two.home / "workloads").glob("*.json"))) == 2  # of three instances two are real processes


def test_the_reason_goes_with_the_next_success_and_counts_are_reset(two: World) -> None:
    count(two, 3)
    update(two, DeploymentConfig=canary())
    ring(two)  # a state that is set lasts until the alarm is judged anew: not before the deployment looks at it
    assert "FailureReason" in two.settle()
    ring(two, "OK")
    update(two, DeploymentConfig=canary(wait=30))
    seen = two.settle()
    assert seen["EndpointConfigName"] == "c2"
    assert "FailureReason" not in seen
    assert counts(seen) == (1, 1)  # the config's


def test_an_alarm_after_the_last_step_still_rolls_back(two: World) -> None:
    wanted = routing("ALL_AT_ONCE", WaitIntervalInSeconds=0)
    wanted["BlueGreenUpdatePolicy"]["TerminationWaitInSeconds"] = 3000
    update(two, DeploymentConfig={**wanted, "AutoRollbackConfiguration": ALARMS})
    until(lambda: two.invoke()["model"], lambda model: model == "two")
    ring(two)
    assert two.settle()["EndpointConfigName"] == "c1"
    assert two.invoke()["model"] == "one"


def test_a_new_fleet_that_does_not_start_rolls_back(two: World) -> None:
    two.model("sick", exit=True)
    two.config("c3", "sick")
    update(two, "c3")
    seen = two.settle()
    assert (seen["EndpointStatus"], seen["EndpointConfigName"]) == ("InService", "c1")
    assert "did not pass the ping health check" in seen["FailureReason"]
    assert two.invoke()["model"] == "one"


def test_retained_properties(two: World) -> None:
    count(two, 3)
    update(two, RetainAllVariantProperties=True)
    assert counts(two.settle()) == (3, 3)
    update(
        two,
        "c1",
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredInstanceCount"}],
    )
    assert counts(two.settle()) == (1, 1)


def test_the_last_deployment_config_can_be_retained(two: World) -> None:
    update(two, DeploymentConfig=canary(wait=30))
    two.settle()
    update(two, "c1", RetainDeploymentConfig=True)
    assert two.settle()["LastDeploymentConfig"] == canary(wait=30)
    update(two, "c2")
    assert "LastDeploymentConfig" not in two.settle()


def test_no_second_update_and_no_deletion_while_one_is_under_way(two: World) -> None:
    update(two)
    with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
        update(two)
    with pytest.raises(ClientError, match="in use"):
        two.client("sagemaker").delete_endpoint_config(EndpointConfigName="c2")
    two.settle()
    two.client("sagemaker").delete_endpoint_config(EndpointConfigName="c1")


def test_unknown_config_and_deleted_model(two: World) -> None:
    with pytest.raises(ClientError, match="Could not find endpoint configuration"):
        update(two, "nothing")
    two.client("sagemaker").delete_model(ModelName="two")
    with pytest.raises(ClientError, match="Could not find model"):
        update(two)


def test_the_instance_type_of_a_scaled_variant_cannot_change(two: World) -> None:
    scaling = two.client("application-autoscaling")
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/shop/variant/v0",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=3)
    variant = {"VariantName": "v0", "ModelName": "two", "InstanceType": "ml.c6i.xlarge", "InitialInstanceCount": 1}
    two.client("sagemaker").create_endpoint_config(EndpointConfigName="c3", ProductionVariants=[variant])
    with pytest.raises(ClientError, match="must be deregistered as scalable targets with AWS Auto Scaling"):
        update(two, "c3")
    scaling.deregister_scalable_target(**target)
    update(two, "c3")
    assert two.settle()["EndpointConfigName"] == "c3"


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (routing("CANARY", CanarySize={"Type": "CAPACITY_PERCENT", "Value": 60}), "from 1 to 50 percent"),
        (routing("LINEAR", LinearStepSize={"Type": "CAPACITY_PERCENT", "Value": 5}), "from 10 to 50 percent"),
        (routing("CANARY"), "CanarySize is required"),
        ({"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": f"a{n}"} for n in range(11)]}}, "1 to 10 alarms"),
        (
            {
                "BlueGreenUpdatePolicy": {
                    "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE"},
                    "TerminationWaitInSeconds": 900,
                    "MaximumExecutionTimeoutInSeconds": 600,
                }
            },
            "must be larger than the total",
        ),
    ],
)
def test_deployments_that_sagemaker_refuses(two: World, wanted: dict[str, Any], message: str) -> None:
    if "WaitIntervalInSeconds" not in str(wanted) and "BlueGreenUpdatePolicy" in wanted:
        wanted["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["WaitIntervalInSeconds"] = 0
    with pytest.raises(ClientError, match=message):
        update(two, DeploymentConfig=wanted)
    assert two.client("sagemaker").describe_endpoint(EndpointName="shop")["EndpointStatus"] == "InService"


def test_rolling_is_for_one_variant(two: World) -> None:
    two.config("c3", "one", "two")
    size = {"Type": "CAPACITY_PERCENT", "Value": 50}
    with pytest.raises(ClientError, match="one production variant"):
        update(
            two,
            "c3",
            DeploymentConfig={"RollingUpdatePolicy": {"MaximumBatchSize": size, "WaitIntervalInSeconds": 0}},
        )


def test_weights_and_capacities_change_after_a_while(two: World) -> None:
    sagemaker = two.client("sagemaker")
    sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="shop", DesiredWeightsAndCapacities=[{"VariantName": "v0", "DesiredInstanceCount": 4}]
    )
    seen = sagemaker.describe_endpoint(EndpointName="shop")
    assert seen["EndpointStatus"] == "Updating"
    assert seen["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    seen = two.settle()
    assert counts(seen) == (4, 4)
    assert seen["ProductionVariants"][0]["CurrentWeight"] == 1.0  # what was not sent stays


@pytest.mark.parametrize(("names", "message"), [(["v0", "v0"], "non-unique"), (["v7"], "not present within")])
def test_bad_weights(two: World, names: list[str], message: str) -> None:
    with pytest.raises(ClientError, match=message):
        two.client("sagemaker").update_endpoint_weights_and_capacities(
            EndpointName="shop", DesiredWeightsAndCapacities=[{"VariantName": n, "DesiredWeight": 1} for n in names]
        )
