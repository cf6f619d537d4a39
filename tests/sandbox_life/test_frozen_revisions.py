"""What makes frozen revisions safe, with the real provider on the sandbox: one endpoint's life, from state to state."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.sandbox_life.serving_world import ENDPOINT, Account, Serving
from tests.unit.invoker_support import load

pytestmark = [pytest.mark.sandbox, pytest.mark.terraform, pytest.mark.long]

CONFIG = "module.endpoint[0].aws_sagemaker_endpoint_configuration.this"
MODEL = "module.endpoint[0].aws_sagemaker_model.this"
ENDPOINT_ADDRESS = "module.endpoint[0].aws_sagemaker_endpoint.this"
TARGET = "module.endpoint[0].aws_appautoscaling_target.this"
SCHEDULED = "module.endpoint[0].aws_appautoscaling_target.scheduled"
SCALING = "module.endpoint[0].terraform_data.scaling"
POLICY = "module.endpoint[0].aws_appautoscaling_policy.invocations"
FUNCTION = "module.invoker[0].aws_lambda_function.this"
FUNCTION_ALIAS = "module.invoker[0].aws_lambda_alias.live"
APPLICATION = "arn:aws:iam::444444444444:role/search-application"
ALARM = f"{ENDPOINT}-main-errors-5xx"


@pytest.fixture(scope="module")
def account(sandbox: dict[str, str]) -> Iterator[Account]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            patch.delenv(name, raising=False)
        for name, value in sandbox.items():
            if name.startswith("AWS_"):
                patch.setenv(name, value)
        yield Account(sandbox)


@pytest.fixture(scope="module")
def serving(sandbox: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Serving:
    return Serving(sandbox, tmp_path_factory.mktemp("serving"))


@contextmanager
def ringing(account: Account) -> Iterator[None]:
    """Keep the rollback alarm in ALARM: what SetAlarmState sets lasts until the next evaluation, a minute of AWS's."""
    over = threading.Event()
    cloudwatch = account.client("cloudwatch")

    def ring() -> None:
        while not over.is_set():
            cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue="ALARM", StateReason="rehearsal")
            over.wait(0.2)

    thread = threading.Thread(target=ring)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def settings(live: str, revisions: dict[str, dict[str, Any]], **schedules: dict[str, Any]) -> dict[str, Any]:
    """The tfvars of an endpoint with these revisions, and with schedules of its scaling."""
    return {
        "endpoint": "ranker",
        "serving": {"variants": {"main": {"model": "ranker", "instance_type": "ml.m5.large", "instance_count": 1}}},
        "deployment": "quick",
        "deployment_overrides": {"termination_wait_s": 60},
        "autoscaling": {
            "main": {
                "min": 1,
                "max": 3,
                "invocations_per_instance": 20,
                "scale_in_cooldown_s": 30,
                "scale_out_cooldown_s": 30,
                "schedules": schedules,
            }
        },
        "dashboard": True,
        "invoker": {"timeout_s": 10, "function_url": True, "principals": {"search": APPLICATION}},
        "callers": {"search": {"principal_arns": [APPLICATION]}},
        "live": live,
        "revisions": {name: {"variants": {"main": variant}} for name, variant in revisions.items()},
    }


def key_of(truth: dict[str, Any], revision: str) -> str:
    """The state key of the model that a revision serves."""
    return str(truth["models"][revision]["main"]).removeprefix(f"{ENDPOINT}-")


def wait_for_bounds(account: Account, low: int, high: int) -> None:
    """Wait until the endpoint's one target has these bounds."""
    deadline = time.monotonic() + 30
    while True:
        targets = account.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")
        found = [(target["MinCapacity"], target["MaxCapacity"]) for target in targets["ScalableTargets"]]
        if found == [(low, high)]:
            return
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


def test_an_endpoints_life(account: Account, serving: Serving) -> None:
    image = account.make_ready()
    first, second = account.release(1, image), account.release(2, image)
    third = account.release(3, image, instance_type="ml.c5.large")
    serving.init()
    one, two, three, four = "r1-00000001", "r2-00000002", "r3-00000003", "r4-00000004"

    # created: nothing else to do afterwards
    serving.plan(settings(one, {one: first}))
    serving.apply()
    assert account.answer() == "1"
    assert account.answer_of_function() == {"statusCode": 200, "body": "1", "variant": "main"}
    assert account.answer_to_caller(f"{ENDPOINT}-caller-search") == "1"
    assert serving.plan(settings(one, {one: first})) == {}

    # promotion: two new things, one moved
    changes = serving.plan(settings(two, {one: first, two: second}))
    created = changes.pop("create")
    assert [address.rpartition("[")[0] for address in created] == [CONFIG, MODEL]
    assert changes == {"update": [ENDPOINT_ADDRESS]}
    serving.apply()
    assert account.answer() == "2"
    assert account.live_config() == serving.truth()["configs"][two]

    # rollback: one attribute of one resource
    assert serving.plan(settings(one, {one: first, two: second})) == {"update": [ENDPOINT_ADDRESS]}
    assert serving.differing(ENDPOINT_ADDRESS) == ["endpoint_config_name"]
    serving.apply()
    assert account.answer() == "1"

    # another instance type under autoscaling, a schedule, and the abandoned revision pruned, in one apply
    models = serving.truth()
    often = {"schedule": "rate(5 minutes)", "max": 4}
    changes = serving.plan(settings(three, {one: first, three: third}, often=often))
    assert changes["update"] == [ENDPOINT_ADDRESS]
    assert changes["delete"] == sorted(
        [
            f'{CONFIG}["{two}"]',
            f'{MODEL}["{key_of(models, two)}"]',
            f'{TARGET}["main@ml.m5.large"]',
            f'{POLICY}["main@ml.m5.large"]',
            f'{SCALING}["main@ml.m5.large"]',
        ]
    )
    assert {f'{SCHEDULED}["main@ml.c5.large"]', f'{POLICY}["main@ml.c5.large"]'} < set(changes["create"])
    serving.apply()
    assert account.answer() == "3"
    wait_for_bounds(account, 1, 4)  # the schedule moved them, and Terraform does not move them back
    assert serving.plan(settings(three, {one: first, three: third}, often=often)) == {}

    # SageMaker rolls back by itself: the apply fails with both names, and what was to be pruned is still there
    fourth = account.release(4, image, instance_type="ml.c5.large")
    live = account.live_config()
    changes = serving.plan(settings(four, {three: third, four: fourth}, often=often))
    assert f'{CONFIG}["{one}"]' in changes["delete"]
    with ringing(account):
        failed = serving.apply(check=False)
    assert failed.returncode == 1
    told = " ".join(failed.stderr.replace("│", " ").split())
    # the provider polls: once in a while it meets the roll-back itself, which it takes for a failure as well
    assert "unexpected state 'RollingBack'" in told or (live in told and f"{ENDPOINT}-{four}-" in told)
    assert account.live_config() == live
    assert account.answer() == "3"
    kept = account.client("sagemaker").list_endpoint_configs(NameContains=ENDPOINT)["EndpointConfigs"]
    assert len(kept) == 3

    # moving live back, without the schedule and an alarm: the old target goes before the same one comes, the composite
    # lets go of the alarm before that goes, and the plan is clean again
    last = settings(three, {one: first, three: third}) | {"alarms": {"disk": {"enabled": False}}}
    changes = serving.plan(last)
    assert f'{SCHEDULED}["main@ml.c5.large"]' in changes["delete"]
    assert f'{TARGET}["main@ml.c5.large"]' in changes["create"]
    serving.apply()
    assert account.answer() == "3"
    wait_for_bounds(account, 1, 3)
    scaling = account.client("application-autoscaling")
    kept = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert [policy["PolicyName"] for policy in kept] == [f"{ENDPOINT}-main-invocations"]
    assert scaling.describe_scheduled_actions(ServiceNamespace="sagemaker")["ScheduledActions"] == []
    alarms = account.client("cloudwatch").describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    assert f"{ENDPOINT}-main-disk" not in {alarm["AlarmName"] for alarm in alarms["MetricAlarms"]}
    [composite] = alarms["CompositeAlarms"]
    assert f"{ENDPOINT}-main-cpu" in composite["AlarmRule"]
    assert "disk" not in composite["AlarmRule"]
    assert serving.plan(last) == {}
    two_variants_share(account, serving, last, main=third, challenger=account.release(5, image))


def two_variants_share(
    account: Account, serving: Serving, last: dict[str, Any], *, main: dict[str, Any], challenger: dict[str, Any]
) -> None:
    """A challenger is added all at once, then weights shift in a canary; customers stay with their key's variant."""
    five, six = "r5-00000005", "r6-00000006"
    kept = last["revisions"]["r3-00000003"]

    def both(weight: int) -> dict[str, Any]:
        return {"variants": {"main": main | {"weight": 3}, "challenger": challenger | {"weight": weight}}}

    added = last | {"deployment": "instant", "live": five, "revisions": {"r3-00000003": kept, five: both(1)}}
    serving.plan(added)
    serving.apply()
    customers_stay(account, {"main": 3, "challenger": 1})

    changes = serving.plan(last | {"live": six, "revisions": {five: both(1), six: both(3)}})
    assert changes.pop("create") == [f'{CONFIG}["{six}"]']
    assert changes["update"] == [ENDPOINT_ADDRESS, FUNCTION_ALIAS, FUNCTION]
    serving.apply()
    customers_stay(account, {"main": 3, "challenger": 3})


def customers_stay(account: Account, weights: dict[str, int]) -> None:
    """Each key is answered by the variant that the function's rule says: it has the weights that the endpoint has."""
    rule = load("invoker_assignment")
    answers = {"main": "3", "challenger": "5"}
    chosen = {key: rule.assign(key, among=weights, salt=ENDPOINT) for key in (f"customer-{n}" for n in range(16))}
    assert set(chosen.values()) == {"main", "challenger"}
    for key, variant in chosen.items():
        said = account.answer_of_function(key)
        assert said == {"statusCode": 200, "body": answers[variant], "variant": variant}
