"""The terraform commands, as a user would type them at the repository's root."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from glue.errors import SlipwayError, UsageError
from glue.workspace import Stack, Workspace

LOCK_TIMEOUT_S = 20


@dataclass(frozen=True)
class Identity:
    """Whose credentials terraform works with, as changes to the environment that it is called in.

    `passed` gives a variable's value a new name, so that no secret is printed; `locks` is False for who may only read.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    passed: Mapping[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    locks: bool = True


@dataclass(frozen=True)
class Command:
    """A command with the variables it adds to the environment, and those it renames and takes away."""

    arguments: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    passed: Mapping[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()

    @property
    def verb(self) -> str:
        """What terraform is asked to do: init, plan, apply."""
        return next((word for word in self.arguments[1:] if not word.startswith("-")), "")

    def __str__(self) -> str:
        removed = ["env", *(word for name in self.without for word in ("-u", name))] if self.without else []
        prefix = [f"{name}={shlex.quote(value)}" for name, value in self.variables.items()]
        prefix += [f'{name}="${old}"' for name, old in self.passed.items()]
        return " ".join([*removed, *prefix, *(shlex.quote(word) for word in self.arguments)])

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the whole environment of the process."""
        passed = {name: environ[old] for name, old in self.passed.items() if old in environ}
        kept = {name: value for name, value in environ.items() if name not in self.without}
        return kept | passed | dict(self.variables)


@dataclass(frozen=True)
class Place:
    """Where a stack is planned and applied: its root folder, its data folder, and whether its state lies in S3."""

    stack: Stack
    folder: Path
    data_dir: Path
    remote: bool = True


class Commands:
    """Builds the commands of stacks; `who` says whose credentials each of them gets."""

    def __init__(self, workspace: Workspace, *, environ: Mapping[str, str]) -> None:
        self._workspace = workspace
        self._environ = environ
        self.binary = find_terraform(workspace.root, environ)

    def init(self, place: Place, *, who: Identity, reconfigure: bool) -> Command:
        """Return `terraform init`, with the backend's settings when the state lies in S3."""
        stack = place.stack
        words = ["init", "-input=false", "-lockfile=readonly"]
        if reconfigure:
            words.append("-reconfigure")
        if place.remote:
            backend = self._workspace.environments / stack.environment.name / "backend.hcl"
            words += [f"-backend-config={self._path(backend, place)}", f"-backend-config=key={stack.state_key}"]
        command = self._command(place, who, words)
        settings = self._cli_settings()
        if not settings:
            return command
        return replace(command, variables={**command.variables, "TF_CLI_CONFIG_FILE": settings})

    def plan(self, place: Place, *, who: Identity, out: Path) -> Command:
        """Return `terraform plan` into a file. Exit codes: 0 nothing to change, 1 failed, 2 something to change."""
        words = ["plan", "-input=false", "-detailed-exitcode", *self._lock(who), f"-out={self._path(out, place)}"]
        return self._command(place, who, [*words, *self._var_files(place)])

    def show(self, place: Place, *, who: Identity, plan: Path) -> Command:
        """Return `terraform show -json` of a saved plan."""
        return self._command(place, who, ["show", "-json", self._path(plan, place)])

    def apply(self, place: Place, *, who: Identity, plan: Path) -> Command:
        """Return `terraform apply` of a saved plan; it asks nothing."""
        return self._command(place, who, ["apply", "-input=false", *self._lock(who), self._path(plan, place)])

    def adopt(self, place: Place, *, who: Identity, address: str, identity: str, live: str | None = None) -> Command:
        """Return `terraform import` of a resource that exists and that the configuration wants to create.

        `live` stands in for the revisions file's: an import checks the endpoint's postcondition against the state, in
        which the wanted config may not be yet.
        """
        instead = [f"-var=live={live}"] if live else []
        words = ["import", "-input=false", *self._lock(who), *self._var_files(place), *instead, address, identity]
        return self._command(place, who, words)

    def unlock(self, place: Place, *, who: Identity, lock_id: str) -> Command:
        """Return `terraform force-unlock`."""
        return self._command(place, who, ["force-unlock", "-force", lock_id])

    def state_pull(self, place: Place, *, who: Identity) -> Command:
        """Return `terraform state pull`."""
        return self._command(place, who, ["state", "pull"])

    def state_push(self, place: Place, *, who: Identity, state: Path) -> Command:
        """Return `terraform state push` of a local state."""
        return self._command(place, who, ["state", "push", *self._lock(who), self._path(state, place)])

    def _command(self, place: Place, who: Identity, words: list[str]) -> Command:
        chdir = f"-chdir={self._workspace.shown(place.folder)}"
        # unlike the paths behind -chdir, this one is relative to where the command is typed
        variables = {"TF_DATA_DIR": self._workspace.shown(place.data_dir)}
        variables |= who.variables
        return Command((self._shown_binary(), chdir, *words), variables, who.passed, who.without)

    def _shown_binary(self) -> str:
        found = shutil.which("terraform", path=self._environ.get("PATH"))
        if found and Path(found).resolve() == self.binary.resolve():
            return "terraform"
        return self._workspace.shown(self.binary)

    def _path(self, path: Path, place: Place) -> str:
        """Return a path as terraform takes it: relative to the root's folder inside the repository, else absolute."""
        root = self._workspace.root
        if path.is_relative_to(root) and place.folder.is_relative_to(root):
            return os.path.relpath(path, place.folder)
        return str(path)

    def _lock(self, who: Identity) -> list[str]:
        if not who.locks:
            return ["-lock=false"]
        return [f"-lock-timeout={self._environ.get('SLIPWAY_LOCK_TIMEOUT_S') or LOCK_TIMEOUT_S}s"]

    def _var_files(self, place: Place) -> list[str]:
        stack = place.stack
        folder = self._workspace.environments / stack.environment.name
        files = [folder / "environment.tfvars"]
        if stack.endpoint:
            files.append(folder / "endpoints" / f"{stack.endpoint}.tfvars")
            revisions = folder / "endpoints" / f"{stack.endpoint}.revisions.tfvars"
            files += [revisions] if revisions.exists() else []
        return [*(f"-var-file={self._path(file, place)}" for file in files), *self._templates(place)]

    def _templates(self, place: Place) -> list[str]:
        """Return where scheduled jobs' templates lie, unless it is where the root looks for them by itself."""
        queue = place.stack.environment.training_queue
        if place.stack.name != "foundation" or queue is None or not queue.schedules:
            return []
        if self._workspace.environments == self._workspace.root / "environments":
            return []
        folder = self._workspace.environments / place.stack.environment.name / "training"
        return [f"-var=training_templates={self._path(folder, place)}"]

    def _cli_settings(self) -> str | None:
        """Return the CLI settings to add: a file named in the environment that does not exist is ignored."""
        named = self._environ.get("TF_CLI_CONFIG_FILE")
        own = self._workspace.root / ".tools" / "terraform.rc"
        if named and Path(named).is_file() and Path(named).resolve() != own.resolve():
            return None
        return str(own) if own.is_file() else None


def find_terraform(root: Path, environ: Mapping[str, str]) -> Path:
    """Return the Terraform binary: $TERRAFORM, `.tools/terraform`, or the one on PATH. Raises SlipwayError."""
    named = environ.get("TERRAFORM")
    if named:
        found = shutil.which(named, path=environ.get("PATH"))
        if found is None:
            raise UsageError(f"TERRAFORM names {named}, which cannot be run", remedy="Correct it, or unset it.")
        return Path(found)
    own = root / ".tools" / "terraform"
    if own.exists():
        return own
    found = shutil.which("terraform", path=environ.get("PATH"))
    if found is None:
        raise SlipwayError(
            "there is no Terraform", remedy="Run `make setup`: it finds one on PATH or fetches the pinned one."
        )
    return Path(found)
