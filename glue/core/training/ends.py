"""How SageMaker tells that a job has ended: by event, by description, by listing. All become one `End`.

Events bear the members of the Describe* answer in their `detail`, times as epoch milliseconds; some may be missing
(https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from glue.core.training.words import Kind

TERMINAL = ("Completed", "Failed", "Stopped")
_DETAIL_TYPES = {
    "SageMaker Training Job State Change": Kind.TRAINING,
    "SageMaker HyperParameter Tuning Job State Change": Kind.TUNING,
    "SageMaker Processing Job State Change": Kind.PROCESSING,
}
_WORDS = {Kind.TRAINING: "TrainingJob", Kind.TUNING: "HyperParameterTuningJob", Kind.PROCESSING: "ProcessingJob"}
_STARTS = {Kind.TRAINING: "TrainingStartTime", Kind.TUNING: "CreationTime", Kind.PROCESSING: "ProcessingStartTime"}
_STOPS = {
    Kind.TRAINING: "TrainingEndTime",
    Kind.TUNING: "HyperParameterTuningEndTime",
    Kind.PROCESSING: "ProcessingEndTime",
}


@dataclass(frozen=True)
class End:
    """The end of one remote job. What the source does not tell is None; times are epoch milliseconds."""

    kind: Kind  # what SageMaker ran: a processing job on spot is a training
    name: str
    status: str  # Completed, Failed, Stopped: SageMaker's own word
    reason: str | None = None  # FailureReason or ExitMessage
    secondary: str | None = None  # MaxRuntimeExceeded, MaxWaitTimeExceeded, MaxPendingTimeExceeded, Interrupted, ...
    created_at: int | None = None
    started_at: int | None = None
    ended_at: int | None = None
    training_seconds: int | None = None
    billable_seconds: int | None = None
    instance_type: str | None = None
    instance_count: int | None = None
    spot: bool | None = None
    best: Mapping[str, object] | None = None  # tuning: name, metric, value and hyperparameters of BestTrainingJob
    described: bool = False  # it is the whole truth, from Describe*

    @property
    def complete(self) -> bool:
        """Whether it tells enough to decide by; else ask Describe* once."""
        if self.described:
            return True
        if self.status == "Failed":
            return bool(self.reason)
        if self.status == "Stopped":
            return self.kind is not Kind.TRAINING or self.secondary is not None
        return self.kind is not Kind.TUNING or self.best is not None


def of_event(event: Mapping[str, object]) -> End | None:
    """Return the end that an EventBridge event tells of; None when it is no terminal state change of a job."""
    kind = _DETAIL_TYPES.get(str(event.get("detail-type")))
    detail = event.get("detail")
    if kind is None or event.get("source") != "aws.sagemaker" or not isinstance(detail, Mapping):
        return None
    return _end(kind, detail, described=False)


def of_description(kind: Kind, answer: Mapping[str, object]) -> End | None:
    """Return the end that a Describe* answer tells of; None while the job runs."""
    return _end(kind, answer, described=True)


def of_summary(kind: Kind, summary: Mapping[str, object]) -> End | None:
    """Return the end that an entry of a List* answer tells of; None while the job runs."""
    return _end(kind, summary, described=False)


def name_of(kind: Kind, found: Mapping[str, object]) -> str | None:
    """Return the remote job's name in an event's detail, an answer, or an entry of a listing."""
    name = found.get(f"{_WORDS[kind]}Name")
    return name if isinstance(name, str) else None


def status_of(kind: Kind, found: Mapping[str, object]) -> str | None:
    """Return SageMaker's status there: InProgress, Completed, Failed, Stopping or Stopped."""
    status = found.get(f"{_WORDS[kind]}Status")
    return status if isinstance(status, str) else None


def _end(kind: Kind, found: Mapping[str, object], *, described: bool) -> End | None:
    name, status = name_of(kind, found), status_of(kind, found)
    if name is None or status not in TERMINAL:
        return None
    started, ended = _time(found.get(_STARTS[kind])), _time(found.get(_STOPS[kind]))
    seconds = _seconds(found.get("TrainingTimeInSeconds"))
    if seconds is None and kind is not Kind.TUNING and started is not None and ended is not None:
        seconds = max(0, round((ended - started) / 1000))
    resources = _resources(kind, found)
    count = resources.get("InstanceCount")
    instance_type = resources.get("InstanceType")
    spot = found.get("EnableManagedSpotTraining")
    billable = _seconds(found.get("BillableTimeInSeconds"))
    if billable is None and kind is Kind.PROCESSING:
        billable = seconds
    return End(
        kind=kind,
        name=name,
        status=status,
        reason=_reason(found),
        secondary=_secondary(found),
        created_at=_time(found.get("CreationTime")),
        started_at=started,
        ended_at=ended if ended is not None else _time(found.get("LastModifiedTime")),
        training_seconds=seconds,
        billable_seconds=billable,
        instance_type=instance_type if isinstance(instance_type, str) else None,
        instance_count=count if isinstance(count, int) and not isinstance(count, bool) else None,
        spot=spot if isinstance(spot, bool) else None,
        best=_best(found.get("BestTrainingJob")),
        described=described,
    )


def _resources(kind: Kind, found: Mapping[str, object]) -> Mapping[str, object]:
    """A tuning has no one instance count: its trainings start and end by themselves."""
    if kind is Kind.TUNING:
        return {}
    inner = found.get("ResourceConfig" if kind is Kind.TRAINING else "ProcessingResources")
    if kind is Kind.PROCESSING and isinstance(inner, Mapping):
        inner = inner.get("ClusterConfig")
    return inner if isinstance(inner, Mapping) else {}


def _best(found: object) -> dict[str, object] | None:
    """The best training of a tuning, as the table keeps it: JSON, without times."""
    if not isinstance(found, Mapping) or not found.get("TrainingJobName"):
        return None
    metric = found.get("FinalHyperParameterTuningJobObjectiveMetric")
    metric = metric if isinstance(metric, Mapping) else {}
    tuned = found.get("TunedHyperParameters")
    tuned = tuned if isinstance(tuned, Mapping) else {}
    return {
        "name": str(found["TrainingJobName"]),
        "metric": metric.get("MetricName"),
        "value": metric.get("Value"),
        "hyperparameters": {str(name): str(value) for name, value in tuned.items()},
    }


def _reason(found: Mapping[str, object]) -> str | None:
    """FailureReason; else what a processing container wrote; else the message of the last transition."""
    for name in ("FailureReason", "ExitMessage"):
        if isinstance(text := found.get(name), str) and text:
            return text
    message = _last_transition(found).get("StatusMessage")
    return message if isinstance(message, str) and message else None


def _secondary(found: Mapping[str, object]) -> str | None:
    status = found.get("SecondaryStatus", _last_transition(found).get("Status"))
    return status if isinstance(status, str) else None


def _last_transition(found: Mapping[str, object]) -> Mapping[str, object]:
    transitions = found.get("SecondaryStatusTransitions")
    last = transitions[-1] if isinstance(transitions, list) and transitions else {}
    return last if isinstance(last, Mapping) else {}


def _time(value: object) -> int | None:
    """Epoch milliseconds (events), a datetime (boto3), epoch seconds with a fraction (raw JSON), or RFC 3339."""
    if isinstance(value, datetime):
        return round(value.replace(tzinfo=value.tzinfo or UTC).timestamp() * 1000)
    if isinstance(value, str):
        try:
            return _time(datetime.fromisoformat(value))
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        return None
    return round(value * 1000) if value < 1e11 else round(value)


def _seconds(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        return None
    return round(value)
