"""Trims transcripts for the documentation: `python -m tests.sandbox.machines.trim build/pipelines/*.log`.

Left out: lines of set-up and of waiting, the middle of long answers, the ends of long lines. Nothing is rewritten.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

TARGET = Path(__file__).resolve().parents[3] / "docs" / "review" / "transcripts"
NOISE = re.compile(r"scripts/build_function\.py|build/functions/\S+\.zip$|Still (modifying|creating|destroying)|^$")
WIDEST, LONGEST, KEPT = 180, 24, 8


def trimmed(lines: Iterable[str]) -> Iterator[str]:
    """Yield what is kept of a transcript."""
    answer: list[str] = []
    for line in lines:
        if line.startswith(("$ ", "[", "===")) or not line.strip():
            yield from _short(answer)
            answer = []
            if line.startswith("==="):
                yield ""
            if line.strip() and not NOISE.search(line):
                yield _narrow(line)
        elif not NOISE.search(line):
            answer.append(line)
    yield from _short(answer)


def _short(answer: list[str]) -> Iterator[str]:
    if len(answer) > LONGEST:
        answer = [*answer[:KEPT], f"  … {len(answer) - 2 * KEPT} lines", *answer[-KEPT:]]
    yield from map(_narrow, answer)


def _narrow(line: str) -> str:
    return line if len(line) <= WIDEST else f"{line[: WIDEST - 2]} …"


def main() -> None:
    """Write docs/review/transcripts/<name>.txt of each log."""
    TARGET.mkdir(parents=True, exist_ok=True)
    for file in map(Path, sys.argv[1:]):
        text = "\n".join(line.rstrip() for line in trimmed(file.read_text().splitlines())).strip()
        (TARGET / f"{file.stem}.txt").write_text(f"{text}\n")


if __name__ == "__main__":
    main()
