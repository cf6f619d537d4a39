"""A policy that IAM cannot read is refused where it is written, in the service's words."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.sandbox_iam.conftest import Estate, allow, document, to
from tests.sandbox_iam.helpers import refused


def test_policies_of_identities(estate: Estate) -> None:
    iam, name = estate.operator("iam"), estate.create_role().rpartition("/")[2]
    wrong = [
        "{",
        "[]",
        document({**allow("s3:*"), "Efect": "Deny"}),
        document(allow("s3:*", StringEquivalent={"aws:username": "a"})),
        document(to("*", allow("s3:*"))),
    ]
    for text in wrong:
        found = refused(iam.put_role_policy, RoleName=name, PolicyName="p", PolicyDocument=text)
        assert (found.code, found.status) == ("MalformedPolicyDocument", 400), text
    trust = document(allow("sts:AssumeRole"))
    found = refused(iam.create_role, RoleName="trusts-nobody", AssumeRolePolicyDocument=trust)
    assert found.code == "MalformedPolicyDocument"


def test_policies_of_resources(estate: Estate, make_bucket: Callable[..., str]) -> None:
    bucket = make_bucket()
    nobody = document(allow("s3:*", f"arn:aws:s3:::{bucket}"))
    s3, sns, sqs, kms = (estate.operator(service) for service in ("s3", "sns", "sqs", "kms"))
    assert refused(s3.put_bucket_policy, Bucket=bucket, Policy=nobody).code == "MalformedPolicy"
    assert refused(s3.put_bucket_policy, Bucket=bucket, Policy="{}").code == "MalformedPolicy"
    topic = sns.create_topic(Name="written")["TopicArn"]
    policy = {"TopicArn": topic, "AttributeName": "Policy", "AttributeValue": nobody}
    assert refused(sns.set_topic_attributes, **policy).code == "InvalidParameter"
    sns.set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue="{")
    assert refused(sns.create_topic, Name="w", Attributes={"Policy": nobody}).code == "InvalidParameter"
    assert refused(sqs.create_queue, QueueName="w", Attributes={"Policy": nobody}).code.endswith(
        "InvalidAttributeValue"
    )
    assert refused(kms.create_key, Policy=nobody).code == "MalformedPolicyDocumentException"
    ecr = estate.operator("ecr")
    ecr.create_repository(repositoryName="written")
    pull = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}]}
    )
    ecr.set_repository_policy(repositoryName="written", policyText=pull)  # it names no resource
    refused(ecr.set_repository_policy, repositoryName="written", policyText="{")
