"""Rules: what is put on a bus reaches the targets of the rules that match.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox import board, faults
from sandbox.errors import AwsError
from sandbox.events import bus, queues, sagemaker

from .conftest import DEV, REGION, Account, may, until

TELL = """
import json, os, boto3
def handle(event, context):
    boto3.client("sqs").send_message(QueueUrl=os.environ["URL"], MessageBody=json.dumps(event))
"""


def put(account: Account, detail: dict[str, Any], **more: Any) -> dict[str, Any]:
    entry = {"Source": "shop", "DetailType": "Order", "Detail": json.dumps(detail), **more}
    answer = account("events").put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0, answer
    return dict(answer["Entries"][0])


def rule(account: Account, name: str, pattern: dict[str, Any], *targets: dict[str, Any], bus: str = "default") -> str:
    events = account("events")
    arn = events.put_rule(Name=name, EventPattern=json.dumps(pattern), EventBusName=bus)["RuleArn"]
    listed = [{"Id": str(number), **target} for number, target in enumerate(targets)]
    assert events.put_targets(Rule=name, EventBusName=bus, Targets=listed)["FailedEntryCount"] == 0
    return str(arn)


def test_an_event_reaches_a_queue_as_it_is(dev: Account) -> None:
    url, arn = dev.queue("orders", "events")
    rule(dev, "orders", {"source": ["shop"], "detail": {"kind": ["book"]}}, {"Arn": arn})
    made = put(dev, {"kind": "book", "n": 1}, Resources=["a"])
    (event,) = dev.bodies(url)
    assert event == {
        "version": "0",
        "id": made["EventId"],
        "detail-type": "Order",
        "source": "shop",
        "account": DEV,
        "time": event["time"],
        "region": REGION,
        "resources": ["a"],
        "detail": {"kind": "book", "n": 1},
    }
    put(dev, {"kind": "toy"})
    assert dev.nothing(url)


def test_a_rule_reaches_a_function_if_its_policy_names_the_rule(dev: Account) -> None:
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-lambda-permissions
    url, _ = dev.queue("invoked")
    dead_url, dead = dev.queue("invoked-dead", "events")
    role = dev.role("invoked-role", "lambda", may("sqs:SendMessage"))
    function = dev.function("invoked", TELL, role, Environment={"Variables": {"URL": url}})
    arn = rule(dev, "invoked", {"source": ["invoked"]}, {"Arn": function, "DeadLetterConfig": {"Arn": dead}})
    put(dev, {"n": 1}, Source="invoked")
    (letter,) = dev.take(dead_url)
    said = {name: one["StringValue"] for name, one in letter["MessageAttributes"].items()}
    assert "lambda:InvokeFunction" in said.pop("ERROR_MESSAGE")
    assert said == {
        "RULE_ARN": arn,
        "TARGET_ARN": function,
        "ERROR_CODE": "NO_PERMISSIONS",
        "RETRY_ATTEMPTS": "0",
    }
    assert json.loads(letter["Body"])["detail"] == {"n": 1}
    permit = {"Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com", "FunctionName": "invoked"}
    dev("lambda").add_permission(StatementId="other", SourceArn=f"{arn}-other", **permit)
    put(dev, {"n": 2}, Source="invoked")
    assert len(dev.take(dead_url)) == 1
    dev("lambda").add_permission(StatementId="rule", SourceArn=arn, **permit)
    put(dev, {"n": 3}, Source="invoked")
    assert dev.bodies(url)[0]["detail"] == {"n": 3}


def test_targets_get_parts_constants_and_texts(dev: Account) -> None:
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
    made = [dev.queue(f"shaped-{number}", "events") for number in range(4)]
    transformer = {
        "InputPathsMap": {"name": "$.detail.name", "list": "$.detail.list", "none": "$.detail.none"},
        "InputTemplate": '{"text": "<name> of <aws.events.rule-name>", "list": <list>, "a": <name>, "gone": "<none>"}',
    }
    rule(
        dev,
        "shaped",
        {"source": ["shaped"]},
        {"Arn": made[0][1], "Input": '{"constant": true}'},
        {"Arn": made[1][1], "InputPath": "$.detail.list"},
        {"Arn": made[2][1], "InputTransformer": transformer},
        {"Arn": made[3][1], "InputTransformer": {**transformer, "InputTemplate": '"<name>: <list>"'}},
    )
    put(dev, {"name": 'a "b"', "list": [1, {"x": "y"}]}, Source="shaped")
    assert dev.bodies(made[0][0]) == [{"constant": True}]
    assert dev.bodies(made[1][0]) == [[1, {"x": "y"}]]
    assert dev.bodies(made[2][0]) == [{"text": 'a "b" of shaped', "list": [1, {"x": "y"}], "a": 'a "b"', "gone": ""}]
    assert dev.bodies(made[3][0]) == ['a "b": [1,{"x":"y"}]']


def test_a_target_in_trouble_is_tried_until_the_policy_ends(dev: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
    _, arn = dev.queue("troubled", "events")
    dead_url, dead = dev.queue("troubled-dead", "events")
    real = queues.send

    def send(target: str, *rest: Any, **more: Any) -> str:
        if target == arn:
            raise AwsError("InternalError", "a bad day", 500)
        return real(target, *rest, **more)

    monkeypatch.setattr(queues, "send", send)
    target = {"Arn": arn, "DeadLetterConfig": {"Arn": dead}}
    rule(dev, "tried", {"source": ["tried"]}, {**target, "RetryPolicy": {"MaximumRetryAttempts": 2}})
    put(dev, {}, Source="tried")
    (letter,) = dev.take(dead_url)
    said = {name: one["StringValue"] for name, one in letter["MessageAttributes"].items()}
    assert (said["ERROR_CODE"], said["RETRY_ATTEMPTS"]) == ("ERROR_FROM_TARGET", "2")
    assert said["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"
    rule(dev, "tried", {"source": ["tried"]}, {**target, "RetryPolicy": {"MaximumEventAgeInSeconds": 60}})
    put(dev, {}, Source="tried")
    (letter,) = dev.take(dead_url)
    assert letter["MessageAttributes"]["EXHAUSTED_RETRY_CONDITION"]["StringValue"] == "MaximumEventAgeInSeconds"


def test_events_that_are_refused(dev: Account) -> None:
    # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html
    good = {"Source": "a", "DetailType": "b", "Detail": "{}"}
    entries = [good, {**good, "Source": "aws.s3"}, {**good, "Detail": "[1]"}, {**good, "Detail": "{"}]
    answer = dev("events").put_events(Entries=entries)
    assert answer["FailedEntryCount"] == 3
    assert [one.get("ErrorCode") for one in answer["Entries"]] == [
        None,
        "NotAuthorizedForSourceException",
        "MalformedDetail",
        "MalformedDetail",
    ]


def test_a_bus_of_another_account(dev: Account, qa: Account) -> None:
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html
    events = qa("events")
    arn = events.create_event_bus(Name="guests")["EventBusArn"]
    url, queue = qa.queue("guests", "events")
    rule(qa, "guests", {"account": [DEV]}, {"Arn": queue}, bus="guests")
    dead_url, dead = dev.queue("abroad-dead", "events")
    rule(dev, "abroad", {"source": ["abroad"]}, {"Arn": arn, "DeadLetterConfig": {"Arn": dead}})
    put(dev, {"n": 1}, Source="abroad")
    assert len(dev.take(dead_url)) == 1
    events.put_permission(EventBusName="guests", StatementId="dev", Action="events:PutEvents", Principal=DEV)
    put(dev, {"n": 2}, Source="abroad")
    (event,) = qa.bodies(url)
    assert (event["account"], event["detail"]) == (DEV, {"n": 2})
    put(dev, {"n": 3}, EventBusName=arn)  # and directly
    assert qa.bodies(url)[0]["detail"] == {"n": 3}


def test_a_log_group_needs_a_policy(dev: Account) -> None:
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-cloudwatchlogs-permissions
    logs = dev("logs")
    logs.create_log_group(logGroupName="/aws/events/all")
    arn = f"arn:aws:logs:{REGION}:{DEV}:log-group:/aws/events/all"
    services = {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]}
    statement = {"Effect": "Allow", "Principal": services, "Resource": f"{arn}:*"}
    policy = {
        "Version": "2012-10-17",
        "Statement": [{**statement, "Action": ["logs:CreateLogStream", "logs:PutLogEvents"]}],
    }
    dead_url, dead = dev.queue("logged-dead", "events")
    rule(dev, "logged", {"source": ["logged"]}, {"Arn": arn, "DeadLetterConfig": {"Arn": dead}})
    put(dev, {"n": 1}, Source="logged")
    assert len(dev.take(dead_url)) == 1
    logs.put_resource_policy(policyName="events", policyDocument=json.dumps(policy))
    put(dev, {"n": 2}, Source="logged")
    (seen,) = until(lambda: logs.filter_log_events(logGroupName="/aws/events/all")["events"])
    assert json.loads(seen["message"])["detail"] == {"n": 2}


def test_a_disabled_rule_sleeps(dev: Account) -> None:
    url, queue = dev.queue("asleep", "events")
    rule(dev, "asleep", {"source": ["asleep"]}, {"Arn": queue})
    dev("events").disable_rule(Name="asleep")
    put(dev, {"n": 1}, Source="asleep")
    dev("events").enable_rule(Name="asleep")
    put(dev, {"n": 2}, Source="asleep")
    assert [one["detail"] for one in dev.bodies(url)] == [{"n": 2}]
    assert dev.nothing(url)


def test_faults_double_delay_and_reorder_events(dev: Account) -> None:
    url, queue = dev.queue("faulty", "events")
    rule(dev, "faulty", {"source": ["aws.sagemaker"], "detail": {"faulty": [True]}}, {"Arn": queue})
    arn = f"arn:aws:sagemaker:{REGION}:{DEV}:training-job/x"

    def tell(number: int) -> None:
        sagemaker.changed("training-job", arn, {"faulty": True, "n": number})

    faults.registry().add([{"kind": "events.duplicate", "times": 1}])
    tell(1)
    assert [one["detail"]["n"] for one in dev.bodies(url, 2)] == [1, 1]
    faults.registry().add([{"kind": "events.reorder", "times": 1}])
    tell(2)
    assert dev.nothing(url)
    tell(3)
    assert sorted(one["detail"]["n"] for one in dev.bodies(url, 2)) == [2, 3]
    order = [one["event"]["detail"].get("n") for one in bus.recent()[:2]]
    assert order == [2, 3]  # newest first: the second overtook the first
    faults.registry().add([{"kind": "events.delay", "times": 1, "effect": {"seconds": 300}}])
    tell(4)
    tell(5)
    assert [one["detail"]["n"] for one in dev.bodies(url, 2)] == [5, 4]
    faults.registry().add([{"kind": "events.lose", "times": 1}])
    tell(6)
    tell(7)
    assert [one["detail"]["n"] for one in dev.bodies(url)] == [7]


def test_the_board_shows_queues_and_events(dev: Account) -> None:
    dev.queue("shown-dead")
    url, _ = dev.queue("shown")
    dev("sqs").send_message(QueueUrl=url, MessageBody="x")
    put(dev, {"n": 1}, Source="shown", Resources=["r"])
    parts = board.snapshot()
    assert not parts["failed"]
    (queue,) = [one for one in parts["parts"]["queues"] if one["name"] == "shown"]
    assert (queue["visible"], queue["in_flight"], queue["account"]) == (1, 0, DEV)
    newest = parts["parts"]["events"][0]
    assert (newest["source"], newest["type"], newest["resource"], newest["delivered"]) == ("shown", "Order", "r", [])
