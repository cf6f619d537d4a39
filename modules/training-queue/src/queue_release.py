"""Makes releases of completed jobs: one message, one job. The message only says which; the table says what is true.

A message may come twice, late, or after a run that was killed: what is there is found again, and an outcome that was
written down is only told once more. What fails comes back until the queue gives it up to its dead-letter queue
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import queue_services
from queue_outlets import Outlets, log
from queue_store import Store

from glue.aws.clients import CallCounter, client_config
from glue.aws.session import Session
from glue.core import job_release, names
from glue.core.environment import Environment
from glue.core.job_release import RELEASED, Outcome
from glue.core.training import notice
from glue.core.training.record import Record
from glue.core.training.settings import Settings
from glue.core.training.words import Status
from glue.training_release import outcome_of, release_job

THREADS = 16  # copies of parts inside S3 at once: the function has one processor
LIMIT = 64 * 1024
TOLD = {RELEASED: "Released"}


@dataclass(frozen=True)
class Services:
    """The table, the topic, and AWS as the glue's own code sees it."""

    store: Store
    outlets: Outlets
    session: Session


class MessageError(Exception):
    """A message that names no completed job: it goes to the dead-letter queue, where people look at it."""


def handle(event: Mapping[str, Any], context: object) -> dict[str, list[dict[str, str]]]:
    """Work through the messages of an event and return those that failed, as SQS wants to know it."""
    del context
    failed = []
    for message in event["Records"]:
        try:
            work(message, services())
        except Exception as error:  # noqa: BLE001 - whatever it is, the message comes back, and the alarm tells
            said = " ".join(str(error).split())[:1000]
            log("ERROR", "no release", message_id=message["messageId"], error=f"{type(error).__name__}: {said}")
            failed.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": failed}


def work(message: Mapping[str, Any], given: Services, *, make: Callable[..., Outcome] = release_job) -> Outcome | None:
    """Make the release of one message's job and tell its owner; None when the job is not to become one.

    Raises MessageError for a message that is no job's, errors of AWS when another try may help.
    """
    record = _record(message, given.store)
    if job_release.terms_of(record.arguments) is None:
        return None
    outcome = outcome_of(record, session=given.session)
    if outcome is None:
        tries = int(message.get("attributes", {}).get("ApproximateReceiveCount", 1))
        outcome = make(record, session=given.session, tries=tries, threads=THREADS)
    given.outlets.publish(_told(record, outcome), notice.attributes(record) | {"status": _status(outcome)})
    log("INFO", _status(outcome), job=record.job, release=outcome.release, reasons=outcome.reasons)
    return outcome


def _record(message: Mapping[str, Any], store: Store) -> Record:
    try:
        body = json.loads(message["body"][:LIMIT])
        job = body["job"]
        if not isinstance(job, str):
            raise TypeError(f"the job is {job!r}")
    except (ValueError, TypeError, KeyError) as error:
        raise MessageError(f"not a message of this queue: {error}") from error
    record = store.get(job)
    if record is None:
        raise MessageError(f"no job {job!r} in the table")
    if record.status != Status.COMPLETED or body.get("remote_name") not in {None, record.remote_name}:
        raise MessageError(f"job {job} is {record.status} as {record.remote_name}, and the message tells otherwise")
    return record


def _status(outcome: Outcome) -> str:
    return TOLD.get(outcome.result, "ReleaseRefused")


def _told(record: Record, outcome: Outcome) -> str:
    said = json.loads(notice.message(record))
    more = {"status": _status(outcome), "release": outcome.release, "reason": "; ".join(outcome.reasons) or None}
    return json.dumps(said | more, sort_keys=True)


@functools.lru_cache(maxsize=1)
def services() -> Services:
    """Return AWS's services, with clients that are made when they are first used."""
    queue = queue_services.services()
    return Services(queue.store, queue.outlets, session(queue_services.settings()))


def session(settings: Settings) -> Session:
    """Return the glue's session of this account, with the function's own credentials."""
    own = Environment(settings.environment, settings.account_id, settings.region, project=settings.project)
    return Session(
        boto3.Session(region_name=settings.region),
        environment=own,
        caller=names.role_arn(own.account_id, own.project, own.name, "training-release"),
        config=client_config(threads=THREADS),
        calls=CallCounter(),
    )
