"""Three accounts on which the demo has told its story, for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.estate import Estate
from tests.sandbox.telling import accounts


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Probes come before pipelines, which all accounts trust from then on; bad days last: they leave others live."""
    items.sort(key=lambda item: ("bad_days" in item.path.parts, "pipelines" in item.path.name))


@pytest.fixture(scope="session")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """Three accounts on which `make demo` has told its story, kept running."""
    with accounts(tmp_path_factory) as found:
        yield found
