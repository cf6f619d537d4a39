"""No folder of tests may be forgotten: a test that nobody runs looks like one that passes."""

from pathlib import Path

from scripts import test_suites


def write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")


def test_a_folder_that_no_suite_runs_is_named(tmp_path: Path) -> None:
    write(tmp_path / "core" / "test_one.py")
    write(tmp_path / "forgotten" / "deep" / "test_two.py")
    write(tmp_path / "unit" / "test_three.py")
    write(tmp_path / "data" / "cases.json")
    assert test_suites.missing([test_suites.Suite("core", ("core",))], tmp_path) == ["forgotten"]


def test_each_suite_runs_pytest_on_its_folders() -> None:
    assert test_suites.Suite("two", ("model", "image")).arguments()[-2:] == ("tests/model", "tests/image")
