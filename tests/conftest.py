"""Which tests may share a process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is no failure. Continuous integration tries the same examples each time; new ones are found at a desk.
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "desk")

# Each of these installs the sandbox's extensions into moto, in its own way; nothing takes them out again.
ALONE = (
    "sandbox_alarms",
    "sandbox_authn",
    "sandbox_core",
    "sandbox_endpoints",
    "sandbox_events",
    "sandbox_faults",
    "sandbox_iam",
    "sandbox_life",
    "sandbox_page",
    "sandbox_runtime",
    "sandbox",
)
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a selection that would fail for the wrong reason."""
    suites = {item.path.relative_to(HERE).parts[0] for item in items if item.path.is_relative_to(HERE)}
    together = sorted(suites & set(ALONE))
    if together and len(suites) > 1:
        raise pytest.UsageError(
            f"tests/{together[0]} needs a process of its own: name one folder at a time, or `make test` for all of them"
        )
