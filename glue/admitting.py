"""Who approved a plan, and whether it may be applied: asked before anything changes, kept in its audit record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from glue.bundle_store import Store
from glue.core import plan_approval
from glue.core.gates import PLAN_APPROVAL, Refusal
from glue.errors import SlipwayError

if TYPE_CHECKING:
    from glue.aws.session import Session
    from glue.core.bundle import Manifest
    from glue.workspace import Stack

WAYS_BACK = ("rollback", "abort")  # nobody waits for an approval while customers are hurt


@dataclass(frozen=True)
class Admitted:
    """What an audit record says of an applied plan, and the gate's no when it needs an approval and has none."""

    facts: Mapping[str, str] = field(default_factory=dict)
    refusal: Refusal | None = None


def judge(
    session: Session,
    stack: Stack,
    manifest: Manifest,
    *,
    environ: Mapping[str, str],
    now: datetime,
) -> Admitted:
    """Return who approved what a bundle does, as the environment's store proves it, else as the pipeline claims it."""
    where = stack.environment
    facts = manifest.facts()
    if said := plan_approval.claimed(environ):
        facts["approval_claimed"] = said
    if not where.approvers:
        return Admitted(facts)
    try:
        found = Store(session, stack).approvals(manifest.semantic)
    except SlipwayError:
        if where.gates.plan_approval:
            raise
        found = []  # an environment whose roles cannot read them yet, and that asks for none
    approval, why = plan_approval.valid(found, manifest, environment=where, by=session.principal, now=now)
    if approval is not None:
        facts |= {"approved_by": approval.by, "approved_bundle": approval.bundle}
        return Admitted(facts)
    if not where.gates.plan_approval:
        return Admitted(facts)
    reason = f"nobody approved this plan of {stack.label}" + (f" so that it counts: {'; '.join(why)}" if why else "")
    return Admitted(facts, Refusal(PLAN_APPROVAL, reason, _how(stack, manifest)))


def _how(stack: Stack, manifest: Manifest) -> str:
    words = f"--env {stack.environment.name} --stack {stack.name}"
    words += f" --endpoint {stack.endpoint}" if stack.endpoint else ""
    return (
        f"slipway bundle push {words}; then, by an approver: slipway bundle approve {words} --digest {manifest.digest}"
    )
