"""An environment's training queue, as whoever uses it sees it: its table, its functions, its records."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from glue.core import roles
from glue.core.training.settings import Location, Model, Network, Settings
from glue.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from glue.aws.accounts import Accounts
    from glue.aws.dynamodb import Item, Table
    from glue.aws.function_url import FunctionUrl
    from glue.aws.session import Session
    from glue.core.environment import Environment
    from glue.core.foundation import TrainingPlaces

KEY = "JobId"
_ID = re.compile(r"[a-z0-9](-?[a-z0-9]){0,62}")  # what names of the queue itself are not


@dataclass(frozen=True)
class Queue:
    """The queue of one environment, in the role that uses it."""

    session: Session
    places: TrainingPlaces
    environment: Environment

    @cached_property
    def table(self) -> Table:
        """The table of all jobs, read only."""
        return self.session.table(self.places.table)

    @cached_property
    def submitting(self) -> FunctionUrl:
        """The function that takes jobs and stops them."""
        return self.session.function_url(self.places.submit_url)

    def find(self, job: str) -> Item | None:
        """Return a job's item, None when the table has none of this id."""
        return self.table.get(KEY, job) if is_id(job) else None

    def item(self, job: str) -> Item:
        """Return a job's item. Raises UsageError when the table has none of this id."""
        found = self.find(job)
        if found is None:
            raise unknown(job, self.environment)
        return found

    @cached_property
    def settings(self) -> Settings:
        """What the queue's functions go by, as far as the environment's data say it."""
        return settings_of(self.environment, self.places)


def open_queue(accounts: Accounts, where: Environment) -> Queue:
    """Return an environment's queue.

    Raises UsageError when its data have none, RefusedError when the foundation that makes it was not applied yet.
    """
    check(where)
    session = accounts.session(where, roles.TRAIN)
    places = session.parameters.foundation(where).training_queue
    if places is None:
        raise RefusedError(
            f"the foundation of {where.name} has no training queue yet",
            remedy=f"Apply it: make plan apply ENV={where.name} STACK=foundation",
        )
    return Queue(session, places, where)


def check(where: Environment) -> None:
    """Raise UsageError when an environment has no training queue."""
    if where.training_queue is None:
        raise UsageError(
            f"environment {where.name} has no training queue",
            remedy=f"training_queue in environments/{where.name}/environment.tfvars makes one.",
        )


def is_id(text: str) -> bool:
    """Tell whether a job may be called so."""
    return _ID.fullmatch(text) is not None


def unknown(job: str, where: Environment) -> UsageError:
    """Return the error for an id that no job has."""
    return UsageError(
        f"there is no job {job!r} in {where.name}", remedy=f"slipway train list --env {where.name} shows the newest."
    )


def settings_of(where: Environment, places: TrainingPlaces | None = None) -> Settings:
    """Return the settings that Terraform hands to the queue's functions; empty where only the foundation knows them."""
    queue = where.training_queue
    models = where.settings.get("models")
    return Settings(
        queue=where.training_queue_name,
        project=where.project,
        environment=where.name,
        account_id=where.account_id,
        region=where.region,
        table=places.table if places else where.training_queue_name,
        bucket=where.artifact_bucket,
        topic_arn=places.topic_arn if places else "",
        releases_queue_url=places.queues.get("releases", "") if places else "",
        instance_types=dict(queue.instance_types) if queue else {},
        models={name: _model(entry) for name, entry in (models if isinstance(models, Mapping) else {}).items()},
        history_days=queue.history_days if queue else 400,
        launches_per_second=queue.launches_per_second if queue else 1,
    )


def _model(entry: object) -> Model:
    training, network = _at(entry, "training"), _at(entry, "network")
    inputs = _at(training, "inputs")
    places = [
        Location(str(_at(one, "bucket")), str(_at(one, "prefix")))
        for one in (inputs.values() if isinstance(inputs, Mapping) else ())
    ]
    ids = None if network is None else Network(_texts(network, "subnet_ids"), _texts(network, "security_group_ids"))
    return Model(tuple(places), ids)


def _at(entry: object, name: str) -> object:
    return entry.get(name) if isinstance(entry, Mapping) else None


def _texts(entry: object, name: str) -> tuple[str, ...]:
    found = _at(entry, name)
    return tuple(map(str, found)) if isinstance(found, list | tuple) else ()
