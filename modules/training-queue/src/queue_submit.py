"""Takes jobs, and takes them back. Called by a function URL, and by EventBridge Scheduler with a template.

A job is stored whole or not at all, and each is answered on its own. The same id with the same content is one job,
however often it comes.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import queue_cancel
import queue_http
import queue_services
from queue_http import HttpError
from queue_outlets import log
from queue_services import Clock, Services
from queue_store import OTHER

from glue.aws import service_model
from glue.core.training import job as jobs
from glue.core.training import record as records
from glue.core.training import template
from glue.core.training.job import Job, JobError, Validate
from glue.core.training.settings import Settings
from glue.core.training.words import Kind, Status
from glue.errors import SlipwayError

MOST = 25
REFUSED = "refused"


class SubmitError(Exception):
    """An invocation that is neither a request nor a schedule's, or a schedule's job that was refused."""


@dataclass(frozen=True)
class Counter:
    """Where jobs are handed in: what submissions need beside the documents."""

    services: Services
    settings: Settings
    clock: Clock
    nonce: Callable[[], str]
    validate: Validate


def handle(event: Any, context: Any) -> dict[str, Any]:
    """Answer a request of the function URL, or submit a schedule's template."""
    del context
    counter = Counter(
        queue_services.services(),
        queue_services.settings(),
        queue_services.now,
        lambda: secrets.token_hex(3),
        service_model.validator(),
    )
    return run(event, counter)


def run(event: Any, counter: Counter) -> dict[str, Any]:
    """Answer an event. Raises SubmitError, so that a schedule is tried again and then reported."""
    if isinstance(event, Mapping) and queue_http.is_http(event):
        return _http(event, counter)
    if isinstance(event, Mapping) and set(event) == {"template", "scheduled_at", "schedule"}:
        return _scheduled(event, counter)
    raise SubmitError("post to the function's URL: other invocations are taken from EventBridge Scheduler only")


def _http(event: Mapping[str, Any], counter: Counter) -> dict[str, Any]:
    try:
        request = queue_http.read(event)
        if set(request.body) == {"jobs"}:
            results = submit(_list(request.body["jobs"], "jobs"), request.caller, counter)
        elif set(request.body) == {"cancel"}:
            ids = _list(request.body["cancel"], "cancel")
            if not all(isinstance(one, str) for one in ids):
                raise HttpError(400, "cancel takes the ids of jobs, which are strings")
            results = queue_cancel.cancel([str(one) for one in ids], request.caller, counter)
        else:
            raise HttpError(400, 'send {"jobs": [...]} or {"cancel": [...]}, and nothing else')
    except HttpError as error:
        return queue_http.answer(error.status, {"message": error.message}, **error.headers)
    return queue_http.answer(200, {"results": results})


def _list(value: object, name: str) -> list[object]:
    if not isinstance(value, list) or not 1 <= len(value) <= MOST:
        raise HttpError(400, f"{name} is not a list of 1 to {MOST}")
    return value


def _scheduled(event: Mapping[str, Any], counter: Counter) -> dict[str, Any]:
    """Submit a template. Its id comes from the scheduled time, so that a redelivery is the same job."""
    settings = counter.settings
    schedule = str(event["schedule"])
    caller = f"arn:aws:scheduler:{settings.region}:{settings.account_id}:schedule/{settings.queue}/{schedule}"
    try:
        document = template.expand(event["template"], scheduled_at=str(event["scheduled_at"]), schedule=schedule)
    except (SlipwayError, ValueError, TypeError) as error:
        raise SubmitError(f"the template of the schedule {schedule} cannot be used: {error}") from error
    (result,) = submit([document], caller, counter)
    if result["status"] == REFUSED:
        raise SubmitError(f"the schedule {schedule} has a job that was refused: {'; '.join(result['errors'])}")
    return {"results": [result]}


def submit(documents: Sequence[object], caller: str, counter: Counter) -> list[dict[str, Any]]:
    """Return a result for each document, in their order: submitted, known or refused.

    Those that wait for a tuning come last, as it may be among them.
    """
    order = sorted(range(len(documents)), key=lambda at: _waits(documents[at]))
    results = {at: _submitted(documents[at], caller, counter) for at in order}
    log("INFO", "submitted", caller=caller, results=[(results[at]["id"], results[at]["status"]) for at in order])
    return [results[at] for at in range(len(documents))]


def _waits(document: object) -> bool:
    return isinstance(document, Mapping) and "hyperparameters_from" in document


def _submitted(document: object, caller: str, counter: Counter) -> dict[str, Any]:
    said = document.get("id") if isinstance(document, Mapping) else None
    name = said if isinstance(said, str) else None
    try:
        job = jobs.parse(
            document,  # type: ignore[arg-type]  # whatever it is: that is what is looked at
            settings=counter.settings,
            caller=session_name(caller),
            now=counter.clock(),
            nonce=counter.nonce(),
            validate=counter.validate,
        )
        if problem := _tuning_problem(job, counter):
            raise JobError([problem])
    except JobError as error:
        return _result(name, REFUSED, error.problems)
    new = records.new(job, submitted_by=caller, now=counter.clock())
    status = counter.services.store.put_new(new)
    if status == OTHER:
        problem = f"{job.id} is the id of another job: give this one an id of its own, or leave the id out"
        return _result(job.id, REFUSED, (problem,))
    return _result(job.id, status)


def _tuning_problem(job: Job, counter: Counter) -> str | None:
    """A job that waits for what will never come is refused at once; not one that was taken when it could still come."""
    problem = _never(job.hyperparameters_from, counter) if job.hyperparameters_from is not None else None
    if problem is None:
        return None
    known = counter.services.store.row(job.id)
    return None if known is not None and known.get("digest") == job.digest else problem


def _never(name: str, counter: Counter) -> str | None:
    named = f"hyperparameters_from names {name}, which"
    try:
        tuning = counter.services.store.get(name)
    except records.RecordError as error:
        return f"{named} cannot be read: {error}"
    if tuning is None:
        return f"{named} is no job of this queue: submit the tuning first"
    if tuning.kind is not Kind.TUNING:
        return f"{named} is no tuning: its kind is {tuning.kind}"
    if tuning.status in {Status.FAILED, Status.STOPPED}:
        return f"{named} has ended {tuning.status}: {tuning.reason}"
    return None


def _result(name: str | None, status: str, problems: Sequence[str] = ()) -> dict[str, Any]:
    return {"id": name, "status": status, "errors": list(problems)}


def session_name(arn: str) -> str:
    """Return the last part of a caller's ARN: the session's name, or the user's."""
    return arn.rpartition("/")[2]
