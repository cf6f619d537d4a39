"""What errors and ends mean: again, how, and how often; or over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.core.training import changes, ends, outcomes
from glue.core.training.ends import End
from glue.core.training.job import Job
from glue.core.training.launching import Launch, launch_error
from glue.core.training.outcomes import Again, PutBack, Terminal
from glue.core.training.record import Record, from_item, to_item
from glue.core.training.words import Kind, Pool, Purchase, Status
from tests.unit.training_support import NOW, PROCESSING, SETTINGS, TRAINING, TUNING, parsed, stored

HOUR = 3_600_000
LIMIT = (
    "The account-level service limit '{}' is {} {}, with current utilization of 0 {} and a request delta of {} {}. "
    "Please use AWS Service Quotas to request an increase for this quota."
)


@pytest.mark.parametrize(
    ("code", "message", "status", "meaning"),
    [
        ("ResourceInUse", "Training job names must be unique", 400, Launch.LAUNCHED),
        ("ResourceLimitExceeded", "", 400, Launch.QUOTA),
        ("ResourceLimitExceeded", LIMIT.format("ml.p3", 0, "Instances", "", 1, "Instances"), 400, Launch.QUOTA),
        ("ResourceLimitExceeded", LIMIT.format("Longest run", 432000, "Seconds", "", 500000, "S"), 400, Launch.REFUSED),
        ("ThrottlingException", "Rate exceeded", 400, Launch.THROTTLED),
        ("SlowDown", "", 503, Launch.THROTTLED),
        ("Whatever", "", 429, Launch.THROTTLED),
        ("CapacityError", "", 400, Launch.CAPACITY),
        ("ValidationException", "No S3 objects found under S3 URL", 400, Launch.REFUSED),
        ("ValidationException", "Could not assume role arn:aws:iam::1:role/x", 400, Launch.DENIED),
        ("AccessDeniedException", "no", 400, Launch.DENIED),
        ("ExpiredTokenException", "", 403, Launch.DENIED),
        ("ResourceNotFound", "", 400, Launch.REFUSED),
        ("SomethingNew", "", 404, Launch.REFUSED),
        ("InternalFailure", "", 500, Launch.UNKNOWN),
        ("ServiceUnavailable", "", 503, Launch.UNKNOWN),
        ("ConnectTimeoutError", "", None, Launch.UNKNOWN),
    ],
)
def test_an_error_of_create_means(code: str, message: str, status: int | None, meaning: Launch) -> None:
    assert launch_error(code, message, status) is meaning


def launched(record: Record, *, now: int = NOW) -> Record:
    change = changes.claim(record.job, record.attempt, pool=record.pool, now=now)
    return applied(record, change)


def applied(record: Record, change: changes.Change) -> Record:
    item = to_item(record)
    assert all(item.get(name) == value for name, value in change.expect.items()), change.expect
    item = {**item, **change.values}
    for name in change.remove:
        item.pop(name, None)
    found = from_item(item)
    assert to_item(found) == item  # nothing of an index is left behind
    return found


def end(record: Record, status: str = "Failed", reason: str | None = None, **more: Any) -> End:
    return replace(
        End(record.remote_kind, str(record.remote_name), status, reason, started_at=NOW, ended_at=NOW + 60_000),
        training_seconds=60,
        **more,
    )


def decided(record: Record, job: Job | None, found: End, now: int = NOW + 60_000) -> Again | Terminal:
    assert outcomes.concerns(record, found)
    return outcomes.decide(record, job, found, settings=SETTINGS, now=now, draw=lambda: 0.5)


def test_a_completed_job_costs_what_its_instances_cost() -> None:
    record = launched(stored())
    decision = decided(record, parsed(), end(record, "Completed"))
    assert isinstance(decision, Terminal)
    after = applied(record, changes.end(record, decision, history_days=400))
    assert (after.status, after.reason, after.ended_at) == (Status.COMPLETED, None, NOW + 60_000)
    assert after.cost_usd == pytest.approx(0.115 / 60)
    assert after.training_seconds == 60
    assert after.expires_at == (NOW + 60_000) // 1000 + 400 * 86_400
    with pytest.raises(ValueError, match="has ended Completed"):
        changes.end(after, decision, history_days=400)


@pytest.mark.parametrize(
    ("reason", "secondary", "retry", "used"),
    [
        ("AlgorithmError: exit 1", "Failed", {"algorithm": 2}, "algorithm"),
        ("something else went wrong", "Failed", {"algorithm": 1}, "algorithm"),
        (None, "MaxRuntimeExceeded", {"algorithm": 1}, "algorithm"),
        ("CapacityError: Unable to provision", "Failed", {"transient": 1}, "transient"),
        ("InternalServerError: We encountered", "Failed", {"transient": 3}, "transient"),
        (
            "ClientError: Data download failed: SlowDown",
            "Failed",
            {"transient": 2},
            "transient",
        ),
        (None, "MaxPendingTimeExceeded", {"transient": 2}, "transient"),
    ],
)
def test_retries_are_bounded_as_the_job_says(
    reason: str | None, secondary: str, retry: dict[str, int], used: str
) -> None:
    job = parsed(retry=retry)
    record = launched(stored(retry=retry))
    status = "Failed" if secondary == "Failed" else "Stopped"
    for spent in range(1, retry[used] + 1):
        decision = decided(record, job, end(record, status, reason, secondary=secondary))
        assert isinstance(decision, Again)
        assert getattr(decision, used) == spent
        record = launched(applied(record, changes.again(record, decision)))
        assert record.remote_name == f"ranker-1-{spent + 1}"
    last = decided(record, job, end(record, status, reason, secondary=secondary))
    assert isinstance(last, Terminal)
    assert last.status is Status.FAILED
    assert str(last.reason).startswith(f"attempt {retry[used] + 1} ")


def test_a_clients_error_is_never_tried_again() -> None:
    record = launched(stored(retry={"algorithm": 9, "transient": 9}))
    job = parsed(retry={"algorithm": 9, "transient": 9})
    decision = decided(record, job, end(record, "Failed", "ClientError: no such channel"))
    assert isinstance(decision, Terminal)


def test_capacity_goes_round_the_instance_types() -> None:
    more = {"instance_types": ["ml.m5.xlarge", "ml.c5.xlarge"]}
    record, job, seen = launched(stored(**more)), parsed(**more), []
    for _ in range(4):
        decision = decided(record, job, end(record, "Failed", "CapacityError: no"))
        assert isinstance(decision, Again)
        seen.append(decision.instance_type)
        record = launched(applied(record, changes.again(record, decision)))
    assert seen == ["ml.m5.xlarge", "ml.c5.xlarge", "ml.m5.large", "ml.m5.xlarge"]


@pytest.mark.parametrize("secondary", ["MaxWaitTimeExceeded", "Interrupted"])
def test_spot_is_tried_as_often_as_said_and_then_bought_on_demand(secondary: str) -> None:
    more = {"spot": {"max_wait_minutes": 60, "attempts": 2}, "retry": {"transient": 0}}
    record, job, bought = launched(stored(**more)), parsed(**more), [Purchase.SPOT]
    for _ in range(2):
        decision = decided(record, job, end(record, "Stopped", secondary=secondary))
        assert isinstance(decision, Again)
        record = launched(applied(record, changes.again(record, decision)))
        bought.append(record.purchase)
    assert bought == [Purchase.SPOT, Purchase.SPOT, Purchase.ON_DEMAND]
    assert record.transient == 0


def test_a_job_that_is_to_stop_never_runs_again() -> None:
    record = launched(stored(retry={"algorithm": 5, "transient": 5}))
    record = applied(record, changes.request_stop(record, by="anna", now=NOW))
    job = parsed(retry={"algorithm": 5, "transient": 5})
    for reason in ("InternalServerError", "CapacityError", None):
        status = "Failed" if reason else "Stopped"
        assert decided(record, job, end(record, status, reason)).status is Status.STOPPED  # type: ignore[union-attr]
    assert decided(record, job, end(record, "Failed", "AlgorithmError")).status is Status.FAILED  # type: ignore[union-attr]
    assert decided(record, job, end(record, "Completed")).status is Status.COMPLETED  # type: ignore[union-attr]
    for why in Launch:
        made = outcomes.not_made(record, job, why, "", now=NOW, draw=lambda: 0.5)
        assert isinstance(made, Terminal)
    assert isinstance(outcomes.lost(record, now=NOW), Terminal)


def test_a_job_that_somebody_stopped_in_sagemaker_is_stopped() -> None:
    record = launched(stored())
    decision = decided(record, parsed(), end(record, "Stopped", secondary="Stopped"))
    assert isinstance(decision, Terminal)
    assert decision.reason == "stopped in SageMaker, not by the queue"


def test_a_processing_job_that_ran_as_long_as_it_may_ran_out_of_time() -> None:
    more = {"arguments__StoppingCondition": {"MaxRuntimeInSeconds": 60}, "retry": {"algorithm": 1}}
    record = launched(stored(PROCESSING, **more))
    assert isinstance(decided(record, parsed(PROCESSING, **more), end(record, "Stopped")), Again)
    early = replace(end(record, "Stopped"), training_seconds=59)
    assert decided(record, parsed(PROCESSING, **more), early).status is Status.STOPPED  # type: ignore[union-attr]


def test_giving_up_counts_from_the_first_attempt_that_came_to_nothing_not_from_the_line() -> None:
    retry = {"transient": 50, "give_up_after_hours": 2}
    late = NOW + 500 * HOUR  # so long did it wait in line
    record, job = launched(stored(retry=retry), now=late), parsed(retry=retry)
    decision = decided(record, job, end(record, "Failed", "InternalServerError"), now=late + HOUR)
    assert isinstance(decision, Again)
    record = launched(applied(record, changes.again(record, decision)), now=late + HOUR)
    assert record.tried_at == late
    last = decided(record, job, end(record, "Failed", "InternalServerError"), now=late + 2 * HOUR)
    assert isinstance(last, Terminal)
    assert str(last.reason).startswith("given up after 2 attempts")


def test_what_was_not_made_takes_the_same_attempt_again() -> None:
    record, job = launched(stored(instance_types=["ml.m5.xlarge"])), parsed(instance_types=["ml.m5.xlarge"])
    back = outcomes.not_made(record, job, Launch.QUOTA, "limit", now=NOW, draw=lambda: 0.5)
    assert isinstance(back, PutBack)
    assert (back.instance_type, back.due_at) == ("ml.m5.xlarge", NOW + 30_000)
    change = changes.put_back(record, due_at=back.due_at, instance_type=back.instance_type, reason=back.reason)
    after = applied(record, change)
    assert (after.status, after.attempt, after.remote_name) == (Status.NEW, 0, None)
    assert launched(after).remote_name == "ranker-1-1"
    throttled = outcomes.not_made(record, job, Launch.THROTTLED, "", now=NOW, draw=lambda: 0.5)
    assert isinstance(throttled, PutBack)
    assert throttled.due_at == record.due_at  # it keeps its place
    given_up = outcomes.not_made(record, job, Launch.QUOTA, "limit", now=NOW + 200 * HOUR, draw=lambda: 0.5)
    assert isinstance(given_up, Terminal)
    refused = outcomes.not_made(record, job, Launch.REFUSED, "no such object", now=NOW, draw=lambda: 0.5)
    assert isinstance(refused, Terminal)
    assert refused.reason == "SageMaker refused it: no such object"


def test_ends_of_others_do_not_concern_a_job() -> None:
    record = launched(stored())
    assert not outcomes.concerns(record, replace(end(record), name="ranker-1-2"))
    assert not outcomes.concerns(record, replace(end(record), kind=Kind.PROCESSING))
    assert not outcomes.concerns(stored(), End(Kind.TRAINING, "ranker-1-1", "Failed"))


def test_a_document_that_cannot_be_read_ends_the_job() -> None:
    record = launched(stored())
    assert decided(record, None, end(record, "Failed", "InternalServerError")).status is Status.FAILED  # type: ignore[union-attr]
    assert decided(record, None, end(record, "Completed")).status is Status.COMPLETED  # type: ignore[union-attr]


def test_one_unknown_attempt_makes_the_cost_unknown() -> None:
    more = {"spot": {"max_wait_minutes": 60}, "retry": {"transient": 5}}
    record, job = launched(stored(**more)), parsed(**more)
    first = decided(record, job, end(record, "Stopped", secondary="MaxWaitTimeExceeded"))
    assert isinstance(first, Again)
    assert first.cost_usd is None  # spot, and nobody said what was billed
    record = launched(applied(record, changes.again(record, first)))
    last = decided(record, job, replace(end(record, "Completed"), billable_seconds=30))
    assert isinstance(last, Terminal)
    assert last.cost_usd == pytest.approx(30 * 0.115 / 3600)
    assert applied(record, changes.end(record, last, history_days=1)).cost_usd is None


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_back_off_is_within_its_bounds(tries: int, draw: float) -> None:
    found = outcomes.backoff_ms(tries, lambda: draw)
    assert 0 <= found <= min(3_600_000, 60_000 * 2 ** max(0, min(tries, 40) - 1))


# How ends are told

DETAIL = {
    "TrainingJobName": "ranker-1-1",
    "TrainingJobStatus": "Failed",
    "SecondaryStatus": "Failed",
    "FailureReason": "AlgorithmError: x",
    "CreationTime": NOW,
    "TrainingStartTime": NOW + 1000,
    "TrainingEndTime": NOW + 61_000,
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2},
    "EnableManagedSpotTraining": True,
    "BillableTimeInSeconds": 20,
}
EVENT = {"source": "aws.sagemaker", "detail-type": "SageMaker Training Job State Change", "detail": DETAIL}


def test_an_event_and_a_description_tell_the_same() -> None:
    told = ends.of_event(EVENT)
    assert told is not None
    times = {name: datetime.fromtimestamp(DETAIL[name] / 1000, UTC) for name in DETAIL if name.endswith("Time")}  # type: ignore[operator]
    assert ends.of_description(Kind.TRAINING, DETAIL | times) == replace(told, described=True)
    assert (told.training_seconds, told.billable_seconds, told.instance_count, told.spot) == (60, 20, 2, True)
    assert told.complete


@pytest.mark.parametrize(
    "event",
    [
        {},
        {**EVENT, "source": "somebody.else"},
        {**EVENT, "detail-type": "SageMaker Transform Job State Change"},
        {**EVENT, "detail": None},
        {**EVENT, "detail": {**DETAIL, "TrainingJobStatus": "InProgress"}},
        {**EVENT, "detail": {**DETAIL, "TrainingJobStatus": "Stopping"}},
        {**EVENT, "detail": {**DETAIL, "TrainingJobName": None}},
    ],
)
def test_other_events_are_no_ends(event: dict[str, Any]) -> None:
    assert ends.of_event(event) is None


def test_what_tells_too_little_is_not_complete() -> None:
    told = ends.of_summary(Kind.TRAINING, {"TrainingJobName": "a-1", "TrainingJobStatus": "Failed"})
    assert told is not None
    assert not told.complete
    last = {"Status": "Failed", "StatusMessage": "AlgorithmError: x"}
    more = {"TrainingJobName": "a-1", "TrainingJobStatus": "Failed", "SecondaryStatusTransitions": [last]}
    told = ends.of_summary(Kind.TRAINING, more)
    assert told is not None
    assert (told.complete, told.reason) == (True, "AlgorithmError: x")
    tuned = {"HyperParameterTuningJobName": "t-1", "HyperParameterTuningJobStatus": "Completed"}
    told = ends.of_event({**EVENT, "detail-type": "SageMaker HyperParameter Tuning Job State Change", "detail": tuned})
    assert told is not None
    assert not told.complete


def test_the_best_of_a_tuning_is_kept_without_times() -> None:
    best = {
        "TrainingJobName": "t-1-003-ab",
        "CreationTime": datetime.now(UTC),
        "TunedHyperParameters": {"rounds": "42"},
        "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "ndcg", "Value": 0.7},
    }
    answer = {
        "HyperParameterTuningJobName": "tune-1-1",
        "HyperParameterTuningJobStatus": "Completed",
        "BestTrainingJob": best,
    }
    record = launched(stored(TUNING))
    found = ends.of_description(Kind.TUNING, answer)
    assert found is not None
    decision = outcomes.decide(record, parsed(TUNING), found, settings=SETTINGS, now=NOW, draw=lambda: 0.5)
    assert isinstance(decision, Terminal)
    after = applied(record, changes.end(record, decision, history_days=1))
    assert after.best == '{"hyperparameters": {"rounds": "42"}, "metric": "ndcg", "name": "t-1-003-ab", "value": 0.7}'
    assert after.cost_usd is None


def test_a_claim_needs_only_what_the_index_holds() -> None:
    record = stored(TRAINING, spot={"max_wait_minutes": 60})
    change = changes.claim(record.job, 0, pool=Pool("ml.m5.xlarge", Purchase.SPOT), now=NOW + 5)
    after = applied(record, change)
    assert (after.status, after.attempt, after.first_launched_at) == (Status.LAUNCHED, 1, NOW + 5)
    assert after.instance_type == "ml.m5.xlarge"
    assert "due_key" not in to_item(after)


def test_a_job_that_waits_is_withdrawn_at_once() -> None:
    record = stored()
    after = applied(record, changes.withdraw(record, by="bela", now=NOW + 1, history_days=1))
    assert (after.status, after.reason) == (Status.STOPPED, "cancelled by bela before it ran")
