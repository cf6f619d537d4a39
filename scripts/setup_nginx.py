"""Finds an nginx for the tests of local serving, or fetches Debian's; `.tools/nginx/nginx` points at it.

One on PATH is used. Else the package is downloaded, which apt verifies by its signed lists, and unpacked below
`.tools/`: nothing is installed, and no server is started on port 80. Elsewhere one sentence says what to do.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from glue.local_server import SYSTEM_PROGRAMS

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".tools" / "nginx"
LINK = FOLDER / "nginx"
PACKAGES = ("nginx", "nginx-light")  # Debian 12 has the program in the first, older ones in the second
ADVICE = "Install nginx so that it is on PATH. On Debian: apt-get install nginx-light"
_LIMIT_S = 300.0


class SetupError(Exception):
    """Something the person at the keyboard can put right."""


def works(program: Path) -> bool:
    """Return whether the program runs here: all its libraries are there."""
    try:
        return subprocess.run([program, "-v"], capture_output=True, timeout=30, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def found() -> Path | None:
    """Return this machine's nginx, None when it has none that works."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:{SYSTEM_PROGRAMS}")
    return Path(program) if program and works(Path(program)) else None


def fetch() -> Path:
    """Return the program of Debian's package, unpacked. Raises SetupError when that is not possible here."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise SetupError(f"This machine has no nginx. {ADVICE}")
    if os.geteuid() == 0:
        _run(["apt-get", "update", "-qq"], cwd=ROOT)
    said = ""
    for package in PACKAGES:
        with tempfile.TemporaryDirectory(prefix="nginx-") as scratch:
            try:
                _run(["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", package], cwd=Path(scratch))
                shutil.rmtree(FOLDER, ignore_errors=True)
                FOLDER.mkdir(parents=True)
                for archive in Path(scratch).glob("*.deb"):
                    _run(["dpkg-deb", "--extract", str(archive), str(FOLDER / "package")], cwd=ROOT)
            except SetupError as error:
                said = str(error)
                continue
        program = FOLDER / "package" / "usr" / "sbin" / "nginx"
        if works(program):
            return program
    raise SetupError(said or f"Debian's nginx does not run here. {ADVICE}")


def _run(command: list[str], *, cwd: Path) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=_LIMIT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise SetupError(f"{' '.join(command[:2])} took more than {_LIMIT_S:.0f} s. {ADVICE}") from error
    if done.returncode != 0:
        tail = "\n".join(done.stderr.strip().splitlines()[-5:])
        raise SetupError(f"{' '.join(command[:2])} failed. {ADVICE}\n{tail}")


def main() -> int:
    """Leave a working nginx behind. Exit code 1 when there is none, with what to do."""
    if LINK.exists():
        return 0
    try:
        program = found() or fetch()
    except SetupError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    LINK.unlink(missing_ok=True)
    LINK.symlink_to(program)
    sys.stderr.write(f"nginx: {program}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
