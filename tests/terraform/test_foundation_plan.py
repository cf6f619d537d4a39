"""What bootstrap and foundation plan for an account that has nothing: policies as a whole, and a chosen inventory.

Single policies are asserted in the modules' own tests; here is what holds for all of them, and what only fits together
between the two roots: the roles made by one must be able to apply the other.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from glue.tf import hcl

sys.path.append(str(Path(__file__).parent))

import offline
import permits
from needs import ACCOUNT, ANYWHERE, LOCKING, READS, WRITES

pytestmark = pytest.mark.terraform

# Every setting that is off in the committed environments.
EVERYBODYS = ("plan", "deploy-foundation", "deploy-serving", "promote", "prune")
NAMED = ("approve", "break-glass")  # they exist where somebody is named
ISSUER = "token.actions.githubusercontent.com"
SUBJECT = "repo:example/slipway:environment:qa"
OPTIONS: dict[str, Any] = {
    "operators": ["arn:aws:iam::222222222222:role/ml-platform"],
    "approvers": ["arn:aws:iam::222222222222:role/owners"],
    "break_glass": ["arn:aws:iam::222222222222:role/oncall"],
    "gates": {"evidence": True, "approval": True},
    "identity_providers": {
        "github": {
            "issuer": f"https://{ISSUER}",
            "audience": "sts.amazonaws.com",
            "subjects": {"deploy-serving": [SUBJECT]},
        }
    },
    "subscribers": {"oncall": {"protocol": "email", "endpoint": "oncall@example.com"}},
    "retention": {"noncurrent_days": 30, "capture_days": 14, "training_days": 60},
    "models": {
        "ranker": {
            "training": {"inputs": {"clicks": {"bucket": "lake", "prefix": "clicks/"}}},
            "network": {"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]},
        },
        "classifier": {},
    },
}


def committed() -> dict[str, Any]:
    found = hcl.read(offline.ROOT / "environments" / "qa" / "environment.tfvars")["environment"]
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def plan() -> Iterator[offline.Planner]:
    with offline.planner() as planner:
        yield planner


@pytest.fixture(scope="module")
def bootstrap(plan: offline.Planner) -> offline.Planned:
    return plan("bootstrap", committed())


@pytest.fixture(scope="module")
def foundation(plan: offline.Planner) -> offline.Planned:
    return plan("foundation", committed())


def role_policy(planned: offline.Planned, role: str) -> dict[str, Any]:
    return planned.policies()[f'module.deploy_role["{role}"].aws_iam_role_policy.this.policy']


def boundary(planned: offline.Planned, bounds: str) -> dict[str, Any]:
    return planned.policies()[f'module.role_boundary["{bounds}"].aws_iam_policy.this.policy']


def test_bootstrap_makes_what_the_first_apply_needs(bootstrap: offline.Planned) -> None:
    names = {after["name"] for after in bootstrap.of("aws_iam_role").values()}
    assert names == {f"slipway-qa-{role}" for role in (*EVERYBODYS, "approve")}, "qa names approvers"
    assert [after["bucket"] for after in bootstrap.of("aws_s3_bucket").values()] == ["slipway-qa-tfstate-222222222222"]
    assert bootstrap.of("aws_iam_openid_connect_provider") == {}, "pipelines are off until an environment names them"


def test_every_policy_of_the_bootstrap_is_known_at_plan(bootstrap: offline.Planned) -> None:
    kinds = ("aws_iam_policy", "aws_iam_role_policy", "aws_kms_key", "aws_s3_bucket_policy")
    unknown = [address for kind in kinds for address, after in bootstrap.of(kind).items() if not after.get("policy")]
    assert unknown == []


def test_every_policy_is_known_in_the_plan_that_makes_it(foundation: offline.Planned) -> None:
    kinds = ("aws_ecr_registry_policy", "aws_iam_role_policy", "aws_kms_key", "aws_s3_bucket_policy", "aws_sns_topic")
    unknown = [address for kind in kinds for address, after in foundation.of(kind).items() if not after.get("policy")]
    assert unknown == []


def test_foundation_makes_each_model_its_things(foundation: offline.Planned) -> None:
    kinds = Counter(address.rpartition(".")[0].rpartition(".")[2] for address in foundation.resources)
    assert kinds["aws_ecr_repository"] == kinds["aws_sagemaker_model_package_group"] == kinds["aws_iam_role"] == 1
    parameter = foundation.resources["aws_ssm_parameter.foundation"]
    assert (parameter["name"], parameter["tier"]) == ("/slipway/qa/foundation", "Intelligent-Tiering")


def test_every_role_is_bounded(bootstrap: offline.Planned, foundation: offline.Planned) -> None:
    bounds = {after["name"]: after["permissions_boundary"] for after in bootstrap.of("aws_iam_role").values()}
    assert set(bounds.values()) == {f"arn:aws:iam::{ACCOUNT}:policy/slipway-qa-deployment"}
    bounds = {after["name"]: after["permissions_boundary"] for after in foundation.of("aws_iam_role").values()}
    assert set(bounds.values()) == {f"arn:aws:iam::{ACCOUNT}:policy/slipway-qa-workload"}


def test_no_role_has_a_wildcard_resource_where_the_action_knows_one(
    bootstrap: offline.Planned, foundation: offline.Planned
) -> None:
    found = set()
    for planned in (bootstrap, foundation):
        for address, policy in planned.policies().items():
            if ".aws_iam_role_policy." not in address:
                continue
            for statement in policy["Statement"]:
                if "*" in permits.listed(statement["Resource"]):
                    found |= set(permits.listed(statement["Action"]))
    assert found - ANYWHERE == set()


def test_roles_are_passed_to_one_service(bootstrap: offline.Planned) -> None:
    passing = [
        statement["Condition"]["StringEquals"]["iam:PassedToService"]
        for policy in bootstrap.policies().values()
        for statement in policy["Statement"]
        if statement["Effect"] == "Allow" and "iam:PassRole" in permits.listed(statement.get("Action"))
    ]
    assert sorted(passing) == ["lambda.amazonaws.com", "sagemaker.amazonaws.com"]


def test_statements_are_named(bootstrap: offline.Planned, foundation: offline.Planned) -> None:
    for planned in (bootstrap, foundation):
        for address, policy in planned.policies().items():
            sids = [statement.get("Sid", "") for statement in policy["Statement"]]
            assert all(sids), address
            assert len(set(sids)) == len(sids), address


def test_foundation_can_be_applied_with_its_role(bootstrap: offline.Planned) -> None:
    policy = role_policy(bootstrap, "deploy-foundation")
    assert permits.missing(policy, boundary(bootstrap, "deployment"), READS + LOCKING + WRITES) == []


def test_foundation_can_be_planned_with_the_plan_role(bootstrap: offline.Planned) -> None:
    policy = role_policy(bootstrap, "plan")
    assert permits.missing(policy, boundary(bootstrap, "deployment"), READS) == []
    # it encrypts the plan that it hands on, with the artifact store's key, which its condition names
    writes = [need for need in LOCKING + WRITES if need[0] != "kms:GenerateDataKey"]
    refused = permits.missing(policy, boundary(bootstrap, "deployment"), writes)
    assert len(refused) == len(writes), "planning must not be able to write anything"
    encrypts = [one for one in policy["Statement"] if "kms:GenerateDataKey" in one["Action"]]
    assert [one["Condition"]["ForAnyValue:StringEquals"]["kms:ResourceAliases"] for one in encrypts] == [
        "alias/slipway-qa-artifacts"
    ]


@pytest.mark.parametrize("role", EVERYBODYS)
def test_no_role_touches_another_deployment(bootstrap: offline.Planned, role: str) -> None:
    policy = role_policy(bootstrap, role)
    for victim in (*EVERYBODYS, *NAMED):
        for action in ("iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:AttachRolePolicy", "iam:PassRole"):
            resource = f"arn:aws:iam::{ACCOUNT}:role/slipway-qa-{victim}"
            assert not permits.names(policy, "Allow", action, resource), f"{role} may {action} on {victim}"
            assert permits.names(boundary(bootstrap, "deployment"), "Deny", action, resource)


def test_execution_role_stays_within_its_boundary(bootstrap: offline.Planned, foundation: offline.Planned) -> None:
    limit = boundary(bootstrap, "workload")
    beyond = [
        (action, resource)
        for address, policy in foundation.policies().items()
        if ".aws_iam_role_policy." in address
        for statement in policy["Statement"]
        for action in permits.listed(statement["Action"])
        for resource in permits.listed(statement["Resource"])
        if not permits.names(limit, "Allow", action, resource)
    ]
    assert beyond == []


def test_pipelines_assume_only_the_roles_that_name_them(plan: offline.Planner) -> None:
    planned = plan("bootstrap", committed() | OPTIONS)
    provider = planned.resources['aws_iam_openid_connect_provider.this["github"]']
    assert (provider["url"], provider["client_id_list"]) == (f"https://{ISSUER}", ["sts.amazonaws.com"])
    trusts = {
        address.split('"')[1]: policy["Statement"]
        for address, policy in planned.policies().items()
        if address.endswith(".assume_role_policy")
    }
    assert {role: len(statements) for role, statements in trusts.items()} == {
        "plan": 1, "deploy-foundation": 1, "deploy-serving": 2, "promote": 1, "prune": 1,
        "approve": 1, "break-glass": 1,
    }  # fmt: skip
    assert trusts["deploy-serving"][1]["Condition"] == {
        "StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com"},
        "StringLike": {f"{ISSUER}:sub": SUBJECT},
    }
    trusted = {role: statements[0]["Principal"]["AWS"] for role, statements in trusts.items()}
    assert trusted == dict.fromkeys(EVERYBODYS, OPTIONS["operators"][0]) | {
        "approve": OPTIONS["approvers"][0],
        "break-glass": OPTIONS["break_glass"][0],
    }
    may_approve = {
        role
        for role in (*EVERYBODYS, *NAMED)
        for statement in role_policy(planned, role)["Statement"]
        if "sagemaker:UpdateModelPackage" in permits.listed(statement["Action"])
    }
    assert may_approve == {"approve"}, "where an approval is asked for, whoever promotes cannot give it"


def test_foundation_takes_every_setting(plan: offline.Planner, bootstrap: offline.Planned) -> None:
    planned = plan("foundation", committed() | OPTIONS)
    test_execution_role_stays_within_its_boundary(bootstrap, planned)
    assert set(planned.of("aws_iam_role")) == {
        f'module.execution_role["{model}"].aws_iam_role.this' for model in ("classifier", "ranker")
    }
    assert len([address for address in planned.of("aws_iam_role_policy") if ".network[" in address]) == 1
    (lifecycle,) = planned.of("aws_s3_bucket_lifecycle_configuration").values()
    expiring = {rule["id"]: rule["expiration"][0].get("days") for rule in lifecycle["rule"]}
    assert (expiring["capture"], expiring["training"]) == (14, 60)
    assert not expiring["everything"], "current releases never expire"
    (subscription,) = planned.of("aws_sns_topic_subscription").values()
    assert subscription["endpoint"] == "oncall@example.com"


ACCOUNT_WIDE = {"aws_iam_openid_connect_provider": "url", "aws_iam_policy": "name", "aws_iam_role": "name"}


def test_a_second_region_of_the_account_makes_nothing_twice(plan: offline.Planner, bootstrap: offline.Planned) -> None:
    """IAM and the names of buckets know no regions; an identity provider exists once in an account."""
    github = OPTIONS["identity_providers"]["github"]
    us = committed() | {
        "name": "qa-us",
        "region": "us-east-1",
        "identity_providers": {"github": github | {"create": False}},
    }
    second = plan("bootstrap", us)
    for kind, attribute in ({**ACCOUNT_WIDE, "aws_s3_bucket": "bucket"}).items():
        first = {after[attribute] for after in bootstrap.of(kind).values()}
        assert not first & {after[attribute] for after in second.of(kind).values()}, kind
    assert second.of("aws_iam_openid_connect_provider") == {}
    trusted = second.policies()['module.deploy_role["deploy-serving"].aws_iam_role.this.assume_role_policy']
    assert f"arn:aws:iam::222222222222:oidc-provider/{ISSUER}" in str(trusted)
    assert f"{ISSUER}:sub" in str(trusted)


def test_what_a_foundation_makes_in_the_whole_account_is_named_after_it(foundation: offline.Planned) -> None:
    names = [after[name] for kind, name in ACCOUNT_WIDE.items() for after in foundation.of(kind).values()]
    names += [after["bucket"] for after in foundation.of("aws_s3_bucket").values()]
    assert names
    assert [name for name in names if not name.startswith("slipway-qa-")] == []
