"""The first run of bootstrap: its state belongs into the bucket that it makes.

A copy of the root without its backend is applied with a local state; then the real root takes the state over. Every
step is decided from what is there, so a run that was killed anywhere is finished by the next one:

1. no bucket, no state in it, or a local state that was not handed over: the copy is planned and applied
2. the copy is applied: the local state is pushed into the bucket, then set aside
3. nothing local is left: the real root, as any other stack
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from glue.console import Console
from glue.errors import RefusedError
from glue.tf.commands import Place
from glue.tf.runner import Applied, Planned, Runner
from glue.workspace import Stack

HasState = Callable[[Stack], bool | None]
_BACKEND = "backend.tf"


class Bootstrap:
    """Plans and applies bootstrap. `has_state` says whether the bucket holds its state; None: there is no bucket."""

    def __init__(self, runner: Runner, *, has_state: HasState, console: Console) -> None:
        self._runner = runner
        self._has_state = has_state
        self._console = console

    def plan(self, stack: Stack) -> Planned:
        """Plan it where it stands: in the copy before the state is handed over, in the real root afterwards."""
        place = self._place(stack)
        if not place.remote:
            self._stage(place)
        return self._runner.plan(stack, place=place)

    def apply(self, stack: Stack) -> Applied:
        """Apply the saved plan, and hand the state over when it is the copy's."""
        place = self._place(stack)
        applied = self._runner.apply(stack, place=place)
        if not place.remote:
            self._hand_over(place)
            return Applied(stack, applied.summary, changed=True, seconds=applied.seconds)
        return applied

    def place(self, stack: Stack) -> Place:
        """Return where bootstrap is planned now, the copy made if it is needed."""
        place = self._place(stack)
        if not place.remote:
            self._stage(place)
        return place

    def _place(self, stack: Stack) -> Place:
        has_state = self._has_state(stack)
        local = self._state(stack)
        if local.exists() and has_state:
            # handed over, and killed before it was set aside, or somebody else was faster
            self._set_aside(local, self._runner.place(stack))
        elif local.exists() or not has_state:
            if has_state is False and not local.exists():
                # The bucket is there and nobody knows who made it: look before creating the rest.
                self._runner.mark_unclean(stack)
            return Place(stack, local.parent, self._runner.workspace.staging(stack) / "data", remote=False)
        return self._runner.place(stack)

    def _state(self, stack: Stack) -> Path:
        return self._runner.workspace.staging(stack) / "terraform" / stack.name / "terraform.tfstate"

    def _stage(self, place: Place) -> None:
        """Copy the root without its backend, beside a link to the modules: their relative paths stay right."""
        source = self._runner.workspace.root_folder(place.stack)
        place.folder.mkdir(parents=True, exist_ok=True)
        wanted = {p.name for p in [*source.glob("*.tf"), source / ".terraform.lock.hcl"] if p.name != _BACKEND}
        for name in wanted:
            shutil.copyfile(source / name, place.folder / name)
        for stale in place.folder.glob("*.tf"):
            if stale.name not in wanted:
                stale.unlink()
        modules = place.folder.parent.parent / "modules"
        if not modules.is_symlink():
            modules.symlink_to(self._runner.workspace.root / "modules", target_is_directory=True)

    def _hand_over(self, copy: Place) -> None:
        """Put the local state into the bucket. Terraform refuses to overwrite a state of another lineage."""
        stack = copy.stack
        real = self._runner.place(stack)
        state = self._state(stack)
        self._console.step(f"The state of {stack.label} moves into the bucket that was just made", of=stack.label)
        self._runner.init(real)
        who = self._runner.who(stack)
        self._runner.run(real, self._runner.commands.state_push(real, who=who, state=state))
        state.replace(state.with_suffix(".handed-over"))

    def _set_aside(self, local: Path, real: Place) -> None:
        """Set aside a local state whose lineage the bucket already holds. Raises RefusedError when it is another's."""
        stack = real.stack
        self._runner.init(real)
        command = self._runner.commands.state_pull(real, who=self._runner.who(stack))
        pulled = self._runner.run(real, command, quiet=True)
        remote, mine = _identity(pulled.output), _identity(local.read_text(encoding="utf-8"))
        if remote[0] != mine[0]:
            raise RefusedError(
                f"{stack.label} has a state in its bucket and another one in {self._runner.workspace.shown(local)}",
                remedy="Somebody else bootstrapped this account meanwhile. Compare them, then move the local one away.",
            )
        if remote[1] < mine[1]:
            push = self._runner.commands.state_push(real, who=self._runner.who(stack), state=local)
            self._runner.run(real, push)
        local.replace(local.with_suffix(".handed-over"))


def _identity(state: str) -> tuple[str, int]:
    """Return a state's lineage and serial (https://developer.hashicorp.com/terraform/language/state/backends)."""
    try:
        document = json.loads(state[state.index("{") :])
        return str(document["lineage"]), int(document["serial"])
    except (ValueError, KeyError, TypeError):
        return "", -1
