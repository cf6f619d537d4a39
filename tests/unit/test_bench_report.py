"""What the benchmarks make of their measurements."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import bench.__main__ as command
from bench import contenders, copies, report, serving, stats, tools
from bench.contenders import Contender, Task
from bench.copies import Measured
from bench.processes import BenchError, environment


def test_percentiles_are_measured_values() -> None:
    values = [float(n) for n in range(1, 101)]
    assert stats.percentile(values, 99) == 99
    assert stats.percentile(values, 100) == 100
    assert stats.percentile([3.0], 1) == 3
    assert stats.median([3.0, 1.0, 2.0]) == 2
    assert stats.ratio(1.0, 0.0) is None
    for call in (lambda: stats.percentile([], 50), lambda: stats.percentile([1.0], 0), lambda: stats.median([])):
        with pytest.raises(ValueError, match="of"):
            call()


def test_a_result_is_medians_and_ratios() -> None:
    measured = Measured(
        seconds=[4.0, 2.0, 3.0], process_s=[5.0, 3.0, 4.0], cpu_s=[1.0] * 3, calls={"HeadObject": 2, "CopyObject": 3}
    )
    found = measured.result(1.5)
    assert (found["seconds"], found["times_slipway"], found["process_seconds"]) == (3.0, 2.0, 4.0)
    assert found["api_calls"] == 5
    assert found["seconds_of_each_run"] == [4.0, 2.0, 3.0]


def test_tables_are_aligned() -> None:
    assert report.table(("", "ms"), [("a", "1"), ("long", "10.5")]).splitlines() == [
        "        ms",
        "----  ----",
        "a        1",
        "long  10.5",
    ]


def test_every_kind_of_result_has_its_table() -> None:
    contender = Measured([1.0], [2.0], [0.5], {"HeadObject": 1}, 2048, 7).result(1.0)
    observed = dict.fromkeys(("tags_kept", "corruption_noticed", "overwrite_prevented", "resumes_after_a_kill"), False)
    latency = serving.result({"direct": "D", "invoke": "I"}, {"direct": [1.0], "invoke": [3.0]}, base="direct")
    shown = report.text(
        {
            "copy-large": {"contenders": {"slipway": {"title": "Slipway", **contender}}},
            "copy-behaviour": {"contenders": {"boto3": {"title": "boto3", **observed, "tags_kept": True}}},
            "sandbox": {**latency, "sandbox_adds_ms": 2.0},
            "start": {
                "contenders": {"slipway --help": {"title": "slipway --help", "ms": 60.0, "times_slipway_help": 1.0}},
                "boto3_imported_by_help": False,
            },
        }
    )
    assert "2.0 KiB" in shown
    (row,) = (line.split() for line in shown.splitlines() if line.startswith("boto3"))
    assert row == ["boto3", "yes", "no", "no", "no"]
    assert ["I", "3.00", "3.00", "3.00", "1"] in [line.split() for line in shown.splitlines()]
    assert "The sandbox adds 2.00 ms" in shown
    assert "does not load boto3" in shown


def task(*keys: str) -> Task:
    return Task("http://127.0.0.1:1", "s", "t", "releases/", "r", keys)


def test_the_command_line_peer_copies_one_key_or_a_whole_prefix() -> None:
    aws = Contender("aws", "aws")
    assert aws.command(task("releases/a"))[-2:] == ["s3://s/releases/a", "s3://t/releases/a"]
    assert aws.command(task("a", "b"))[-3:] == ["--recursive", "s3://s/releases/", "s3://t/releases/"]


def test_every_contender_gets_the_same_task() -> None:
    assert set(contenders.PROGRAMS) == {one.name for one in contenders.CONTENDERS} - {"aws"}
    given = json.loads(Contender("boto3", "b").command(task("a", "b"))[-1])  # type: ignore[arg-type]
    assert Task(**{**given, "keys": tuple(given["keys"])}) == task("a", "b")


def test_measured_programs_see_nobodys_aws_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("AWS_CA_BUNDLE", "/mine")
    monkeypatch.setenv("PYTHONPATH", "/mine")
    seen = environment(AWS_ENDPOINT_URL_S3="http://x")
    assert not {"AWS_PROFILE", "AWS_CA_BUNDLE", "PYTHONPATH"} & set(seen)
    assert (seen["AWS_ACCESS_KEY_ID"], seen["AWS_ENDPOINT_URL_S3"]) == ("bench", "http://x")


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The command without its peers, writing into a folder of its own."""
    monkeypatch.setattr(tools, "prepare", lambda say: None)
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setattr(command, "OUTPUT", tmp_path / "build" / "results.json")
    return tmp_path / "build" / "results.json"


def test_one_benchmark_that_fails_does_not_hide_the_others(
    quiet: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def one(name: str, runs: int) -> dict[str, Any]:
        if name == "serve":
            raise BenchError("no server")
        return {"contenders": {"a": {"title": "a", "ms": float(runs), "times_slipway_help": 1.0}}} | {
            "boto3_imported_by_help": True
        }

    monkeypatch.setattr(command, "_one", one)
    assert command.main(["--only", "serve", "--only", "start", "--runs", "2"]) == 1
    document = json.loads(quiet.read_text())
    assert document["failures"] == {"serve": "no server"}
    assert document["results"]["start"]["contenders"]["a"]["ms"] == 2.0
    assert "Not measured: serve: no server" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--runs", "0"], ["--runs", "x"], ["--only", "nothing"]])
def test_bad_arguments_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command.main(arguments)
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_every_scenario_has_a_table_and_the_files_that_a_release_needs() -> None:
    for scenario in (*copies.SCENARIOS, copies.PROBE):
        assert scenario.name in report.SHOWN
        assert "model.tar.gz" in scenario.files
    small = next(one for one in copies.SCENARIOS if one.name == "copy-small")
    assert len(small.files) == 200
