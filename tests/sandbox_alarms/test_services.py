"""Metrics of queues and functions."""

from __future__ import annotations

from sandbox.cloudwatch import services

from .conftest import ACCOUNT, REGION, World


def test_an_alarm_on_a_queue(world: World) -> None:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html."""
    world.alarm(
        "letters",
        Namespace="AWS/SQS",
        MetricName="ApproximateNumberOfMessagesVisible",
        Dimensions=[{"Name": "QueueName", "Value": "alarms"}],
        Statistic="Maximum",
    )
    services.measure_queues()
    world.minute()
    assert world.state("letters") == "OK"
    world.client("sqs").send_message(QueueUrl=world.queue, MessageBody="lost")
    services.measure_queues()
    world.minute()
    assert world.state("letters") == "ALARM"


def test_an_alarm_on_a_function(world: World) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html."""
    dimensions = [{"Name": "FunctionName", "Value": "ask"}]
    world.alarm("failed", Namespace="AWS/Lambda", MetricName="Errors", Dimensions=dimensions)
    world.alarm("refused", Namespace="AWS/Lambda", MetricName="Throttles")
    services.ran(ACCOUNT, REGION, "ask", failed=False, milliseconds=3.0, at_once=1)
    world.minute()
    assert (world.state("failed"), world.state("refused")) == ("OK", "OK")
    services.ran(ACCOUNT, REGION, "ask", failed=True, milliseconds=3.0, at_once=2)
    services.throttled(ACCOUNT, REGION, "other")
    world.minute()
    assert (world.state("failed"), world.state("refused")) == ("ALARM", "ALARM")
