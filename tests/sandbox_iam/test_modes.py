"""What is not in the table is denied; denials are written down; observing lets everything pass."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from sandbox.errors import AwsError
from sandbox.iam import changes, denials, enforce
from sandbox.runtime import clock
from sandbox.server import Server
from tests.sandbox_iam.conftest import Estate, allow, document, to
from tests.sandbox_iam.helpers import denied, refused


@pytest.fixture(autouse=True)
def enforced(server: Server) -> Iterator[None]:
    yield
    enforce.use("enforce")


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("ec2", "describe_instances", "AccessDenied"),
        ("iam", "list_virtual_mfa_devices", "AccessDenied"),
        ("ssm", "list_documents", "AccessDeniedException"),
        ("lambda", "list_layers", "AccessDeniedException"),
        ("route53", "list_hosted_zones", "AccessDenied"),
    ],
)
def test_an_operation_without_a_rule_is_nobodys(estate: Estate, service: str, operation: str, code: str) -> None:
    found = refused(getattr(estate.operator(service), operation))
    name = "".join(part.capitalize() for part in operation.split("_")).replace("Mfa", "MFA")
    assert found.code == code
    assert found.message == f"the sandbox has no rule for {service}:{name}, so nobody may do it"
    assert denials.last()[0]["action"] == f"{service}:{name}"


def test_denials_are_written_down(estate: Estate, server: Server) -> None:
    nobody = estate.role()
    denied(nobody.client("sns").list_topics)
    path = server.application.settings.requests_log.with_name("denials.jsonl")
    entry = json.loads(path.read_text().splitlines()[-1])
    assert denials.last()[0] == entry
    assert entry.pop("time").endswith("Z")
    assert entry == {
        "principal": f"arn:aws:sts::111111111111:assumed-role/{nobody.name}/test",
        "action": "sns:ListTopics",
        "resource": "*",
        "reason": "no identity-based policy allows",
        "operation": "sns:ListTopics",
        "mode": "enforce",
        "account": "111111111111",
    }


def test_observing_lets_pass_and_notes(estate: Estate) -> None:
    nobody = estate.role()
    enforce.use("observe")
    nobody.client("sns").create_topic(Name="observed", Tags=[{"Key": "a", "Value": "b"}])
    last = denials.last()[:2]
    assert [(one["action"], one["mode"]) for one in last] == [
        ("sns:TagResource", "observe"),
        ("sns:CreateTopic", "observe"),
    ]
    enforce.use("off")
    before = denials.last()
    nobody.client("sns").list_topics()
    assert denials.last() == before


def test_the_variable_chooses_the_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    enforce.use(None)
    monkeypatch.delenv("SANDBOX_IAM", raising=False)
    assert enforce.mode() == "enforce"
    monkeypatch.setenv("SANDBOX_IAM", "observe")
    assert enforce.mode() == "observe"
    monkeypatch.setenv("SANDBOX_IAM", "none")
    with pytest.raises(ValueError, match="enforce, observe or off"):
        enforce.mode()


def test_services_work_for_roles_and_in_their_own_name(estate: Estate) -> None:
    role = estate.create_role(allow("s3:GetObject", "arn:aws:s3:::none/models/*"))
    enforce.check(role, "s3:GetObject", "arn:aws:s3:::none/models/m")
    with pytest.raises(AwsError, match=r"not authorized to perform: s3:GetObject") as caught:
        enforce.check(role, "s3:GetObject", "arn:aws:s3:::none/other")
    assert caught.value.status == 403
    topic = estate.operator("sns").create_topic(Name="alarms")["TopicArn"]
    source = {"aws:SourceArn": "arn:aws:cloudwatch:eu-west-1:111111111111:alarm:a", "aws:SourceAccount": "111111111111"}
    only = allow("sns:Publish", topic, StringEquals={"aws:SourceAccount": "111111111111"})
    statement = to({"Service": "cloudwatch.amazonaws.com"}, only)
    estate.operator("sns").set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=document(statement)
    )
    enforce.check("cloudwatch.amazonaws.com", "sns:Publish", topic, source)
    for who, keys in (("events.amazonaws.com", source), ("cloudwatch.amazonaws.com", {"aws:SourceAccount": "2"})):
        with pytest.raises(AwsError):
            enforce.check(who, "sns:Publish", topic, keys)


def test_changes_can_take_a_while(estate: Estate) -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
    role = estate.role(allow("sns:ListTopics"))
    time = clock.shared()
    speed = time.speed
    try:
        time.set_speed(0.001)
        changes.delay_by(lambda arn: 10.0 if arn == role.arn else 0.0)
        client = role.client("sns")
        client.list_topics()
        estate.operator("iam").delete_role_policy(RoleName=role.name, PolicyName="given")
        client.list_topics()
        time.set_speed(1000)
        for _ in range(100):
            try:
                client.list_topics()
            except ClientError:
                break
        denied(client.list_topics)
    finally:
        changes.delay_by(None)
        time.set_speed(speed)
