"""Where things lie on this machine: the repository, the environments' data, and the work folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from glue.core.environment import Environment

STACKS = ("bootstrap", "foundation", "serving")


@dataclass(frozen=True)
class Stack:
    """One Terraform state: a root in an environment; for serving, one endpoint (its short name)."""

    environment: Environment
    name: str
    endpoint: str | None = None

    @property
    def label(self) -> str:
        """How messages call it: `qa/serving/ranker`."""
        return "/".join(part for part in (self.environment.name, self.name, self.endpoint) if part)

    @property
    def state_key(self) -> str:
        """The key of its state in the environment's state bucket."""
        return f"serving/{self.endpoint}.tfstate" if self.endpoint else f"{self.name}.tfstate"

    def make(self, target: str) -> str:
        """Return the make command for it: `make plan ENV=qa STACK=serving ENDPOINT=ranker`."""
        endpoint = f" ENDPOINT={self.endpoint}" if self.endpoint else ""
        return f"make {target} ENV={self.environment.name} STACK={self.name}{endpoint}"

    @property
    def file_name(self) -> str:
        """The name that its plans and records have, without folder and suffix."""
        return f"{self.name}-{self.endpoint}" if self.endpoint else self.name


@dataclass(frozen=True)
class Workspace:
    """Folders. `root` holds terraform/ and modules/, `environments` data, `work` records and locks, `plans` bundles.

    `plans` None means below `work`.
    """

    root: Path
    environments: Path
    work: Path
    plans: Path | None = None

    @classmethod
    def find(cls, environ: Mapping[str, str] | None = None) -> Workspace:
        """Return the folders of this checkout; SLIPWAY_ENVIRONMENTS and SLIPWAY_WORK name others.

        Bundles lie in build/plans, or below SLIPWAY_WORK where that is set: two of them plan different accounts.
        """
        environ = os.environ if environ is None else environ
        root = Path(__file__).resolve().parent.parent
        here = Path.cwd()
        return cls(
            root=root,
            environments=here / (environ.get("SLIPWAY_ENVIRONMENTS") or root / "environments"),
            work=here / (environ.get("SLIPWAY_WORK") or root / ".slipway"),
            plans=None if environ.get("SLIPWAY_WORK") else root / "build" / "plans",
        )

    def root_folder(self, stack: Stack) -> Path:
        """The folder of a stack's Terraform root."""
        return self.root / "terraform" / stack.name

    def bundle(self, stack: Stack) -> Path:
        """Where a stack's saved plan lies, with all that says what it is: `<env>/<stack>[/<endpoint>]`."""
        folder = (self.plans or self.work / "plans") / stack.environment.name / stack.name
        return folder / stack.endpoint if stack.endpoint else folder

    def data_dir(self, stack: Stack) -> Path:
        """The TF_DATA_DIR of a stack: with an own one for each, all can be planned side by side."""
        folder = self.work / "terraform" / stack.environment.name / stack.name
        return folder / stack.endpoint if stack.endpoint else folder

    def staging(self, stack: Stack) -> Path:
        """Where the copy of bootstrap's root lies until its state can lie in the bucket that it makes."""
        return self.work / "staging" / stack.environment.name

    def run_folder(self, stack: Stack) -> Path:
        """Where the records and logs of a stack's Terraform runs lie."""
        return self.work / "runs" / stack.environment.name / stack.file_name

    def lock_file(self, environment: str, what: str) -> Path:
        """The file whose lock means: somebody on this machine is changing this."""
        return self.work / "locks" / f"{environment}-{what}.lock"

    def shown(self, path: Path) -> str:
        """Return a path as a user at the repository's root would write it."""
        return os.path.relpath(path, self.root) if path.is_relative_to(self.root) else str(path)
