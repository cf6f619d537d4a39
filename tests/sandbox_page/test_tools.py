"""Finding a browser, and taking pictures with it."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from sandbox.page import screenshot
from scripts import setup_browser


def test_a_picture_is_taken(url: str, program: Path) -> None:
    picture = screenshot.take(url, width=640, height=400, dark=True)
    assert picture.startswith(b"\x89PNG\r\n")
    assert struct.unpack(">II", picture[16:24]) == (640, 400)


def test_no_picture_without_a_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SANDBOX_HOME", str(tmp_path))
    assert screenshot.main([str(tmp_path / "out.png")]) == 1
    assert "`make sandbox` starts it" in capsys.readouterr().err
    assert not (tmp_path / "out.png").exists()


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without any browser, on which nobody may install one."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(setup_browser, "LINK", tmp_path / "browser" / "chromium")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    return tmp_path


def test_a_machine_without_a_browser_says_what_to_install(bare: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert setup_browser.main() == 1
    error = capsys.readouterr().err
    assert "Install Chromium or Google Chrome" in error
    assert "apt-get install chromium-headless-shell" in error


@pytest.mark.parametrize("text", ["#!/bin/sh\nexit 0\n", "#!/bin/sh\nexec /bin/echo not a browser\n"])
def test_a_program_that_renders_nothing_is_no_browser(
    bare: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    fake = bare / "chromium"
    fake.write_text(text)
    fake.chmod(0o755)
    assert setup_browser.main() == 1
    monkeypatch.setenv("CHROMIUM", str(fake))
    assert setup_browser.main() == 1
    assert "which cannot render a page here" in capsys.readouterr().err


def test_the_browser_of_the_machine_is_used(bare: Path, program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", str(program))
    assert setup_browser.main() == 0
    assert setup_browser.LINK.resolve() == program.resolve()
    monkeypatch.setenv("CHROMIUM", "no-such-program")
    assert setup_browser.main() == 0  # it is there already
