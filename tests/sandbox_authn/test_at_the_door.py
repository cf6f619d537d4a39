"""Every request is proven before anything else happens: sent by hand, one thing wrong at a time, and by the SDK."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import os
import time
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

from sandbox.server import Server
from tests.sandbox_authn.requests_by_hand import Answer, Raw, presigned, send, signed, stamp
from tests.sandbox_core.helpers import refused

MIB = 1024 * 1024
FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/x-amz-json-1.1"}
BODY = b"Action=GetCallerIdentity&Version=2011-06-15"
# One request for each protocol that services speak: what is refused, and how
STS = (Raw("POST", "/", headers=FORM, body=BODY), "sts", "SignatureDoesNotMatch", 403)
SSM = (
    Raw("POST", "/", headers={**JSON, "x-amz-target": "AmazonSSM.DescribeParameters"}, body=b"{}"),
    "ssm",
    "InvalidSignatureException",
    400,
)
LAMBDA = (Raw("GET", "/2015-03-31/functions", query="MaxItems=3"), "lambda", "InvalidSignatureException", 403)
S3 = (
    Raw("PUT", "/authn-bucket/a%20key", headers={"x-amz-meta-a": "1"}, body=b"hello"),
    "s3",
    "SignatureDoesNotMatch",
    403,
)
EACH = {"query": STS, "json": SSM, "rest-json": LAMBDA, "s3": S3}


@pytest.fixture(scope="module")
def address(server: Server) -> str:
    return f"127.0.0.1:{server.application.settings.port}"


@pytest.fixture(scope="module", autouse=True)
def bucket(client: Callable[..., Any]) -> str:
    client("s3").create_bucket(Bucket="authn-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return "authn-bucket"


@pytest.fixture
def stored(client: Callable[..., Any], bucket: str) -> Callable[[str], bool]:
    def look(key: str) -> bool:
        return key in [one["Key"] for one in client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])]

    return look


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


def test_s3_wants_to_know_the_hash_of_the_body(address: str, credentials: Any) -> None:
    good = signed(credentials, S3[0], "s3", host=address, leave_out=("x-amz-content-sha256",))
    answer = send(address, good.but(headers={"x-amz-content-sha256": None}))
    assert (answer.code, answer.status) == ("InvalidRequest", 400)
    request = S3[0].but(headers={"x-amz-content-sha256": "STREAMING-NONSENSE"})
    answer = send(address, signed(credentials, request, "s3", host=address, payload="STREAMING-NONSENSE"))
    assert (answer.code, answer.status) == ("InvalidArgument", 400)


@pytest.mark.parametrize("size", [5, 300 * 1024, 3 * MIB])
def test_a_body_that_is_not_the_signed_one_stores_nothing(
    address: str, credentials: Any, stored: Callable[[str], bool], size: int
) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (XAmzContentSHA256Mismatch)
    body = os.urandom(size)
    good = signed(credentials, Raw("PUT", f"/authn-bucket/wrong{size}", body=body), "s3", host=address)
    answer = send(address, good.but(body=body[:-1] + bytes([body[-1] ^ 1])))
    assert (answer.code, answer.status) == ("XAmzContentSHA256Mismatch", 400)
    assert answer.member("ClientComputedContentSHA256") == hashlib.sha256(body).hexdigest()
    assert not stored(f"wrong{size}")
    assert send(address, good).status == 200
    assert stored(f"wrong{size}")


def test_an_unsigned_body_is_taken_as_it_comes(address: str, credentials: Any) -> None:
    request = Raw("PUT", "/authn-bucket/unsigned", body=b"hello")
    assert send(address, signed(credentials, request, "s3", host=address, payload="UNSIGNED-PAYLOAD")).status == 200


@pytest.mark.parametrize("expires", ["1", "604800"])
def test_a_presigned_url_opens_one_request(address: str, credentials: Any, expires: str) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    put = presigned(credentials, Raw("PUT", "/authn-bucket/presigned", body=b"x"), "s3", host=address, expires=expires)
    assert send(address, put).status == 200
    for changed in (
        put.but(method="GET"),
        put.but(path="/authn-bucket/other"),
        put.but(query=put.query.replace(f"Expires={expires}", "Expires=9999")),
        put.but(query=put.query + "&tagging="),
    ):
        assert _outcome(send(address, changed)) == ("SignatureDoesNotMatch", 403)
    late = presigned(credentials, Raw("GET", "/authn-bucket/presigned"), "s3", host=address, at=stamp(-301))
    over = send(address, late)
    assert (*_outcome(over), over.message) == ("AccessDenied", 403, "Request has expired")
    early = presigned(credentials, Raw("GET", "/authn-bucket/presigned"), "s3", host=address, at=stamp(1000))
    assert _outcome(send(address, early)) == ("AccessDenied", 403)


@pytest.mark.parametrize(
    "at", ["99991231T235959Z", "00010101T000000Z", "20261332T000000Z", "now", "2026-11-21T00:00:00Z"]
)
@pytest.mark.parametrize("service", ["s3", "sts"])
def test_times_at_the_ends_of_the_calendar(address: str, credentials: Any, service: str, at: str) -> None:
    request = Raw("GET", "/authn-bucket/presigned") if service == "s3" else STS[0]
    assert send(address, presigned(credentials, request, service, host=address, at=at)).status in {400, 403}
    assert send(address, signed(credentials, request, service, host=address, at=at)).status in {400, 403}


@pytest.mark.parametrize("expires", ["604801", "-1", "soon", "99999999999999999999", None])
def test_how_long_a_presigned_url_may_live(address: str, credentials: Any, expires: str | None) -> None:
    url = presigned(credentials, Raw("GET", "/authn-bucket/presigned"), "s3", host=address, expires=expires)
    assert _outcome(send(address, url)) == ("AuthorizationQueryParametersError", 400)


def test_a_presigned_url_takes_no_unsigned_headers(address: str, credentials: Any) -> None:
    url = presigned(credentials, Raw("PUT", "/authn-bucket/acl", body=b"x"), "s3", host=address)
    answer = send(address, url.but(headers={"x-amz-acl": "public-read"}))
    assert (*_outcome(answer), answer.member("HeadersNotSigned")) == ("AccessDenied", 403, "x-amz-acl")
    both = url.but(headers={"authorization": "AWS4-HMAC-SHA256 Credential=x"})
    assert _outcome(send(address, both)) == ("InvalidArgument", 400)


def test_a_presigned_request_of_another_service(address: str, credentials: Any) -> None:
    request = Raw("GET", "/", query="Action=GetCallerIdentity&Version=2011-06-15")
    url = presigned(credentials, request, "sts", host=address, expires="60")
    answer = send(address, url)
    assert b":assumed-role/operator/" in answer.body
    assert send(address, url.but(query=url.query.replace("GetCaller", "GetSession"))).status == 403
    late = presigned(credentials, request, "sts", host=address, expires="60", at=stamp(-61))
    assert _outcome(send(address, late)) == ("SignatureDoesNotMatch", 403)


def test_the_older_presigned_urls(client: Callable[..., Any], stored: Callable[[str], bool]) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html; boto3 makes them unless told otherwise
    s3 = client("s3")
    url = s3.generate_presigned_url("put_object", Params={"Bucket": "authn-bucket", "Key": "v 2", "ACL": "private"})
    assert "AWSAccessKeyId=" in url
    scope = "&X-Amz-Credential=" + url.partition("AWSAccessKeyId=")[2].partition("&")[0]
    for changed in (
        url.replace("v%202", "v3"),
        url.replace("acl=private", "acl=public-read"),
        url + "&policy",
        url + f"{scope}%2F20260101%2Feu-west-1%2Fiam%2Faws4_request&Action=ListUsers",
    ):
        assert _opened(changed, b"x") in {400, 403}
    over = s3.generate_presigned_url("put_object", Params={"Bucket": "authn-bucket", "Key": "v 2"}, ExpiresIn=-1)
    assert _opened(over, b"x") == 403
    assert not stored("v 2")
    assert _opened(url, b"x") == 200
    assert stored("v 2")
    for name, status in (("größe.txt", 200), ("日.txt", 400), ("a\r\nx: y", 400)):  # what a header can carry
        named = {"Bucket": "authn-bucket", "Key": "v 2", "ResponseContentDisposition": f"attachment; filename={name}"}
        assert _opened(s3.generate_presigned_url("get_object", Params=named)) == status


def test_the_sdk_in_all_its_ways(client: Callable[..., Any], bucket: str) -> None:
    s3 = client("s3", s3={"addressing_style": "path"}, signature_version="s3v4")
    for key in ("a b+c/\u00fc~x'(1)*!", "x//y", "./dot/../z", "100%25", "key=val&a;b:c@d,$", "\u65e5\u672c/\U0001f600"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"hello", Metadata={"a_b": "x  y"}, Tagging="a=b%20c")
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"hello"
        params = {"Bucket": bucket, "Key": key, "ResponseContentType": "text/a b+c"}
        assert _opened(s3.generate_presigned_url("get_object", Params=params)) == 200
    s3.upload_fileobj(io.BytesIO(os.urandom(9 * MIB)), bucket, "parts")
    unsigned = client("s3", s3={"payload_signing_enabled": False})
    unsigned.put_object(Bucket=bucket, Key="unsigned", Body=b"hello")
    functions = client("lambda")
    name = "arn:aws:lambda:eu-west-1:111111111111:function:none"  # colons: the path is encoded twice
    assert refused(functions.get_function, FunctionName=name) == ("ResourceNotFoundException", 404)


@pytest.mark.parametrize("claimed", [b"hello", b"jello"])
def test_chunks_with_a_trailing_checksum(
    address: str, credentials: Any, stored: Callable[[str], bool], claimed: bytes
) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
    checksum = base64.b64encode(zlib.crc32(claimed).to_bytes(4, "big"))
    payload = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    request = Raw(
        "PUT",
        f"/authn-bucket/trailer-{claimed.decode()}",
        headers={
            "content-encoding": "aws-chunked",
            "x-amz-decoded-content-length": "5",
            "x-amz-trailer": "x-amz-checksum-crc32",
        },
        body=b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:" + checksum + b"\r\n\r\n",
    )
    answer = send(address, signed(credentials, request, "s3", host=address, payload=payload))
    assert answer.status == (200 if claimed == b"hello" else 400)
    assert stored(f"trailer-{claimed.decode()}") == (claimed == b"hello")
    policy = request.but(path="/authn-bucket", query="policy=")
    assert send(address, signed(credentials, policy, "s3", host=address, payload=payload)).code == "InvalidRequest"


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


def _outcome(answer: Answer) -> tuple[str, int]:
    return answer.code, answer.status


def _opened(url: str, body: bytes | None = None) -> int:
    parts = urlsplit(url)
    request = Raw("GET" if body is None else "PUT", parts.path, parts.query, {"host": parts.netloc}, body or b"")
    return send(parts.netloc, request).status
