"""Asynchronous invocations: accepted at once, tried again after errors, then sent to a dead-letter target.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.runtime import context, roles
from sandbox.runtime.clock import Steps
from sandbox.runtime.functions import Outcome

log = logging.getLogger(__name__)
WAITS = (60.0, 120.0)  # AWS seconds before the second and the third attempt
Run = Callable[[bytes], Outcome]


def send(function: Any, payload: bytes, run: Run) -> None:
    """Queue the event; returns at once."""
    context.current().clock.run(_attempts(function, payload, run), name=f"event for {function.function_name}")


def _attempts(function: Any, payload: bytes, run: Run) -> Steps:
    config = function.event_invoke_config[0].config if function.event_invoke_config else {}
    retries = config.get("MaximumRetryAttempts", len(WAITS))
    outcome = run(payload)
    for wait in WAITS[:retries]:
        if outcome.error is None:
            break
        yield wait
        outcome = run(payload)
    destinations = config.get("DestinationConfig") or {}
    side = "OnSuccess" if outcome.error is None else "OnFailure"
    target = (destinations.get(side) or {}).get("Destination")
    if outcome.error is not None and not target:
        target = (getattr(function, "extra", {}).get("DeadLetterConfig") or {}).get("TargetArn")
        _deliver(function, target, payload.decode())
    elif target:
        _deliver(function, target, json.dumps(_record(function, payload, outcome)))


def _record(function: Any, payload: bytes, outcome: Outcome) -> dict[str, Any]:
    """What a destination gets: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html."""
    condition = "Success" if outcome.error is None else "RetriesExhausted"
    return {
        "version": "1.0",
        "requestContext": {"functionArn": function.function_arn, "condition": condition},
        "requestPayload": json.loads(payload),
        "responseContext": {"statusCode": 200, "functionError": outcome.error},
        "responsePayload": json.loads(outcome.payload),
    }


def _deliver(function: Any, target: str | None, message: str) -> None:
    """Send to a queue or a topic with the function's role."""
    if not target:
        return
    _, _, service, region, account_id, name = target.split(":", 5)
    role = roles.credentials(context.current(), role_arn=function.role, region=region, session=function.function_name)
    try:
        if service == "sqs":
            client = roles.client(context.current(), "sqs", role, actor="lambda")
            url = client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account_id)["QueueUrl"]
            client.send_message(QueueUrl=url, MessageBody=message)
        elif service == "sns":
            roles.client(context.current(), "sns", role, actor="lambda").publish(TopicArn=target, Message=message)
        else:
            log.warning("the sandbox sends no dead letters to %s", target)
    except (ClientError, BotoCoreError) as error:
        log.warning("a dead letter of %s did not reach %s: %s", function.function_name, target, error)
