"""Smaller repairs, each needed by Terraform or by the glue."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tests.sandbox_core.helpers import refused

MESSAGE = b"evidence"


@pytest.mark.parametrize("kind", ["RAW", "DIGEST"])
def test_a_signature_verifies_offline(client: Callable[..., Any], kind: str) -> None:
    # https://docs.aws.amazon.com/kms/latest/developerguide/offline-public-key.html; moto hashes a digest again
    kms = client("kms")
    key = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]
    message = MESSAGE if kind == "RAW" else hashlib.sha256(MESSAGE).digest()
    how = {"KeyId": key["Arn"], "MessageType": kind, "SigningAlgorithm": "ECDSA_SHA_256"}
    signed = kms.sign(Message=message, **how)
    public = load_der_public_key(kms.get_public_key(KeyId=key["KeyId"])["PublicKey"])
    assert isinstance(public, ec.EllipticCurvePublicKey)
    public.verify(signed["Signature"], MESSAGE, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        public.verify(signed["Signature"], b"other", ec.ECDSA(hashes.SHA256()))
    assert kms.verify(Message=message, Signature=signed["Signature"], **how)["SignatureValid"] is True
    wrong = {**how, "MessageType": "RAW", "Message": b"other", "Signature": signed["Signature"]}
    assert refused(kms.verify, **wrong) == ("KMSInvalidSignatureException", 400)


def test_pss_takes_a_salt_of_the_digests_length(client: Callable[..., Any]) -> None:
    # https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-choose-key-spec.html, "RSASSA-PSS"
    kms = client("kms")
    key = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="RSA_2048")["KeyMetadata"]["KeyId"]
    signed = kms.sign(KeyId=key, Message=MESSAGE, SigningAlgorithm="RSASSA_PSS_SHA_256")["Signature"]
    public = load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
    public.verify(signed, MESSAGE, pss, hashes.SHA256())  # type: ignore[union-attr,call-arg,arg-type]


def test_what_kms_does_not_sign(client: Callable[..., Any]) -> None:
    kms = client("kms")
    key = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["KeyId"]
    how = {"KeyId": key, "SigningAlgorithm": "ECDSA_SHA_256"}
    assert refused(kms.sign, **how, Message=b"short", MessageType="DIGEST") == ("ValidationException", 400)
    assert refused(kms.sign, **how, Message=b"x" * 4097) == ("ValidationException", 400)
    other = {**how, "SigningAlgorithm": "RSASSA_PSS_SHA_256"}
    assert refused(kms.sign, **other, Message=b"x") == ("InvalidKeyUsageException", 400)
    kms.disable_key(KeyId=key)
    assert refused(kms.sign, **how, Message=b"x") == ("DisabledException", 400)
    assert refused(kms.sign, **{**how, "KeyId": "alias/none"}, Message=b"x") == ("NotFoundException", 400)


def test_the_rotation_period_is_kept(client: Callable[..., Any]) -> None:
    # https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKeyRotation.html
    kms = client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    assert "RotationPeriodInDays" not in kms.get_key_rotation_status(KeyId=key)
    kms.enable_key_rotation(KeyId=key)
    assert kms.get_key_rotation_status(KeyId=key)["RotationPeriodInDays"] == 365
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=180)
    assert kms.get_key_rotation_status(KeyId=key)["RotationPeriodInDays"] == 180
    kms.disable_key_rotation(KeyId=key)
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False


def test_scalable_targets_have_tags(client: Callable[..., Any]) -> None:
    # https://docs.aws.amazon.com/autoscaling/application/APIReference/API_TagResource.html
    scaling = client("application-autoscaling")
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/e/variant/main",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    arn = scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=3, Tags={"a": "1"})["ScalableTargetARN"]
    scaling.tag_resource(ResourceARN=arn, Tags={"b": "2"})
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"a": "1", "b": "2"}
    again = scaling.register_scalable_target(**target, MinCapacity=2, MaxCapacity=3)["ScalableTargetARN"]
    assert again == arn
    scaling.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"b": "2"}
    scaling.deregister_scalable_target(**target)
    assert refused(scaling.list_tags_for_resource, ResourceARN=arn)[0] == "ResourceNotFoundException"


def test_a_redrive_policy_has_no_spaces(client: Callable[..., Any]) -> None:
    sqs = client("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = f'{{"deadLetterTargetArn":"{arn}","maxReceiveCount":3}}'
    queue = sqs.create_queue(QueueName="q", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["RedrivePolicy"])["Attributes"]
    assert found["RedrivePolicy"] == policy


def test_a_message_comes_through_kms_unchanged(client: Callable[..., Any]) -> None:
    kms = client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"\x00\xffsecret")["CiphertextBlob"]
    assert base64.b64encode(kms.decrypt(CiphertextBlob=blob)["Plaintext"]) == base64.b64encode(b"\x00\xffsecret")


def test_log_events_of_streams_whose_names_begin_alike(client: Callable[..., Any]) -> None:
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
    logs, group = client("logs"), "/aws/sagemaker/TrainingJobs"
    logs.create_log_group(logGroupName=group)
    at = int(time.time() * 1000)
    for stream, moments in (("a-1/one", (1, 3)), ("a-1/two", (2,)), ("a-11/one", (0,))):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        events = [{"timestamp": at + moment, "message": f"{stream} {moment}"} for moment in moments]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    found = logs.filter_log_events(logGroupName=group, logStreamNamePrefix="a-1/")["events"]
    assert [event["message"] for event in found] == ["a-1/one 1", "a-1/two 2", "a-1/one 3"]
    assert logs.filter_log_events(logGroupName=group, logStreamNamePrefix="b")["events"] == []
    assert len(logs.filter_log_events(logGroupName=group)["events"]) == 4
    both = {"logGroupName": group, "logStreamNamePrefix": "a", "logStreamNames": ["a-1/one"]}
    assert refused(logs.filter_log_events, **both) == ("InvalidParameterException", 400)
