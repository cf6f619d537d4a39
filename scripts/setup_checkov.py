"""Makes `.tools/checkov`, the virtual environment of checkov and parliament, from hash-pinned requirements.

Half a minute and 300 MB. It is made anew when the pins change.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements" / "checkov.txt"
FOLDER = ROOT / ".tools" / "checkov"
STAMP = FOLDER / ".complete"
LIMIT_S = 600


def prepare() -> Path:
    """Return the folder of the programs, made unless it is there with these pins; exits with the reason on failure."""
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    FOLDER.parent.mkdir(exist_ok=True)
    with FOLDER.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two suites may ask at once
        if not (STAMP.is_file() and STAMP.read_text() == wanted):
            print("Setting up .tools/checkov (once; about half a minute)", file=sys.stderr)
            shutil.rmtree(FOLDER, ignore_errors=True)
            venv.create(FOLDER, with_pip=True)
            _install()
            STAMP.write_text(wanted)
    return FOLDER / "bin"


def _install() -> None:
    pip = [str(FOLDER / "bin" / "python"), "-m", "pip", "install", "--quiet", "--require-hashes"]
    # compiled once here: a run that compiles all modules in memory takes twice as long
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONDONTWRITEBYTECODE": ""}
    try:
        done = subprocess.run(
            [*pip, "--requirement", str(REQUIREMENTS)],
            env=environment, capture_output=True, text=True, check=False, timeout=LIMIT_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        sys.exit(f"Installing checkov took longer than {LIMIT_S} s. Is the package index reachable?")
    if done.returncode:
        sys.exit(
            f"{done.stdout}{done.stderr}\nInstalling checkov failed. Is the package index reachable? "
            "The pins are in requirements/checkov.txt; running this again starts anew."
        )


if __name__ == "__main__":
    prepare()
