"""Becoming a role, passing a role on, and the bounds of a role."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox_iam.conftest import Estate, allow, deny, document, to
from tests.sandbox_iam.helpers import denied, passes_iam

DEV = "arn:aws:iam::111111111111"
ENDPOINT_ROLE = f"{DEV}:role/endpoint"
PASSING: list[tuple[str, str, str, str, dict[str, Any]]] = [
    (
        "sagemaker",
        "create_model",
        "sagemaker:CreateModel",
        "sagemaker.amazonaws.com",
        {"ModelName": "m", "ExecutionRoleArn": ENDPOINT_ROLE, "PrimaryContainer": {"Image": "i"}},
    ),
    (
        "sagemaker",
        "create_training_job",
        "sagemaker:CreateTrainingJob",
        "sagemaker.amazonaws.com",
        {
            "TrainingJobName": "j",
            "AlgorithmSpecification": {"TrainingImage": "i", "TrainingInputMode": "File"},
            "RoleArn": ENDPOINT_ROLE,
            "OutputDataConfig": {"S3OutputPath": "s3://b/o"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        },
    ),
    (
        "lambda",
        "create_function",
        "lambda:CreateFunction",
        "lambda.amazonaws.com",
        {
            "FunctionName": "f",
            "Role": ENDPOINT_ROLE,
            "Runtime": "python3.11",
            "Handler": "h.h",
            "Code": {"ZipFile": b"no zip"},
        },
    ),
    (
        "lambda",
        "update_function_configuration",
        "lambda:UpdateFunctionConfiguration",
        "lambda.amazonaws.com",
        {"FunctionName": "f", "Role": ENDPOINT_ROLE},
    ),
    (
        "events",
        "put_targets",
        "events:PutTargets",
        "events.amazonaws.com",
        {
            "Rule": "r",
            "Targets": [{"Id": "1", "Arn": "arn:aws:sqs:eu-west-1:111111111111:q", "RoleArn": ENDPOINT_ROLE}],
        },
    ),
    (
        "scheduler",
        "create_schedule",
        "scheduler:CreateSchedule",
        "scheduler.amazonaws.com",
        {
            "Name": "s",
            "ScheduleExpression": "rate(1 day)",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {"Arn": "arn:aws:lambda:eu-west-1:111111111111:function:f", "RoleArn": ENDPOINT_ROLE},
        },
    ),
]


@pytest.mark.parametrize(("service", "operation", "action", "to_service", "arguments"), PASSING)
def test_giving_a_role_to_a_service(
    estate: Estate, service: str, operation: str, action: str, to_service: str, arguments: dict[str, Any]
) -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
    without = estate.role(allow(action))
    found = denied(getattr(without.client(service), operation), **arguments)
    assert f"is not authorized to perform: iam:PassRole on resource: {ENDPOINT_ROLE}" in found.message
    other = allow("iam:PassRole", ENDPOINT_ROLE, StringEquals={"iam:PassedToService": "ec2.amazonaws.com"})
    denied(getattr(estate.role(allow(action), other).client(service), operation), **arguments)
    right = allow("iam:PassRole", ENDPOINT_ROLE, StringEquals={"iam:PassedToService": to_service})
    passes_iam(getattr(estate.role(allow(action), right).client(service), operation), **arguments)


def test_the_trust_policy_and_the_callers_policy(estate: Estate) -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
    arn = estate.create_role()
    caller = estate.role(allow("sts:AssumeRole", arn))
    call = {"RoleArn": arn, "RoleSessionName": "me"}
    caller.client("sts").assume_role(**call)  # the trust policy leaves it to the account's IAM
    denied(estate.role(allow("sts:GetCallerIdentity")).client("sts").assume_role, **call)
    message = denied(estate.operator("sts", "qa").assume_role, **call).message
    assert f"is not authorized to perform: sts:AssumeRole on resource: {arn}" in message
    named = estate.create_role(trust=_trust({"AWS": caller.arn}))
    nobody = estate.create_role()
    reached = estate.assume(nobody)
    denied(reached.client("sts").assume_role, RoleArn=named, RoleSessionName="me")
    caller.client("sts").assume_role(RoleArn=named, RoleSessionName="me")


def _trust(principal: Any, action: Any = "sts:AssumeRole", **condition: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": action}
    return {**statement, "Condition": condition} if condition else statement


def test_external_ids_session_names_and_tags(estate: Estate) -> None:
    qa = {"AWS": "arn:aws:iam::222222222222:root"}
    secret = estate.create_role(trust=_trust(qa, StringEquals={"sts:ExternalId": "abc"}))
    sts = estate.operator("sts", "qa")
    denied(sts.assume_role, RoleArn=secret, RoleSessionName="me")
    denied(sts.assume_role, RoleArn=secret, RoleSessionName="me", ExternalId="wrong")
    sts.assume_role(RoleArn=secret, RoleSessionName="me", ExternalId="abc")
    named = estate.create_role(trust=_trust(qa, StringLike={"sts:RoleSessionName": "ci-*"}))
    denied(sts.assume_role, RoleArn=named, RoleSessionName="me")
    sts.assume_role(RoleArn=named, RoleSessionName="ci-1")
    tags = [{"Key": "team", "Value": "red"}]
    plain = estate.create_role(trust=_trust(qa))
    assert "sts:TagSession" in denied(sts.assume_role, RoleArn=plain, RoleSessionName="me", Tags=tags).message
    tagged = estate.create_role(
        trust=_trust(qa, ["sts:AssumeRole", "sts:TagSession"], StringEquals={"aws:RequestTag/team": "red"})
    )
    sts.assume_role(RoleArn=tagged, RoleSessionName="me", Tags=tags)
    denied(sts.assume_role, RoleArn=tagged, RoleSessionName="me", Tags=[{"Key": "team", "Value": "blue"}])


def test_a_role_that_does_not_exist(estate: Estate) -> None:
    message = denied(estate.operator("sts").assume_role, RoleArn=f"{DEV}:role/none", RoleSessionName="me").message
    assert f"not authorized to perform: sts:AssumeRole on resource: {DEV}:role/none" in message


def test_session_policies_only_narrow(estate: Estate) -> None:
    arn = estate.create_role(allow("sns:*"))
    narrow = estate.assume(arn, Policy=document(allow(["sns:CreateTopic", "sqs:*"])))
    narrow.client("sns").create_topic(Name="narrowed")
    assert "no session policy allows" in denied(narrow.client("sns").list_topics).message
    denied(narrow.client("sqs").list_queues)


def test_boundaries(estate: Estate) -> None:
    iam = estate.operator("iam")
    policy = iam.create_policy(PolicyName="bounds", PolicyDocument=document(allow("sns:*")))["Policy"]["Arn"]
    bound = estate.role(allow("*"), PermissionsBoundary=policy)
    bound.client("sns").list_topics()
    assert "no permissions boundary allows" in denied(bound.client("sqs").list_queues).message


def test_nobody_makes_a_role_without_the_boundary(estate: Estate) -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html, "Delegating responsibility"
    iam = estate.operator("iam")
    policy = iam.create_policy(PolicyName="fence", PolicyDocument=document(allow("sns:*")))["Policy"]["Arn"]
    given = {"iam:PermissionsBoundary": policy}
    deployer = estate.role(
        allow(
            ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"], f"{DEV}:role/team/*", StringEquals=given
        ),
        allow("iam:TagRole", f"{DEV}:role/team/*"),
    ).client("iam")
    trust = json.dumps({"Version": "2012-10-17", "Statement": [_trust({"Service": "lambda.amazonaws.com"})]})
    made = {"AssumeRolePolicyDocument": trust, "Path": "/team/"}
    denied(deployer.create_role, RoleName="free", **made)
    denied(deployer.create_role, RoleName="free", PermissionsBoundary=policy, AssumeRolePolicyDocument=trust)  # path
    deployer.create_role(RoleName="fenced", PermissionsBoundary=policy, Tags=[{"Key": "a", "Value": "b"}], **made)
    deployer.put_role_policy(RoleName="fenced", PolicyName="p", PolicyDocument=document(allow("*")))
    iam.create_role(RoleName="unfenced", **made)
    denied(deployer.put_role_policy, RoleName="unfenced", PolicyName="p", PolicyDocument=document(allow("*")))
    assert "explicit" not in denied(deployer.delete_role_permissions_boundary, RoleName="fenced").message


def test_only_some_policies_may_be_attached(estate: Estate) -> None:
    given = {"iam:PolicyARN": "arn:aws:iam::aws:policy/ReadOnlyAccess"}
    target = estate.create_role().rpartition("/")[2]
    some = estate.role(allow("iam:AttachRolePolicy", f"{DEV}:role/*", ArnEquals=given)).client("iam")
    some.attach_role_policy(RoleName=target, PolicyArn=given["iam:PolicyARN"])
    denied(some.attach_role_policy, RoleName=target, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    reader = estate.assume(f"{DEV}:role/{target}")
    reader.client("sns").list_topics()  # AWS's own policies count
    denied(reader.client("sns").create_topic, Name="no")


def test_users_groups_and_denials(estate: Estate) -> None:
    iam = estate.operator("iam")
    iam.create_user(UserName="ann", Path="/people/")
    iam.create_group(GroupName="readers")
    iam.put_group_policy(
        GroupName="readers",
        PolicyName="p",
        PolicyDocument=document(allow("sns:ListTopics"), allow("iam:GetUser", f"{DEV}:user/people/${{aws:username}}")),
    )
    iam.add_user_to_group(GroupName="readers", UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    keys = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    ann = type(estate.role())("", keys, estate.made)
    ann.client("sns").list_topics()
    assert ann.client("iam").get_user()["User"]["UserName"] == "ann"
    denied(ann.client("iam").get_user, UserName="bob")
    iam.put_user_policy(UserName="ann", PolicyName="no", PolicyDocument=document(deny("sns:*")))
    assert "explicit deny in an identity-based policy" in denied(ann.client("sns").list_topics).message


def test_resource_policies_of_queues_topics_and_functions(estate: Estate) -> None:
    qa = {"AWS": "arn:aws:iam::222222222222:root"}
    queue = estate.operator("sqs").create_queue(QueueName="shared")["QueueUrl"]
    arn = "arn:aws:sqs:eu-west-1:111111111111:shared"
    guest = estate.role(allow("sqs:*"), account="qa").client("sqs")
    assert denied(guest.send_message, QueueUrl=queue, MessageBody="m").code == "AccessDenied"
    policy = document(to(qa, allow("sqs:SendMessage", arn)))
    estate.operator("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    guest.send_message(QueueUrl=queue, MessageBody="from qa")
    denied(guest.receive_message, QueueUrl=queue)
    assert estate.operator("sqs").receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "from qa"
    same = estate.create_role()
    policy = document(to({"AWS": same}, allow("sqs:SendMessage", arn)))
    estate.operator("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    estate.assume(same).client("sqs").send_message(QueueUrl=queue, MessageBody="m")  # one side is enough at home
