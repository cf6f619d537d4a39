"""How the tests of local serving come by an nginx: the machine's own, Debian's unpacked, or one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import setup_nginx


def program(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(setup_nginx, "FOLDER", tmp_path / "tools")
    monkeypatch.setattr(setup_nginx, "LINK", tmp_path / "tools" / "nginx")
    monkeypatch.setattr(setup_nginx, "SYSTEM_PROGRAMS", str(tmp_path / "sbin"))
    monkeypatch.setattr(setup_nginx.os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}")
    return tmp_path


def test_one_of_this_machine_is_used_also_outside_path(machine: Path) -> None:
    nginx = program(machine / "sbin", "nginx", "exit 0")
    assert setup_nginx.main() == 0
    assert (machine / "tools" / "nginx").resolve() == nginx
    assert setup_nginx.main() == 0


def test_debians_is_unpacked_where_it_runs(machine: Path) -> None:
    program(machine / "bin", "nginx", "exit 1")  # this one lacks a library
    program(machine / "bin", "apt-get", ': > "$(/bin/pwd)/nginx.deb"')
    unpack = (
        '/bin/mkdir -p "$3/usr/sbin"; printf "#!/bin/sh\\n" > "$3/usr/sbin/nginx"; /bin/chmod +x "$3/usr/sbin/nginx"'
    )
    program(machine / "bin", "dpkg-deb", unpack)
    assert setup_nginx.main() == 0
    assert (machine / "tools" / "nginx").resolve() == machine / "tools/package/usr/sbin/nginx"


@pytest.mark.parametrize("apt", ["exit 100", None])
def test_where_there_is_none_one_sentence_says_what_to_do(
    machine: Path, apt: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    if apt:
        program(machine / "bin", "apt-get", f"echo no such package >&2; {apt}")
        program(machine / "bin", "dpkg-deb", "exit 0")
    assert setup_nginx.main() == 1
    said = capsys.readouterr().err
    assert "apt-get install nginx" in said
    assert "Traceback" not in said
    assert not (machine / "tools" / "nginx").exists()
