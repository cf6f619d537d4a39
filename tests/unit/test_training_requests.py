"""What SageMaker is asked for, the launcher's state between runs, and the small rules."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.core.training import cost, keys, notice, record, request, template, throttle
from glue.core.training import settings as queue_settings
from glue.core.training.throttle import Bucket, Control, Cooldown
from glue.core.training.words import Kind, Pool, Purchase, Status, pool_of
from tests.unit.training_support import (
    BUCKET,
    IMAGE,
    NOW,
    PROCESSING,
    SETTINGS,
    TRAINING,
    TUNING,
    changed,
    parsed,
    stored,
    validate,
)

SPOT, DEMAND = Purchase.SPOT, Purchase.ON_DEMAND


def built(document: dict[str, Any], purchase: Purchase = DEMAND, **changes: Any) -> request.Request:
    job = parsed(document, **changes)
    made = request.build(job, attempt=2, pool=Pool(job.instance_type, purchase), settings=SETTINGS)
    assert list(validate()(made.operation, made.params)) == []
    return made


def test_a_training_gets_name_role_place_and_tags() -> None:
    made = built(TRAINING, owner="search-team")
    assert (made.operation, made.params["TrainingJobName"]) == ("CreateTrainingJob", "ranker-1-2")
    assert made.params["RoleArn"] == "arn:aws:iam::111111111111:role/slipway-dev-ranker-execution"
    assert made.params["OutputDataConfig"] == {
        "S3OutputPath": f"s3://{BUCKET}/training/ranker-1/output",
        "KmsKeyId": SETTINGS.artifact_key_arn,
    }
    assert made.params["StoppingCondition"] == {"MaxRuntimeInSeconds": 86_400}
    assert "CheckpointConfig" not in made.params
    tags = {tag["Key"]: tag["Value"] for tag in made.params["Tags"]}  # type: ignore[attr-defined]
    assert tags == {
        "slipway:queue": "slipway-dev-training",
        "slipway:job": "ranker-1",
        "slipway:attempt": "2",
        "slipway:owner": "search-team",
        "slipway:model": "ranker",
    }


def test_spot_waits_and_keeps_checkpoints_that_an_attempt_on_demand_goes_on_from() -> None:
    spot = {"max_wait_minutes": 120, "attempts": 1}
    condition = {"MaxRuntimeInSeconds": 3600}
    first = built(TRAINING, SPOT, spot=spot, arguments__StoppingCondition=condition).params
    assert first["EnableManagedSpotTraining"] is True
    assert first["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200}
    later = built(TRAINING, DEMAND, spot=spot, arguments__StoppingCondition=condition).params
    assert "EnableManagedSpotTraining" not in later
    assert later["StoppingCondition"] == condition
    assert (
        first["CheckpointConfig"]
        == later["CheckpointConfig"]
        == {"S3Uri": f"s3://{BUCKET}/training/ranker-1/checkpoints"}
    )
    assert built(TRAINING, SPOT, spot=spot).params["StoppingCondition"] == {
        "MaxRuntimeInSeconds": 7200,
        "MaxWaitTimeInSeconds": 7200,
    }


def test_a_tuning_is_bought_and_placed_in_each_of_its_definitions() -> None:
    made = built(TUNING, SPOT, spot={"max_wait_minutes": 60})
    definition: Any = made.params["TrainingJobDefinition"]
    assert made.params["HyperParameterTuningJobName"] == "tune-1-2"
    assert "RoleArn" not in made.params
    assert definition["EnableManagedSpotTraining"] is True
    assert definition["RoleArn"].endswith("ranker-execution")
    assert parsed(TUNING).instance_count == 3


def test_several_instances_and_another_type_stay_what_they_are() -> None:
    job = parsed(TRAINING, arguments__ResourceConfig__InstanceCount=4, instance_types=["ml.m5.xlarge"])
    made = request.build(job, attempt=1, pool=Pool("ml.m5.xlarge", DEMAND), settings=SETTINGS)
    assert made.params["ResourceConfig"] == {"InstanceType": "ml.m5.xlarge", "InstanceCount": 4, "VolumeSizeInGB": 10}
    assert job.arguments["ResourceConfig"]["InstanceType"] == "ml.m5.large"  # type: ignore[index]


def test_the_best_hyperparameters_come_below_those_of_the_document() -> None:
    job = parsed(TRAINING, hyperparameters_from="tune-1")
    best = {"rounds": "90", "leaves": "15"}
    made = request.build(job, attempt=1, pool=Pool("ml.m5.large", DEMAND), settings=SETTINGS, best=best)
    assert made.params["HyperParameters"] == {"rounds": "20", "leaves": "15"}


def test_processing_runs_as_such_on_demand() -> None:
    made = built(PROCESSING)
    assert (made.kind, made.params["ProcessingJobName"]) == (Kind.PROCESSING, "prepare-1-2")
    assert made.params["Environment"] == {
        "SLIPWAY_INPUT_DIR": "/opt/ml/processing/input",
        "SLIPWAY_OUTPUT_DIR": "/opt/ml/processing/output",
    }
    assert made.params["ProcessingOutputConfig"]["KmsKeyId"] == SETTINGS.artifact_key_arn  # type: ignore[index]


def test_processing_that_names_no_output_keeps_its_output_where_spot_does() -> None:
    made = built(PROCESSING, arguments__ProcessingOutputConfig=None)
    (output,) = made.params["ProcessingOutputConfig"]["Outputs"]  # type: ignore[index]
    assert output["S3Output"] == {
        "S3Uri": SETTINGS.job_location("prepare-1", "output"),
        "LocalPath": "/opt/ml/processing/output",
        "S3UploadMode": "EndOfJob",
    }
    on_spot: Any = built(PROCESSING, SPOT, spot={"max_wait_minutes": 60}, arguments__ProcessingOutputConfig=None)
    assert on_spot.params["CheckpointConfig"]["S3Uri"] == output["S3Output"]["S3Uri"]


def test_processing_on_spot_is_a_training_with_the_same_program() -> None:
    made = built(
        PROCESSING, SPOT, spot={"max_wait_minutes": 60}, arguments__NetworkConfig={"EnableNetworkIsolation": True}
    )
    params: Any = made.params
    assert (made.operation, made.kind) == ("CreateTrainingJob", Kind.TRAINING)
    assert params["AlgorithmSpecification"] == {
        "TrainingImage": IMAGE,
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["python", "-m", "prepare"],
    }
    (channel,) = params["InputDataConfig"]
    assert (channel["ChannelName"], channel["InputMode"]) == ("clicks", "File")
    assert channel["DataSource"]["S3DataSource"]["S3Uri"] == "s3://clicks/daily/2026"
    assert params["CheckpointConfig"] == {
        "S3Uri": f"s3://{BUCKET}/datasets/ranker/2026",
        "LocalPath": "/opt/ml/checkpoints",
    }
    assert params["Environment"]["SLIPWAY_OUTPUT_DIR"] == "/opt/ml/checkpoints"
    assert params["EnableNetworkIsolation"] is True
    assert record.remote_kind(Kind.PROCESSING, SPOT) is Kind.TRAINING
    assert record.remote_kind(Kind.PROCESSING, DEMAND) is Kind.PROCESSING


# The launcher's state


def test_a_throttled_call_halves_the_rate_and_good_ones_win_it_back() -> None:
    bucket = Bucket(rate=2.0, most=2.0, at=NOW)
    assert bucket.wait_ms(NOW) == 0
    bucket = bucket.take(NOW)
    assert bucket.wait_ms(NOW) == 500
    bucket = bucket.throttled(NOW)
    assert (bucket.rate, bucket.wait_ms(NOW)) == (1.0, 1000)
    for _ in range(25):
        bucket = bucket.succeeded()
    assert bucket.rate == pytest.approx(2.0)
    for _ in range(40):
        bucket = bucket.throttled(NOW)
    assert bucket.rate == throttle.SLOWEST
    assert bucket.wait_ms(NOW - 10**9) == 20_000  # a clock that went back


@pytest.mark.parametrize("share", [0.05, 0.1])
def test_throttling_that_is_not_our_doing_does_not_stop_the_launcher(share: float) -> None:
    draw = random.Random(1)  # noqa: S311
    bucket, passed = Bucket(rate=50.0, most=50.0, at=NOW), 0.0
    for _ in range(2000):
        passed += 1 / bucket.rate
        bucket = bucket.throttled(NOW) if draw.random() < share else bucket.succeeded()
    assert 2000 / passed > 50 * 0.2


@given(
    st.floats(0.1, 50),
    st.lists(st.tuples(st.integers(0, 3000), st.sampled_from(["good", "throttled"])), min_size=1, max_size=60),
)
def test_no_more_calls_than_the_rate_allows(most: float, steps: list[tuple[int, str]]) -> None:
    bucket, now, calls = Bucket(rate=most, most=most, at=NOW), NOW, 0
    for pause, how in steps:
        now += pause + bucket.wait_ms(now + pause)
        bucket = bucket.take(now)
        bucket = bucket.throttled(now) if how == "throttled" else bucket.succeeded()
        calls += 1
        assert throttle.SLOWEST <= bucket.rate <= most
    assert calls <= 1 + (now - NOW) / 1000 * most * 1.01 + 1


def test_a_pool_cools_down_longer_each_time_and_a_launch_forgets_it() -> None:
    pool, control = Pool("ml.m5.large", SPOT), throttle.fresh(2.0, NOW)
    for minutes in (2, 4, 8, 16, 30, 30):
        control = control.refused(pool, NOW)
        assert control.cooldowns[pool].until == NOW + minutes * 60_000
        assert control.cooling(NOW + minutes * 60_000 - 1) == {pool}
        assert control.cooling(NOW + minutes * 60_000) == set()
    assert control.launched(pool).cooldowns == {}


def test_the_control_item_reads_back_and_a_broken_one_starts_anew() -> None:
    control = Control(
        Bucket(1.5, 2.0, 0.25, NOW),
        {Pool("ml.m5.large", SPOT): Cooldown(NOW + 1000, 2)},
        {(Pool("ml.m5.large", DEMAND), 9): 3},
    )
    item = control.item()
    assert throttle.control_of(item, most=2.0, now=NOW) == control
    assert item["JobId"] == "_launcher"
    broken: list[dict[str, Any]] = [
        {},
        {**item, "state": "{"},
        {**item, "rate": float("nan")},
        {**item, "state": '{"cooldowns": {"x": [1, 1]}, "turns": {}}'},
        {**item, "state": '{"cooldowns": [], "turns": {}}'},
    ]
    for one in broken:
        assert throttle.control_of(one, most=2.0, now=NOW) == throttle.fresh(2.0, NOW)
    far = {**item, "state": json.dumps({"cooldowns": {"ml.m5.large/spot": [NOW * 2, 1]}, "turns": {}})}
    assert throttle.control_of(far, most=2.0, now=NOW).cooling(NOW + 120_001) == set()


# Keys, templates, costs, words


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("ranker-1-12", ("ranker-1", 12)),
        ("ranker-1", ("ranker", 1)),
        ("ranker", None),
        ("ranker-01", None),
        ("ranker-1234", None),
        ("-1", None),
        ("ranker-x", None),
        ("ranker-²", None),
    ],
)
def test_remote_names_are_read_back(name: str, found: tuple[str, int] | None) -> None:
    assert keys.attempt_of(name) == found


def test_the_iso_week_of_the_last_days_is_the_next_years() -> None:
    assert keys.week(1_767_052_800_000) == "2026-W01"  # 30 December 2025
    assert keys.weeks_between(1_766_361_600_000, 1_767_571_200_000) == ["2025-W52", "2026-W01", "2026-W02"]
    assert keys.history_key("a", 1_767_052_800_000) == "training-history/2026-W01/a.json"
    assert min(keys.due_key(priority, NOW) for priority in (0, 9, 5)) == keys.due_key(9, NOW)
    assert len(keys.week_shards("2026-W01")) == keys.SHARDS


def test_a_schedule_that_is_delivered_twice_gives_one_job() -> None:
    document = changed(TRAINING, id=None, owner="team-{date}", arguments__Environment={"DAY": "{date}T{time}"})
    first = template.expand(document, scheduled_at="2026-11-21T03:00:00Z", schedule="nightly")
    assert first == template.expand(document, scheduled_at="2026-11-21T04:00:00+01:00", schedule="nightly")
    assert first["owner"] == "team-20261121"
    assert first["arguments"]["Environment"] == {"DAY": "20261121T030000"}  # type: ignore[index]
    assert str(first["id"]).startswith("ranker-20261121t030000-")
    other = template.expand(document, scheduled_at="2026-11-21T03:00:00Z", schedule="hourly")
    assert other["id"] != first["id"]
    assert parsed(first).id == first["id"]
    named = template.expand({"id": "r-{date}"}, scheduled_at="2026-11-21T03:00:00Z", schedule="nightly")
    assert named == {"id": "r-20261121"}
    with pytest.raises(ValueError, match="is no time"):
        template.expand(document, scheduled_at="soon", schedule="nightly")


def test_an_unknown_price_stays_unknown() -> None:
    def paid(instance_type: str, seconds: float | None) -> float | None:
        return cost.attempt_cost(SETTINGS, instance_type=instance_type, instance_count=2, billable_seconds=seconds)

    assert paid("ml.m5.large", 1800) == pytest.approx(0.115)
    assert paid("ml.m5.large", 0) == 0
    assert paid("ml.m5.large", None) is None
    assert paid("ml.c5.xlarge", 60) is None
    assert paid("ml.unknown.large", 60) is None


def test_an_item_reads_back_whatever_the_client_makes_of_numbers() -> None:
    found = stored(TRAINING, instance_types=["ml.m5.xlarge"])
    item = record.to_item(found)
    assert record.from_item(item) == found
    decimals = {name: Decimal(value) if isinstance(value, int) else value for name, value in item.items()}
    assert record.from_item({**decimals, "claim": "x", "unknown": 3}) == found
    assert "due_key" not in record.history(found)
    for poison in ({"kind": "x"}, {"JobArgs": 3}, {"priority": "5"}, {"attempt": True}, {"due_at": float("inf")}):
        with pytest.raises(record.RecordError, match="is no job"):
            record.from_item({**item, **poison})
    with pytest.raises(record.RecordError, match="attributes are missing"):
        record.from_item({"JobId": "x"})


def test_a_notification_says_what_happened() -> None:
    ended = replace(stored(TRAINING), status=Status.FAILED, reason="é", ended_at=NOW, remote_name="ranker-1-1")
    told = json.loads(notice.message(ended))
    assert (told["job"], told["status"], told["reason"], told["cost_usd"]) == ("ranker-1", "Failed", "é", None)
    assert notice.attributes(ended) == {"owner": "anna", "model": "ranker", "status": "Failed"}
    assert pool_of("ml.m5.large/spot") == Pool("ml.m5.large", SPOT)


# Settings

GIVEN: dict[str, Any] = {
    "queue": "slipway-dev-training",
    "project": "slipway",
    "environment": "dev",
    "account_id": "111111111111",
    "region": "eu-west-1",
    "table": "t",
    "bucket": "b",
    "topic_arn": "arn",
    "releases_queue_url": "https://q",
    "instance_types": {"ml.m5.large": {"budget": 20, "spot_budget": 5, "usd_per_hour": None}},
    "models": {"ranker": {"inputs": [{"bucket": "clicks", "prefix": "daily"}], "network": None}},
}


def test_settings_are_read_strictly() -> None:
    found = queue_settings.parse(json.dumps(GIVEN))
    assert found.models["ranker"].inputs[0].prefix == "daily/"
    assert (found.budget("ml.m5.large", spot=True), found.budget("ml.x.large", spot=False)) == (5, 0)
    assert found.role_arn("ranker").endswith("role/slipway-dev-ranker-execution")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colour": "red"}, "has unknown fields: colour"),
        ({"account_id": "1"}, "account_id '1' does not look like one"),
        ({"table": ""}, "table is empty"),
        ({"history_days": 0}, "history_days is 0; give 1 or more"),
        ({"launches_per_second": -1}, "launches_per_second is -1"),
        ({"instance_types": {"m5.large": {"budget": 1}}}, "'m5.large' is no instance type"),
        ({"instance_types": {"ml.m5.large": {"budget": -1}}}, "budget is -1"),
        ({"instance_types": {"ml.m5.large": {"budget": 1, "usd": 1}}}, "unknown fields: usd"),
        ({"models": {"ranker": {"inputs": ["x"]}}}, "models.ranker.inputs[0] is not an object"),
    ],
)
def test_wrong_settings_say_what_is_wrong(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(queue_settings.SettingsError) as caught:
        queue_settings.parse(json.dumps(GIVEN | changes))
    assert words in caught.value.message
