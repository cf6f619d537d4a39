"""Captured requests and labels become a training set: each rule of the join, and the same bytes whatever the order."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glue.core.dataset import TRAIN, VALIDATION, held_out
from glue.dataset import Built, Wanted, build, captured_keys, model_settings
from glue.errors import RefusedError, UsageError
from tests.unit.feedback_support import (
    CLICKS,
    LAYOUT,
    NOON,
    FolderBucket,
    account,
    answer,
    captured,
    hour,
    label,
    request,
)

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = {"x": (1.0, 2.0), "y": (3.0, 4.0), "z": (5.0, 6.0)}
BOOTS = request("boots", DOCUMENTS)
SHOES = request("shoes", DOCUMENTS)
WANTED = Wanted("ranker", "ranker", NOON, NOON + timedelta(hours=1), LAYOUT, CLICKS, holdout=0.5)


def made(captures: Iterable[bytes], labels: Iterable[bytes], folder: Path, wanted: Wanted = WANTED) -> Built:
    bucket = FolderBucket(
        {hour("f"): b"\n".join(captures), "feedback/ranker/2026/01/31/12/0.jsonl": b"\n".join(labels)}
    )
    return build(wanted, account=account(bucket), folder=folder)


def rows(built: Built, name: str) -> list[list[str]]:
    return [line.split(",") for line in (built.folder / name).read_text().splitlines()]


def graded(*ids: str) -> tuple[list[bytes], list[bytes]]:
    """An editor's grades for shoes, so that validation is never empty."""
    return [captured(SHOES, answer(*ids), inference="g", event="g")], [label("g", grades={"x": 4, "y": 0, "z": 1})]


def test_clicks_become_examinations_and_clicks_by_position(tmp_path: Path) -> None:
    captures, labels = graded("x")
    captures += [
        captured(BOOTS, answer("y", "x", "z"), inference="1", event="1"),
        captured(BOOTS, answer("x", "y", "z"), inference="2", event="2"),
        captured(BOOTS, answer("x", "y", "z"), inference="3", event="3"),
    ]
    labels += [label("1", clicks=["y"]), label("2", clicks=["x", "x"]), label("3", clicks=["z"], shown=["z", "q"])]
    built = made(captures, labels, tmp_path)
    header, *found = rows(built, TRAIN)
    assert header == ["query", "document", "examinations", "clicks", "a", "b"]
    assert [row[1:] for row in found] == [
        ["x", "1.5", "1", "1.0", "2.0"],
        ["y", "1.5", "1", "3.0", "4.0"],
        ["z", "1.666667", "1", "5.0", "6.0"],
    ]
    assert "boots" not in (tmp_path / TRAIN).read_text()
    assert [row[1:3] for row in rows(built, VALIDATION)[1:]] == [["x", "4"], ["y", "0"], ["z", "1"]]
    assert built.manifest["validation"] == "grades"
    assert built.counts["joined"] == 4


def test_every_kind_of_loss_is_counted(tmp_path: Path) -> None:
    captures, labels = graded("x", "y", "z")
    good = answer("x", "y", "z")
    captures += [
        captured(BOOTS, good, inference="1", event="1"),
        captured(BOOTS, answer("z"), inference="1", event="9", at=NOON + timedelta(seconds=5)),  # asked again
        captured(BOOTS, good, inference="unlabelled", event="2"),
        captured(BOOTS, None, inference="answer not captured", event="3"),
        captured({"query": "boots", "documents": [{"id": "x", "features": [1]}]}, good, inference="poor", event="4"),
        captured(BOOTS, good, inference="before", event="5", at=NOON - timedelta(seconds=1)),
        captured(BOOTS, good, inference="after", event="6", at=NOON + timedelta(hours=1)),
        captured(BOOTS, good, inference="cut", event="7")[:-40],
        b"\xff\xfe nonsense",
        b"",
    ]
    labels += [
        label("1", clicks=["z"], minutes=3),
        label("1", clicks=["x", "stranger"], minutes=5),
        label("1", clicks=["y"], minutes=4),
        label("answer not captured", clicks=["x"]),
        label("poor", clicks=["x"]),
        label("nobody", clicks=["x"], minutes=90),
        b"[]",
    ]
    built = made(captures, labels, tmp_path)
    assert {name: built.counts[name] for name in sorted(built.counts) if built.counts[name]} == {
        "captured": 5,
        "captured_duplicates": 1,
        "captured_lines": 6,
        "captured_lines_outside": 2,
        "captured_lines_unreadable": 2,
        "captured_without_label": 1,
        "clicks": 1,
        "grades": 3,
        "joined": 2,
        "label_lines": 7,
        "label_lines_unreadable": 1,
        "labelled_rows_unknown": 1,
        "labelled_unusable": 2,
        "labels": 5,
        "labels_late": 1,
        "labels_superseded": 2,
        "labels_without_request": 1,
    }
    assert built.manifest["unusable"] == {"features missing or unknown": 1, "not JSON": 2, "order not known": 1}
    assert [row[1:4] for row in rows(built, TRAIN)[1:]] == [
        ["x", "1.0", "1"],
        ["y", "0.5", "0"],
        ["z", "0.333333", "0"],
    ]


@pytest.mark.parametrize("encoding", ["JSON", "BASE64"])
def test_encodings_say_the_same(encoding: str, tmp_path: Path) -> None:
    captures, labels = graded("x")
    table = "id,b,a\nx,2,1\ny,4,3\n"
    captures += [
        captured(BOOTS, answer("x", "y", "z"), inference=None, event="json", encoding=encoding),
        captured(
            table,
            "id,score\ny,2.5\nx,1\n",
            inference=None,
            event="csv",
            encoding="CSV" if encoding == "JSON" else encoding,
        ),
    ]
    labels += [label("json", by="event_id", clicks=["x"]), label("csv", by="event_id", clicks=["x"])]
    found = {tuple(row[1:]) for row in rows(made(captures, labels, tmp_path), TRAIN)[1:]}
    assert ("x", "0.5", "1", "1.0", "2.0") in found
    assert ("z", "0.333333", "0", "5.0", "6.0") in found
    assert len(found) == 5


def test_without_grades_a_share_of_queries_validates_on_its_clicks(tmp_path: Path) -> None:
    captures, labels = [], []
    for number in range(40):
        ids = {"inference": f"i{number}", "event": f"e{number}"}
        captures.append(captured(request(f"q{number % 20}", DOCUMENTS), answer("x", "y", "z"), **ids))
        labels.append(label(f"i{number}", clicks=["x"] if number < 30 else ["x", "z"]))
    built = made(captures, labels, tmp_path)
    queries = [{row[0] for row in rows(built, name)[1:]} for name in (TRAIN, VALIDATION)]
    assert len(queries[0]) + len(queries[1]) == 20
    assert not queries[0] & queries[1]
    assert 5 <= len(queries[1]) <= 15
    assert {tuple(row[1:3]) for row in rows(built, VALIDATION)[1:]} == {("x", "4"), ("y", "0"), ("z", "4"), ("z", "0")}


@settings(max_examples=25)
@given(order=st.permutations(range(8)))
def test_the_same_content_gives_the_same_bytes_in_any_order(
    order: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    lines = [
        captured(BOOTS if n % 2 else SHOES, answer(*("xyz", "zyx", "yxz")[n % 3]), inference=f"i{n % 6}", event=f"e{n}")
        for n in range(8)
    ]
    labels = [label(f"i{n % 6}", clicks=["xyz"[n % 3]], minutes=n % 4) for n in range(7)] + [
        label("i0", grades={"x": 3})
    ]
    found = set()
    for permuted in (list(range(8)), order):
        folder = tmp_path_factory.mktemp("set")
        built = made([lines[n] for n in permuted], [labels[n] for n in reversed(permuted)], folder)
        found.add(tuple((folder / name).read_bytes() for name in (TRAIN, VALIDATION)))
        assert not (folder / "spool.sqlite").exists()
        again = made([lines[n] for n in permuted], [labels[n] for n in reversed(permuted)], folder)
        assert (again.id, again.manifest) == (built.id, built.manifest)
    assert len(found) == 1


def test_two_files_are_the_same_set_as_one_but_other_sources(tmp_path: Path) -> None:
    captures, labels = graded("x")
    captures.append(captured(BOOTS, answer("x", "y", "z"), inference="1", event="1"))
    labels.append(label("1", clicks=["x"]))
    whole = made(captures, labels, tmp_path / "whole")
    parts = FolderBucket({hour("a"): captures[0], hour("b", at=NOON + timedelta(hours=1)): captures[1]})
    parts.objects["feedback/ranker/2026/01/31/13/0.jsonl"] = b"\n".join(labels)
    parts.objects[hour("c", variant="shadow")] = captured(BOOTS, answer("z"), inference="1", event="0")
    without = Wanted(**{**vars(WANTED), "without": frozenset({"shadow"})})
    other = build(without, account=account(parts), folder=tmp_path / "parts")
    assert (other.folder / TRAIN).read_bytes() == (whole.folder / TRAIN).read_bytes()
    assert other.id != whole.id
    manifest = json.loads((other.folder / "manifest.json").read_text())
    assert manifest["id"] == other.id
    assert manifest["sources"]["capture"]["files"] == 2
    assert manifest["requests"] == {"first": "2026-01-31T12:00:00Z", "last": "2026-01-31T12:00:00Z"}


def test_nothing_to_train_on_is_refused_with_counts(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="no captured requests, no labels") as caught:
        made([], [], tmp_path)
    assert "data_capture" in str(caught.value.remedy)
    captures, labels = graded("x")
    with pytest.raises(RefusedError, match=r"no rows for train/clicks.csv \(captured 1"):
        made(captures, labels, tmp_path)


def test_files_are_found_by_hour_and_variant() -> None:
    keys = [hour(f"{n:02}", at=NOON + timedelta(hours=n)) for n in range(-4, 5)]
    bucket = FolderBucket(
        dict.fromkeys([*keys, hour("x", variant="shadow"), "capture/ranker/slipway-qa-ranker/main/odd"], b"")
    )
    prefix = "capture/ranker/slipway-qa-ranker/"
    found = list(captured_keys(bucket, prefix, NOON, NOON + timedelta(minutes=30), without=frozenset({"shadow"})))  # type: ignore[arg-type]
    assert found == keys[3:6]


def test_a_model_says_how_its_requests_hold_rows(tmp_path: Path) -> None:
    layout, clicks = model_settings(ROOT, "ranker")
    assert (layout.rows, layout.names[0], clicks.decay) == ("documents", "bm25", 1.0)
    (tmp_path / "models" / "poor").mkdir(parents=True)
    (tmp_path / "models" / "poor" / "model.toml").write_text('features = ["a"]\n')
    with pytest.raises(UsageError, match="does not say how its requests become training data"):
        model_settings(tmp_path, "poor")
    with pytest.raises(UsageError, match="cannot be read"):
        model_settings(tmp_path, "none")


def test_the_held_out_share_is_that_share() -> None:
    assert 80 < sum(held_out(f"q{n}", 0.1) for n in range(1000)) < 120
