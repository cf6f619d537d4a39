"""SageMaker's jobs of three kinds, asked the same way.

| kind | operations |
|---|---|
| training | CreateTrainingJob, DescribeTrainingJob, StopTrainingJob, ListTrainingJobs |
| tuning | CreateHyperParameterTuningJob, DescribeHyperParameterTuningJob, StopHyperParameterTuningJob, ListHyper... |
| processing | CreateProcessingJob, DescribeProcessingJob, StopProcessingJob, ListProcessingJobs |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from botocore import exceptions as boto

PAGE = 100  # the most that a list call gives
GONE = ("could not find", "does not exist", "not found", "cannot find")
NOT_STOPPABLE = ("can not be stopped", "cannot be stopped", "already", "terminal", "status")


@dataclass(frozen=True)
class Words:
    """How SageMaker calls one kind of job."""

    method: str
    name: str
    status: str
    listed: str


WORDS = {
    "training": Words("training_job", "TrainingJobName", "TrainingJobStatus", "TrainingJobSummaries"),
    "tuning": Words(
        "hyper_parameter_tuning_job",
        "HyperParameterTuningJobName",
        "HyperParameterTuningJobStatus",
        "HyperParameterTuningJobSummaries",
    ),
    "processing": Words("processing_job", "ProcessingJobName", "ProcessingJobStatus", "ProcessingJobSummaries"),
}


class CallError(Exception):
    """AWS answered with an error: its code, its message on one line, the HTTP status (None: unknown)."""

    def __init__(self, code: str, message: str, status: int | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


class UnansweredError(Exception):
    """No answer came: the call may or may not have done its work."""


@dataclass(frozen=True)
class Listing:
    """One page of a list. `following` continues it, None at the end; a short or empty page may not be the last."""

    jobs: list[dict[str, Any]]  # summaries, as SageMaker gives them
    following: str | None


class Jobs(Protocol):
    """What the queue asks of SageMaker. Every method raises CallError or UnansweredError."""

    def create(self, kind: str, request: Mapping[str, Any]) -> None:
        """Make a job. Never retried by the client: the caller decides."""

    def describe(self, kind: str, name: str) -> dict[str, Any] | None:
        """Return a job's description, None when there is none of that name."""

    def stop(self, kind: str, name: str) -> bool:
        """Ask a job to stop. False when there is none of that name, or when it has ended."""

    def page(self, kind: str, since_ms: int, token: str | None) -> Listing:
        """Return a page of the jobs created after a time. Never retried by the client."""


class SageMakerJobs:
    """The jobs of this account and region."""

    def __init__(self, once: Callable[[], Any], patient: Callable[[], Any]) -> None:
        """Each gives a client, made when it is first asked for: one that never retries by itself, and one that does."""
        self._once = once
        self._patient = patient

    def create(self, kind: str, request: Mapping[str, Any]) -> None:
        """Make a job, with one call."""
        self._call(self._once, f"create_{WORDS[kind].method}", **request)

    def describe(self, kind: str, name: str) -> dict[str, Any] | None:
        """Return a job's description, None when there is none."""
        words = WORDS[kind]
        try:
            found: dict[str, Any] = self._call(self._patient, f"describe_{words.method}", **{words.name: name})
        except CallError as error:
            if is_absent(error):
                return None
            raise
        return found

    def stop(self, kind: str, name: str) -> bool:
        """Ask a job to stop; False when there is nothing to stop."""
        words = WORDS[kind]
        try:
            self._call(self._patient, f"stop_{words.method}", **{words.name: name})
        except CallError as error:
            if is_absent(error) or _has_ended(error):
                return False
            raise
        return True

    def page(self, kind: str, since_ms: int, token: str | None) -> Listing:
        """Return a page, with one call: the sweep counts them."""
        words = WORDS[kind]
        request: dict[str, Any] = {
            "CreationTimeAfter": datetime.fromtimestamp(since_ms / 1000, UTC),
            "MaxResults": PAGE,
            "SortBy": "CreationTime",
            "SortOrder": "Ascending",
        }
        if token is not None:
            request["NextToken"] = token
        found = self._call(self._once, f"list_{words.method}s", **request)
        return Listing(list(found[words.listed]), found.get("NextToken"))

    def _call(self, client: Callable[[], Any], method: str, **request: Any) -> Any:
        try:
            return getattr(client(), method)(**request)
        except boto.ClientError as error:
            raise _refused(error) from error
        except (boto.HTTPClientError, boto.ConnectionError) as error:
            raise UnansweredError(" ".join(str(error).split())) from error


def is_absent(error: CallError) -> bool:
    """Tell whether an error means that there is no such job: SageMaker says it as a ValidationException."""
    if error.code == "ResourceNotFound":
        return True
    said = error.message.lower()
    return error.code == "ValidationException" and any(part in said for part in GONE)


def _has_ended(error: CallError) -> bool:
    return error.code == "ValidationException" and any(part in error.message.lower() for part in NOT_STOPPABLE)


def _refused(error: boto.ClientError) -> CallError:
    found = error.response.get("Error", {})
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return CallError(str(found.get("Code", "")), " ".join(str(found.get("Message", "")).split()), status)
