"""Queues: what is hidden, delayed, ordered, taken once, dead.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
"""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from sandbox.events import queues

from .conftest import Account, until


def receive(account: Account, url: str, **more: Any) -> list[Any]:
    return list(
        account("sqs")
        .receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"], **more)
        .get("Messages", [])
    )


def test_a_received_message_is_hidden_at_least_while_somebody_works(dev: Account, monkeypatch: Any) -> None:
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
    monkeypatch.setattr(queues, "WORK", 0.3)
    url, _ = dev.queue("hidden", VisibilityTimeout="30")  # 0.05 s of the wall clock here
    dev("sqs").send_message(QueueUrl=url, MessageBody="x")
    (first,) = receive(dev, url)
    assert receive(dev, url) == []
    (again,) = until(lambda: receive(dev, url))
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"
    assert again["ReceiptHandle"] != first["ReceiptHandle"]
    dev("sqs").change_message_visibility(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"], VisibilityTimeout=0)
    assert len(receive(dev, url)) == 1
    dev("sqs").delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    assert until(lambda: dev.nothing(url))


def test_delays_pass_in_aws_seconds(dev: Account) -> None:
    url, _ = dev.queue("delayed", DelaySeconds="300")
    began = time.monotonic()
    dev("sqs").send_message(QueueUrl=url, MessageBody="later")
    dev("sqs").send_message(QueueUrl=url, MessageBody="now", DelaySeconds=0)
    assert [one["Body"] for one in receive(dev, url)] == ["now"]
    (seen,) = receive(dev, url, WaitTimeSeconds=5)  # a long poll ends as soon as there is something
    assert seen["Body"] == "later"
    assert 0.4 < time.monotonic() - began < 4


def test_a_long_poll_waits_on_the_wall_clock(dev: Account) -> None:
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
    url, _ = dev.queue("polled")
    began = time.monotonic()
    assert receive(dev, url, WaitTimeSeconds=1) == []
    assert 0.9 < time.monotonic() - began < 3
    timer = threading.Timer(0.3, lambda: dev("sqs").send_message(QueueUrl=url, MessageBody="x"))
    timer.start()
    began = time.monotonic()
    assert len(receive(dev, url, WaitTimeSeconds=10)) == 1
    assert time.monotonic() - began < 3
    timer.join()


def test_many_receivers_get_each_message_once(dev: Account) -> None:
    url, _ = dev.queue("shared")
    sqs = dev("sqs")
    for batch in range(5):
        entries = [{"Id": str(number), "MessageBody": f"{batch}-{number}"} for number in range(10)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
    seen: list[str] = []

    def work() -> None:
        while found := receive(dev, url):
            seen.extend(one["Body"] for one in found)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(seen) == len(set(seen)) == 50


def test_groups_of_a_fifo_queue_stay_in_order(dev: Account) -> None:
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html
    url, _ = dev.queue("orders.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    sqs = dev("sqs")
    for group, body in (("a", "1"), ("b", "2"), ("a", "3")):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group)
    found = sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["All"])["Messages"]
    assert [one["Body"] for one in found] == ["1"]
    assert [one["Body"] for one in receive(dev, url)] == ["2"]  # group a is blocked
    sqs.delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])
    (third,) = receive(dev, url)
    assert third["Body"] == "3"
    assert third["Attributes"]["SequenceNumber"] > found[0]["Attributes"]["SequenceNumber"]


def test_a_duplicate_is_accepted_once_even_when_the_first_is_gone(dev: Account) -> None:
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-exactly-once-processing.html
    url, _ = dev.queue("once.fifo", FifoQueue="true")
    sqs = dev("sqs")
    message = {"QueueUrl": url, "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    first = sqs.send_message(**message)
    assert len(dev.take(url)) == 1
    assert sqs.send_message(**message)["MessageId"] == first["MessageId"]
    assert receive(dev, url) == []
    time.sleep(0.55)  # five minutes and a half
    assert sqs.send_message(**message)["MessageId"] != first["MessageId"]
    assert len(receive(dev, url)) == 1


def test_dead_letters_and_their_way_back(dev: Account) -> None:
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
    dead_url, dead = dev.queue("dlq")
    url, arn = dev.queue(
        "source", VisibilityTimeout="0", RedrivePolicy={"deadLetterTargetArn": dead, "maxReceiveCount": 2}
    )
    sqs = dev("sqs")
    made = sqs.send_message(QueueUrl=url, MessageBody="x")
    assert len(receive(dev, url)) == len(receive(dev, url)) == 1
    assert receive(dev, url) == []
    found = receive(dev, dead_url, VisibilityTimeout=0)
    assert [one["MessageId"] for one in found] == [made["MessageId"]]
    assert found[0]["Attributes"]["DeadLetterQueueSourceArn"] == arn
    with pytest.raises(sqs.exceptions.ClientError, match="Dead Letter Queue"):
        sqs.start_message_move_task(SourceArn=arn)
    sqs.start_message_move_task(SourceArn=dead)
    (task,) = until(
        lambda: sqs.list_message_move_tasks(SourceArn=dead)["Results"], lambda found: found[0]["Status"] == "COMPLETED"
    )
    assert task["ApproximateNumberOfMessagesMoved"] == 1
    (back,) = receive(dev, url)
    assert back["Attributes"]["ApproximateReceiveCount"] == "1"


def test_a_queue_says_whose_dead_letters_it_takes(dev: Account) -> None:
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
    url, dead = dev.queue("picky", RedriveAllowPolicy={"redrivePermission": "denyAll"})
    sqs = dev("sqs")
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert found["RedriveAllowPolicy"] == '{"redrivePermission":"denyAll"}'
    with pytest.raises(sqs.exceptions.ClientError, match="denied"):
        dev.queue("other", RedrivePolicy={"deadLetterTargetArn": dead, "maxReceiveCount": 2})


def test_messages_are_kept_for_their_time(dev: Account) -> None:
    url, _ = dev.queue("kept", MessageRetentionPeriod="60")
    dev("sqs").send_message(QueueUrl=url, MessageBody="x")
    time.sleep(0.15)
    assert receive(dev, url) == []
