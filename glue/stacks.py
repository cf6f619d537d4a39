"""Planning and applying the stacks of an environment, side by side where there are several."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from glue import locks
from glue.bundles import forbidden
from glue.core.bundle import COMMENT
from glue.core.plan import PlanSummary
from glue.errors import UsageError
from glue.fanout import Outcome, side_by_side
from glue.tf.adopting import Adopter
from glue.tf.bootstrap import Bootstrap
from glue.tf.runner import Applied, Planned, Runner
from glue.tf.tfvars import Estate
from glue.workspace import STACKS, Stack

Apply = Callable[[Stack], Applied]
Admit = Callable[[Stack, bool], object]


def select(estate: Estate, *, environment: str, stack: str, endpoint: str | None) -> list[Stack]:
    """Return the stacks that a user means: for serving one endpoint, or all. Raises UsageError."""
    where = estate.environment(environment)
    if stack not in STACKS:
        raise UsageError(f"there is no stack {stack!r}", remedy=f"Known: {', '.join(STACKS)}.")
    if stack != "serving":
        if endpoint:
            raise UsageError(f"stack {stack} has no endpoints", remedy="Leave out --endpoint.")
        return [Stack(where, stack)]
    if endpoint:
        estate.check_endpoint(environment, endpoint)
        return [Stack(where, stack, endpoint)]
    found = [Stack(where, stack, name) for name in estate.endpoints(environment)]
    if not found:
        raise UsageError(
            f"environment {environment} has no endpoints",
            remedy=f"Add {estate.folder}/{environment}/endpoints/<endpoint>.tfvars.",
        )
    return found


class Stacks:
    """Plans and applies. `admit` compares the account and the role behind the credentials, before anything else.

    It is told whether something is to be changed.
    """

    def __init__(self, runner: Runner, *, bootstrap: Bootstrap, adopter: Adopter, admit: Admit) -> None:
        self._runner = runner
        self._bootstrap = bootstrap
        self._adopter = adopter
        self._admit = admit

    def plan_all(self, stacks: list[Stack]) -> list[Outcome[Stack, Planned]]:
        """Plan stacks side by side and return every outcome."""
        return side_by_side(stacks, self.plan, interrupt=self._runner.processes.interrupt)

    def apply_all(self, stacks: list[Stack], *, apply: Apply | None = None) -> list[Outcome[Stack, Applied]]:
        """Apply the saved plans of stacks side by side and return every outcome.

        `apply` applies and proves one, while the stack's lock is held.
        """

        def work(stack: Stack) -> Applied:
            with self.alone(stack):
                return (apply or self.apply_held)(stack)

        return side_by_side(stacks, work, interrupt=self._runner.processes.interrupt)

    def plan(self, stack: Stack) -> Planned:
        """Plan a stack. What a killed or failed apply left behind is taken into the state first."""
        with self.alone(stack):
            self._runner.bundles.expect(stack, None)
            return self.plan_held(stack)

    def plan_held(self, stack: Stack) -> Planned:
        """Plan a stack whose lock the caller holds. Raises RefusedError for a plan that its review forbids.

        Its bundle stays for reading; nobody can apply it.
        """
        self._admit(stack, False)
        make = self._bootstrap.plan if stack.name == "bootstrap" else self._runner.plan
        planned = make(stack)
        if self._runner.unclean(stack) and self._adopt(planned):
            planned = make(stack)
        if planned.bundle is not None and planned.bundle.refused:
            where = self._runner.workspace.shown(planned.file.with_name(COMMENT))
            raise forbidden(stack, planned.bundle, where)
        return planned

    def wait_held(self, stack: Stack) -> None:
        """Wait for Terraform of an earlier call of ours, and unlock after one that was killed."""
        self._runner.settle(self._runner.place(stack))

    def saved(self, stack: Stack) -> PlanSummary | None:
        """Return what the saved plan of a stack changes, None when there is none or it changes nothing."""
        return self._runner.saved(stack)

    def records(self, stack: Stack) -> Path:
        """Return the folder in which calls leave notes for the next one."""
        return self._runner.workspace.run_folder(stack)

    def remote(self, stack: Stack) -> bool:
        """Whether a stack's state lies in its bucket: bootstrap's does not, until that bucket is there."""
        return self._bootstrap.place(stack).remote if stack.name == "bootstrap" else True

    def unclean(self, stack: Stack) -> bool:
        """Whether the last apply of a stack failed or was killed."""
        return self._runner.unclean(stack)

    def apply(self, stack: Stack) -> Applied:
        """Apply the saved plan of a stack."""
        with self.alone(stack):
            return self.apply_held(stack)

    def apply_held(self, stack: Stack) -> Applied:
        """Apply the saved plan of a stack whose lock the caller holds."""
        self._admit(stack, True)
        return self._bootstrap.apply(stack) if stack.name == "bootstrap" else self._runner.apply(stack)

    def discard_held(self, stack: Stack) -> None:
        """Remove the saved plan of a stack whose lock the caller holds: nobody may apply it by accident."""
        self._runner.discard_plan(stack)

    def alone(self, stack: Stack) -> ExitStack:
        """Hold the stack's lock on this machine. Raises RefusedError while somebody else does."""
        held = ExitStack()
        path = self._runner.workspace.lock_file(stack.environment.name, stack.endpoint or stack.name)
        held.enter_context(locks.held(path, what=stack.label))
        return held

    def _adopt(self, planned: Planned) -> bool:
        stack = planned.stack
        place = self._bootstrap.place(stack) if stack.name == "bootstrap" else self._runner.place(stack)
        return self._adopter.adopt(place, planned.summary) > 0
