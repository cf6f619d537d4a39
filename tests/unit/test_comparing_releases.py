"""What changes for callers: both releases are asked the same, and the report says how their answers differ."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from glue import comparing
from glue.aws.runtime import Answer
from glue.cli.describe import comparison_lines
from glue.console import Console
from glue.core.comparison import MOST_REQUESTS, Sample, pair, requests_of
from glue.core.environment import Environment
from glue.core.golden import GoldenRequest
from glue.core.revision import Revisions
from glue.errors import AwsError, NotFoundError
from glue.workspace import Stack
from tests.unit.revision_support import NEXT_RELEASE, RELEASE, history, revision

QA = Environment(name="qa", account_id="222222222222", region="eu-west-1")
STACK = Stack(QA, "serving", "ranker")
ONE = history(revision(1))
TWO = history(revision(1), revision(1, release=NEXT_RELEASE))
JSON = "application/json"


def golden(name: str, body: bytes = b"{}", **changes: Any) -> GoldenRequest:
    return GoldenRequest(name, JSON, JSON, body, 1, **changes)


def answered(value: object, *times: float) -> Sample:
    return Sample(body=json.dumps(value).encode(), content_type=JSON, times=times)


def test_both_are_asked_what_either_promises() -> None:
    old = [golden("same", b"1"), golden("clash", b"old"), golden("only old", b"3")]
    new = [golden("same", b"1", absolute=0.5), golden("clash", b"new")]
    asked = requests_of(old, new, releases=(RELEASE, NEXT_RELEASE))
    assert {name: request.body for name, request in asked.items()} == {
        "same": b"1", "clash": b"new", f"clash ({RELEASE})": b"old", "only old": b"3",
    }  # fmt: skip
    assert asked["same"].absolute == 0.5


@pytest.mark.parametrize(
    ("old", "new", "difference", "away"),
    [
        (answered({"s": [1.0, 2.0]}), answered({"s": [1.0, 2.0]}), None, 0.0),
        (answered({"s": [1.0, 2.0]}), answered({"s": [1.0, 2.25]}), "s (number)", 0.25),
        (answered({"s": 1.0}), answered({"s": 1.00000001}), None, 1e-8),
        (answered({"s": "a"}), answered({"s": "b"}), "s (value)", None),
        (answered({"s": 1}), answered({"t": 1}), "s (shape), t (shape)", None),
        (answered([1]), Sample(body=b"1", content_type="text/csv"), "$ (shape)", None),
        (answered(1), Sample(error="500"), "only the old one answered", None),
        (Sample(error="500"), answered(1), "only the new one answered", None),
        (Sample(error="500"), Sample(error="503"), "500", None),
        (answered(list("abcdefg")), answered(list("ABCDEFG")), "$ (value), " * 4 + "$ (value) and 2 more", None),
    ],
)
def test_two_answers_agree_within_the_requests_tolerance(
    old: Sample, new: Sample, difference: str | None, away: float | None
) -> None:
    found = pair("q", golden("q"), old, new)
    assert found.difference == difference
    assert found.away == (pytest.approx(away) if away is not None else None)


class World:
    """An endpoint whose answers, clock-free, depend on the body and on what is deployed."""

    environment = QA

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self.answer = answer
        self.asked: list[bytes] = []

    @property
    def runtime(self) -> World:
        return self

    def invoke(self, endpoint: str, body: bytes, **_: object) -> Answer:
        self.asked.append(body)
        return Answer(self.answer(body), JSON, "main")


def comparer(world: World, folder: Path) -> comparing.Comparer:
    session: Any = world
    return comparing.Comparer(session, console=Console(environ={}), folder=folder)


@pytest.fixture
def promised(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[GoldenRequest, ...]]:
    found = {RELEASE: (golden("a", b"1"),), NEXT_RELEASE: (golden("a", b"1"), golden("b", b"2"))}
    monkeypatch.setattr(comparing, "PAUSE_S", 0.0)
    monkeypatch.setattr(comparing, "golden_of", lambda session, releases: {one: found[one] for one in releases})
    return found


def test_a_deployment_is_reported_as_json_and_markdown(promised: object, tmp_path: Path) -> None:
    world = World(lambda body: b'{"score": 1.0}')
    made = comparer(world, tmp_path / "reports")
    asking = made.before(STACK, ONE, TWO)
    assert asking is not None
    world.answer = lambda body: b'{"score": 1.5}' if body == b"2" else b'{"score": 1.0}'
    report = made.after(asking, STACK)
    assert report is not None
    assert world.asked == [b"1", b"2", b"1", b"2"]
    (main,) = report.variants
    assert (main.old, main.new, main.agreed, main.away) == (RELEASE, NEXT_RELEASE, 1, 0.5)
    assert main.line.startswith("variant main: 1 of 2 answers as before; numbers differ by at most 0.5; p50 ")
    path = tmp_path / "reports" / f"ranker-{TWO.live}.md"
    assert report.file == str(path)
    text = path.read_text()
    assert f"# qa/ranker: {ONE.live} -> {TWO.live}" in text
    assert "| b | no | 0.5 |" in text
    (document,) = json.loads(path.with_suffix(".json").read_text())
    assert [one["agrees"] for one in document["variants"][0]["answers"]] == [True, False]
    (tmp_path / "own").mkdir()
    own = tmp_path / "own" / "report.json"
    deployed: Any = type("Deployed", (), {"comparison": report})
    assert comparison_lines([deployed], own) == [f"ranker: {main.line}.", f"Answers compared: {path}"]
    assert json.loads(own.read_text()) == [report.as_json()]
    (said,) = comparison_lines([], tmp_path / "none.md")
    assert said.startswith("Nothing was compared")
    assert not (tmp_path / "none.md").exists()
    (said,) = comparison_lines([deployed], tmp_path / "own")
    assert said.startswith("The deployment is done, but its report cannot be written: ")
    assert "answers" not in report.as_json(answers=False)["variants"][0]  # type: ignore[index]


@pytest.mark.parametrize(
    ("before", "after"),
    [(Revisions(), ONE), (ONE, ONE), (ONE, history(revision(1), revision(2))), (TWO, TWO.back(str(ONE.live)))],
)
def test_without_another_release_there_is_nothing_to_compare(
    promised: object, tmp_path: Path, before: Revisions, after: Revisions
) -> None:
    world = World(lambda body: b"1")
    assert comparer(world, tmp_path).before(STACK, before, after) is None
    assert world.asked == []


def test_what_cannot_be_compared_never_stops_a_deployment(
    promised: dict[str, tuple[GoldenRequest, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(body: bytes) -> bytes:
        raise AwsError("AWS did not answer")

    file = tmp_path / "file"
    file.write_text("in the way")
    made = comparer(World(down), file)
    asking = made.before(STACK, ONE, TWO)
    assert asking is not None
    report = asking.ask_new()
    assert {one.difference for one in report.variants[0].pairs} == {"AWS did not answer"}
    assert report.variants[0].line.endswith("0 of 2 answers as before; p50 - -> -, p99 - -> -")
    assert made.after(asking, STACK) is None  # the folder cannot be made

    def gone(session: object, releases: set[str]) -> None:
        raise NotFoundError("release is gone")

    monkeypatch.setattr(comparing, "golden_of", gone)
    assert made.before(STACK, ONE, TWO) is None


def test_a_thousand_requests_are_not_all_asked(promised: dict[str, Any], tmp_path: Path) -> None:
    promised[NEXT_RELEASE] = tuple(golden(f"q{n}", str(n).encode()) for n in range(MOST_REQUESTS + 7))
    promised[RELEASE] = ()
    world = World(lambda body: b"1")
    made = comparer(world, tmp_path)
    asking = made.before(STACK, ONE, TWO)
    assert asking is not None
    report = made.after(asking, STACK)
    assert report is not None
    assert (report.left_out, len(report.variants[0].pairs)) == (7, MOST_REQUESTS)
    assert "7 more requests were left out" in report.markdown()
