"""Carries out the steps of a promotion, or only says what they would do: a dry run is another executor, not an if."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from glue.console import Console
from glue.core.promotion import EndpointPlan, PromotionPlan
from glue.registering import register_package
from glue.tf import revisions_file
from glue.tf.tfvars import Estate

if TYPE_CHECKING:
    from glue.aws.session import Session
    from glue.releases import LoadedRelease

IMAGE_TIMEOUT_S = 900


@dataclass(frozen=True)
class Step:
    """What became of one step: `outcome` is done, skipped (it was done before) or planned (in a dry run)."""

    name: str
    outcome: str
    detail: str
    seconds: float = 0.0
    bytes: int = 0

    def as_json(self) -> dict[str, object]:
        """Return it for a JSON result."""
        return {
            "name": self.name,
            "status": self.outcome,
            "detail": self.detail,
            "seconds": round(self.seconds, 3),
            "bytes": self.bytes,
        }


class Executor(Protocol):
    """Carries out one step after the other. Steps without anything left to do are not given to it."""

    def copy(self, plan: PromotionPlan) -> Step:
        """Bring the files into the target's store."""

    def wait_for_image(self, plan: PromotionPlan) -> Step:
        """Wait until replication has brought the image."""

    def move_tag(self, plan: PromotionPlan) -> Step:
        """Point the environment's tag at the image."""

    def register(self, plan: PromotionPlan) -> Step:
        """Register the model package."""

    def write(self, plan: EndpointPlan) -> Step:
        """Write an endpoint's revisions file."""


class Printing:
    """Says what would be done."""

    def copy(self, plan: PromotionPlan) -> Step:
        """Say how much would be copied."""
        files = plan.files_to_copy
        return Step("files", "planned", f"would copy {files} files, {plan.total_bytes} bytes in all, inside S3")

    def wait_for_image(self, plan: PromotionPlan) -> Step:
        """Say which image is not there yet."""
        return Step("image", "planned", f"would wait for {plan.release.image_digest} to be replicated")

    def move_tag(self, plan: PromotionPlan) -> Step:
        """Say which tag would move."""
        return Step("tag", "planned", f"would point the tag {plan.target.name} at {plan.release.image_digest}")

    def register(self, plan: PromotionPlan) -> Step:
        """Say what would be registered."""
        return Step("lineage", "planned", f"would register {plan.release.release} as a model package")

    def write(self, plan: EndpointPlan) -> Step:
        """Say which revision would be live."""
        return Step(_revision_step(plan), "planned", f"would make {_described(plan)}")


class Acting:
    """Does it."""

    def __init__(
        self,
        *,
        session: Session,
        loaded: LoadedRelease,
        estate: Estate,
        console: Console,
        image_timeout_s: float = IMAGE_TIMEOUT_S,
    ) -> None:
        self._session = session
        self._loaded = loaded
        self._estate = estate
        self._console = console
        self._image_timeout_s = image_timeout_s

    def copy(self, plan: PromotionPlan) -> Step:
        """Copy inside S3, part by part, each compared with the manifest."""
        from glue.releases import copy_release  # noqa: PLC0415 - boto3 is paid for by those who need it

        moved = copy_release(self._loaded, self._session.artifacts(), progress=self._progress())
        detail = f"{len(moved.copied)} files copied in {moved.parts} parts, {len(moved.skipped)} were there"
        if moved.reused:
            detail += f", {moved.reused} parts of an earlier run used again"
        del plan
        return Step("files", "done", detail, moved.seconds, moved.bytes)

    def wait_for_image(self, plan: PromotionPlan) -> Step:
        """Wait for replication, with a limit."""
        began = time.monotonic()
        release = plan.release
        self._session.registry.wait_for(
            release.image_repository,
            release.image_digest,
            timeout_s=self._image_timeout_s,
            progress=lambda waited: self._console.say(f"waiting for the image to be replicated ({waited:.0f} s)"),
        )
        return Step("image", "done", f"{release.image_digest} has arrived", time.monotonic() - began)

    def move_tag(self, plan: PromotionPlan) -> Step:
        """Point the environment's tag at the image."""
        began = time.monotonic()
        release = plan.release
        # A tag of its own first: no life-cycle rule expires a pinned image, whatever other tags it gets and loses.
        self._session.registry.pin(release.image_repository, release.image_digest)
        self._session.registry.move_tag(release.image_repository, release.image_digest, plan.target.name)
        return Step("tag", "done", f"{plan.target.name} is {release.image_digest}", time.monotonic() - began)

    def register(self, plan: PromotionPlan) -> Step:
        """Register the model package."""
        began = time.monotonic()
        source = plan.source.name if plan.source else ""
        arn = register_package(self._session, plan.release, promoted_from=source)
        return Step("lineage", "done", arn, time.monotonic() - began)

    def write(self, plan: EndpointPlan) -> Step:
        """Write the file in one step, unless it changed since it was read."""
        path = self._estate.revisions_file(self._session.environment.name, plan.endpoint)
        revisions_file.save(path, plan.rendered.revisions)
        return Step(_revision_step(plan), "done", _described(plan))

    def _progress(self) -> Callable[[int, int], None]:
        last = [time.monotonic()]

        def progress(done: int, total: int) -> None:
            now = time.monotonic()
            if now - last[0] >= 5:
                last[0] = now
                self._console.say(f"copied {done / 1e6:.0f} of {total / 1e6:.0f} MB")

        return progress


def _revision_step(plan: EndpointPlan) -> str:
    return f"revision {plan.endpoint}"


def _described(plan: EndpointPlan) -> str:
    kind = {"new": "a new revision", "moved": "a retained revision", "same": "the same"}[plan.rendered.action]
    before = plan.rendered.before or "nothing"
    return f"{plan.rendered.live} live, {kind} (before: {before})"
