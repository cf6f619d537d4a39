"""Who can do what, read from whole plans: attachments, boundaries, groups, what is not known yet, and other openings."""
# ruff: noqa: E501 (a case is a line)

from __future__ import annotations

import time
from typing import Any

import pytest

from glue.review import access
from tests.review.access_estate import (
    OTHER,
    OWN,
    ROLE,
    S3,
    allow,
    bucket,
    deny,
    entry,
    grade,
    identity,
    inspected,
    policy,
    role,
    rules,
    texts,
    trust,
)
from tests.review.making import SETTINGS, change, read

READ = policy(allow("s3:GetObject", f"{S3}data/*"))
WRITE = policy(allow(["s3:GetObject", "s3:PutObject"], f"{S3}data/*"))
MANAGED = {"name": "data", "path": "/", "arn": f"arn:aws:iam::{OWN}:policy/data"}
ATTACHED = {"role": "worker", "policy_arn": MANAGED["arn"]}
KEEP = entry("aws_iam_role.worker", role(), role())
BOUNDARY = f"arn:aws:iam::{OWN}:policy/boundary"
WITHIN = {"name": "boundary", "path": "/", "arn": BOUNDARY, "policy": READ}


def configuration(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"root_module": {"resources": [{"mode": "managed", **one} for one in resources]}}


def refers(address: str, **references: str) -> dict[str, Any]:
    kind, name = address.split(".")
    expressions = {key: {"references": [value, value.rpartition(".")[0]]} for key, value in references.items()}
    return {"address": address, "type": kind, "name": name, "expressions": expressions}


def test_a_managed_policy_widens_who_carries_it() -> None:
    attachment = entry("aws_iam_role_policy_attachment.worker", ATTACHED, ATTACHED)
    part = inspected(
        KEEP, attachment, entry("aws_iam_policy.data", MANAGED | {"policy": READ}, MANAGED | {"policy": WRITE})
    )
    assert texts(part, gained=True) == ["role worker can newly s3:PutObject on s3 data/*"]
    assert [finding.resource for finding in part.findings] == ["aws_iam_policy.data"]


def test_a_managed_policy_that_nobody_here_carries() -> None:
    part = inspected(entry("aws_iam_policy.data", MANAGED | {"policy": READ}, MANAGED | {"policy": WRITE}))
    assert texts(part, gained=True) == ["whoever has policy data can newly s3:PutObject on s3 data/*"]
    assert grade(part) == "high"


@pytest.mark.parametrize(("kind", "attribute"), [("role", "role"), ("user", "user"), ("group", "group"), ("", "roles")])
def test_an_attachment_gives_what_the_policy_grants(kind: str, attribute: str) -> None:
    held = MANAGED | {"policy": READ}
    name = f"aws_iam_{kind}_policy_attachment.it" if kind else "aws_iam_policy_attachment.it"
    whom: Any = "worker" if kind else ["worker"]
    after = {attribute: whom, "policy_arn": MANAGED["arn"]}
    part = inspected(KEEP, entry("aws_iam_policy.data", held, held), entry(name, None, after))
    assert [text for text in texts(part, gained=True) if "worker can newly s3:GetObject" in text]
    gone = inspected(KEEP, entry("aws_iam_policy.data", held, held), entry(name, after, None))
    assert [text for text in texts(gone, gained=False) if "worker can no longer s3:GetObject" in text]
    assert texts(gone, gained=True) == []


def test_an_attachment_of_a_policy_made_in_the_same_plan() -> None:
    made = entry("aws_iam_policy.data", None, {"name": "data", "path": "/", "policy": READ}, unknown={"arn": True})
    attachment = entry("aws_iam_role_policy_attachment.worker", None, {"role": "worker"}, unknown={"policy_arn": True})
    told = configuration(refers("aws_iam_role_policy_attachment.worker", policy_arn="aws_iam_policy.data.arn"))
    part = inspected(KEEP, made, attachment, configuration=told)
    assert texts(part, gained=True) == ["role worker can newly s3:GetObject on s3 data/*"]
    assert grade(part) == "high"
    nobody_knows = inspected(KEEP, made, attachment)
    assert "policy-unknown" in rules(nobody_knows)
    assert grade(nobody_knows) == "forbidden"


def test_policies_that_are_not_in_the_plan() -> None:
    of_aws = ATTACHED | {"policy_arn": "arn:aws:iam::aws:policy/AdministratorAccess"}
    part = inspected(KEEP, entry("aws_iam_role_policy_attachment.worker", None, of_aws))
    assert rules(part) == {"policy-unseen"}
    assert texts(part, gained=True) == [
        "role worker newly has AWS's policy AdministratorAccess, which is as good as everything"
    ]
    assert grade(part) == "high"
    elsewhere = inspected(KEEP, entry("aws_iam_role_policy_attachment.worker", None, ATTACHED))
    assert "policy-unknown" in rules(elsewhere)


def test_groups_hand_on_what_they_may() -> None:
    group = {"name": "people", "path": "/", "arn": f"arn:aws:iam::{OWN}:group/people"}
    user = {"name": "ann", "path": "/", "arn": f"arn:aws:iam::{OWN}:user/ann"}
    given = {"group": "people", "name": "own", "policy": READ}
    part = inspected(
        entry("aws_iam_group.people", group, group),
        entry("aws_iam_user.ann", user, user),
        entry("aws_iam_group_policy.own", given, given),
        entry("aws_iam_user_group_membership.ann", None, {"user": "ann", "groups": ["people"]}),
    )
    assert texts(part, gained=True) == ["user ann can newly s3:GetObject on s3 data/*"]
    wider = inspected(
        entry("aws_iam_group.people", group, group),
        entry("aws_iam_user.ann", user, user),
        entry("aws_iam_group_policy.own", given, given | {"policy": WRITE}),
        entry("aws_iam_group_membership.all", *[{"group": "people", "name": "all", "users": ["ann"]}] * 2),
    )
    assert texts(wider, gained=True) == ["group people, user ann can newly s3:PutObject on s3 data/*"]


def bounded(before: Any, after: Any, old: str, new: str, *more: dict[str, Any]) -> Any:
    given = {"role": "worker", "name": "own"}
    return inspected(
        entry("aws_iam_role.worker", role(permissions_boundary=before), role(permissions_boundary=after)),
        entry("aws_iam_role_policy.own", given | {"policy": old}, given | {"policy": new}),
        *more,
    )


def test_a_boundary_keeps_a_wider_policy_harmless() -> None:
    part = bounded(BOUNDARY, BOUNDARY, READ, WRITE, entry("aws_iam_policy.boundary", WITHIN, WITHIN))
    assert texts(part, gained=True) == []


def test_a_boundary_that_goes_widens() -> None:
    part = bounded(BOUNDARY, None, WRITE, WRITE, entry("aws_iam_policy.boundary", WITHIN, WITHIN))
    assert "role worker can newly s3:PutObject on s3 data/*" in texts(part, gained=True)
    assert {"boundary-loosened", "access-widened"} <= rules(part)


def test_a_boundary_that_widens_and_one_that_cannot_be_compared() -> None:
    wider = entry("aws_iam_policy.boundary", WITHIN, WITHIN | {"policy": WRITE})
    assert "role worker can newly s3:PutObject on s3 data/*" in texts(
        bounded(BOUNDARY, BOUNDARY, WRITE, WRITE, wider), gained=True
    )
    other = bounded(BOUNDARY, f"{BOUNDARY}-2", WRITE, WRITE)
    assert "boundary-loosened" in rules(other)
    assert grade(other) == "high"


def test_a_boundary_newly_around_a_role_takes() -> None:
    part = bounded(None, BOUNDARY, WRITE, WRITE, entry("aws_iam_policy.boundary", WITHIN, WITHIN))
    assert texts(part, gained=True) == []
    assert texts(part, gained=False) == ["role worker can no longer s3:PutObject on s3 data/*"]


UNKNOWN = [
    ("aws_s3_bucket_policy.x", {"bucket": "data"}, "policy"),
    ("aws_kms_key.x", {"description": "d"}, "policy"),
    ("aws_sqs_queue.x", {"name": "q"}, "policy"),
    ("aws_iam_role.x", {"name": "x", "path": "/"}, "assume_role_policy"),
    ("aws_iam_role_policy.x", {"role": "worker"}, "policy"),
    ("aws_iam_policy.x", {"name": "x", "path": "/"}, "policy"),
    ("aws_sagemaker_model_package_group_policy.x", {"model_package_group_name": "g"}, "resource_policy"),
    ("aws_lambda_permission.x", {"function_name": "f", "action": "lambda:InvokeFunction"}, "principal"),
    ("aws_kms_grant.x", {"key_id": "k", "operations": ["Decrypt"]}, "grantee_principal"),
    ("aws_some_new_thing.x", {"name": "x"}, "policy"),
]


@pytest.mark.parametrize(("address", "values", "attribute"), UNKNOWN, ids=[one[0] for one in UNKNOWN])
def test_what_is_unknown_cannot_be_judged(address: str, values: dict[str, Any], attribute: str) -> None:
    for before in (None, values | {attribute: READ}):
        part = inspected(entry(address, before, values, unknown={attribute: True}))
        assert "policy-unknown" in rules(part)
        assert grade(part) == "forbidden"
        assert part.access is not None
        assert part.access.unjudged[0].resource == address


def test_an_unknown_policy_that_nobody_wrote_is_awss_own() -> None:
    new = entry("aws_s3_bucket.x", None, {"bucket": "data"}, unknown={"policy": True, "arn": True})
    assert inspected(new, configuration=configuration(refers("aws_s3_bucket.x", bucket="var.name"))).findings == ()
    assert grade(inspected(new)) == "forbidden"


def test_a_secret_policy_cannot_be_judged() -> None:
    sides = {"bucket": "data", "policy": READ}, {"bucket": "data", "policy": WRITE}
    part = inspected(entry("aws_s3_bucket_policy.x", *sides, secret={"policy": True}))
    assert rules(part) == {"policy-unknown"}


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        '{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}], "Statement":[]}',
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"nobody"},"Action":"s3:*","Resource":"*"}]}',
        '{"Version":"2012-10-17","Statement":[{"Effect":"Maybe","Principal":"*","Action":"s3:*","Resource":"*"}]}',
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}',
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"\\udbff\\udff0"}]}',
        "[" * 5000,
    ],
)
def test_what_is_no_policy_is_refused(text: str) -> None:
    for part in (bucket(policy(allow("s3:*", "*", Principal={"AWS": OWN})), text), identity(READ, text[:-1])):
        assert "policy-invalid" in rules(part)
        assert grade(part) == "forbidden"


def test_any_resource_with_a_policy_is_judged() -> None:
    text = policy(allow("new:Read", "*", Principal="*"))
    part = inspected(entry("aws_some_new_thing.x", None, {"name": "it", "rule": [{"settings": {"document": text}}]}))
    assert "access-public" in rules(part)
    other = change("other_thing.x", "create", None, {"document": text}, provider="registry.terraform.io/x/other")
    assert access.inspect(read(other), SETTINGS).findings == ()


def test_policies_of_other_kinds_are_left_alone() -> None:
    rule = '{"rules":[{"selection":{"tagStatus":"any"}}]}'
    assert inspected(entry("aws_ecr_lifecycle_policy.x", None, {"policy": rule, "repository": "r"})).findings == ()


def test_a_limit_lets_nobody_in() -> None:
    everything = policy(allow("*", "*", Principal="*"))
    narrow = policy(allow("s3:*", f"{S3}data/*", Principal="*"))
    sides = {"id": "vpce-1", "policy": narrow}, {"id": "vpce-1", "policy": everything}
    part = inspected(entry("aws_vpc_endpoint.x", *sides))
    assert rules(part) == {"access-widened"}


def test_a_limit_that_goes_lets_everything_through() -> None:
    narrow = {"vpc_endpoint_id": "vpce-1", "policy": policy(allow("s3:*", f"{S3}data/*", Principal="*"))}
    gone = inspected(entry("aws_vpc_endpoint_policy.x", narrow, None))
    assert texts(gone, gained=True)[0] == (
        "anyone, where other policies allow it, can newly do everything on aws_vpc_endpoint_policy.x"
    )
    assert grade(gone) == "high"
    made = inspected(entry("aws_vpc_endpoint_policy.x", None, narrow))
    assert (texts(made, gained=True), grade(made)) == ([], "medium")  # calls of endpoints are lost, too
    whole = {"id": "vpce-1", "policy": narrow["policy"]}
    assert texts(inspected(entry("aws_vpc_endpoint.x", whole, None)), gained=True) == []


def test_a_policy_that_names_nobody_is_about_whoever_has_it() -> None:
    sides = (
        {"permission_set_arn": "arn:x", "inline_policy": READ},
        {"permission_set_arn": "arn:x", "inline_policy": WRITE},
    )
    part = inspected(entry("aws_ssoadmin_permission_set_inline_policy.x", *sides))
    assert texts(part, gained=True) == [
        "whoever has aws_ssoadmin_permission_set_inline_policy.x can newly s3:PutObject on s3 data/*"
    ]
    assert rules(part) == {"access-widened"}
    limit = policy(allow("*"), deny("iam:*"))
    loosened = inspected(
        entry(
            "aws_organizations_policy.x", {"name": "p", "content": limit}, {"name": "p", "content": policy(allow("*"))}
        )
    )
    assert texts(loosened, gained=True) == [
        "whoever is limited by aws_organizations_policy.x can newly iam:* on everything (no longer denied)"
    ]


def test_a_policy_behind_a_key_with_colons() -> None:
    address = 'aws_iam_policy.it["arn:aws:x"]'
    part = inspected(entry(address, MANAGED | {"policy": READ}, MANAGED | {"policy": WRITE}, index="arn:aws:x"))
    assert texts(part, gained=True) == ["whoever has policy data can newly s3:PutObject on s3 data/*"]


OPENINGS = [
    ("aws_lambda_function_url.x", {"function_name": "f", "authorization_type": "NONE"}, "access-public", "without authorization"),
    ("aws_lambda_permission.x", {"function_name": "f", "action": "lambda:InvokeFunction", "principal": "*"}, "access-public", "anyone"),
    ("aws_lambda_permission.x", {"function_name": "f", "action": "lambda:InvokeFunction", "principal": OTHER}, "access-cross-account", OTHER),
    ("aws_lambda_permission.x", {"function_name": "f", "action": "lambda:InvokeFunction", "principal": "s3.amazonaws.com", "source_account": OWN},
     "access-widened", f"only for account {OWN}"),
    ("aws_lambda_permission.x", {"function_name": "f", "action": "lambda:InvokeFunction", "principal": "nobody"}, "policy-invalid", ""),
    ("aws_cloudwatch_event_permission.x", {"principal": "*", "event_bus_name": "bus"}, "access-public", "events:PutEvents on bus"),
    ("aws_cloudwatch_event_permission.x", {"principal": "*", "condition": [{"type": "StringEquals", "key": "aws:PrincipalOrgID", "value": "o-1"}]},
     "access-cross-account", "only for organization o-1"),
    ("aws_kms_grant.x", {"key_id": "k", "grantee_principal": ROLE, "operations": ["Decrypt"]}, "access-widened", "kms:Decrypt"),
    ("aws_security_group.x", {"name": "g", "ingress": [{"protocol": "tcp", "from_port": 22, "to_port": 22, "cidr_blocks": ["0.0.0.0/0"]}]}, "network-opened", "tcp 22"),
    ("aws_security_group_rule.x", {"type": "ingress", "protocol": "-1", "from_port": 0, "to_port": 0, "ipv6_cidr_blocks": ["::/0"]}, "network-opened", "every port"),
    ("aws_vpc_security_group_ingress_rule.x", {"ip_protocol": "tcp", "from_port": 1, "to_port": 9, "cidr_ipv4": "0.0.0.0/1"}, "network-opened", "tcp 1-9"),
    ("aws_iam_openid_connect_provider.x", {"url": "https://x.example", "client_id_list": ["a"]}, "access-widened", "can newly be trusted by roles"),
    ("aws_iam_saml_provider.x", {"name": "x", "saml_metadata_document": "m"}, "access-widened", "vouches"),
    ("aws_iam_instance_profile.x", {"name": "p", "role": "worker"}, "access-widened", "act as role worker"),
    ("aws_iam_access_key.x", {"user": "ann"}, "access-widened", "act as user ann"),
    ("aws_iam_user_login_profile.x", {"user": "ann"}, "access-widened", "password"),
    ("aws_ram_principal_association.x", {"principal": OTHER, "resource_share_arn": "s"}, "access-cross-account", OTHER),
    ("aws_lakeformation_permissions.x", {"principal": ROLE, "permissions": ["SELECT"]}, "access-widened", "SELECT"),
    ("aws_ssoadmin_account_assignment.x", {"principal_type": "GROUP", "principal_id": "g", "permission_set_arn": "arn:x", "target_id": OWN}, "access-widened", "GROUP g is newly given"),
    ("aws_ami_launch_permission.x", {"image_id": "ami-1", "group": "all"}, "access-public", "ami-1"),
    ("aws_ami_launch_permission.x", {"image_id": "ami-1", "account_id": OTHER}, "access-cross-account", "ami-1"),
    ("aws_lambda_layer_version_permission.x", {"principal": "*", "action": "lambda:GetLayerVersion", "layer_name": "l"}, "access-public", "GetLayerVersion"),
    ("aws_s3_bucket_acl.x", {"bucket": "b", "access_control_policy": [{"grant": [{"grantee": [{"uri": "http://acs.amazonaws.com/groups/global/AllUsers"}],
     "permission": "READ"}]}]}, "access-public", "anyone can newly READ b"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("address", "values", "rule", "words"), OPENINGS, ids=[f"{one[0]} {one[2]}" for one in OPENINGS]
)
def test_openings(address: str, values: dict[str, Any], rule: str, words: str) -> None:
    part = inspected(KEEP, entry(address, None, values))
    assert rule in rules(part)
    assert grade(part) == ("forbidden" if rule in ("access-public", "policy-invalid") else "high")
    assert not words or any(words in text for text in texts(part, gained=True)), texts(part, gained=True)
    assert inspected(KEEP, entry(address, values, values)).findings == ()
    if rule != "policy-invalid":
        closed = inspected(KEEP, entry(address, values, None))
        assert texts(closed, gained=True) == []
        assert texts(closed, gained=False)
        assert grade(closed) == "low"


def test_code_that_acts_as_another_role() -> None:
    before, after = {"function_name": "f", "role": ROLE}, {"function_name": "f", "role": f"{ROLE}-2"}
    part = inspected(KEEP, entry("aws_lambda_function.f", before, after))
    assert texts(part, gained=True) == ["aws_lambda_function.f newly acts as role/worker-2"]
    assert texts(part, gained=False) == ["aws_lambda_function.f no longer acts as role/worker"]
    assert grade(part) == "high"
    unknown = inspected(KEEP, entry("aws_lambda_function.f", before, {"function_name": "f"}, unknown={"role": True}))
    assert grade(unknown) == "high"


def test_an_organizations_policy_that_limits_no_longer() -> None:
    part = inspected(entry("aws_organizations_policy_attachment.x", {"policy_id": "p-1", "target_id": OWN}, None))
    assert texts(part, gained=True) == [f"{OWN} is no longer limited by the organization's policy p-1"]
    assert grade(part) == "high"


HUGE = [f"arn:aws:s3:::bucket-{at}-*/x*y{at}/*" for at in range(900)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (policy(allow("s3:*", HUGE)), policy(allow("s3:*", HUGE[:-1]))),
        (policy(allow("s3:GetObject", HUGE[0])), policy(allow([f"s3:*{'a' * at}*" for at in range(1, 60)], HUGE[:3]))),
        (policy(allow("*")), policy(allow("*"), deny([f"s3:*{letter}*" for letter in "abcdefghijklmnop"]))),
        (policy(allow("s3:*", "*", {"StringLike": {f"x:{at}": [f"*{a}*" for a in "abcdefgh"] for at in range(9)}})), policy(allow("s3:*"))),
    ],
)  # fmt: skip
def test_hostile_policies_end_soon_and_are_never_harmless(before: str, after: str) -> None:
    start = time.process_time()
    parts = identity(before, after), identity(after, before)
    assert time.process_time() - start < 3
    assert all(part.findings for part in parts)
    assert any(grade(part) in ("high", "forbidden") for part in parts)


ESCALATIONS = [
    (["iam:PassRole"], "*", "hand roles to services"),
    (["sts:AssumeRole"], f"arn:aws:iam::{OWN}:role/*", "become other roles"),
    (["iam:PutRolePolicy"], ROLE, "write policies into roles"),
    (["iam:CreatePolicyVersion"], MANAGED["arn"], "rewrite managed policies"),
    (["iam:Attach*Policy"], "*", "attach policies"),
    (["lambda:UpdateFunctionCode"], "*", "run code as functions' roles"),
    (["*"], "*", "do everything on everything"),
    (["iam:*"], "*", "do everything of iam"),
]


@pytest.mark.parametrize(("actions", "resource", "words"), ESCALATIONS)
def test_rights_that_lead_to_more_stand_out(actions: list[str], resource: str, words: str) -> None:
    part = identity(READ, policy(allow("s3:GetObject", f"{S3}data/*"), allow(actions, resource)))
    (found,) = [finding for finding in part.findings if finding.rule == "access-escalates"]
    assert words in found.message


def test_a_named_role_may_be_handed_on() -> None:
    part = identity(READ, policy(allow("s3:GetObject", f"{S3}data/*"), allow("iam:PassRole", ROLE)))
    assert rules(part) == {"access-widened"}


def test_a_new_role_is_one_line_for_each_source() -> None:
    many = [allow(f"service{at}:Read", f"arn:aws:service{at}:::x") for at in range(12)]
    own = {"role": "worker", "name": "own", "policy": policy(*many)}
    part = inspected(entry("aws_iam_role.worker", None, role()), entry("aws_iam_role_policy.own", None, own))
    assert [right.source for right in part.access.gained] == ["aws_iam_role.worker", "aws_iam_role_policy.own"]  # type: ignore[union-attr]
    assert "and 6 more" in texts(part, gained=True)[1]
    assert grade(part) == "high"


def test_a_destroyed_bucket_takes_its_denials_along() -> None:
    text = policy(deny("s3:*", f"{S3}data/*", {"Bool": {"aws:SecureTransport": "false"}}, Principal="*"))
    gone = entry("aws_s3_bucket_policy.data", {"bucket": "data", "policy": text}, None)
    assert texts(inspected(KEEP, gone), gained=True)
    with_bucket = inspected(KEEP, gone, entry("aws_s3_bucket.data", {"id": "data", "bucket": "data"}, None))
    assert texts(with_bucket, gained=True) == []


def test_forgotten_policies_stay() -> None:
    assert (
        inspected(change("aws_iam_role_policy.own", "forget", {"role": "worker", "policy": READ}, None)).findings == ()
    )


def test_a_trust_of_a_new_account_says_what_the_role_may() -> None:
    part = inspected(
        entry("aws_iam_role.worker", role(), role(assume_role_policy=policy(trust({"AWS": [OWN, OTHER]})))),
        entry(
            "aws_iam_role_policy_attachment.worker",
            *[ATTACHED | {"policy_arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}] * 2,
        ),
    )
    assert {"trust-widened", "access-cross-account"} <= rules(part)
    assert "what AWS's policy ReadOnlyAccess grants" in texts(part, gained=True)[0]


def test_compare_returns_the_change_alone() -> None:
    given = {"role": "worker", "name": "own"}
    plan = read(KEEP, entry("aws_iam_role_policy.own", given | {"policy": READ}, given | {"policy": WRITE}))
    assert [right.actions for right in access.compare(plan).gained] == [("s3:PutObject",)]


def test_nothing_of_a_secret_or_of_control_characters_is_shown() -> None:
    statement = allow("s3:GetObject", f"{S3}hunter2-secret/\x1b[31m\u202e/*")
    given = {"role": "worker", "name": "own", "policy": policy(statement)}
    hidden = entry("aws_ssm_parameter.p", None, {"value": "hunter2-secret"}, secret={"value": True})
    part = inspected(KEEP, entry("aws_iam_role_policy.own", None, given), hidden)
    everything = repr(part)
    assert "hunter2" not in everything
    assert "u{1b}" in everything
    assert "\u202e" not in everything


@pytest.mark.parametrize(
    ("address", "before", "after"),
    [
        ("google_project_iam_binding.x", None, {"role": "roles/owner", "members": ["allUsers"]}),
        ("azurerm_role_assignment.x", {"principal_id": "a"}, {"principal_id": "b"}),
        ("kubernetes_cluster_role_binding_v1.x", None, {"metadata": [{"name": "x"}]}),
        ("google_iam_deny_policy.x", {"name": "x"}, None),
        ("awscc_iam_role.x", {"description": "a"}, {"description": "b"}),
        ("aws_cloudcontrolapi_resource.x", None, {"type_name": "AWS::IAM::Role", "desired_state": "{}"}),
        ("aws_cloudformation_stack.x", None, {"name": "x", "capabilities": ["CAPABILITY_NAMED_IAM"]}),
        ("aws_db_instance.x", {"publicly_accessible": False}, {"publicly_accessible": True}),
        ("aws_dms_replication_instance.x", None, {"publicly_accessible": True}),
    ],
)
def test_access_in_words_that_are_not_judged_is_high(address: str, before: Any, after: Any) -> None:
    part = inspected(entry(address, before, after))
    assert grade(part) == "high"
    assert part.access is not None
    assert [right.source for right in part.access.gained] == [address]


def test_a_snapshot_for_everybody_is_public() -> None:
    part = inspected(entry("aws_db_snapshot.x", {"shared_accounts": [OTHER]}, {"shared_accounts": ["all"]}))
    assert "access-public" in rules(part)
    assert texts(part, gained=True)[0].startswith("all can newly restore")


@pytest.mark.parametrize(
    ("address", "before", "after"),
    [
        ("aws_cloudformation_stack.x", None, {"name": "x", "capabilities": ["CAPABILITY_AUTO_EXPAND"]}),
        ("aws_db_instance.x", {"publicly_accessible": True}, {"publicly_accessible": True, "tags": {"a": "b"}}),
        ("google_storage_bucket.x", None, {"name": "x"}),
        ("azurerm_role_assignment.x", {"principal_id": "a"}, None),
    ],
)
def test_what_lets_nobody_in_is_no_gain(address: str, before: Any, after: Any) -> None:
    part = inspected(entry(address, before, after))
    assert part.access is None or part.access.gained == ()
