"""Pages that are empty and not the end, keys that were not got to, functions that fail for a while."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.credentials import Credentials
from botocore.exceptions import EndpointConnectionError
from botocore.stub import ANY, Stubber

from glue.aws.dynamodb import Table, item_of
from glue.aws.errors import Where
from glue.aws.function_url import FunctionUrl
from glue.aws.logs import Logs
from glue.aws.sqs import Move, Queues
from glue.aws.training_jobs import TrainingJobs
from glue.core.training.words import Kind
from glue.errors import AccessDeniedError, AwsError

WHERE = Where("111111111111", "eu-west-1", "arn:aws:iam::111111111111:role/slipway-dev-train", "x")
URL = "https://abcdefgh.lambda-url.eu-west-1.on.aws/"


@pytest.fixture
def stubbed() -> Iterator[Any]:
    made: list[Any] = []

    def make(service: str) -> tuple[Any, Stubber]:
        create: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x").client
        client = create(service, region_name="eu-west-1")
        stub = Stubber(client)
        stub.activate()
        made.append((client, stub))
        return client, stub

    yield make
    for client, stub in made:
        stub.assert_no_pending_responses()
        client.close()


def test_a_query_goes_on_after_an_empty_page(stubbed: Any) -> None:
    client, stub = stubbed("dynamodb")
    key = {"JobId": {"S": "a"}}
    stub.add_response("query", {"Items": [], "LastEvaluatedKey": key})
    stub.add_response("query", {"Items": [{"JobId": {"S": "a"}, "n": {"N": "1.5"}}]})
    table = Table(client, name="t", where=WHERE, sleep=lambda _: None)
    assert list(table.query("history", ("week", "2026-W47#0"), order="submitted_at")) == [{"JobId": "a", "n": 1.5}]


def test_keys_that_were_not_got_to_are_asked_again_and_not_for_ever(stubbed: Any) -> None:
    client, stub = stubbed("dynamodb")
    slept: list[float] = []
    table = Table(client, name="t", where=WHERE, sleep=slept.append)
    left = {"t": {"Keys": [{"JobId": {"S": "b"}}]}}
    stub.add_response("batch_get_item", {"Responses": {"t": [{"JobId": {"S": "a"}}]}, "UnprocessedKeys": left})
    stub.add_response("batch_get_item", {"Responses": {"t": [{"JobId": {"S": "b"}, "x": {"NULL": True}}]}})
    assert table.get_all("JobId", ["a", "b", "a"], fields=("x",)) == {
        "a": {"JobId": "a"},
        "b": {"JobId": "b", "x": None},
    }
    for _ in range(8):
        stub.add_response("batch_get_item", {"Responses": {"t": []}, "UnprocessedKeys": left})
    with pytest.raises(AwsError, match="did not hand out 1 items"):
        table.get_all("JobId", ["b"], fields=())
    assert max(slept) <= 5


def test_thousands_of_keys_go_in_hundreds(stubbed: Any) -> None:
    client, stub = stubbed("dynamodb")
    for _ in range(3):
        stub.add_response("batch_get_item", {"Responses": {"t": []}}, {"RequestItems": ANY})
    table = Table(client, name="t", where=WHERE, sleep=lambda _: None)
    assert table.get_all("JobId", [str(n) for n in range(250)], fields=("x",)) == {}


def test_values_of_every_type() -> None:
    typed = {
        "s": {"S": "x"},
        "i": {"N": "-5"},
        "f": {"N": "0.5"},
        "b": {"BOOL": True},
        "l": {"L": [{"M": {"z": {"N": "1"}}}]},
    }
    assert item_of(typed) == {"s": "x", "i": -5, "f": 0.5, "b": True, "l": [{"z": 1}]}


def test_log_lines_of_all_pages_and_none_of_a_group_that_is_not_there(stubbed: Any) -> None:
    client, stub = stubbed("logs")
    event = {"timestamp": 1, "logStreamName": "a/x", "message": "one", "eventId": "e1"}
    stub.add_response("filter_log_events", {"events": [], "nextToken": "t"})
    stub.add_response("filter_log_events", {"events": [event]})
    stub.add_client_error("filter_log_events", "ResourceNotFoundException")
    logs = Logs(client, where=WHERE)
    assert [line.text for line in logs.lines("g", streams="a/", since=1)] == ["one"]
    assert list(logs.lines("g", streams="a/")) == []


def test_the_newest_move_of_a_queue(stubbed: Any) -> None:
    client, stub = stubbed("sqs")
    stub.add_response("list_message_move_tasks", {"Results": []})
    result = {"Status": "FAILED", "ApproximateNumberOfMessagesMoved": 2, "FailureReason": "no source"}
    stub.add_response("list_message_move_tasks", {"Results": [result]})
    queues = Queues(client, where=WHERE)
    assert queues.move("arn") is None
    assert queues.move("arn") == Move("FAILED", 2, None, "no source")


def test_a_job_that_sagemaker_does_not_know(stubbed: Any) -> None:
    client, stub = stubbed("sagemaker")
    stub.add_client_error("describe_training_job", "ValidationException", "Requested resource not found.")
    stub.add_client_error("describe_processing_job", "ResourceNotFound", "Could not find it")
    stub.add_client_error("describe_training_job", "ValidationException", "1 validation error")
    jobs = TrainingJobs(client, where=WHERE)
    assert jobs.describe(Kind.TRAINING, "a-1") is None
    assert jobs.describe(Kind.PROCESSING, "a-1") is None
    with pytest.raises(AwsError, match="1 validation error"):
        jobs.describe(Kind.TRAINING, "a-1")


# function URLs


@dataclass
class Http:
    """Answers one after the other; an exception is raised."""

    answers: list[Any]
    sent: list[Any] = field(default_factory=list)

    def send(self, request: Any) -> Any:
        self.sent.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, body = answer
        return type("Answer", (), {"status_code": status, "content": body})()


def called(*answers: Any) -> tuple[FunctionUrl, Http, list[float]]:
    http, slept = Http(list(answers)), []
    any_http: Any = http
    url = FunctionUrl(
        URL,
        endpoint="http://127.0.0.1:4700",
        credentials=lambda: Credentials("AKID", "secret", "session"),
        http=any_http,
        where=WHERE,
        sleep=slept.append,
    )
    return url, http, slept


def test_a_request_is_signed_for_lambda_under_the_urls_own_name() -> None:
    url, http, slept = called((200, b'{"results": []}'))
    assert url.post({"jobs": []}).document == {"results": []}
    (request,) = http.sent
    assert request.url == "http://127.0.0.1:4700/"
    assert request.headers["Host"] == "abcdefgh.lambda-url.eu-west-1.on.aws"
    assert "/eu-west-1/lambda/aws4_request" in request.headers["Authorization"]
    assert "host;" in request.headers["Authorization"]
    assert request.headers["X-Amz-Security-Token"] == "session"
    assert json.loads(request.body) == {"jobs": []}
    assert slept == []


def test_failures_that_pass_are_sent_again_with_growing_waits() -> None:
    gone = EndpointConnectionError(endpoint_url=URL)
    url, http, slept = called((502, b"x"), gone, (429, b"{}"), (200, b'{"ok": 1}'))
    assert url.post({}).document == {"ok": 1}
    assert len(http.sent) == 4
    assert slept == sorted(slept)


def test_a_function_that_keeps_failing_is_one_error() -> None:
    url, http, slept = called(*[(502, b"Internal Server Error")] * 6)
    with pytest.raises(AwsError, match=r"keeps failing .*HTTP 502: Internal Server Error"):
        url.post({})
    assert (len(http.sent), len(slept)) == (6, 5)
    assert sum(slept) < 60


def test_a_denial_names_the_permission_and_is_not_sent_again() -> None:
    url, http, _ = called((403, b'{"Message": "Forbidden"}'))
    with pytest.raises(AccessDeniedError, match="denied lambda:InvokeFunctionUrl") as caught:
        url.post({})
    assert "lambda:InvokeFunction" in str(caught.value.remedy)
    assert len(http.sent) == 1


@pytest.mark.parametrize("answer", [(200, b"[]"), (200, b"<html>"), (413, b"too large"), (404, b"{}")])
def test_an_answer_that_is_none_is_an_error(answer: tuple[int, bytes]) -> None:
    url, _, _ = called(answer)
    with pytest.raises(AwsError, match=f"answered HTTP {answer[0]}"):
        url.post({})


def test_a_refusal_has_its_reason() -> None:
    url, _, _ = called((400, b'{"message": "jobs takes a list"}'))
    answer = url.post({})
    assert (answer.status, answer.document["message"]) == (400, "jobs takes a list")
