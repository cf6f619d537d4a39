"""The page in a real browser: what it shows of good, hostile, missing and broken data."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox import board, faults
from sandbox.page.chromium import Browser, BrowserError

from .board_data import DEV, NEW, OLD, PRODUCTION, busy, canary, fleet, traffic
from .conftest import Show


def text(browser: Browser, selector: str = "body") -> str:
    return str(browser.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))


def shows(browser: Browser, wanted: str, selector: str = "body") -> None:
    browser.until(lambda: wanted in text(browser, selector), f"{wanted!r} in {text(browser, selector)!r}")


def shares(browser: Browser) -> list[float]:
    """The widths of the bar's parts, as parts of the whole."""
    return list(
        browser.evaluate("""(() => {
          const bar = document.querySelector(".split");
          return bar ? [...bar.children].map((one) => one.offsetWidth / bar.offsetWidth) : [];
        })()""")
    )


def test_everything_that_happens_is_shown(browser: Browser, url: str, show: Show) -> None:
    show()
    faults.registry().add([{"kind": "throttle", "match": {"service": "s3", "account": "qa"}, "id": "busy-friday"}])
    browser.open(url)
    shows(browser, "slipway-production-ranker")
    page = text(browser)
    for wanted in (
        *("production", PRODUCTION, "◑ Updating", "baking, ", "s of AWS time left"),
        *("90 %", "10 %", "r6-1c9a4e7b", "r7-52d0f3aa", "1 of 2 × ml.c7g.large", "image 4f2a9c81d07b"),
        *("req/s", "5xx 2", "p99 9.6 ms", "▲ ALARM", "Threshold Crossed", "○ no data"),
        *("3 waiting · 1 in work", "training-dead (dead letters)", "launch-training", "next 10:13:00"),
        *("on-call@example.com", "s3:GetObject", "qa assumed-role/slipway-qa-promote/session"),
        *("SageMaker Endpoint State Change", "busy-friday", "account qa", "60 times as fast", "decides every request"),
        "● connected",
    ):
        assert wanted in page
    assert "Nothing runs here yet" not in page
    assert "Not reported" not in page
    assert browser.complaints() == []


def test_nothing_comes_from_anywhere_else(browser: Browser, url: str, show: Show) -> None:
    show()
    browser.open(url)
    shows(browser, "connected")
    asked = [
        event["params"]["request"]["url"] for event in browser.events if event["method"] == "Network.requestWillBeSent"
    ]
    assert {one for one in asked if not one.startswith("data:")} == {f"{url}/", f"{url}/_sandbox/board"}


def test_an_empty_sandbox_says_what_to_do(browser: Browser, url: str, show: Show) -> None:
    show({name: [] for name in busy() if name != "clock"})
    browser.open(url)
    shows(browser, "Nothing runs here yet")
    assert "make demo KEEP=1" in text(browser)
    assert "/env" in text(browser, "#source")
    assert text(browser, "main").count("No endpoint.") == 3
    assert "Nobody was refused." in text(browser)
    assert "Not reported by this server: clock." in text(browser)
    assert browser.complaints() == []


def test_the_bars_move_while_a_canary_runs(browser: Browser, url: str, show: Show) -> None:
    parts = busy()
    share = [0.1]
    show(parts)
    board.register("endpoints", lambda: [canary(share[0])])
    browser.open(url)
    for wanted in (0.1, 0.5, 1.0):
        share[0] = wanted
        browser.until(
            lambda: [round(one, 2) for one in shares(browser)] == [round(1 - wanted, 2), wanted],  # noqa: B023
            f"{wanted}: {shares(browser)}",
        )
        assert f"{wanted * 100:.0f} %" in text(browser, ".fleets")
    board.register(
        "endpoints",
        lambda: [{**canary(0), "status": "InService", "phase": None, "config": NEW, "fleets": [fleet("live", 1, NEW)]}],
    )
    shows(browser, "● InService", ".endpoint")
    browser.until(lambda: [round(one, 2) for one in shares(browser)] == [1.0], "one part")
    assert OLD.removeprefix("slipway-production-ranker-") not in text(browser, ".fleets")


def test_jobs_of_all_kinds_and_what_failed(browser: Browser, url: str, show: Show) -> None:
    show(busy())
    browser.open(url)
    shows(browser, "InProgress · Downloading", ".jobs")
    shows(browser, "▲ Failed", ".jobs")
    assert "prepare-1 (processing)" in text(browser, ".jobs")


def test_a_rollback_says_why(browser: Browser, url: str, show: Show) -> None:
    reason = "The following alarms were in ALARM: slipway-production-ranker-5xx"
    show({**busy(), "endpoints": [{**canary(0.1), "status": "RollingBack", "reason": reason, "phase": "rolling back"}]})
    browser.open(url)
    shows(browser, "↺ RollingBack")
    assert reason in text(browser, ".endpoint")


HOSTILE = (
    "<img src=x onerror='window.pwned=1'>",
    "</script><script>window.pwned=1</script>",
    '"><svg/onload=window.pwned=1>',
    "javascript:window.pwned=1",
    "{{constructor.constructor('window.pwned=1')()}}",
    "__proto__",
    "\u202eright to left\u202c \u0000 😀",
    "W" * 3000,
)


def poisoned(value: Any, poison: str) -> Any:
    """Replace every text in the data, but for the accounts, which sort it into columns."""
    if isinstance(value, dict):
        return {key: one if key in {"account", "role"} else poisoned(one, poison) for key, one in value.items()}
    if isinstance(value, list):
        return [poisoned(one, poison) for one in value]
    return poison if isinstance(value, str) else value


@pytest.mark.parametrize("poison", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_shown_as_text(browser: Browser, url: str, show: Show, poison: str) -> None:
    parts = {name: poisoned(data, poison) for name, data in busy().items() if name != "clock"}
    show(parts)
    browser.size(360, 800)
    browser.open(url)
    browser.until(lambda: browser.evaluate("document.querySelectorAll('.endpoint').length") == 3, "endpoints")
    found = browser.evaluate("""({
        pwned: window.pwned ?? null,
        foreign: document.querySelectorAll("img, iframe, object, embed, main script, main a, svg svg").length,
        names: [...document.querySelectorAll(".endpoint .name")].map((one) => one.textContent),
        subject: document.querySelector("summary").textContent,
        wide: document.documentElement.scrollWidth - innerWidth,
        link: document.getElementById("link").textContent,
    })""")
    assert found == {
        "pwned": None,
        "foreign": 0,
        "names": [poison] * 3,
        "subject": poison,
        "wide": 0,
        "link": "● connected",
    }
    assert browser.complaints() == []


def test_even_a_hole_in_the_page_could_run_nothing(browser: Browser, url: str, show: Show) -> None:
    show()
    browser.open(url)
    shows(browser, "connected")
    browser.evaluate("""(() => {
      const script = document.createElement("script");
      try { script.textContent = "window.pwned = 1"; } catch {}
      document.body.append(script);
      const style = document.createElement("style");
      style.textContent = "body { color: red }";
      document.body.append(style);
    })()""")
    with pytest.raises(BrowserError, match="TrustedHTML"):
        browser.evaluate("document.body.innerHTML = '<p>x'")
    with pytest.raises(BrowserError, match="Failed to fetch"):
        browser.evaluate("fetch('http://127.0.0.2:1/')")
    assert browser.evaluate("window.pwned ?? null") is None
    assert browser.evaluate("getComputedStyle(document.body).color") != "rgb(255, 0, 0)"
    assert any("Content Security Policy" in one for one in browser.complaints())


def test_a_part_that_breaks_does_not_hide_the_others(browser: Browser, url: str, show: Show) -> None:
    show()
    board.register("outbox", lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    board.register("alarms", lambda: {1, 2})
    browser.open(url)
    shows(browser, "could not be read: ZeroDivisionError")
    assert "slipway-production-ranker" in text(browser)
    assert "Could not be read: alarms (TypeError" in text(browser)
    assert browser.complaints() == []


@pytest.mark.parametrize(
    "odd",
    [
        {"endpoints": None, "traffic": None, "alarms": None, "denials": None, "events": None},
        {"endpoints": [{"account": DEV}], "traffic": [{"account": DEV}], "queues": [{"account": DEV}]},
        {"endpoints": [{"account": DEV, "name": "e", "fleets": [{"share": 7}, {"share": "x"}, {"share": -1}]}]},
        {"endpoints": [canary(0.1), canary(0.2)], "traffic": [{**traffic(PRODUCTION, "production"), "rate": []}]},
        {
            "outbox": [{}],
            "denials": [{}],
            "events": [{}],
            "schedules": [{"account": DEV}],
            "jobs": [{"account": DEV}],
            "alarms": [{"account": DEV}],
        },
        {"clock": {"now": "soon", "speed": "fast"}},
    ],
    ids=range(6),
)
def test_odd_data_breaks_nothing(browser: Browser, url: str, show: Show, odd: dict[str, Any]) -> None:
    show({**busy(), **odd})
    browser.open(url)
    shows(browser, "● connected")
    shows(browser, "production")
    assert browser.complaints() == []


def test_what_stays_is_not_drawn_again(browser: Browser, url: str, show: Show) -> None:
    show()
    browser.open(url)
    shows(browser, "on-call@example.com")
    browser.evaluate("document.querySelector('summary').click(); window.kept = document.querySelector('summary')")
    browser.evaluate("new Promise((done) => setTimeout(done, 2500))")
    assert browser.evaluate("document.contains(window.kept) && window.kept.parentElement.open")


@pytest.mark.parametrize("width", [320, 390, 768, 1280, 1920])
def test_no_width_scrolls_sideways(browser: Browser, url: str, show: Show, width: int) -> None:
    show()
    browser.size(width, 800)
    browser.open(url)
    shows(browser, "slipway-production-ranker")
    assert browser.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
    columns = browser.evaluate("new Set([...document.querySelectorAll('.account')].map((one) => one.offsetLeft)).size")
    assert columns == (3 if width > 1000 else 1)


def test_the_traffic_of_variants_adds_up(browser: Browser, url: str, show: Show) -> None:
    one = {**traffic(PRODUCTION, "production", errors=2), "rate": [1.0, 2.0, 3.0]}
    show({**busy(), "traffic": [one, {**one, "variant": "b", "rate": [10.0], "p99_ms": 50.0}, {**one, "p99_ms": None}]})
    browser.open(url)
    shows(browser, "16.0 req/s · 5xx 6 · 4xx 9 · p99 50 ms")
    labels = "[...document.querySelectorAll('svg')].map((one) => one.getAttribute('aria-label')).join()"
    assert "now 16.0, at most 16.0" in browser.evaluate(labels)
