"""Single objects. Each test names the AWS document whose behaviour it pins."""

from __future__ import annotations

import base64
import hashlib
import json
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest

from sandbox.s3 import checksums
from tests.sandbox_core.helpers import readable_by, refused, sha256

EU = {"LocationConstraint": "eu-west-1"}


@pytest.fixture(scope="module")
def s3(client: Callable[..., Any]) -> Any:
    made = client("s3")
    for name in ("plain-bucket", "versioned-bucket"):
        made.create_bucket(Bucket=name, CreateBucketConfiguration=EU)
    made.put_bucket_versioning(Bucket="versioned-bucket", VersioningConfiguration={"Status": "Enabled"})
    return made


def test_crc_algorithms_match_their_published_check_values() -> None:
    # "123456789" is the check input of the CRC catalogue (reveng.sourceforge.io)
    assert checksums.of_blocks("CRC32", [b"1234", b"56789"]).hex() == "cbf43926"
    assert checksums.of_blocks("CRC32C", [b"1234", b"56789"]).hex() == "e3069283"
    assert checksums.of_blocks("CRC64NVME", [b"1234", b"56789"]).hex() == "ae8b14860a799888"


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_a_stored_checksum_is_returned_in_checksum_mode_only(s3: Any, algorithm: str) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
    expected = base64.b64encode(checksums.of_blocks(algorithm, [b"hello"])).decode()
    name = f"Checksum{algorithm}"
    put = s3.put_object(Bucket="plain-bucket", Key="c", Body=b"hello", **{name: expected})
    head = s3.head_object(Bucket="plain-bucket", Key="c", ChecksumMode="ENABLED")
    got = s3.get_object(Bucket="plain-bucket", Key="c", ChecksumMode="ENABLED")
    assert put[name] == head[name] == got[name] == expected
    assert head["ChecksumType"] == "FULL_OBJECT"
    assert name not in s3.head_object(Bucket="plain-bucket", Key="c")
    assert got["Body"].read() == b"hello"


def test_without_a_chosen_checksum_s3_adds_crc64nvme(client: Callable[..., Any], s3: Any) -> None:
    quiet = client("s3", request_checksum_calculation="when_required")
    quiet.put_object(Bucket="plain-bucket", Key="n", Body=b"123456789")
    head = s3.head_object(Bucket="plain-bucket", Key="n", ChecksumMode="ENABLED")
    assert base64.b64decode(head["ChecksumCRC64NVME"]).hex() == "ae8b14860a799888"


def test_a_wrong_checksum_is_a_bad_digest_and_stores_nothing(s3: Any) -> None:
    # moto accepts it: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (BadDigest)
    for wrong in ({"ChecksumSHA256": sha256(b"other")}, {"ContentMD5": base64.b64encode(b"0" * 16).decode()}):
        assert refused(s3.put_object, Bucket="plain-bucket", Key="bad", Body=b"hello", **wrong) == ("BadDigest", 400)
    malformed = {"ChecksumSHA256": "bm90IGEgZGlnZXN0"}
    assert refused(s3.put_object, Bucket="plain-bucket", Key="bad", Body=b"x", **malformed)[0] == "InvalidRequest"
    assert refused(s3.head_object, Bucket="plain-bucket", Key="bad") == ("404", 404)


@pytest.mark.parametrize(("claimed", "status"), [(zlib.crc32(b"hello"), 200), (zlib.crc32(b"jello"), 400)])
def test_a_trailing_checksum_is_verified(s3: Any, claimed: int, status: int) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
    value = base64.b64encode(claimed.to_bytes(4, "big"))
    body = b"3\r\nhel\r\n2\r\nlo\r\n0\r\nx-amz-checksum-crc32:" + value + b"\r\n\r\n"
    signed = AWSRequest(
        method="PUT",
        url=f"{s3.meta.endpoint_url}/plain-bucket/t{status}",
        headers={
            "content-encoding": "aws-chunked",
            "x-amz-decoded-content-length": "5",
            "x-amz-trailer": "x-amz-checksum-crc32",
            "Content-Type": "text/plain",
        },
    )
    signed.context["checksum"] = {"request_algorithm": {"in": "trailer"}}  # the body's hash is not signed then
    S3SigV4Auth(s3._request_signer._credentials, "s3", "eu-west-1").add_auth(signed)
    request = urllib.request.Request(  # noqa: S310
        signed.url, data=body, method="PUT", headers=dict(signed.headers.items())
    )
    if status == 400:
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)  # noqa: S310
        with caught.value as error:
            assert b"<Code>BadDigest</Code>" in error.read()
        return
    urllib.request.urlopen(request).close()  # noqa: S310
    got = s3.get_object(Bucket="plain-bucket", Key="t200", ChecksumMode="ENABLED")
    assert got["Body"].read() == b"hello"
    assert got["ChecksumCRC32"] == value.decode()
    assert "ContentEncoding" not in got  # aws-chunked is how it was sent, not what it is


def test_a_stream_is_stored_with_its_default_checksum(s3: Any) -> None:
    s3.upload_fileobj(BytesIO(b"streamed"), "plain-bucket", "stream")
    got = s3.get_object(Bucket="plain-bucket", Key="stream", ChecksumMode="ENABLED")
    assert got["Body"].read() == b"streamed"
    assert got["ChecksumCRC32"] == base64.b64encode(zlib.crc32(b"streamed").to_bytes(4, "big")).decode()


def test_conditional_writes(s3: Any) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    first = s3.put_object(Bucket="versioned-bucket", Key="lock", Body=b"1", IfNoneMatch="*")
    again = {"Bucket": "versioned-bucket", "Key": "lock", "Body": b"2"}
    assert refused(s3.put_object, **again, IfNoneMatch="*") == ("PreconditionFailed", 412)
    assert refused(s3.put_object, **again, IfMatch='"0123"') == ("PreconditionFailed", 412)
    assert refused(s3.put_object, **again, IfNoneMatch=first["ETag"])[1] == 501
    assert refused(s3.put_object, Bucket="plain-bucket", Key="gone", Body=b"", IfMatch="x") == ("NoSuchKey", 404)
    s3.put_object(**again, IfMatch=first["ETag"])
    s3.delete_object(Bucket="versioned-bucket", Key="lock")  # a delete marker counts as nothing there
    s3.put_object(Bucket="versioned-bucket", Key="lock", Body=b"3", IfNoneMatch="*")


def test_ranges_and_conditional_reads(s3: Any) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    put = s3.put_object(Bucket="plain-bucket", Key="r", Body=b"0123456789")
    where = {"Bucket": "plain-bucket", "Key": "r"}
    got = s3.get_object(**where, Range="bytes=2-4")
    assert (got["Body"].read(), got["ContentRange"]) == (b"234", "bytes 2-4/10")
    assert s3.get_object(**where, Range="bytes=-3")["Body"].read() == b"789"
    assert s3.get_object(**where, Range="bytes=8-99")["Body"].read() == b"89"
    assert refused(s3.get_object, **where, Range="bytes=10-") == ("InvalidRange", 416)
    assert s3.head_object(**where, Range="bytes=0-0")["ContentLength"] == 1
    assert refused(s3.get_object, **where, IfMatch='"no"') == ("PreconditionFailed", 412)
    assert refused(s3.get_object, **where, IfNoneMatch=put["ETag"]) == ("304", 304)
    assert refused(s3.get_object, **where, IfModifiedSince="2100-01-01T00:00:00Z") == ("304", 304)
    assert refused(s3.get_object, **where, IfUnmodifiedSince="2000-01-01T00:00:00Z") == ("PreconditionFailed", 412)


def test_delete_markers_and_versions(s3: Any) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html
    where = {"Bucket": "versioned-bucket", "Key": "v"}
    one = s3.put_object(**where, Body=b"1")["VersionId"]
    s3.put_object(**where, Body=b"2")
    marker = s3.delete_object(**where)["VersionId"]
    assert refused(s3.get_object, **where) == ("NoSuchKey", 404)
    assert refused(s3.get_object, **where, VersionId=marker) == ("MethodNotAllowed", 405)
    assert refused(s3.get_object, **where, VersionId="nope") == ("NoSuchVersion", 404)
    assert s3.get_object(**where, VersionId=one)["Body"].read() == b"1"


def test_suspended_versioning_replaces_only_the_null_version(client: Callable[..., Any]) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/AddingObjectstoVersionSuspendedBuckets.html
    s3 = client("s3")
    s3.create_bucket(Bucket="suspended-bucket", CreateBucketConfiguration=EU)
    s3.put_bucket_versioning(Bucket="suspended-bucket", VersioningConfiguration={"Status": "Enabled"})
    kept = s3.put_object(Bucket="suspended-bucket", Key="k", Body=b"kept")["VersionId"]
    s3.put_bucket_versioning(Bucket="suspended-bucket", VersioningConfiguration={"Status": "Suspended"})
    for body in (b"a", b"b"):
        assert s3.put_object(Bucket="suspended-bucket", Key="k", Body=body)["VersionId"] == "null"
    versions = [v["VersionId"] for v in s3.list_object_versions(Bucket="suspended-bucket")["Versions"]]
    assert sorted(versions) == sorted([kept, "null"])
    assert s3.get_object(Bucket="suspended-bucket", Key="k", VersionId=kept)["Body"].read() == b"kept"


def test_expected_bucket_owner(s3: Any) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
    where = {"Bucket": "plain-bucket", "Key": "o"}
    s3.put_object(**where, Body=b"x", ExpectedBucketOwner="111111111111")
    for call in (s3.get_object, s3.get_object_tagging, s3.delete_object):
        assert refused(call, **where, ExpectedBucketOwner="222222222222") == ("AccessDenied", 403)
    assert refused(s3.head_bucket, Bucket="plain-bucket", ExpectedBucketOwner="222222222222") == ("403", 403)
    copy = {"Bucket": "plain-bucket", "Key": "o2", "CopySource": where}
    assert refused(s3.copy_object, **copy, ExpectedSourceBucketOwner="2" * 12) == ("AccessDenied", 403)
    s3.copy_object(**copy, ExpectedSourceBucketOwner="111111111111")


def test_copy_conditions_versions_tags_and_metadata(s3: Any) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
    source = s3.put_object(
        Bucket="versioned-bucket",
        Key="a/ü +%&.txt",
        Body=b"old",
        Metadata={"my_key": "v"},
        Tagging="release=r1&x=y",
        ContentType="text/plain",
        ChecksumAlgorithm="SHA256",
    )
    s3.put_object(Bucket="versioned-bucket", Key="a/ü +%&.txt", Body=b"new")
    copied = s3.copy_object(
        Bucket="plain-bucket",
        Key="copied",
        CopySource={"Bucket": "versioned-bucket", "Key": "a/ü +%&.txt", "VersionId": source["VersionId"]},
        CopySourceIfMatch=source["ETag"],
        IfNoneMatch="*",
    )
    assert copied["CopySourceVersionId"] == source["VersionId"]
    assert copied["CopyObjectResult"]["ChecksumSHA256"] == sha256(b"old")
    got = s3.get_object(Bucket="plain-bucket", Key="copied")
    assert (got["Body"].read(), got["Metadata"], got["ContentType"]) == (b"old", {"my_key": "v"}, "text/plain")
    tags = s3.get_object_tagging(Bucket="plain-bucket", Key="copied")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"release": "r1", "x": "y"}
    again = {"Bucket": "plain-bucket", "Key": "copied", "CopySource": "versioned-bucket/lock"}
    assert refused(s3.copy_object, **again, IfNoneMatch="*") == ("PreconditionFailed", 412)
    assert refused(s3.copy_object, **again, CopySourceIfMatch='"other"') == ("PreconditionFailed", 412)
    missing = {"Bucket": "plain-bucket", "Key": "z", "CopySource": "versioned-bucket/none"}
    assert refused(s3.copy_object, **missing) == ("NoSuchKey", 404)
    assert refused(s3.copy_object, Bucket="plain-bucket", Key="z", CopySource="none-bucket/k") == ("NoSuchBucket", 404)
    same = {"Bucket": "plain-bucket", "Key": "copied", "CopySource": "plain-bucket/copied"}
    assert refused(s3.copy_object, **same) == ("InvalidRequest", 400)


def test_encryption_is_returned_as_the_key_arn(client: Callable[..., Any], s3: Any) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html
    kms = client("kms")
    key = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/artifacts", TargetKeyId=key["KeyId"])
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/artifacts"},
        "BucketKeyEnabled": True,
    }
    s3.create_bucket(Bucket="encrypted-bucket", CreateBucketConfiguration=EU)
    s3.put_bucket_encryption(Bucket="encrypted-bucket", ServerSideEncryptionConfiguration={"Rules": [rule]})
    put = s3.put_object(Bucket="encrypted-bucket", Key="k", Body=b"x")
    head = s3.head_object(Bucket="encrypted-bucket", Key="k")
    for answer in (put, head):
        assert (answer["ServerSideEncryption"], answer["SSEKMSKeyId"]) == ("aws:kms", key["Arn"])
        assert answer["BucketKeyEnabled"] is True
    assert s3.put_object(Bucket="plain-bucket", Key="k", Body=b"")["ServerSideEncryption"] == "AES256"
    unknown = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "00000000-0000-0000-0000-000000000000"}
    assert refused(s3.put_object, Bucket="plain-bucket", Key="k", **unknown)[0] == "KMS.NotFoundException"
    kms.disable_key(KeyId=key["KeyId"])
    assert refused(s3.get_object, Bucket="encrypted-bucket", Key="k")[0] == "KMS.DisabledException"


def test_a_conditional_deny_does_not_lock_everybody_out(s3: Any) -> None:
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::plain-bucket/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    s3.put_bucket_policy(Bucket="plain-bucket", Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    s3.put_object(Bucket="plain-bucket", Key="p", Body=b"in")
    assert s3.get_object(Bucket="plain-bucket", Key="p")["Body"].read() == b"in"


def test_notification_and_replication_come_back_as_sent(s3: Any) -> None:
    s3.put_bucket_notification_configuration(
        Bucket="plain-bucket", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    assert s3.get_bucket_notification_configuration(Bucket="plain-bucket")["EventBridgeConfiguration"] == {}
    rule = {
        "ID": "r",
        "Status": "Enabled",
        "Priority": 1,
        "Filter": {"Prefix": "releases/"},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": "arn:aws:s3:::plain-bucket"},
    }
    sent = {"Role": "arn:aws:iam::111111111111:role/r", "Rules": [rule]}
    s3.put_bucket_replication(Bucket="versioned-bucket", ReplicationConfiguration=sent)
    assert s3.get_bucket_replication(Bucket="versioned-bucket")["ReplicationConfiguration"] == sent
    s3.delete_bucket_replication(Bucket="versioned-bucket")
    assert refused(s3.get_bucket_replication, Bucket="versioned-bucket")[1] == 404


def test_another_accounts_tags_and_versions_are_read_where_they_lie(client: Callable[..., Any], s3: Any) -> None:
    # a promotion reads tags with the target account's role
    s3.put_object(Bucket="plain-bucket", Key="tagged", Body=b"x", Tagging="a=b")
    s3.put_bucket_policy(Bucket="plain-bucket", Policy=readable_by("222222222222", "plain-bucket"))
    qa = client("s3", "qa")
    assert qa.get_object_tagging(Bucket="plain-bucket", Key="tagged")["TagSet"] == [{"Key": "a", "Value": "b"}]
    made = qa.create_bucket
    assert refused(made, Bucket="plain-bucket", CreateBucketConfiguration=EU)[0] == "BucketAlreadyExists"


def test_keys_with_awkward_names_survive(s3: Any) -> None:
    for name in ("a//b", "/leading", "ü/ß +%20?&=#.txt", "trailing/", "..", "a/../b", "\u4e2d\u6587"):
        s3.put_object(Bucket="plain-bucket", Key=f"n{name}", Body=name.encode())
        assert s3.get_object(Bucket="plain-bucket", Key=f"n{name}")["Body"].read() == name.encode(), name


def test_errors_name_what_is_missing(s3: Any) -> None:
    assert refused(s3.get_object, Bucket="no-such-bucket-at-all", Key="k") == ("NoSuchBucket", 404)
    assert refused(s3.get_object, Bucket="plain-bucket", Key="nothing") == ("NoSuchKey", 404)
    assert refused(s3.head_bucket, Bucket="no-such-bucket-at-all") == ("404", 404)


def test_an_etag_is_the_md5_of_a_single_piece(s3: Any) -> None:
    put = s3.put_object(Bucket="plain-bucket", Key="e", Body=b"etag")
    assert put["ETag"].strip('"') == hashlib.md5(b"etag").hexdigest()  # noqa: S324
