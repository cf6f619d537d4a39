"""Weights of variants: which share of the requests each gets, and which weights the next revision takes over.

SageMaker gives a production variant weight / sum of weights of the requests, and a shadow a copy of weight / weight of
the variant that it shadows (https://docs.aws.amazon.com/sagemaker/latest/dg/model-shadow-deployment.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from glue.errors import UsageError

if TYPE_CHECKING:
    from glue.core.revision import Revision
    from glue.core.serving import EndpointSettings

# AWS keeps weights as 32-bit floats, which hold whole numbers exactly up to 2^24. Finer shares than this nobody needs.
LIMIT = 1_000_000


def carried(settings: EndpointSettings, live: Revision | None) -> dict[str, int]:
    """Return the weight of each variant in the next revision, shadows too.

    A variant's weight in the settings is that of its first revision; afterwards `slipway traffic` moves it, and later
    revisions keep what is live. Where the live weights say nothing about shares (one variant alone, or another shadow
    than before), the settings' count.
    """
    own = {name: entry.weight for name, entry in {**settings.variants, **settings.shadow_variants}.items()}
    kept = _kept(settings, live)
    found = {name: kept.get(name, weight) for name, weight in own.items()}
    return found if any(found[name] for name in settings.variants) else own


def notes(settings: EndpointSettings, weights: Mapping[str, int]) -> tuple[str, ...]:
    """Return a line for each variant whose weight in the file is not the one that the next revision has."""
    asked = {**settings.variants, **settings.shadow_variants}
    return tuple(
        f"weight of {name} stays {weights[name]}: {entry.weight} in the file was for its first revision, "
        f"and `slipway traffic --endpoint {settings.endpoint} --set {name}=…` changes it since"
        for name, entry in asked.items()
        if weights[name] != entry.weight
    )


def shares(revision: Revision) -> dict[str, float]:
    """Return each variant's share of the requests, from 0 to 1; a shadow's is that of the requests copied to it."""
    total = sum(variant.weight for variant in revision.variants.values())
    found = {name: variant.weight / total if total else 0.0 for name, variant in revision.variants.items()}
    copied = {name: min(v.weight / total, 1.0) if total else 0.0 for name, v in revision.shadow_variants.items()}
    return {**found, **copied}


def check(revision: Revision) -> None:
    """Raise UsageError when SageMaker, or Terraform, would not take these weights."""
    for name, variant in revision.all_variants.items():
        if not 0 <= variant.weight <= LIMIT:
            raise UsageError(f"weight {variant.weight} of {name} is not from 0 to {LIMIT}")
    total = sum(variant.weight for variant in revision.variants.values())
    if not total:
        names = ", ".join(sorted(revision.variants))
        raise UsageError("with these weights no variant takes any request", remedy=f"Give one of {names} more than 0.")
    for name, variant in revision.shadow_variants.items():
        if not 1 <= variant.weight <= total:
            raise UsageError(
                f"weight {variant.weight} of the shadow {name} is not from 1 to {total}",
                remedy="Its share of copied requests is its weight / the weight of the variant that it shadows.",
            )


def percent(share: float) -> str:
    """Return a share as people read it: `33.3 %`."""
    return f"{share * 100:.4g} %"


def _kept(settings: EndpointSettings, live: Revision | None) -> dict[str, int]:
    """Return the live weights that mean something for the next revision."""
    if live is None:
        return {}
    if settings.shadow_variants:
        same = set(settings.variants) == set(live.variants) and set(settings.shadow_variants) == set(
            live.shadow_variants
        )
        return {name: variant.weight for name, variant in live.all_variants.items()} if same else {}
    if len(settings.variants) == 1 or len(live.variants) == 1:
        return {}
    return {name: variant.weight for name, variant in live.variants.items()}
