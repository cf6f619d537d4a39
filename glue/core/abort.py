"""What can be aborted: a deployment that replaces something. And what became of it."""

from __future__ import annotations

from dataclasses import dataclass

from glue.core.described import Endpoint
from glue.core.truth import revision_in
from glue.errors import RefusedError


@dataclass(frozen=True)
class UnderWay:
    """A deployment under way, by revisions; None where a config is not one of ours. `endpoint` is the full name.

    `config` is the name of the config that serves while it is.
    """

    endpoint: str
    revision: str | None
    served: str | None
    config: str
    rolls_back: bool = False

    @property
    def text(self) -> str:
        """The deployment in words."""
        return f"{self.endpoint} goes from {self.served or 'a config of its own'} to {self.revision or 'another'}"


@dataclass(frozen=True)
class Aborted:
    """How an abort ended. `live` is the revision that serves now; `well` whether the deployment was undone."""

    under_way: UnderWay
    live: str | None
    status: str
    seconds: float
    well: bool
    said: str | None = None  # SageMaker's reason


def under_way(name: str, state: Endpoint | None) -> UnderWay:
    """Return the deployment that an abort would end. `name` is the endpoint's full name, `state` what AWS says of it.

    Raises RefusedError when there is none that could be undone.
    """
    if state is None:
        raise RefusedError(f"endpoint {name} does not exist: nothing is being deployed")
    served = revision_in(state.config, name)
    if state.status == "Creating":
        raise RefusedError(
            f"endpoint {name} is being created: a first deployment has nothing to go back to",
            remedy="Wait for its end, then promote another release; nothing serves until then.",
        )
    if state.status not in ("Updating", "RollingBack"):
        raise RefusedError(
            f"no deployment of endpoint {name} is under way: it is {state.status}, {served or state.config} is live",
            remedy="`slipway rollback` goes back after a deployment.",
        )
    if state.pending_config is None:
        # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html
        raise RefusedError(
            f"endpoint {name} is {state.status}, but nothing is being deployed: its weights or instance counts change",
            remedy="That takes minutes and cannot be undone by an alarm.",
        )
    revision = revision_in(state.pending_config, name)
    return UnderWay(name, revision, served, state.config, state.status == "RollingBack")
