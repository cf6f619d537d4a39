"""Environments as data: what `environments/<env>/environment.tfvars` says, typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from glue.core import names


@dataclass(frozen=True)
class Neighbour:
    """Another environment that this one knows of."""

    name: str
    account_id: str
    region: str


@dataclass(frozen=True)
class Environment:
    """One AWS account and region. `promotes_from` is None for the first of the chain."""

    name: str
    account_id: str
    region: str
    project: str = "slipway"
    promotes_from: Neighbour | None = None
    models: tuple[str, ...] = ()
    settings: Mapping[str, object] = field(default_factory=dict)

    @property
    def prefix(self) -> str:
        """How the names of everything in it begin."""
        return f"{self.project}-{self.name}"

    @property
    def artifact_bucket(self) -> str:
        """The artifact store's bucket."""
        return names.artifact_bucket(self.project, self.name, self.account_id)

    @property
    def promote_role_arn(self) -> str:
        """The role that the glue works with."""
        return self.role_arn("promote")

    def role_arn(self, role: str) -> str:
        """Return the ARN of one of this environment's roles: plan, deploy-foundation, deploy-serving or promote."""
        return names.role_arn(self.account_id, self.project, self.name, role)

    @property
    def foundation_parameter(self) -> str:
        """The SSM parameter that the foundation publishes."""
        return names.foundation_parameter(self.project, self.name)

    def endpoint_name(self, endpoint: str) -> str:
        """SageMaker's name of one of this environment's endpoints."""
        return names.endpoint_name(self.project, self.name, endpoint)
