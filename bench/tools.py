"""The peers' own virtual environment, `.tools/bench`, made once from hash-pinned requirements."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import venv
from collections.abc import Callable

from bench.processes import ROOT

REQUIREMENTS = ROOT / "requirements" / "bench.txt"
FOLDER = ROOT / ".tools" / "bench"
LIMIT_S = 300


def prepare(say: Callable[[str], None]) -> str | None:
    """Make the environment unless it is there with these pins; return why it could not be made, None when it is."""
    stamp = FOLDER / ".complete"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return None
    say("Setting up .tools/bench with the peers (once)")
    shutil.rmtree(FOLDER, ignore_errors=True)
    venv.create(FOLDER, with_pip=True)
    pip = [str(FOLDER / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        done = subprocess.run(
            [*pip, "--require-hashes", "--requirement", str(REQUIREMENTS)],
            capture_output=True, text=True, check=False, timeout=LIMIT_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return _failed(f"installing took longer than {LIMIT_S} s")
    if done.returncode:
        return _failed((done.stdout + done.stderr).strip().splitlines()[-1])
    stamp.write_text(wanted)
    return None


def _failed(reason: str) -> str:
    shutil.rmtree(FOLDER, ignore_errors=True)  # half an environment would take part
    return reason
