"""Deployments watched by alarms that are evaluated on real requests.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from glue import aborting
from glue.aws.cloudwatch import CloudWatch
from glue.aws.errors import Where
from glue.aws.sagemaker import SageMaker
from glue.console import Console
from glue.core import names
from glue.core.environment import Environment
from glue.errors import RefusedError
from sandbox import board, faults
from sandbox.ext import sagemaker_board

from .conftest import ACCOUNT, IMAGE, REGION, World, until


@pytest.fixture
def two(world: World) -> Iterator[World]:
    """An endpoint on c1, a config c2, and an alarm on server errors of a minute. No faults."""
    faults.use()
    world.endpoint()
    world.model("two")
    world.config("c2", "two")
    world.client("cloudwatch").put_metric_alarm(
        AlarmName="errors",
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Dimensions=[{"Name": "EndpointName", "Value": "shop"}, {"Name": "VariantName", "Value": "v0"}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )
    yield world
    faults.use()


def deployment(bake: int = 3000, alarm: str = "errors") -> dict[str, Any]:
    routing = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
    return {
        "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": bake},
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]},
    }


def update(world: World, config: str = "c2", **more: Any) -> None:
    world.client("sagemaker").update_endpoint(EndpointName="shop", EndpointConfigName=config, **more)


def status(world: World) -> str:
    return str(world.client("sagemaker").describe_endpoint(EndpointName="shop")["EndpointStatus"])


@contextlib.contextmanager
def traffic(world: World, body: dict[str, Any]) -> Iterator[None]:
    """Send requests until the end, whatever they are answered."""
    over = threading.Event()

    def send() -> None:
        while not over.is_set():
            with contextlib.suppress(ClientError):
                world.invoke(body)
            over.wait(0.02)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_real_errors_in_the_bake_roll_back(two: World) -> None:
    update(two, DeploymentConfig=deployment())
    until(lambda: two.invoke()["model"], lambda model: model == "two")
    with traffic(two, {"status": 500}):
        seen = two.settle()
    assert (seen["EndpointStatus"], seen["EndpointConfigName"]) == ("InService", "c1")
    assert "[errors] went into ALARM" in seen["FailureReason"]
    history = two.client("cloudwatch").describe_alarm_history(AlarmName="errors", HistoryItemType="StateUpdate")
    assert any("to ALARM" in item["HistorySummary"] for item in history["AlarmHistoryItems"])
    assert two.invoke()["model"] == "one"


def test_good_requests_pass_the_bake(two: World) -> None:
    update(two, DeploymentConfig=deployment(bake=180))
    with traffic(two, {}):
        seen = two.settle()
    assert (seen["EndpointConfigName"], seen.get("FailureReason")) == ("c2", None)
    assert two.client("cloudwatch").describe_alarms()["MetricAlarms"][0]["StateValue"] == "OK"


def test_an_alarm_on_the_new_config_alone(two: World) -> None:
    """Errors of the old fleet do not count against the new one: the dimension EndpointConfigName."""
    names = {"EndpointName": "shop", "VariantName": "v0", "EndpointConfigName": "c2"}
    two.client("cloudwatch").put_metric_alarm(
        AlarmName="green",
        Namespace="AWS/SageMaker",
        MetricName="ModelLatency",
        Dimensions=[{"Name": name, "Value": value} for name, value in names.items()],
        ExtendedStatistic="p99",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    two.invoke()
    later = two.context.clock.elapsed() + 150
    until(two.context.clock.elapsed, lambda now: bool(now > later))
    state = two.client("cloudwatch").describe_alarms(AlarmNames=["green"])["MetricAlarms"][0]["StateValue"]
    assert state == "INSUFFICIENT_DATA"
    update(two, DeploymentConfig=deployment(alarm="green"))
    with traffic(two, {}):
        assert two.settle()["EndpointConfigName"] == "c1"


def test_an_alarm_that_rings_already_stops_it_before_any_request(two: World) -> None:
    two.client("cloudwatch").put_composite_alarm(AlarmName="always", AlarmRule="TRUE")
    update(two, DeploymentConfig=deployment(alarm="always"))
    seen = two.settle()
    assert (seen["EndpointConfigName"], two.invoke()["model"]) == ("c1", "one")
    assert "[always]" in seen["FailureReason"]
    assert len(list((two.home / "workloads").glob("*.json"))) == 1


def test_a_short_ring_is_not_missed(two: World) -> None:
    update(two, DeploymentConfig=deployment())
    until(lambda: two.invoke()["model"], lambda model: model == "two")
    for state in ("ALARM", "OK"):
        two.client("cloudwatch").set_alarm_state(AlarmName="errors", StateValue=state, StateReason="test")
    assert two.settle()["EndpointConfigName"] == "c1"


def test_one_datum_of_an_own_metric_ends_a_deployment_within_seconds(two: World) -> None:
    """High-resolution alarms look at ten seconds, every ten seconds; the datum says that it is of one second.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/publishingMetrics.html
    """
    own = {"Namespace": "Slipway/Deployments", "MetricName": "Abort"}
    of_shop = [{"Name": "EndpointName", "Value": "shop"}]
    cloudwatch = two.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="shop-abort",
        **own,
        Dimensions=of_shop,
        Statistic="Sum",
        Period=10,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )
    update(two, DeploymentConfig=deployment(alarm="shop-abort"))
    until(lambda: two.invoke()["model"], lambda model: model == "two")
    other = [{"Name": "EndpointName", "Value": "shop-2"}]
    datum = {"MetricName": "Abort", "Value": 1.0, "StorageResolution": 1}
    cloudwatch.put_metric_data(Namespace=own["Namespace"], MetricData=[{**datum, "Dimensions": other}])
    later = two.context.clock.elapsed() + 60
    until(two.context.clock.elapsed, lambda now: bool(now > later))
    assert status(two) == "Updating", "another endpoint's abort is none of its business"
    began = two.context.clock.elapsed()
    cloudwatch.put_metric_data(Namespace=own["Namespace"], MetricData=[{**datum, "Dimensions": of_shop}])
    until(lambda: status(two), lambda found: found != "Updating")
    # the whole period that it is in, one evaluation, one look of SageMaker's; and this machine's own time
    assert two.context.clock.elapsed() - began < 40 + 2 * two.context.clock.speed
    seen = two.settle()
    assert (seen["EndpointConfigName"], "[shop-abort]" in seen["FailureReason"]) == ("c1", True)


def test_the_command_ends_a_canary_and_says_what_is_live(two: World) -> None:
    """`slipway abort` on a real deployment: its facades, its patience, and who answers meanwhile."""
    alarm = names.abort_alarm("slipway-qa-shop")
    own = {"Namespace": names.DEPLOYMENTS, "MetricName": names.ABORT_METRIC}
    cloudwatch, name = two.client("cloudwatch"), "slipway-qa-shop"
    cloudwatch.put_metric_alarm(
        AlarmName=alarm,
        **own,
        Dimensions=[{"Name": names.ENDPOINT_DIMENSION, "Value": name}],
        Statistic="Sum",
        Period=10,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )
    sagemaker = two.client("sagemaker")
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName="c1")
    two.settle(name)
    where = Where(ACCOUNT, REGION, "arn:aws:iam::222222222222:user/jo", "sagemaker")
    session: Any = SimpleNamespace(
        environment=Environment(name="qa", account_id=ACCOUNT, region=REGION),
        sagemaker=SageMaker(sagemaker, where=where),
        cloudwatch=CloudWatch(cloudwatch, where=where),
    )
    with pytest.raises(RefusedError, match="no deployment of endpoint slipway-qa-shop is under way: it is InService"):
        aborting.find(session, "shop")
    routing = {
        "Type": "CANARY",
        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
        "WaitIntervalInSeconds": 3000,
    }
    sagemaker.update_endpoint(
        EndpointName=name,
        EndpointConfigName="c2",
        DeploymentConfig={
            "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": 300},
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]},
        },
    )
    for model in ("two", "one"):  # both fleets answer
        until(lambda: two.invoke(name=name)["model"], lambda answered, model=model: answered == model)
    found = aborting.find(session, "shop")
    ended = aborting.abort(session, found, console=Console(environ={}), wait=lambda _: threading.Event().wait(0.1))
    assert (ended.well, ended.status) == (True, "InService")
    assert f"[{alarm}]" in str(ended.said)
    assert {two.invoke(name=name)["model"] for _ in range(20)} == {"one"}


def test_variant_names_stay_under_guardrails(two: World) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html."""
    variant = {"VariantName": "other", "ModelName": "two", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    two.client("sagemaker").create_endpoint_config(EndpointConfigName="c3", ProductionVariants=[variant])
    size = {"Type": "CAPACITY_PERCENT", "Value": 50}
    canary = {"Type": "CANARY", "WaitIntervalInSeconds": 60, "CanarySize": size}
    with pytest.raises(ClientError, match="variant names"):
        update(two, "c3", DeploymentConfig={"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": canary}})
    update(two, "c3")
    assert two.settle()["EndpointConfigName"] == "c3"
    update(two, "c2", DeploymentConfig=deployment(bake=0))  # all at once: an assumption, see docs/sandbox/endpoints.md
    assert two.settle()["EndpointConfigName"] == "c2"


def test_inf1_falls_back_to_all_at_once_without_a_bake(two: World) -> None:
    variant = {"VariantName": "v0", "ModelName": "two", "InstanceType": "ml.inf1.xlarge", "InitialInstanceCount": 1}
    two.client("sagemaker").create_endpoint_config(EndpointConfigName="c3", ProductionVariants=[variant])
    began = two.context.clock.elapsed()
    update(two, "c3", DeploymentConfig=deployment(bake=30_000))
    assert two.settle()["EndpointConfigName"] == "c3"
    assert two.context.clock.elapsed() - began < 10_000


def fault(kind: str, **match: str) -> None:
    faults.registry().add([{"kind": kind, "match": match, "times": 1}])


def test_no_capacity_fails_a_creation_and_rolls_an_update_back(two: World) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-troubleshoot.html."""
    fault("capacity", resource="shop", instance_type="ml.m5.*", operation="UpdateEndpoint")
    update(two)
    seen = two.settle()
    assert (seen["EndpointStatus"], seen["EndpointConfigName"]) == ("InService", "c1")
    assert seen["FailureReason"].startswith("Unable to provision requested ML compute capacity")
    fault("capacity", resource="second")
    two.client("sagemaker").create_endpoint(EndpointName="second", EndpointConfigName="c2")
    seen = two.settle("second")
    assert seen["EndpointStatus"] == "Failed"
    assert "InsufficientInstanceCapacity" in seen["FailureReason"]


def test_instances_that_are_never_ready(two: World) -> None:
    fault("never-ready", resource="shop")
    update(two)
    seen = two.settle()
    assert seen["EndpointConfigName"] == "c1"
    assert "did not pass the ping health check" in seen["FailureReason"]


def test_a_bake_that_is_to_fail(two: World) -> None:
    """An alarm on AWS's own metrics rings, not one that somebody rings by hand."""
    two.client("cloudwatch").put_metric_alarm(
        AlarmName="abort",
        Namespace="Mine",
        MetricName="Abort",
        Statistic="Sum",
        Period=10,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )
    fault("fail-bake", resource="shop")
    alarms = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "abort"}, {"AlarmName": "errors"}]}}
    update(two, DeploymentConfig=deployment() | alarms)
    seen = two.settle()
    assert seen["EndpointConfigName"] == "c1"
    assert "[errors]" in seen["FailureReason"]


def test_a_bake_that_is_to_fail_at_the_last_step(two: World) -> None:
    """The bake after the last shift is watched as the others are, and all traffic goes back: same page."""
    fault("fail-bake", resource="shop", traffic="100")
    policy = deployment()["BlueGreenUpdatePolicy"] | {
        "TrafficRoutingConfiguration": {
            "Type": "CANARY",
            "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
            "WaitIntervalInSeconds": 60,
        }
    }
    update(two, DeploymentConfig=deployment() | {"BlueGreenUpdatePolicy": policy})
    seen = two.settle()
    assert (seen["EndpointConfigName"], two.invoke()["model"]) == ("c1", "one")
    [hit] = faults.registry().recent()
    assert (hit["kind"], hit["traffic"]) == ("fail-bake", "100")


def test_the_page_shows_the_deployment(two: World) -> None:
    update(two, DeploymentConfig=deployment())
    until(lambda: two.invoke()["model"], lambda model: model == "two")
    (shown,) = sagemaker_board.everywhere()
    (part,) = board.snapshot()["parts"]["endpoints"]
    assert shown.account_id == part["account"] == ACCOUNT
    assert (part["status"], part["config"], part["target"], part["phase"]) == ("Updating", "c1", "c2", "baking")
    assert part["alarms"] == ["errors"]
    assert [(one["role"], one["config"], one["share"]) for one in part["fleets"]] == [
        ("live", "c1", 0),
        ("new", "c2", 1),
    ]
    # what others called in the last minute is shown as well
    names = (part["name"], part["fleets"][0]["variant"])
    traffic = board.snapshot()["parts"]["traffic"]
    (rate,) = [one for one in traffic if (one["endpoint"], one["variant"]) == names]
    assert sum(rate["rate"]) > 0
    assert rate["p99_ms"] > 0
    two.client("cloudwatch").set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="test")
    two.settle()


def test_processes_are_measured(two: World) -> None:
    """Endpoint instance metrics: https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html."""
    cloudwatch = two.client("cloudwatch")
    names = until(
        lambda: {one["MetricName"] for one in cloudwatch.list_metrics(Namespace="/aws/sagemaker/Endpoints")["Metrics"]},
        lambda seen: len(seen) == 3,
    )
    assert names == {"CPUUtilization", "MemoryUtilization", "DiskUtilization"}
    metrics = cloudwatch.list_metrics(Namespace="AWS/SageMaker")["Metrics"]
    assert not metrics  # no request, no data point
    two.invoke()
    assert {one["MetricName"] for one in cloudwatch.list_metrics(Namespace="AWS/SageMaker")["Metrics"]} == {
        "Invocations",
        "InvocationsPerInstance",
        "Invocation4XXErrors",
        "Invocation5XXErrors",
        "InvocationModelErrors",
        "ConcurrentRequestsPerModel",
        "ModelLatency",
        "OverheadLatency",
    }
    assert REGION in two.client("sagemaker").describe_endpoint(EndpointName="shop")["EndpointArn"]


def test_a_fault_of_our_own_does_not_leave_it_updating(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("sandbox.runtime.deployment.faults.asks", broken)
    update(two)
    seen = two.settle()
    assert (seen["EndpointConfigName"], seen["FailureReason"]) == ("c1", "InternalServerError: RuntimeError('broken')")
    assert two.invoke()["model"] == "one"


def test_deployed_images_have_digests(world: World) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeployedImage.html."""
    tagged, digest = IMAGE.partition("@")[0] + ":7", IMAGE.partition("@")[2]
    world.images[tagged] = world.images[IMAGE]
    object.__setattr__(world.context, "resolve", lambda *_: f"{tagged[:-2]}@{digest}")
    world.model("one", image=tagged)
    world.config("c1", "one")
    world.endpoint(config="c1")
    (variant,) = world.client("sagemaker").describe_endpoint(EndpointName="shop")["ProductionVariants"]
    (image,) = variant["DeployedImages"]
    assert (image["SpecifiedImage"], image["ResolvedImage"]) == (tagged, IMAGE)


def test_each_status_is_an_event(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html."""
    sent: list[tuple[str, str]] = []
    monkeypatch.setattr(
        "sandbox.events.sagemaker.bus.emit", lambda *event: sent.append((event[3], event[4]["EndpointStatus"]))
    )
    world.endpoint()
    until(lambda: list(sent), lambda seen: len(seen) == 2)
    assert sent == [("SageMaker Endpoint State Change", status) for status in ("CREATING", "IN_SERVICE")]
