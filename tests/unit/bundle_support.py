"""Bundles for tests: a reviewer that finds nothing, and a maker with the right role."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from glue.bundles import Bundles, Here, Reviewed
from glue.core import roles
from glue.core.bundle import Maker
from glue.workspace import Stack, Workspace

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ANN = "arn:aws:sts::222222222222:assumed-role/people/ann"


def harmless(data: bytes, stack: Stack) -> Reviewed:
    """A review that finds nothing."""
    del data, stack
    return Reviewed("low", (), b"{}\n", "nothing\n")


def made_by(stack: Stack) -> Maker:
    """Ann, in the role that applies the stack."""
    return Maker(ANN, roles.of_stack(stack.name))


def bundles_of(
    workspace: Workspace,
    *,
    review: Callable[[bytes, Stack], Reviewed] = harmless,
    maker: Callable[[Stack], Maker] = made_by,
    clock: Callable[[], datetime] = lambda: NOW,
) -> Bundles:
    """Return the bundles of a workspace, with what a test says of it."""
    return Bundles(workspace, here=Here(maker, lambda: ("0" * 40, False), clock), review=review)
