"""One running sandbox without a story: what the tests of this folder need, they make."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.sandbox.telling import exports, free_port, sandbox_command


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment in which every tool works on a running sandbox."""
    home = tmp_path_factory.mktemp("sandbox")
    started = os.environ | {"SANDBOX_HOME": str(home), "SANDBOX_PORT": str(free_port())}
    sandbox_command("start", started)
    try:
        yield exports(home / "env", started)
    finally:
        sandbox_command("stop", started)
