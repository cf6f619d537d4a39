"""One claimed job is made: calls of one name until it is known what came of them, or time is up."""

from __future__ import annotations

from dataclasses import dataclass

from queue_jobs import CallError, UnansweredError
from queue_outlets import log
from queue_pace import Pace
from queue_settle import Desk

from glue.core.training import ends, outcomes
from glue.core.training.outcomes import Launch
from glue.core.training.record import Record
from glue.core.training.request import Request

UNANSWERED = 3  # calls in place without an answer; then the claim stays, and the sweep finds out
AGAIN = frozenset({Launch.THROTTLED, Launch.UNKNOWN})


@dataclass
class Made:
    """What came of it. `throttled` counts the calls that AWS throttled."""

    outcome: Launch
    reason: str = ""
    calls: int = 0
    throttled: int = 0


def create(desk: Desk, pace: Pace, request: Request, record: Record) -> Made:
    """Make a job. The caller has waited for the first call. The same name twice never makes two jobs:
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html (ResourceInUse)."""
    made = Made(Launch.UNKNOWN)
    unanswered = 0
    while True:
        made.calls += 1
        made.outcome, made.reason = _call(desk, request, record, sure=unanswered == 0)
        if made.outcome is Launch.THROTTLED:
            made.throttled += 1
            pace.throttled()
        elif made.outcome is Launch.UNKNOWN:
            unanswered += 1
        else:
            pace.succeeded()
        if made.outcome in AGAIN and unanswered < UNANSWERED and pace.wait():
            continue
        if made.outcome is Launch.THROTTLED and unanswered > 0:
            made.outcome = Launch.UNKNOWN
        return made


def _call(desk: Desk, request: Request, record: Record, *, sure: bool) -> tuple[Launch, str]:
    """`sure`: no call before was left without an answer. Else a refusal of this one says nothing of that one."""
    try:
        desk.services.jobs.create(str(request.kind), request.params)
    except UnansweredError as error:
        return Launch.UNKNOWN, str(error)
    except CallError as error:
        if error.code == "ResourceInUse":
            return _there_already(desk, request, record)
        outcome = outcomes.launch_error(error.code, error.message, error.status)
        return (outcome if sure or outcome is Launch.THROTTLED else Launch.UNKNOWN), str(error)
    return Launch.LAUNCHED, ""


def _there_already(desk: Desk, request: Request, record: Record) -> tuple[Launch, str]:
    """Look once at the job that has the name: it may have ended while nobody listened, or be a stranger's."""
    try:
        answer = desk.services.jobs.describe(str(request.kind), request.name)
    except (CallError, UnansweredError) as error:  # the sweep looks again
        log("WARNING", "the job that is there already cannot be looked at", job=record.job, error=str(error))
        return Launch.LAUNCHED, ""
    if answer is None:
        return Launch.LAUNCHED, ""
    created = answer.get("CreationTime")
    if created is not None and created.timestamp() < record.submitted_at // 1000:  # some clients see whole seconds
        return Launch.REFUSED, f"{request.name} is the name of a job that was there before this one was submitted"
    end = ends.of_description(request.kind, answer)
    if end is not None:
        desk.settle(record, end)
    return Launch.LAUNCHED, ""
