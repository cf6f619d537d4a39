"""S3: every operation's permissions, its keys, several accounts, and when it says 404 rather than 403."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.sandbox_iam.conftest import Estate, allow, deny, document, to
from tests.sandbox_iam.helpers import denied, refused

QA = "arn:aws:iam::222222222222:root"
MakeBucket = Callable[..., str]


def objects(bucket: str, prefix: str = "*") -> str:
    return f"arn:aws:s3:::{bucket}/{prefix}"


def whole(bucket: str) -> list[str]:
    return [f"arn:aws:s3:::{bucket}", objects(bucket)]


def test_a_version_is_another_action(estate: Estate, make_bucket: MakeBucket) -> None:
    bucket, admin = make_bucket(), estate.operator("s3")
    admin.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = admin.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    current = estate.role(allow(["s3:GetObject", "s3:DeleteObject"], objects(bucket))).client("s3")
    assert current.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert "s3:GetObjectVersion " in denied(current.get_object, Bucket=bucket, Key="k", VersionId=version).message
    assert denied(current.head_object, Bucket=bucket, Key="k", VersionId=version).status == 403
    assert "s3:DeleteObjectVersion " in denied(current.delete_object, Bucket=bucket, Key="k", VersionId=version).message
    assert (
        "s3:GetObjectVersionTagging"
        in denied(current.get_object_tagging, Bucket=bucket, Key="k", VersionId=version).message
    )
    old = estate.role(allow("s3:GetObjectVersion", objects(bucket))).client("s3")
    assert old.get_object(Bucket=bucket, Key="k", VersionId=version)["Body"].read() == b"x"
    denied(old.get_object, Bucket=bucket, Key="k")


def test_tags_locks_and_acls_of_a_new_object_are_further_permissions(estate: Estate, make_bucket: MakeBucket) -> None:
    bucket = make_bucket()
    plain = estate.role(allow("s3:PutObject", objects(bucket))).client("s3")
    plain.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert "s3:PutObjectTagging" in denied(plain.put_object, Bucket=bucket, Key="k", Body=b"x", Tagging="a=b").message
    assert "s3:PutObjectAcl" in denied(plain.put_object, Bucket=bucket, Key="k", Body=b"x", ACL="private").message
    assert "s3:PutObjectTagging" in denied(plain.create_multipart_upload, Bucket=bucket, Key="k", Tagging="a=b").message
    tagging = allow("s3:PutObject*", objects(bucket), StringEquals={"s3:RequestObjectTag/team": "red"})
    red = estate.role(tagging).client("s3")
    red.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="team=red")
    denied(red.put_object, Bucket=bucket, Key="k", Body=b"x", Tagging="team=blue")
    reader = estate.role(allow("s3:GetObject", objects(bucket), StringEquals={"s3:ExistingObjectTag/team": "red"}))
    reader.client("s3").get_object(Bucket=bucket, Key="k")
    estate.operator("s3").put_object(Bucket=bucket, Key="other", Body=b"x", Tagging="team=blue")
    denied(reader.client("s3").get_object, Bucket=bucket, Key="other")


def test_a_copy_reads_and_writes(estate: Estate, make_bucket: MakeBucket) -> None:
    source, target, admin = make_bucket(), make_bucket(), estate.operator("s3")
    admin.put_object(Bucket=source, Key="k", Body=b"x")
    copy = {"Bucket": target, "Key": "k", "CopySource": f"{source}/k"}
    reads = allow(["s3:GetObject", "s3:ListBucket"], whole(source))
    writes = allow("s3:PutObject", objects(target))
    assert "s3:PutObject " in denied(estate.role(reads).client("s3").copy_object, **copy).message
    assert "s3:GetObject " in denied(estate.role(writes).client("s3").copy_object, **copy).message
    both = estate.role(reads, writes).client("s3")
    both.copy_object(**copy)
    admin.put_object_tagging(Bucket=source, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    assert "s3:GetObjectTagging" in denied(both.copy_object, **copy).message  # the tags would go with it
    upload = both.create_multipart_upload(Bucket=target, Key="parts")["UploadId"]
    part = {"Bucket": target, "Key": "parts", "UploadId": upload, "PartNumber": 1}
    both.upload_part_copy(**part, CopySource=f"{source}/k")
    only = estate.role(writes).client("s3")
    assert "s3:GetObject " in denied(only.upload_part_copy, **part, CopySource=f"{source}/k").message
    assert "s3:ListMultipartUploadParts" in denied(only.list_parts, Bucket=target, Key="parts", UploadId=upload).message
    assert "s3:ListBucketMultipartUploads" in denied(only.list_multipart_uploads, Bucket=target).message
    assert (
        "s3:AbortMultipartUpload"
        in denied(only.abort_multipart_upload, Bucket=target, Key="parts", UploadId=upload).message
    )


def test_deleting_many_decides_for_each_key(estate: Estate, make_bucket: MakeBucket) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
    bucket, admin = make_bucket(), estate.operator("s3")
    for key in ("mine/a", "mine/b", "yours/a"):
        admin.put_object(Bucket=bucket, Key=key, Body=b"x")
    mine = estate.role(allow("s3:DeleteObject", objects(bucket, "mine/*"))).client("s3")
    wanted = [{"Key": key} for key in ("mine/a", "yours/a", "mine/b")]
    answer = mine.delete_objects(Bucket=bucket, Delete={"Objects": wanted})
    assert sorted(one["Key"] for one in answer["Deleted"]) == ["mine/a", "mine/b"]
    assert [(one["Key"], one["Code"]) for one in answer["Errors"]] == [("yours/a", "AccessDenied")]
    assert [one["Key"] for one in admin.list_objects_v2(Bucket=bucket)["Contents"]] == ["yours/a"]
    admin.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "yours/a"}]})
    assert admin.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_an_absent_key_is_a_secret(estate: Estate, make_bucket: MakeBucket) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html, "Permissions"
    bucket = make_bucket()
    reader = estate.role(allow("s3:GetObject", objects(bucket))).client("s3")
    assert "s3:ListBucket" in denied(reader.get_object, Bucket=bucket, Key="none").message
    assert refused(reader.head_object, Bucket=bucket, Key="none").status == 403
    lister = estate.role(allow(["s3:GetObject", "s3:ListBucket"], whole(bucket))).client("s3")
    assert refused(lister.get_object, Bucket=bucket, Key="none").code == "NoSuchKey"
    assert refused(lister.head_object, Bucket=bucket, Key="none").status == 404
    nobody = estate.role(allow("sts:*")).client("s3")
    assert refused(nobody.get_object, Bucket="there-is-no-such-bucket", Key="k").code == "NoSuchBucket"


def test_listing_by_prefix(estate: Estate, make_bucket: MakeBucket) -> None:
    bucket = make_bucket()
    lists = allow("s3:ListBucket", f"arn:aws:s3:::{bucket}", StringLike={"s3:prefix": ["releases/*"]})
    some = estate.role(lists).client("s3")
    some.list_objects_v2(Bucket=bucket, Prefix="releases/ranker/")
    for other in ({}, {"Prefix": "other/"}, {"Prefix": ""}):
        denied(some.list_objects_v2, Bucket=bucket, **other)
    few = estate.role(allow("s3:ListBucket", f"arn:aws:s3:::{bucket}", NumericLessThanEquals={"s3:max-keys": "10"}))
    few.client("s3").list_objects_v2(Bucket=bucket, MaxKeys=10)
    denied(few.client("s3").list_objects_v2, Bucket=bucket, MaxKeys=11)
    denied(few.client("s3").list_objects_v2, Bucket=bucket)


def test_a_bucket_that_wants_conditional_writes(estate: Estate, make_bucket: MakeBucket) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
    bucket, admin = make_bucket(), estate.operator("s3")
    rule = deny(
        "s3:PutObject", objects(bucket), Null={"s3:if-none-match": "true"}, Bool={"s3:ObjectCreationOperation": "true"}
    )
    admin.put_bucket_policy(Bucket=bucket, Policy=document(to("*", rule)))
    message = denied(admin.put_object, Bucket=bucket, Key="k", Body=b"x").message
    assert message.endswith("with an explicit deny in a resource-based policy")
    admin.put_object(Bucket=bucket, Key="k", Body=b"x", IfNoneMatch="*")
    upload = admin.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    part = admin.upload_part(Bucket=bucket, Key="m", UploadId=upload, PartNumber=1, Body=b"x")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    finish = {"Bucket": bucket, "Key": "m", "UploadId": upload, "MultipartUpload": parts}
    denied(admin.complete_multipart_upload, **finish)
    admin.complete_multipart_upload(**finish, IfNoneMatch="*")


def test_encryption_headers_also_of_presigned_urls(estate: Estate, make_bucket: MakeBucket) -> None:
    bucket, admin = make_bucket(), estate.operator("s3")
    header = "s3:x-amz-server-side-encryption"
    rule = deny("s3:PutObject", objects(bucket), StringNotEquals={header: "aws:kms"}, Null={header: "false"})
    admin.put_bucket_policy(Bucket=bucket, Policy=document(to("*", rule)))
    admin.put_object(Bucket=bucket, Key="default", Body=b"x")
    denied(admin.put_object, Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="AES256")
    address = admin.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"})
    assert answer("PUT", address, b"x") == 200
    put = {"Bucket": bucket, "Key": "k", "ServerSideEncryption": "AES256"}
    address = admin.generate_presigned_url("put_object", Params=put)
    assert answer("PUT", address, b"x", {"x-amz-server-side-encryption": "AES256"}) == 403
    tls = deny("s3:*", whole(bucket), Bool={"aws:SecureTransport": "false"})
    admin.put_bucket_policy(Bucket=bucket, Policy=document(to("*", tls)))
    admin.put_object(Bucket=bucket, Key="k", Body=b"x")  # loopback counts as TLS


def answer(method: str, address: str, body: bytes, headers: dict[str, str] | None = None) -> int:
    """Return the status of a request as it is."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request(method, f"{parts.path}?{parts.query}", body, headers or {})
        return connection.getresponse().status
    finally:
        connection.close()


def test_another_account_needs_both_sides(estate: Estate, make_bucket: MakeBucket) -> None:
    bucket, admin = make_bucket(), estate.operator("s3")
    admin.put_object(Bucket=bucket, Key="releases/a", Body=b"x")
    admin.put_object(Bucket=bucket, Key="other/a", Body=b"x")
    reader = estate.role(allow("s3:GetObject", objects(bucket)), account="qa").client("s3")
    found = denied(reader.get_object, Bucket=bucket, Key="releases/a")
    assert found.message == "Access Denied"  # no details across accounts
    grant = to({"AWS": QA}, allow("s3:GetObject", objects(bucket, "releases/*")))
    admin.put_bucket_policy(Bucket=bucket, Policy=document(grant))
    assert reader.get_object(Bucket=bucket, Key="releases/a")["Body"].read() == b"x"
    denied(reader.get_object, Bucket=bucket, Key="other/a")
    denied(estate.role(allow("sts:*"), account="qa").client("s3").get_object, Bucket=bucket, Key="releases/a")
    denied(estate.role(allow("s3:*"), account="production").client("s3").get_object, Bucket=bucket, Key="releases/a")
    denied(estate.operator("s3", "qa").put_object, Bucket=bucket, Key="releases/a", Body=b"x")


def test_everyone_is_nobody_when_public_access_is_blocked(estate: Estate, make_bucket: MakeBucket) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
    bucket, admin = make_bucket(), estate.operator("s3")
    admin.put_object(Bucket=bucket, Key="k", Body=b"x")
    public = document(to("*", allow("s3:GetObject", objects(bucket))))
    admin.put_bucket_policy(Bucket=bucket, Policy=public)
    stranger = estate.operator("s3", "qa")
    stranger.get_object(Bucket=bucket, Key="k")
    block = {"BlockPublicPolicy": True, "RestrictPublicBuckets": True}
    admin.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)
    denied(stranger.get_object, Bucket=bucket, Key="k")
    denied(admin.put_bucket_policy, Bucket=bucket, Policy=public)
    narrow = document(
        to("*", allow("s3:GetObject", objects(bucket), StringEquals={"aws:PrincipalAccount": "222222222222"}))
    )
    admin.put_bucket_policy(Bucket=bucket, Policy=narrow)
    stranger.get_object(Bucket=bucket, Key="k")


@pytest.mark.parametrize(
    ("operation", "arguments", "action"),
    [
        ("get_bucket_encryption", {}, "s3:GetEncryptionConfiguration"),
        ("get_public_access_block", {}, "s3:GetBucketPublicAccessBlock"),
        ("delete_bucket_lifecycle", {}, "s3:PutLifecycleConfiguration"),
        ("head_bucket", {}, "s3:ListBucket"),
        ("list_object_versions", {}, "s3:ListBucketVersions"),
        ("put_bucket_versioning", {"VersioningConfiguration": {"Status": "Enabled"}}, "s3:PutBucketVersioning"),
    ],
)
def test_settings_of_buckets(
    estate: Estate, make_bucket: MakeBucket, operation: str, arguments: dict[str, Any], action: str
) -> None:
    bucket = make_bucket()
    nobody = estate.role(allow("s3:Nothing", whole(bucket))).client("s3")
    assert denied(getattr(nobody, operation), Bucket=bucket, **arguments).status == 403
    every = estate.role(allow(action, f"arn:aws:s3:::{bucket}")).client("s3")
    try:
        getattr(every, operation)(Bucket=bucket, **arguments)
    except every.exceptions.ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 404, error  # noqa: PT017 (it is not set)


def test_a_bucket_that_others_own_is_not_made(estate: Estate, make_bucket: MakeBucket) -> None:
    bucket = make_bucket()
    where = {"LocationConstraint": "eu-west-1"}
    made = estate.operator("s3", "qa").create_bucket
    assert refused(made, Bucket=bucket, CreateBucketConfiguration=where).code == "BucketAlreadyExists"
    here = allow("s3:CreateBucket", StringEquals={"s3:LocationConstraint": "eu-central-1"})
    other = estate.role(here).client("s3")
    denied(other.create_bucket, Bucket="elsewhere-bucket", CreateBucketConfiguration=where)


def test_notifications_reach_whoever_lets_s3_in(estate: Estate, make_bucket: MakeBucket) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html
    bucket, admin, sqs = make_bucket(), estate.operator("s3"), estate.operator("sqs")
    queue, arn = sqs.create_queue(QueueName="told")["QueueUrl"], "arn:aws:sqs:eu-west-1:111111111111:told"
    told = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    admin.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=told)
    admin.put_object(Bucket=bucket, Key="one", Body=b"x")
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    service = {"Service": "s3.amazonaws.com"}
    mine = allow("sqs:SendMessage", arn, ArnEquals={"aws:SourceArn": f"arn:aws:s3:::{bucket}"})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": document(to(service, mine))})
    admin.put_object(Bucket=bucket, Key="two", Body=b"x")
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert json.loads(message["Body"])["Records"][0]["s3"]["object"]["key"] == "two"
