"""KMS: the key's own policy decides, and services use keys for their callers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox_iam.conftest import Estate, allow, document, to
from tests.sandbox_iam.helpers import denied, refused

ROOT = {"AWS": "arn:aws:iam::111111111111:root"}
_numbers = itertools.count(1)
MakeBucket = Callable[..., str]


@pytest.fixture
def make_key(estate: Estate) -> Callable[..., str]:
    def make(*statements: dict[str, Any], alias: str = "") -> str:
        kms = estate.operator("kms")
        given = statements or (to(ROOT, allow("kms:*")),)
        arn = str(kms.create_key(Policy=document(*given))["KeyMetadata"]["Arn"])
        if alias:
            kms.create_alias(AliasName=alias, TargetKeyId=arn)
        return arn

    return make


def test_without_the_keys_policy_nobody_gets_in(estate: Estate, make_key: Callable[..., str]) -> None:
    # https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
    arn = estate.create_role(allow("kms:*"))
    closed = make_key(to({"AWS": arn}, allow(["kms:Encrypt", "kms:PutKeyPolicy"])))
    user = estate.assume(arn).client("kms")
    user.encrypt(KeyId=closed, Plaintext=b"x")
    assert (
        "no resource-based policy allows the kms:DescribeKey action" in denied(user.describe_key, KeyId=closed).message
    )
    found = denied(estate.operator("kms").describe_key, KeyId=closed)  # not even an administrator
    assert (found.code, found.status) == ("AccessDeniedException", 400)


def test_aliases_and_encryption_contexts(estate: Estate, make_key: Callable[..., str]) -> None:
    arn = make_key(alias="alias/red")
    make_key(alias="alias/blue")
    red = estate.role(allow("kms:*", StringEquals={"kms:RequestAlias": "alias/red"})).client("kms")
    red.encrypt(KeyId="alias/red", Plaintext=b"x")
    denied(red.encrypt, KeyId="alias/blue", Plaintext=b"x")
    denied(red.encrypt, KeyId=arn, Plaintext=b"x")
    aliased = estate.role(allow("kms:*", **{"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/red"}}))
    aliased.client("kms").encrypt(KeyId=arn, Plaintext=b"x")
    context = allow("kms:*", StringEquals={"kms:EncryptionContext:team": "red"})
    team = estate.role(context).client("kms")
    sealed = team.encrypt(KeyId=arn, Plaintext=b"x", EncryptionContext={"team": "red"})["CiphertextBlob"]
    team.decrypt(CiphertextBlob=sealed, EncryptionContext={"team": "red"})
    denied(team.decrypt, CiphertextBlob=sealed)


def test_a_ciphertext_names_its_key(estate: Estate, make_key: Callable[..., str]) -> None:
    mine, other = make_key(), make_key()
    sealed = estate.operator("kms").encrypt(KeyId=other, Plaintext=b"x")["CiphertextBlob"]
    only = estate.role(allow("kms:Decrypt", mine)).client("kms")
    assert other in denied(only.decrypt, CiphertextBlob=sealed).message
    assert other in denied(only.decrypt, CiphertextBlob=sealed, KeyId=mine).message


def test_a_ciphertext_of_another_accounts_key(estate: Estate, make_key: Callable[..., str]) -> None:
    # https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html
    qa = {"AWS": "arn:aws:iam::222222222222:root"}
    closed, shared = make_key(), make_key(to(ROOT, allow("kms:*")), to(qa, allow("kms:Decrypt")))
    here = estate.operator("kms")
    there = estate.role(allow("kms:*"), account="qa").client("kms")
    for named in ({}, {"KeyId": closed}):
        sealed = here.encrypt(KeyId=closed, Plaintext=b"x")["CiphertextBlob"]
        message = denied(there.decrypt, CiphertextBlob=sealed, **named).message
        assert f"{closed} because no resource-based policy allows the kms:Decrypt action" in message
    sealed = here.encrypt(KeyId=shared, Plaintext=b"x")["CiphertextBlob"]
    assert there.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"
    assert there.decrypt(CiphertextBlob=sealed, KeyId=shared)["Plaintext"] == b"x"


def test_a_grant_is_enough(estate: Estate, make_key: Callable[..., str]) -> None:
    # https://docs.aws.amazon.com/kms/latest/developerguide/grants.html
    arn, who = make_key(), estate.create_role()
    user = estate.assume(who).client("kms")
    denied(user.encrypt, KeyId=arn, Plaintext=b"x")
    estate.operator("kms").create_grant(KeyId=arn, GranteePrincipal=who, Operations=["Encrypt"])
    user.encrypt(KeyId=arn, Plaintext=b"x")
    denied(user.describe_key, KeyId=arn)


def via_s3(key: str, action: str) -> dict[str, Any]:
    return allow(action, key, StringEquals={"kms:ViaService": "s3.eu-west-1.amazonaws.com"})


def test_objects_need_their_key(estate: Estate, make_key: Callable[..., str], make_bucket: MakeBucket) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
    key, bucket = make_key(), make_bucket()
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    estate.operator("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    store = allow(["s3:*"], [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"])
    put = {"Bucket": bucket, "Key": "k", "Body": b"x"}
    found = denied(estate.role(store).client("s3").put_object, **put)
    assert found.code == "AccessDenied"
    assert f"is not authorized to perform: kms:GenerateDataKey on resource: {key}" in found.message
    writer = estate.role(store, via_s3(key, "kms:GenerateDataKey"))
    writer.client("s3").put_object(**put)
    assert "kms:Decrypt" in denied(writer.client("s3").get_object, Bucket=bucket, Key="k").message
    writer.client("s3").head_object(Bucket=bucket, Key="k")  # needs the key for a checksum only
    denied(writer.client("s3").head_object, Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    reader = estate.role(store, via_s3(key, "kms:Decrypt"))
    assert reader.client("s3").get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    sealed = estate.operator("kms").encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    denied(reader.client("kms").decrypt, CiphertextBlob=sealed)  # only through S3
    upload = writer.client("s3").create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    part = {"Bucket": bucket, "Key": "parts", "UploadId": upload, "PartNumber": 1, "Body": b"x"}
    assert "kms:Decrypt" in denied(writer.client("s3").upload_part, **part).message
    reader.client("s3").upload_part(**part)


def test_the_key_knows_which_object_it_is_for(
    estate: Estate, make_key: Callable[..., str], make_bucket: MakeBucket
) -> None:
    key, bucket = make_key(), make_bucket()
    given = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    own = allow("kms:*", key, StringLike={"kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{bucket}/mine/*"})
    s3 = estate.role(allow("s3:*"), own).client("s3")
    s3.put_object(Bucket=bucket, Key="mine/k", Body=b"x", **given)
    denied(s3.put_object, Bucket=bucket, Key="yours/k", Body=b"x", **given)
    denied(
        s3.put_object, Bucket=bucket, Key="mine/k", Body=b"x", BucketKeyEnabled=True, **given
    )  # then it is the bucket


def test_another_accounts_objects_need_another_accounts_key(
    estate: Estate, make_key: Callable[..., str], make_bucket: MakeBucket
) -> None:
    bucket, admin = make_bucket(), estate.operator("s3")
    qa = {"AWS": "arn:aws:iam::222222222222:root"}
    closed, open_key = make_key(), make_key(to(ROOT, allow("kms:*")), to(qa, allow("kms:Decrypt")))
    for name, key in (("closed", closed), ("open", open_key)):
        admin.put_object(Bucket=bucket, Key=name, Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    admin.put_bucket_policy(Bucket=bucket, Policy=document(to(qa, allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*"))))
    reader = estate.role(allow(["s3:GetObject", "kms:Decrypt"]), account="qa").client("s3")
    assert reader.get_object(Bucket=bucket, Key="open")["Body"].read() == b"x"
    denied(reader.get_object, Bucket=bucket, Key="closed")
    without = estate.role(allow("s3:GetObject"), account="qa").client("s3")
    denied(without.get_object, Bucket=bucket, Key="open")


def test_nobody_else_reads_what_a_key_of_aws_encrypts(estate: Estate, make_bucket: MakeBucket) -> None:
    # the policy of aws/s3 cannot be changed: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
    bucket, admin = make_bucket(), estate.operator("s3")
    admin.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms")
    qa = {"AWS": "arn:aws:iam::222222222222:root"}
    admin.put_bucket_policy(Bucket=bucket, Policy=document(to(qa, allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*"))))
    admin.get_object(Bucket=bucket, Key="k")
    denied(estate.operator("s3", "qa").get_object, Bucket=bucket, Key="k")


def test_queues_topics_tables_and_parameters_use_keys_too(estate: Estate, make_key: Callable[..., str]) -> None:
    key, number = make_key(), next(_numbers)
    queue = estate.operator("sqs").create_queue(QueueName=f"q{number}", Attributes={"KmsMasterKeyId": key})["QueueUrl"]
    topic = estate.operator("sns").create_topic(Name=f"t{number}", Attributes={"KmsMasterKeyId": key})["TopicArn"]
    estate.operator("ssm").put_parameter(Name=f"/p{number}", Type="SecureString", KeyId=key, Value="v")
    all_but_keys = estate.role(allow(["sqs:*", "sns:*", "ssm:*", "dynamodb:*"]))
    found = refused(all_but_keys.client("sqs").send_message, QueueUrl=queue, MessageBody="m")
    assert (found.code, found.status) == ("KMS.AccessDeniedException", 400)
    found = refused(all_but_keys.client("sns").publish, TopicArn=topic, Message="m")
    assert found.code == "KMSAccessDenied"
    assert "kms:GenerateDataKey" in found.message
    ssm = all_but_keys.client("ssm")
    assert ssm.get_parameter(Name=f"/p{number}")["Parameter"]["Name"] == f"/p{number}"
    assert "kms:Decrypt" in denied(ssm.get_parameter, Name=f"/p{number}", WithDecryption=True).message
    via = {
        "kms:ViaService": ["sqs.eu-west-1.amazonaws.com", "sns.eu-west-1.amazonaws.com", "ssm.eu-west-1.amazonaws.com"]
    }
    both = estate.role(allow(["sqs:*", "sns:*", "ssm:*"]), allow("kms:*", key, StringEquals=via))
    both.client("sqs").send_message(QueueUrl=queue, MessageBody="m")
    both.client("sns").publish(TopicArn=topic, Message="m")
    assert both.client("ssm").get_parameter(Name=f"/p{number}", WithDecryption=True)["Parameter"]["Value"] == "v"
