"""Reads the member `training_queue` of `environments/<env>/environment.tfvars`; Terraform checks the same."""

from __future__ import annotations

import re
from collections.abc import Callable

from glue.core.environment import TrainingQueue, TrainingSchedule
from glue.core.training.settings import InstanceType
from glue.tf.fields import Fields

_TYPE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9-]+\Z")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.(yaml|yml|json)\Z")

Principals = Callable[[Fields, str], tuple[str, ...]]


def training_queue(entry: Fields | None, *, principals: Principals) -> TrainingQueue | None:
    """Return the queue's settings, None without one. Raises UsageError with file and key for what is not right."""
    if entry is None:
        return None
    found = TrainingQueue(
        instance_types={name: _instance_type(inner, name) for name, inner in entry.objects("instance_types")},
        submitters=principals(entry, "submitters"),
        schedules={name: _schedule(inner) for name, inner in entry.objects("schedules")},
        launches_per_second=entry.number("launches_per_second", default=TrainingQueue.launches_per_second),
        history_days=entry.integer("history_days", default=TrainingQueue.history_days),
    )
    entry.ignore("launch_on_submit", "package", "reserve_concurrency", "subscribers")
    entry.done()
    if not found.instance_types:
        raise entry.error("instance_types", "jobs may ask for none; name one instance type at least")
    if found.launches_per_second <= 0:
        raise entry.error("launches_per_second", "nothing would ever be launched; give more than 0")
    if found.history_days < 1:
        raise entry.error("history_days", "give 1 day or more")
    return found


def _instance_type(entry: Fields, name: str) -> InstanceType:
    if not _TYPE.match(name):
        raise entry.error("budget", f"{name!r} is no instance type of SageMaker, such as ml.m5.large")
    found = InstanceType(
        budget=entry.integer("budget"),
        spot_budget=entry.integer("spot_budget", default=0),
        usd_per_hour=entry.optional_number("usd_per_hour"),
    )
    entry.done()
    if found.budget < 0 or found.spot_budget < 0 or found.budget + found.spot_budget < 1:
        raise entry.error("budget", "budget and spot_budget are 0 or more instances, and one of them at least 1")
    if found.usd_per_hour is not None and found.usd_per_hour <= 0:
        raise entry.error("usd_per_hour", "give what an hour costs, or leave it out when nobody knows")
    return found


def _schedule(entry: Fields) -> TrainingSchedule:
    found = TrainingSchedule(
        expression=entry.string("expression"),
        template=entry.string("template"),
        time_zone=entry.optional_string("time_zone") or "UTC",
        enabled=entry.boolean("enabled", default=True),
    )
    entry.done()
    if not _FILE.match(found.template):
        raise entry.error("template", f"{found.template!r} is no file name of training/ that ends in .yaml or .json")
    return found
