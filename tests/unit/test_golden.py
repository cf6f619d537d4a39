"""Golden requests: read strictly, compared within tolerance, every difference told with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.core.golden import GoldenRequest, difference, judge, parse_golden
from glue.errors import UsageError


def file_of(*entries: Any) -> bytes:
    return json.dumps(list(entries)).encode()


def entry(**changes: Any) -> dict[str, Any]:
    return {"name": "one", "body": {"q": 1}, "expect": [1.0], **changes}


def request(expect: object, *, absolute: float = 0.0, relative: float = 0.0) -> GoldenRequest:
    return GoldenRequest("one", "application/json", "application/json", b"{}", expect, absolute, relative)


def test_reads_a_full_entry() -> None:
    full = entry(
        content_type="text/csv",
        accept="text/plain; charset=utf-8",
        body="1,2\n",
        tolerance={"absolute": 0.5, "relative": 0.25},
        latency_ms=20,
    )
    assert parse_golden(file_of(full), where="g") == (
        GoldenRequest("one", "text/csv", "text/plain; charset=utf-8", b"1,2\n", [1.0], 0.5, 0.25, 20),
    )


def test_defaults_are_json_and_a_millionth() -> None:
    (found,) = parse_golden(file_of(entry(latency_ms=None)), where="g")
    assert found == GoldenRequest("one", "application/json", "application/json", b'{"q":1}', [1.0], 1e-6, 1e-6, None)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"{", "it is not JSON (Expecting property name"),
        (b"{}", "it is not a list of requests"),
        (b"[]", "it has 0 requests; 1 to 1000 are taken"),
        (file_of(*[entry()] * 1001), "it has 1001 requests; 1 to 1000 are taken"),
        (b" " * (8 * 1024**2 + 1), "at most 8388608 are read"),
        (file_of(1), "request 1 is not an object"),
        (file_of(entry(), entry()), "the name 'one' is there twice"),
        (file_of({"name": "x", "body": 1}), "request 1 has no field 'expect'"),
        (file_of({"name": "x", "expect": 1}), "request 1 has no field 'body'"),
        (file_of(entry(expected=1)), "request 1 has unknown fields: expected"),
        (file_of(entry(name="")), "request 1: name '' does not look like one"),
        (file_of(entry(name="a\nb")), "does not look like one"),
        (file_of(entry(content_type="json")), "request 1: content_type 'json' does not look like one"),
        (file_of(entry(content_type="a/b\r\nX: y")), "does not look like one"),
        (file_of(entry(tolerance={"absolut": 1})), "request 1.tolerance has unknown fields: absolut"),
        (file_of(entry(tolerance={"absolute": -1})), "a tolerance is not negative"),
        (file_of(entry(tolerance={"absolute": "1"})), "absolute is not a finite number"),
        (file_of(entry(latency_ms=0)), "latency_ms is above 0, or null"),
        (file_of(entry(body="x" * (6 * 1024**2 + 1))), "the body of request 1 has 6291457 bytes"),
    ],
)
def test_a_file_that_is_not_one_is_refused_with_the_place(raw: bytes, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_golden(raw, where="golden.json")
    assert caught.value.message.startswith("golden.json is not a usable file of golden requests: ")
    assert reason in caught.value.message
    assert caught.value.remedy is not None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(JSON)
def test_every_value_equals_itself_nan_included(value: object) -> None:
    assert difference(request(value), json.dumps(value).encode()) is None


@given(JSON, JSON)
def test_comparing_never_fails(expected: object, value: object) -> None:
    found = difference(request(expected), json.dumps(value).encode())
    assert found is None or "not" in found or "has" in found


@pytest.mark.parametrize(
    ("expected", "answer", "reason"),
    [
        ({"s": [0.5, 0.25]}, {"s": [0.5, 0.26]}, "$.s[1] is 0.26, not 0.25 (0.01 away, 0 allowed)"),
        ({"s": 1}, {"s": 1, "t": 2}, "$ has the unexpected t"),
        ({"s": 1, "t": 2}, {"s": 1}, "$ has no t"),
        ([1, 2], [1], "$ has 1 items, not 2"),
        (1, True, "$ is true, not 1"),
        (True, 1, "$ is 1, not true"),
        (None, 0, "$ is 0, not null"),
        ("a", "b", "$ is 'b', not 'a'"),
        ({"s": 1}, [1], '$ is [1], not {"s": 1}'),
        (1.0, float("nan"), "$ is NaN, not 1.0 (nan away, 0 allowed)"),
        (float("nan"), 1.0, "$ is 1.0, not NaN (nan away, nan allowed)"),
        (float("inf"), float("-inf"), "$ is -Infinity, not Infinity (inf away, nan allowed)"),
        pytest.param(0, 10**400, "000..., not 0 (inf away, 0 allowed)", id="huge"),
        pytest.param(0, -(10**400), "000..., not 0 (inf away, 0 allowed)", id="huge and negative"),
    ],
)
def test_a_difference_is_told_with_its_place(expected: object, answer: object, reason: str) -> None:
    found = difference(request(expected), json.dumps(answer).encode())
    assert found is not None
    assert reason in found


@pytest.mark.parametrize(
    ("expected", "value", "absolute", "relative", "near"),
    [
        (1.0, 1.01, 0.02, 0.0, True),
        (1.0, 1.03, 0.02, 0.0, False),
        (100.0, 101.0, 0.0, 0.02, True),
        (100.0, 103.0, 0.0, 0.02, False),
        (-100.0, -101.0, 0.0, 0.02, True),
        (100.0, 102.5, 1.0, 0.02, True),
        (1, 1.0, 0.0, 0.0, True),
        pytest.param(10**400, 10**400, 0.0, 0.0, True, id="huge"),
        (1.0, float("inf"), 1e308, 1e308, False),
    ],
)
def test_tolerance_is_absolute_plus_relative(
    expected: float, value: float, absolute: float, relative: float, near: bool
) -> None:
    found = difference(request(expected, absolute=absolute, relative=relative), json.dumps(value).encode())
    assert (found is None) == near


def test_text_is_compared_as_text() -> None:
    assert difference(request("0.5,0.25"), b"0.5,0.25\r\n") is None
    assert difference(request("0.5"), b"0.6") == "$ is 0.6, not '0.5'"
    assert difference(request("yes"), b"no") == "the answer is 'no', not 'yes'"
    assert difference(request([1]), b"Internal error") == "the answer is 'Internal error', not [1]"
    assert difference(request("x"), b"\xff\xfe") == "the answer is not text: b'\\xff\\xfe'"


def test_hostile_answers_are_only_wrong() -> None:
    deep = b"[" * 900 + b"1" + b"]" * 900
    nested: object = 1
    for _ in range(900):
        nested = [nested]
    assert difference(request(nested), deep) in {None, "the answer is nested too deeply to be compared"}
    assert difference(request(1), b"[" * 100_000) is not None
    assert difference(request(1), b"1" * 5_000) is not None
    assert difference(request([1.0]), b"[1e999]") == "$[0] is Infinity, not 1.0 (inf away, 0 allowed)"
    assert difference(request({"a": 1}), b'{"a": 1, "a": 2}') == "$.a is 2, not 1 (1 away, 0 allowed)"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b'{"\\u001b[31m": 1, "\\ud800": 2}', r"$ has the unexpected \x1b[31m, \ud800"),
        (b"\x1b[2J", r"the answer is '\\x1b[2J', not {}"),
        ('{"a\\nb": "\u202e"}'.encode(), r"$ has the unexpected a\nb"),
    ],
)
def test_what_an_answer_holds_does_no_harm_on_a_terminal(answer: bytes, reason: str) -> None:
    found = difference(request({}), answer)
    assert found is not None
    assert found.isprintable()
    assert found.replace("\\\\", "\\") == reason.replace("\\\\", "\\")


def test_latency_counts_only_when_the_answer_is_right() -> None:
    slow = GoldenRequest("one", "a/b", "a/b", b"", 1, latency_ms=20)
    assert judge(slow, answer=b"1", latency_ms=20.0).passed
    late = judge(slow, answer=b"1", latency_ms=20.5)
    assert (late.passed, late.reason) == (False, "it took 20.5 ms, 20 ms allowed")
    assert judge(slow, answer=b"2", latency_ms=99).reason == "$ is 2, not 1 (1 away, 2e-06 allowed)"
    unlimited = GoldenRequest("one", "a/b", "a/b", b"", 1)
    assert judge(unlimited, answer=b"1", latency_ms=1e6).passed
