"""A promotion as data: what each of its steps has to do, decided before anything is done."""

from __future__ import annotations

from dataclasses import dataclass

from glue.core import names
from glue.core.copying import CopyPlan
from glue.core.environment import Environment, Neighbour
from glue.core.release import Release
from glue.core.render import Rendered
from glue.core.revision import Revision, Revisions
from glue.core.serving import EndpointSettings
from glue.errors import RefusedError, UsageError


@dataclass(frozen=True)
class EndpointPlan:
    """One endpoint of the target: its revisions file before, and what it should become."""

    settings: EndpointSettings
    before: Revisions
    rendered: Rendered
    changes: tuple[str, ...]  # what differs between the live revision and the new one, a line each
    notes: tuple[str, ...] = ()  # what a reader of the endpoint's file may not expect, a line each

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
    settings: list[EndpointSettings], *, model: str, target: Environment, asked: str | None, variant: str | None = None
) -> list[EndpointSettings]:
    """Return the endpoints that a release of `model` goes to: the one asked for, or all that serve the model.

    With `variant` only those that serve the model by this variant. Raises UsageError when there is none.
    """
    chosen = [entry for entry in settings if model in entry.models and asked in {None, entry.endpoint}]
    if variant is not None and chosen:
        return _with_variant(chosen, model=model, target=target, variant=variant)
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


def releases_by_variant(
    settings: EndpointSettings, *, live: Revision | None, release: Release | None, variant: str | None = None
) -> dict[str, str]:
    """Return which release each variant gets, shadows among them; a variant that can have none yet is left out.

    `release` goes onto all variants of its model, or onto `variant` alone. Every other variant keeps its own; one that
    is new, or serves another model than before, begins with what most of its model's traffic gets.
    """
    found: dict[str, str] = {}
    for name, entry in {**settings.variants, **settings.shadow_variants}.items():
        if release is not None and entry.model == release.model and variant in {None, name}:
            found[name] = release.release
        elif (kept := _live_release(live, name, entry.model)) is not None:
            found[name] = kept
    return found


def _live_release(live: Revision | None, variant: str, model: str) -> str | None:
    if live is None:
        return None
    serving = {name: v for name, v in live.all_variants.items() if names.model_of_release(v.release) == model}
    if variant in serving:
        return serving[variant].release
    first = sorted(serving, key=lambda name: (name in live.shadow_variants, -serving[name].weight, name))
    return serving[first[0]].release if first else None


def _with_variant(
    settings: list[EndpointSettings], *, model: str, target: Environment, variant: str
) -> list[EndpointSettings]:
    chosen = [entry for entry in settings if entry.model_of(variant) == model]
    if chosen:
        return chosen
    known = "; ".join(f"{entry.endpoint}: {', '.join(entry.variants_of(model))}" for entry in settings)
    raise UsageError(
        f"no endpoint of {target.name} serves {model} by a variant {variant}",
        remedy=f"Variants of {model}: {known}. A new one begins in the endpoint's file.",
    )
