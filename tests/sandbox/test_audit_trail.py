"""What the story left in the audit trail, and that nobody can take it away: with the roles that bootstrap made."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.sandbox.estate import Estate

pytestmark = pytest.mark.sandbox
BUCKET = "slipway-production-artifacts-333333333333"


@pytest.fixture(scope="module")
def records(estate: Estate) -> list[dict[str, Any]]:
    said = estate.slipway(
        "history", "--env", "production", "--endpoint", "ranker", "--limit", "200", "--format", "json"
    )
    assert said.code == 0, said.err
    found: list[dict[str, Any]] = said.document["records"]
    return found


def pruner(estate: Estate) -> Any:
    """S3 as production's role prune sees it."""
    role = "arn:aws:iam::333333333333:role/slipway-production-prune"
    keys = estate.client("production", "sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return boto3.client(
        "s3",
        region_name="eu-west-1",
        endpoint_url=estate.environ["AWS_ENDPOINT_URL"],
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def test_every_step_of_the_story_is_told(estate: Estate, records: list[dict[str, Any]]) -> None:
    told = [(entry["action"], entry["outcome"], entry["releases"]) for entry in reversed(records)]
    first, second = [estate.release("first")], [estate.release("second")]
    assert told.index(("promote", "done", first)) < told.index(("promote", "done", second))
    assert ("rollback", "done", first) in told
    assert ("promote", "failed", second) in told
    for entry in records:
        if entry["action"] in {"promote", "rollback"}:
            assert entry["by"].endswith("/person-production")
            assert entry["role"] == "arn:aws:iam::333333333333:role/slipway-production-promote"
            assert len(entry["plan"]) == 64
            assert entry["started"] <= entry["ended"]


def test_the_star_is_what_aws_serves(estate: Estate, records: list[dict[str, Any]]) -> None:
    (live,) = [entry for entry in records if entry["live"]]
    served = estate.report["environments"]["production"]["endpoints"]["ranker"]["live_revision"]
    assert served in {live["to"], live["returned_to"]}


def test_a_record_is_neither_changed_nor_deleted_by_anybody(estate: Estate, records: list[dict[str, Any]]) -> None:
    key = f"audit/ranker/{records[0]['id']}.json"
    for client in (estate.client("production", "s3"), pruner(estate)):
        for call, arguments in (
            (client.delete_object, {}),
            (client.put_object, {"Body": b"{}"}),
            (client.put_object, {"Body": b"{}", "IfNoneMatch": "*"}),
        ):
            with pytest.raises(ClientError) as refused:
                call(Bucket=BUCKET, Key=key, **arguments)
            assert refused.value.response["Error"]["Code"] in {"AccessDenied", "PreconditionFailed"}
    head = estate.client("production", "s3").head_object(Bucket=BUCKET, Key=key)
    assert head["ContentType"] == "application/json"


def test_who_prunes_may_not_delete_evidence(estate: Estate) -> None:
    client = pruner(estate)
    listed = estate.client("production", "s3").list_objects_v2(Bucket=BUCKET, Prefix="evidence/")
    key = next((entry["Key"] for entry in listed.get("Contents", [])), "evidence/ranker/none/production.json")
    with pytest.raises(ClientError) as refused:
        client.delete_object(Bucket=BUCKET, Key=key)
    assert refused.value.response["Error"]["Code"] == "AccessDenied"


def test_a_dry_run_of_prune_says_what_stays_and_why(estate: Estate) -> None:
    said = estate.slipway("prune", "--env", "production", "--keep", "1", "--dry-run", "--format", "json")
    assert said.code == 0, said.err
    (endpoint,) = said.document["endpoints"]
    assert endpoint["live"] in endpoint["kept"]
    kept = {entry["release"]: entry["why"] for entry in said.document["kept_releases"]}
    assert kept[estate.live_release("production")] == "needed by endpoint ranker"
    assert said.document["changed"] is False
