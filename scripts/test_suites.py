"""Runs all test suites, two side by side, each in a process of its own; all of them run, whatever fails.

`--long` runs the long tests instead: scenarios that take a minute each and resemble others that always run.

Each has its own process because the suites that bring the sandbox into their process change moto for good
(tests/conftest.py). End to end comes first: it lasts as long as all others together, and often waits for Terraform's
provider.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SIDE_BY_SIDE = 2
IN_CHECK = frozenset({"unit", "policy", "review"})  # `make check` runs these
_printing = threading.Lock()


@dataclass(frozen=True)
class Suite:
    """One process: pytest on some folders below tests/, or another command."""

    name: str
    folders: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    marked: str = "not long"

    def arguments(self) -> tuple[str, ...]:
        """Return the command line."""
        paths = (f"tests/{folder}" for folder in self.folders)
        return self.command or (sys.executable, "-m", "pytest", "-q", "-m", self.marked, *paths)


# Long ones first: the last to end decides.
SUITES = (
    Suite("end to end", ("sandbox",)),
    Suite("check", command=("make", "check")),
    Suite("sandbox runtime", ("sandbox_runtime",)),
    Suite("sandbox core", ("sandbox_core",)),
    Suite("accounts in one process", ("aws", "cli")),
    Suite("access matrix", ("access",)),
    Suite("terraform plans", ("terraform",)),
    Suite("sandbox endpoints", ("sandbox_endpoints",)),
    Suite("sandbox alarms", ("sandbox_alarms",)),
    Suite("sandbox events", ("sandbox_events",)),
    Suite("sandbox page", ("sandbox_page",)),
    Suite("sandbox faults", ("sandbox_faults",)),
    Suite("sandbox policies", ("sandbox_iam",)),
    Suite("sandbox identities", ("sandbox_authn",)),
    Suite("policy evaluation", ("iam",)),
    Suite("slow unit tests", ("unit",), marked="slow"),
    Suite("terraform modules", command=(sys.executable, "-m", "scripts.test_modules")),
    Suite("model and image", ("model", "image")),
    Suite("scan of policies", command=(sys.executable, "-m", "scripts.scan_policies")),
)
LONG = (
    Suite("end to end, long", ("sandbox",), marked="long"),
    Suite("an endpoint's life", ("sandbox_life",), marked="long"),
    Suite("sandbox runtime, long", ("sandbox_runtime",), marked="long"),
)


def missing(suites: Sequence[Suite], tests: Path) -> list[str]:
    """Return the folders below `tests` that hold tests and that no suite runs."""
    known = IN_CHECK.union(*(suite.folders for suite in suites))
    return sorted({path.parent.relative_to(tests).parts[0] for path in tests.glob("*/**/test_*.py")} - known)


def run(suite: Suite) -> bool:
    """Run a suite, print all that it said at its end, and return whether it passed."""
    began = time.monotonic()
    done = subprocess.run(
        suite.arguments(), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    verdict = "passed" if done.returncode == 0 else f"FAILED ({done.returncode})"
    with _printing:
        print(f"\n== {suite.name}\n{done.stdout.rstrip()}")
        print(f"== {suite.name}: {verdict} after {time.monotonic() - began:.0f} s", flush=True)
    return done.returncode == 0


def main() -> None:
    """Exit 1 when a suite failed, or when a folder of tests belongs to none."""
    if forgotten := missing((*SUITES, *LONG), ROOT / "tests"):
        sys.exit(f"no suite of scripts/test_suites.py runs {', '.join(f'tests/{name}' for name in forgotten)}")
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--long", action="store_true", help="run the long tests instead")
    suites = LONG if parser.parse_args().long else SUITES
    os.environ["PYTHONUNBUFFERED"] = "1"
    # Hundreds of short runs of Terraform and its provider: an empty plan takes a third less work without garbage
    # collection.
    os.environ.setdefault("GOGC", "off")
    os.environ.setdefault("GOMEMLIMIT", "1GiB")
    # As many short runs of our own commands: some machines forbid to keep what was compiled.
    os.environ["PYTHONDONTWRITEBYTECODE"] = ""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        passed = dict(zip([suite.name for suite in suites], pool.map(run, suites), strict=True))
    failed = [name for name, good in passed.items() if not good]
    if failed:
        sys.exit(f"failed suites: {', '.join(failed)}")
    print("all suites passed")


if __name__ == "__main__":
    main()
