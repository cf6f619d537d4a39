"""A promotion as data: what each of its steps has to do, decided before anything is done."""

from __future__ import annotations

from dataclasses import dataclass

from glue.core.copying import CopyPlan
from glue.core.environment import Environment, Neighbour
from glue.core.release import Release
from glue.core.render import Rendered
from glue.core.revision import Revisions
from glue.core.serving import EndpointSettings
from glue.errors import RefusedError, UsageError


@dataclass(frozen=True)
class EndpointPlan:
    """One endpoint of the target: its revisions file before, and what it should become."""

    settings: EndpointSettings
    before: Revisions
    rendered: Rendered
    changes: tuple[str, ...]  # what differs between the live revision and the new one, a line each

    @property
    def endpoint(self) -> str:
        """Its short name."""
        return self.settings.endpoint


@dataclass(frozen=True)
class PromotionPlan:
    """All steps of a promotion. What is done already has nothing left to do."""

    release: Release
    target: Environment
    source: Neighbour | None  # None: the release was made in the target itself
    copy: CopyPlan | None  # None: nothing to copy, the store is the same
    total_bytes: int
    image_arrived: bool
    tag_to_move: bool
    package: str | None  # the ARN of the registered package, None when it is still to be registered
    endpoints: tuple[EndpointPlan, ...]

    @property
    def files_to_copy(self) -> int:
        """How many files are still to be copied, the manifest among them."""
        return len(self.copy.files) + (self.copy.manifest is not None) if self.copy else 0

    @property
    def empty(self) -> bool:
        """Whether every step is done; what Terraform would change is not known here."""
        return not (
            self.files_to_copy
            or not self.image_arrived
            or self.tag_to_move
            or self.package is None
            or any(plan.rendered.changed for plan in self.endpoints)
        )


def check_source(target: Environment, release: str, *, found: bool, where: str) -> None:
    """Raise RefusedError when a release is not where the target promotes from, naming the stage that comes first."""
    if found or target.promotes_from is None:
        return
    source = target.promotes_from.name
    raise RefusedError(
        f"release {release} is not in {source} ({where}), from which {target.name} promotes",
        remedy=f"Promote it there first: slipway promote {release} --to {source}",
    )


def choose_endpoints(
    settings: list[EndpointSettings], *, model: str, target: Environment, asked: str | None
) -> list[EndpointSettings]:
    """Return the endpoints that a release of `model` goes to: the one asked for, or all that serve the model."""
    chosen = [entry for entry in settings if model in entry.models and asked in {None, entry.endpoint}]
    if chosen:
        return chosen
    if asked is not None:
        raise UsageError(
            f"endpoint {asked} of {target.name} does not serve {model}",
            remedy="Add a variant with this model to its file, or name another endpoint.",
        )
    raise UsageError(
        f"no endpoint of {target.name} serves {model}",
        remedy=f"Add environments/{target.name}/endpoints/<endpoint>.tfvars with a variant of this model.",
    )
