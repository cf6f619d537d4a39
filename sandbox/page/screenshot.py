"""`python -m sandbox.page.screenshot OUT.png`: takes a picture of the running sandbox's page."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from sandbox import lifecycle
from sandbox.errors import SandboxError
from sandbox.page.chromium import Browser, BrowserError
from sandbox.settings import from_environment

_LINK = Path(__file__).resolve().parents[2] / ".tools" / "browser" / "chromium"  # made by scripts.setup_browser


def program() -> str:
    """Return the browser to use. Raises SandboxError when there is none."""
    found = str(_LINK) if _LINK.exists() else shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if found is None:
        raise SandboxError("there is no browser", remedy="`python -m scripts.setup_browser` finds or installs one.")
    return found


def take(url: str, *, width: int = 1280, height: int = 800, dark: bool = False, shows: str = "connected") -> bytes:
    """Return a PNG of the page, two seconds after it `shows` a text. Raises BrowserError: not within a minute."""
    with Browser(program()) as browser:
        browser.size(width, height, dark=dark)
        browser.open(url)
        browser.until(
            lambda: shows in str(browser.evaluate("document.body.innerText")), f"{shows} is shown", timeout_s=60
        )
        browser.evaluate("new Promise((done) => setTimeout(done, 2000))")
        return browser.screenshot()


def main(arguments: list[str]) -> int:
    """Write the picture. Exit code 1 when no sandbox runs, or no browser is there."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.page.screenshot", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=800)
    parser.add_argument("--dark", action="store_true")
    options = parser.parse_args(arguments)
    try:
        found = lifecycle.status(from_environment())
        if found.state != "running":
            raise SandboxError("the sandbox is not running", remedy="`make sandbox` starts it.")
        picture = take(found.url, width=options.width, height=options.height, dark=options.dark)
    except (SandboxError, BrowserError) as error:
        sys.stderr.write(f"error: {error}\n{getattr(error, 'remedy', '')}\n")
        return 1
    options.out.write_bytes(picture)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
