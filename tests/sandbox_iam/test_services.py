"""For each service: a role that may do one thing to one resource does that and no more; and AWS's words for no."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from tests.sandbox_iam.conftest import Estate, allow
from tests.sandbox_iam.helpers import denied, passes_iam, refused

DEV = "eu-west-1:111111111111"
# service, operation, parameters, action, ARN, code and status of a denial
CASES = [
    (
        "sagemaker",
        "describe_endpoint",
        {"EndpointName": "Mine"},
        "sagemaker:DescribeEndpoint",
        f"sagemaker:{DEV}:endpoint/mine",
    ),
    ("sagemaker", "delete_model", {"ModelName": "mine"}, "sagemaker:DeleteModel", f"sagemaker:{DEV}:model/mine"),
    (
        "sagemaker",
        "describe_training_job",
        {"TrainingJobName": "j"},
        "sagemaker:DescribeTrainingJob",
        f"sagemaker:{DEV}:training-job/j",
    ),
    (
        "sagemaker",
        "list_tags",
        {"ResourceArn": f"arn:aws:sagemaker:{DEV}:endpoint/e"},
        "sagemaker:ListTags",
        f"sagemaker:{DEV}:endpoint/e",
    ),
    (
        "sagemaker",
        "list_model_packages",
        {"ModelPackageGroupName": "g"},
        "sagemaker:ListModelPackages",
        f"sagemaker:{DEV}:model-package-group/g",
    ),
    (
        "sagemaker-runtime",
        "invoke_endpoint",
        {"EndpointName": "E", "Body": b""},
        "sagemaker:InvokeEndpoint",
        f"sagemaker:{DEV}:endpoint/e",
    ),
    ("ecr", "describe_images", {"repositoryName": "a/b"}, "ecr:DescribeImages", f"ecr:{DEV}:repository/a/b"),
    (
        "ecr",
        "describe_repositories",
        {"repositoryNames": ["a/b"]},
        "ecr:DescribeRepositories",
        f"ecr:{DEV}:repository/a/b",
    ),
    ("lambda", "get_function", {"FunctionName": "f"}, "lambda:GetFunction", f"lambda:{DEV}:function:f"),
    (
        "lambda",
        "invoke",
        {"FunctionName": "f", "Qualifier": "live"},
        "lambda:InvokeFunction",
        f"lambda:{DEV}:function:f:live",
    ),
    (
        "lambda",
        "invoke",
        {"FunctionName": f"arn:aws:lambda:{DEV}:function:f"},
        "lambda:InvokeFunction",
        f"lambda:{DEV}:function:f",
    ),
    ("lambda", "get_alias", {"FunctionName": "f", "Name": "live"}, "lambda:GetAlias", f"lambda:{DEV}:function:f"),
    ("cloudwatch", "describe_alarms", {"AlarmNames": ["a"]}, "cloudwatch:DescribeAlarms", f"cloudwatch:{DEV}:alarm:a"),
    (
        "cloudwatch",
        "put_composite_alarm",
        {"AlarmName": "a", "AlarmRule": "TRUE"},
        "cloudwatch:PutCompositeAlarm",
        f"cloudwatch:{DEV}:alarm:*",
    ),
    ("cloudwatch", "delete_alarms", {"AlarmNames": ["a"]}, "cloudwatch:DeleteAlarms", f"cloudwatch:{DEV}:alarm:a"),
    (
        "cloudwatch",
        "get_dashboard",
        {"DashboardName": "d"},
        "cloudwatch:GetDashboard",
        "cloudwatch::111111111111:dashboard/d",
    ),
    (
        "logs",
        "put_retention_policy",
        {"logGroupName": "/g", "retentionInDays": 7},
        "logs:PutRetentionPolicy",
        f"logs:{DEV}:log-group:/g:*",
    ),
    (
        "logs",
        "get_log_events",
        {"logGroupName": "/g", "logStreamName": "s"},
        "logs:GetLogEvents",
        f"logs:{DEV}:log-group:/g:log-stream:s",
    ),
    ("sns", "publish", {"TopicArn": f"arn:aws:sns:{DEV}:t", "Message": "m"}, "sns:Publish", f"sns:{DEV}:t"),
    ("sns", "create_topic", {"Name": "new"}, "sns:CreateTopic", f"sns:{DEV}:new"),
    (
        "sqs",
        "send_message",
        {"QueueUrl": "http://h/111111111111/q", "MessageBody": "m"},
        "sqs:SendMessage",
        f"sqs:{DEV}:q",
    ),
    ("sqs", "get_queue_url", {"QueueName": "q"}, "sqs:GetQueueUrl", f"sqs:{DEV}:q"),
    (
        "events",
        "put_rule",
        {"Name": "r", "EventPattern": '{"source": ["a"]}'},
        "events:PutRule",
        f"events:{DEV}:rule/r",
    ),
    ("events", "describe_rule", {"Name": "r", "EventBusName": "b"}, "events:DescribeRule", f"events:{DEV}:rule/b/r"),
    (
        "events",
        "put_events",
        {"Entries": [{"Source": "a", "DetailType": "d", "Detail": "{}"}]},
        "events:PutEvents",
        f"events:{DEV}:event-bus/default",
    ),
    ("scheduler", "get_schedule", {"Name": "s"}, "scheduler:GetSchedule", f"scheduler:{DEV}:schedule/default/s"),
    ("dynamodb", "describe_table", {"TableName": "t"}, "dynamodb:DescribeTable", f"dynamodb:{DEV}:table/t"),
    ("dynamodb", "scan", {"TableName": "t", "IndexName": "idx"}, "dynamodb:Scan", f"dynamodb:{DEV}:table/t/index/idx"),
    ("ssm", "get_parameter", {"Name": "/a/b"}, "ssm:GetParameter", f"ssm:{DEV}:parameter/a/b"),
    ("ssm", "get_parameter", {"Name": "plain"}, "ssm:GetParameter", f"ssm:{DEV}:parameter/plain"),
    ("iam", "get_role", {"RoleName": "operator"}, "iam:GetRole", "iam::111111111111:role/operator"),
    (
        "iam",
        "get_policy",
        {"PolicyArn": "arn:aws:iam::111111111111:policy/p"},
        "iam:GetPolicy",
        "iam::111111111111:policy/p",
    ),
    ("s3", "list_objects_v2", {"Bucket": "services-bucket"}, "s3:ListBucket", "s3:::services-bucket"),
    (
        "s3",
        "get_bucket_lifecycle_configuration",
        {"Bucket": "services-bucket"},
        "s3:GetLifecycleConfiguration",
        "s3:::services-bucket",
    ),
]
CODES = {
    "cloudwatch": ("AccessDenied", 403),
    "iam": ("AccessDenied", 403),
    "lambda": ("AccessDeniedException", 403),
    "s3": ("AccessDenied", 403),
    "sagemaker-runtime": ("AccessDeniedException", 403),
    "scheduler": ("AccessDeniedException", 403),
    "sns": ("AuthorizationError", 403),
    "sqs": ("AccessDenied", 403),
}


@pytest.fixture(scope="module", autouse=True)
def services_bucket(estate: Estate) -> None:
    estate.bucket("services-bucket")


@pytest.mark.parametrize(("service", "operation", "arguments", "action", "resource"), CASES)
def test_one_action_on_one_resource(
    estate: Estate, service: str, operation: str, arguments: dict[str, Any], action: str, resource: str
) -> None:
    arn = f"arn:aws:{resource}"
    may = estate.role(allow(action, arn))
    passes_iam(getattr(may.client(service), operation), **arguments)
    elsewhere = estate.role(allow(action, f"{arn}-other"), allow("sts:*"))
    found = denied(getattr(elsewhere.client(service), operation), **arguments)
    assert (found.code, found.status) == CODES.get(service, ("AccessDeniedException", 400))
    who = f"arn:aws:sts::111111111111:assumed-role/{elsewhere.name}/test"
    shown = f'"{arn}"' if service == "s3" else arn
    assert found.message == (
        f"User: {who} is not authorized to perform: {action} on resource: {shown} because no identity-based policy "
        f"allows the {action} action"
    )


@pytest.mark.parametrize(
    ("service", "operation", "action"),
    [
        ("sagemaker", "list_endpoints", "sagemaker:ListEndpoints"),
        ("ecr", "get_authorization_token", "ecr:GetAuthorizationToken"),
        ("application-autoscaling", "describe_scalable_targets", "application-autoscaling:DescribeScalableTargets"),
        ("s3", "list_buckets", "s3:ListAllMyBuckets"),
        ("kms", "list_aliases", "kms:ListAliases"),
        ("logs", "describe_log_groups", "logs:DescribeLogGroups"),
    ],
)
def test_actions_without_a_resource_need_a_star(estate: Estate, service: str, operation: str, action: str) -> None:
    arguments = {"ServiceNamespace": "sagemaker"} if service == "application-autoscaling" else {}
    passes_iam(getattr(estate.role(allow(action)).client(service), operation), **arguments)
    prefix = action.partition(":")[0]
    where = "arn:aws:s3:::thing/*" if prefix == "s3" else f"arn:aws:{prefix}:*:111111111111:thing/*"
    narrow = estate.role(allow(action, where))
    denied(getattr(narrow.client(service), operation), **arguments)


def test_asking_who_one_is_needs_no_permission(estate: Estate) -> None:
    # https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html: not even a deny counts
    nobody = estate.role({**allow("*"), "Effect": "Deny"})
    assert nobody.client("sts").get_caller_identity()["Arn"].endswith(f"{nobody.name}/test")


def test_two_resources_are_both_checked(estate: Estate) -> None:
    endpoint, config = f"arn:aws:sagemaker:{DEV}:endpoint/e", f"arn:aws:sagemaker:{DEV}:endpoint-config/c"
    update = {"EndpointName": "e", "EndpointConfigName": "c"}
    for given in (endpoint, config):
        denied(estate.role(allow("sagemaker:UpdateEndpoint", given)).client("sagemaker").update_endpoint, **update)
    both = estate.role(allow("sagemaker:UpdateEndpoint", [endpoint, config]))
    passes_iam(both.client("sagemaker").update_endpoint, **update)


def test_tags_on_creation_need_their_own_permission(estate: Estate) -> None:
    tags = [{"Key": "owner", "Value": "me"}]
    only = estate.role(allow("sns:CreateTopic")).client("sns")
    only.create_topic(Name="untagged")
    assert "sns:TagResource" in denied(only.create_topic, Name="tagged", Tags=tags).message
    mine = estate.role(allow("sns:*", StringEquals={"aws:RequestTag/owner": "me"})).client("sns")
    mine.create_topic(Name="tagged", Tags=tags)
    denied(mine.create_topic, Name="foreign", Tags=[{"Key": "owner", "Value": "you"}])


def test_tags_of_resources_and_principals(estate: Estate) -> None:
    arn = estate.operator("sns").create_topic(Name="reds", Tags=[{"Key": "team", "Value": "red"}])["TopicArn"]
    same = allow("sns:GetTopicAttributes", StringEquals={"aws:ResourceTag/team": "${aws:PrincipalTag/team}"})
    red = estate.role(same, Tags=[{"Key": "team", "Value": "red"}])
    blue = estate.role(same, Tags=[{"Key": "team", "Value": "blue"}])
    red.client("sns").get_topic_attributes(TopicArn=arn)
    denied(blue.client("sns").get_topic_attributes, TopicArn=arn)


def test_batches_check_each_table(estate: Estate) -> None:
    one = f"arn:aws:dynamodb:{DEV}:table/one"
    some = estate.role(allow("dynamodb:BatchGetItem", one)).client("dynamodb")
    keys = {"Keys": [{"id": {"S": "a"}}]}
    passes_iam(some.batch_get_item, RequestItems={"one": keys})
    assert "table/two" in denied(some.batch_get_item, RequestItems={"one": keys, "two": keys}).message


def test_items_by_their_leading_key(estate: Estate) -> None:
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
    estate.operator("dynamodb").create_table(
        TableName="led",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    own = estate.role(allow("dynamodb:*", **{"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["mine"]}})).client(
        "dynamodb"
    )
    own.put_item(TableName="led", Item={"id": {"S": "mine"}})
    denied(own.put_item, TableName="led", Item={"id": {"S": "yours"}})
    query = {"TableName": "led", "KeyConditionExpression": "#k = :v", "ExpressionAttributeNames": {"#k": "id"}}
    assert own.query(**query, ExpressionAttributeValues={":v": {"S": "mine"}})["Count"] == 1
    denied(own.query, **query, ExpressionAttributeValues={":v": {"S": "yours"}})


STRANGERS = {
    ("s3", "get_object"): ({"Bucket": "b", "Key": "k"}, "AccessDenied", 403),
    ("iam", "list_roles"): ({}, "MissingAuthenticationToken", 403),
    ("kms", "list_keys"): ({}, "MissingAuthenticationTokenException", 400),
    ("lambda", "invoke"): ({"FunctionName": "f"}, "MissingAuthenticationTokenException", 403),
    ("sagemaker-runtime", "invoke_endpoint"): (
        {"EndpointName": "e", "Body": b""},
        "MissingAuthenticationTokenException",
        403,
    ),
}


@pytest.mark.parametrize(("service", "operation"), STRANGERS)
def test_strangers_are_refused_in_each_services_words(estate: Estate, service: str, operation: str) -> None:
    parameters, code, status = STRANGERS[service, operation]
    url = estate.operator(service).meta.endpoint_url
    client: Any = boto3.client(
        service, region_name="eu-west-1", endpoint_url=url, config=Config(signature_version=UNSIGNED)
    )
    found = refused(getattr(client, operation), **parameters)
    assert (found.code, found.status) == (code, status)
