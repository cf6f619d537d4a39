"""Presigned URLs, and bodies that are not what was signed."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox_authn.requests_by_hand import (
    S3,
    STS,
    Raw,
    opened,
    outcome,
    presigned,
    send,
    signed,
    stamp,
)
from tests.sandbox_core.helpers import refused

MIB = 1024 * 1024
pytestmark = pytest.mark.usefixtures("bucket")


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
    # Signed ahead of its time, within the fifteen minutes that clocks may differ: a second would be over too soon.
    request = Raw("PUT", "/authn-bucket/presigned", body=b"x")
    put = presigned(credentials, request, "s3", host=address, at=stamp(600), expires=expires)
    assert send(address, put).status == 200
    for changed in (
        put.but(method="GET"),
        put.but(path="/authn-bucket/other"),
        put.but(query=put.query.replace(f"Expires={expires}", "Expires=9999")),
        put.but(query=put.query + "&tagging="),
    ):
        assert outcome(send(address, changed)) == ("SignatureDoesNotMatch", 403)
    late = presigned(credentials, Raw("GET", "/authn-bucket/presigned"), "s3", host=address, at=stamp(-301))
    over = send(address, late)
    assert (*outcome(over), over.message) == ("AccessDenied", 403, "Request has expired")
    early = presigned(credentials, Raw("GET", "/authn-bucket/presigned"), "s3", host=address, at=stamp(1000))
    assert outcome(send(address, early)) == ("AccessDenied", 403)


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
    assert outcome(send(address, url)) == ("AuthorizationQueryParametersError", 400)


def test_a_presigned_url_takes_no_unsigned_headers(address: str, credentials: Any) -> None:
    url = presigned(credentials, Raw("PUT", "/authn-bucket/acl", body=b"x"), "s3", host=address)
    answer = send(address, url.but(headers={"x-amz-acl": "public-read"}))
    assert (*outcome(answer), answer.member("HeadersNotSigned")) == ("AccessDenied", 403, "x-amz-acl")
    both = url.but(headers={"authorization": "AWS4-HMAC-SHA256 Credential=x"})
    assert outcome(send(address, both)) == ("InvalidArgument", 400)


def test_a_presigned_request_of_another_service(address: str, credentials: Any) -> None:
    request = Raw("GET", "/", query="Action=GetCallerIdentity&Version=2011-06-15")
    url = presigned(credentials, request, "sts", host=address, expires="60")
    answer = send(address, url)
    assert b":assumed-role/operator/" in answer.body
    assert send(address, url.but(query=url.query.replace("GetCaller", "GetSession"))).status == 403
    late = presigned(credentials, request, "sts", host=address, expires="60", at=stamp(-61))
    assert outcome(send(address, late)) == ("SignatureDoesNotMatch", 403)


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
        assert opened(changed, b"x") in {400, 403}
    over = s3.generate_presigned_url("put_object", Params={"Bucket": "authn-bucket", "Key": "v 2"}, ExpiresIn=-1)
    assert opened(over, b"x") == 403
    assert not stored("v 2")
    assert opened(url, b"x") == 200
    assert stored("v 2")
    for name, status in (("größe.txt", 200), ("日.txt", 400), ("a\r\nx: y", 400)):  # what a header can carry
        named = {"Bucket": "authn-bucket", "Key": "v 2", "ResponseContentDisposition": f"attachment; filename={name}"}
        assert opened(s3.generate_presigned_url("get_object", Params=named)) == status


def test_the_sdk_in_all_its_ways(client: Callable[..., Any], bucket: str) -> None:
    s3 = client("s3", s3={"addressing_style": "path"}, signature_version="s3v4")
    for key in ("a b+c/\u00fc~x'(1)*!", "x//y", "./dot/../z", "100%25", "key=val&a;b:c@d,$", "\u65e5\u672c/\U0001f600"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"hello", Metadata={"a_b": "x  y"}, Tagging="a=b%20c")
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"hello"
        params = {"Bucket": bucket, "Key": key, "ResponseContentType": "text/a b+c"}
        assert opened(s3.generate_presigned_url("get_object", Params=params)) == 200
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
