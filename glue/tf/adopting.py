"""After a run that was killed: takes into the state what exists, carries our name, and is provably ours.

Terraform writes its state every twenty seconds. What it made in the last ones before it was killed exists in the
account, but not in the state, and would be refused as "already exists" for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from glue.console import Console
from glue.core.plan import Change, PlanSummary
from glue.core.truth import revision_in
from glue.errors import RefusedError
from glue.tf.commands import Place
from glue.tf.runner import Runner
from glue.workspace import Stack


class Found(Protocol):
    """Something that exists: what `terraform import` takes, and its tags."""

    @property
    def identity(self) -> str:
        """The import id."""

    @property
    def tags(self) -> Mapping[str, str]:
        """Its own tags, or its parent's."""


class Existing(Protocol):
    """Looks resources up by the names that a plan gives them."""

    def find(self, kind: str, values: Mapping[str, object]) -> Found | None:
        """Return what has the planned name, None when nothing has."""

    def key_of_alias(self, alias: str) -> Found | None:
        """Return the key behind an alias."""


class Adopter:
    """Imports what a plan wants to create though it exists. `existing` gives the look-up for a stack's account."""

    def __init__(self, runner: Runner, *, existing: Callable[[Stack], Existing], console: Console) -> None:
        self._runner = runner
        self._existing = existing
        self._console = console

    def adopt(self, place: Place, plan: PlanSummary) -> int:
        """Import what exists and is ours; return how many. Raises RefusedError for what exists and is somebody's."""
        stack = place.stack
        existing = self._existing(stack)
        creates = [change for change in plan.changes if change.what == "create"]
        found = [(change, it) for change in creates if (it := _find(existing, change, creates)) is not None]
        for change, it in found:
            if not _ours(stack, it):
                raise RefusedError(
                    f"{change.address} of {stack.label} exists already ({it.identity}), and its tags do not say that "
                    "it belongs to this environment and repository",
                    remedy="Rename or remove it, or import it by hand if it is yours.",
                )
        live = _held(stack, plan)
        for change, it in found:
            news = f"{change.address} exists since a run that was cut off: taking it into the state"
            self._console.step(news, of=stack.label)
            who = self._runner.who(stack)
            command = self._runner.commands.adopt(
                place, who=who, address=change.address, identity=it.identity, live=live
            )
            self._runner.run(place, command, quiet=True)
        return len(found)


def _held(stack: Stack, plan: PlanSummary) -> str | None:
    """Return the revision whose config the state of an endpoint holds."""
    if stack.endpoint is None or plan.held_config is None:
        return None
    return revision_in(plan.held_config, stack.environment.endpoint_name(stack.endpoint))


def _find(existing: Existing, change: Change, creates: list[Change]) -> Found | None:
    if change.kind != "aws_kms_key":
        return existing.find(change.kind, change.values)
    # A key has no name. Ours has an alias, declared beside it in the same module.
    module = change.address.rpartition("aws_kms_key.")[0]
    alias = next(
        (c for c in creates if c.kind == "aws_kms_alias" and c.address.startswith(f"{module}aws_kms_alias.")), None
    )
    name = alias.values.get("name") if alias else None
    return existing.key_of_alias(name) if isinstance(name, str) else None


def _ours(stack: Stack, found: Found) -> bool:
    """Tell whether the tags are those that our provider settings give to everything of this stack."""
    proof = {
        "environment": stack.environment.name,
        "repository": stack.environment.settings.get("repository"),
        "root": f"terraform/{stack.name}",
    }
    return all(found.tags.get(key) == value for key, value in proof.items())
