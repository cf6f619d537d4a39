"""Good releases on days that are not: a deployment fails or is refused, says why, and a later one succeeds."""

from __future__ import annotations

import json
import shlex
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox.settings import ENVIRONMENT_ACCOUNTS
from tests.sandbox.bad_days.days import World

pytestmark = pytest.mark.sandbox
ALARM = "slipway-qa-ranker-main-errors-5xx"


@pytest.mark.long
def test_a_bake_that_fails_at_the_last_step(world: World):
    """All traffic was on the new fleet already, and goes back. Nobody tries it again by accident."""
    release = world.models.release("good", "late-alarm")
    with (
        world.day("bake fails last", "A rollback alarm goes off in the bake after the last step") as day,
        world.fault("fail-bake", match={"resource": "slipway-qa-ranker", "traffic": "100"}) as fault,
    ):
        day.fails(day.promote(release), "SageMaker rolled", "went into ALARM state", "marked as failed")
        assert fault.hit()
        assert day.live()["release"] == day.old
        day.fails(day.promote(release), "--retry", code=3)


def test_a_canary_that_somebody_aborts(world: World):
    """It ends without Terraform, which holds the state's lock; both commands say who did it, and why."""
    release = world.models.release("good", "late-alarm")
    asked = ("--env", "qa", "--endpoint", "ranker", "--reason", "customers complain", "--yes", "--format", "json")
    with world.day("abort", "`slipway abort` during the canary") as day:
        day.new.add(release)
        since = world.estate.mark()
        started = day.start("promote", release, "--to", "qa", "--apply", "--yes", "--retry")
        # Its audit record begins just before Terraform does.
        started.wait_for(lambda: world.estate.saw("PutObject", since, on="/audit/"), within=240)
        with world.speed(6):  # the two minutes of the canary last until a busy machine has started the command
            day.caller.until(lambda tally: tally.answered[release] > 0, within=240)
            aborting = day.start("abort", *asked)
            aborting.wait_for(lambda: world.status("qa") == "RollingBack")
        said = aborting.end()
        assert (said.code, said.document["aborted"]) == (0, True), said.out + said.err
        day.fails(started.end(), "aborted by", "customers complain")
        assert day.live()["release"] == day.old
        day.converges(day.promote(release, "--retry"), release)


def test_an_alarm_that_rings_already(world: World):
    """No request reaches the new fleet while it rings; `test_terraform_killed_during_the_update` deploys it later."""
    release = world.models.release("good", "red-alarm")
    cloudwatch = world.clients.of("qa", "cloudwatch")
    with world.day("alarm red before", "A rollback alarm rings before the deployment begins") as day:
        with world.fault("ringing-alarm", times=1000, match={"resource": ALARM}):
            until(lambda: alarm_state(cloudwatch) == "ALARM")
            day.fails(day.promote(release), "in ALARM already", ALARM, code=3)
        assert day.live()["release"] == day.old
        assert day.caller.tally.answered[release] == 0
        until(lambda: alarm_state(cloudwatch) == "OK")


def test_a_source_that_is_deleted_during_the_copy(world: World):
    """The message names file and store. The same content, released again, has the same id, and is all there again."""
    release = world.models.release("good", "deleted")
    with world.day("source deleted", "The archive is deleted in the source while it is copied") as day:
        day.new.add(release)
        with world.fault("slow", times=10, match={"service": "s3", "operation": "UploadPartCopy"}, ms=20_000) as fault:
            started = day.start("promote", release, "--to", "qa", "--apply", "--yes")
            started.wait_for(fault.hit)
            delete_archive(world, release)
        day.fails(started.end(), "lacks model.tar.gz", "slipway-dev-artifacts")
        assert day.live()["release"] == day.old
        assert world.models.again("deleted") == release


def test_another_deployment_is_under_way(world: World):
    """Somebody updates the endpoint by hand, without guardrails: the promotion waits for the end of it.

    It does not do what Terraform would do then, which is to delete the endpoint and to make it anew.
    """
    release = world.models.release("good", "deleted")
    first = world.estate.release("first")
    sagemaker = world.clients.of("qa", "sagemaker")
    with world.day("another deployment", "Somebody updates the endpoint by hand just before the promotion") as day:
        day.new |= {first, release}
        with world.speed(6):
            sagemaker.update_endpoint(EndpointName="slipway-qa-ranker", EndpointConfigName=config_of(world, first))
            started = day.start("promote", release, "--to", "qa", "--apply", "--yes")
            time.sleep(6)
        said = day.fails(started.end(), "would delete endpoint slipway-qa-ranker", code=3)
        assert "is Updating" in said.err
        repair(sagemaker, said.out + said.err)
        day.converges(day.promote(release), release)


def test_terraform_killed_during_the_update(world: World):
    """The kernel ends Terraform while SageMaker shifts traffic: the command waits for SageMaker, and completes it."""
    release = world.models.release("good", "red-alarm")
    since = world.estate.mark()
    with world.day("terraform killed", "Terraform is killed while SageMaker shifts traffic") as day:
        day.new.add(release)
        started = day.start("promote", release, "--to", "qa", "--apply", "--yes")
        started.wait_for(lambda: world.estate.saw("UpdateEndpoint", since))
        started.kill_terraform()
        said = started.end()
        assert "killed" in said.err
        day.converges(said, release)


def test_a_key_that_is_disabled(world: World):
    """What runs goes on; nothing can be copied, and the message names the key."""
    release = world.models.release("good", "disabled-key")
    with world.day("key disabled", "The key of the target's store is disabled") as day:
        with disabled(world, "qa"):
            day.fails(day.promote(release), "KMS", "is disabled", "qa")
        assert day.live()["release"] == day.old
        day.converges(day.slipway("promote", release, "--to", "qa", "--dry-run"), day.old)


def test_a_plan_gone_stale(world: World, tmp_path: Path):
    """A colleague applied meanwhile, on another machine: the saved plan is refused, and says what moved."""
    release = world.models.release("good", "disabled-key")
    here = ("--env", "qa", "--endpoint", "ranker")
    with world.day("plan stale", "A colleague applies between `make plan` and `make apply`") as day:
        day.new.add(release)
        assert day.slipway("promote", release, "--to", "qa").code == 0
        assert day.slipway("plan", *here).code == 0
        work = Path(world.estate.environ["SLIPWAY_WORK"])
        for mine in ("plans", "bundles"):
            shutil.copytree(work / mine, tmp_path / mine)
        day.converges(day.slipway("apply", *here), release)
        day.fails(day.slipway("apply", *here), "was applied already", code=3)
        for mine in ("plans", "bundles"):
            shutil.rmtree(work / mine)
            shutil.copytree(tmp_path / mine, work / mine)
        day.fails(day.slipway("apply", *here), "stale", "the state", code=3)


def delete_archive(world: World, release: str) -> None:
    """Delete every version of a release's archive in dev's store, past the policy that lets nobody do that."""
    s3, bucket = world.clients.of("dev", "s3"), "slipway-dev-artifacts-" + ENVIRONMENT_ACCOUNTS["dev"]
    key = f"releases/ranker/{release}/model.tar.gz"
    policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    s3.delete_bucket_policy(Bucket=bucket)
    for version in s3.list_object_versions(Bucket=bucket, Prefix=key)["Versions"]:
        s3.delete_object(Bucket=bucket, Key=key, VersionId=version["VersionId"])
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)


def repair(sagemaker: Any, text: str) -> None:
    """Do what the message's `aws sagemaker update-endpoint` would do."""
    words = shlex.split(text[text.index("aws sagemaker update-endpoint") :].splitlines()[0])
    asked = dict(zip(words[3::2], words[4::2], strict=True))
    sagemaker.update_endpoint(
        EndpointName=asked["--endpoint-name"],
        EndpointConfigName=asked["--endpoint-config-name"],
        DeploymentConfig=json.loads(asked["--deployment-config"]),
    )


def config_of(world: World, release: str) -> str:
    """Return the endpoint config in qa that serves a release."""
    sagemaker = world.clients.of("qa", "sagemaker")
    for entry in sagemaker.list_endpoint_configs(NameContains="slipway-qa-ranker-")["EndpointConfigs"]:
        config = sagemaker.describe_endpoint_config(EndpointConfigName=entry["EndpointConfigName"])
        model = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
        if f"/{release}/" in model["PrimaryContainer"]["ModelDataUrl"]:
            return str(entry["EndpointConfigName"])
    raise AssertionError(f"no config serves {release}")


@contextmanager
def disabled(world: World, environment: str) -> Iterator[None]:
    """Disable the key of an environment's store."""
    kms = world.clients.of(environment, "kms")
    key = kms.describe_key(KeyId=f"alias/slipway-{environment}-artifacts")["KeyMetadata"]["KeyId"]
    kms.disable_key(KeyId=key)
    try:
        yield
    finally:
        kms.enable_key(KeyId=key)


def alarm_state(cloudwatch: Any) -> str:
    """Return the state of the alarm on server errors."""
    return str(cloudwatch.describe_alarms(AlarmNames=[ALARM])["MetricAlarms"][0]["StateValue"])


def until(reached: Callable[[], bool], *, within: float = 30) -> None:
    """Wait for something that the sandbox does by itself."""
    deadline = time.monotonic() + within
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.1)
