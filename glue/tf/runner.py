"""Plans and applies stacks with plain terraform commands, each printed before it is run."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from glue.console import Console
from glue.core.plan import Change, PlannedLive, PlannedVariant, PlanSummary, summarize
from glue.errors import RefusedError, SlipwayError
from glue.tf.commands import Command, Commands, Identity, Place
from glue.tf.messages import explain
from glue.tf.process import Finished, Processes, follow
from glue.tf.runs import Run, Runs
from glue.workspace import Stack, Workspace

Who = Callable[[Stack], Identity]


@dataclass(frozen=True)
class Planned:
    """A saved plan: what it changes, where it lies, the seconds it took to make, and terraform's own words."""

    stack: Stack
    summary: PlanSummary
    file: Path
    seconds: float
    text: str = ""

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

    def __init__(self, workspace: Workspace, *, console: Console, environ: Mapping[str, str], who: Who) -> None:
        self.workspace = workspace
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
        file = self.workspace.plan_file(stack)
        file.parent.mkdir(parents=True, exist_ok=True)
        self.discard_plan(stack)
        done = self.run(place, self.commands.plan(place, who=self.who(stack), out=file), codes=(0, 2))
        summary = self._summary(place, file) if done.exit_code == 2 else PlanSummary()
        planned = Planned(stack, summary, file, time.monotonic() - began, _plan_text(done.output))
        _notes(file).write_text(json.dumps(_noted(planned)))
        if not planned.changes:
            self._mark(stack).unlink(missing_ok=True)  # whatever was cut off is complete
        return planned

    def apply(self, stack: Stack, *, place: Place | None = None) -> Applied:
        """Apply exactly the saved plan. Raises RefusedError when there is none, or it is stale.

        The plan is gone afterwards: a plan is applied once. Until an apply ended well, `unclean` says so.
        """
        began = time.monotonic()
        place = place or self.place(stack)
        file = self.workspace.plan_file(stack)
        notes = read_notes(file)
        if notes is None or not file.is_file():
            raise RefusedError(
                f"there is no saved plan of {stack.label}",
                remedy=f"Plan it, and look at the plan: {stack.make('plan')}",
            )
        if not notes.changes and not notes.outputs_change:
            self.discard_plan(stack)
            return Applied(stack, notes, changed=False, seconds=time.monotonic() - began)
        self.settle(place)
        self.init(place)
        self.mark_unclean(stack)
        try:
            self.run(place, self.commands.apply(place, who=self.who(stack), plan=file))
        finally:
            self.discard_plan(stack)
        self._mark(stack).unlink(missing_ok=True)
        return Applied(stack, notes, changed=True, seconds=time.monotonic() - began)

    def saved(self, stack: Stack) -> PlanSummary | None:
        """Return what a stack's saved plan changes, None when there is none, or it changes nothing."""
        notes = read_notes(self.workspace.plan_file(stack))
        return notes if notes is not None and (notes.changes or notes.outputs_change) else None

    def unclean(self, stack: Stack) -> bool:
        """Whether the last apply failed or was killed: resources may exist that the state does not know."""
        return self._mark(stack).exists()

    def mark_unclean(self, stack: Stack) -> None:
        """Note that resources may exist that the state does not know, until an apply ends well."""
        self._mark(stack).parent.mkdir(parents=True, exist_ok=True)
        self._mark(stack).touch()

    def discard_plan(self, stack: Stack) -> None:
        """Remove a stack's saved plan, if there is one."""
        file = self.workspace.plan_file(stack)
        file.unlink(missing_ok=True)
        _notes(file).unlink(missing_ok=True)

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

    def _summary(self, place: Place, file: Path) -> PlanSummary:
        command = self.commands.show(place, who=self.who(place.stack), plan=file)
        done = self.run(place, command, quiet=True)
        done.log.unlink(missing_ok=True)  # terraform does not redact what it shows as JSON
        # A warning may stand before the document; the document is one line.
        line = next((line for line in done.output.splitlines() if line.startswith("{")), "{}")
        return summarize(json.loads(line))

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


def read_notes(plan: Path) -> PlanSummary | None:
    """Return what was noted beside a saved plan that it changes, None when there is nothing."""
    notes = _read_json(_notes(plan)) or {}
    changes = notes.get("changes")
    if not isinstance(changes, list):
        return None
    digest = notes.get("digest")
    return PlanSummary(
        tuple(Change(*entry) for entry in changes),
        bool(notes.get("outputs_change")),
        held_config=held if isinstance(held := notes.get("held_config"), str) else None,
        digest=digest if isinstance(digest, str) else None,
        live=_noted_live(notes.get("live")),
    )


def _noted_live(noted: object) -> PlannedLive | None:
    if not isinstance(noted, dict):
        return None
    variants = tuple(PlannedVariant(*map(str, one)) for one in noted["variants"])
    return PlannedLive(str(noted["revision"]), variants, noted.get("returning") is True)


def _noted(planned: Planned) -> dict[str, object]:
    """Return what is noted beside a plan: addresses, types and kinds of change, but no values."""
    summary = planned.summary
    live = summary.live
    return {
        "changes": [[change.address, change.kind, change.what] for change in summary.changes],
        "outputs_change": summary.outputs_change,
        "held_config": summary.held_config,
        "digest": summary.digest,
        "live": {
            "revision": live.revision,
            "returning": live.returning,
            "variants": [[one.name, one.release, one.image, one.model_data_url] for one in live.variants],
        }
        if live
        else None,
    }


def _notes(plan: Path) -> Path:
    return plan.with_suffix(".json")


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
