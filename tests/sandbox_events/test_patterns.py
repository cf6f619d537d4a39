"""Event patterns and schedule expressions, rule by rule.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.events import expressions, patterns

EVENT = {
    "source": "aws.ec2",
    "empty": "",
    "nothing": None,
    "yes": True,
    "count": 5,
    "ip": "10.0.0.7",
    "list": ["a", "b"],
    "void": [],
    "detail": {"name": "Production-7", "size": 2.5, "path": "dir/file.png", "inner": {"deep": "x"}},
    "objects": [{"k": "a", "v": 1}, {"k": "b", "v": 2}],
}


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ({"source": ["aws.ec2", "aws.s3"]}, True),
        ({"source": ["aws.EC2"]}, False),
        ({"source": ["aws.ec2"], "count": [6]}, False),
        ({"count": [5]}, True),
        ({"count": ["5"]}, False),
        ({"count": [5.0]}, False),
        ({"yes": [True]}, True),
        ({"yes": [1]}, False),
        ({"nothing": [None]}, True),
        ({"gone": [None]}, False),
        ({"empty": [""]}, True),
        ({"list": ["b", "z"]}, True),
        ({"list": ["z"]}, False),
        ({"detail": {"inner": {"deep": ["x"]}}}, True),
        ({"detail": {"name": [{"prefix": "Prod"}]}}, True),
        ({"detail": {"name": [{"prefix": {"equals-ignore-case": "prOD"}}]}}, True),
        ({"detail": {"path": [{"suffix": ".png"}]}}, True),
        ({"detail": {"path": [{"suffix": {"equals-ignore-case": ".PNG"}}]}}, True),
        ({"detail": {"name": [{"equals-ignore-case": "production-7"}]}}, True),
        ({"detail": {"path": [{"wildcard": "dir/*.png"}]}}, True),
        ({"detail": {"path": [{"wildcard": "*/f*e.*"}]}}, True),
        ({"detail": {"path": [{"wildcard": "dir/*.jpg"}]}}, False),
        ({"detail": {"path": [{"wildcard": "dir/file.png*"}]}}, True),
        ({"detail": {"size": [{"numeric": [">", 2, "<=", 2.5]}]}}, True),
        ({"detail": {"size": [{"numeric": ["<", 2.5]}]}}, False),
        ({"source": [{"numeric": ["=", 1]}]}, False),
        ({"ip": [{"cidr": "10.0.0.0/24"}]}, True),
        ({"ip": [{"cidr": "10.0.1.0/24"}]}, False),
        ({"source": [{"cidr": "10.0.0.0/24"}]}, False),
        ({"gone": [{"exists": False}]}, True),
        ({"source": [{"exists": True}]}, True),
        ({"detail": [{"exists": True}]}, False),  # only leaves exist
        ({"void": [{"exists": False}]}, True),
        ({"gone": {"deeper": [{"exists": False}]}}, True),
        ({"source": [{"anything-but": "aws.s3"}]}, True),
        ({"source": [{"anything-but": ["aws.s3", "aws.ec2"]}]}, False),
        ({"count": [{"anything-but": [5, 6]}]}, False),
        ({"gone": [{"anything-but": "x"}]}, False),
        ({"detail": {"name": [{"anything-but": {"prefix": "Prod"}}]}}, False),
        ({"detail": {"name": [{"anything-but": {"prefix": ["a", "b"]}}]}}, True),
        ({"detail": {"path": [{"anything-but": {"wildcard": "*/tmp/*"}}]}}, True),
        ({"detail": {"name": [{"anything-but": {"equals-ignore-case": ["PRODUCTION-7"]}}]}}, False),
        ({"$or": [{"count": [6]}, {"source": [{"prefix": "aws."}]}]}, True),
        ({"yes": [False], "$or": [{"count": [5]}, {"count": [6]}]}, False),
        ({"detail": {"$or": [{"size": [2]}, {"inner": {"deep": ["x"]}}]}}, True),
        ({"objects": {"k": ["a"], "v": [1]}}, True),
        ({"objects": {"k": ["a"], "v": [2]}}, False),  # within one object
    ],
)
def test_what_matches(pattern: dict[str, Any], matches: bool) -> None:
    patterns.validate(pattern)
    assert patterns.matches(pattern, EVENT) is matches


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"a": "b"}',
        '{"a": 1}',
        '{"a": []}',
        '{"a": {}}',
        '{"a": [["b"]]}',
        '{"a": [{"unknown": "b"}]}',
        '{"a": [{"prefix": "b", "suffix": "c"}]}',
        '{"a": [{"prefix": 1}]}',
        '{"a": [{"numeric": [">"]}]}',
        '{"a": [{"numeric": ["~", 1]}]}',
        '{"a": [{"numeric": [">", 9e9]}]}',
        '{"a": [{"numeric": [">", 5, "<", 1]}]}',
        '{"a": [{"exists": "yes"}]}',
        '{"a": [{"cidr": "10.0.0.0"}]}',
        '{"a": [{"cidr": "10.0.0.0/99"}]}',
        '{"a": [{"wildcard": "a**b"}]}',
        '{"a": [{"anything-but": {"numeric": ["=", 1]}}]}',
        '{"a": [{"anything-but": [true]}]}',
    ],
)
def test_patterns_that_are_refused(text: str) -> None:
    with pytest.raises(patterns.PatternError):
        patterns.parse(text)


@given(st.text(alphabet="ab*\\", max_size=12), st.text(alphabet="ab*\\", max_size=12))
def test_an_escaped_text_matches_itself_only(text: str, other: str) -> None:
    escaped = text.replace("\\", "\\\\").replace("*", "\\*")
    pattern = {"a": [{"wildcard": escaped}]}
    patterns.validate(pattern)
    assert patterns.matches(pattern, {"a": text})
    assert patterns.matches(pattern, {"a": other}) is (text == other)
    around = {"a": [{"wildcard": f"*{escaped}*"}]}
    if not escaped.startswith("*"):
        assert patterns.matches(around, {"a": f"{other}{text}{other}"})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda one: st.lists(one) | st.dictionaries(st.text(), one),
    )
)
def test_no_event_breaks_a_pattern(event: Any) -> None:
    pattern = {
        "a": {"b": [{"prefix": "x"}, {"numeric": [">", 1]}, {"exists": False}]},
        "$or": [{"c": ["d"]}, {"e": [1]}],
    }
    assert patterns.matches(pattern, json.loads(json.dumps(event))) in {True, False}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "zone", "now", "then"),
    [
        ("rate(5 minutes)", "UTC", "2026-01-01T00:07:00", "2026-01-01T00:10:00"),
        ("rate(1 hour)", "UTC", "2026-01-01T00:00:00", "2026-01-01T01:00:00"),
        ("cron(0 10 * * ? *)", "UTC", "2026-01-01T10:00:00", "2026-01-02T10:00:00"),
        ("cron(15 12 * * ? *)", "UTC", "2026-01-01T00:00:00", "2026-01-01T12:15:00"),
        ("cron(0 18 ? * MON-FRI *)", "UTC", "2026-01-03T00:00:00", "2026-01-05T18:00:00"),
        ("cron(0 8 1 * ? *)", "UTC", "2026-01-01T08:00:00", "2026-02-01T08:00:00"),
        ("cron(0/15 * * * ? *)", "UTC", "2026-01-01T00:16:00", "2026-01-01T00:30:00"),
        ("cron(0 9 ? * 2#1 *)", "UTC", "2026-01-06T00:00:00", "2026-02-02T09:00:00"),
        ("cron(0 9 ? * 6L *)", "UTC", "2026-01-01T00:00:00", "2026-01-30T09:00:00"),
        ("cron(0 9 L * ? *)", "UTC", "2026-02-01T00:00:00", "2026-02-28T09:00:00"),
        ("cron(0 9 15W * ? *)", "UTC", "2026-02-01T00:00:00", "2026-02-16T09:00:00"),
        ("cron(0 0 29 2 ? *)", "UTC", "2026-01-01T00:00:00", "2028-02-29T00:00:00"),
        ("cron(0 0 1 NOV-FEB ? *)", "UTC", "2026-03-01T00:00:00", "2026-11-01T00:00:00"),
        ("cron(0 0 1 1 ? 2020)", "UTC", "2026-01-01T00:00:00", None),
        ("cron(0 8 * * ? *)", "Europe/Berlin", "2026-07-01T00:00:00", "2026-07-01T06:00:00"),
        ("cron(30 2 * * ? *)", "Europe/Berlin", "2026-03-28T02:00:00", "2026-03-30T00:30:00"),  # the 29th has no 2:30
        ("at(2026-07-01T12:00:00)", "America/New_York", "2026-01-01T00:00:00", "2026-07-01T16:00:00"),
        ("at(2026-07-01T12:00:00)", "UTC", "2026-07-01T12:00:00", None),
    ],
)
def test_when_it_happens_next(expression: str, zone: str, now: str, then: str | None) -> None:
    schedule = expressions.parse(expression, at=True)
    start = at("2026-01-01T00:00:00")
    found = schedule.after(at(now), start=start, zone=ZoneInfo(zone))
    assert found == (at(then) if then else None)


@pytest.mark.parametrize(
    "text",
    [
        "", "rate(1 minutes)", "rate(5 minute)", "rate(0 minutes)", "rate(5 seconds)", "cron(* * * * * *)",
        "cron(0 10 * * ?)", "cron(60 10 * * ? *)", "cron(0 10 ? * 8 *)", "cron(0 10 32 * ? *)", "at(2026-07-01)",
        "at(2026-02-30T00:00:00)", "every(5 minutes)", "cron(0 10 ? * ? *)", "cron(a 10 * * ? *)",
        "cron(0/ 10 * * ? *)",
    ],
)  # fmt: skip
def test_expressions_that_are_refused(text: str) -> None:
    with pytest.raises(expressions.ExpressionError):
        expressions.parse(text, at=True)
