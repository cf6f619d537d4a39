"""Tuning jobs: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeHyperParameterTuningJob.html."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox import faults
from sandbox.events import bus
from sandbox.faults.registry import Registry
from sandbox.runtime import clock, tuning_points

from .conftest import BUCKET, IMAGE, ROLE, World, make_image, until

TRAIN = r"""
#!/bin/sh
# The score is the depth; deep ones fail when the job says so.
[ "$SM_HP_DEPTH" = "$FAIL_DEPTH" ] && exit 2
[ -n "$SLEEP" ] && { sleep "$SLEEP" & trap 'kill $!; exit 0' TERM; wait; }
echo "score=$SM_HP_DEPTH.5 of $SM_HP_ROUNDS, $SM_HP__TUNING_OBJECTIVE_METRIC"
echo model > "$SM_MODEL_DIR/model"
"""
GRID = {"CategoricalParameterRanges": [{"Name": "depth", "Values": ["3", "5", "4"]}]}


@pytest.fixture
def school(world: World) -> Iterator[World]:
    world.images[IMAGE] = make_image(world.home / "school", train=TRAIN)
    bus.forget()
    faults.use(Registry(lambda: clock.shared().now()))
    yield world
    faults.use()


def launch(world: World, name: str = "tune", *, strategy: str = "Grid", ranges: Any = None, **more: Any) -> Any:
    client = world.client("sagemaker")
    limits = more.pop("limits", {"MaxParallelTrainingJobs": 2})
    kind = more.pop("kind", "Maximize")
    config = {
        "Strategy": strategy,
        "HyperParameterTuningJobObjective": {"Type": kind, "MetricName": more.pop("metric", "score")},
        "ResourceLimits": limits,
        "ParameterRanges": ranges or GRID,
        "RandomSeed": 7,
    }
    definition = {
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "score", "Regex": "score=([0-9.]+)"}],
        },
        "RoleArn": ROLE,
        "StaticHyperParameters": {"rounds": "10"},
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/tuning/"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        **more,
    }
    client.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name,
        HyperParameterTuningJobConfig=config,
        TrainingJobDefinition=definition,
        Tags=[{"Key": "slipway:job", "Value": name}],
    )
    return client


def ended(client: Any, name: str = "tune") -> dict[str, Any]:
    return dict(
        until(
            lambda: client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name),
            lambda job: job["HyperParameterTuningJobStatus"] in {"Completed", "Failed", "Stopped"},
            within=20,
        )
    )


def children(client: Any, name: str = "tune", **more: Any) -> list[dict[str, Any]]:
    answer = client.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName=name, **more)
    return list(answer["TrainingJobSummaries"])


def test_a_grid_trains_each_combination_and_finds_the_best(school: World) -> None:
    client = launch(school)
    job = ended(client)
    assert job["HyperParameterTuningJobStatus"] == "Completed", job
    best = job["BestTrainingJob"]
    assert best["TunedHyperParameters"] == {"depth": "5"}
    assert best["FinalHyperParameterTuningJobObjectiveMetric"] == {
        "Type": "Maximize",
        "MetricName": "score",
        "Value": pytest.approx(5.5),
    }
    assert job["TrainingJobStatusCounters"]["Completed"] == job["ObjectiveStatusCounters"]["Succeeded"] == 3
    assert all(re.fullmatch(r"tune-00[123]-[0-9a-f]{8}", one["TrainingJobName"]) for one in children(client))
    ranked = children(client, SortBy="FinalObjectiveMetricValue", SortOrder="Descending")
    assert [one["TunedHyperParameters"]["depth"] for one in ranked] == ["5", "4", "3"]
    child = client.describe_training_job(TrainingJobName=best["TrainingJobName"])
    tuned = {"rounds": "10", "depth": "5", "_tuning_objective_metric": "score"}
    assert (child["HyperParameters"], child["TuningJobArn"]) == (tuned, job["HyperParameterTuningJobArn"])
    assert client.list_tags(ResourceArn=child["TrainingJobArn"])["Tags"] == [{"Key": "slipway:job", "Value": "tune"}]
    (summary,) = client.list_hyper_parameter_tuning_jobs(NameContains="tun")["HyperParameterTuningJobSummaries"]
    assert (summary["Strategy"], summary["HyperParameterTuningJobStatus"]) == ("Grid", "Completed")
    with pytest.raises(ClientError) as caught:
        launch(school)
    assert caught.value.response["Error"]["Code"] == "ResourceInUse"


def test_events_and_at_most_so_many_at_once(school: World) -> None:
    client = launch(school, kind="Minimize", Environment={"SLEEP": "0.1", "FAIL_DEPTH": "3"})
    most = 0
    while client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="tune")[
        "HyperParameterTuningJobStatus"
    ] not in {"Completed", "Failed"}:
        most = max(most, sum(one["TrainingJobStatus"] == "InProgress" for one in children(client)))
    assert most == 2
    job = ended(client)
    assert job["BestTrainingJob"]["TunedHyperParameters"] == {"depth": "4"}
    assert job["TrainingJobStatusCounters"] == {
        "Completed": 2,
        "InProgress": 0,
        "RetryableError": 0,
        "NonRetryableError": 1,
        "Stopped": 0,
    }
    kind = "SageMaker HyperParameter Tuning Job State Change"
    told = [one["event"] for one in reversed(bus.recent()) if one["event"]["detail-type"] == kind]
    statuses = [one["detail"]["HyperParameterTuningJobStatus"] for one in told]
    assert (statuses[0], statuses[-1], set(statuses)) == ("InProgress", "Completed", {"InProgress", "Completed"})
    assert "BestTrainingJob" not in told[-1]["detail"]
    assert told[-1]["detail"]["Tags"] == {"slipway:job": "tune"}


def test_without_any_success_it_fails(school: World) -> None:
    job = ended(
        launch(
            school,
            ranges={"CategoricalParameterRanges": [{"Name": "depth", "Values": ["3"]}]},
            Environment={"FAIL_DEPTH": "3"},
        )
    )
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("No training job succeeded after 1 attempts.")


def test_stop_ends_its_training_jobs_and_a_quota_only_delays(school: World) -> None:
    quota = {"kind": "instance-quota", "match": {"usage": "training job"}, "effect": {"instances": 1}}
    faults.registry().add([quota])
    client = launch(school, Environment={"SLEEP": "30"})
    until(lambda: [one["TrainingJobStatus"] for one in children(client)], lambda found: found == ["InProgress"])
    client.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="tune")
    assert ended(client)["HyperParameterTuningJobStatus"] == "Stopped"
    assert {one["TrainingJobStatus"] for one in children(client)} == {"Stopped"}
    assert ended(launch(school, "again"), "again")["TrainingJobStatusCounters"]["Completed"] == 3


def test_what_is_refused(school: World) -> None:
    depth = {"IntegerParameterRanges": [{"Name": "depth", "MinValue": "1", "MaxValue": "9"}]}
    for more, words in (
        ({"name": "n" * 33}, "hyperParameterTuningJobName"),
        ({"metric": "loss"}, "objective metric loss"),
        ({"ranges": depth}, "Grid search only supports categorical"),
        ({"ranges": depth, "strategy": "Random"}, "MaxNumberOfTrainingJobs is required"),
        ({"limits": {"MaxParallelTrainingJobs": 1, "MaxNumberOfTrainingJobs": 2}}, "the 3 combinations"),
        ({"strategy": "Hyperband"}, "not Hyperband"),
        ({"EnableManagedSpotTraining": True}, "Invalid MaxWaitTimeInSeconds"),
    ):
        with pytest.raises(ClientError, match=words):
            launch(school, **more)  # type: ignore[arg-type]


def test_points_lie_in_their_ranges_and_repeat_with_their_seed() -> None:
    # https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html
    ranges = {
        "IntegerParameterRanges": [{"Name": "depth", "MinValue": "2", "MaxValue": "4"}],
        "ContinuousParameterRanges": [
            {"Name": "rate", "MinValue": "0.001", "MaxValue": "1", "ScalingType": "Logarithmic"},
            {"Name": "keep", "MinValue": "0.5", "MaxValue": "0.999", "ScalingType": "ReverseLogarithmic"},
        ],
        "CategoricalParameterRanges": [{"Name": "kind", "Values": ["a", "b"]}],
    }
    first, second = (list(itertools.islice(tuning_points.points(ranges, "Bayesian", 3), 300)) for _ in range(2))
    assert first == second
    assert {one["depth"] for one in first} == {"2", "3", "4"}
    assert {one["kind"] for one in first} == {"a", "b"}
    rates = sorted(float(one["rate"]) for one in first)
    assert 0.001 <= rates[0] < rates[150] < 0.1 < rates[-1] <= 1  # half of them below the middle of the scale
    assert all(0.5 <= float(one["keep"]) <= 0.999 for one in first)
    bad = [
        {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "1", "ScalingType": "Logarithmic"}]},
        {"IntegerParameterRanges": [{"Name": "x", "MinValue": "2", "MaxValue": "1"}]},
        {"IntegerParameterRanges": [{"Name": "x", "MinValue": "two", "MaxValue": "1"}]},
        {"AutoParameters": [{"Name": "x", "ValueHint": "1"}]},
        {},
    ]
    for one in bad:
        with pytest.raises(ValueError, match=r"."):
            tuning_points.check(one, "Random")
