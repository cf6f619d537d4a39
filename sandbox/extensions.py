"""Finds every module below `sandbox/ext` and `sandbox/runtime` that has `install(settings)`, and calls it.

A module may also have `shutdown()`, which is called when the server ends, in reverse order. Dropping a file into one of
the two packages is all it takes to extend the sandbox.
"""

from __future__ import annotations

import importlib
import logging
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import sandbox.ext
import sandbox.runtime
from sandbox.settings import Settings

log = logging.getLogger(__name__)


def discover() -> Iterator[ModuleType]:
    """Yield the modules that can be installed, `ext` before `runtime`, each package in order of names."""
    for package in (sandbox.ext, sandbox.runtime):
        for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda item: item.name):
            module = importlib.import_module(f"{package.__name__}.{info.name}")
            if hasattr(module, "install"):
                yield module


def install_all(settings: Settings) -> list[ModuleType]:
    """Install every extension and return them. An extension that cannot be installed stops the start: raises."""
    installed = []
    for module in discover():
        module.install(settings)
        installed.append(module)
    log.info("extensions: %s", ", ".join(module.__name__.removeprefix("sandbox.") for module in installed))
    return installed


def shutdown_all(modules: list[ModuleType]) -> None:
    """Call `shutdown()` of those that have one; one that fails does not keep the others from theirs."""
    for module in reversed(modules):
        if not hasattr(module, "shutdown"):
            continue
        try:
            module.shutdown()
        except Exception:
            log.exception("shutdown of %s", module.__name__)
