"""The examples that AWS publishes, with the signatures that AWS publishes for them."""

from __future__ import annotations

import datetime
import io
from collections.abc import Mapping
from typing import Any

import pytest

from sandbox import sessions, signatures
from sandbox.calls import Call
from sandbox.errors import AwsError
from sandbox.payloads import CHUNKS, CHUNKS_TRAILER, EMPTY

# https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
S3_KEY, S3_SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
MAY_24 = datetime.datetime(2013, 5, 24, tzinfo=datetime.UTC)
# The test suite that AWS published for signers ("aws-sig-v4-test-suite")
SUITE_KEY, SUITE_SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
AUGUST_30 = datetime.datetime(2015, 8, 30, 12, 36, tzinfo=datetime.UTC)
WELCOME = b"Welcome to Amazon S3."
WELCOME_HASH = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Any:
    def set_clock(moment: datetime.datetime) -> None:
        monkeypatch.setattr(signatures, "now", lambda call=None: moment)

    return set_clock


def call(
    method: str, target: str, headers: Mapping[str, str], body: bytes = b"", *, service: str = "s3", operation: str = ""
) -> Call:
    path, _, query = target.partition("?")
    pairs = (part.partition("=") for part in query.split("&") if part)
    environ = {"RAW_URI": target, "QUERY_STRING": query, "wsgi.input": io.BytesIO(body)}
    known = {name: value.replace("%2F", "/") for name, _, value in pairs}
    lower = {name.lower(): value for name, value in headers.items()}
    if body:
        lower.setdefault("content-length", str(len(body)))
    made = Call(environ, method, path, known, lower, service=service, operation=operation)
    made.protocol = "s3" if service == "s3" else "query"
    text = headers.get("Authorization") or "Credential=" + known.get("X-Amz-Credential", "")
    made.access_key_id = text.partition("Credential=")[2].partition("/")[0]
    return made


def s3_headers(names: str, signature: str, headers: Mapping[str, str], payload: str = EMPTY) -> dict[str, str]:
    return {
        "Host": "examplebucket.s3.amazonaws.com",
        "x-amz-content-sha256": payload,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={S3_KEY}/20130524/us-east-1/s3/aws4_request,"
        f"SignedHeaders={names},Signature={signature}",
        **headers,
    }


S3_EXAMPLES = {
    "GET Object": (
        "GET",
        "/test.txt",
        s3_headers(
            "host;range;x-amz-content-sha256;x-amz-date",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            {"Range": "bytes=0-9", "x-amz-date": "20130524T000000Z"},
        ),
        b"",
    ),
    "PUT Object": (
        "PUT",
        "/test%24file.text",
        s3_headers(
            "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
            {
                "Date": "Fri, 24 May 2013 00:00:00 GMT",
                "x-amz-date": "20130524T000000Z",
                "x-amz-storage-class": "REDUCED_REDUNDANCY",
            },
            WELCOME_HASH,
        ),
        WELCOME,
    ),
    "GET Bucket Lifecycle": (
        "GET",
        "/?lifecycle",
        s3_headers(
            "host;x-amz-content-sha256;x-amz-date",
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
            {"x-amz-date": "20130524T000000Z"},
        ),
        b"",
    ),
    "Get Bucket (List Objects)": (
        "GET",
        "/?max-keys=2&prefix=J",
        s3_headers(
            "host;x-amz-content-sha256;x-amz-date",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
            {"x-amz-date": "20130524T000000Z"},
        ),
        b"",
    ),
}


@pytest.mark.parametrize("example", S3_EXAMPLES.values(), ids=S3_EXAMPLES)
def test_the_examples_of_s3(at: Any, example: tuple[str, str, dict[str, str], bytes]) -> None:
    at(MAY_24)
    signatures.verify(call(*example), S3_SECRET)
    with pytest.raises(AwsError, match="SignatureDoesNotMatch"):
        signatures.verify(call(*example), S3_SECRET + "x")
    method, target, headers, body = example
    with pytest.raises(AwsError, match="SignatureDoesNotMatch"):
        signatures.verify(call(method, target.replace("/", "/a", 1), headers, body), S3_SECRET)


def test_the_presigned_example_of_s3(at: Any) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    target = (
        f"/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={S3_KEY}%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )
    request = call("GET", target, {"Host": "examplebucket.s3.amazonaws.com"})
    at(MAY_24 + datetime.timedelta(seconds=86400))
    signatures.verify(request, S3_SECRET)
    at(MAY_24 + datetime.timedelta(seconds=86401))
    with pytest.raises(AwsError, match="AccessDenied: Request has expired"):
        signatures.verify(request, S3_SECRET)
    at(MAY_24 - datetime.timedelta(minutes=16))
    with pytest.raises(AwsError, match="not valid yet"):
        signatures.verify(request, S3_SECRET)


def chunked(payload: str, signature: str, names: str, more: Mapping[str, str]) -> dict[str, str]:
    return s3_headers(
        names,
        signature,
        {
            "Host": "s3.amazonaws.com",
            "x-amz-date": "20130524T000000Z",
            "x-amz-storage-class": "REDUCED_REDUNDANCY",
            "Content-Encoding": "aws-chunked",
            "x-amz-decoded-content-length": "66560",
            **more,
        },
        payload,
    )


def body_of(first: str, second: str, last: str, trailers: bytes = b"") -> bytes:
    return (
        f"10000;chunk-signature={first}\r\n".encode()
        + b"a" * 65536
        + f"\r\n400;chunk-signature={second}\r\n".encode()
        + b"a" * 1024
        + f"\r\n0;chunk-signature={last}\r\n".encode()
        + trailers
        + b"\r\n"
    )


# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
CHUNKED = (
    chunked(
        CHUNKS,
        "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class",
        {"Content-Length": "66824"},
    ),
    body_of(
        "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    ),
)
# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
WITH_TRAILER = (
    chunked(
        CHUNKS_TRAILER,
        "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
        "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer",
        {"x-amz-trailer": "x-amz-checksum-crc32c"},
    ),
    body_of(
        "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
        "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
        "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
        b"x-amz-checksum-crc32c:sOO8/Q==\r\n"
        b"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n",
    ),
)


@pytest.mark.parametrize("size", [1, 100, 8192, 10**6], ids="by {}".format)
@pytest.mark.parametrize("example", [CHUNKED, WITH_TRAILER], ids=["chunks", "trailer"])
def test_the_chunked_examples_of_s3(at: Any, example: tuple[dict[str, str], bytes], size: int) -> None:
    at(MAY_24)
    headers, body = example
    request = call("PUT", "/examplebucket/chunkObject.txt", headers, body, operation="PutObject")
    signatures.verify(request, S3_SECRET)
    read = b""
    while block := request.environ["wsgi.input"].read(size):
        read += block
    assert read == body  # passed on as it is: who stores it takes the chunks apart


@pytest.mark.parametrize("example", [CHUNKED, WITH_TRAILER], ids=["chunks", "trailer"])
@pytest.mark.parametrize(
    ("old", "new"),
    [(b"\r\n400;", b"\r\n3ff;"), (b"aaa\r\n400;", b"aab\r\n400;"), (b"aaa\r\n0;", b"aba\r\n0;"), (b"=b", b"=c")],
    ids=["size", "first", "second", "signature"],
)
def test_a_chunk_that_was_changed(at: Any, example: tuple[dict[str, str], bytes], old: bytes, new: bytes) -> None:
    at(MAY_24)
    headers, body = example
    assert old in body
    request = call("PUT", "/examplebucket/chunkObject.txt", headers, body.replace(old, new, 1), operation="PutObject")
    signatures.verify(request, S3_SECRET)
    with pytest.raises(AwsError, match=r"SignatureDoesNotMatch|IncompleteBody"):
        request.environ["wsgi.input"].read()


@pytest.mark.parametrize("kept", [b"sOO8/Q=", b"x-amz-trailer-signature:d81", b"0;chunk-signature", b"aaa\r\n400;"])
def test_a_stream_that_was_cut_off_or_whose_trailer_was_changed(at: Any, kept: bytes) -> None:
    at(MAY_24)
    headers, body = WITH_TRAILER
    for changed in (body[: body.index(kept) + len(kept)], body.replace(b"sOO8/Q==", b"sOO8/Q=A")):
        request = call("PUT", "/examplebucket/chunkObject.txt", headers, changed, operation="PutObject")
        signatures.verify(request, S3_SECRET)
        with pytest.raises(AwsError, match=r"SignatureDoesNotMatch|IncompleteBody"):
            request.environ["wsgi.input"].read()


def suite(
    names: str, signature: str, more: Mapping[str, str] | None = None, service: str = "service"
) -> dict[str, str]:
    return {
        "Host": "example.amazonaws.com",
        "X-Amz-Date": "20150830T123600Z",
        "Authorization": f"AWS4-HMAC-SHA256 Credential={SUITE_KEY}/20150830/us-east-1/{service}/aws4_request, "
        f"SignedHeaders={names}, Signature={signature}",
        **(more or {}),
    }


PLAIN = "host;x-amz-date"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SUITE: dict[str, tuple[str, str, dict[str, str], bytes]] = {
    "get-vanilla": (
        "GET",
        "/",
        suite(PLAIN, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        b"",
    ),
    "get-relative": (
        "GET",
        "/example/..",
        suite(PLAIN, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        b"",
    ),
    "get-relative-relative": (
        "GET",
        "/example1/example2/../..",
        suite(PLAIN, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        b"",
    ),
    "get-slash-dot-slash": (
        "GET",
        "/./",
        suite(PLAIN, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        b"",
    ),
    "get-slashes": (
        "GET",
        "//example//",
        suite(PLAIN, "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"),
        b"",
    ),
    "get-space": (
        "GET",
        "/example space/",
        suite(PLAIN, "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"),
        b"",
    ),
    "get-utf8": (
        "GET",
        "/\u1234".encode().decode("latin-1"),
        suite(PLAIN, "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        b"",
    ),
    "get-vanilla-query-order-key-case": (
        "GET",
        "/?Param2=value2&Param1=value1",
        suite(PLAIN, "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
        b"",
    ),
    "get-vanilla-empty-query-key": (
        "GET",
        "/?Param1=value1",
        suite(PLAIN, "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"),
        b"",
    ),
    "get-header-value-trim": (
        "GET",
        "/",
        suite(
            "host;my-header1;my-header2;x-amz-date",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
            {"My-Header1": " value1", "My-Header2": ' "a   b   c"'},
        ),
        b"",
    ),
    "post-vanilla": (
        "POST",
        "/",
        suite(PLAIN, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        b"",
    ),
    "post-x-www-form-urlencoded": (
        "POST",
        "/",
        suite("content-type;host;x-amz-date", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a", FORM),
        b"Param1=value1",
    ),
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, in its earlier form
    "ListUsers": (
        "GET",
        "/?Action=ListUsers&Version=2010-05-08",
        suite(
            "content-type;host;x-amz-date",
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
            {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "Host": "iam.amazonaws.com"},
            service="iam",
        ),
        b"",
    ),
}


@pytest.mark.parametrize("example", SUITE.values(), ids=SUITE)
def test_the_published_test_suite(at: Any, example: tuple[str, str, dict[str, str], bytes]) -> None:
    at(AUGUST_30)
    signatures.verify(call(*example, service="service"), SUITE_SECRET)
    method, target, headers, body = example
    with pytest.raises(AwsError, match="SignatureDoesNotMatch"):
        signatures.verify(call(method, target, headers, body + b"x", service="service"), SUITE_SECRET)


@pytest.mark.parametrize(
    ("minutes", "message"),
    [
        (14, ""),
        (-14, ""),
        (16, "Signature expired: 20150830T123600Z is now earlier than 20150830T123700Z (20150830T125200Z - 15 min.)"),
        (
            -16,
            "Signature not yet current: 20150830T123600Z is still later than 20150830T123500Z (20150830T122000Z + 15",
        ),
    ],
)
def test_clocks_may_differ_by_a_quarter_of_an_hour(at: Any, minutes: int, message: str) -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
    at(AUGUST_30 + datetime.timedelta(minutes=minutes))
    request = call(*SUITE["get-vanilla"], service="service")
    if not message:
        signatures.verify(request, SUITE_SECRET)
        return
    with pytest.raises(AwsError) as caught:
        signatures.verify(request, SUITE_SECRET)
    assert (caught.value.code, caught.value.status) == ("SignatureDoesNotMatch", 403)
    assert caught.value.message.startswith(message)


def test_secrets_do_not_show() -> None:
    session = sessions.open_session(kind="user", account_id="1", arn="a", user_id="u", duration_s=900, now=MAY_24)
    assert session.secret_access_key not in repr(session)
    assert session.session_token not in repr(session)
    sessions.forget()
