"""The terraform commands, as a user would type them at the repository's root."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from glue.errors import SlipwayError, UsageError
from glue.workspace import Stack, Workspace

# Before a profile, SDKs look at these; with a profile chosen, they must not.
# https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
LOCK_TIMEOUT_S = 20


@dataclass(frozen=True)
class Command:
    """A command with the variables it adds to the environment, and those it takes away."""

    arguments: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()

    @property
    def verb(self) -> str:
        """What terraform is asked to do: init, plan, apply."""
        return next((word for word in self.arguments[1:] if not word.startswith("-")), "")

    def __str__(self) -> str:
        removed = ["env", *(word for name in self.without for word in ("-u", name))] if self.without else []
        prefix = [f"{name}={shlex.quote(value)}" for name, value in self.variables.items()]
        return " ".join([*removed, *prefix, *(shlex.quote(word) for word in self.arguments)])

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the whole environment of the process."""
        return {name: value for name, value in environ.items() if name not in self.without} | dict(self.variables)


@dataclass(frozen=True)
class Place:
    """Where a stack is planned and applied: its root folder, its data folder, and whether its state lies in S3."""

    stack: Stack
    folder: Path
    data_dir: Path
    remote: bool = True


class Commands:
    """Builds the commands of stacks. `profile` is the AWS profile, None for the default credential chain."""

    def __init__(self, workspace: Workspace, *, environ: Mapping[str, str]) -> None:
        self._workspace = workspace
        self._environ = environ
        self.binary = find_terraform(workspace.root, environ)

    def init(self, place: Place, *, profile: str | None, reconfigure: bool) -> Command:
        """Return `terraform init`, with the backend's settings when the state lies in S3."""
        stack = place.stack
        words = ["init", "-input=false", "-lockfile=readonly"]
        if reconfigure:
            words.append("-reconfigure")
        if place.remote:
            backend = self._workspace.environments / stack.environment.name / "backend.hcl"
            words += [f"-backend-config={self._path(backend, place)}", f"-backend-config=key={stack.state_key}"]
        command = self._command(place, profile, words)
        settings = self._cli_settings()
        if not settings:
            return command
        return Command(command.arguments, {**command.variables, "TF_CLI_CONFIG_FILE": settings}, command.without)

    def plan(self, place: Place, *, profile: str | None, out: Path) -> Command:
        """Return `terraform plan` into a file. Exit codes: 0 nothing to change, 1 failed, 2 something to change."""
        words = ["plan", "-input=false", "-detailed-exitcode", *self._lock(), f"-out={self._path(out, place)}"]
        return self._command(place, profile, [*words, *self._var_files(place)])

    def show(self, place: Place, *, profile: str | None, plan: Path) -> Command:
        """Return `terraform show -json` of a saved plan."""
        return self._command(place, profile, ["show", "-json", self._path(plan, place)])

    def apply(self, place: Place, *, profile: str | None, plan: Path) -> Command:
        """Return `terraform apply` of a saved plan; it asks nothing."""
        return self._command(place, profile, ["apply", "-input=false", *self._lock(), self._path(plan, place)])

    def adopt(
        self, place: Place, *, profile: str | None, address: str, identity: str, live: str | None = None
    ) -> Command:
        """Return `terraform import` of a resource that exists and that the configuration wants to create.

        `live` stands in for the revisions file's: an import checks the endpoint's postcondition against the state, in
        which the wanted config may not be yet.
        """
        instead = [f"-var=live={live}"] if live else []
        words = ["import", "-input=false", *self._lock(), *self._var_files(place), *instead, address, identity]
        return self._command(place, profile, words)

    def unlock(self, place: Place, *, profile: str | None, lock_id: str) -> Command:
        """Return `terraform force-unlock`."""
        return self._command(place, profile, ["force-unlock", "-force", lock_id])

    def state_pull(self, place: Place, *, profile: str | None) -> Command:
        """Return `terraform state pull`."""
        return self._command(place, profile, ["state", "pull"])

    def state_push(self, place: Place, *, profile: str | None, state: Path) -> Command:
        """Return `terraform state push` of a local state."""
        return self._command(place, profile, ["state", "push", *self._lock(), self._path(state, place)])

    def _command(self, place: Place, profile: str | None, words: list[str]) -> Command:
        chdir = f"-chdir={self._workspace.shown(place.folder)}"
        # unlike the paths behind -chdir, this one is relative to where the command is typed
        variables = {"TF_DATA_DIR": self._workspace.shown(place.data_dir)}
        without: tuple[str, ...] = ()
        if profile is not None:
            variables["AWS_PROFILE"] = profile
            without = tuple(name for name in _KEYS if name in self._environ)
        return Command((self._shown_binary(), chdir, *words), variables, without)

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

    def _lock(self) -> list[str]:
        return [f"-lock-timeout={self._environ.get('SLIPWAY_LOCK_TIMEOUT_S') or LOCK_TIMEOUT_S}s"]

    def _var_files(self, place: Place) -> list[str]:
        stack = place.stack
        folder = self._workspace.environments / stack.environment.name
        files = [folder / "environment.tfvars"]
        if stack.endpoint:
            files.append(folder / "endpoints" / f"{stack.endpoint}.tfvars")
            revisions = folder / "endpoints" / f"{stack.endpoint}.revisions.tfvars"
            files += [revisions] if revisions.exists() else []
        return [f"-var-file={self._path(file, place)}" for file in files]

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
