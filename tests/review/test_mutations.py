"""Whatever is done to a plan's JSON: it is reviewed, or refused with one error; and a destroy is never lost."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from glue.errors import UsageError
from glue.review import document, inspecting
from glue.review.model import Grade
from tests.review import golden
from tests.review.making import SETTINGS, change, plan_json

CONFIG = {
    "name": "c",
    "production_variants": [{"variant_name": "main", "model_name": "m", "instance_type": "ml.m5.large"}],
}
VALID = plan_json(
    change(
        "aws_sagemaker_endpoint.e", "update", {"name": "e", "endpoint_config_name": "b"}, {"endpoint_config_name": "c"}
    ),
    change("aws_sagemaker_endpoint_configuration.c", "create", None, CONFIG, unknown={"arn": True}),
    change(
        'module.m["k"].aws_s3_bucket.b[0]',
        "delete/create",
        {"bucket": "b"},
        {"bucket": "c"},
        replace_paths=[["bucket"]],
    ),
    change("aws_iam_role_policy.p", "update", {"policy": "{}"}, {"policy": '{"Statement":[]}'}),
    change("data.aws_region.r", "read", None, {"name": "eu-west-1"}),
    variables={"v": {"value": "secret-value"}},
    configuration={
        "provider_config": {"aws": {"full_name": "x", "expressions": {"region": {"constant_value": "eu-west-1"}}}},
        "root_module": {
            "variables": {"v": {"sensitive": True}},
            "resources": [],
            "module_calls": {"m": {"module": {}}},
        },
    },
    output_changes={"o": {"actions": ["update"], "before": 1, "after": 2, "after_unknown": False}},
    prior_state={
        "values": {
            "root_module": {
                "resources": [
                    {
                        "address": "aws_sagemaker_endpoint.e",
                        "mode": "managed",
                        "type": "aws_sagemaker_endpoint",
                        "values": {"name": "e"},
                    },
                ]
            }
        }
    },
    resource_drift=[change("aws_sns_topic.t", "update", {"tags": None}, {"tags": {"a": "b"}})],
)

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=6,
)
TRICKS = st.sampled_from(
    [[], {}, [[]], [{}], {"a": {}}, "", "delete", ["delete"], ["create", "delete"], True, 0, None, "\ud800", "\x00"]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value inside a document."""
    found = [path] if path else []
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return found + [deeper for key, inner in inside for deeper in places(inner, (*path, key))]


PLACES = places(VALID)


def mutated(path: tuple[Any, ...], value: Any, *, drop: bool) -> dict[str, Any]:
    made: Any = copy.deepcopy(VALID)
    holder = made
    for step in path[:-1]:
        holder = holder[step]
    if drop:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    result: dict[str, Any] = made
    return result


def look(data: bytes) -> Grade | None:
    """Return the grade of a file, null when it was refused; any other error is the test's failure."""
    try:
        return inspecting.review(document.read(data, name="x"), settings=SETTINGS).grade
    except UsageError:
        return None


def test_the_plan_as_it_is_can_be_reviewed() -> None:
    assert look(json.dumps(VALID).encode()) == Grade.HIGH


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PLACES), st.one_of(JSON, TRICKS), st.booleans())
def test_any_value_anywhere_is_reviewed_or_refused(path: tuple[Any, ...], value: Any, drop: bool) -> None:
    grade = look(json.dumps(mutated(path, value, drop=drop)).encode())
    inside_the_bucket = path[:2] == ("resource_changes", 2) or path == ("resource_changes",)
    assert grade is None or inside_the_bucket or grade >= Grade.HIGH


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(json.dumps(VALID)) - 1), st.binary(max_size=3), st.integers(0, 3))
def test_any_broken_bytes_are_reviewed_or_refused(at: int, put: bytes, drop: int) -> None:
    data = json.dumps(VALID).encode()
    look(data[:at] + put + data[at + drop :])


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 0.9999))
def test_a_real_plan_cut_off_anywhere_is_refused(part: float) -> None:
    data = golden.data("promotion").rstrip()
    assert look(data[: int(part * len(data))]) is None
