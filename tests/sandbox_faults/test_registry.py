"""Whom a fault meets, how often, until when."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox import faults
from sandbox.errors import SandboxError
from sandbox.faults import Registry


class Clock:
    def __init__(self) -> None:
        self.moment = datetime(2031, 5, 4, 10, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registry(clock: Clock) -> Registry:
    return Registry(clock)


def meets(registry: Registry, kind: str = "throttle", **facts: str) -> bool:
    given = {
        "account": "111111111111",
        "service": "s3",
        "operation": "GetObject",
        "principal": "arn:p",
        "resource": "b/k",
    }
    return bool(registry.meet({kind}, {key: (value,) for key, value in {**given, **facts}.items()}))


def sequence(registry: Registry, length: int) -> str:
    return "".join("x" if meets(registry) else "." for _ in range(length))


@pytest.mark.parametrize(
    ("match", "facts", "expected"),
    [
        ({}, {}, True),
        ({"account": "dev"}, {}, True),
        ({"account": "111111111111"}, {}, True),
        ({"account": "qa"}, {}, False),
        ({"service": "s3", "operation": "Get*"}, {}, True),
        ({"service": "s3", "operation": "Get*"}, {"operation": "PutObject"}, False),
        ({"service": "s3", "operation": "getobject"}, {}, None),
        ({"resource": "b/*"}, {}, True),
        ({"resource": "b/*"}, {"resource": "bb/k"}, False),
        ({"resource": "*k"}, {"resource": "deep/er/k"}, True),
        ({"principal": "arn:[pq]"}, {}, True),
        ({"principal": "arn:q"}, {}, False),
        ({"account": ""}, {}, True),
    ],
)
def test_patterns(registry: Registry, match: dict[str, str], facts: dict[str, str], expected: bool | None) -> None:
    if expected is None:
        with pytest.raises(SandboxError, match="did you mean 'GetObject'"):
            registry.add([{"kind": "throttle", "match": match}])
        return
    registry.add([{"kind": "throttle", "match": match}])
    assert meets(registry, **facts) is expected


def test_a_fact_that_is_not_known_meets_nothing(registry: Registry) -> None:
    registry.add([{"kind": "capacity", "match": {"instance_type": "ml.g5.*"}}])
    assert registry.meet({"capacity"}, {"account": ("1",)}) == []


def test_any_name_of_a_resource_will_do(registry: Registry) -> None:
    registry.add([{"kind": "throttle", "match": {"resource": "ranker-*"}}])
    assert registry.meet({"throttle"}, {"resource": ("/x", "ranker-r7", "else")})
    assert not registry.meet({"throttle"}, {"resource": ()})


@pytest.mark.parametrize(
    ("often", "expected"),
    [
        ({}, "xxxxxx"),
        ({"times": 2}, "xx...."),
        ({"skip": 2}, "..xxxx"),
        ({"every": 3}, "x..x.."),
        ({"skip": 1, "every": 2, "times": 2}, ".x.x.."),
        ({"probability": 0.0}, "......"),
        ({"probability": 1.0}, "xxxxxx"),
    ],
)
def test_how_often(registry: Registry, often: dict[str, Any], expected: str) -> None:
    registry.add([{"kind": "throttle", **often}])
    assert sequence(registry, 6) == expected


def test_chance_is_the_same_each_time(clock: Clock) -> None:
    def run(seed: int) -> str:
        registry = Registry(clock)
        registry.add([{"kind": "throttle", "probability": 0.3, "seed": seed}])
        return sequence(registry, 500)

    assert run(1) == run(1) != run(2)
    assert 100 < run(1).count("x") < 200


def test_it_ends_by_the_clock(registry: Registry, clock: Clock) -> None:
    registry.add([{"kind": "throttle", "for_s": 60}])
    clock.moment += timedelta(seconds=59)
    assert meets(registry)
    clock.moment += timedelta(seconds=1)
    assert not meets(registry)
    (shown,) = registry.describe()
    assert (shown["state"], shown["hits"], shown["seen"]) == ("over", 1, 1)


def test_it_ends_when_it_is_cleared(registry: Registry) -> None:
    registry.add([{"kind": "throttle", "id": "one"}, {"kind": "slow", "id": "two"}])
    assert registry.clear("one") == 1
    assert not meets(registry)
    assert meets(registry, "slow")
    with pytest.raises(SandboxError, match="no fault 'one'"):
        registry.clear("one")
    assert registry.clear() == 1
    assert registry.idle


def test_many_threads_meet_it_just_so_often(registry: Registry) -> None:
    registry.add([{"kind": "throttle", "times": 10}])
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda _: meets(registry), range(400)))
    assert found.count(True) == 10
    assert registry.describe()[0]["hits"] == 10


def test_the_first_that_answers_has_the_last_word(registry: Registry) -> None:
    registry.add([{"kind": "slow"}, {"kind": "throttle"}, {"kind": "error"}])
    met = registry.meet({"slow", "throttle", "error"}, {})
    assert [one.kind for one in met] == ["slow", "throttle"]
    assert [one["hits"] for one in registry.describe()] == [1, 1, 0]


def test_each_hit_is_written_down(clock: Clock, tmp_path: Path) -> None:
    registry = Registry(clock, tmp_path / "faults.jsonl")
    registry.add([{"kind": "throttle", "id": "it", "times": 1}])
    assert meets(registry)
    assert not meets(registry)
    (line,) = [json.loads(text) for text in (tmp_path / "faults.jsonl").read_text().splitlines()]
    assert line["fault"] == "it"
    assert line["time"] == "2031-05-04T10:00:00.000Z"
    assert (line["service"], line["operation"], line["resource"]) == ("s3", "GetObject", "b/k")
    assert registry.recent() == [line]


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ([], "a fault is a JSON object"),
        ({}, "there is no kind of fault None"),
        ({"kind": "throtle"}, "did you mean 'throttle'"),
        ({"kind": ["throttle"]}, "there is no kind"),
        ({"kind": "throttle", "time": 3}, "did you mean 'times'"),
        ({"kind": "throttle", "match": []}, "match is an object"),
        ({"kind": "throttle", "match": {"servce": "s3"}}, "did you mean 'service'"),
        ({"kind": "throttle", "match": {"service": "sagemker"}}, "did you mean 'sagemaker'"),
        ({"kind": "throttle", "match": {"service": "s*"}}, "there is no service"),
        ({"kind": "throttle", "match": {"service": 3}}, "service is a text"),
        ({"kind": "throttle", "match": {"operation": "CreateModel"}}, "needs its service"),
        ({"kind": "throttle", "match": {"service": "sagemaker", "operation": "CreateModl"}}, "'CreateModel'"),
        ({"kind": "throttle", "match": {"service": "sagemaker", "operation": "Kreate*"}}, "no operation of sagemaker"),
        ({"kind": "throttle", "match": {"account": "prod"}}, "did you mean 'production'"),
        ({"kind": "throttle", "match": {"account": "123456789012"}}, "has no account"),
        ({"kind": "throttle", "match": {"instance_type": "ml.*"}}, "is not told by"),
        ({"kind": "capacity", "match": {"operation": "CreateModel"}}, "capacity does not meet"),
        ({"kind": "lost-update"}, "lost-update needs the service"),
        ({"kind": "lost-update", "match": {"service": "kms"}}, "lost-update needs the service"),
        ({"kind": "throttle", "times": 0}, "times is a whole number from 1"),
        ({"kind": "throttle", "times": 1.5}, "times is a whole number"),
        ({"kind": "throttle", "times": True}, "times is a whole number"),
        ({"kind": "throttle", "times": "3"}, "times is a whole number"),
        ({"kind": "throttle", "probability": 1.1}, "probability is a number from 0 to 1"),
        ({"kind": "throttle", "probability": float("nan")}, "probability is a number"),
        ({"kind": "throttle", "for_s": 0}, "for_s is a number"),
        ({"kind": "throttle", "every": 2, "probability": 0.5}, "either every or probability"),
        ({"kind": "throttle", "id": "../x"}, "an id has letters"),
        ({"kind": "throttle", "effect": {"code": "X"}}, "the effect of throttle has no 'code'"),
        ({"kind": "cut", "effect": {"at": 3}}, "the effect of cut has no 'at'"),
        ({"kind": "error", "effect": {"status": 404}}, "status is one of 500, 503"),
        ({"kind": "error", "effect": {"status": True}}, "status is one of 500, 503"),
        ({"kind": "error", "effect": {"status": [500]}}, "status is one of 500, 503"),
        ({"kind": "timeout", "effect": {"when": "during"}}, "when is one of before, after"),
        ({"kind": "slow", "effect": {"ms": -1}}, "ms is a number from 0"),
        ({"kind": "slow", "effect": {"ms": 1e12}}, "ms is a number from 0"),
        ({"kind": "throttle", "about": "x" * 3000}, "about is a text of at most"),
    ],
)
def test_what_is_wrong_is_said_at_once(registry: Registry, document: Any, complaint: str) -> None:
    with pytest.raises(SandboxError, match=complaint.replace("(", r"\(")):
        registry.add([{"kind": "throttle", "id": "good"}, document])
    assert registry.idle  # all of them, or none


def test_an_id_is_given_out_once(registry: Registry) -> None:
    registry.add([{"kind": "throttle", "id": "f1"}])
    with pytest.raises(SandboxError, match="'f1' is set already"):
        registry.add([{"kind": "slow", "id": "f1"}])
    with pytest.raises(SandboxError, match="'x' is set already"):
        registry.add([{"kind": "slow", "id": "x"}, {"kind": "slow", "id": "x"}])
    assert [one.id for one in registry.add([{"kind": "slow"}])] != ["f1"]


def test_there_is_an_end_to_it(registry: Registry) -> None:
    with pytest.raises(SandboxError, match="at most 200"):
        registry.add([{"kind": "throttle"}] * 201)
    assert registry.idle


def test_engines_get_what_they_ask_for() -> None:
    faults.registry().add([{"kind": "capacity", "match": {"account": "qa", "instance_type": "ml.g5.*"}, "times": 1}])
    facts = {"account": "222222222222", "resource": "e", "instance_type": "ml.g5.xlarge", "operation": "CreateEndpoint"}
    assert faults.asks("capacity", **{**facts, "instance_type": "ml.m5.large"}) is None
    assert faults.asks("never-ready", **facts) is None
    found = faults.asks("capacity", **facts)
    assert found is not None
    assert found.text("message") == ""
    assert faults.asks("capacity", **facts) is None


def test_an_engine_cannot_ask_for_what_is_not_there() -> None:
    with pytest.raises(ValueError, match="cannot ask for a fault of kind 'capcity'"):
        faults.asks("capcity")
    with pytest.raises(ValueError, match="cannot ask for a fault of kind 'throttle'"):
        faults.asks("throttle")
    with pytest.raises(ValueError, match="not told by instance"):
        faults.asks("capacity", instance="ml.g5.xlarge")
