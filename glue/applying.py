"""Records the apply of a saved plan, and what AWS serves afterwards when it failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from glue.core import audit
from glue.core.truth import UNDER_WAY, revision_in
from glue.errors import NotFoundError, SlipwayError

if TYPE_CHECKING:
    from glue.auditing import Trail
    from glue.aws.session import Session
    from glue.core.plan import PlanSummary
    from glue.tf.tfvars import Estate
    from glue.workspace import Stack


@contextmanager
def recorded(
    trail: Trail, stack: Stack, planned: PlanSummary, estate: Estate, *, facts: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Record what the block applies. The caller holds the stack's lock, so what others began and left is ended first.

    `facts` are the record's details: which bundle, its grade, who approved it.

    An account's first foundation makes the store that records lie in: what is applied before there is one is in
    CloudTrail, and in the record of the foundation's own end.
    """
    if stack.endpoint is not None:
        with _endpoint(trail, stack, planned, estate, facts):
            yield
        return
    scope = f"_{stack.name}"
    begun = None
    if _has_store(trail.session):
        trail.reconcile(scope, served=None)
        begun = trail.begin(action="apply", endpoint=scope, plan=planned.digest, details=facts)
    try:
        yield
    except SlipwayError as error:
        if begun is not None:
            trail.end(begun, outcome=audit.FAILED, reason=error.message)
        raise
    if begun is not None:
        trail.end(begun)
    elif _has_store(trail.session):
        trail.note(action="apply", endpoint=scope, plan=planned.digest, details=facts)


@contextmanager
def _endpoint(
    trail: Trail, stack: Stack, planned: PlanSummary, estate: Estate, facts: Mapping[str, str] | None
) -> Iterator[None]:
    endpoint = stack.endpoint or ""
    before, under_way = _served(trail.session, stack)
    if not under_way:
        trail.reconcile(endpoint, served=before)
    wanted = estate.revisions(stack.environment.name, endpoint)
    releases = wanted.live_revision.releases if wanted.live_revision else ()
    begun = trail.begin(
        action="apply",
        endpoint=endpoint,
        source=before,
        to=wanted.live,
        releases=releases,
        plan=planned.digest,
        details=facts,
    )
    try:
        yield
    except SlipwayError as error:
        trail.end(begun, outcome=audit.FAILED, reason=error.message, returned_to=_served_now(trail.session, stack))
        raise
    trail.end(begun)


def _served(session: Session, stack: Stack) -> tuple[str | None, bool]:
    """Return the revision that AWS serves (None: none, or not one of ours), and whether it is being changed."""
    name = stack.environment.endpoint_name(stack.endpoint or "")
    found = session.sagemaker.endpoint(name)
    return (revision_in(found.config, name), found.status in UNDER_WAY) if found else (None, False)


def _served_now(session: Session, stack: Stack) -> str | None:
    try:
        served, under_way = _served(session, stack)
    except SlipwayError:
        return None  # nobody knows, and the record says so
    return None if under_way else served


def _has_store(session: Session) -> bool:
    """Tell whether the environment has an artifact store yet: its foundation publishes it."""
    try:
        session.parameters.foundation(session.environment)
    except NotFoundError:
        return False
    return True
