"""Finds a Chromium for the tests of the sandbox's page, or installs Debian's; `.tools/browser/chromium` points at it.

A browser that the machine has is used: the one that CHROMIUM names, else one on PATH. On Debian and its relatives root
may install packages, which apt verifies by its signed lists. Elsewhere one sentence says what to install.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sandbox.page.chromium import FLAGS

ROOT = Path(__file__).resolve().parent.parent
LINK = ROOT / ".tools" / "browser" / "chromium"
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
PACKAGE = "chromium-headless-shell"  # the browser without its window: a tenth of the libraries
FALLBACK = "chromium"  # older releases have only this one
ADVICE = "Install Chromium or Google Chrome so that it is on PATH, or name its program in CHROMIUM."
_START_S = 60.0
_INSTALL_S = 600.0


class SetupError(Exception):
    """Something the person at the keyboard can put right."""


def works(program: Path) -> bool:
    """Return whether the program renders a page without a display and without help."""
    with tempfile.TemporaryDirectory(prefix="browser-") as profile:
        try:
            done = subprocess.run(
                [program, *FLAGS, f"--user-data-dir={profile}", "--dump-dom", "data:text/html,<p>rendered"],
                capture_output=True,
                text=True,
                timeout=_START_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
    return "<p>rendered</p>" in done.stdout


def found() -> Path | None:
    """Return a browser of this machine that works. Raises SetupError when the one that CHROMIUM names does not."""
    named = os.environ.get("CHROMIUM")
    if named:
        program = shutil.which(named)
        if program is None or not works(Path(program)):
            raise SetupError(f"CHROMIUM names {named!r}, which cannot render a page here. {ADVICE}")
        return Path(program)
    for name in NAMES:
        program = shutil.which(name)
        if program is not None and works(Path(program)):
            return Path(program)
    return None


def install() -> None:
    """Install Debian's Chromium. Raises SetupError when that is not possible here."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise SetupError(f"This machine has no Chromium. {ADVICE} On Debian: apt-get install {PACKAGE}")
    sys.stderr.write(f"no Chromium on this machine: apt-get install {PACKAGE} (about 100 MB)\n")
    _apt("update", "-qq")
    if _apt("install", "-y", "-qq", "--no-install-recommends", PACKAGE, must=False) != 0:
        _apt("install", "-y", "-qq", "--no-install-recommends", FALLBACK)


def _apt(*arguments: str, must: bool = True) -> int:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            ["apt-get", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_INSTALL_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SetupError(f"apt-get {' '.join(arguments)} took more than {_INSTALL_S:.0f} s. {ADVICE}") from error
    if done.returncode != 0 and must:
        tail = "\n".join(done.stderr.strip().splitlines()[-5:])
        raise SetupError(f"apt-get {' '.join(arguments)} failed. {ADVICE}\n{tail}")
    return done.returncode


def main() -> int:
    """Leave a working browser behind. Exit code 1 when there is none, with what to do."""
    began = time.monotonic()
    if LINK.exists():
        return 0
    try:
        program = found()
        if program is None:
            install()
            program = found()
        if program is None:
            raise SetupError(f"The Chromium that was installed cannot render a page here. {ADVICE}")
    except SetupError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    LINK.parent.mkdir(parents=True, exist_ok=True)
    LINK.unlink(missing_ok=True)
    LINK.symlink_to(program)
    sys.stderr.write(f"browser: {program} ({time.monotonic() - began:.0f} s)\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
