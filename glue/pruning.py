"""Prunes an environment: reads what there is and who needs it, and removes what nobody does, revisions first."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from glue import auditing
from glue import live as reading
from glue.auditing import Trail
from glue.console import Console
from glue.core import audit, names, retention
from glue.core.audit import Record
from glue.core.release import MANIFEST
from glue.core.retention import Freed, Pruned
from glue.core.revision import Revision
from glue.errors import RefusedError, SlipwayError, UsageError
from glue.holdings import Holdings, World
from glue.stacks import Stacks
from glue.tf import revisions_file
from glue.tf.tfvars import Estate
from glue.verifying import truth_of
from glue.workspace import Stack

if TYPE_CHECKING:
    from glue.aws.session import Session
    from glue.core.environment import Environment

RELEASES = "_releases"  # the scope of records that concern no endpoint
_MANIFEST_LIMIT = 1024 * 1024
_READERS = 8
_IN_URL = re.compile(r"/releases/[^/]+/([^/]+)/")


@dataclass(frozen=True)
class PrunePlan:
    """What a prune removes. `unfinished` are endpoints whose last prune did not end well: Terraform is asked again."""

    environment: Environment
    keep: int
    endpoints: tuple[Pruned, ...]
    freed: Freed
    unfinished: frozenset[str] = frozenset()

    @property
    def removed(self) -> int:
        """How many revisions leave their files."""
        return sum(len(entry.removed) for entry in self.endpoints)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.removed or self.unfinished or self.freed.releases or self.freed.images)


class Pruner:
    """Prunes one environment in its role for it; `prover`, in the glue's role, makes the truth check.

    The caller holds the locks of all its endpoints.
    """

    def __init__(
        self,
        *,
        estate: Estate,
        session: Session,
        prover: Session,
        stacks: Stacks,
        trail: Trail,
        console: Console,
        clock: Callable[[], datetime] = auditing.now,
    ) -> None:
        self._estate = estate
        self._session = session
        self._prover = prover
        self._stacks = stacks
        self._trail = trail
        self._console = console
        self._clock = clock
        self._where = session.environment
        self._holdings = Holdings(estate=estate, session=session, console=console)

    # planning: reads only

    def plan(self, *, endpoints: Sequence[str], keep: int) -> PrunePlan:
        """Return what pruning these endpoints removes; what others of the environment need counts too.

        Raises RefusedError while a deployment is under way, or when AWS serves another revision than the file says.
        """
        world = self._holdings.read(endpoints)
        done = tuple(
            retention.prune(held, keep=keep)
            if held.endpoint in endpoints
            else Pruned(held.endpoint, held.revisions, held.revisions, {})
            for held in world.held
        )
        unfinished = frozenset(name for name in endpoints if self._unfinished(name, world.records))
        freed = self._freed(done, world)
        return PrunePlan(self._where, keep, tuple(e for e in done if e.endpoint in endpoints), freed, unfinished)

    def _unfinished(self, endpoint: str, prunes: Sequence[Record]) -> bool:
        last = next((entry for entry in prunes if entry.scope == endpoint), None)
        return last is not None and last.outcome != audit.DONE and "restored" not in last.details

    def _freed(self, done: Sequence[Pruned], world: World) -> Freed:
        needs, digests = retention.needed([*self._own(done), *self._holdings.behind()])
        for full, live in world.lives.items():
            for model in live.models.values():
                digests |= {model.image.rpartition("@")[2]}
                for release in _IN_URL.findall(model.model_data_url):
                    needs.setdefault(release, f"the running endpoint {full}")
        superseded = {name for record in world.records for name in record.releases}
        superseded |= {n for e in done for gone in e.removed for n in retention.releases_of(e.before.revisions[gone])}
        decide = partial(
            retention.free,
            needs=needs,
            digests=digests,
            superseded=superseded,
            fresh=self._holdings.fresh(),
            now=self._clock(),
        )
        stored = self._holdings.stored()
        models = {entry.model for entry in decide(stored, ()).releases}
        images = [image for model in sorted(models) for image in self._holdings.images(model)]
        return decide(self._holdings.with_images(stored, models), images)

    def _own(self, done: Sequence[Pruned]) -> Iterator[tuple[str, list[Revision]]]:
        for entry in done:
            yield f"endpoint {entry.endpoint}", list(entry.after.revisions.values())

    # acting

    def carry_out(self, plan: PrunePlan) -> PrunePlan:
        """Remove what the plan says, and return what was removed. Run again after a crash, it goes on.

        Revisions go first, in a Terraform plan that destroys nothing but configs and models that are not live; then
        images and files, after everybody's needs were read once more. Raises RefusedError and leaves an endpoint's
        file as it was when its plan would do anything else.
        """
        for entry in plan.endpoints:
            if entry.removed or entry.endpoint in plan.unfinished:
                self._endpoint(entry)
        return replace(plan, freed=self._files(plan))

    def _endpoint(self, entry: Pruned) -> None:
        stack = Stack(self._where, "serving", entry.endpoint)
        going = sorted({n for gone in entry.removed for n in retention.releases_of(entry.before.revisions[gone])})
        path = self._estate.revisions_file(self._where.name, entry.endpoint)
        self._trail.reconcile(entry.endpoint, served=entry.after.live)
        begun = self._trail.begin(
            action="prune",
            endpoint=entry.endpoint,
            source=entry.after.live,
            releases=going,
            why=f"revisions {', '.join(entry.removed)}" if entry.removed else "an earlier prune did not end well",
        )
        try:
            revisions_file.save(path, entry.after)
            digest, existed = self._planned(stack, entry)
        except SlipwayError as error:
            revisions_file.save(path, entry.before)
            self._stacks.discard_held(stack)
            self._failed(begun, entry, error, restored="its file is as it was")
            raise
        try:
            self._apply(stack, entry, existed=existed)
        except SlipwayError as error:
            self._failed(begun, entry, error)
            raise
        self._trail.end(replace(begun, plan=digest), returned_to=entry.after.live)
        self._console.step(f"{len(entry.removed)} revisions removed, {len(entry.kept)} kept", of=stack.label)

    def _failed(self, begun: Record, entry: Pruned, error: SlipwayError, **details: str) -> None:
        live = entry.after.live
        self._trail.end(begun, outcome=audit.FAILED, reason=error.message, returned_to=live, details=details)

    def _planned(self, stack: Stack, entry: Pruned) -> tuple[str | None, bool]:
        """Plan, and return the plan's digest and whether there is an endpoint.

        Raises RefusedError when the plan is more than a pruning.
        """
        planned = self._stacks.plan_held(stack)
        live = reading.read(self._session.sagemaker, self._where.endpoint_name(entry.endpoint))
        problem = retention.check_plan(
            planned.summary,
            kept=entry.after.revisions,
            live_config=live.endpoint.config if live.endpoint else None,
            live_models=live.models,
        )
        if problem is not None:
            raise RefusedError(
                f"{stack.label} is not pruned: {problem}",
                remedy=f"Its file is as it was. Look at the plan, and apply it first: {stack.make('plan')}",
            )
        return planned.summary.digest if planned.changes else None, live.endpoint is not None

    def _apply(self, stack: Stack, entry: Pruned, *, existed: bool) -> None:
        self._stacks.apply_held(stack)
        if not existed:  # its first revision waits for its apply
            return
        truth = truth_of(self._prover, entry.endpoint, entry.after)
        if truth.state != "true":
            raise SlipwayError(
                f"after pruning, the truth check of {stack.label} failed: {'; '.join(truth.reasons)}",
                remedy=f"slipway verify --env {self._where.name} --endpoint {entry.endpoint} tells more.",
            )

    def _files(self, plan: PrunePlan) -> Freed:
        if not (plan.freed.releases or plan.freed.images):
            return plan.freed
        # somebody may have promoted meanwhile: only what is still unneeded goes
        again = self.plan(endpoints=[entry.endpoint for entry in plan.endpoints], keep=plan.keep).freed
        allowed = {entry.release for entry in plan.freed.releases}
        shown = {(image.repository, image.digest) for image in plan.freed.images}
        freed = replace(
            again,
            releases=tuple(entry for entry in again.releases if entry.release in allowed),
            images=tuple(image for image in again.images if (image.repository, image.digest) in shown),
        )
        self._trail.reconcile(RELEASES, served=None)
        with self._trail.around(
            action="prune",
            endpoint=RELEASES,
            releases=[entry.release for entry in freed.releases],
            why=f"releases: {len(freed.releases)}, images: {len(freed.images)}, bytes: {freed.bytes}",
        ):
            self._delete(freed)
        return freed

    def _delete(self, freed: Freed) -> None:
        """Images first: as long as a release's manifest is there, a rerun knows which image it was."""
        for image in freed.images:
            self._session.registry.delete(image.repository, image.digest)
            self._console.say(f"image {image.repository}@{image.digest} deleted ({image.bytes} bytes)")
        bucket = self._session.artifacts()
        for entry in freed.releases:
            prefix = names.release_prefix(entry.model, entry.release)
            # without its manifest a release cannot be promoted any more, so that one goes first
            keys = sorted(bucket.keys(prefix), key=lambda key: (not key.endswith(f"/{MANIFEST}"), key))
            for key in keys:
                bucket.delete(key)
            self._console.say(f"release {entry.release} deleted ({entry.files} files, {entry.bytes} bytes)")


def choose(estate: Estate, environment: str, endpoint: str | None) -> list[str]:
    """Return the endpoints to prune: one, or all. Raises UsageError when there is none such."""
    if endpoint is not None:
        estate.check_endpoint(environment, endpoint)
        return [endpoint]
    found = list(estate.endpoints(environment))
    if not found:
        raise UsageError(f"environment {environment} has no endpoints", remedy="There is nothing to prune.")
    return found
