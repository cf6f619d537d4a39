"""Protections that get weaker, in every shape that protections.toml knows, and the ones that do not."""

from __future__ import annotations

from typing import Any

import pytest

from glue.review import protections
from glue.review.model import Finding, Grade
from glue.review.strength import Check, table
from tests.review.making import SETTINGS, change, only, read, reviewed, rules_of

CHECKS = [check for group in table().checks.values() for check in group]
KEY = "arn:aws:kms:eu-west-1:111111111111:key/1"
RULES = {check.rule for check in CHECKS}


def nested(path: tuple[Any, ...], value: Any) -> Any:
    for step in reversed(path):
        value = [value] if step == 0 else {step: value}
    return value


def sides(check: Check) -> tuple[Any, Any]:
    """Return a value that protects and one that does less."""
    match check.kind:
        case "on":
            strong = check.known[0]
            return strong, (not strong if isinstance(strong, bool) else "something-else")
        case "order":
            return check.known[-1], check.known[0]
        case "more":
            return 30, 7
        case "key":
            return KEY, "alias/aws/s3"
        case "many":
            return ["a", "b"], ["a"]
        case _:
            return [{"x": 1}], []


def fired(*changes: dict[str, Any]) -> dict[str, Finding]:
    """Return the findings about protections alone, by rule."""
    return {finding.rule: finding for finding in protections.inspect(read(*changes), SETTINGS).findings}


def of_rule(rule: str) -> list[Check]:
    return [check for check in CHECKS if check.rule == rule]


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_check_finds_the_weaker_side_and_only_that(rule: str) -> None:
    for check in of_rule(rule):
        kind = min(check.types, default="acme_thing")
        strong, weak = sides(check)
        before, after = nested(check.path, strong), nested(check.path, weak)
        for what in ("update", "delete/create"):
            found = fired(change(f"{kind}.a", what, before, after))[rule]
            assert check.says in found.message + "".join(found.details)
            assert found.grade >= Grade.HIGH
            assert rule not in fired(change(f"{kind}.a", what, after, before)), check.path
        assert rule not in fired(change(f"{kind}.a", "update", before | {"x": 1}, before | {"x": 2})), check.path


@pytest.mark.parametrize("rule", sorted(RULES))
def test_an_absent_or_unknown_value_is_never_taken_for_a_protection(rule: str) -> None:
    for check in of_rule(rule):
        kind = min(check.types, default="acme_thing")
        strong, _ = sides(check)
        before = nested(check.path, strong)
        gone = fired(change(f"{kind}.a", "update", before, {"other": 1}))
        enough = check.absent is not None and (
            check.kind != "more" or check.absent == "endless" or check.absent >= strong
        )
        assert (rule in gone) is not enough, check.path
        if check.kind in ("on", "order", "more"):
            entry = change(f"{kind}.a", "update", before, {"other": 1}, unknown=nested(check.path, True))
            assert "known only after the apply" in fired(entry)[rule].message


def test_a_sensitive_switch_cannot_be_judged() -> None:
    entry = change(
        "acme_db.a",
        "update",
        {"storage_encrypted": True},
        {"storage_encrypted": False},
        secret={"storage_encrypted": True},
    )
    assert "cannot be judged" in only(reviewed(entry), "encryption-weakened").message


def test_encryption_with_a_key_takes_the_place_of_the_queue_services_own() -> None:
    before = {"sqs_managed_sse_enabled": True, "kms_master_key_id": None}
    after = {"sqs_managed_sse_enabled": False, "kms_master_key_id": KEY}
    assert "encryption-weakened" not in rules_of(reviewed(change("aws_sqs_queue.q", "update", before, after)))


def test_endless_retention_is_the_longest() -> None:
    def fired(before: int | None, after: int | None) -> bool:
        entry = change(
            "aws_cloudwatch_log_group.g", "update", {"retention_in_days": before}, {"retention_in_days": after}
        )
        return "retention-shortened" in rules_of(reviewed(entry))

    assert fired(0, 365)
    assert fired(None, 365)
    assert not fired(365, 0)
    assert not fired(0, None)


def test_several_at_once_are_one_finding_by_rule() -> None:
    flags = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
    entry = change(
        "aws_s3_bucket_public_access_block.a", "update", dict.fromkeys(flags, True), dict.fromkeys(flags, False)
    )
    found = only(reviewed(entry), "public-access-opened")
    assert "and 3 more" in found.message
    assert len(found.details) == 3


def test_a_removed_protection_is_found_unless_what_it_protects_goes_too() -> None:
    whole = change("aws_s3_bucket.b", "delete", {"bucket": "it", "id": "it"})
    for kind, protection in table().removed.items():
        gone = change(f"{kind}.a", "delete", {protection.of: "it"})
        assert protection.says in fired(gone)[protection.rule].message
        assert protection.rule in fired(change(f"{kind}.a", "delete", {"other": 1}))
        assert protection.rule not in fired(gone, whole)


def test_a_removed_protection_is_one_finding() -> None:
    gone = change("aws_s3_bucket_versioning.a", "delete", {"bucket": "it"})
    assert rules_of(reviewed(gone)) == {"versioning-disabled", "resource-changed"}
    bucket = change("aws_s3_bucket.b", "delete", {"bucket": "it"})
    assert rules_of(reviewed(gone, bucket)) == {"stateful-destroyed", "resource-changed"}


def test_a_protection_that_moves_to_another_address_is_not_lost_unless_it_is_weaker() -> None:
    def lost(after: dict[str, Any]) -> bool:
        gone = change(
            "aws_s3_bucket_versioning.a", "delete", {"bucket": "b", "versioning_configuration": [{"status": "Enabled"}]}
        )
        new = change("module.x.aws_s3_bucket_versioning.a", "create", None, after)
        return "versioning-disabled" in rules_of(reviewed(gone, new))

    assert not lost({"bucket": "b", "versioning_configuration": [{"status": "Enabled"}]})
    assert lost({"bucket": "b", "versioning_configuration": [{"status": "Suspended"}]})
    assert lost({"bucket": "other", "versioning_configuration": [{"status": "Enabled"}]})


def test_a_public_acl_is_forbidden_and_so_is_one_from_the_start() -> None:
    private, public = {"bucket": "b", "acl": "private"}, {"bucket": "b", "acl": "public-read"}
    assert reviewed(change("aws_s3_bucket_acl.a", "update", private, public)).grade is Grade.FORBIDDEN
    assert reviewed(change("aws_s3_bucket_acl.a", "create", None, public)).grade is Grade.FORBIDDEN
    assert reviewed(change("aws_s3_bucket_acl.a", "create", None, private)).grade is Grade.LOW


def rule(identity: str, prefix: str = "", **more: Any) -> dict[str, Any]:
    return {"id": identity, "status": "Enabled", "filter": [{"prefix": prefix}], **more}


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ([], [rule("a", "x/", expiration=[{"days": 9}])], "objects below x/ are deleted after 9 days"),
        (
            [rule("a", "x/", expiration=[{"days": 9}])],
            [rule("a", "x/", expiration=[{"days": 3}])],
            "after 3 days (before: 9)",
        ),
        ([rule("a", "x/", expiration=[{"days": 9}])], [rule("a", "", expiration=[{"days": 9}])], "of the whole bucket"),
        (
            [],
            [rule("a", noncurrent_version_expiration=[{"noncurrent_days": 1}])],
            "noncurrent versions of the whole bucket",
        ),
        ([], [rule("a", expiration=[{"date": "2027-01-01"}])], "on 2027-01-01"),
        ([rule("a", expiration=[{"days": 9}])], [rule("a", expiration=[{"days": 90}])], None),
        ([rule("a", expiration=[{"days": 9}])], [], None),
        ([], [rule("a", expiration=[{"days": 9}]) | {"status": "Disabled"}], None),
        ([], [rule("a", abort_incomplete_multipart_upload=[{"days_after_initiation": 1}])], None),
    ],
)
def test_a_lifecycle_that_deletes_more_or_sooner_is_told(before: list[Any], after: list[Any], said: str | None) -> None:
    entry = change(
        "aws_s3_bucket_lifecycle_configuration.a",
        "update",
        {"bucket": "b", "rule": before},
        {"bucket": "b", "rule": after},
    )
    found = [one for one in reviewed(entry).findings if one.rule == "lifecycle-deletes"]
    assert [said in one.message for one in found if said] == ([True] if said else [])
    inline = change("aws_s3_bucket.a", "update", {"lifecycle_rule": before}, {"lifecycle_rule": after})
    assert ("lifecycle-deletes" in rules_of(reviewed(inline))) is (said is not None)


def test_a_lifecycle_of_a_new_bucket_deletes_nothing_that_is_there() -> None:
    rules = [rule("a", expiration=[{"days": 9}])]
    lifecycle = change("aws_s3_bucket_lifecycle_configuration.a", "create", None, {"bucket": "b", "rule": rules})
    assert "lifecycle-deletes" in rules_of(reviewed(lifecycle))
    assert "lifecycle-deletes" not in rules_of(
        reviewed(lifecycle, change("aws_s3_bucket.b", "create", None, {"bucket": "b"}))
    )


def test_images_that_expire_items_that_do_and_rules_that_are_unknown() -> None:
    policy = change("aws_ecr_lifecycle_policy.a", "update", {"policy": "1"}, {"policy": "2"})
    ttl = change("aws_dynamodb_table.a", "update", {"ttl": []}, {"ttl": [{"enabled": True, "attribute_name": "until"}]})
    unknown = change("aws_s3_bucket_lifecycle_configuration.a", "update", {"rule": []}, {}, unknown={"rule": True})
    for entry in (policy, ttl, unknown):
        assert only(reviewed(entry), "lifecycle-deletes").grade is Grade.MEDIUM


def test_the_rules_that_the_table_names_exist() -> None:
    from glue.review.rules import Rules  # noqa: PLC0415

    assert set(Rules.load()) >= RULES | {removed.rule for removed in table().removed.values()}
