"""Checks the look of all Terraform and validates every root: `terraform fmt -check` and `terraform validate`."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scripts.terraform_checks import ROOT, run


def validate(root: Path) -> str | None:
    """Return what is wrong with a root, or None. The committed lock file must do: it is never written."""
    for command in (("init", "-backend=false", "-input=false", "-lockfile=readonly"), ("validate",)):
        done = run(root, *command, "-no-color")
        if done.returncode:
            return f"{root.relative_to(ROOT)}: terraform {command[0]} failed\n{done.stdout}{done.stderr}"
    return None


def main() -> None:
    """Exit 1 with every finding, or print what was checked."""
    unformatted = run(ROOT, "fmt", "-check", "-recursive", "-no-color").stdout.split()
    roots = sorted(path.parent for path in ROOT.glob("terraform/*/versions.tf"))
    with ThreadPoolExecutor(max_workers=2) as pool:
        findings = [finding for finding in pool.map(validate, roots) if finding]
    findings += [f"{name}: `make fmt` would change it" for name in unformatted]
    if findings or not roots:
        sys.exit("\n".join(findings) or "there is no Terraform root to validate")
    print(f"terraform fmt and validate: {len(roots)} roots are valid")


if __name__ == "__main__":
    main()
