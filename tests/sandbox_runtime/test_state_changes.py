"""What SageMaker tells the account's event bus.

https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
"""

from __future__ import annotations

from typing import Any

from sandbox.events import bus

from .conftest import ACCOUNT, REGION, World


def told(kind: str) -> list[dict[str, Any]]:
    """The events of this kind, oldest first."""
    seen = [one["event"] for one in reversed(bus.recent()) if one["account"] == ACCOUNT]
    return [one for one in seen if one["detail-type"] == kind and one["source"] == "aws.sagemaker"]


def test_an_endpoint_tells_of_each_status(world: World) -> None:
    bus.forget()
    world.endpoint("told")
    found = told("SageMaker Endpoint State Change")
    assert [one["detail"]["EndpointStatus"] for one in found] == ["CREATING", "IN_SERVICE"]
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/told"
    assert found[0]["resources"] == [arn, f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint-config/c1"]
    detail = found[1]["detail"]
    assert (detail["EndpointName"], detail["EndpointArn"], detail["EndpointConfigName"]) == ("told", arn, "c1")
    assert detail["ProductionVariants"][0]["VariantName"] == "v0"
    assert isinstance(detail["CreationTime"], int)
    assert detail["Tags"] == {}


def test_an_update_tells_of_the_deployment_too(world: World) -> None:
    world.endpoint("told")
    bus.forget()
    world.model("two")
    world.config("c2", "two")
    world.client("sagemaker").update_endpoint(EndpointName="told", EndpointConfigName="c2")
    world.settle("told")
    found = [one["detail"]["EndpointStatus"] for one in told("SageMaker Endpoint State Change")]
    assert found == ["UPDATING", "IN_SERVICE"]
    (deployment,) = told("SageMaker Endpoint Deployment State Change")
    assert deployment["detail"]["PendingDeploymentSummary"]["EndpointConfigName"] == "c2"
