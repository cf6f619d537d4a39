"""Why a deployment failed, and whether that speaks against the revision: from what AWS said before it and says now.

After SageMaker rolled a deployment back by itself, the endpoint is InService again, on the old config; Terraform may
have called that an error or a success. DescribeEndpoint's FailureReason and the rollback alarms say why.
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from glue.core.audit import DONE, FAILED, INTERRUPTED, STARTED, Record, time_of
from glue.core.revision import Revisions, remark
from glue.core.surroundings import Alarm, Surroundings
from glue.core.truth import IN_SERVICE, Live, revision_in


@dataclass(frozen=True)
class Known:
    """What AWS said of an endpoint before a deployment: what differs afterwards is news.

    `reason` is the FailureReason of a deployment before, which stays until one succeeds. `alarms_since` is the time
    (RFC 3339, AWS's clock) of the last change of a rollback alarm: whatever rang later rang in the deployment.
    """

    served: str | None = None
    config: str | None = None
    reason: str | None = None
    modified: str = ""
    alarms_since: str = ""


@dataclass(frozen=True)
class Failure:
    """`cause` in words; `of_revision` says whether the revision itself was tried and failed."""

    cause: str
    of_revision: bool


def known(endpoint: str, live: Live, around: Surroundings) -> Known:
    """Return what is to be remembered of an endpoint (its full name) before it is changed."""
    state = live.endpoint
    if state is None:
        return Known()
    changes = [alarm.since for alarm in around.alarms.values() if alarm.since]
    return Known(
        served=revision_in(state.config, endpoint),
        config=state.config,
        reason=state.failure,
        modified=state.modified,
        alarms_since=max(changes, default=state.modified),
    )


def rolled_back(before: Known, live: Live, *, wanted_config: str, applied: bool) -> bool:
    """Tell whether SageMaker tried the wanted config (its prefix) and undid it.

    `applied`: Terraform said that all went well, or that SageMaker rolled back. Otherwise it may have failed before it
    came to the endpoint: then SageMaker has no new reason to tell.
    """
    state = live.endpoint
    if state is None or state.config.startswith(wanted_config):
        return False
    return (
        applied or state.failure != before.reason or (state.failure is not None and state.modified != before.modified)
    )


def was_interrupted(records: Iterable[Record], wanted: str, *, modified: str) -> bool:
    """Tell from the audit trail whether the call that changed the endpoint last was killed on the way to a revision.

    `modified` is when AWS changed the endpoint last (RFC 3339): what began later has not come to it. A later call to
    the same revision that came to its end has dealt with it.
    """
    if not modified:
        return False
    until = datetime.fromisoformat(modified)
    moves = sorted((entry for entry in records if entry.moves), key=lambda entry: entry.id)
    reached = [entry for entry in moves if time_of(entry.started) <= until]
    if not reached or reached[-1].to != wanted or reached[-1].outcome not in {STARTED, INTERRUPTED}:
        return False
    later = moves[moves.index(reached[-1]) + 1 :]
    return not any(entry.to == wanted and entry.outcome in {DONE, FAILED} for entry in later)


def undone_earlier(
    endpoint: str,
    revisions: Revisions,
    live: Live,
    *,
    held_config: str | None,
    was_made: bool,
    interrupted: bool = False,
) -> str | None:
    """Return why the live revision of the file was undone by an earlier call that nobody finished; None if it was not.

    Evidence is what Terraform's state holds while AWS serves another config; a FailureReason that no remark in the file
    explains while the wanted config exists (`was_made`); or any FailureReason when the audit trail says that the call
    to it was `interrupted`. A way back may be tried again freely.
    """
    state = live.endpoint
    if state is None or state.status != IN_SERVICE or revisions.live is None or revisions.returning:
        return None
    served = revision_in(state.config, endpoint)
    if served == revisions.live or served not in revisions.revisions:
        return None
    held = revision_in(held_config, endpoint) if held_config else None
    news = state.failure is not None and not revisions.explains(state.failure)
    if held == revisions.live or (news and was_made) or (interrupted and state.failure is not None):
        return in_words(revisions.live, state.failure, ())
    return None


def fresh(reason: str | None, *, before: str | None, rang: Sequence[Alarm]) -> str | None:
    """Return SageMaker's reason, None when it is still the one of an earlier deployment: other alarms rang now."""
    if reason is None or reason != before or not rang or any(alarm.name in reason for alarm in rang):
        return reason
    return None


def in_words(revision: str, reason: str | None, rang: Iterable[Alarm]) -> str:
    """Return how SageMaker undid a revision: its own reason, and the alarms that rang."""
    said = remark(reason).rstrip(".") if reason else "it gave no reason"
    alarms = [f"alarm {alarm.name} went into ALARM at {alarm.since[:19]}" for alarm in rang]
    return "; ".join([f"SageMaker rolled {revision} back: {said}", *alarms])
