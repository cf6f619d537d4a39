"""Topics: filters, delivery in the name of the topic, mails that wait for a confirmation.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-filtering.html
"""

from __future__ import annotations

import base64
import json
import re
import urllib.request
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.events import mail
from sandbox.server import Server

from .conftest import DEV, QA, REGION, Account, may, until

TELL = """
import json, os, boto3
def handle(event, context):
    boto3.client("sqs").send_message(QueueUrl=os.environ["URL"], MessageBody=json.dumps(event["Records"][0]))
"""


def topic(account: Account, name: str, **attributes: str) -> str:
    return str(account("sns").create_topic(Name=name, Attributes=attributes)["TopicArn"])


def subscribe(account: Account, arn: str, protocol: str, endpoint: str, **attributes: Any) -> str:
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in attributes.items()}
    answer = account("sns").subscribe(
        TopicArn=arn, Protocol=protocol, Endpoint=endpoint, Attributes=texts, ReturnSubscriptionArn=True
    )
    return str(answer["SubscriptionArn"])


def attribute(value: Any) -> dict[str, str]:
    if isinstance(value, list):
        return {"DataType": "String.Array", "StringValue": json.dumps(value)}
    return {"DataType": "String" if isinstance(value, str) else "Number", "StringValue": str(value)}


def publish(account: Account, arn: str, message: str, **attributes: Any) -> None:
    made = {name: attribute(value) for name, value in attributes.items()}
    account("sns").publish(TopicArn=arn, Message=message, MessageAttributes=made)


def test_the_envelope_and_its_signature(dev: Account, server: Server) -> None:
    # https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
    url, queue = dev.queue("enveloped", "sns")
    arn = topic(dev, "enveloped")
    subscribe(dev, arn, "sqs", queue)
    dev("sns").publish(TopicArn=arn, Message="hello", Subject="hi")
    (seen,) = dev.bodies(url)
    assert (seen["Type"], seen["TopicArn"], seen["Message"], seen["Subject"]) == ("Notification", arn, "hello", "hi")
    names = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
    signed = "".join(f"{name}\n{seen[name]}\n" for name in names).encode()
    with urllib.request.urlopen(seen["SigningCertURL"], timeout=5) as answer:  # noqa: S310
        key = x509.load_pem_x509_certificate(answer.read()).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(base64.b64decode(seen["Signature"]), signed, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303


def test_filters_on_attributes(dev: Account) -> None:
    url, queue = dev.queue("filtered", "sns")
    arn = topic(dev, "filtered")
    policy = {
        "kind": [{"prefix": "bo"}, {"anything-but": {"suffix": "y"}}],
        "price": [{"numeric": [">=", 10, "<", 20]}],
        "tags": ["red"],
    }
    subscribe(dev, arn, "sqs", queue, FilterPolicy=policy, RawMessageDelivery="true")
    publish(dev, arn, "no tag", kind="book", price=10)
    publish(dev, arn, "dear", kind="book", price=20, tags=["red"])
    publish(dev, arn, "toy", kind="toy", price=10, tags=["red"])
    publish(dev, arn, "good", kind="book", price=10, tags=["blue", "red"])
    (seen,) = dev.take(url)
    assert seen["Body"] == "good"
    assert seen["MessageAttributes"]["price"] == {"StringValue": "10", "DataType": "Number"}
    assert dev.nothing(url)


def test_filters_on_the_body(dev: Account) -> None:
    url, queue = dev.queue("bodied", "sns")
    arn = topic(dev, "bodied")
    policy = {"$or": [{"detail": {"state": ["failed"]}}, {"code": [{"exists": True}]}]}
    subscribe(dev, arn, "sqs", queue, FilterPolicyScope="MessageBody", FilterPolicy=policy, RawMessageDelivery="true")
    for body in ('{"detail": {"state": "done"}}', "no json", '{"detail": {"state": "failed"}}'):
        publish(dev, arn, body)
    assert dev.bodies(url) == [{"detail": {"state": "failed"}}]
    assert dev.nothing(url)


@pytest.mark.parametrize(
    "policy",
    [
        {"a": "text"},
        {"a": []},
        {"a": {"b": ["nested"]}},
        {"a": [{"numeric": [">", "x"]}]},
        {name: ["x"] for name in "abcdef"},
        {name: [str(number) for number in range(6)] for name in "abc"},
    ],
)
def test_filters_that_sns_refuses(dev: Account, policy: dict[str, Any]) -> None:
    # https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
    _, queue = dev.queue("refused", "sns")
    with pytest.raises(dev("sns").exceptions.InvalidParameterException):
        subscribe(dev, topic(dev, "refused"), "sqs", queue, FilterPolicy=policy)


def test_a_closed_queue_gets_nothing_and_the_dead_letter_queue_does(dev: Account, qa: Account) -> None:
    # https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
    url, closed = dev.queue("closed")
    dead_url, dead = dev.queue("closed-dead", "sns")
    arn = topic(dev, "closed")
    subscribe(dev, arn, "sqs", closed, RedrivePolicy={"deadLetterTargetArn": dead}, RawMessageDelivery="true")
    publish(dev, arn, '"lost"')
    assert dev.bodies(dead_url) == ["lost"]
    assert dev.nothing(url)


def test_a_function_gets_the_event_if_its_policy_says_so(dev: Account) -> None:
    # https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
    url, _ = dev.queue("called")
    dead_url, dead = dev.queue("called-dead", "sns")
    arn = topic(dev, "called")
    role = dev.role("called-role", "lambda", may("sqs:SendMessage"))
    function = dev.function("called", TELL, role, Environment={"Variables": {"URL": url}})
    subscription = subscribe(dev, arn, "lambda", function, RedrivePolicy={"deadLetterTargetArn": dead})
    publish(dev, arn, "too early")
    (refused,) = dev.bodies(dead_url)
    assert refused["Message"] == "too early"
    dev("lambda").add_permission(
        FunctionName="called",
        StatementId="sns",
        Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com",
        SourceArn=arn,
    )
    publish(dev, arn, "now", kind="x")
    (seen,) = dev.bodies(url)
    assert (seen["EventSource"], seen["EventSubscriptionArn"]) == ("aws:sns", subscription)
    assert seen["Sns"]["Message"] == "now"
    assert seen["Sns"]["MessageAttributes"] == {"kind": {"Type": "String", "Value": "x"}}


def test_a_mail_waits_for_its_confirmation(dev: Account, server: Server) -> None:
    # https://docs.aws.amazon.com/sns/latest/dg/sns-email-notifications.html
    folder = server.application.settings.home / "outbox"
    arn, sns = topic(dev, "mailed"), dev("sns")
    answer = sns.subscribe(TopicArn=arn, Protocol="email", Endpoint="ann@example.org")
    assert answer["SubscriptionArn"] == "pending confirmation"
    publish(dev, arn, "too early")
    (asked,) = until(lambda: [one for one in mail.read(folder) if one["to"] == "ann@example.org"])
    assert asked["subject"] == "AWS Notification - Subscription Confirmation"
    (listed,) = sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
    assert listed["SubscriptionArn"] == "PendingConfirmation"
    link = re.search(r"http://\S+", asked["body"])
    assert link is not None
    with urllib.request.urlopen(link[0], timeout=5) as page:  # noqa: S310
        assert b"Subscription confirmed" in page.read()
    (listed,) = sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
    assert listed["SubscriptionArn"].startswith(f"{arn}:")
    sns.publish(TopicArn=arn, Message="the job failed", Subject="Job")
    newest = until(lambda: mail.read(folder)[0], lambda one: one["subject"] == "Job")
    assert newest["body"].startswith("the job failed\n")
    assert newest["account"] == DEV
    assert not any("too early" in one["body"] for one in mail.read(folder))
    with pytest.raises(sns.exceptions.InvalidParameterException):
        sns.confirm_subscription(TopicArn=arn, Token="0" * 64)


def test_a_queue_of_another_account(dev: Account, qa: Account) -> None:
    # https://docs.aws.amazon.com/sns/latest/dg/sns-send-message-to-sqs-cross-account.html
    url, queue = qa.queue("abroad", "sns")
    arn = topic(dev, "abroad")
    permit = {"Effect": "Allow", "Principal": {"AWS": QA}, "Action": "sns:Subscribe", "Resource": arn}
    dev("sns").set_topic_attributes(
        TopicArn=arn,
        AttributeName="Policy",
        AttributeValue=json.dumps({"Version": "2012-10-17", "Statement": [permit]}),
    )
    subscribe(qa, arn, "sqs", queue, RawMessageDelivery="true")
    publish(dev, arn, '"over there"')
    assert qa.bodies(url) == ["over there"]


def test_an_encrypted_topic_needs_the_key(dev: Account) -> None:
    # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
    kms, events = dev("kms"), dev("events")
    own = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{DEV}:root"}, "Action": "kms:*", "Resource": "*"}
    key = kms.create_key(Policy=json.dumps({"Version": "2012-10-17", "Statement": [own]}))["KeyMetadata"]["KeyId"]
    url, queue = dev.queue("secret", "sns")
    dead_url, dead = dev.queue("secret-dead", "events")
    arn = topic(dev, "secret", KmsMasterKeyId=key)
    subscribe(dev, arn, "sqs", queue, RawMessageDelivery="true")
    permit = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Resource": arn,
        "Action": "sns:Publish",
    }
    dev("sns").set_topic_attributes(
        TopicArn=arn,
        AttributeName="Policy",
        AttributeValue=json.dumps({"Version": "2012-10-17", "Statement": [permit]}),
    )
    events.put_rule(Name="secret", EventPattern='{"source": ["secret"]}')
    target = {"Id": "1", "Arn": arn, "InputPath": "$.detail", "DeadLetterConfig": {"Arn": dead}}
    events.put_targets(Rule="secret", Targets=[target])
    entry = {"Source": "secret", "DetailType": "x", "Detail": '{"n": 1}'}
    events.put_events(Entries=[entry])
    (letter,) = dev.take(dead_url)
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    service = {
        **own,
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": ["kms:GenerateDataKey*", "kms:Decrypt"],
    }
    kms.put_key_policy(
        KeyId=key, PolicyName="default", Policy=json.dumps({"Version": "2012-10-17", "Statement": [own, service]})
    )
    events.put_events(Entries=[entry])
    assert dev.bodies(url) == [{"n": 1}]
    assert REGION in arn
