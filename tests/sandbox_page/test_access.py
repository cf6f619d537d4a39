"""The page for everybody: names, landmarks, contrast, keyboard."""

from __future__ import annotations

import pytest

from sandbox import faults
from sandbox.page.chromium import Browser

from .conftest import Show

# Contrast of WCAG 2.2, 1.4.3: every piece of text against what lies behind it.
CONTRAST = """(() => {
  const parse = (text) => {
    const n = text.match(/[\\d.]+/g).map(Number);
    return { c: n.slice(0, 3), a: n.length > 3 ? n[3] : 1 };
  };
  const light = (c) => c.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const { c, a } = parse(getComputedStyle(one).backgroundColor);
      if (a === 1) return c;
    }
    return [255, 255, 255];
  };
  const bad = [];
  let seen = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !parent.offsetParent || parent.closest("script, style, noscript")) continue;
    seen += 1;
    const [a, b] = [light(parse(getComputedStyle(parent).color).c), light(behind(parent))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) bad.push(`${ratio.toFixed(2)} ${walker.currentNode.data.trim().slice(0, 40)}`);
  }
  return { seen, bad };
})()"""

STRUCTURE = """(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const visible = (one) => one.offsetParent !== null || one.tagName === "BODY";
  const named = (one) => {
    const by = one.getAttribute("aria-labelledby");
    return (one.getAttribute("aria-label") || (by && document.getElementById(by)?.textContent) || "").trim() !== "";
  };
  const ids = all("[id]").map((one) => one.id);
  const levels = all("h1, h2, h3, h4").filter(visible).map((one) => Number(one.tagName[1]));
  return {
    lang: document.documentElement.lang, title: document.title,
    landmarks: all("header, main").length, h1: all("h1").length,
    jumps: levels.filter((level, index) => index > 0 && level > levels[index - 1] + 1).length,
    doubleIds: ids.length - new Set(ids).size,
    unnamed: all("section, article, table, [role=img], [role=region]")
      .filter((one) => visible(one) && !named(one)).length,
    heads: all("th").length, headsWithoutScope: all("th:not([scope])").length,
    tables: all("table").length,
    unreachable: all(".scroll").filter((one) => one.tabIndex !== 0).length,
    states: all(".state").filter((one) => visible(one)).map((one) => one.textContent),
  };
})()"""


@pytest.fixture
def page(browser: Browser, url: str, show: Show) -> Browser:
    show()
    faults.registry().add([{"kind": "throttle"}])
    browser.open(url)
    browser.until(lambda: browser.evaluate("document.querySelectorAll('.endpoint').length") == 3, "endpoints")
    return browser


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_stands_out(page: Browser, dark: bool) -> None:
    page.size(1280, 800, dark=dark)
    found = page.evaluate(CONTRAST)
    assert found["seen"] > 80
    assert found["bad"] == []
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(16, 21, 28)" if dark else "rgb(243, 245, 248)")


def test_the_structure_can_be_read_aloud(page: Browser) -> None:
    found = page.evaluate(STRUCTURE)
    states = found.pop("states")
    assert found == {
        "lang": "en",
        "title": "Slipway sandbox",
        "landmarks": 2,
        "h1": 1,
        "jumps": 0,
        "doubleIds": 0,
        "unnamed": 0,
        "heads": 15,
        "headsWithoutScope": 0,
        "tables": 4,
        "unreachable": 0,
    }
    assert len(states) > 8
    assert all(any(letter.isalpha() for letter in state) for state in states)  # never a colour alone


def test_a_screen_reader_hears_the_split(page: Browser) -> None:
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    names = [node["name"]["value"] for node in nodes if node.get("name", {}).get("value")]
    assert "traffic: 90 % live primary, 10 % new primary" in names
    assert any(name.startswith("requests a second: now ") for name in names)
    focusable = [
        node
        for node in nodes
        if any(one["name"] == "focusable" and one["value"]["value"] for one in node.get("properties", ()))
    ]
    assert len(focusable) >= 6
    assert [node for node in focusable if not node.get("name", {}).get("value")] == []


def test_the_keyboard_reaches_everything(page: Browser) -> None:
    page.evaluate("document.activeElement.blur()")
    reached = []
    for _ in range(9):
        for kind in ("rawKeyDown", "keyUp"):
            page.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        reached.append(
            page.evaluate("""(() => {
              const one = document.activeElement;
              return [one.tagName, one.matches(":focus-visible") && getComputedStyle(one).outlineStyle !== "none"];
            })()""")
        )
    on_page = [one for one in reached if one[0] != "BODY"]
    assert on_page[0][0] == "A"  # past everything, to the accounts
    assert {"A", "DIV", "SUMMARY"} <= {one[0] for one in on_page}
    assert all(visible for _, visible in on_page)


def test_whoever_wants_no_movement_gets_none(page: Browser) -> None:
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    assert page.evaluate("getComputedStyle(document.querySelector('.split span')).transitionDuration") == "0s"


@pytest.mark.parametrize("width", [360, 1280])
def test_a_table_stays_a_table_in_every_width(page: Browser, width: int) -> None:
    page.size(width, 800)
    roles = [node["role"]["value"] for node in page.call("Accessibility.getFullAXTree")["nodes"] if "role" in node]
    assert roles.count("table") == 4
    assert roles.count("columnheader") == 15
    assert roles.count("cell") == 15
