"""A function's package: the same input gives the same bytes, wherever and whenever it is built."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "build_function.py"
INVOKER = SCRIPT.parents[1] / "modules" / "endpoint-invoker" / "src"


def build(source: Path, target: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, source, target], capture_output=True, text=True, check=False)


def folder(path: Path, *, reverse: bool = False) -> Path:
    files = {"a.py": b"x = 1\n", "b/__init__.py": b"", "b/c.py": b"y = '\r\n'\n", "data.json": b"{}\n"}
    for name in sorted(files, reverse=reverse):
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(files[name])
    return path


def test_equal_folders_give_equal_bytes(tmp_path: Path) -> None:
    first = folder(tmp_path / "first")
    second = folder(tmp_path / "elsewhere" / "second", reverse=True)
    os.utime(second / "a.py", (1, 1))
    (second / "a.py").chmod(0o600)
    (second / "b" / "c.py").chmod(0o755)
    (second / "__pycache__").mkdir()
    (second / "__pycache__" / "a.cpython-311.pyc").write_bytes(b"machine code")
    (second / "b" / "old.pyc").write_bytes(b"machine code")
    outputs = [build(source, tmp_path / f"{source.name}.zip").stdout.split()[0] for source in (first, second)]
    assert outputs[0] == outputs[1]
    assert outputs[0] == hashlib.sha256((tmp_path / "first.zip").read_bytes()).hexdigest()


def test_what_is_inside(tmp_path: Path) -> None:
    build(folder(tmp_path / "source"), tmp_path / "out" / "f.zip")
    with zipfile.ZipFile(tmp_path / "out" / "f.zip") as archive:
        assert archive.namelist() == ["a.py", "b/__init__.py", "b/c.py", "data.json"]
        assert archive.read("b/c.py") == b"y = '\r\n'\n"
        for member in archive.infolist():
            assert member.date_time == (1980, 1, 1, 0, 0, 0)
            assert member.compress_type == zipfile.ZIP_STORED
            assert (member.create_system, member.external_attr >> 16) == (3, 0o100644)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["f.zip"]


def test_a_change_of_one_byte_changes_the_hash(tmp_path: Path) -> None:
    source = folder(tmp_path / "source")
    before = build(source, tmp_path / "f.zip").stdout
    (source / "data.json").write_bytes(b"[]\n")
    assert build(source, tmp_path / "f.zip").stdout != before


@pytest.mark.parametrize("problem", ["missing", "empty", "link"])
def test_a_folder_that_cannot_be_packed_leaves_the_old_package(tmp_path: Path, problem: str) -> None:
    source, target = tmp_path / "source", tmp_path / "f.zip"
    target.write_bytes(b"the last good one")
    if problem != "missing":
        source.mkdir()
    if problem == "link":
        (source / "secret.py").symlink_to("/etc/passwd")
    done = build(source, target)
    assert done.returncode == 1
    assert str(source) in done.stderr
    assert target.read_bytes() == b"the last good one"


def test_wrong_usage() -> None:
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "usage" in done.stderr


def test_the_packed_invoker_starts_from_its_zip(tmp_path: Path) -> None:
    package = tmp_path / "endpoint-invoker.zip"
    assert build(INVOKER, package).returncode == 0
    program = "import invoker; print(invoker.handle({}, None)['statusCode'])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(package), "ENDPOINT_NAME": "x"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "400"


def test_a_package_shares_files_of_the_repository(tmp_path: Path) -> None:
    monitor = SCRIPT.parents[1] / "modules" / "drift-monitor"
    done = build(monitor / "src", tmp_path / "monitor.zip")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "monitor.zip") as archive:
        names = archive.namelist()
    assert names == sorted(names)
    assert {"monitor.py", *(monitor / "package.txt").read_text().split()} <= set(names)
    # with nothing of this checkout in sight, and only what Lambda's runtime has, it can be imported
    program = "import sys; zip = sys.argv[1]; sys.path[:0] = [zip]; import monitor; print(monitor.drift.__file__)"
    command = [sys.executable, "-P", "-c", program, tmp_path / "monitor.zip"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.stdout.strip(), ran.returncode) == (f"{tmp_path}/monitor.zip/glue/core/drift.py", 0), ran.stderr


@pytest.mark.parametrize("line", ["glue/nothing.py", "../outside.py", "a.py"])
def test_a_shared_file_that_is_none_or_twice_is_refused(line: str, tmp_path: Path) -> None:
    source = folder(tmp_path / "module" / "src")
    if line == "a.py":
        line = "README.md"
        (source / line).write_text("twice")
    (tmp_path / "module" / "package.txt").write_text(f"{line}\n")
    done = build(source, tmp_path / "f.zip")
    assert done.returncode == 1
    assert line in done.stderr
