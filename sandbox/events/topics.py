"""SNS topics: each message goes to every subscription whose filter policy lets it through, in the background.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from moto.sns.models import sns_backends

from sandbox.errors import AwsError
from sandbox.events import access, notices, outlets, patterns, queues, work

log = logging.getLogger(__name__)
DEDUPLICATION = 300.0  # AWS seconds
# AWS seconds before each further attempt at a queue or a function that is in trouble; the last one for ever
WAITS = (0.0, 0.0, 0.0, 1.0, 1.0, *(float(min(2**n, 20)) for n in range(10)), 20.0)
MOST_ATTEMPTS = 100_015
HTTP_WAITS = (20.0, 20.0, 20.0)
_CONFIRMED_BY_MAIL = frozenset({"email", "email-json", "http", "https"})


@dataclass(frozen=True)
class Notice:
    """One message on its way to one subscription."""

    message_id: str
    message: str
    subject: str | None
    attributes: Mapping[str, Any]  # name -> {"Type", "Value"}
    group_id: str | None
    deduplication_id: str | None
    timestamp: str


def find(arn: str) -> Any:
    """Return moto's topic. Raises AwsError NotFound."""
    parts = arn.split(":", 5)
    topic = sns_backends[parts[4]][parts[3]].topics.get(arn) if len(parts) == 6 else None
    if topic is None:
        raise AwsError("NotFound", "Topic does not exist", 404)
    return topic


def publish(
    arn: str,
    message: str,
    *,
    publisher: str,
    source_arn: str = "",
    subject: str | None = None,
    attributes: Mapping[str, Any] | None = None,
    group_id: str | None = None,
) -> str:
    """Publish for a service (its principal) or a role; returns the message's id. Raises AwsError.

    Whether the publisher may use the topic is asked by who calls this; whether it may use the topic's key, here.
    """
    topic = find(arn)
    require_key(topic, publisher, source_arn)
    return accept(topic, message, subject=subject, attributes=attributes, group_id=group_id)


def require_key(topic: Any, publisher: str, source_arn: str = "") -> None:
    """Raise AwsError (KMSAccessDenied) unless the publisher may use the key of an encrypted topic.

    https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
    """
    if not topic.kms_master_key_id:
        return
    service = publisher if publisher.endswith(".amazonaws.com") else ""
    region = topic.arn.split(":")[3]
    try:
        access.use_key(
            topic.kms_master_key_id,
            publisher,
            topic.account_id,
            region,
            service=service,
            source_arn=source_arn,
            via="sns",
        )
    except AwsError as error:
        raise AwsError("KMSAccessDenied", error.message, 400) from error


def accept(
    topic: Any,
    message: str,
    *,
    subject: str | None = None,
    attributes: Mapping[str, Any] | None = None,
    group_id: str | None = None,
    deduplication_id: str | None = None,
    structure: str | None = None,
) -> str:
    """Take a message in; returns its id at once."""
    message_id = str(uuid.uuid4())
    if topic.fifo_topic:
        deduplication_id = deduplication_id or queues.digest(message)
        known = _duplicate(topic, group_id, deduplication_id, message_id)
        if known is not None:
            return known
    texts = notices.structured(message) if structure == "json" else {"default": message}
    timestamp = f"{work.now():%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
    for subscription in subscriptions(topic):
        text = texts.get(subscription.protocol, texts["default"])
        notice = Notice(message_id, text, subject, dict(attributes or {}), group_id, deduplication_id, timestamp)
        if is_confirmed(subscription) and _wanted(subscription, notice):
            work.submit(f"message for {subscription.endpoint}", _Attempt(subscription, notice))
    return message_id


def subscriptions(topic: Any) -> list[Any]:
    """Return a topic's subscriptions; those of other accounts are kept there by moto."""
    region = topic.arn.split(":")[3]
    backends = [regions[region] for regions in list(sns_backends.values()) if region in regions]
    return [one for backend in backends for one in list(backend.subscriptions.values()) if one.topic.arn == topic.arn]


def is_confirmed(subscription: Any) -> bool:
    """Mails and HTTP endpoints get nothing until somebody has confirmed."""
    return _text(subscription.attributes.get("PendingConfirmation")) != "true"


def needs_confirmation(protocol: str) -> bool:
    """Whether a subscription of this kind begins as pending."""
    return protocol in _CONFIRMED_BY_MAIL


def _wanted(subscription: Any, notice: Notice) -> bool:
    text = subscription.attributes.get("FilterPolicy")
    if not text:
        return True
    policy = json.loads(text)
    if subscription.attributes.get("FilterPolicyScope") == "MessageBody":
        try:
            body = json.loads(notice.message)
        except ValueError:
            return False
        return isinstance(body, dict) and patterns.matches(policy, body, loose=True)
    return patterns.matches(policy, {name: _value(one) for name, one in notice.attributes.items()}, loose=True)


def _value(attribute: Mapping[str, Any]) -> Any:
    """https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html; binary attributes are not compared."""
    kind, value = str(attribute.get("Type") or attribute.get("DataType")), attribute.get("Value")
    if kind.startswith("Number"):
        number = float(str(value))
        return int(number) if number.is_integer() else number
    if kind == "String.Array":
        try:
            return json.loads(str(value))
        except ValueError:
            return str(value)
    return {} if kind.startswith("Binary") else value


def _duplicate(topic: Any, group: str | None, deduplication_id: str, message_id: str) -> str | None:
    seen: dict[Any, tuple[queues.Moment, str]] = topic.__dict__.setdefault("seen", {})
    for key in [key for key, (until, _) in list(seen.items()) if until.left() <= 0]:
        seen.pop(key, None)
    per_group = topic.__dict__.get("fifo_throughput_scope") == "MessageGroup"
    key = (group if per_group else None, deduplication_id)
    if key in seen:
        return seen[key][1]
    seen[key] = (queues.after(DEDUPLICATION), message_id)
    return None


class _Attempt:
    """Tries to deliver; tries again while the trouble may pass; then the subscription's dead-letter queue."""

    def __init__(self, subscription: Any, notice: Notice, attempts: int = 0) -> None:
        self._subscription, self._notice, self._attempts = subscription, notice, attempts

    def __call__(self) -> None:
        try:
            notices.deliver(self._subscription, self._notice)
        except AwsError as error:
            self._again(error)

    def _again(self, error: AwsError) -> None:
        remote = self._subscription.protocol in {"http", "https"}
        waits: Iterable[float] = HTTP_WAITS if remote else WAITS
        most = len(HTTP_WAITS) if remote else MOST_ATTEMPTS
        if (error.status >= 500 or error.status == 429) and self._attempts < most:
            listed = list(waits)
            wait = listed[min(self._attempts, len(listed) - 1)]
            work.later(wait, "message", _Attempt(self._subscription, self._notice, self._attempts + 1))
            return
        log.warning("%s got no message: %s", self._subscription.arn, error)
        text = self._subscription.attributes.get("RedrivePolicy")
        if not text:
            return
        queue = json.loads(text)["deadLetterTargetArn"]
        topic = self._subscription.topic
        try:
            access.as_service(
                "sns", "sqs:SendMessage", queue, source_arn=topic.arn, source_account=topic.arn.split(":")[4]
            )
            outlets.to_queue(queue, notices.body(self._subscription, self._notice), group_id=self._notice.group_id)
        except AwsError as problem:
            log.warning("nor did its dead-letter queue %s: %s", queue, problem)


def _text(value: Any) -> str:
    return str(value).lower()
