"""A real canary of a real endpoint, as the page shows it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.page.canary import Estate, called
from sandbox.page.chromium import Browser
from sandbox.runtime import clock
from sandbox.server import Server


@pytest.fixture
def estate(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Estate]:
    settings = server.application.settings
    monkeypatch.setenv("AWS_CONFIG_FILE", str(settings.aws_config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(settings.aws_credentials))
    monkeypatch.setenv("AWS_ENDPOINT_URL", settings.url)
    before = clock.shared().speed
    made = Estate("production")
    yield made
    made.close()
    clock.shared().set_speed(before)


def test_a_canary_is_seen_from_its_first_tenth_to_its_end(
    browser: Browser, server: Server, url: str, estate: Estate
) -> None:
    clock.shared().set_speed(300)
    estate.furnish()
    old = estate.revision(6)
    estate.create(old)
    assert estate.settle()["EndpointStatus"] == "InService"
    new = estate.revision(7)
    browser.open(url)

    def text() -> str:
        return str(browser.evaluate("document.querySelector('.endpoint')?.innerText ?? ''"))

    browser.until(lambda: "● InService" in text(), "it is in service")
    assert "r6-" in text()
    with called(estate, 20):
        estate.update(new)
        browser.until(lambda: "90 %" in text() and "10 %" in text(), "a tenth of the traffic")
        seen = text()
        browser.until(lambda: "● InService" in text() and "r7-" in text(), "it is over", timeout_s=60)
    assert "◑ Updating" in seen
    assert "10 × ml.c7g.large" in seen
    assert "s of AWS time left" in seen
    assert "r6-" not in text()
    assert "req/s" in text()
    assert estate.settle()["EndpointConfigName"] == new
    assert browser.complaints() == []
