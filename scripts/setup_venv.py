"""Makes `.venv` from the hash-pinned requirements. Run by make, with nothing but a Python at hand."""

import compileall
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
REQUIREMENTS = ROOT / "requirements" / "dev.txt"
OLDEST = (3, 11)


def pip(*arguments: str) -> None:
    """Run the environment's own pip; its output goes to stderr only when it fails."""
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(
        [VENV / "bin" / "python", "-m", "pip", "install", "--quiet", *arguments],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(
            f"{done.stdout}{done.stderr}\n"
            "Installing the Python packages failed. Is the package index reachable? "
            "The pins are in requirements/dev.txt; `make` again continues."
        )


def main() -> None:
    """Create the environment, install the pins, then this project itself in place."""
    if sys.version_info < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        sys.exit(f"Python {wanted} or newer is needed, not {sys.version.split()[0]}: make PYTHON=python{wanted}")
    print("Setting up .venv (once; about a minute)", file=sys.stderr)
    venv.create(VENV, with_pip=True, clear=True)
    pip("--require-hashes", "--no-compile", "--requirement", str(REQUIREMENTS))
    # pip compiles on one core; what it leaves out would be compiled at each start where writing it later is forbidden
    compileall.compile_dir(VENV / "lib", quiet=2, workers=0)
    pip("--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    (VENV / ".complete").touch()


if __name__ == "__main__":
    main()
