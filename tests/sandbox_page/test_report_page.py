"""The training report's page in a real browser: readable, named, and deaf to hostile names."""

from __future__ import annotations

from pathlib import Path

import pytest

from glue.core.training.words import Status
from glue.core.training_facts import Fact
from glue.core.training_page import page
from glue.core.training_report import report
from sandbox.page import picture
from sandbox.page.chromium import Browser

from .test_access import CONTRAST

NOW = 1_795_290_000_000
NAMES = ("search-team", "<img src=x onerror=\"document.title='pwned'\">", "ads" * 20)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    facts = [
        Fact(
            job=f"job-{n}", status=list(Status)[n % 5], owner=NAMES[n % 3], model="ranker", kind="training",
            purchase="spot", submitted_at=NOW - n * 40_000_000, attempts=1 + n % 2, started_at=NOW - n * 39_000_000,
            reason="<script>document.title='pwned'</script>", cost_usd=None if n % 4 == 0 else 0.25 * n,
        )
        for n in range(60)
    ]  # fmt: skip
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(page(report(facts, environment="dev", since=NOW - 2_500_000_000, until=NOW, by="owner"), made=NOW))
    return path


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_stands_out_and_nothing_is_run(browser: Browser, file: Path, dark: bool) -> None:
    browser.size(1280, 900, dark=dark)
    browser.open(file.as_uri())
    found = browser.evaluate(CONTRAST)
    assert found["seen"] > 80
    assert found["bad"] == []
    assert browser.evaluate("document.title") == "Training in dev"
    assert browser.evaluate("document.querySelectorAll('img, script').length") == 0
    assert browser.complaints() == []


@pytest.mark.parametrize("width", [320, 1280])
def test_it_fits_the_width(browser: Browser, file: Path, width: int) -> None:
    browser.size(width, 800)
    browser.open(file.as_uri())
    assert browser.evaluate("document.documentElement.scrollWidth") <= width


def test_what_can_be_reached_and_seen_has_a_name(browser: Browser, file: Path) -> None:
    browser.open(file.as_uri())
    nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    for node in nodes:
        focusable = any(one["name"] == "focusable" and one["value"]["value"] for one in node.get("properties", ()))
        if focusable or node.get("role", {}).get("value") in {"image", "region", "table"}:
            assert node.get("name", {}).get("value"), node
    assert browser.evaluate("document.querySelectorAll('th:not([scope])').length") == 0


def test_its_picture_is_as_tall_as_the_page(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    assert picture.main([str(file), str(out), "--width", "800"]) == 0
    data = out.read_bytes()
    assert data.startswith(b"\x89PNG\r\n")
    assert int.from_bytes(data[16:20]) == 800
    assert int.from_bytes(data[20:24]) > 1000
    assert picture.main([str(tmp_path / "none.html"), str(out)]) == 1
