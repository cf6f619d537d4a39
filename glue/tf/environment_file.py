"""Reads `environments/<env>/environment.tfvars`: every key is known, of the right type, and fits the others.

Terraform's variable `environment` has the same keys and checks; this file is what the glue believes without Terraform.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from glue.core import freeze
from glue.core.environment import Environment, Freeze, Gates, Neighbour
from glue.tf import hcl
from glue.tf.fields import Fields
from glue.tf.hcl import Value
from glue.tf.training_data import training_queue

_ACCOUNT = re.compile(r"\d{12}\Z")
_PRINCIPAL = re.compile(r"arn:aws:(iam|sts)::\d{12}:[a-z-]+/[^*?]+\Z")

# What the variable `environment` has besides, which Terraform's types check and the glue does not read.
OF_TERRAFORM = (
    "identity_providers",
    "organization_id",
    "owner",
    "promotes_to",
    "replicates_images_from",
    "replicates_images_to",
    "repository",
    "subscribers",
)


def load(path: Path, name: str) -> Environment:
    """Return the environment that a file describes. Raises UsageError with file and key for whatever is not right."""
    top = Fields(hcl.read(path), file=str(path))
    entry = top.object("environment")
    top.done()
    settings = top.value_map("environment")
    found = Environment(
        name=entry.string("name"),
        account_id=_account(entry),
        region=entry.string("region"),
        project=entry.optional_string("project") or "slipway",
        promotes_from=_neighbour(entry.optional_object("promotes_from")),
        models=tuple(sorted(entry.value_map("models"))),
        gates=_gates(entry.optional_object("gates")),
        freezes={key: _freeze(inner) for key, inner in entry.objects("freezes")},
        wave=_from_one(entry, "wave", default=1),
        kept_revisions=_kept(entry.optional_object("retention")),
        approvers=_principals(entry, "approvers"),
        break_glass=_principals(entry, "break_glass"),
        training_queue=training_queue(entry.optional_object("training_queue"), principals=_principals),
        settings=settings,
    )
    if found.name != name:
        raise entry.error("name", f"it is {found.name!r}, and the folder is {name!r}")
    operators = _principals(entry, "operators")
    entry.ignore(*OF_TERRAFORM)
    entry.done()
    _check_neighbours(entry, settings)
    _check_gates(entry, found, operators)
    freeze.windows_of(found)  # what is not a window is told now, and not when somebody deploys into it
    return found


def _account(entry: Fields) -> str:
    account = entry.string("account_id")
    if not _ACCOUNT.match(account):
        raise entry.error("account_id", f"{account!r} is not an account id; give 12 digits in quotes")
    return account


def _neighbour(entry: Fields | None) -> Neighbour | None:
    if entry is None:
        return None
    found = Neighbour(name=entry.string("name"), account_id=_account(entry), region=entry.string("region"))
    entry.done()
    return found


def _check_neighbours(entry: Fields, settings: Mapping[str, Value]) -> None:
    for key in ("promotes_to", "replicates_images_to", "replicates_images_from"):
        if settings.get(key) is not None:
            for _, neighbour in entry.objects(key):
                _account(neighbour)


def _gates(entry: Fields | None) -> Gates:
    if entry is None:
        return Gates()
    found = Gates(
        evidence=entry.boolean("evidence", default=False),
        evidence_max_age_hours=entry.number("evidence_max_age_hours", default=Gates.evidence_max_age_hours),
        approval=entry.boolean("approval", default=False),
        plan_approval=entry.boolean("plan_approval", default=False),
        soak_minutes=entry.number("soak_minutes", default=0),
    )
    entry.done()
    if found.evidence_max_age_hours <= 0:
        raise entry.error("evidence_max_age_hours", "evidence would never be valid; give more than 0 hours")
    if found.soak_minutes < 0:
        raise entry.error("soak_minutes", "give 0 or more minutes")
    return found


def _freeze(entry: Fields) -> Freeze:
    found = Freeze(
        reason=entry.string("reason"),
        starts=entry.optional_string("starts"),
        ends=entry.optional_string("ends"),
        weekly_from=entry.optional_string("weekly_from"),
        weekly_until=entry.optional_string("weekly_until"),
        time_zone=entry.optional_string("time_zone") or "UTC",
    )
    entry.done()
    once, weekly = (found.starts, found.ends), (found.weekly_from, found.weekly_until)
    if not (all(once) and not any(weekly)) and not (all(weekly) and not any(once)):
        raise entry.error("reason", "a freeze has either starts and ends, or weekly_from and weekly_until")
    return found


def _kept(entry: Fields | None) -> int:
    if entry is None:
        return Environment.kept_revisions
    found = _from_one(entry, "revisions", default=Environment.kept_revisions)
    entry.ignore("async_days", "noncurrent_days", "capture_days", "plan_days", "training_days")
    entry.done()
    return found


def _from_one(entry: Fields, key: str, *, default: int) -> int:
    found = entry.integer(key, default=default)
    if found < 1:
        raise entry.error(key, f"it is {found}; give a whole number from 1")
    return found


def _principals(entry: Fields, key: str) -> tuple[str, ...]:
    found = entry.strings(key)
    for arn in found:
        if not _PRINCIPAL.match(arn):
            raise entry.error(key, f"{arn!r} is not the exact ARN of a role or user")
    return tuple(sorted(set(found)))


def _check_gates(entry: Fields, found: Environment, operators: tuple[str, ...]) -> None:
    gates = found.gates
    if found.promotes_from is None and (gates.evidence or gates.soak_minutes):
        raise entry.error("gates", "the first environment of a chain has none before it that could give evidence")
    if gates.soak_minutes and not gates.evidence:
        raise entry.error("gates.soak_minutes", "evidence says how long a release has been live: set evidence = true")
    for name, asked in (("approval", gates.approval), ("plan_approval", gates.plan_approval)):
        if asked and not found.approvers:
            raise entry.error(f"gates.{name}", "nobody may approve: name approvers")
    if both := set(found.approvers) & set(operators):
        raise entry.error("approvers", f"{', '.join(sorted(both))} would approve what it promotes")
