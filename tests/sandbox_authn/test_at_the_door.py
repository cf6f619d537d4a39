"""Every request is proven before anything else happens: sent by hand, one thing wrong at a time, and by the SDK."""

from __future__ import annotations

import base64
import contextlib
import io
import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config

from sandbox.server import Server
from tests.sandbox_authn.requests_by_hand import (
    EACH,
    LAMBDA,
    S3,
    SSM,
    STS,
    Raw,
    send,
    signed,
    stamp,
)
from tests.sandbox_core.helpers import refused

pytestmark = pytest.mark.usefixtures("bucket")


@pytest.mark.parametrize("each", EACH.values(), ids=EACH)
def test_a_request_that_is_signed_well_is_answered(address: str, credentials: Any, each: tuple[Any, ...]) -> None:
    request, service, _, _ = each
    assert send(address, signed(credentials, request, service, host=address)).status == 200


def _changed(name: str, request: Raw) -> Raw:
    authorization = request.headers["authorization"]
    last = authorization[-1]
    return {
        "method": lambda: request.but(method="DELETE"),
        "path": lambda: request.but(path=request.path + "x"),
        "query": lambda: request.but(query=(request.query + "&" if request.query else "") + "versionId=1"),
        "header": lambda: request.but(headers={"x-amz-date": stamp(-1)}),
        "host": lambda: request.but(headers={"host": "localhost:1"}),
        "signature": lambda: request.but(headers={"authorization": authorization[:-1] + ("0" if last != "0" else "1")}),
        "empty": lambda: request.but(
            headers={"authorization": authorization.partition("Signature=")[0] + "Signature="}
        ),
    }[name]()


@pytest.mark.parametrize("part", ["method", "path", "query", "header", "host", "signature"])
@pytest.mark.parametrize("each", EACH.values(), ids=EACH)
def test_nothing_can_be_changed_after_signing(address: str, credentials: Any, each: tuple[Any, ...], part: str) -> None:
    request, service, code, status = each
    answer = send(address, _changed(part, signed(credentials, request, service, host=address)))
    no_such = part in {"method", "path"} and answer.code == "InvalidAction"  # nothing to ask for, whoever asks
    assert no_such or (answer.code, answer.status) == (code, status)


@pytest.mark.parametrize("each", [STS, SSM], ids=["query", "json"])
def test_the_body_is_signed(address: str, credentials: Any, each: tuple[Any, ...]) -> None:
    request, service, code, status = each
    good = signed(credentials, request, service, host=address)
    answer = send(address, good.but(body=request.body + b" "))
    assert (answer.code, answer.status) == (code, status)


@pytest.mark.parametrize("each", EACH.values(), ids=EACH)
def test_another_secret(address: str, credentials: Any, each: tuple[Any, ...]) -> None:
    request, service, code, status = each
    other = credentials._replace(secret_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    answer = send(address, signed(other, request, service, host=address))
    assert (answer.code, answer.status) == (code, status)
    assert answer.message.startswith("The request signature we calculated does not match")


def test_a_mismatch_tells_both_strings(address: str, credentials: Any) -> None:
    good = signed(credentials, S3[0], "s3", host=address)
    answer = send(address, good.but(headers={"x-amz-meta-a": "2"}))
    assert "x-amz-meta-a:2" in answer.member("CanonicalRequest")
    assert answer.member("StringToSign").startswith("AWS4-HMAC-SHA256\n")
    assert bytes.fromhex(answer.member("StringToSignBytes")).decode() == answer.member("StringToSign")
    assert credentials.secret_key.encode() not in answer.body


@pytest.mark.parametrize(
    ("each", "code", "status", "words"),
    [
        (STS, "SignatureDoesNotMatch", 403, "Signature expired: "),
        (SSM, "InvalidSignatureException", 400, "Signature expired: "),
        (LAMBDA, "InvalidSignatureException", 403, "Signature expired: "),
        (S3, "RequestTimeTooSkewed", 403, "The difference between the request time and the current time is too large."),
    ],
    ids=EACH,
)
def test_a_request_cannot_be_played_again_later(
    address: str, credentials: Any, each: tuple[Any, ...], code: str, status: int, words: str
) -> None:
    request, service, _, _ = each
    assert send(address, signed(credentials, request, service, host=address, at=stamp(-14 * 60))).status == 200
    answer = send(address, signed(credentials, request, service, host=address, at=stamp(-16 * 60)))
    assert (answer.code, answer.status) == (code, status)
    assert answer.message.startswith(words)
    early = send(address, signed(credentials, request, service, host=address, at=stamp(16 * 60)))
    assert (early.code, early.status) == (code, status)


@pytest.mark.parametrize("each", EACH.values(), ids=EACH)
def test_the_scope_is_of_the_day_and_of_the_service(address: str, credentials: Any, each: tuple[Any, ...]) -> None:
    request, service, code, status = each
    answer = send(address, signed(credentials, request, service, host=address, date="20200101"))
    expected = ("AuthorizationHeaderMalformed", 400) if service == "s3" else (code, status)
    assert (answer.code, answer.status) == expected
    good = signed(credentials, request, service, host=address)
    other = good.headers["authorization"].replace(f"/{service}/aws4_request", "/kms/aws4_request")
    assert send(address, good.but(headers={"authorization": other})).status in {400, 403}


def test_a_bucket_says_which_region_it_is_in(address: str, credentials: Any) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (AuthorizationHeaderMalformed)
    answer = send(address, signed(credentials, S3[0], "s3", host=address, region="us-east-1"))
    assert (answer.code, answer.status, answer.member("Region")) == ("AuthorizationHeaderMalformed", 400, "eu-west-1")
    elsewhere = boto3.Session(profile_name="dev", region_name="us-east-1").client("s3")
    assert elsewhere.head_bucket(Bucket="authn-bucket")["BucketRegion"] == "eu-west-1"  # the SDK asks again there
    elsewhere.close()


@pytest.mark.parametrize("header", ["x-amz-meta-b", "x-amz-acl", "x-amz-copy-source"])
def test_headers_of_amazon_count_only_when_they_are_signed(address: str, credentials: Any, header: str) -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    good = signed(credentials, S3[0], "s3", host=address)
    answer = send(address, good.but(headers={header: "authn-bucket/other"}))
    assert (answer.code, answer.status, answer.member("HeadersNotSigned")) == ("AccessDenied", 403, header)


def test_target_and_host_must_be_signed(address: str, credentials: Any) -> None:
    request, service, code, status = SSM
    for left_out, words in (("x-amz-target", "'x-amz-target' must be"), ("host", "'Host' or ':authority' must be")):
        answer = send(address, signed(credentials, request, service, host=address, leave_out=(left_out,)))
        assert (answer.code, answer.status) == (code, status)
        assert answer.message.startswith(words)
    answer = send(address, signed(credentials, S3[0], "s3", host=address, leave_out=("host",)))
    assert (answer.code, answer.status) == ("AccessDenied", 403)


MALFORMED: dict[str, Callable[[str], str]] = {
    "no signature": lambda text: text.partition(", Signature=")[0],
    "no credential": lambda text: "AWS4-HMAC-SHA256 " + text.partition(", ")[2],
    "two credentials": lambda text: text + ", Credential=AKIAABCDEFGHIJKLMNOP/20200101/eu-west-1/s3/aws4_request",
    "a decoy": lambda text: text.replace(
        "Credential=", "X=Credential=AKIA/20200101/eu-west-1/iam/aws4_request, Credential="
    ),
    "another algorithm": lambda text: text.replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
    "the older version": lambda text: "AWS " + text[40:60] + ":c2lnbmF0dXJl",
    "not hexadecimal": lambda text: text[:-64] + "z" * 64,
    "short": lambda text: text[:-1],
    "no scope": lambda text: text.replace("/aws4_request", ""),
    "strange headers": lambda text: text.replace("SignedHeaders=", "SignedHeaders=a b;"),
    "basic": lambda text: "Basic " + base64.b64encode(text[:20].encode()).decode(),
}


REFUSALS = (
    "AccessDenied AuthorizationHeaderMalformed IncompleteSignature IncompleteSignatureException InvalidAccessKeyId "
    "InvalidAction InvalidClientTokenId InvalidRequest InvalidSignatureException MissingAction "
    "MissingAuthenticationToken SignatureDoesNotMatch UnrecognizedClientException"
)


@pytest.mark.parametrize("change", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("each", EACH.values(), ids=EACH)
def test_what_cannot_be_read_is_refused(
    address: str, credentials: Any, each: tuple[Any, ...], change: Callable[[str], str]
) -> None:
    request, service, _, _ = each
    good = signed(credentials, request, service, host=address)
    answer = send(address, good.but(headers={"authorization": change(good.headers["authorization"])}))
    assert answer.status in {400, 403}
    assert answer.code in REFUSALS.split()


@pytest.mark.parametrize("service", ["sts", "s3", "ssm", "lambda"])
def test_a_token_is_part_of_temporary_credentials(address: str, credentials: Any, service: str) -> None:
    request = next(each[0] for each in EACH.values() if each[1] == service)
    for token in (None, credentials.token[1:]):
        other = credentials._replace(token=token)
        assert send(address, signed(other, request, service, host=address)).code in {
            "InvalidClientTokenId", "InvalidToken", "UnrecognizedClientException",
        }  # fmt: skip


def test_keys_end_at_once(client: Callable[..., Any]) -> None:
    iam = client("iam")
    iam.create_user(UserName="leaver")
    made = [iam.create_access_key(UserName="leaver")["AccessKey"] for _ in range(2)]

    def arn(key: Any) -> Any:
        sts = boto3.client(
            "sts",
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
            config=Config(retries={"total_max_attempts": 1}),
        )
        with contextlib.closing(sts):
            return sts.get_caller_identity()["Arn"]

    assert arn(made[0]) == arn(made[1]) == "arn:aws:iam::111111111111:user/leaver"
    iam.update_access_key(UserName="leaver", AccessKeyId=made[0]["AccessKeyId"], Status="Inactive")
    assert refused(arn, key=made[0]) == ("InvalidClientTokenId", 403)
    iam.update_access_key(UserName="leaver", AccessKeyId=made[0]["AccessKeyId"], Status="Active")
    assert arn(made[0]).endswith("/leaver")
    for key in made:
        iam.delete_access_key(UserName="leaver", AccessKeyId=key["AccessKeyId"])
        assert refused(arn, key=key) == ("InvalidClientTokenId", 403)


def test_nothing_reaches_moto_by_another_reading(address: str, credentials: Any) -> None:
    """moto finds the service in the first member of the header: a signature for one service opens no other."""
    good = signed(credentials, STS[0], "sts", host=address)
    text = good.headers["authorization"].removeprefix("AWS4-HMAC-SHA256 ")
    credential, names, signature = text.split(", ")
    turned = good.but(headers={"authorization": f"AWS4-HMAC-SHA256 {names}, {signature}, {credential}"})
    assert b"GetCallerIdentityResult" in send(address, turned).body


def test_the_overhead_is_small(server: Server, address: str, credentials: Any) -> None:
    """Well below a millisecond, so that verifying never decides how long a run takes; measured without a network."""
    from sandbox import identity  # noqa: PLC0415  (after moto's settings are made)
    from sandbox.calls import parse  # noqa: PLC0415

    request = signed(credentials, SSM[0], "ssm", host=address)
    environ = {
        "REQUEST_METHOD": "POST",
        "RAW_URI": "/",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "CONTENT_LENGTH": str(len(request.body)),
        "CONTENT_TYPE": request.headers["content-type"],
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()},
    }
    environ.pop("HTTP_CONTENT_TYPE")
    calls = [parse({**environ, "wsgi.input": io.BytesIO(request.body)}) for _ in range(200)]
    began = time.process_time()
    for call in calls:
        assert identity.authenticate(call) is not None
    assert (time.process_time() - began) / len(calls) < 0.002
