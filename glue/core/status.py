"""What `slipway status` shows of an endpoint, from what AWS says and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from glue.core.truth import Live, revision_in

if TYPE_CHECKING:
    from glue.core.described import VariantState


@dataclass(frozen=True)
class EndpointStatus:
    """One row: an endpoint of an environment. `since` is RFC 3339; `error` says why nothing could be read."""

    environment: str
    endpoint: str
    revision: str | None = None
    config: str | None = None
    releases: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    instances: str = ""
    since: str | None = None
    status: str | None = None
    reason: str | None = None
    error: str | None = None

    def as_json(self) -> dict[str, object]:
        """Return it for a JSON result."""
        return {
            "env": self.environment,
            "endpoint": self.endpoint,
            "live": self.revision,
            "config": self.config,
            "releases": list(self.releases),
            "images": list(self.images),
            "instances": self.instances,
            "since": self.since,
            "status": self.status,
            "reason": self.reason,
            "error": self.error,
        }


def endpoint_status(*, environment: str, endpoint: str, name: str, live: Live) -> EndpointStatus:
    """Return an endpoint's row. `name` is its full name."""
    state = live.endpoint
    if state is None:
        return EndpointStatus(environment, endpoint, status="not deployed")
    config = live.config
    entries = {**config.variants, **config.shadow_variants} if config else {}
    releases = {release for variant in entries if (release := live.release_of(variant))}
    images = {model.image.rpartition("@")[2] for model in live.models.values()}
    return EndpointStatus(
        environment,
        endpoint,
        revision=revision_in(state.config, name),
        config=state.config,
        releases=tuple(sorted(releases)),
        images=tuple(sorted(images)),
        instances=_instances({**state.variants, **state.shadow_variants}),
        since=state.modified or None,
        status=state.status,
        reason=state.failure,
    )


def _instances(states: dict[str, VariantState]) -> str:
    """Return `2`, `2 of 3` while it scales, `serverless`, or each variant's by name when there are several."""
    each = {name: _count(state) for name, state in states.items()}
    if len(each) == 1:
        return next(iter(each.values()))
    return ", ".join(f"{name} {count}" for name, count in sorted(each.items()))


def _count(state: VariantState) -> str:
    if state.serverless is not None:
        return "serverless"
    now, wanted = state.current_instances, state.desired_instances
    if now == wanted or wanted is None:
        return str(now if now is not None else "-")
    return f"{now or 0} of {wanted}"
