"""Multipart uploads and server-side copies in parts: what a promotion stands on."""

from __future__ import annotations

import base64
import hashlib
import resource
import sys
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.s3.blobs import Content, Writer
from sandbox.server import Server
from tests.sandbox_core.helpers import MIB, composite_sha256, multipart, readable_by, refused, sha256

EU = {"LocationConstraint": "eu-west-1"}
BUCKET = "parts-bucket"
ONE, TWO = b"a" * (5 * MIB), b"b" * 1000


@pytest.fixture(scope="module")
def s3(client: Callable[..., Any]) -> Any:
    made = client("s3", max_pool_connections=20)
    made.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=EU)
    made.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return made


def begin(s3: Any, key: str, parts: list[bytes], **create: Any) -> tuple[str, list[dict[str, Any]]]:
    create.setdefault("ChecksumAlgorithm", "SHA256")
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key=key, **create)["UploadId"]
    done = []
    for number, part in enumerate(parts, start=1):
        answer = s3.upload_part(
            Bucket=BUCKET,
            Key=key,
            UploadId=upload,
            PartNumber=number,
            Body=part,
            ChecksumAlgorithm=create["ChecksumAlgorithm"],
        )
        name = f"Checksum{create['ChecksumAlgorithm']}"
        done.append({"PartNumber": number, "ETag": answer["ETag"], name: answer[name]})
    return upload, done


def finish(s3: Any, key: str, upload: str, parts: list[dict[str, Any]], **more: Any) -> Any:
    return s3.complete_multipart_upload(
        Bucket=BUCKET, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}, **more
    )


def test_the_composite_checksum_is_that_of_the_parts_with_their_number(s3: Any) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
    expected = composite_sha256([ONE, TWO])
    done = multipart(s3, BUCKET, "two", [ONE, TWO])
    head = s3.head_object(Bucket=BUCKET, Key="two", ChecksumMode="ENABLED")
    got = s3.get_object(Bucket=BUCKET, Key="two", ChecksumMode="ENABLED")
    assert done["ChecksumSHA256"] == head["ChecksumSHA256"] == got["ChecksumSHA256"] == expected
    assert done["ChecksumType"] == head["ChecksumType"] == "COMPOSITE"
    md5s = b"".join(hashlib.md5(part).digest() for part in (ONE, TWO))  # noqa: S324
    assert done["ETag"] == f'"{hashlib.md5(md5s).hexdigest()}-2"'  # noqa: S324
    assert got["Body"].read() == ONE + TWO
    attributes = s3.get_object_attributes(
        Bucket=BUCKET, Key="two", ObjectAttributes=["Checksum", "ObjectParts", "ObjectSize", "ETag", "StorageClass"]
    )
    assert attributes["Checksum"]["ChecksumSHA256"] == expected.partition("-")[0]
    assert attributes["ObjectParts"]["TotalPartsCount"] == 2
    shown = [(part["PartNumber"], part["Size"], part["ChecksumSHA256"]) for part in attributes["ObjectParts"]["Parts"]]
    assert shown == [(1, 5 * MIB, sha256(ONE)), (2, 1000, sha256(TWO))]
    assert attributes["ObjectSize"] == 5 * MIB + 1000


def test_reads_go_over_the_borders_of_parts(s3: Any) -> None:
    multipart(s3, BUCKET, "border", [ONE, TWO])
    got = s3.get_object(Bucket=BUCKET, Key="border", Range=f"bytes={5 * MIB - 2}-{5 * MIB + 1}")
    assert got["Body"].read() == b"aabb"
    part = s3.get_object(Bucket=BUCKET, Key="border", PartNumber=2, ChecksumMode="ENABLED")
    assert (part["Body"].read(), part["PartsCount"], part["ChecksumSHA256"]) == (TWO, 2, sha256(TWO))
    assert refused(s3.head_object, Bucket=BUCKET, Key="border", PartNumber=3)[1] == 416


def test_a_wrong_part_is_refused(s3: Any) -> None:
    upload, _ = begin(s3, "wrong", [])
    part = {"Bucket": BUCKET, "Key": "wrong", "UploadId": upload, "PartNumber": 1, "Body": b"x"}
    assert refused(s3.upload_part, **part, ChecksumSHA256=sha256(b"y")) == ("BadDigest", 400)
    # "Checksum Type mismatch occurred": the upload was created for another algorithm
    assert refused(s3.upload_part, **part, ChecksumAlgorithm="CRC32") == ("InvalidRequest", 400)
    assert refused(s3.upload_part, **{**part, "PartNumber": 10001}) == ("InvalidArgument", 400)
    assert refused(s3.upload_part, **{**part, "UploadId": "nope"}) == ("NoSuchUpload", 404)
    assert "Parts" not in s3.list_parts(Bucket=BUCKET, Key="wrong", UploadId=upload)


def test_completion_checks_what_it_is_told(s3: Any) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
    upload, parts = begin(s3, "told", [ONE, TWO])
    plain = [{key: value for key, value in part.items() if key != "ChecksumSHA256"} for part in parts]
    args = ("told", upload)
    assert refused(lambda: finish(s3, *args, plain)) == ("InvalidRequest", 400)
    assert refused(lambda: finish(s3, *args, parts[::-1])) == ("InvalidPartOrder", 400)
    assert refused(lambda: finish(s3, *args, [{**parts[0], "ETag": '"0"'}])) == ("InvalidPart", 400)
    assert refused(lambda: finish(s3, *args, [{**parts[0], "ChecksumSHA256": sha256(b"")}])) == ("InvalidPart", 400)
    assert refused(lambda: finish(s3, *args, [{**parts[0], "PartNumber": 9}])) == ("InvalidPart", 400)
    assert refused(lambda: finish(s3, *args, [])) == ("MalformedXML", 400)
    assert refused(lambda: finish(s3, *args, parts, ChecksumSHA256=sha256(b""))) == ("BadDigest", 400)
    assert refused(lambda: finish(s3, *args, parts, MpuObjectSize=1)) == ("InvalidRequest", 400)
    done = finish(s3, *args, parts, ChecksumSHA256=composite_sha256([ONE, TWO]), MpuObjectSize=5 * MIB + 1000)
    assert done["ChecksumSHA256"] == composite_sha256([ONE, TWO])


def test_all_parts_but_the_last_have_at_least_5_mib(s3: Any) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
    upload, parts = begin(s3, "small", [b"tiny", b"last"])
    assert refused(lambda: finish(s3, "small", upload, parts)) == ("EntityTooSmall", 400)
    assert finish(s3, "small", upload, parts[:1])["ChecksumSHA256"] == composite_sha256([b"tiny"])


def test_a_completed_upload_is_gone_and_completing_again_answers_the_same(s3: Any) -> None:
    upload, parts = begin(s3, "again", [TWO])
    first = finish(s3, "again", upload, parts, IfNoneMatch="*")
    assert finish(s3, "again", upload, parts, IfNoneMatch="*")["VersionId"] == first["VersionId"]
    assert refused(s3.list_parts, Bucket=BUCKET, Key="again", UploadId=upload) == ("NoSuchUpload", 404)


def test_an_aborted_upload_is_gone(s3: Any) -> None:
    upload, parts = begin(s3, "aborted", [TWO])
    listed = s3.list_multipart_uploads(Bucket=BUCKET, Prefix="aborted")["Uploads"]
    assert [(one["UploadId"], one["ChecksumAlgorithm"]) for one in listed] == [(upload, "SHA256")]
    s3.abort_multipart_upload(Bucket=BUCKET, Key="aborted", UploadId=upload)
    assert refused(lambda: finish(s3, "aborted", upload, parts)) == ("NoSuchUpload", 404)


def test_one_of_many_conditional_completions_wins(s3: Any) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    uploads = [begin(s3, "race", [bytes([65 + index]) * 100]) for index in range(8)]
    outcomes: list[str] = []

    def complete(upload: str, parts: list[dict[str, Any]]) -> None:
        try:
            finish(s3, "race", upload, parts, IfNoneMatch="*")
            outcomes.append("won")
        except ClientError as error:
            outcomes.append(error.response["Error"]["Code"])

    threads = [threading.Thread(target=complete, args=one) for one in uploads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["PreconditionFailed"] * 7 + ["won"]
    assert len(s3.list_object_versions(Bucket=BUCKET, Prefix="race")["Versions"]) == 1


def test_parts_are_listed_with_their_checksums(s3: Any) -> None:
    upload, parts = begin(s3, "listed", [ONE, TWO])
    listed = s3.list_parts(Bucket=BUCKET, Key="listed", UploadId=upload, MaxParts=1)
    assert (listed["ChecksumAlgorithm"], listed["ChecksumType"]) == ("SHA256", "COMPOSITE")
    assert [part["ChecksumSHA256"] for part in listed["Parts"]] == [parts[0]["ChecksumSHA256"]]
    assert (listed["IsTruncated"], listed["NextPartNumberMarker"]) == (True, 1)
    rest = s3.list_parts(Bucket=BUCKET, Key="listed", UploadId=upload, PartNumberMarker=1)
    assert [(part["PartNumber"], part["Size"]) for part in rest["Parts"]] == [(2, 1000)]


def test_a_copy_in_parts_has_the_checksum_of_its_source(client: Callable[..., Any], s3: Any) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html
    s3.put_bucket_policy(Bucket=BUCKET, Policy=readable_by("222222222222", BUCKET))
    qa = client("s3", "qa")
    qa.create_bucket(Bucket="qa-parts-bucket", CreateBucketConfiguration=EU)
    made = multipart(s3, BUCKET, "source", [ONE, TWO], Tagging="release=r1", Metadata={"a": "b"})
    s3.put_object(Bucket=BUCKET, Key="source", Body=b"a newer version")
    target = {"Bucket": "qa-parts-bucket", "Key": "target"}
    upload = qa.create_multipart_upload(**target, ChecksumAlgorithm="SHA256", Tagging="release=r1")["UploadId"]
    done = []
    for number, span in enumerate([(0, 5 * MIB - 1), (5 * MIB, 5 * MIB + 999)], start=1):
        answer = qa.upload_part_copy(
            **target,
            UploadId=upload,
            PartNumber=number,
            CopySource={"Bucket": BUCKET, "Key": "source", "VersionId": made["VersionId"]},
            CopySourceRange=f"bytes={span[0]}-{span[1]}",
            CopySourceIfMatch=made["ETag"],
            ExpectedSourceBucketOwner="111111111111",
        )
        assert answer["CopySourceVersionId"] == made["VersionId"]
        part = answer["CopyPartResult"]
        done.append({"PartNumber": number, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]})
    finished = qa.complete_multipart_upload(**target, UploadId=upload, MultipartUpload={"Parts": done}, IfNoneMatch="*")
    assert finished["ChecksumSHA256"] == made["ChecksumSHA256"] == composite_sha256([ONE, TWO])
    assert qa.get_object_tagging(**target)["TagSet"] == [{"Key": "release", "Value": "r1"}]
    assert qa.get_object(**target)["Body"].read() == ONE + TWO


def test_what_a_part_copy_refuses(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="little", Body=b"x" * 100)
    multipart(s3, BUCKET, "large", [ONE, TWO])
    upload, _ = begin(s3, "refusing", [])
    base = {"Bucket": BUCKET, "Key": "refusing", "UploadId": upload, "PartNumber": 1}
    little, large = {"CopySource": f"{BUCKET}/little"}, {"CopySource": f"{BUCKET}/large"}
    # "You can copy a range only if the source object is greater than 5 MB"
    assert refused(s3.upload_part_copy, **base, **little, CopySourceRange="bytes=0-99") == ("InvalidRequest", 400)
    assert refused(s3.upload_part_copy, **base, **large, CopySourceRange="bytes=0-9999999")[0] == "InvalidArgument"
    assert refused(s3.upload_part_copy, **base, **large, CopySourceRange="bytes=5-")[0] == "InvalidArgument"
    assert refused(s3.upload_part_copy, **base, **large, CopySourceIfMatch='"x"') == ("PreconditionFailed", 412)
    assert refused(s3.upload_part_copy, **base, CopySource=f"{BUCKET}/none") == ("NoSuchKey", 404)
    whole = s3.upload_part_copy(**base, **little)["CopyPartResult"]
    assert whole["ChecksumSHA256"] == sha256(b"x" * 100)


def test_a_full_object_checksum_over_parts(s3: Any) -> None:
    upload, parts = begin(s3, "full", [ONE, TWO], ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    done = finish(s3, "full", upload, parts, ChecksumType="FULL_OBJECT")
    assert done["ChecksumCRC32"] == base64.b64encode(zlib.crc32(ONE + TWO).to_bytes(4, "big")).decode()
    make = {"Bucket": BUCKET, "Key": "x", "ChecksumAlgorithm": "SHA256", "ChecksumType": "FULL_OBJECT"}
    assert refused(s3.create_multipart_upload, **make) == ("InvalidRequest", 400)


def test_uploads_of_the_sdks_own_transfer_work(s3: Any, tmp_path: Path) -> None:
    source = tmp_path / "big"
    source.write_bytes(bytes(range(256)) * 4096 * 20)  # 20 MiB: the SDK uploads it in parts of its own
    s3.upload_file(str(source), BUCKET, "transferred", ExtraArgs={"Metadata": {"m": "1"}})
    s3.download_file(BUCKET, "transferred", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == source.read_bytes()


def test_a_large_object_does_not_stay_in_memory(s3: Any, server: Server) -> None:
    part = b"z" * (64 * MIB)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    upload, parts = begin(s3, "gib", [part] * 8)
    finish(s3, "gib", upload, parts)
    target = s3.create_multipart_upload(Bucket=BUCKET, Key="gib2", ChecksumAlgorithm="SHA256")["UploadId"]
    s3.upload_part_copy(Bucket=BUCKET, Key="gib2", UploadId=target, PartNumber=1, CopySource=f"{BUCKET}/gib")
    unit = 1024 if sys.platform != "darwin" else 1
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit
    assert grown < 300 * MIB, "512 MiB were uploaded and 512 MiB copied"
    folder = server.application.settings.objects
    stored = sum(path.stat().st_size for path in folder.iterdir())
    assert stored >= 1024 * MIB
    s3.abort_multipart_upload(Bucket=BUCKET, Key="gib2", UploadId=target)
    version = s3.head_object(Bucket=BUCKET, Key="gib")["VersionId"]
    s3.delete_object(Bucket=BUCKET, Key="gib", VersionId=version)


def test_a_file_goes_with_the_last_object_that_uses_it(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.write(b"x" * (2 * MIB))
    blob = writer.finish()
    content = Content([blob, blob])
    del blob
    assert len(list(tmp_path.iterdir())) == 1
    assert b"".join(content.read(2 * MIB - 1, 2 * MIB + 1)) == b"xx"
    del content
    assert list(tmp_path.iterdir()) == []
