"""Managed spot training, checkpoints, several instances, entry points, quotas: what the training queue relies on.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-managed-spot-training.html
https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html
"""

from __future__ import annotations

import io
import json
import tarfile
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox import faults
from sandbox.events import bus
from sandbox.ext import sagemaker_rates
from sandbox.faults.registry import Registry
from sandbox.runtime import clock, job_data, jobs
from sandbox.runtime.clock import Clock

from .conftest import BUCKET, IMAGE, ROLE, World, make_image, session, until

TRAIN = r"""
#!/bin/sh
# Counts how often it was started, by a file among its checkpoints; trains until it was started $RUNS times.
steps="$SM_MODEL_DIR/../checkpoints/steps"
echo x >> "$steps"
count=$(wc -l < "$steps")
echo "starts=$count host=$SM_CURRENT_HOST"
if [ "$count" -lt "${RUNS:-1}" ]; then sleep 30 & trap 'kill $!; exit 1' TERM; wait; fi
[ "$SM_CURRENT_HOST" = "$FAIL_HOST" ] && { printf 'no memory' > "$SM_OUTPUT_DIR/failure"; exit 7; }
[ -n "$LINGER" ] && [ "$SM_CURRENT_HOST" != "$FAIL_HOST" ] && sleep "$LINGER"
cp "$SM_INPUT_CONFIG_DIR/resourceconfig.json" "$SM_MODEL_DIR/$SM_CURRENT_HOST.json"
for folder in "$SM_MODEL_DIR"/../input/data/*; do
  [ -d "$folder" ] && ls "$folder" > "$SM_MODEL_DIR/$SM_CURRENT_HOST.$(basename "$folder")"
done
exit 0
"""
SPOT = {
    "EnableManagedSpotTraining": True,
    "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 600},
    "CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/checkpoints/job"},
}


@pytest.fixture
def school(world: World) -> Iterator[World]:
    world.images[IMAGE] = make_image(world.home / "school", train=TRAIN, tool="#!/bin/sh\nexec train\n")
    faults.use(Registry(lambda: clock.shared().now()))
    yield world
    faults.use()


def launch(world: World, name: str = "job", **more: Any) -> Any:
    client = world.client("sagemaker")
    request = {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/training/"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    client.create_training_job(**{**request, **more})
    return client


def ended(client: Any, name: str = "job") -> dict[str, Any]:
    return dict(
        until(
            lambda: client.describe_training_job(TrainingJobName=name),
            lambda job: job["TrainingJobStatus"] in {"Completed", "Failed", "Stopped"},
            within=15,
        )
    )


def statuses(job: dict[str, Any]) -> list[str]:
    return [one["Status"] for one in job["SecondaryStatusTransitions"]]


def archive(world: World, job: dict[str, Any]) -> dict[str, str]:
    _, _, key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").partition("/")
    body = world.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        return {one.name: tar.extractfile(one).read().decode() for one in tar}  # type: ignore[union-attr]


def test_an_interrupted_job_goes_on_from_its_checkpoints(school: World) -> None:
    faults.registry().add([{"kind": "spot-interruption", "effect": {"after_s": 0.3}, "times": 1}])
    job = ended(launch(school, **SPOT, Environment={"RUNS": "2"}))
    assert job["TrainingJobStatus"] == "Completed", job
    once = ["Starting", "Downloading", "Training"]
    assert statuses(job) == [*once, "Interrupted", *once, "Uploading", "Completed"]
    saved = school.client("s3").get_object(Bucket=BUCKET, Key="checkpoints/job/steps")["Body"].read()
    assert saved == b"x\nx\n"  # the second run found what the first had left
    assert job["EnableManagedSpotTraining"] is True
    assert job["BillableTimeInSeconds"] < job["TrainingTimeInSeconds"]
    # a later job with the same prefix goes on, too
    ended(launch(school, "later", CheckpointConfig=SPOT["CheckpointConfig"]), "later")
    saved = school.client("s3").get_object(Bucket=BUCKET, Key="checkpoints/job/steps")["Body"].read()
    assert saved == b"x\nx\nx\n"


def test_what_is_written_just_now_is_left_for_the_next_look(school: World) -> None:
    folder = school.home / "written"
    folder.mkdir()
    s3 = school.client("s3")
    mirror = job_data.Mirror(s3, f"s3://{BUCKET}/mirror", [folder], what="Checkpoint")
    (folder / "epoch").write_bytes(b"1")
    assert [mirror.sync(settled=True) for _ in range(3)] == [0, 1, 0]
    (folder / "epoch").write_bytes(b"12")
    assert (mirror.sync(settled=True), mirror.sync()) == (0, 1)  # the last look takes all there is
    assert s3.get_object(Bucket=BUCKET, Key="mirror/epoch")["Body"].read() == b"12"


def test_no_spot_instances_within_the_maximum_wait(school: World) -> None:
    faults.registry().add([{"kind": "no-spot-capacity", "match": {"instance_type": "ml.m5.*", "purchase": "spot"}}])
    job = ended(launch(school, **SPOT))
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")
    assert statuses(job) == ["Starting", "MaxWaitTimeExceeded"]
    assert "TrainingStartTime" not in job
    assert ended(launch(school, "other"), "other")["TrainingJobStatus"] == "Completed"  # on demand there are some


def test_a_maximum_wait_is_needed_on_spot_only(school: World) -> None:
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StoppingCondition.html
    short = {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59}
    for more, words in (
        ({"EnableManagedSpotTraining": True}, "Invalid MaxWaitTimeInSeconds"),
        ({"EnableManagedSpotTraining": True, "StoppingCondition": short}, "Invalid MaxWaitTimeInSeconds"),
        ({"StoppingCondition": short}, "not supported when EnableManagedSpotTraining"),
    ):
        with pytest.raises(ClientError, match=words):
            launch(school, **more)


def test_each_instance_has_its_name_and_its_share(school: World) -> None:
    # https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
    s3 = school.client("s3")
    for name in ("a", "b", "c"):
        s3.put_object(Bucket=BUCKET, Key=f"data/{name}.csv", Body=b"1\n")
    manifest = [{"prefix": f"s3://{BUCKET}/data/"}, "c.csv"]
    s3.put_object(Bucket=BUCKET, Key="some.manifest", Body=json.dumps(manifest).encode())
    sources = {
        "all": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/data/"},
        "one": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/data/a.csv"},
        "share": {
            "S3DataType": "S3Prefix",
            "S3Uri": f"s3://{BUCKET}/data/",
            "S3DataDistributionType": "ShardedByS3Key",
        },
        "listed": {"S3DataType": "ManifestFile", "S3Uri": f"s3://{BUCKET}/some.manifest"},
    }
    channels = [{"ChannelName": name, "DataSource": {"S3DataSource": one}} for name, one in sources.items()]
    channels[0]["InputMode"] = "FastFile"
    kind = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 5}
    job = ended(launch(school, ResourceConfig=kind, InputDataConfig=channels))
    assert job["TrainingJobStatus"] == "Completed", job
    found = archive(school, job)
    second = json.loads(found["algo-2.json"])
    assert (second["current_host"], second["hosts"]) == ("algo-2", ["algo-1", "algo-2"])
    assert [found[f"algo-2.{name}"].split() for name in sources] == [
        ["a.csv", "b.csv", "c.csv"],
        ["a.csv"],
        ["b.csv"],
        ["c.csv"],
    ]


def test_one_failing_instance_fails_the_job(school: World) -> None:
    kind = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 5}
    began = time.monotonic()
    job = ended(launch(school, ResourceConfig=kind, Environment={"FAIL_HOST": "algo-2", "LINGER": "20"}))
    assert job["FailureReason"] == "AlgorithmError: no memory, exit code: 7"
    assert time.monotonic() - began < 10  # the other one was ended


def test_entry_point_and_arguments(school: World) -> None:
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AlgorithmSpecification.html
    specification = {
        "TrainingImage": IMAGE,
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["/bin/sh", "-c", 'echo "$0" > /opt/ml/model/said; echo "$PLACE" >> /opt/ml/model/said'],
        "ContainerArguments": ["hello"],
    }
    job = ended(launch(school, AlgorithmSpecification=specification, Environment={"PLACE": "in:/opt/ml/input/data"}))
    hello, place = archive(school, job)["said"].splitlines()
    assert hello == "hello"
    assert place.startswith(f"in:{school.home}/training/job-")
    specification["ContainerEntrypoint"] = ["tool"]
    assert (
        ended(launch(school, "tool", AlgorithmSpecification=specification), "tool")["TrainingJobStatus"] == "Completed"
    )
    specification["ContainerEntrypoint"] = ["nothing"]
    job = ended(launch(school, "nothing", AlgorithmSpecification=specification), "nothing")
    assert "has no program 'nothing'" in job["FailureReason"]


def test_internal_errors_are_retried_as_the_job_says(school: World) -> None:
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_RetryStrategy.html
    faults.registry().add([{"kind": "training-internal-error", "times": 3}])
    job = ended(launch(school, RetryStrategy={"MaximumRetryAttempts": 1}))
    assert job["FailureReason"].startswith("InternalServerError: ")
    assert statuses(job) == ["Starting", "Restarting", "Starting", "Failed"]
    job = ended(launch(school, "again", RetryStrategy={"MaximumRetryAttempts": 1}), "again")
    assert job["TrainingJobStatus"] == "Completed"


def test_a_role_that_is_taken_away_while_the_job_starts(school: World) -> None:
    client = launch(school)
    deny = {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [deny]}
    school.client("iam").update_assume_role_policy(RoleName="execution", PolicyDocument=json.dumps(trust))
    assert ended(client)["FailureReason"].startswith(f"ClientError: Could not assume role {ROLE}.")


def test_a_quota_counts_what_runs(school: World) -> None:
    # https://docs.aws.amazon.com/general/latest/gr/sagemaker.html
    quota = {"kind": "instance-quota", "match": {"usage": "training job"}, "effect": {"instances": 1}}
    faults.registry().add([quota])
    client = launch(school, Environment={"LINGER": "0.2"})
    with pytest.raises(
        ClientError, match=r"'ml\.m5\.large for training job usage' is 1 Instances, with current"
    ) as caught:
        launch(school, "second")
    assert caught.value.response["Error"]["Code"] == "ResourceLimitExceeded"
    launch(school, "spot", **SPOT)  # has a quota of its own
    ended(client)
    launch(school, "second")
    for name in ("second", "spot"):
        ended(client, name)


def test_lists_of_jobs_have_a_rate(school: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListTrainingJobs.html
    bucket = sagemaker_rates.Bucket(at=0.0)
    assert [bucket.take(now) for now in (0.0, 0.1, 0.2, 0.4, 0.6, 1.1, 1.2)] == [
        True,
        True,
        False,
        False,
        True,
        True,
        False,
    ]
    monkeypatch.setattr(sagemaker_rates, "RATE", 0.0)
    client = session().client("sagemaker", config=Config(retries={"total_max_attempts": 1}))
    for _ in range(2):
        client.list_training_jobs()
    with pytest.raises(ClientError) as caught:
        client.list_training_jobs()
    assert caught.value.response["Error"]["Code"] == "ThrottlingException"
    client.list_processing_jobs()  # each operation has its own
    client.close()


def test_few_programs_run_at_once_and_one_that_waits_can_be_stopped() -> None:
    runner = jobs.Runner(Clock(600), places=2)
    running, most, ended_, gate = set[int](), [0], list[int](), threading.Event()

    def job(number: int, programs: int = 1) -> jobs.Steps:
        yield 1.0
        yield jobs.Room(programs)
        running.add(number)
        most[0] = max(most[0], len(running))
        if number < 2:
            gate.wait(5)
        running.discard(number)
        ended_.append(number)

    for number in range(5):
        runner.start(str(number), job(number, programs=9 if number == 4 else 1))
        begun = number + 1
        until(lambda: len(running) + runner.waiting, lambda count, begun=begun: count == begun)
    assert runner.waiting == 3
    runner.wake("3")  # goes on without a place, to see that it is to stop
    until(lambda: list(ended_), lambda found: found == [3])
    gate.set()
    until(lambda: len(ended_), lambda count: count == 5)
    assert (most[0], ended_[-1]) == (3, 4)  # two places, and the one that was woken; the big one last
    runner.clock.stop()
    runner.stop()


def test_events_hold_what_aws_sends(school: World) -> None:
    # https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
    bus.forget()
    ended(launch(school, **SPOT, Environment={"SECRET": "x"}, Tags=[{"Key": "slipway:attempt", "Value": "1"}]))
    told = [one["event"]["detail"] for one in reversed(bus.recent()) if one["event"]["source"] == "aws.sagemaker"]
    names = [one["SecondaryStatus"] for one in told]
    assert names == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    last = told[-1]
    assert last["Tags"] == {"slipway:attempt": "1"}
    assert last["ModelArtifacts"]["S3ModelArtifacts"].endswith("/job/output/model.tar.gz")
    only_described = {"Environment", "CheckpointConfig", "EnableManagedSpotTraining", "FinalMetricDataList"}
    assert not {*only_described, "BillableTimeInSeconds", "TrainingTimeInSeconds"} & set(last)
