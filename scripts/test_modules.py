"""Runs `terraform test` in every module that has tests: on mocked providers, offline, without credentials."""

import re
import sys
import time
from pathlib import Path

from scripts.terraform_checks import ROOT, provider_binary, run, shared_provider


def initialised(module: Path) -> str | None:
    """Return what `terraform init` of a module complained of, or None."""
    done = run(module, "init", "-backend=false", "-input=false", "-no-color")
    (module / ".terraform.lock.hcl").unlink(missing_ok=True)  # roots lock providers, modules do not
    return f"{done.stdout}{done.stderr}" if done.returncode else None


def main() -> None:
    """Exit 1 when a run failed, or when a module has no test at all."""
    modules = sorted(path.parent for path in ROOT.glob("modules/*/versions.tf"))
    untested = [module.name for module in modules if not any(module.glob("tests/*.tftest.hcl"))]
    if not modules or untested:
        sys.exit(f"modules without tests: {', '.join(untested) or 'there are no modules'}")
    if problem := initialised(modules[0]):
        sys.exit(f"{modules[0].name}: terraform init failed\n{problem}")
    failed, runs = [], 0
    with shared_provider(provider_binary(modules[0])) as reattach:
        for module in modules:
            started = time.monotonic()
            problem = initialised(module)
            done = run(module, "test", "-no-color", reattach=reattach)
            count = re.search(r"(\d+) passed, (\d+) failed", done.stdout)
            passed = bool(count) and not done.returncode and not problem
            runs += int(count[1]) if count else 0
            verdict = f"{count[1]} passed, {count[2]} failed" if count else "no run was executed"
            print(f"{module.name}: {verdict} in {time.monotonic() - started:.1f} s", flush=True)
            if not passed:
                failed.append(module.name)
                print(problem or f"{done.stdout}{done.stderr}", file=sys.stderr, flush=True)
    if failed:
        sys.exit(f"terraform test failed in {', '.join(failed)}")
    print(f"terraform test: {runs} runs in {len(modules)} modules passed")


if __name__ == "__main__":
    main()
