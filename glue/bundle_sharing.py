"""Sharing bundles through an environment's store, and saying yes to one: what `slipway bundle` does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from glue import bundles as local
from glue.bundle_inputs import of_bytes
from glue.core import bundle as core
from glue.core.bundle import FORBIDDEN, GRADES, MANIFEST, SLIM, Manifest
from glue.errors import NotFoundError, RefusedError

if TYPE_CHECKING:
    from glue.bundle_store import Store
    from glue.bundles import Bundles, Reviewer
    from glue.core.plan_approval import Approval
    from glue.workspace import Stack


@dataclass(frozen=True)
class Shared:
    """A bundle that was pushed or fetched: what it says, where it lies, and whether this call changed anything."""

    manifest: Manifest
    where: str
    changed: bool
    origin: str | None = None


@dataclass(frozen=True)
class Shown:
    """A bundle as people look at it: where it came from, when it was used, who approved what it does."""

    manifest: Manifest
    origin: str | None
    used: str | None
    approvals: tuple[Approval, ...] = field(default=())


def push(bundles: Bundles, store: Store, stack: Stack) -> Shared:
    """Share a stack's bundle as it lies here. Raises NotFoundError without one, RefusedError for what is none."""
    manifest = _here(bundles, stack)
    if (used := bundles.used(manifest)) is not None:
        raise RefusedError(
            f"bundle {manifest.digest[:12]} of {stack.label} was applied already, at {used}",
            remedy=f"Plan again: {stack.make('plan')}",
        )
    files = bundles.files(stack)
    if wrong := core.plan_texts(manifest, {name: of_bytes(data) for name, data in files.items()}):
        raise RefusedError(f"the bundle of {stack.label} is not whole: {'; '.join(wrong)}", remedy="Plan again.")
    where, new = store.push(manifest, files, origin=bundles.origin(manifest))
    return Shared(manifest, where, new, bundles.origin(manifest))


def pull(bundles: Bundles, store: Store, stack: Stack, *, digest: str) -> Shared:
    """Fetch exactly one bundle into a stack's place. Raises NotFoundError when it is not shared."""
    before = bundles.find(stack)
    if before is not None and before.digest == digest and bundles.origin(before) is not None:
        return Shared(before, str(bundles.folder(stack)), changed=False, origin=bundles.origin(before))
    files, origin = store.pull(digest)
    manifest = bundles.take(stack, files, origin=origin)
    return Shared(manifest, str(bundles.folder(stack)), changed=True, origin=origin)


def approve(
    store: Store,
    stack: Stack,
    *,
    digest: str,
    comment: str,
    review: Reviewer,
    clock: Callable[[], datetime],
    write: bool = True,
) -> tuple[Manifest, Approval | None]:
    """Say yes to what a shared bundle does, and return the approval (None when nothing is written).

    The plan is reviewed again here: what its maker says of it is not believed. Raises RefusedError for a forbidden,
    expired or dressed-up bundle, and for who may not approve it.
    """
    files, _ = store.pull(digest)
    manifest = local.read(files[MANIFEST], where=f"bundle {digest[:12]}")
    if manifest.scope != stack.label:
        raise RefusedError(f"this bundle is of {manifest.scope}, not of {stack.label}")
    if wrong := core.plan_texts(manifest, {name: of_bytes(data) for name, data in files.items()}):
        raise RefusedError(f"bundle {digest[:12]} of {stack.label} is not whole: {'; '.join(wrong)}")
    local.check_meaning(manifest, files[SLIM])
    found = review(files[SLIM], stack)
    if manifest.refused or FORBIDDEN in {manifest.grade, found.grade}:
        lines = "\n".join(f"- {text}" for text in (*manifest.refused, *found.refused))
        raise RefusedError(f"the review forbids the plan of {stack.label}\n{lines}", remedy="Nobody can approve it.")
    if GRADES.index(found.grade) > GRADES.index(manifest.grade):
        raise RefusedError(
            f"the plan of {stack.label} says that it is graded {manifest.grade}, and it is {found.grade}",
            remedy="Plan again, with this commit's rules.",
        )
    now = clock()
    if now >= manifest.expires_at:
        raise RefusedError(
            f"bundle {digest[:12]} of {stack.label} expired at {core.text_of(manifest.expires_at)}",
            remedy=f"Plan again: {stack.make('plan')}",
        )
    return manifest, store.approve(manifest, comment=comment, now=now) if write else None


def show(bundles: Bundles, stack: Stack, *, store: Store | None) -> Shown:
    """Return what is known of a stack's bundle; of its approvals, when there is a `store` to ask."""
    manifest = _here(bundles, stack)
    approvals = tuple(store.approvals(manifest.semantic)) if store is not None else ()
    return Shown(manifest, bundles.origin(manifest), bundles.used(manifest), approvals)


def _here(bundles: Bundles, stack: Stack) -> Manifest:
    manifest = bundles.find(stack)
    if manifest is None:
        raise NotFoundError(f"there is no bundle of {stack.label}", remedy=f"Plan it: {stack.make('plan')}")
    return manifest
