"""What a sub-command of `python -m sandbox` is made of."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.settings import Settings

DONE, FAILED, USAGE, PENDING = 0, 1, 2, 3


@dataclass(frozen=True)
class Command:
    """One sub-command: `arguments` declares its options, `run` does it and returns the exit code.

    `run` may raise SandboxError: it is printed with its remedy, and the exit code is 1.
    """

    name: str
    help: str
    run: Callable[[argparse.Namespace, Settings], int]
    arguments: Callable[[argparse.ArgumentParser], None] = lambda _: None
