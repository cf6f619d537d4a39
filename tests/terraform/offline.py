"""Plans a root with the real provider, offline and without credentials: a plan that only creates asks AWS nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.terraform_checks import ROOT, WORK, provider_binary, run, shared_provider

OVERRIDE = """
provider "aws" {
  access_key                  = "offline"
  secret_key                  = "offline"
  allowed_account_ids         = null
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true
}
"""


@dataclass(frozen=True)
class Planned:
    """A plan: the attributes that each resource would get, by address; unknown ones are absent."""

    resources: dict[str, dict[str, Any]]

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the resources of a type, by address."""
        return {address: after for address, after in self.resources.items() if f".{kind}." in f".{address}"}

    def policies(self) -> dict[str, dict[str, Any]]:
        """Return every policy document that is known, by address and attribute."""
        found = {}
        for address, after in self.resources.items():
            for attribute in ("assume_role_policy", "policy"):
                text = after.get(attribute)
                if isinstance(text, str) and '"Statement"' in text:
                    found[f"{address}.{attribute}"] = json.loads(text)
        return found


Planner = Callable[[str, dict[str, Any]], Planned]


@contextmanager
def planner() -> Iterator[Planner]:
    """Give the function `plan(root, environment)`; all its plans share one provider process."""
    root = ROOT / "terraform" / "foundation"
    _succeed(root, None, "init", "-backend=false", "-input=false", "-lockfile=readonly", "-no-color")
    with shared_provider(provider_binary(root)) as provider:
        yield lambda name, environment: _plan(name, environment, provider)


def _plan(root: str, environment: dict[str, Any], provider: str) -> Planned:
    """Return what a root plans for an environment that has nothing yet; it is planned in a copy without backend."""
    staged = WORK / "staged" / root
    folder = staged / "terraform" / root
    shutil.rmtree(staged, ignore_errors=True)
    shutil.copytree(ROOT / "terraform" / root, folder, ignore=shutil.ignore_patterns("backend.tf", ".terraform*"))
    for name in ("environments", "modules"):
        (staged / name).symlink_to(ROOT / name, target_is_directory=True)
    package = staged / "build" / "functions" / "training-queue.zip"
    package.parent.mkdir(parents=True)
    package.write_bytes(b"a package")
    (folder / "providers_override.tf").write_text(OVERRIDE)
    variables = staged / "environment.tfvars.json"
    variables.write_text(json.dumps({"environment": environment}))
    _succeed(folder, provider, "init", "-input=false", "-no-color")
    _succeed(folder, provider, "plan", "-input=false", "-no-color", f"-var-file={variables}", f"-out={staged / 'plan'}")
    shown = json.loads(_succeed(folder, provider, "show", "-json", str(staged / "plan")))
    return Planned({change["address"]: change["change"]["after"] for change in shown["resource_changes"]})


def _succeed(folder: Path, provider: str | None, *arguments: str) -> str:
    done = run(folder, *arguments, reattach=provider)
    assert done.returncode == 0, f"terraform {arguments[0]} failed\n{done.stdout[-3000:]}{done.stderr}"
    return done.stdout
