"""The story, on stderr: what is done, as it is done. The result goes to stdout and is not written here."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from typing import TextIO


class Console:
    """Writes whole lines, so that threads do not cut into each other. Colours only on a terminal without NO_COLOR."""

    def __init__(self, *, stream: TextIO | None = None, environ: Mapping[str, str], verbose: bool = False) -> None:
        self._stream = stream or sys.stderr
        self._colour = self._stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        self._lock = threading.Lock()
        self.verbose = verbose

    @property
    def terminal(self) -> bool:
        """Whether a person may be looking."""
        return self._stream.isatty()

    def say(self, text: str, *, of: str = "") -> None:
        """Tell what happens. `of` names what it is about, where several things happen side by side."""
        self._write(text, of, "")

    def step(self, text: str, *, of: str = "") -> None:
        """Tell that a new step begins."""
        self._write(text, of, "1")

    def command(self, text: str, *, of: str = "") -> None:
        """Show a command that is run."""
        self._write(f"$ {text}", of, "36")

    def warn(self, text: str, *, of: str = "") -> None:
        """Tell what needs attention, though the work goes on."""
        self._write(f"Warning: {text}", of, "33")

    def detail(self, text: str, *, of: str = "") -> None:
        """Tell what only --verbose shows."""
        if self.verbose:
            self._write(text, of, "2")

    def _write(self, text: str, of: str, colour: str) -> None:
        prefix = f"[{of}] " if of else ""
        lines = "".join(f"{prefix}{self._painted(line, colour)}\n" for line in text.splitlines() or [""])
        with self._lock:
            self._stream.write(lines)
            self._stream.flush()

    def _painted(self, line: str, colour: str) -> str:
        return f"\x1b[{colour}m{line}\x1b[0m" if self._colour and colour and line else line
