"""Functions, versions, policies, provisioned concurrency and URLs, as AWS describes them.

https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, REGION, World, until
from .test_functions import ARN, create

CALLER = "arn:aws:iam::444444444444:role/search-application"


def code_of(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return str(caught.value.response["Error"]["Code"])


@pytest.fixture
def client(world: World) -> Any:
    """A function with version 1 and the alias `live`."""
    made = create(world, "def handle(event, context): return event", Publish=True)
    made.create_alias(FunctionName="shop", Name="live", FunctionVersion="1", Description="for callers")
    return made


def test_settings_that_moto_drops(client: Any) -> None:
    dead = {"TargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead"}
    client.update_function_configuration(
        FunctionName="shop",
        DeadLetterConfig=dead,
        LoggingConfig={"LogFormat": "JSON", "LogGroup": "/mine"},
        EphemeralStorage={"Size": 1024},
        TracingConfig={"Mode": "Active"},
        Environment={"Variables": {"A": "1"}},
    )
    seen = client.get_function_configuration(FunctionName="shop")
    assert seen["DeadLetterConfig"] == dead
    assert seen["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": "/mine"}
    assert seen["EphemeralStorage"] == {"Size": 1024}
    assert seen["TracingConfig"] == {"Mode": "Active"}
    client.update_function_configuration(FunctionName="shop", DeadLetterConfig={"TargetArn": ""}, Environment={})
    seen = client.get_function_configuration(FunctionName="shop")
    assert not {"DeadLetterConfig", "Environment", "KMSKeyArn", "VpcConfig"} & set(seen)


def test_a_version_keeps_its_settings(client: Any) -> None:
    client.update_function_configuration(FunctionName="shop", MemorySize=512, Environment={"Variables": {"A": "1"}})
    assert client.get_function_configuration(FunctionName="shop", Qualifier="1")["MemorySize"] == 256
    assert "Environment" not in client.get_function_configuration(FunctionName="shop", Qualifier="live")


def test_publishing_twice_makes_one_version(client: Any) -> None:
    assert client.publish_version(FunctionName="shop")["Version"] == "1"
    client.update_function_configuration(FunctionName="shop", Timeout=9)
    assert client.publish_version(FunctionName="shop")["Version"] == "2"
    assert client.publish_version(FunctionName="shop")["Version"] == "2"
    client.delete_function(FunctionName="shop", Qualifier="2")
    client.update_function_configuration(FunctionName="shop", Timeout=10)
    assert client.publish_version(FunctionName="shop")["Version"] == "3"


def test_aliases(client: Any) -> None:
    client.update_function_configuration(FunctionName="shop", Timeout=9)
    client.publish_version(FunctionName="shop")
    before = client.get_alias(FunctionName="shop", Name="live")
    after = client.update_alias(FunctionName="shop", Name="live", FunctionVersion="2")
    assert (after["FunctionVersion"], after["Description"]) == ("2", "for callers")
    assert after["RevisionId"] != before["RevisionId"]
    assert after["ResponseMetadata"]["HTTPStatusCode"] == 200
    with pytest.raises(ClientError) as caught:
        client.update_alias(FunctionName="shop", Name="live", FunctionVersion="9")
    assert code_of(caught) == "ResourceNotFoundException"
    client.delete_alias(FunctionName="shop", Name="live")
    with pytest.raises(ClientError) as caught:
        client.get_alias(FunctionName="shop", Name="live")
    assert code_of(caught) == "ResourceNotFoundException"


def test_policies_belong_to_a_qualifier(client: Any) -> None:
    permission = {"FunctionName": "shop", "StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": CALLER}
    client.add_permission(**permission, Qualifier="live")
    with pytest.raises(ClientError) as caught:
        client.get_policy(FunctionName="shop")
    assert code_of(caught) == "ResourceNotFoundException"
    (statement,) = json.loads(client.get_policy(FunctionName="shop", Qualifier="live")["Policy"])["Statement"]
    assert statement == {
        "Sid": "s",
        "Effect": "Allow",
        "Principal": {"AWS": CALLER},
        "Action": "lambda:InvokeFunction",
        "Resource": f"{ARN}:live",
    }
    with pytest.raises(ClientError) as caught:
        client.add_permission(**permission, Qualifier="live")
    assert code_of(caught) == "ResourceConflictException"
    client.add_permission(**permission)
    client.remove_permission(FunctionName="shop", StatementId="s", Qualifier="live")
    with pytest.raises(ClientError):
        client.remove_permission(FunctionName="shop", StatementId="s", Qualifier="live")
    assert json.loads(client.get_policy(FunctionName="shop")["Policy"])["Statement"][0]["Resource"] == ARN


def test_conditions_of_a_permission(client: Any) -> None:
    client.add_permission(
        FunctionName="shop",
        StatementId="url",
        Action="lambda:InvokeFunctionUrl",
        Principal="444444444444",
        FunctionUrlAuthType="AWS_IAM",
        SourceArn="arn:aws:events:eu-west-1:1:rule/r",
        SourceAccount="111111111111",
    )
    (statement,) = json.loads(client.get_policy(FunctionName="shop")["Policy"])["Statement"]
    assert statement["Principal"] == {"AWS": "arn:aws:iam::444444444444:root"}
    assert statement["Condition"] == {
        "ArnLike": {"AWS:SourceArn": "arn:aws:events:eu-west-1:1:rule/r"},
        "StringEquals": {"AWS:SourceAccount": "111111111111", "lambda:FunctionUrlAuthType": "AWS_IAM"},
    }


def test_provisioned_concurrency(client: Any) -> None:
    where = {"FunctionName": "shop", "Qualifier": "live"}
    with pytest.raises(ClientError) as caught:
        client.get_provisioned_concurrency_config(**where)
    assert code_of(caught) == "ProvisionedConcurrencyConfigNotFoundException"
    made = client.put_provisioned_concurrency_config(**where, ProvisionedConcurrentExecutions=2)
    assert (made["Status"], made["AllocatedProvisionedConcurrentExecutions"]) == ("IN_PROGRESS", 0)
    ready = until(lambda: client.get_provisioned_concurrency_config(**where), lambda one: one["Status"] == "READY")
    assert ready["AvailableProvisionedConcurrentExecutions"] == 2
    client.delete_provisioned_concurrency_config(**where)
    with pytest.raises(ClientError):
        client.get_provisioned_concurrency_config(**where)
    for qualifier, code in (("$LATEST", "InvalidParameterValueException"), ("nothing", "ResourceNotFoundException")):
        with pytest.raises(ClientError) as caught:
            client.put_provisioned_concurrency_config(
                FunctionName="shop", Qualifier=qualifier, ProvisionedConcurrentExecutions=1
            )
        assert code_of(caught) == code


def test_function_urls(client: Any) -> None:
    made = client.create_function_url_config(FunctionName="shop", Qualifier="live", AuthType="AWS_IAM")
    assert made["FunctionArn"] == f"{ARN}:live"
    assert made["FunctionUrl"].startswith("https://")
    assert made["FunctionUrl"].endswith(f".lambda-url.{REGION}.on.aws/")
    with pytest.raises(ClientError) as caught:
        client.create_function_url_config(FunctionName="shop", Qualifier="live", AuthType="NONE")
    assert code_of(caught) == "ResourceConflictException"
    with pytest.raises(ClientError) as caught:
        client.get_function_url_config(FunctionName="shop")
    assert code_of(caught) == "ResourceNotFoundException"
    seen = client.update_function_url_config(FunctionName="shop", Qualifier="live", InvokeMode="RESPONSE_STREAM")
    assert (seen["AuthType"], seen["InvokeMode"]) == ("AWS_IAM", "RESPONSE_STREAM")
    assert client.list_function_url_configs(FunctionName="shop")["FunctionUrlConfigs"][0]["FunctionUrl"]
    client.delete_function_url_config(FunctionName="shop", Qualifier="live")
    with pytest.raises(ClientError):
        client.get_function_url_config(FunctionName="shop", Qualifier="live")
