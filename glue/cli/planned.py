"""What commands do with a bundle before it is applied: who approved it, whether it is the plan that was looked at."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from glue.cli.app import App

if TYPE_CHECKING:
    from glue.admitting import Admitted
    from glue.bundle_store import Store
    from glue.core.audit import Intent
    from glue.core.bundle import Manifest
    from glue.core.plan import PlannedLive
    from glue.tf.runner import Planned
    from glue.workspace import Stack


def admitted(app: App, stack: Stack) -> Admitted:
    """Return who approved a stack's saved plan, once it may be applied here and now. Raises RefusedError.

    A plan of the reading role is made again, in the role that applies it, and must do the same. The caller holds the
    stack's lock.
    """
    from glue.admitting import Admitted
    from glue.bundles import MADE

    wanted, found = app.bundles.expected(stack), app.bundles.find(stack)
    if wanted is not None:
        if found is None or app.bundles.origin(found) != MADE:
            app.console.step(f"Plan {wanted.digest[:12]} was made in a role that only reads: again", of=stack.label)
            found = app.stacks.plan_held(stack).bundle
        if found is not None:
            app.bundles.compare(stack, wanted, found)
    if found is None or not found.changes:
        return Admitted()
    app.runner.check(stack, remote=app.stacks.remote(stack))
    known = _judge(app, stack, found)
    return replace(known, facts={**known.facts, "looked_at": wanted.digest}) if wanted is not None else known


def admit(app: App, planned: Planned, intent: Intent) -> Mapping[str, str]:
    """Return what the record of a deployment says of its plan. Raises GateError when it needs an approval."""
    from glue.admitting import WAYS_BACK
    from glue.core.gates import GateError

    if planned.bundle is None:
        return {}
    stack = planned.stack
    known = _judge(app, stack, planned.bundle)
    if known.refusal is not None and intent.action not in WAYS_BACK:
        raise GateError(f"the plan of {stack.label}", [known.refusal], environment=stack.environment)
    return known.facts


def _judge(app: App, stack: Stack, manifest: Manifest) -> Admitted:
    from glue import admitting

    session = app.accounts.terraform(stack.environment, stack.name, changes=True)
    return admitting.judge(session, stack, manifest, environ=app.environ, now=datetime.now(UTC))


def way_back(app: App, stack: Stack, live: PlannedLive | None) -> bool:
    """Tell whether a saved plan returns to what was live before."""
    from glue import gates

    if stack.endpoint is None or live is None or not live.returning:
        return False
    session = app.accounts.terraform(stack.environment, stack.name, changes=True)
    return gates.is_way_back(session, stack.endpoint, live)


def take(app: App, stack: Stack, folder: Path) -> Manifest:
    """Put a bundle from another folder in a stack's place. Only what a deploy role made or shared can be applied."""
    from glue import bundles
    from glue.core.bundle import MANIFEST

    files = bundles.from_folder(folder)
    digest = bundles.read(files[MANIFEST], where=str(folder)).digest
    with app.stacks.alone(stack):
        origin = app.bundles.known(digest)
        if origin is None and store(app, stack).holds(digest):
            origin = bundles.PULLED
        return app.bundles.take(stack, files, origin=origin)


def store(app: App, stack: Stack) -> Store:
    """Return where a stack's bundles are shared, in the role that plans it."""
    from glue.bundle_store import Store

    return Store(app.accounts.terraform(stack.environment, stack.name, changes=False), stack)
