"""`python -m sandbox.page.picture PAGE.html OUT.png`: takes a picture of a page in a file, from top to bottom."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sandbox.errors import SandboxError
from sandbox.page.chromium import Browser, BrowserError
from sandbox.page.screenshot import program

TALLEST = 4000


def take(page: Path, *, width: int = 1280, dark: bool = False) -> bytes:
    """Return a PNG of the whole page. Raises BrowserError, also when the page complains about anything."""
    with Browser(program()) as browser:
        browser.size(width, 800, dark=dark)
        browser.open(page.resolve().as_uri())
        height = int(browser.evaluate("document.documentElement.scrollHeight"))
        browser.size(width, min(height, TALLEST), dark=dark)
        picture = browser.screenshot()
        if complaints := browser.complaints():
            raise BrowserError(f"{page} complains: {'; '.join(complaints)}")
        return picture


def main(arguments: list[str]) -> int:
    """Write the picture. Exit code 1 when there is no page, or no browser."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.page.picture", description=__doc__)
    parser.add_argument("page", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--dark", action="store_true")
    options = parser.parse_args(arguments)
    try:
        options.out.write_bytes(take(options.page, width=options.width, dark=options.dark))
    except (SandboxError, BrowserError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
