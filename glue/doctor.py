"""Looks for what is missing, on this machine and in the accounts. It changes nothing, and each finding has a remedy."""

from __future__ import annotations

import ctypes.util
import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from glue.errors import SlipwayError
from glue.tf.commands import find_terraform
from glue.tf.runs import Runs
from glue.workspace import STACKS, Stack, Workspace

if TYPE_CHECKING:
    from glue.aws.accounts import Accounts
    from glue.tf.tfvars import Estate

OLDEST_PYTHON = (3, 11)
_PROVIDER = re.compile(r'provider "registry\.terraform\.io/hashicorp/aws" \{\s*version\s*=\s*"([^"]+)"')


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, whether it is well, what was found, and what to do if it is not."""

    check: str
    well: bool
    found: str
    remedy: str | None = None


def machine(workspace: Workspace, environ: Mapping[str, str]) -> list[Finding]:
    """Return what is to be said of this machine."""
    checks: tuple[Callable[[], Finding], ...] = (
        _python,
        lambda: _git(workspace),
        lambda: _terraform(workspace, environ),
        lambda: _cli_settings(workspace, environ),
        lambda: _lock_files(workspace),
        lambda: _function_packages(workspace),
        _openmp,
    )
    return [check() for check in checks]


def environment(name: str, *, estate: Estate, accounts: Accounts, workspace: Workspace) -> list[Finding]:
    """Return what is to be said of an environment: its files, credentials, account, role, foundation, killed runs."""
    findings = []
    try:
        where = estate.environment(name)
        endpoints = estate.endpoints(name)
        for endpoint in endpoints:
            estate.endpoint(name, endpoint)
            estate.revisions(name, endpoint)
        findings.append(Finding(f"{name}: files", well=True, found=f"{len(endpoints)} endpoints"))
    except SlipwayError as error:
        return [_bad(f"{name}: files", error)]
    profile = accounts.profile(where)
    using = f"profile {profile}" if profile else "the default credentials"
    steps: tuple[tuple[str, Callable[[], str]], ...] = (
        ("credentials", lambda: f"{using}: {accounts.operator(where).caller}"),
        ("promote role", lambda: accounts.session(where).caller),
        ("foundation", lambda: _models(accounts.session(where).parameters.foundation(where).models)),
    )
    for what, step in steps:
        try:
            findings.append(Finding(f"{name}: {what}", well=True, found=step()))
        except SlipwayError as error:
            findings.append(_bad(f"{name}: {what}", error))
            break  # what follows needs it
    stacks = [Stack(where, stack) for stack in STACKS[:2]] + [Stack(where, "serving", one) for one in endpoints]
    return [*findings, *filter(None, (_killed(stack, workspace) for stack in stacks))]


def _bad(check: str, error: SlipwayError) -> Finding:
    return Finding(check, well=False, found=error.message, remedy=error.remedy)


def _models(models: Mapping[str, object]) -> str:
    return f"models {', '.join(sorted(models)) or 'none'}"


def _killed(stack: Stack, workspace: Workspace) -> Finding | None:
    """Return a finding when a killed run left its lock on the stack's state."""
    runs = [run for run in Runs(workspace.run_folder(stack)).open() if run.killed and run.held_lock()]
    if not runs:
        return None
    return Finding(
        f"{stack.label}: runs",
        well=False,
        found="terraform was killed and left its lock: " + ", ".join(f"{run.verb} of {run.began}" for run in runs),
        remedy=f"The next run unlocks the state and goes on: {stack.make('plan')}",
    )


def _python() -> Finding:
    found = sys.version.split()[0]
    wanted = ".".join(map(str, OLDEST_PYTHON))
    return Finding("python", sys.version_info >= OLDEST_PYTHON, found, f"Install Python {wanted} or newer.")


def _git(workspace: Workspace) -> Finding:
    done = _output(["git", "-C", str(workspace.root), "rev-parse", "--short", "HEAD"])
    if done is None:
        return Finding("git", well=False, found="no commit here", remedy="Releases are named after commits: commit.")
    return Finding("git", well=True, found=f"at {done.strip()}")


def _terraform(workspace: Workspace, environ: Mapping[str, str]) -> Finding:
    try:
        binary = find_terraform(workspace.root, environ)
    except SlipwayError as error:
        return _bad("terraform", error)
    answer = _output([str(binary), "version", "-json"])
    try:
        version = str(json.loads(answer or "")["terraform_version"])
    except (ValueError, KeyError):
        return Finding("terraform", well=False, found=f"{binary} does not answer", remedy="Remove .tools, run make.")
    wanted = _required(workspace)
    fits = _numbers(version)[0] == _numbers(wanted)[0] and _numbers(version)[:2] >= _numbers(wanted)[:2]
    return Finding("terraform", fits, f"{version} ({binary})", f"Terraform {wanted} or newer is needed: `make setup`.")


def _required(workspace: Workspace) -> str:
    """Return the Terraform version that `.tool-versions` pins."""
    try:
        lines = (workspace.root / ".tool-versions").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "1.11"
    return next((line.split()[1] for line in lines if line.startswith("terraform ")), "1.11")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _cli_settings(workspace: Workspace, environ: Mapping[str, str]) -> Finding:
    named = environ.get("TF_CLI_CONFIG_FILE")
    own = workspace.root / ".tools" / "terraform.rc"
    file = Path(named) if named and Path(named).is_file() else own
    if not file.is_file():
        return Finding("provider mirror", well=False, found="no Terraform CLI settings", remedy="Run `make setup`.")
    match = re.search(r'filesystem_mirror \{[^}]*path\s*=\s*"([^"]+)"', file.read_text(encoding="utf-8"))
    if match is None:
        return Finding("provider mirror", well=True, found="none: the public registry is used")
    mirror = Path(match[1])
    remedy = f"{file} names a folder that is gone: remove .tools, run make."
    return Finding("provider mirror", mirror.is_dir(), str(mirror), remedy)


def _lock_files(workspace: Workspace) -> Finding:
    versions = {}
    for stack in STACKS:
        try:
            text = (workspace.root / "terraform" / stack / ".terraform.lock.hcl").read_text(encoding="utf-8")
        except OSError:
            text = ""
        match = _PROVIDER.search(text)
        versions[stack] = match[1] if match else "none"
    same = len(set(versions.values())) == 1 and "none" not in versions.values()
    found = ", ".join(sorted(set(versions.values()))) if same else str(versions)
    remedy = "Restore terraform/*/.terraform.lock.hcl from git."
    return Finding("provider lock files", same, f"hashicorp/aws {found}", remedy)


def _function_packages(workspace: Workspace) -> Finding:
    package = workspace.root / "build" / "functions" / "endpoint-invoker.zip"
    return Finding("function package", package.is_file(), workspace.shown(package), "Run `make setup`.")


def _openmp() -> Finding:
    """Look for the library without which LightGBM cannot be imported, here and in sandbox's model servers."""
    found = ctypes.util.find_library("gomp") or ctypes.util.find_library("omp")
    remedy = "Install libgomp1 (Debian) or libgomp (Fedora)."
    return Finding("OpenMP (libgomp)", found is not None, found or "not found", remedy)


def _output(command: list[str]) -> str | None:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return None
