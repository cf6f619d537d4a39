"""What the invoker makes of an event, and what it refuses."""

from __future__ import annotations

import base64
import json
from types import ModuleType
from typing import Any

import pytest

from tests.unit.invoker_support import load


@pytest.fixture(scope="module")
def requests() -> ModuleType:
    return load("invoker_request")


def http_event(body: str | None, *, method: str = "POST", **headers: str) -> dict[str, Any]:
    return {
        "version": "2.0",
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "requestContext": {"http": {"method": method, "path": "/"}, "requestId": "gateway-1"},
        "body": body,
        "isBase64Encoded": False,
    }


def test_a_json_value_becomes_compact_utf_8(requests: ModuleType) -> None:
    request = requests.parse({"body": {"query": "café", "documents": [1, 2]}})
    assert request.body == '{"query":"café","documents":[1,2]}'.encode()
    assert (request.content_type, request.accept) == ("application/json", "application/json")
    assert (request.target_variant, request.inference_id) == (None, None)


def test_text_is_passed_on_byte_for_byte(requests: ModuleType) -> None:
    assert requests.parse({"body": ' { "a" : 1.0 }\n'}).body == b' { "a" : 1.0 }\n'


def test_options_are_passed_through(requests: ModuleType) -> None:
    request = requests.parse(
        {"body": "1,2", "content_type": "text/csv", "accept": "text/csv", "target_variant": "b", "inference_id": "id-1"}
    )
    assert request == requests.Request(b"1,2", "text/csv", "text/csv", "b", "id-1")


def test_http_headers_are_the_options_whatever_their_case(requests: ModuleType) -> None:
    event = http_event(
        "[1]",
        Content_Type="application/json; charset=utf-8",
        Accept="application/jsonlines",
        X_Amzn_SageMaker_Target_Variant="candidate",
        X_Amzn_SageMaker_Inference_Id="42",
    )
    assert requests.parse(event) == requests.Request(
        b"[1]", "application/json; charset=utf-8", "application/jsonlines", "candidate", "42"
    )
    assert requests.parse(http_event("[1]", X_Slipway_Sticky_Key="é 7")).sticky_key == "é 7"


def test_any_accepted_type_means_json(requests: ModuleType) -> None:
    assert requests.parse(http_event("[]", accept="*/*")).accept == "application/json"
    assert requests.parse(http_event("[]")).accept == "application/json"


def test_base64_is_undone(requests: ModuleType) -> None:
    event = http_event(base64.b64encode(b"\x00\xff").decode(), content_type="application/x-npy")
    assert requests.parse(event | {"isBase64Encoded": True}).body == b"\x00\xff"


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (None, "the event is an object with a body"),
        ([1], "the event is an object with a body"),
        ({}, "there is no body"),
        ({"body": None}, "there is no body"),
        ({"body": ""}, "the body is empty"),
        ({"body": "{"}, "the body is not JSON: Expecting property name"),
        ({"body": '{"a": NaN}'}, "the body is not JSON: NaN is not a number there"),
        ({"body": {"a": float("inf")}}, "the body is not JSON: Infinity is not a number there"),
        ({"body": "[" * 100_000 + "]" * 100_000}, "the body is nested too deeply"),
        ({"body": '"\ud800"'}, "the body is not UTF-8"),
        ({"body": ["\ud800"]}, "the body is not UTF-8"),
        ({"body": base64.b64encode('"é"'.encode("utf-16")).decode(), "isBase64Encoded": True}, "the body is not UTF-8"),
        (
            {"body": [1], "content_type": "text/csv"},
            "the body must be a string when content_type is not application/json",
        ),
        ({"body": "not base64!", "isBase64Encoded": True}, "isBase64Encoded is set and the body is not base64"),
        ({"body": 5, "isBase64Encoded": True}, "isBase64Encoded is set and the body is not base64"),
        ({"body": "1", "target_variant": "-a"}, "target_variant takes letters, digits and hyphens, 63 at most"),
        ({"body": "1", "target_variant": "a" * 64}, "target_variant takes letters"),
        ({"body": "1", "target_variant": 1}, "target_variant takes letters"),
        ({"body": "1", "inference_id": "a" * 65}, "inference_id takes printable characters, 64 at most"),
        ({"body": "1", "inference_id": ""}, "inference_id takes printable characters"),
        ({"body": "1", "accept": "a\r\nx-injected: 1"}, "accept takes printable characters"),
        ({"body": "1", "content_type": "é"}, "content_type takes printable characters"),
        ({"body": "1", "sticky_key": ""}, "sticky_key takes 1 to 256 characters, no control characters"),
        ({"body": "1", "sticky_key": "a" * 257}, "sticky_key takes"),
        ({"body": "1", "sticky_key": "a\nb"}, "sticky_key takes"),
        ({"body": "1", "sticky_key": "\ud800"}, "sticky_key takes"),
        ({"body": "1", "sticky_key": 7}, "sticky_key takes"),
        ({"body": "1", "sticky_key": "a", "target_variant": "b"}, "give target_variant or sticky_key, not both"),
        ({"body": "1", "variant": "a"}, "unknown keys variant; known are accept, body"),
    ],
)
def test_a_bad_request_is_refused_with_its_reason(requests: ModuleType, event: Any, reason: str) -> None:
    with pytest.raises(requests.BadRequestError) as refused:
        requests.parse(event)
    assert str(refused.value).startswith(reason)
    assert refused.value.status == 400


def test_only_post_is_taken_over_http(requests: ModuleType) -> None:
    with pytest.raises(requests.BadRequestError, match="use POST, not GET") as refused:
        requests.parse(http_event(None, method="GET"))
    assert refused.value.status == 405


def test_what_sagemaker_would_not_take_is_refused_before_the_call(requests: ModuleType) -> None:
    with pytest.raises(requests.BadRequestError, match="6291457 bytes") as refused:
        requests.parse({"body": "1" * (6 * 1024 * 1024 + 1), "content_type": "text/csv"})
    assert refused.value.status == 413


def test_a_variant_name_with_many_hyphens_costs_no_time(requests: ModuleType) -> None:
    with pytest.raises(requests.BadRequestError, match="target_variant"):
        requests.parse({"body": "1", "target_variant": "a" + "-" * 5_000})


def test_numbers_survive_as_they_were_written(requests: ModuleType) -> None:
    text = json.dumps({"weights": [0.1, 1e-300, 12345678901234567890]})
    assert requests.parse({"body": text}).body == text.encode()
