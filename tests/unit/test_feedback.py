"""Labels are checked line by line, and files of them are written once."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.core import capture, feedback
from glue.core.capture import UnreadableError
from glue.core.records import layout, rows_of, scores_of
from glue.errors import UsageError
from glue.feedback import check
from tests.unit.feedback_support import LAYOUT, NOON, answer, captured, label, request

GOOD = json.loads(label(clicks=["x"]))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"at": "yesterday"}, "at is a time with its zone"),
        ({"at": "2026-01-31T12:00:00"}, "at is a time with its zone"),
        ({"at": "2026-01-31T13:00:00Z"}, "lies in the future"),
        ({"inference_id": None}, "inference_id has 1 to 64 printable ASCII characters"),
        ({"inference_id": "x" * 65}, "inference_id has 1 to 64"),
        ({"inference_id": "a\nb"}, "inference_id has 1 to 64"),
        ({"event_id": "e"}, "by inference_id or by event_id"),
        ({"clicks": "x"}, "clicks is a list"),
        ({"clicks": [None]}, "clicks holds None, which is no id"),
        ({"clicks": [True]}, "clicks holds True, which is no id"),
        ({"clicks": ["\ud800"]}, "which is no id"),
        ({"shown": []}, "shown is a list of distinct ids"),
        ({"shown": ["x", "x"]}, "shown is a list of distinct ids"),
        ({"grades": {"x": 1}}, "either clicks"),
        ({"click": []}, "unknown field 'click'"),
    ],
)
def test_a_bad_label_has_its_reason(change: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        feedback.parse(json.dumps(GOOD | change).encode(), now=NOON + timedelta(minutes=2))


@pytest.mark.parametrize("grades", [{}, {"x": 5}, {"x": 1.0}, {"x": True}, {"x": -1}, ["x"]])
def test_a_grade_is_a_whole_number_from_0_to_4(grades: object) -> None:
    with pytest.raises(ValueError, match="grade"):
        feedback.parse(label(grades=grades))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (None, "more than"),
        (b"[]", "not an object"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b"{", "not JSON"),
        (b"\xff\xfe\xff", "UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"9" * 5000, "digits"),
    ],
)
def test_a_line_that_is_no_label_has_its_reason(line: bytes | None, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        feedback.parse(line)


def test_a_file_is_named_by_its_latest_hour_and_its_content(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_bytes(label("1", clicks=["x"]) + b"\n\n" + label("2", minutes=61, grades={"x": 1}) + b"\n")
    now = NOON + timedelta(days=1)
    first = check(path, endpoint="ranker", now=now)
    assert first.key.startswith("feedback/ranker/2026/01/31/13/")
    assert (first.labels, dict(first.kinds), first.item.file.bytes) == (
        2,
        {"clicks": 1, "grades": 1},
        path.stat().st_size,
    )
    assert check(path, endpoint="ranker", now=now + timedelta(hours=5)).key == first.key
    path.write_bytes(label("1", clicks=["y"]))
    assert check(path, endpoint="ranker", now=now).key != first.key


def test_bad_lines_are_named_and_nothing_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_bytes(label(clicks=[]) + b"\n{}\n" + b"x" * (feedback.LINE_LIMIT + 10) + b"\n" + b"[]\n" * 12)
    with pytest.raises(UsageError) as caught:
        check(path, endpoint="ranker", now=NOON + timedelta(days=1))
    assert caught.value.message.startswith(
        f"{path} has 14 bad lines, and nothing was taken:\n  line 2: it names one request"
    )
    assert "line 3: it has more than" in caught.value.message
    assert caught.value.message.endswith("and 4 more lines")
    path.write_bytes(b"\n \n")
    with pytest.raises(UsageError, match="holds no labels"):
        check(path, endpoint="ranker", now=NOON)


@given(pieces=st.lists(st.binary(max_size=8), max_size=30), limit=st.integers(0, 6), size=st.integers(1, 9))
def test_lines_are_those_of_the_stream_whatever_its_pieces(pieces: list[bytes], limit: int, size: int) -> None:
    data = b"\n".join(pieces)

    class Stream:
        at = 0

        def read(self, _amount: int, /) -> bytes:
            found, self.at = data[self.at : self.at + size], self.at + size
            return found

    expected = data.split(b"\n")
    expected = expected[:-1] if not expected[-1] else expected
    assert list(capture.lines(Stream(), limit=limit)) == [None if len(line) > limit else line for line in expected]


FIELDS = (
    *(
        "captureData",
        "eventMetadata",
        "endpointInput",
        "endpointOutput",
        "data",
        "encoding",
        "eventId",
        "inferenceTime",
    ),
    *("query", "documents", "id", "features", "ranking", "score", "a"),
)
_NAMES = st.sampled_from(FIELDS) | st.text(max_size=3)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4),
    max_leaves=12,
)


def reason_of(read: Callable[[], object]) -> str:
    """Why something cannot be read, "fine" when it can."""
    try:
        read()
    except UnreadableError as error:
        return error.reason
    return "fine"


@given(document=_JSON, raw=st.binary(max_size=40), kind=st.sampled_from(["application/json", "text/csv", ""]))
def test_hostile_captures_have_a_reason_and_never_crash(document: object, raw: bytes, kind: str) -> None:
    both = json.dumps({"captureData": document, "eventMetadata": document}).encode()
    for line in (json.dumps(document).encode(), raw, both):
        assert reason_of(partial(capture.parse, line))
    for data in (json.dumps(document).encode(), raw):
        assert reason_of(partial(rows_of, capture.Body(data, kind), LAYOUT))
        assert reason_of(partial(scores_of, capture.Body(data, kind), LAYOUT))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"eventMetadata": {"eventId": "e", "inferenceTime": "soon"}}, "no time"),
        ({"eventMetadata": {"inferenceTime": "2026-01-31T12:00:00Z"}}, "no event id"),
        ({"eventMetadata": {"eventId": "\ud800", "inferenceTime": "2026-01-31T12:00:00Z"}}, "no event id"),
        ({"captureData": {"endpointInput": {"data": "%%%", "encoding": "BASE64"}}}, "bad encoding"),
        ({"captureData": {"endpointInput": "x"}}, "not a captured request"),
        ({"captureData": None}, "not a captured request"),
    ],
)
def test_a_captured_line_that_cannot_be_used_says_why(change: dict[str, object], reason: str) -> None:
    document = json.loads(captured(request("q", {"x": (1, 2)}), answer("x"))) | change
    with pytest.raises(UnreadableError, match=reason):
        capture.parse(json.dumps(document).encode())


def test_features_may_be_a_list_too_long_too_short_or_no_numbers() -> None:
    items = [
        {"id": 1, "features": [1, 2, 3]},
        {"id": "2", "features": [1]},
        {"id": "3", "features": {"a": "x", "c": 1}},
    ]
    body = capture.Body(json.dumps({"query": "q", "documents": items}).encode(), "application/json")
    found = rows_of(body, LAYOUT).rows
    assert [dict(row.values) for row in found] == [{"a": 1.0, "b": 2.0}, {"a": 1.0, "b": None}, {"a": None, "b": None}]
    assert [row.unknown for row in found] == [("column 2",), (), ("c",)]
    assert not any(row.complete for row in found)


def test_a_layout_names_every_field() -> None:
    good = {name: name for name in ("query", "rows", "id", "features", "answers", "score")}
    assert layout(good, ["a"]).names == ("a",)
    for records, features in (
        (good | {"more": "x"}, ["a"]),
        ({"query": "q"}, ["a"]),
        (None, ["a"]),
        (good, ["a", "a"]),
        (good, []),
    ):
        with pytest.raises(ValueError, match=r"\[records\]|features"):
            layout(records, features)
