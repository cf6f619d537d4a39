"""Evidence with real keys and a real store: signed in one account, verified from another."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import load_der_public_key

from glue import evidence
from glue.asking import GoldenReport
from glue.aws.kms import KeyUnusableError
from glue.aws.session import Session
from glue.core import evidence as rules
from glue.core import names
from glue.core.golden import GoldenResult
from glue.core.revision import Revision, Variant
from glue.core.truth import Truth
from glue.errors import AccessDeniedError, RefusedError
from glue.releases import LoadedRelease
from glue.verifying import Verified

from .conftest import DEV, QA, REGION, Estate

ALIAS = "alias/slipway-dev-evidence"
ARN = names.evidence_key_arn(DEV, "slipway", "dev", REGION)
NOW = datetime(2026, 2, 1, 12, 0, 0, tzinfo=UTC)


def policy(signer: str, *verifiers: str) -> str:
    """What modules/evidence-key makes, in short."""
    manage = ["kms:Describe*", "kms:Put*", "kms:Disable*", "kms:Enable*", "kms:*Alias", "kms:*Deletion", "kms:Verify"]
    statements: list[dict[str, Any]] = [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{DEV}:root"}, "Action": manage, "Resource": "*"},
        {"Effect": "Allow", "Principal": {"AWS": signer}, "Action": "kms:Sign", "Resource": "*",
         "Condition": {"StringEquals": {"kms:MessageType": "DIGEST", "kms:SigningAlgorithm": "ECDSA_SHA_256"}}},
    ]  # fmt: skip
    if verifiers:
        given = {"AWS": list(verifiers)}
        statements.append(
            {"Effect": "Allow", "Principal": given, "Action": ["kms:Verify", "kms:GetPublicKey"], "Resource": "*"}
        )
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@pytest.fixture
def key(estate: Estate, dev: Session) -> Iterator[str]:
    """A key that dev's promote role signs with and qa's verifies, behind the alias of the contract."""
    kms = estate.client("kms")
    text = policy(estate.dev.promote_role_arn, estate.qa.promote_role_arn)
    made = kms.create_key(Policy=text, KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=ALIAS, TargetKeyId=made)
    yield made
    kms.delete_alias(AliasName=ALIAS)


def proof(loaded: LoadedRelease, **changes: Any) -> Verified:
    truth = Truth("slipway-dev-ranker", "true", "r1-0123abcd", "r1-0123abcd", "c", "InService")
    report = GoldenReport("main", loaded.release.release, (GoldenResult("one", True, None, 3.21),))
    return replace(Verified("ranker", truth, (report,)), **changes)


def revision(loaded: LoadedRelease, **changes: Any) -> Revision:
    release = loaded.release
    variant = Variant(
        release=release.release,
        image=release.image_uri(DEV, REGION),
        model_data_url=release.model_data_url(f"slipway-dev-artifacts-{DEV}"),
        execution_role_arn=f"arn:aws:iam::{DEV}:role/slipway-dev-ranker-execution",
        instance_type="ml.m5.large",
        initial_instance_count=1,
    )
    return Revision({"main": replace(variant, **changes)})


def make(dev: Session, loaded: LoadedRelease, **changes: Any) -> str:
    asked: dict[str, Any] = {"live_since": NOW - timedelta(days=1), "now": NOW} | changes
    (made,) = evidence.make(dev, proof(loaded), revision(loaded), **asked)
    return made.key


def find(qa: Session, loaded: LoadedRelease, estate: Estate, **changes: Any) -> evidence.Found:
    source = qa.environment.promotes_from
    assert source is not None
    asked: dict[str, Any] = {"max_age_hours": 24, "now": NOW + timedelta(hours=1)} | changes
    return evidence.find(qa, loaded, source, **asked)


def put(estate: Estate, loaded: LoadedRelease, data: bytes, number: int = 1) -> str:
    """What somebody with the right to write does by hand."""
    where = rules.key_of("ranker", loaded.release.release, "dev", number)
    estate.client("s3").put_object(Bucket=estate.dev.artifact_bucket, Key=where, Body=data)
    return where


def read(estate: Estate, where: str) -> bytes:
    found: bytes = estate.client("s3").get_object(Bucket=estate.dev.artifact_bucket, Key=where)["Body"].read()
    return found


def test_signed_here_and_verified_from_there(
    key: str, dev: Session, qa: Session, fresh: LoadedRelease, estate: Estate
) -> None:
    first = make(dev, fresh)
    assert first == f"evidence/ranker/{fresh.release.release}/dev.json"
    found = find(qa, fresh, estate)
    assert (len(found.valid), found.refused, found.forged) == (1, (), ())
    assert found.valid[0].by == dev.principal
    assert make(dev, fresh, now=NOW + timedelta(hours=2)).endswith("/dev.2.json"), "nothing is overwritten"
    assert find(qa, fresh, estate, now=NOW + timedelta(hours=25)).valid[0].checked_at == NOW + timedelta(hours=2)


def test_the_public_key_alone_proves_it(
    key: str, dev: Session, qa: Session, fresh: LoadedRelease, estate: Estate
) -> None:
    record = json.loads(read(estate, make(dev, fresh)))
    public: Any = load_der_public_key(qa.client("kms").get_public_key(KeyId=ARN)["PublicKey"])
    text = json.dumps(record["evidence"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    digest = hashes.Hash(hashes.SHA256())
    digest.update(text)
    signature = base64.b64decode(record["signature"]["value"])
    public.verify(signature, digest.finalize(), ec.ECDSA(utils.Prehashed(hashes.SHA256())))


@pytest.mark.parametrize(
    ("data", "said", "forged"),
    [
        (b"{}", "it is no evidence", True),
        (b"", "it is no evidence", True),
        (b"x" * (rules.LIMIT + 1), "at most", True),
    ],
    ids=["empty", "truncated", "huge"],
)
def test_what_is_no_record_is_refused(
    data: bytes, said: str, forged: bool, key: str, qa: Session, fresh: LoadedRelease, estate: Estate
) -> None:
    where = put(estate, fresh, data)
    found = find(qa, fresh, estate)
    assert found.valid == ()
    assert said in found.refused[0]
    assert found.forged == ((where,) if forged else ())


def test_a_forged_record_does_not_count_and_is_named(
    key: str, dev: Session, qa: Session, fresh: LoadedRelease, estate: Estate
) -> None:
    record = json.loads(read(estate, make(dev, fresh)))
    record["evidence"]["expires_at"] = "2099-01-01T00:00:00Z"
    forged = put(estate, fresh, rules._text(record), 2)
    other = ec.generate_private_key(ec.SECP256R1())
    genuine = rules.parse(read(estate, rules.key_of("ranker", fresh.release.release, "dev", 1)))
    theirs = rules.record(genuine.evidence, other.sign(genuine.digest, ec.ECDSA(utils.Prehashed(hashes.SHA256()))))
    also = put(estate, fresh, theirs, 3)
    found = find(qa, fresh, estate)
    assert found.forged == (also, forged), "the newest first"
    assert all("is not one of dev's key" in why for why in found.refused)
    assert len(found.valid) == 1, "the genuine one is still there"


def test_expired_evidence_and_that_of_another_release_do_not_count(
    key: str, dev: Session, qa: Session, fresh: LoadedRelease, source: LoadedRelease, estate: Estate
) -> None:
    record = read(estate, make(dev, fresh))
    assert "it expired at" in find(qa, fresh, estate, now=NOW + timedelta(hours=24)).refused[0]
    put(estate, source, record)
    assert "it is of release" in find(qa, source, estate).refused[0]


def test_a_key_that_is_off_absent_or_shut_is_said(
    key: str, dev: Session, qa: Session, fresh: LoadedRelease, estate: Estate
) -> None:
    make(dev, fresh)
    kms = estate.client("kms")
    kms.disable_key(KeyId=key)
    found = find(qa, fresh, estate)
    assert "it is disabled" in found.refused[0]
    assert found.forged == (), "nobody knows whether it is"
    with pytest.raises(KeyUnusableError, match="it is disabled"):
        make(dev, fresh)
    kms.enable_key(KeyId=key)
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy(estate.dev.promote_role_arn))
    assert "promotes_to of dev must name qa" in find(qa, fresh, estate).refused[0]
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    with pytest.raises(KeyUnusableError, match="being deleted"):
        make(dev, fresh)
    kms.update_alias(AliasName=ALIAS, TargetKeyId=_another(kms, estate))
    assert "is not one of dev's key" in find(qa, fresh, estate).refused[0], "another key took its place"


def _another(kms: Any, estate: Estate) -> str:
    text = policy(estate.dev.promote_role_arn, estate.qa.promote_role_arn)
    made: str = kms.create_key(Policy=text, KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["KeyId"]
    return made


def test_an_administrator_cannot_sign(key: str, estate: Estate, qa: Session) -> None:
    digest = bytes(32)
    with pytest.raises(estate.client("kms").exceptions.ClientError, match="AccessDenied"):
        estate.client("kms").sign(KeyId=ALIAS, Message=digest, MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256")
    with pytest.raises(AccessDeniedError):
        qa.keys.sign(ARN, digest)


def test_a_proof_that_is_not_whole_makes_no_evidence(key: str, dev: Session, fresh: LoadedRelease) -> None:
    late = GoldenReport("main", fresh.release.release, (GoldenResult("one", False, "it took 9 ms", 9.0),))
    for verified, said in (
        (proof(fresh, golden=(late,)), "it took 9 ms"),
        (proof(fresh, golden=()), "golden requests were not asked"),
        (
            proof(fresh, truth=replace(proof(fresh).truth, state="false", reasons=("another is live",))),
            "another is live",
        ),
    ):
        with pytest.raises(RefusedError, match=said):
            evidence.make(dev, verified, revision(fresh), live_since=None, now=NOW)
    edited = revision(fresh, image=fresh.release.image_uri(QA, REGION))
    with pytest.raises(RefusedError, match="edited by hand"):
        evidence.make(dev, proof(fresh), edited, live_since=None, now=NOW)
    assert not list(dev.artifacts().keys(rules.prefix_of("ranker", fresh.release.release)))
