"""Plans and applies stacks with plain terraform commands, each printed before it is run."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from glue.bundle_inputs import state_id
from glue.bundles import Bundles, Now
from glue.console import Console
from glue.core import bundle
from glue.core.bundle import Manifest
from glue.core.plan import PlanSummary, summarize
from glue.errors import RefusedError, SlipwayError
from glue.tf.commands import Command, Commands, Identity, Place
from glue.tf.messages import explain
from glue.tf.process import Finished, Processes, follow
from glue.tf.runs import Run, Runs
from glue.workspace import Stack, Workspace

Who = Callable[[Stack], Identity]
ReadState = Callable[[Stack], bytes | None]
# What `show -json` would say of a plan without changes: asking costs three seconds.
NO_CHANGES: Mapping[str, Any] = MappingProxyType({"format_version": "1.2", "resource_changes": [], "complete": True})


@dataclass(frozen=True)
class Planned:
    """A saved plan: what it changes, where it lies, the seconds it took to make, and terraform's own words.

    `bundle` is what its bundle says of it, which lies in the folder of `file`.
    """

    stack: Stack
    summary: PlanSummary
    file: Path
    seconds: float
    text: str = ""
    bundle: Manifest | None = None

    @property
    def changes(self) -> bool:
        """Whether applying it would do anything."""
        return bool(self.summary.changes) or self.summary.outputs_change


@dataclass(frozen=True)
class Applied:
    """An applied plan; `changed` is False when there was nothing to do."""

    stack: Stack
    summary: PlanSummary
    changed: bool
    seconds: float


class Runner:
    """Runs terraform for stacks. Everything it keeps lies in the workspace's work folder."""

    def __init__(
        self,
        workspace: Workspace,
        *,
        console: Console,
        environ: Mapping[str, str],
        who: Who,
        bundles: Bundles,
        state: ReadState | None = None,
    ) -> None:
        self.workspace = workspace
        self.bundles = bundles
        self._state = state
        self._version: tuple[str | None] | None = None
        self.commands = Commands(workspace, environ=environ)
        self.processes = Processes(root=workspace.root, environ=environ)
        self._environ = environ
        self._console = console
        self.who = who

    def place(self, stack: Stack) -> Place:
        """Return where a stack is planned and applied when its state lies in S3."""
        return Place(stack, self.workspace.root_folder(stack), self.workspace.data_dir(stack))

    def plan(self, stack: Stack, *, place: Place | None = None) -> Planned:
        """Plan a stack and save the plan. Raises our error for whatever terraform says."""
        began = time.monotonic()
        place = place or self.place(stack)
        self.settle(place)
        self.init(place)
        file = self.bundles.draft(stack) / bundle.PLAN
        try:
            done = self.run(place, self.commands.plan(place, who=self.who(stack), out=file), codes=(0, 2))
            document = self._document(place, file) if done.exit_code == 2 else NO_CHANGES
            summary = summarize(document) if done.exit_code == 2 else PlanSummary()
            made = self.bundles.keep(stack, document, summary)
        except SlipwayError:
            self.bundles.discard(stack)  # what was planned before is not what was asked for now
            raise
        file = self.bundles.folder(stack) / bundle.PLAN
        planned = Planned(stack, summary, file, time.monotonic() - began, _plan_text(done.output), made)
        if not planned.changes:
            self._mark(stack).unlink(missing_ok=True)  # whatever was cut off is complete
        return planned

    def apply(self, stack: Stack, *, place: Place | None = None) -> Applied:
        """Apply exactly the saved plan. Raises RefusedError when there is none, or anything moved since it was made.

        A plan is applied once: its bundle is marked before it begins. Until an apply ended well, `unclean` says so.
        """
        began = time.monotonic()
        place = place or self.place(stack)
        made = self._saved(stack)
        if not made.changes:
            self.bundles.discard(stack)
            return Applied(stack, made.summary, changed=False, seconds=time.monotonic() - began)
        self.settle(place)
        self.check(stack, remote=place.remote)
        self.init(place)
        self.bundles.use(stack, made)
        self.mark_unclean(stack)
        try:
            file = self.bundles.folder(stack) / bundle.PLAN
            self.run(place, self.commands.apply(place, who=self.who(stack), plan=file))
        finally:
            self.bundles.spend(stack)
        self._mark(stack).unlink(missing_ok=True)
        return Applied(stack, made.summary, changed=True, seconds=time.monotonic() - began)

    def check(self, stack: Stack, *, remote: bool = True) -> Manifest:
        """Return what a stack's bundle says, when it may be applied here and now. Raises RefusedError."""
        made = self._saved(stack)
        data = self._state(stack) if remote and self._state is not None else None
        state = state_id(data) if data else None
        self.bundles.check(stack, made, Now(self._terraform_version(), state, remote and self._state is not None))
        return made

    def _saved(self, stack: Stack) -> Manifest:
        made = self.bundles.find(stack)
        if made is None:
            raise RefusedError(
                f"there is no saved plan of {stack.label}",
                remedy=f"Plan it, and look at the plan: {stack.make('plan')}",
            )
        return made

    def saved(self, stack: Stack) -> PlanSummary | None:
        """Return what a stack's saved plan changes, None when there is none, or it changes nothing."""
        made = self.bundles.find(stack)
        return made.summary if made is not None and made.changes else None

    def unclean(self, stack: Stack) -> bool:
        """Whether the last apply failed or was killed: resources may exist that the state does not know."""
        return self._mark(stack).exists()

    def mark_unclean(self, stack: Stack) -> None:
        """Note that resources may exist that the state does not know, until an apply ends well."""
        self._mark(stack).parent.mkdir(parents=True, exist_ok=True)
        self._mark(stack).touch()

    def discard_plan(self, stack: Stack) -> None:
        """Remove a stack's bundle, if there is one."""
        self.bundles.discard(stack)

    def init(self, place: Place) -> None:
        """Prepare a root's data folder, unless nothing changed since the last time."""
        marker = place.data_dir / "slipway.json"
        wanted = {"backend": self._backend(place), "code": _fingerprint(place.folder, self.workspace.root / "modules")}
        known = _read_json(marker)
        if known == wanted and (place.data_dir / "providers").exists():
            return
        moved = known is not None and known.get("backend") != wanted["backend"]
        place.data_dir.mkdir(parents=True, exist_ok=True)
        command = self.commands.init(place, who=self.who(place.stack), reconfigure=moved)
        self.run(place, command)
        marker.write_text(json.dumps(wanted))

    def settle(self, place: Place) -> None:
        """Deal with earlier runs of ours: wait for one that outlived its caller, unlock after one that was killed."""
        for run in self._runs(place.stack).open():
            self._settle(place, run)

    def _settle(self, place: Place, run: Run) -> None:
        stack = place.stack
        if run.alive:
            self._console.say(
                f"terraform {run.verb} of an earlier call is still at work (process {run.pid}, since {run.began}); "
                "waiting for it",
                of=stack.label,
            )
            follow(Path(run.log), while_running=lambda: run.alive, on_line=lambda line: self._progress(stack, line))
        if not run.killed:
            return
        lock_id = run.held_lock() if place.remote else None
        if lock_id is not None:
            self._console.warn(
                f"terraform {run.verb} of {run.began} was killed (process {run.pid}) and left its lock {lock_id}; "
                "unlocking",
                of=stack.label,
            )
            self._unlock(place, lock_id)
        self._runs(stack).ended(run, -1)

    def run(self, place: Place, command: Command, *, codes: tuple[int, ...] = (0,), quiet: bool = False) -> Finished:
        """Print a command, run it, and return how it went; `quiet` keeps its output to itself.

        Raises our error for an exit code not in `codes`.
        """
        stack = place.stack
        self._console.command(str(command), of=stack.label)
        done = self.processes.run(
            command,
            binary=self.commands.binary,
            runs=self._runs(stack),
            on_line=lambda line: None if quiet else self._progress(stack, line),
        )
        if done.exit_code not in codes:
            raise explain(done.output, stack=stack, verb=command.verb, log=self.workspace.shown(done.log))
        return done

    def _unlock(self, place: Place, lock_id: str) -> None:
        """Give back a lock. That it is held no more, or by somebody else, is no failure: the next command will tell."""
        self.init(place)
        command = self.commands.unlock(place, who=self.who(place.stack), lock_id=lock_id)
        self._console.command(str(command), of=place.stack.label)
        done = self.processes.run(
            command, binary=self.commands.binary, runs=self._runs(place.stack), on_line=lambda _: None
        )
        if done.exit_code == 0 or "Failed to unlock state" in done.output:
            return
        raise explain(done.output, stack=place.stack, verb="force-unlock", log=self.workspace.shown(done.log))

    def _terraform_version(self) -> str | None:
        """Return the version of Terraform that is here, None when it does not say."""
        if self._version is None:
            words = [str(self.commands.binary), "version", "-json"]
            environ = {**self._environ, "CHECKPOINT_DISABLE": "1"}
            done = subprocess.run(words, capture_output=True, env=environ, check=False, timeout=60)
            try:
                self._version = (str(json.loads(done.stdout)["terraform_version"]),)
            except (ValueError, KeyError, TypeError):
                self._version = (None,)
        return self._version[0]

    def _document(self, place: Place, file: Path) -> dict[str, Any]:
        command = self.commands.show(place, who=self.who(place.stack), plan=file)
        done = self.run(place, command, quiet=True)
        done.log.unlink(missing_ok=True)  # terraform does not redact what it shows as JSON
        # A warning may stand before the document; the document is one line.
        line = next((line for line in done.output.splitlines() if line.startswith("{")), "{}")
        found = json.loads(line)
        return found if isinstance(found, dict) else {}

    def _progress(self, stack: Stack, line: str) -> None:
        if self._console.verbose or _worth_telling(line):
            self._console.say(line.rstrip(), of=stack.label)

    def _runs(self, stack: Stack) -> Runs:
        return Runs(self.workspace.run_folder(stack))

    def _mark(self, stack: Stack) -> Path:
        return self.workspace.run_folder(stack) / "unclean"

    def _backend(self, place: Place) -> str:
        """Return what tells one backend from another."""
        if not place.remote:
            return "local"
        path = self.workspace.environments / place.stack.environment.name / "backend.hcl"
        try:
            settings = path.read_bytes()
        except OSError as error:
            raise SlipwayError(
                f"{path}: {error.strerror}", remedy="Each environment names its state's bucket there."
            ) from error
        key = f"{place.stack.state_key}\n{self._environ.get('TF_CLI_ARGS_init', '')}\n".encode()
        return hashlib.sha256(key + settings).hexdigest()


def _read_json(path: Path) -> dict[str, object] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _fingerprint(folder: Path, modules: Path) -> str:
    """Return what `terraform init` depends on: which modules are called, and which providers are locked."""
    found = hashlib.sha256()
    for path in sorted([*folder.glob("*.tf"), folder / ".terraform.lock.hcl", *modules.glob("*/*.tf")]):
        if path.is_file():
            found.update(f"{path.name}\n".encode() + path.read_bytes())
    return found.hexdigest()


def _plan_text(output: str) -> str:
    """Return the part of the output that says what would change, without the reading before and the hints after."""
    begin = next((at for word in _PLAN_BEGINS if (at := output.find(word)) >= 0), 0)
    end = output.find("\n─", begin)
    return output[begin : end if end >= 0 else None].strip()


_PLAN_BEGINS = ("Terraform used the selected providers", "Changes to Outputs:", "No changes.")


def _worth_telling(line: str) -> bool:
    """Tell whether a line of terraform's output is news: what changes, and what is waited for."""
    text = line.strip()
    if not text or text.startswith("# (") or ": Read" in text:
        return False
    if text.startswith(("# ", "Plan:", "No changes", "Apply complete!", "Changes to Outputs", "Warning:", "Error:")):
        return True
    return any(
        word in text
        for word in (": Creating...", ": Modifying...", ": Destroying...", ": Still ", " complete after ", "Acquiring")
    )
