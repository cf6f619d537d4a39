"""Loads the invoker as Lambda does: from its own folder, by its plain module names."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

SOURCE = Path(__file__).resolve().parents[2] / "modules" / "endpoint-invoker" / "src"


def load(name: str) -> ModuleType:
    """Return one of the invoker's modules."""
    if str(SOURCE) not in sys.path:
        sys.path.append(str(SOURCE))
    return importlib.import_module(name)


class Context:
    """Lambda's context, as far as the invoker uses it."""

    aws_request_id = "11111111-2222-3333-4444-555555555555"

    def __init__(self, *, remaining_ms: int = 30_000) -> None:
        self.remaining_ms = remaining_ms

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms
