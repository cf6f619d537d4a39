"""The invoker's answers: every failure that SageMaker knows, by botocore's own stubs."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import botocore.session
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from tests.unit.invoker_support import SOURCE, Context, load

ENDPOINT = "slipway-qa-ranker"
SESSION = botocore.session.get_session()  # one for all tests: each new one reads botocore's models again
SESSION.set_credentials("access", "secret")
MODEL_ERROR = (
    'Received server error (500) from primary with message "KeyError: price". See '
    "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logEventViewer:group=/aws/sagemaker/x "
    "in account 222222222222 for more information."
)


@pytest.fixture
def invoker(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("ENDPOINT_NAME", ENDPOINT)
    return load("invoker")


@pytest.fixture
def sagemaker(invoker: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    client = SESSION.create_client("sagemaker-runtime", region_name="eu-west-1")
    monkeypatch.setattr(invoker, "client", lambda _timeout_s: client)
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def result(body: bytes, **more: Any) -> dict[str, Any]:
    return {"Body": StreamingBody(io.BytesIO(body), len(body)), "ContentType": "application/json", **more}


def asked(**more: Any) -> dict[str, Any]:
    """What SageMaker is asked for the body [1]."""
    return {
        "EndpointName": ENDPOINT,
        "Body": b"[1]",
        "ContentType": "application/json",
        "Accept": "application/json",
        "InferenceId": Context.aws_request_id,
        **more,
    }


def test_an_answer_carries_the_variant_that_gave_it(invoker: ModuleType, sagemaker: Stubber) -> None:
    sagemaker.add_response(
        "invoke_endpoint",
        result(b'{"scores": [0.5]}', InvokedProductionVariant="main"),
        asked(),
    )
    assert invoker.handle({"body": [1]}, Context()) == {
        "statusCode": 200,
        "headers": {
            "content-type": "application/json",
            "x-amzn-invoked-production-variant": "main",
            "x-amzn-sagemaker-inference-id": Context.aws_request_id,
        },
        "body": '{"scores": [0.5]}',
    }


def test_variant_and_inference_id_are_passed_through(invoker: ModuleType, sagemaker: Stubber) -> None:
    sagemaker.add_response(
        "invoke_endpoint",
        result(b"0.5", InvokedProductionVariant="candidate"),
        {
            "EndpointName": ENDPOINT,
            "Body": b"1,2",
            "ContentType": "text/csv",
            "Accept": "text/csv",
            "TargetVariant": "candidate",
            "InferenceId": "id-1",
        },
    )
    event = {
        "body": "1,2",
        "content_type": "text/csv",
        "accept": "text/csv",
        "target_variant": "candidate",
        "inference_id": "id-1",
    }
    response = invoker.handle(event, Context())
    assert response["headers"]["x-amzn-invoked-production-variant"] == "candidate"


def test_an_answer_that_is_no_text_is_base64(invoker: ModuleType, sagemaker: Stubber) -> None:
    sagemaker.add_response("invoke_endpoint", result(b"\x00\xff"))
    response = invoker.handle({"body": 1}, Context())
    assert (response["statusCode"], response["body"], response["isBase64Encoded"]) == (200, "AP8=", True)


@pytest.mark.parametrize(("body", "status"), [(b'"' * (4 * 1024 * 1024), 502), (b"1" * (4 * 1024 * 1024), 200)])
def test_an_answer_that_lambda_cannot_return_says_so(
    invoker: ModuleType, sagemaker: Stubber, body: bytes, status: int
) -> None:
    sagemaker.add_response("invoke_endpoint", result(body))
    assert invoker.handle({"body": 1}, Context())["statusCode"] == status


def test_a_bad_request_never_reaches_sagemaker(invoker: ModuleType, sagemaker: Stubber) -> None:
    response = invoker.handle({"body": "{"}, Context())
    assert response["statusCode"] == 400
    assert json.loads(response["body"])["error"] == "bad_request"
    assert "not JSON" in json.loads(response["body"])["message"]


FAILURES = [
    ("ThrottlingException", "Rate exceeded", 400, 429, "throttled"),
    ("TooManyRequestsException", "slow down", 429, 429, "throttled"),
    ("SomethingNew", "slow down", 429, 429, "throttled"),
    ("ModelNotReadyException", "not ready", 429, 503, "unavailable"),
    ("ServiceUnavailable", "down", 503, 503, "unavailable"),
    ("SomethingNew", "down", 503, 503, "unavailable"),
    ("ValidationError", f"Endpoint {ENDPOINT} of account 222222222222 not found.", 400, 503, "unavailable"),
    (
        "ValidationError",
        "Variant x of arn:aws:sagemaker:eu-west-1:222222222222:a is unknown",
        400,
        400,
        "bad_request",
    ),
    ("InternalFailure", "oops", 500, 502, "sagemaker_error"),
    ("InternalDependencyException", "oops", 530, 502, "sagemaker_error"),
    ("AccessDeniedException", "User: arn:aws:sts::222222222222:assumed-role/x is not authorized", 403, 500, "internal"),
    ("ExpiredTokenException", "The security token included in the request is expired", 403, 500, "internal"),
    ("UnrecognizedClientException", "The security token is invalid", 403, 500, "internal"),
]


@pytest.mark.parametrize(("code", "message", "http_status", "status", "error"), FAILURES)
def test_each_failure_of_sagemaker_has_a_status(
    invoker: ModuleType, sagemaker: Stubber, code: str, message: str, http_status: int, status: int, error: str
) -> None:
    sagemaker.add_client_error("invoke_endpoint", code, message, http_status)
    response = invoker.handle({"body": 1}, Context())
    assert (response["statusCode"], json.loads(response["body"])["error"]) == (status, error)
    assert ("retry-after" in response["headers"]) == (status in (429, 503))
    assert response.keys() == {"statusCode", "headers", "body"}
    assert "222222222222" not in response["body"]
    assert "arn:aws" not in response["body"]


def test_access_denied_is_told_to_the_log_and_not_to_the_caller(
    invoker: ModuleType, sagemaker: Stubber, capsys: pytest.CaptureFixture[str]
) -> None:
    denied = "User: arn:aws:sts::222222222222:assumed-role/x is not authorized to perform: sagemaker:InvokeEndpoint"
    sagemaker.add_client_error("invoke_endpoint", "AccessDeniedException", denied, 403)
    response = invoker.handle({"body": {"person": "secret"}}, Context())
    assert json.loads(response["body"]) == {
        "error": "internal",
        "message": "the function cannot call its endpoint; its log says why",
    }
    line = json.loads(capsys.readouterr().out)
    assert denied in line["detail"]
    assert (line["level"], line["status"], line["endpoint"]) == ("ERROR", 500, ENDPOINT)
    assert line["request_id"] == Context.aws_request_id
    assert "secret" not in json.dumps(line)


def test_a_model_error_is_502_with_sagemakers_message(invoker: ModuleType, sagemaker: Stubber) -> None:
    sagemaker.add_client_error(
        "invoke_endpoint",
        "ModelError",
        MODEL_ERROR,
        424,
        modeled_fields={"OriginalStatusCode": 500, "OriginalMessage": "KeyError: price"},
    )
    response = invoker.handle({"body": 1}, Context())
    assert response["statusCode"] == 502
    assert json.loads(response["body"]) == {
        "error": "model_error",
        "message": 'Received server error (500) from primary with message "KeyError: price".',
        "original_status": 500,
        "original_message": "KeyError: price",
    }


def test_a_model_that_sagemaker_gave_up_on_is_a_timeout(invoker: ModuleType, sagemaker: Stubber) -> None:
    message = (
        'Received server error (0) from primary with message "Your invocation timed out while waiting for a response '
        'from container primary."'
    )
    sagemaker.add_client_error("invoke_endpoint", "ModelError", message, 424, modeled_fields={"OriginalStatusCode": 0})
    assert invoker.handle({"body": 1}, Context())["statusCode"] == 504


def test_without_time_left_the_endpoint_is_not_called(invoker: ModuleType, sagemaker: Stubber) -> None:
    response = invoker.handle({"body": 1}, Context(remaining_ms=1_400))
    assert (response["statusCode"], json.loads(response["body"])["error"]) == (504, "timeout")


def test_missing_credentials_are_an_internal_failure(
    invoker: ModuleType, sagemaker: Stubber, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_credentials(**_: Any) -> None:
        raise botocore.exceptions.NoCredentialsError

    monkeypatch.setattr(sagemaker.client, "invoke_endpoint", no_credentials)
    response = invoker.handle({"body": 1}, Context())
    assert (response["statusCode"], json.loads(response["body"])["error"]) == (500, "internal")


def test_a_good_answer_writes_no_log(
    invoker: ModuleType, sagemaker: Stubber, capsys: pytest.CaptureFixture[str]
) -> None:
    sagemaker.add_response("invoke_endpoint", result(b"1"))
    invoker.handle({"body": 1}, Context())
    assert capsys.readouterr().out == ""


def test_a_cold_start_imports_no_more_than_a_client_needs() -> None:
    program = (
        "import sys, invoker; print(*sorted(m for m in ('boto3', 's3transfer', 'click', 'moto') if m in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(SOURCE), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == ""


def test_initialisation_makes_the_client_that_the_first_call_uses(
    monkeypatch: pytest.MonkeyPatch, invoker: ModuleType
) -> None:
    monkeypatch.setenv("TIMEOUT_S", "30")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    invoker.client.cache_clear()
    invoker.warm_up()
    invoker.client(invoker.seconds_left(Context(remaining_ms=29_990)))
    assert invoker.client.cache_info().misses == 1
    assert invoker.client.cache_info().hits == 1
    invoker.client.cache_clear()


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> str:
    """Two variants that share the traffic; the one that the key "jane" gets."""
    monkeypatch.setenv("WEIGHTS", json.dumps({"main": 50, "challenger": 50, "off": 0}))
    chosen = load("invoker_assignment").assign("jane", among={"main": 50, "challenger": 50}, salt=ENDPOINT)
    assert isinstance(chosen, str)
    return chosen


@pytest.mark.parametrize("way", ["direct", "http"])
def test_a_sticky_key_names_its_variant(invoker: ModuleType, sagemaker: Stubber, shared: str, way: str) -> None:
    sagemaker.add_response(
        "invoke_endpoint",
        result(b"1", InvokedProductionVariant=shared, CustomAttributes="slipway-release=r"),
        asked(TargetVariant=shared),
    )
    http = {"requestContext": {"http": {"method": "POST"}}, "headers": {"X-Slipway-Sticky-Key": "jane"}, "body": "[1]"}
    response = invoker.handle({"body": [1], "sticky_key": "jane"} if way == "direct" else http, Context())
    assert response["headers"]["x-slipway-assignment"] == "key"
    assert response["headers"]["x-amzn-invoked-production-variant"] == shared
    assert response["headers"]["x-amzn-sagemaker-custom-attributes"] == "slipway-release=r"


def test_a_variant_that_is_gone_falls_back_to_sagemakers_choice(
    invoker: ModuleType, sagemaker: Stubber, shared: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = f"Could not find variant {shared} in endpoint {ENDPOINT}."
    sagemaker.add_client_error(
        "invoke_endpoint", "ValidationError", said, 400, expected_params=asked(TargetVariant=shared)
    )
    sagemaker.add_response("invoke_endpoint", result(b"1", InvokedProductionVariant="new"), asked())
    response = invoker.handle({"body": [1], "sticky_key": "jane"}, Context())
    assert (response["statusCode"], response["headers"]["x-slipway-assignment"]) == (200, "fallback")
    assert response["headers"]["x-amzn-invoked-production-variant"] == "new"
    line = json.loads(capsys.readouterr().out)
    assert (line["level"], line["failure"], line["variant"]) == ("WARNING", "variant_gone", shared)
    assert "jane" not in json.dumps(line)


def test_a_variant_that_the_caller_named_is_not_replaced(invoker: ModuleType, sagemaker: Stubber, shared: str) -> None:
    sagemaker.add_client_error("invoke_endpoint", "ValidationError", "Could not find variant x in endpoint y.", 400)
    assert invoker.handle({"body": [1], "target_variant": "x"}, Context())["statusCode"] == 400


def test_a_failure_is_not_tried_elsewhere_and_its_line_has_no_key(
    invoker: ModuleType, sagemaker: Stubber, shared: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sagemaker.add_client_error("invoke_endpoint", "ModelError", "it failed", 424)
    assert invoker.handle({"body": [1], "sticky_key": "jane"}, Context())["statusCode"] == 502
    line = json.loads(capsys.readouterr().out)
    assert line["key_hash"] == load("invoker_assignment").trace_of("jane", salt=ENDPOINT)
    assert "jane" not in json.dumps(line)


def test_with_one_variant_or_none_known_sagemaker_chooses(
    invoker: ModuleType, sagemaker: Stubber, monkeypatch: pytest.MonkeyPatch
) -> None:
    for weights in ('{"main": 1}', '{"main": 1, "challenger": 0}', None):
        monkeypatch.setenv("WEIGHTS", weights) if weights else monkeypatch.delenv("WEIGHTS")
        sagemaker.add_response("invoke_endpoint", result(b"1"), asked())
        response = invoker.handle({"body": [1], "sticky_key": "jane"}, Context())
        assert "x-slipway-assignment" not in response["headers"]
