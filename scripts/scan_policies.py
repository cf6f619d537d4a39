"""Scans the planned Terraform of all environments: parliament on every policy, checkov on HCL and on the plan.

What is found and has no reasoned skip fails, and so does a skip that meets nothing. In HCL a skip is a comment beside
the resource; for plans and for parliament it stands in policy/checkov/skips.toml.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from scripts import planned_policies
from scripts.access.estate import estate
from scripts.setup_checkov import prepare
from scripts.terraform_checks import ROOT

CHECKS = ROOT / "policy" / "checkov" / "checks"
SKIPS = ROOT / "policy" / "checkov" / "skips.toml"
LIMIT_S = 300


@dataclass(frozen=True)
class Finding:
    """What a tool found: which rule, where, and in its own words."""

    tool: str
    rule: str
    where: str
    what: str


@dataclass(frozen=True)
class Skip:
    """A finding that is meant, and why."""

    rule: str
    on: str
    what: str
    why: str

    def covers(self, finding: Finding) -> bool:
        """Say whether the skip is about a finding."""
        where, what = fnmatchcase(finding.where, self.on), fnmatchcase(finding.what, self.what)
        return self.rule == finding.rule and where and what


def skips() -> list[Skip]:
    """Return the reviewed skips."""
    return [
        Skip(one["check"], one["on"], one.get("what", "*"), one["why"])
        for one in tomllib.loads(SKIPS.read_text())["skips"]
    ]


def checkov(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """Return checkov's reports on a folder, of HCL and of plans, with our own checks. One start costs seconds."""
    program = prepare() / "checkov"
    frameworks = ("--framework", "terraform", "terraform_plan")
    fixed = ("--skip-download", "--external-checks-dir", str(CHECKS), "--output", "json")
    done = _run([str(program), "--directory", str(folder), *frameworks, *fixed, *arguments])
    if done.returncode not in (0, 1) or not done.stdout.strip():
        raise SystemExit(f"checkov failed\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    reports = json.loads(done.stdout)
    return reports if isinstance(reports, list) else [reports]


def scan_terraform() -> tuple[list[Finding], str]:
    """Return what checkov finds in the roots with their modules and in the plan of all environments, and numbers."""
    plan = planned_policies.plan_file()
    folder = planned_policies.FOLDER / "staged" / "terraform"
    copy = folder / "plan.json"
    copy.unlink(missing_ok=True)
    copy.hardlink_to(plan)
    found, told = [], []
    reports = checkov(folder, "--quiet")
    kinds = {report.get("check_type") for report in reports}
    if kinds != {"terraform", "terraform_plan"}:
        raise SystemExit(f"checkov scanned only {', '.join(sorted(str(kind) for kind in kinds))}")
    for report in reports:
        summary = report["summary"]
        told.append(f"{report['check_type']} {summary['passed']} passed, {summary['skipped']} skipped in place")
        found += [
            Finding(report["check_type"], one["check_id"], one["resource"], one["check_name"])
            for one in report["results"]["failed_checks"]
        ]
        if summary["parsing_errors"]:
            found.append(
                Finding(report["check_type"], "parsing", str(folder), "checkov cannot read every file: see its log")
            )
    return found, "; ".join(told)


def lint() -> tuple[list[Finding], str]:
    """Return what parliament finds in the planned policies, and their number."""
    documents: dict[str, Any] = {}
    planned = planned_policies.plans()
    for setting in planned_policies.settings():
        for name, (sort, document) in estate(planned, [setting]).documents().items():
            documents[f"{setting.name} {name}"] = (
                _with_resource(document, name.split()[0]) if sort == "trust" else document
            )
    program = [str(prepare() / "python"), "-W", "ignore", str(ROOT / "scripts" / "lint_policies.py")]
    done = _run(program, json.dumps(documents))
    if done.returncode:
        raise SystemExit(f"parliament failed\n{done.stderr[-2000:]}")
    found = [Finding("parliament", one["issue"], one["policy"], one["detail"]) for one in json.loads(done.stdout)]
    return found, f"parliament {len(documents)} policies"


def _with_resource(trust: dict[str, Any], role: str) -> dict[str, Any]:
    """Return a trust policy as parliament wants it: it knows no policy whose resource is what it is attached to."""
    return trust | {"Statement": [statement | {"Resource": role} for statement in trust["Statement"]]}


def unexcused(found: Iterable[Finding], known: list[Skip]) -> tuple[list[Finding], list[Skip]]:
    """Return the findings without a skip, and the skips without a finding. What is in HCL is skipped in HCL."""
    left, used = [], set()
    for finding in found:
        excuse = next((one for one in known if finding.tool != "terraform" and one.covers(finding)), None)
        if excuse:
            used.add(excuse)
        else:
            left.append(finding)
    return left, [one for one in known if one not in used]


def _run(command: list[str], given: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "BC_", "CKV_", "PYTHON"))
    }
    return subprocess.run(
        command, input=given, env=environment, capture_output=True, text=True, check=False, timeout=LIMIT_S
    )


def main() -> None:
    """Print what was scanned and what is wrong; exit 1 when anything is."""
    started = time.monotonic()
    known = skips()
    scanned, told = scan_terraform()
    linted, counted = lint()
    left, idle = unexcused([*scanned, *linted], known)
    for finding in left:
        print(f"{finding.tool}: {finding.rule} {finding.where}: {finding.what}")
    for skip in idle:
        print(f"policy/checkov/skips.toml: {skip.rule} on {skip.on} meets nothing any more: remove it")
    verdict = f"{len(left)} failed, {len(known)} reasoned skips"
    print(f"scanned: {told}; {counted}; {verdict}, {time.monotonic() - started:.0f} s")
    if left or idle:
        sys.exit(1)


if __name__ == "__main__":
    main()
