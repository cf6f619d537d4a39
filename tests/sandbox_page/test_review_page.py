"""The review's page in a real browser: readable at any width, named, deaf to hostile plans, and it asks for nothing."""

from __future__ import annotations

import gzip
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from glue import reviewing
from glue.review.show.page import page
from glue.review.show.report import Report
from glue.workspace import Workspace
from sandbox.page.chromium import Browser
from tests.review.show_samples import CASES, dangerous, promotion
from tests.review.test_show import EVIL, poisoned

from .test_access import CONTRAST

PLANS = Path(__file__).resolve().parents[1] / "review" / "plans"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("review") / "review.html"
    path.write_text(page(CASES["several"]))
    return path


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_stands_out(browser: Browser, file: Path, dark: bool) -> None:
    browser.size(1280, 900, dark=dark)
    browser.open(file.as_uri())
    browser.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    found = browser.evaluate(CONTRAST)
    assert found["seen"] > 100
    assert found["bad"] == []
    asked = [one["params"]["request"]["url"] for one in browser.events if one["method"] == "Network.requestWillBeSent"]
    assert asked == [file.as_uri()]
    assert browser.complaints() == []


@pytest.mark.parametrize("width", [320, 400, 1280])
def test_it_fits_the_width(browser: Browser, file: Path, width: int) -> None:
    browser.size(width, 800)
    browser.open(file.as_uri())
    browser.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    sides = browser.evaluate(
        "[...document.querySelectorAll('.change')].map((one) => new Set([...one.querySelectorAll('.side')]"
        ".map((side) => Math.round(side.getBoundingClientRect().left))).size)"
    )
    assert set(sides) == {2 if width > 600 else 1}


def test_the_picture_shows_what_changes(browser: Browser, file: Path) -> None:
    browser.open(file.as_uri())
    endpoint = "document.querySelector('[aria-label=\"slipway-qa-ranker\"]')"
    text = browser.evaluate(f"{endpoint}.innerText")
    for wanted in ("r7-52d0f3aa", "r8-1c9a4e7b", "2 × ml.c6g.large, 90 % of requests", "shadow", "serverless 2,048 MB"):
        assert wanted in text
    bars = browser.evaluate(
        f"[...{endpoint}.querySelectorAll('.after .track')].map((one) => one.firstChild.offsetWidth / one.offsetWidth)"
    )
    assert [round(one, 1) for one in bars] == [0.9, 0.1]
    labels = browser.evaluate(f"[...{endpoint}.querySelectorAll('svg')].map((one) => one.getAttribute('aria-label'))")
    assert labels == [
        "Traffic on the new fleet: 0 % from minute 0; 10 % from minute 6; 100 % from minute 16",
        "Cost in USD a month: before 146.00, after 182.50",
    ]
    order = browser.evaluate("[...document.querySelectorAll('.plan')].map((one) => one.getAttribute('aria-label'))")
    assert order == ["production/foundation", "qa/serving/ranker", "main..HEAD", "Without changes"]


def test_the_keyboard_opens_what_is_folded_and_everything_has_a_name(browser: Browser, file: Path) -> None:
    browser.open(file.as_uri())
    for kind in ("keyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
    assert browser.evaluate("document.activeElement.tagName") == "SUMMARY"
    assert browser.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    for kind in ("keyDown", "char", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key=" ", code="Space", windowsVirtualKeyCode=32, text=" ")
    assert browser.evaluate("document.activeElement.parentElement.open")
    for node in browser.call("Accessibility.getFullAXTree")["nodes"]:
        focusable = any(one["name"] == "focusable" and one["value"]["value"] for one in node.get("properties", ()))
        role = node.get("role", {}).get("value")
        if not node.get("ignored") and (focusable or role in {"image", "region", "article", "heading"}):
            assert node.get("name", {}).get("value"), node
    levels = browser.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map((one) => +one.tagName[1])")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_hostile_plans_are_shown_as_text(browser: Browser, tmp_path: Path) -> None:
    reports = [tuple(poisoned(review, poison) for review in (promotion(), dangerous())) for poison in EVIL]
    file = tmp_path / "hostile.html"
    file.write_text(page(Report(tuple(review for some in reports for review in some))))
    browser.size(360, 800)
    browser.open(file.as_uri())
    browser.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    assert (
        browser.evaluate("document.querySelectorAll('img, script, a, iframe, object, embed, link, form').length") == 0
    )
    assert browser.evaluate("document.title") == "Review: forbidden"
    assert browser.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
    assert browser.complaints() == []


def test_even_a_hole_in_the_page_could_run_nothing(browser: Browser, file: Path) -> None:
    browser.open(file.as_uri())
    browser.evaluate("document.body.insertAdjacentHTML('beforeend', `<img src=x onerror=\"window.pwned=1\">`)")
    assert browser.evaluate("new Promise((done) => setTimeout(() => done(window.pwned ?? null), 200))") is None
    assert any("Content Security Policy" in one for one in browser.complaints())


def test_a_real_plan_is_drawn(browser: Browser, tmp_path: Path) -> None:
    data = gzip.decompress((PLANS / "promotion.json.gz").read_bytes())
    root = Path(__file__).resolve().parents[2]
    workspace = Workspace(root=root, environments=root / "environments", work=tmp_path)
    made = reviewing.review_plan(data, name="production/serving/ranker", workspace=workspace, today=date(2026, 11, 21))
    file = tmp_path / "real.html"
    file.write_text(page(Report((made.review,))))
    browser.open(file.as_uri())
    assert "slipway-production-ranker" in browser.evaluate("document.querySelector('.endpoint').innerText")
    assert browser.complaints() == []
