"""The latency model of S3 answers as S3 does: what the benchmarks conclude rests on it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import s3_api, s3_store
from bench.latency_s3 import Connection, Model
from bench.s3_api import Answer
from bench.s3_store import MIB, Object, S3Error, Store, cut, digest, joined, literal, part_checksums, virtual
from glue.core import checksum

PART = 64 * MIB
SIZE = 2 * PART + 5


def ask(store: Store, method: str, target: str, body: bytes = b"", **headers: str) -> Answer:
    """Send a request; underscores in header names stand for hyphens."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return s3_api.answer(store, s3_api.parsed(method, target, names, body))


def text(answer: Answer, name: str) -> str | None:
    return next((e.text for e in ET.fromstring(answer.body).iter() if e.tag == name), None)  # noqa: S314


@pytest.fixture
def store() -> Store:
    """A source bucket with a large object, and an empty target."""
    made = Store()
    content = virtual("large", SIZE)
    sha256 = s3_store.composite(part_checksums(content, PART))
    made.put("source", "large", Object(content, '"e"', "", sha256, tags={"a": "1"}, metadata={"n": "x"}))
    made.objects["target"] = {}
    return made


def begin(store: Store, **headers: str) -> str:
    upload_id = text(ask(store, "POST", "/target/k?uploads", **headers), "UploadId")
    assert upload_id is not None
    return upload_id


def copy_part(store: Store, upload_id: str, number: int, first: int, last: int, **headers: str) -> Answer:
    wanted = {"x_amz_copy_source": "source/large", "x_amz_copy_source_range": f"bytes={first}-{last}", **headers}
    return ask(store, "PUT", f"/target/k?partNumber={number}&uploadId={upload_id}", **wanted)


def complete(store: Store, upload_id: str, parts: list[Answer], **headers: str) -> Answer:
    inner = "".join(
        f"<Part><PartNumber>{n}</PartNumber><ETag>{text(p, 'ETag')}</ETag>"
        f"<ChecksumSHA256>{text(p, 'ChecksumSHA256') or ''}</ChecksumSHA256></Part>"
        for n, p in enumerate(parts, start=1)
    )
    body = f"<CompleteMultipartUpload>{inner}</CompleteMultipartUpload>".encode()
    return ask(store, "POST", f"/target/k?uploadId={upload_id}", body, **headers)


def all_parts(store: Store, upload_id: str) -> list[Answer]:
    ranges = checksum.part_ranges(SIZE, PART)
    return [copy_part(store, upload_id, r.number, r.start, r.start + r.length - 1) for r in ranges]


def test_a_multipart_copy_has_the_sources_composite_checksum_and_content(store: Store) -> None:
    upload_id = begin(store, x_amz_checksum_algorithm="SHA256", x_amz_tagging="a=1&b=2%203")
    parts = all_parts(store, upload_id)
    assert [part.copied for part in parts] == [PART, PART, 5]
    answer = complete(store, upload_id, parts, x_amz_mp_object_size=str(SIZE), if_none_match="*")
    assert answer.status == 200
    source, target = store.get("source", "large"), store.get("target", "k")
    assert text(answer, "ChecksumSHA256") == target.sha256 == source.sha256
    assert target.content == joined([source.content])
    assert target.tags == {"a": "1", "b": "2 3"}
    assert store.uploads == {}


def test_parts_in_the_wrong_places_make_another_object(store: Store) -> None:
    upload_id = begin(store, x_amz_checksum_algorithm="SHA256")
    parts = [copy_part(store, upload_id, 1, PART, 2 * PART - 1), copy_part(store, upload_id, 2, 0, PART - 1)]
    complete(store, upload_id, parts)
    swapped = store.get("target", "k")
    assert swapped.sha256 != s3_store.composite(part_checksums(virtual("large", 2 * PART), PART))
    assert [piece.start for piece in swapped.content] == [PART, 0]


def test_without_an_algorithm_there_is_no_checksum(store: Store) -> None:
    upload_id = begin(store)
    parts = all_parts(store, upload_id)
    assert text(parts[0], "ChecksumSHA256") is None
    assert text(complete(store, upload_id, parts), "ChecksumSHA256") is None


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"x_amz_mp_object_size": "1"}, 400, "InvalidRequest"),
        ({"if_none_match": "*"}, 412, "PreconditionFailed"),
    ],
)
def test_completing_is_refused(store: Store, headers: dict[str, str], status: int, code: str) -> None:
    store.put("target", "k", Object(literal(b"other"), '"o"', ""))
    upload_id = begin(store, x_amz_checksum_algorithm="SHA256")
    answer = complete(store, upload_id, all_parts(store, upload_id), **headers)
    assert (answer.status, text(answer, "Code")) == (status, code)
    assert store.get("target", "k").etag == '"o"'
    assert upload_id in store.uploads


def test_a_part_with_another_etag_or_checksum_is_refused(store: Store) -> None:
    upload_id = begin(store, x_amz_checksum_algorithm="SHA256")
    first, second, third = all_parts(store, upload_id)
    assert text(complete(store, upload_id, [second, first, third]), "Code") == "InvalidPart"


@pytest.mark.parametrize(
    ("first", "last", "headers", "code"),
    [
        (0, SIZE, {}, "InvalidRange"),
        (0, 9, {"x_amz_copy_source_if_match": '"other"'}, "PreconditionFailed"),
        (0, 9, {"x_amz_copy_source": "source/large?versionId=v99"}, "NoSuchKey"),
        (0, 9, {"x_amz_copy_source": "source/absent"}, "NoSuchKey"),
        (0, 9, {"x_amz_copy_source_range": "bytes=9-"}, "InvalidRequest"),
    ],
)
def test_copying_a_part_is_refused(store: Store, first: int, last: int, headers: dict[str, str], code: str) -> None:
    assert text(copy_part(store, begin(store), 1, first, last, **headers), "Code") == code


def test_a_small_source_has_no_ranges(store: Store) -> None:
    store.put("source", "large", Object(virtual("small", 5 * MIB), '"e"', ""))
    assert text(copy_part(store, begin(store), 1, 0, 9), "Code") == "InvalidRequest"


def test_one_call_copies_up_to_5_gib_with_tags_and_without_a_composite_checksum(store: Store) -> None:
    answer = ask(store, "PUT", "/target/k", x_amz_copy_source="/source/large")
    assert (answer.operation, answer.copied) == ("CopyObject", SIZE)
    assert store.get("target", "k").tags == {"a": "1"}
    assert store.get("target", "k").sha256 is None
    again = ask(store, "PUT", "/target/k", x_amz_copy_source="/source/large", if_none_match="*")
    assert again.status == 412
    store.put("source", "large", Object(virtual("huge", 5 * 1024**3 + 1), '"e"', ""))
    assert text(ask(store, "PUT", "/target/k", x_amz_copy_source="source/large"), "Code") == "InvalidRequest"


def test_heads_show_the_checksum_only_when_asked(store: Store) -> None:
    plain = ask(store, "HEAD", "/source/large")
    assert plain.headers["Content-Length"] == str(SIZE)
    assert plain.headers["x-amz-meta-n"] == "x"
    assert "x-amz-checksum-sha256" not in plain.headers
    asked = ask(store, "HEAD", "/source/large", x_amz_checksum_mode="ENABLED")
    assert asked.headers["x-amz-checksum-sha256"].endswith("-3")
    absent = ask(store, "HEAD", "/source/absent")
    assert (absent.status, absent.body) == (404, b"")


def test_real_bytes_go_in_and_out_and_have_their_real_checksum(store: Store) -> None:
    assert ask(store, "PUT", "/target/k", b"hello").passed == 5
    assert ask(store, "GET", "/target/k").body == b"hello"
    assert store.get("target", "k").sha256 == base64.b64encode(hashlib.sha256(b"hello").digest()).decode()
    wrong = ask(store, "PUT", "/target/k", b"hello", x_amz_checksum_sha256="AAAA")
    assert text(wrong, "Code") == "BadDigest"
    assert ask(store, "GET", "/source/large").status == 501


def test_listings_come_in_pages(store: Store) -> None:
    for number in range(1001):
        store.put("target", f"p/{number:04}", Object((), '"e"', ""))
    first = ask(store, "GET", "/target?list-type=2&prefix=p/")
    token = text(first, "NextContinuationToken")
    assert (text(first, "KeyCount"), text(first, "IsTruncated"), token) == ("1000", "true", "p/0999")
    second = ask(store, "GET", f"/target?list-type=2&prefix=p/&continuation-token={token}")
    assert (text(second, "KeyCount"), text(second, "Key")) == ("1", "p/1000")


def test_unfinished_uploads_are_listed_with_their_parts_until_they_are_dropped(store: Store) -> None:
    upload_id = begin(store, x_amz_checksum_algorithm="SHA256")
    copy_part(store, upload_id, 1, 0, PART - 1)
    listed = ask(store, "GET", "/target?uploads&prefix=k")
    assert (text(listed, "UploadId"), text(listed, "ChecksumAlgorithm")) == (upload_id, "SHA256")
    parts = ask(store, "GET", f"/target/k?uploadId={upload_id}")
    assert (text(parts, "PartNumber"), text(parts, "Size")) == ("1", str(PART))
    assert ask(store, "DELETE", f"/target/k?uploadId={upload_id}").status == 204
    assert ask(store, "GET", f"/target/k?uploadId={upload_id}").status == 404


def test_tags_can_be_replaced_and_what_is_not_modelled_says_so(store: Store) -> None:
    body = b"<Tagging><TagSet><Tag><Key>b</Key><Value>&lt;2</Value></Tag></TagSet></Tagging>"
    ask(store, "PUT", "/source/large?tagging", body)
    assert text(ask(store, "GET", "/source/large?tagging"), "Value") == "<2"
    assert ask(store, "DELETE", "/source/large").status == 501
    assert text(ask(store, "PUT", "/source/large?tagging", b"<Tag"), "Code") == "MalformedXML"


@given(st.lists(st.integers(0, 50), max_size=6), st.data())
def test_cutting_and_joining_give_back_the_whole(lengths: list[int], data: st.DataObject) -> None:
    whole = b"".join(bytes([number]) * length for number, length in enumerate(lengths))
    content = joined(literal(bytes([number]) * length) for number, length in enumerate(lengths))
    at = data.draw(st.integers(0, len(whole)))
    first, second = cut(content, 0, at), cut(content, at, len(whole) - at)
    assert b"".join(piece.data or b"" for piece in first) == whole[:at]
    assert joined([first, second]) == content
    assert digest(joined([first, second])) == hashlib.sha256(whole).digest()
    with pytest.raises(S3Error):
        cut(content, at, len(whole) - at + 1)


def test_the_part_checksums_of_real_bytes_are_those_of_the_product() -> None:
    data = bytes(range(256)) * 40
    ours = checksum.of_stream(_Stream(data), part_size=1000)
    assert part_checksums(literal(data), 1000) == ours.parts
    assert s3_store.composite(ours.parts) == ours.composite
    assert part_checksums(literal(b""), 1000) == checksum.of_bytes(b"").parts


class _Stream:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int = -1, /) -> bytes:
        head, self._data = self._data[:size], self._data[size:]
        return head


# the server


class FakeTransport(asyncio.Transport):
    """Collects what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""

    def write(self, data: Any) -> None:
        self.sent += bytes(data)

    def close(self) -> None:
        self.sent += b"(closed)"


def talk(model: Model, *pieces: bytes, seconds: float = 0.0) -> bytes:
    """Feed a connection and return what it sent within the seconds."""

    async def run() -> bytes:
        connection, transport = Connection(model), FakeTransport()
        connection.connection_made(transport)
        for piece in pieces:
            connection.data_received(piece)
        await asyncio.sleep(seconds)
        return transport.sent

    return asyncio.run(run())


def quick(store: Store | None = None) -> Model:
    return Model(store or Store(), call_s=0.0, bytes_per_s=1e15)


def test_requests_in_pieces_and_several_at_once_are_answered_in_order() -> None:
    request = b"HEAD /b/k HTTP/1.1\r\nHost: x\r\n\r\n"
    put = b"PUT /b/k HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi"
    model = quick()
    sent = talk(model, request + put[:20], put[20:-1], put[-1:] + request)
    assert [line.split(b" ")[1] for line in sent.split(b"\r\n") if line.startswith(b"HTTP")] == [b"404", b"200", b"200"]
    assert model.traffic.calls == {"HeadObject": 2, "PutObject": 1}
    assert model.traffic.errors == {"HeadObject 404": 1}
    assert model.traffic.passed == 2


def test_a_client_that_waits_for_it_is_told_to_go_on() -> None:
    head = b"PUT /b/k HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    sent = talk(quick(), head, b"h", b"i")
    assert sent.count(b"100 Continue") == 1
    assert sent.count(b"200 OK") == 1


def test_a_head_without_an_end_closes_the_connection() -> None:
    assert talk(quick(), b"GET / HTTP/1.1\r\nA: " + b"x" * 70_000).endswith(b"(closed)")


def test_every_call_takes_its_time_and_copied_bytes_take_more(store: Store) -> None:
    model = Model(store)
    assert model.delay(Answer("HeadObject")) == pytest.approx(0.030)
    assert model.delay(Answer("UploadPartCopy", copied=150_000_000)) == pytest.approx(1.030)


def test_an_answer_waits_for_its_delay_and_the_next_request_for_the_answer(store: Store) -> None:
    request = b"HEAD /source/large HTTP/1.1\r\n\r\n"
    model = Model(store, call_s=0.05)
    assert talk(model, request * 2) == b""
    model = Model(store, call_s=0.05)
    assert talk(model, request * 2, seconds=0.3).count(b"200 OK") == 2
    report = model.traffic.report()
    assert report["most_in_flight"] == 1
    assert report["seconds"] >= 0.1


def test_the_control_channel_is_not_counted() -> None:
    model = quick()
    for what, asked in [
        ("put", {"bucket": "s", "key": "k", "size": SIZE, "part_size": PART, "tags": {"a": "1"}}),
        ("abandon", {"bucket": "t", "source": "s", "key": "k", "part_size": PART}),
        ("nothing", {}),
        ("report", {}),
    ]:
        body = json.dumps(asked).encode()
        sent = talk(model, b"POST /-/%s HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (what.encode(), len(body)) + body)
        assert sent.startswith(b"HTTP/1.1 400" if what == "nothing" else b"HTTP/1.1 200")
    assert model.traffic.calls == {}
    (upload,) = model.store.uploads.values()
    assert sorted(upload.parts) == [1, 2]  # all but the last
    model.control("/-/clear", b'{"bucket": "t"}')
    assert model.store.uploads == {}


def test_a_corrupted_copy_is_another_object_and_the_next_one_is_not(store: Store) -> None:
    Model(store).control("/-/corrupt", b"")
    upload_id = begin(store, x_amz_checksum_algorithm="SHA256")
    bad, good = (text(copy_part(store, upload_id, 1, 0, PART - 1), "ChecksumSHA256") for _ in range(2))
    expected = part_checksums(store.get("source", "large").content, PART)[0]
    assert bad != expected
    assert good == expected
