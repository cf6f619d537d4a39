"""Environments as data: what `environments/<env>/environment.tfvars` says, typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from glue.core import names
from glue.core.training.settings import InstanceType


@dataclass(frozen=True)
class Neighbour:
    """Another environment that this one knows of."""

    name: str
    account_id: str
    region: str


@dataclass(frozen=True)
class Gates:
    """What a release needs before it is promoted to an environment. Age in hours, soak in minutes.

    `plan_approval`: each plan needs an approver's word before it is applied.
    """

    evidence: bool = False
    evidence_max_age_hours: float = 720
    approval: bool = False
    plan_approval: bool = False
    soak_minutes: float = 0


@dataclass(frozen=True)
class Freeze:
    """When nothing new goes live: `starts` to `ends` (local time, 2026-12-20T18:00), or weekly (fri 18:00, mon 08:00).

    `glue.core.freeze.windows_of` understands and checks it.
    """

    reason: str
    starts: str | None = None
    ends: str | None = None
    weekly_from: str | None = None
    weekly_until: str | None = None
    time_zone: str = "UTC"


@dataclass(frozen=True)
class TrainingSchedule:
    """When a job template is submitted: an EventBridge Scheduler expression, and a file of `<env>/training/`."""

    expression: str
    template: str
    time_zone: str = "UTC"
    enabled: bool = True


@dataclass(frozen=True)
class TrainingQueue:
    """An environment's training queue. `submitters` are ARNs that may assume the role `train`."""

    instance_types: Mapping[str, InstanceType]
    submitters: tuple[str, ...] = ()
    schedules: Mapping[str, TrainingSchedule] = field(default_factory=dict)
    launches_per_second: float = 5
    history_days: int = 400


@dataclass(frozen=True)
class Environment:
    """One AWS account and region. `promotes_from` is None for the first of the chain.

    Environments behind the same one are promoted to in the order of `wave`. An endpoint keeps its live revision and
    `kept_revisions` others. `approvers` and `break_glass` are ARNs; without any, the role does not exist. Where
    `training_queue` is None, nothing is trained by a queue.
    """

    name: str
    account_id: str
    region: str
    project: str = "slipway"
    promotes_from: Neighbour | None = None
    models: tuple[str, ...] = ()
    gates: Gates = field(default_factory=Gates)
    freezes: Mapping[str, Freeze] = field(default_factory=dict)
    wave: int = 1
    kept_revisions: int = 5
    approvers: tuple[str, ...] = ()
    break_glass: tuple[str, ...] = ()
    training_queue: TrainingQueue | None = None
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
        """Return the ARN of one of this environment's roles, which `glue.core.roles` names."""
        return names.role_arn(self.account_id, self.project, self.name, role)

    @property
    def foundation_parameter(self) -> str:
        """The SSM parameter that the foundation publishes."""
        return names.foundation_parameter(self.project, self.name)

    @property
    def training_queue_name(self) -> str:
        """What the training queue is called: its table, its topic, and how the names of its functions begin."""
        return f"{self.prefix}-training"

    def endpoint_name(self, endpoint: str) -> str:
        """SageMaker's name of one of this environment's endpoints."""
        return names.endpoint_name(self.project, self.name, endpoint)
