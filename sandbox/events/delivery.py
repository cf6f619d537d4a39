"""One event on its way to one target: tried again while that may help, then put into a dead-letter queue.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.errors import AwsError
from sandbox.events import work

log = logging.getLogger(__name__)
MOST_ATTEMPTS = 185
LONGEST_AGE = 86400.0  # AWS seconds
FIRST_WAIT, LONGEST_WAIT = 1.0, 480.0  # AWS seconds between attempts (assumption: AWS says exponential with jitter)


class DeliveryError(Exception):
    """A target did not take the event. `code` is EventBridge's; `retry`: another attempt may do better."""

    def __init__(self, code: str, message: str, *, retry: bool = False) -> None:
        super().__init__(message)
        self.code, self.message, self.retry = code, message, retry


@dataclass
class Delivery:
    """What goes where, in whose name."""

    service: str  # events, scheduler
    account_id: str
    region: str
    source_arn: str  # of the rule or the schedule
    target: Mapping[str, Any]  # as it was put: Arn, RoleArn, SqsParameters, RetryPolicy, DeadLetterConfig, ...
    payload: str
    event: Mapping[str, Any] = field(default_factory=dict)  # as it is handed on to another bus
    attempts: int = 0
    began: datetime = field(default_factory=work.now)
    done: Callable[[str | None], None] = lambda _: None  # told at the end: None, or the error

    @property
    def role_arn(self) -> str | None:
        """The role that the target names."""
        return self.target.get("RoleArn") or None

    @property
    def role_source(self) -> str:
        """What a role's trust policy sees as aws:SourceArn: the rule, or the *group* of the schedule.

        https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
        """
        if self.service != "scheduler":
            return self.source_arn
        head, _, name = self.source_arn.partition(":schedule/")
        return f"{head}:schedule-group/{name.partition('/')[0]}"

    @property
    def age(self) -> float:
        """AWS seconds since the first attempt."""
        return (work.now() - self.began).total_seconds()


Send = Callable[[Delivery], None]  # raises DeliveryError or AwsError
Bury = Callable[[Delivery, str, dict[str, Any]], None]  # delivery, queue ARN, message attributes


def start(delivery: Delivery, send: Send, bury: Bury) -> None:
    """Deliver in the background, again and again as the retry policy says."""
    work.submit(f"event for {delivery.target['Arn']}", lambda: attempt(delivery, send, bury))


def attempt(delivery: Delivery, send: Send, bury: Bury) -> None:
    """Try once; then it is done, or due again, or dead."""
    try:
        send(delivery)
    except (DeliveryError, AwsError) as caught:
        error = caught if isinstance(caught, DeliveryError) else of_aws(caught)
    except Exception as caught:
        log.exception("delivery to %s", delivery.target["Arn"])
        error = DeliveryError("INTERNAL_ERROR", repr(caught), retry=True)
    else:
        delivery.done(None)
        return
    policy = delivery.target.get("RetryPolicy") or {}
    most = int(policy.get("MaximumRetryAttempts", MOST_ATTEMPTS))
    oldest = float(policy.get("MaximumEventAgeInSeconds", LONGEST_AGE))
    wait = min(FIRST_WAIT * 2**delivery.attempts, LONGEST_WAIT) * random.uniform(0.5, 1.0)  # noqa: S311 (jitter)
    exhausted = ""
    if error.retry:
        if delivery.attempts >= most:
            exhausted = "MaximumRetryAttempts"
        elif delivery.age + wait > oldest:
            exhausted = "MaximumEventAgeInSeconds"
        else:
            delivery.attempts += 1
            work.later(wait, f"retry for {delivery.target['Arn']}", lambda: attempt(delivery, send, bury))
            return
    _give_up(delivery, error, exhausted, bury)


def _give_up(delivery: Delivery, error: DeliveryError, exhausted: str, bury: Bury) -> None:
    log.warning("%s could not reach %s: %s", delivery.source_arn, delivery.target["Arn"], error)
    queue = (delivery.target.get("DeadLetterConfig") or {}).get("Arn")
    if queue:
        name = "RULE_ARN" if delivery.service == "events" else "SCHEDULE_ARN"
        texts = {
            name: delivery.source_arn,
            "TARGET_ARN": delivery.target["Arn"],
            "ERROR_CODE": error.code,
            "ERROR_MESSAGE": error.message[:1000],
            "EXHAUSTED_RETRY_CONDITION": exhausted,
        }
        attributes: dict[str, Any] = {
            key: {"DataType": "String", "StringValue": text} for key, text in texts.items() if text
        }
        attributes["RETRY_ATTEMPTS"] = {"DataType": "Number", "StringValue": str(delivery.attempts)}
        try:
            bury(delivery, queue, attributes)
        except AwsError as problem:
            log.warning("nor the dead-letter queue %s: %s", queue, problem.message)
    delivery.done(f"{error.code}: {error.message}")


def of_aws(error: AwsError) -> DeliveryError:
    """Return what a service's refusal is to EventBridge. Missing permissions and targets are not tried again."""
    if error.code.startswith(("AccessDenied", "KMS.AccessDenied", "KMSAccessDenied", "AuthorizationError")):
        return DeliveryError("NO_PERMISSIONS", error.message)
    if "NotFound" in error.code or "NonExistent" in error.code or "DoesNotExist" in error.code:
        return DeliveryError("NO_RESOURCE", error.message)
    if error.status == 429 or "hrottl" in error.code or "TooManyRequests" in error.code:
        return DeliveryError("THROTTLING", error.message, retry=True)
    if error.status >= 500:
        return DeliveryError("ERROR_FROM_TARGET", error.message, retry=True)
    return DeliveryError("SDK_CLIENT_ERROR", error.message)
