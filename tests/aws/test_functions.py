"""A function's answer, its failure in its own words, and one that is not there."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from glue.aws.errors import Where
from glue.aws.functions import Functions
from glue.errors import AwsError, NotFoundError

WHERE = Where("222222222222", "eu-west-1", "arn:aws:iam::222222222222:role/slipway-qa-promote", "lambda")
NAME = "slipway-qa-ranker-monitor"


@pytest.fixture
def functions() -> Iterator[tuple[Functions, Stubber]]:
    make: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x").client
    client = make("lambda", region_name="eu-west-1")
    with Stubber(client) as stub:
        yield Functions(client, where=WHERE), stub
        stub.assert_no_pending_responses()
    client.close()


def answer(document: object, **more: str) -> dict[str, Any]:
    data = json.dumps(document).encode()
    return {"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(data), len(data)), **more}


def test_an_answer_is_an_object(functions: tuple[Functions, Stubber]) -> None:
    facade, stub = functions
    stub.add_response("invoke", answer({"a": 1}), {"FunctionName": NAME, "Payload": b'{"b": 2}'})
    assert facade.call(NAME, {"b": 2}) == {"a": 1}
    stub.add_response("invoke", answer([1]))
    with pytest.raises(AwsError, match=r"answered '\[1\]', which is no object"):
        facade.call(NAME, {})


def test_a_failure_has_its_words_and_its_log(functions: tuple[Functions, Stubber]) -> None:
    facade, stub = functions
    stub.add_response("invoke", answer({"errorMessage": "it is not schema 1"}, FunctionError="Unhandled"))
    with pytest.raises(AwsError, match="failed: it is not schema 1") as caught:
        facade.call(NAME, {})
    assert f"/aws/lambda/{NAME}" in str(caught.value.remedy)


def test_a_missing_function_is_named(functions: tuple[Functions, Stubber]) -> None:
    facade, stub = functions
    stub.add_client_error("invoke", "ResourceNotFoundException", "Function not found", 404)
    with pytest.raises(NotFoundError, match=f"function {NAME} does not exist"):
        facade.call(NAME, {})
