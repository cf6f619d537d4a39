"""Evidence that is none: production refuses the release, says what is wrong with each record, and is left as it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from glue.core import evidence as rules
from glue.core.evidence import Evidence
from sandbox.settings import ENVIRONMENT_ACCOUNTS
from tests.sandbox.bad_days.days import World

pytestmark = pytest.mark.sandbox
REGION = "eu-west-1"


def test_evidence_that_is_forged_or_of_another_digest_or_expired(world: World):
    release = world.models.release("good", "evidence")
    with world.day("false evidence", "Evidence forged, of other digests, and expired", environment="production") as day:
        assert day.slipway("promote", release, "--to", "qa").code == 0  # its files, and no evidence
        day.fails(day.slipway("promote", release, "--to", "production", "--dry-run"), release, "evidence", code=3)
        for number, record in enumerate(false_records(world, release), start=1):
            put_as(world, "qa", rules.key_of("ranker", release, "qa", number), record)
        said = day.slipway("promote", release, "--to", "production", "--dry-run")
        day.fails(said, "signature", "another", "it expired at", code=3)
        assert not released(world, release)
        proven = world.estate.live_release("qa")
        assert day.slipway("promote", proven, "--to", "production", "--dry-run").code == 0


def false_records(world: World, release: str) -> Iterator[bytes]:
    """Records of a release: signed by the wrong account, changed after it was signed, of other digests, expired."""
    genuine = rules.parse(stored(world, world.estate.live_release("qa")))
    mine = replace(genuine.evidence, release=release)
    yield rules.record(mine, sign(world, "production", mine))
    yield rules.record(mine, genuine.signature)
    yield rules.record(mine, sign(world, "qa", mine))  # its digests are those of the release that was checked
    then = datetime.now(UTC) - timedelta(days=400)
    old = replace(mine, checked_at=then, expires_at=then + timedelta(days=365), live_since=None)
    yield rules.record(old, sign(world, "qa", old))


def stored(world: World, release: str) -> bytes:
    """Return qa's first record of a release."""
    key = rules.key_of("ranker", release, "qa", 1)
    found = world.clients.of("qa", "s3").get_object(Bucket=store("qa"), Key=key)
    return bytes(found["Body"].read())


def sign(world: World, environment: str, evidence: Evidence) -> bytes:
    """Sign as an environment's promote role does."""
    answer = in_promote(world, environment, "kms").sign(
        KeyId=f"alias/slipway-{environment}-evidence",
        Message=rules.digest_of(evidence),
        MessageType="DIGEST",
        SigningAlgorithm=rules.ALGORITHM,
    )
    return bytes(answer["Signature"])


def put_as(world: World, environment: str, key: str, data: bytes) -> None:
    """Write a record as an environment's promote role does: once."""
    in_promote(world, environment, "s3").put_object(Bucket=store(environment), Key=key, Body=data, IfNoneMatch="*")


def in_promote(world: World, environment: str, service: str) -> Any:
    """Return a client in an environment's promote role."""
    role = f"arn:aws:iam::{ENVIRONMENT_ACCOUNTS[environment]}:role/slipway-{environment}-promote"
    keys = world.clients.of(environment, "sts").assume_role(RoleArn=role, RoleSessionName="evidence")["Credentials"]
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=world.estate.environ["AWS_ENDPOINT_URL"],
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def released(world: World, release: str) -> bool:
    """Whether production's store has anything of a release."""
    listed = world.clients.of("production", "s3").list_objects_v2(
        Bucket=store("production"), Prefix=f"releases/ranker/{release}/"
    )
    return listed["KeyCount"] > 0


def store(environment: str) -> str:
    """Return the name of an environment's artifact store."""
    return f"slipway-{environment}-artifacts-{ENVIRONMENT_ACCOUNTS[environment]}"
