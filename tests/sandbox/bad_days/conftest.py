"""The world of the bad days: the estate after the demo, and a report of what was seen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.bad_days import report
from tests.sandbox.bad_days.aftermath import Clients
from tests.sandbox.bad_days.days import World
from tests.sandbox.bad_days.models import Models
from tests.sandbox.estate import REPOSITORY, Estate


@pytest.fixture(scope="session")
def world(estate: Estate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(estate, Models(estate, tmp_path_factory.mktemp("models")), Clients(estate))
    with made.queue_rests():
        yield made
    report.write(REPOSITORY / "build" / "bad-days", made.seen)
