"""`python -m sandbox clock`: AWS's time here, and how fast it passes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from sandbox import lifecycle
from sandbox.commands import DONE, PENDING, Command
from sandbox.runtime.clock import checked
from sandbox.settings import Settings


def speed(text: str) -> float:
    """Return a speed that was typed. Raises argparse.ArgumentTypeError."""
    try:
        return checked(float(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def line(clock: Mapping[str, Any]) -> str:
    """Return what status shows of a clock."""
    return f"clock: {clock['now']}, {clock['speed']:g} AWS seconds a second\n"


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--speed", type=speed, help="AWS seconds that pass in one second, from now on")


def _run(options: argparse.Namespace, settings: Settings) -> int:
    if options.speed is not None:
        shown: Mapping[str, Any] | None = lifecycle.set_speed(settings, options.speed)
    else:
        shown = lifecycle.status(settings).clock
    sys.stdout.write(line(shown) if shown else "not running. `make sandbox` starts it.\n")
    return DONE if shown else PENDING


CLOCK = Command("clock", "show AWS's time here, or change how fast it passes", _run, _arguments)
