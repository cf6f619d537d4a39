"""Promotes a release: the planner reads, the executor acts, step by step; what is done already is skipped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glue import live as reading
from glue.console import Console
from glue.core import names, render, weights
from glue.core.environment import Environment
from glue.core.promotion import EndpointPlan, PromotionPlan, check_source, choose_endpoints, releases_by_variant
from glue.core.release import Release
from glue.core.revision import Revision
from glue.core.serving import EndpointSettings
from glue.errors import NotFoundError
from glue.executor import Executor, Step
from glue.tf.tfvars import Estate

if TYPE_CHECKING:
    from glue.aws.session import Session
    from glue.releases import LoadedRelease


@dataclass(frozen=True)
class Prepared:
    """A promotion that was planned, with the release as it lies in the source's store."""

    plan: PromotionPlan
    loaded: LoadedRelease


class Planner:
    """Decides what a promotion has to do. It reads AWS and the environments' files, and changes nothing."""

    def __init__(self, *, estate: Estate, session: Session, now: str, retry: bool = False) -> None:
        self._estate = estate
        self._session = session
        self._now = now
        self._retry = retry
        self._target: Environment = session.environment

    def prepare(self, release: str, *, endpoint: str | None = None, variant: str | None = None) -> Prepared:
        """Return the plan of a promotion into the session's environment, onto one variant or all of its model.

        Raises UsageError for an unknown release id or endpoint, RefusedError when the release is not in the store of
        the environment before or failed here before, AccessDeniedError when that store may not be read.
        """
        from glue.releases import plan_copy_of  # noqa: PLC0415 - boto3 is paid for by those who need it

        model = names.model_of_release(release)
        chosen = self._choose(model, endpoint, variant)
        loaded = self._load(release)
        source = self._target.promotes_from
        copy = plan_copy_of(loaded, self._session.artifacts()) if source else None
        image = self._session.registry.describe(loaded.release.image_repository, loaded.release.image_digest)
        package = self._session.sagemaker.find_package(self._group(model), release)
        plan = PromotionPlan(
            release=loaded.release,
            target=self._target,
            source=source,
            copy=copy if copy is None or not copy.empty else None,
            total_bytes=loaded.bytes,
            image_arrived=image is not None,
            tag_to_move=image is None or not {self._target.name, names.pin_tag(image.digest)} <= set(image.tags),
            package=package.arn if package else None,
            endpoints=tuple(self._plan_endpoint(settings, loaded.release, variant) for settings in chosen),
        )
        return Prepared(plan, loaded)

    def render(
        self, settings: EndpointSettings, release: Release | None, *, variant: str | None = None
    ) -> EndpointPlan:
        """Return what an endpoint's revisions become, with a release put in, or with its settings only."""
        return self._plan_endpoint(settings, release, variant)

    def _choose(self, model: str, endpoint: str | None, variant: str | None) -> list[EndpointSettings]:
        target = self._target.name
        if endpoint is not None:
            self._estate.check_endpoint(target, endpoint)
        settings = [self._estate.endpoint(target, name) for name in self._estate.endpoints(target)]
        return choose_endpoints(settings, model=model, target=self._target, asked=endpoint, variant=variant)

    def _load(self, release: str) -> LoadedRelease:
        from glue.releases import load_release  # noqa: PLC0415

        bucket = self._session.artifacts(self._target.promotes_from)
        try:
            return load_release(bucket, release)
        except NotFoundError as error:
            if "lacks" not in error.message:
                check_source(self._target, release, found=False, where=bucket.name)
            raise

    def _group(self, model: str) -> str:
        return self._session.parameters.foundation(self._target).model(model).model_package_group

    def _plan_endpoint(self, settings: EndpointSettings, release: Release | None, variant: str | None) -> EndpointPlan:
        before = self._estate.revisions(self._target.name, settings.endpoint)
        live = reading.read(self._session.sagemaker, self._target.endpoint_name(settings.endpoint))
        carried = weights.carried(settings, before.live_revision)
        wanted = render.content(
            settings=settings,
            releases=self._releases(settings, before.live_revision, release, variant),
            foundation=self._session.parameters.foundation(self._target),
            counts=render.counts(settings, live=live.counts, frozen=before.live_revision),
            weights=carried,
        )
        rendered = render.add(before, wanted, settings=settings, created=self._now, retry=self._retry)
        changes = render.difference(before.live_revision, rendered.revisions.revisions[rendered.live])
        notes = weights.notes(settings, carried)
        return EndpointPlan(settings, before, rendered, tuple(changes) if rendered.changed else (), notes)

    def _releases(
        self, settings: EndpointSettings, live: Revision | None, release: Release | None, variant: str | None
    ) -> dict[str, Release]:
        """Return a release for each variant: the new one, or what is live on it, or live on others of its model."""
        from glue.releases import load_release  # noqa: PLC0415

        chosen = releases_by_variant(settings, live=live, release=release, variant=variant)
        loaded = {
            name: load_release(self._session.artifacts(), name).release
            for name in sorted(set(chosen.values()))
            if release is None or name != release.release
        }
        if release is not None:
            loaded[release.release] = release
        return {name: loaded[entry] for name, entry in chosen.items()}


def carry_out(
    plan: PromotionPlan, executor: Executor, *, console: Console, registered: Callable[[], None] = lambda: None
) -> list[Step]:
    """Carry out the steps up to the revisions file, and return what became of each.

    `registered` is called when the release is in the model registry, and raises when that is as far as it may go.
    """
    release, target = plan.release, plan.target
    steps: list[Step] = []

    def take(step: Step) -> None:
        console.step(f"{step.name}: {step.detail}" + (" (nothing to do)" if step.outcome == "skipped" else ""))
        steps.append(step)

    place = f"{plan.source.name}'s store" if plan.source else "its own store"
    take(Step("manifest", "done", f"{release.release} read in {place}: {len(release.files)} files match it"))
    if plan.copy is not None:
        take(executor.copy(plan))
    else:
        take(Step("files", "skipped", f"all {len(release.files) + 1} files are in {target.artifact_bucket}"))
    if plan.image_arrived:
        take(Step("image", "skipped", f"{release.image_digest} is in {target.name}'s registry"))
    else:
        take(executor.wait_for_image(plan))
    take(executor.register(plan) if plan.package is None else Step("lineage", "skipped", plan.package))
    registered()
    if plan.tag_to_move:
        take(executor.move_tag(plan))
    else:
        take(Step("tag", "skipped", f"{target.name} is {release.image_digest}"))
    for endpoint in plan.endpoints:
        take(_write(endpoint, executor, console))
    return steps


def _write(plan: EndpointPlan, executor: Executor, console: Console) -> Step:
    for note in plan.notes:
        console.say(f"    {note}", of=plan.endpoint)
    if not plan.rendered.changed:
        return Step(f"revision {plan.endpoint}", "skipped", f"{plan.rendered.live} is what the file says")
    for line in plan.changes:
        console.say(f"    {line}", of=plan.endpoint)
    return executor.write(plan)
