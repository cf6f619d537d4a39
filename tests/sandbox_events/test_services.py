"""Events of services; images that expire; keys that sign, are granted and rotate.

https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
"""

from __future__ import annotations

import argparse
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from sandbox import outbox_commands
from sandbox.commands import DONE
from sandbox.events import mail, work
from sandbox.registry import expiry
from sandbox.registry.store import StoredImage
from sandbox.server import Server

from .conftest import DEV, QA, REGION, Account


def heard(account: Account, name: str, source: str) -> str:
    """Send the events of a source to a queue; return its URL."""
    url, arn = account.queue(name, "events")
    account("events").put_rule(Name=name, EventPattern=json.dumps({"source": [source]}))
    account("events").put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn}])
    return url


def test_a_model_package_is_registered_and_approved(dev: Account) -> None:
    url = heard(dev, "packages", "aws.sagemaker")
    sagemaker = dev("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="ranker")
    image = f"{DEV}.dkr.ecr.{REGION}.amazonaws.com/x@sha256:{'1' * 64}"
    arn = sagemaker.create_model_package(
        ModelPackageGroupName="ranker",
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [{"Image": image}],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )["ModelPackageArn"]
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    found = dev.bodies(url, 2)
    assert {one["detail-type"] for one in found} == {"SageMaker Model Package State Change"}
    assert {one["resources"][0] for one in found} == {arn}
    assert sorted(one["detail"]["ModelApprovalStatus"] for one in found) == ["Approved", "PendingManualApproval"]
    assert {one["detail"]["ModelPackageVersion"] for one in found} == {1}
    dev("events").disable_rule(Name="packages")


def push(account: Account, repository: str, text: str, tag: str) -> str:
    ecr = account("ecr")
    blob = text.encode()
    digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
    upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    ecr.upload_layer_part(
        repositoryName=repository, uploadId=upload, partFirstByte=0, partLastByte=len(blob) - 1, layerPartBlob=blob
    )
    ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest])
    part = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": len(blob)}
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": part,
        "layers": [],
    }
    answer = ecr.put_image(repositoryName=repository, imageManifest=json.dumps(manifest), imageTag=tag)
    return str(answer["image"]["imageId"]["imageDigest"])


def test_images_tell_of_pushes_replication_and_expiry(dev: Account, qa: Account) -> None:
    # https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
    url, there = heard(dev, "images", "aws.ecr"), heard(qa, "images", "aws.ecr")
    ecr = dev("ecr")
    ecr.create_repository(repositoryName="ranker")
    permit = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{DEV}:root"},
        "Action": ["ecr:ReplicateImage", "ecr:CreateRepository"],
        "Resource": f"arn:aws:ecr:{REGION}:{QA}:repository/*",
    }
    qa("ecr").put_registry_policy(
        policyText=json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": "r", **permit}]})
    )
    places = [{"region": REGION, "registryId": QA}]
    ecr.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": places}]})
    old = push(dev, "ranker", "one", "v1")
    (event,) = dev.bodies(url)
    assert event["detail-type"] == "ECR Image Action"
    assert event["detail"] == {
        "result": "SUCCESS",
        "repository-name": "ranker",
        "image-digest": old,
        "action-type": "PUSH",
        "image-tag": "v1",
        "manifest-media-type": "application/vnd.oci.image.manifest.v1+json",
    }
    (arrived,) = qa.bodies(there)
    assert (arrived["detail-type"], arrived["detail"]["source-account"]) == ("ECR Replication Action", DEV)
    new = push(dev, "ranker", "two", "v2")
    rule = {
        "rulePriority": 1,
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1},
        "action": {"type": "expire"},
    }
    ecr.put_lifecycle_policy(repositoryName="ranker", lifecyclePolicyText=json.dumps({"rules": [rule]}))
    found = dev.bodies(url, 2)
    assert [one["detail"]["action-type"] for one in found] == ["PUSH", "DELETE"]
    assert found[1]["detail"]["image-digest"] == old
    assert [one["imageDigest"] for one in ecr.describe_images(repositoryName="ranker")["imageDetails"]] == [new]


def image(name: str, *tags: str, layers: tuple[str, ...] = (), at: int = 0) -> StoredImage:
    pushed = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=at)
    return StoredImage("", "", name, layers, 0, pushed=pushed, tags=list(tags))


def selection(priority: int, **more: Any) -> dict[str, Any]:
    return {"rulePriority": priority, "selection": more, "action": {"type": "expire"}}


@pytest.mark.parametrize(
    ("rules", "gone"),
    [
        ([selection(1, tagStatus="untagged", countType="sinceImagePushed", countUnit="days", countNumber=2)], ["u1"]),
        (
            [selection(1, tagStatus="tagged", tagPrefixList=["prod"], countType="imageCountMoreThan", countNumber=1)],
            ["p1"],
        ),
        (
            [selection(1, tagStatus="tagged", tagPatternList=["*1"], countType="imageCountMoreThan", countNumber=1)],
            ["p1"],
        ),
        (  # what the first rule looks at is safe from the second
            [
                selection(2, tagStatus="any", countType="imageCountMoreThan", countNumber=1),
                selection(1, tagStatus="tagged", tagPrefixList=["prod"], countType="imageCountMoreThan", countNumber=9),
            ],
            ["u1"],
        ),
    ],
)
def test_which_images_expire(rules: list[dict[str, Any]], gone: list[str]) -> None:
    # https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
    found = [
        image("p1", "prod-1", at=0),
        image("u1", at=1),
        image("t1", "test-1", at=2),
        image("p2", "prod-2", at=3),
    ]
    ages = {one.digest: (datetime(2026, 1, 7, tzinfo=UTC) - one.pushed).days for one in found}
    assert sorted(one.digest for one in expiry.expired({"rules": rules}, found, ages)) == gone


def test_an_image_that_an_index_names_stays() -> None:
    found = [image("a", at=0), image("b", at=1), image("index", "all", layers=("a",), at=2)]
    ages = {one.digest: 10.0 - number for number, one in enumerate(found)}
    rules = [selection(1, tagStatus="untagged", countType="sinceImagePushed", countUnit="days", countNumber=1)]
    assert [one.digest for one in expiry.expired({"rules": rules}, found, ages)] == ["b"]


@pytest.mark.parametrize("spec", ["RSA_2048", "ECC_NIST_P256"])
@pytest.mark.parametrize("kind", ["RAW", "DIGEST"])
def test_a_third_party_verifies_with_the_public_key(dev: Account, spec: str, kind: str) -> None:
    # https://docs.aws.amazon.com/kms/latest/developerguide/download-public-key.html
    kms = dev("kms")
    key = kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    algorithm = "RSASSA_PSS_SHA_256" if spec.startswith("RSA") else "ECDSA_SHA_256"
    text = b"evidence"
    message = text if kind == "RAW" else hashlib.sha256(text).digest()
    signature = kms.sign(KeyId=key, Message=message, MessageType=kind, SigningAlgorithm=algorithm)["Signature"]
    public = serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
    hashed = utils.Prehashed(hashes.SHA256())
    if isinstance(public, rsa.RSAPublicKey):
        scheme = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
        public.verify(signature, hashlib.sha256(text).digest(), scheme, hashed)
    else:
        assert isinstance(public, ec.EllipticCurvePublicKey)
        public.verify(signature, hashlib.sha256(text).digest(), ec.ECDSA(hashed))
    verified = kms.verify(KeyId=key, Message=text, MessageType="RAW", Signature=signature, SigningAlgorithm=algorithm)
    assert verified["SignatureValid"] is True


def test_a_grant_opens_a_key_to_another_account(dev: Account, qa: Account) -> None:
    # https://docs.aws.amazon.com/kms/latest/developerguide/grants.html
    kms = dev("kms")
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    me = qa("sts").get_caller_identity()["Arn"]
    role = qa("iam").get_role(RoleName=me.split("/")[1])["Role"]["Arn"] if ":assumed-role/" in me else me
    with pytest.raises(qa("kms").exceptions.ClientError, match="AccessDenied"):
        qa("kms").encrypt(KeyId=arn, Plaintext=b"x")
    grant = kms.create_grant(KeyId=arn, GranteePrincipal=role, Operations=["Encrypt", "Decrypt"])
    sealed = qa("kms").encrypt(KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"
    kms.revoke_grant(KeyId=arn, GrantId=grant["GrantId"])
    with pytest.raises(qa("kms").exceptions.ClientError, match="AccessDenied"):
        qa("kms").encrypt(KeyId=arn, Plaintext=b"x")


def test_keys_rotate_by_the_sandboxs_clock(dev: Account) -> None:
    # https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html
    kms = dev("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    shown = kms.get_key_rotation_status(KeyId=key)
    assert abs(shown["NextRotationDate"] - work.now() - timedelta(days=90)) < timedelta(hours=1)
    assert shown["NextRotationDate"] == kms.get_key_rotation_status(KeyId=key)["NextRotationDate"]
    kms.rotate_key_on_demand(KeyId=key)
    assert [one["RotationType"] for one in kms.list_key_rotations(KeyId=key)["Rotations"]] == ["ON_DEMAND"]
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"


def test_the_outbox_is_printed(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    mail.send(account=DEV, to="bob@example.org", subject="one\ntwo", body="text", about="arn")
    parser = argparse.ArgumentParser()
    outbox_commands.OUTBOX.arguments(parser)
    settings = server.application.settings
    assert outbox_commands.OUTBOX.run(parser.parse_args(["--json", "--last", "1"]), settings) == DONE
    (seen,) = json.loads(capsys.readouterr().out)
    assert (seen["to"], seen["subject"], seen["body"]) == ("bob@example.org", "one two", "text")
    assert outbox_commands.OUTBOX.run(parser.parse_args([]), settings) == DONE
    assert "To: bob@example.org\nSubject: one two\n\ntext\n" in capsys.readouterr().out
