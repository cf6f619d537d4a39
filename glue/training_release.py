"""A completed training job becomes a release that waits for approval, or is refused with its reasons.

The same code for the queue's release function and for `slipway train release`. Everything is found again when it runs
again: the release by its content, the package by the release. Only training/<job>/release.json is overwritten.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from glue.aws.copier import THREADS
from glue.core import job_release, names
from glue.core.job_release import FAILED, REFUSED, RELEASED, WORKING, Outcome, Trained
from glue.core.request import ReleaseRequest
from glue.core.training.job import Release as Terms
from glue.core.training.words import Kind, Status
from glue.errors import AwsError, NotFoundError, RefusedError, SlipwayError, UsageError
from glue.registering import registered
from glue.releasing import ReleasePlan, create_release, plan_release

if TYPE_CHECKING:
    from glue.aws.session import Session
    from glue.core.training.record import Record

_MOST_OBJECTS = 1000  # of a channel that are looked at: one page of a listing
_TOO_LONG = 48 * 1024  # a manifest keeps 64 KiB of what a training was


def utc() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def release_job(
    record: Record,
    *,
    session: Session,
    clock: Callable[[], datetime] = utc,
    tries: int = 1,
    threads: int = THREADS,
) -> Outcome:
    """Make the release of a job, register it, write down what became of it, and return that.

    A refusal is an outcome. Raises RefusedError when the job is none that can become a release, and errors of AWS after
    they were written down: the same call again may succeed.
    """
    terms = _terms(record)
    key = job_release.key_of(record.job)

    def write(outcome: Outcome) -> Outcome:
        data = job_release.encode(record, outcome, at=clock(), attempt=tries)
        session.artifacts().put(key, data, content_type="application/json")
        return outcome

    write(Outcome(WORKING))  # who is killed leaves this behind
    try:
        return write(_made(record, terms, session=session, clock=clock, threads=threads))
    except (UsageError, RefusedError) as error:
        return write(Outcome(REFUSED, (_said(error),)))
    except SlipwayError as error:
        write(Outcome(FAILED, (_said(error),)))
        raise


def outcome_of(record: Record, *, session: Session) -> Outcome | None:
    """Return what became of the release of a job's last attempt, None when nothing has ended yet."""
    found = session.artifacts().get_small(job_release.key_of(record.job), limit=job_release.DOCUMENT_LIMIT)
    outcome = job_release.parse(found[0], remote_name=record.remote_name or "") if found else None
    return outcome if outcome is not None and outcome.result in job_release.FINAL else None


def _said(error: SlipwayError) -> str:
    """Return an error for somebody who was not there when it happened: with what to do."""
    return f"{error.message}: {error.remedy}" if error.remedy else error.message


def _terms(record: Record) -> Terms:
    if record.kind != Kind.TRAINING or record.status != Status.COMPLETED or record.remote_name is None:
        raise RefusedError(
            f"job {record.job} is a {record.kind} job that is {record.status}",
            remedy="Completed training jobs become releases.",
        )
    try:
        terms = job_release.terms_of(record.arguments)
    except ValueError as error:
        raise RefusedError(f"the release settings of job {record.job} are not usable: {error}") from error
    if terms is None:
        raise RefusedError(
            f"job {record.job} has no release settings",
            remedy="Make the release by hand, of the job's output: slipway release create --archive s3://….",
        )
    return terms


def _made(record: Record, terms: Terms, *, session: Session, clock: Callable[[], datetime], threads: int) -> Outcome:
    trained = _trained(record, session)
    plan = plan_release(_request(record, trained, terms, session), session=session, clock=clock)
    archive = plan.gathered.metrics
    metrics = job_release.metrics_of(archive=archive, job=trained.metrics)
    if reasons := job_release.missed(terms.bounds, archive=archive, job=trained.metrics):
        return Outcome(REFUSED, reasons, metrics=metrics)
    made = create_release(_with_metrics(plan, metrics), session=session, threads=threads).release
    return Outcome(
        RELEASED,
        release=made.release,
        created=made.training.get("job_name") == trained.name,
        package_arn=registered(session, made),
        metrics=metrics,
    )


def _with_metrics(plan: ReleasePlan, metrics: Mapping[str, float]) -> ReleasePlan:
    return replace(plan, release=replace(plan.release, metrics=metrics))


def _trained(record: Record, session: Session) -> Trained:
    answer = session.sagemaker.training_job(record.remote_name or "")
    if answer is None:
        raise NotFoundError(f"training job {record.remote_name} does not exist ({session.environment.name})")
    trained = job_release.trained_of(answer)
    if trained.status != Status.COMPLETED or not trained.archive:
        raise AwsError(f"SageMaker says that {trained.name} is {trained.status}, with the model {trained.archive}")
    return trained


def _request(record: Record, trained: Trained, terms: Terms, session: Session) -> ReleaseRequest:
    training = job_release.provenance(record, trained, terms, _data(trained, session))
    return ReleaseRequest(
        model=record.model,
        archive=trained.archive or "",
        image=trained.image,
        commit=terms.commit or _commit(record, trained, session),
        environment=terms.container_env,
        training=job_release.shortened(training, limit=_TOO_LONG),
        without_golden=not terms.golden,
    )


def _commit(record: Record, trained: Trained, session: Session) -> str:
    """Return the commit that the image's tag names."""
    repository = names.repository_name(session.environment.project, record.model)
    _, _, digest = trained.image.partition("@")
    image = session.registry.describe(repository, digest) if digest else None
    commit = job_release.commit_tag(image.tags) if image else None
    if commit is None:
        raise RefusedError(
            f"no tag of the image {trained.image} names a commit, and the job names none",
            remedy="Say which commit it is in the job's document: release.commit.",
        )
    return commit


def _data(trained: Trained, session: Session) -> dict[str, dict[str, object]]:
    """Return what lies in the channels that are in the artifact store: how much, how new, and newer than the job?"""
    bucket, found = session.artifacts(), {}
    for name, uri in trained.channels.items():
        where, _, prefix = uri.removeprefix("s3://").partition("/")
        if where != bucket.name or not prefix:
            continue
        objects = list(itertools.islice(bucket.objects(prefix), _MOST_OBJECTS + 1))
        if not objects or len(objects) > _MOST_OBJECTS:
            continue
        newest = max(one.stored for one in objects).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        found[name] = {
            "objects": len(objects),
            "bytes": sum(one.bytes for one in objects),
            "newest": newest,
            "changed_since": trained.started is not None and newest > trained.started,
        }
    return found
