"""SNS: filter policies with every operator, confirmation of mail and HTTP subscriptions, delivery in the background.

moto confirms everything at once, delivers inside the publisher's request without asking any policy, and finds no
subscription of another account. https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html
"""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

from moto.core.responses import ActionResult
from moto.sns.models import SNSBackend, Topic, sns_backends
from moto.sns.responses import SNSResponse
from werkzeug.wrappers import Response

from sandbox.calls import Call
from sandbox.door import on_path
from sandbox.errors import AwsError
from sandbox.events import mail, notices, patterns, topics, work
from sandbox.settings import Settings

PENDING = "pending confirmation"
MOST_KEYS, MOST_COMBINATIONS = (
    5,
    150,
)  # https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
_ADDRESS = {
    "email": re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+"),
    "email-json": re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+"),
    "http": re.compile(r"http://\S+"),
    "https": re.compile(r"https://\S+"),
}
_originals: dict[str, Any] = {}


def install(settings: Settings) -> None:
    """Put our delivery behind moto's topics."""
    mail.use(settings.home / "outbox")
    for name, function in (("subscribe", _subscribe), ("set_subscription_attributes", _set_attributes)):
        original = getattr(SNSBackend, name)
        if original is not function:
            _originals[name] = original
            setattr(SNSBackend, name, function)
    _originals.setdefault("answer_subscribe", SNSResponse.subscribe)
    Topic.publish = _publish
    SNSResponse.subscribe = _answer_subscribe
    SNSResponse.confirm_subscription = _answer_confirm
    SNSResponse.list_subscriptions = _answer_list
    SNSResponse.list_subscriptions_by_topic = _answer_list_by_topic
    on_path(notices.PATH, _visited)


def _publish(  # noqa: PLR0917 (as moto calls it)
    self: Any,
    message: str,
    subject: str | None = None,
    message_attributes: dict[str, Any] | None = None,
    group_id: str | None = None,
    deduplication_id: str | None = None,
    message_structure: str | None = None,
) -> str:
    return topics.accept(
        self,
        message,
        subject=subject,
        attributes=message_attributes,
        group_id=group_id,
        deduplication_id=deduplication_id,
        structure=message_structure,
    )


def _subscribe(self: Any, topic_arn: str, endpoint: str, protocol: str) -> Any:
    address = _ADDRESS.get(protocol)
    if address is not None and not address.fullmatch(endpoint or ""):
        raise AwsError("InvalidParameter", f"Invalid parameter: {protocol.capitalize()} address")
    known = set(self.subscriptions)
    subscription = _originals["subscribe"](self, topic_arn, endpoint, protocol)
    if subscription.arn not in known and topics.needs_confirmation(protocol):
        subscription.attributes |= {"PendingConfirmation": True, "ConfirmationWasAuthenticated": False}
        subscription.token = secrets.token_hex(32)
        work.submit("confirmation", lambda: notices.confirmation(subscription, subscription.token))
    return subscription


def _set_attributes(self: Any, arn: str, name: str, value: Any) -> None:
    subscription = self.subscriptions.get(arn)
    if name in {"FilterPolicy", "FilterPolicyScope"} and subscription is not None:
        if name == "FilterPolicyScope" and value not in {"MessageAttributes", "MessageBody"}:
            raise AwsError("InvalidParameter", "Invalid parameter: FilterPolicyScope: Invalid value")
        if name == "FilterPolicy" and value:
            _check_filter(value, nested=subscription.attributes.get("FilterPolicyScope") == "MessageBody")
        subscription.attributes[name] = value
        return
    if name == "RedrivePolicy" and value and "deadLetterTargetArn" not in json.loads(value):
        raise AwsError("InvalidParameter", "Invalid parameter: RedrivePolicy: must have a deadLetterTargetArn")
    _originals["set_subscription_attributes"](self, arn, name, value)


def _check_filter(text: str, *, nested: bool) -> None:
    """https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html."""
    try:
        policy = patterns.parse(text) if text.strip() != "{}" else {}
    except patterns.PatternError as error:
        raise AwsError("InvalidParameter", f"Invalid parameter: FilterPolicy: {error}") from error
    if not nested and any(isinstance(one, dict) for one in policy.values()):
        raise AwsError(
            "InvalidParameter",
            "Invalid parameter: Filter policy scope MessageAttributes does not support nested filter policy",
        )
    keys, combinations = _weigh(policy, 1)
    if keys > MOST_KEYS:
        raise AwsError(
            "InvalidParameter", "Invalid parameter: FilterPolicy: Filter policy can not have more than 5 keys"
        )
    if combinations > MOST_COMBINATIONS:
        raise AwsError("InvalidParameter", "Invalid parameter: FilterPolicy: Filter policy is too complex")


def _weigh(policy: dict[str, Any], depth: int) -> tuple[int, int]:
    """Return the number of leaf keys, and the product over them of values times depth."""
    keys, combinations = 0, 1
    for name, value in policy.items():
        inner = value if name == "$or" and all(isinstance(one, dict) for one in value) else [value]
        if isinstance(inner[0], dict):
            for one in inner:
                more, product = _weigh(one, depth + (name != "$or"))
                keys, combinations = keys + more, combinations * product
        else:
            keys, combinations = keys + 1, combinations * len(value) * depth
    return keys, combinations


def _answer_subscribe(self: Any) -> ActionResult:
    """Subscribe: the ARN of a pending subscription is told only to who asks for it."""
    result: ActionResult = _originals["answer_subscribe"](self)
    arn = result.result["SubscriptionArn"]
    subscription = self.backend.subscriptions[arn]
    asked = str(self._get_param("ReturnSubscriptionArn", False)).lower() == "true"
    shown = arn if asked or topics.is_confirmed(subscription) else PENDING
    return ActionResult({"SubscriptionArn": shown})


def _answer_confirm(self: Any) -> ActionResult:
    """ConfirmSubscription: https://docs.aws.amazon.com/sns/latest/api/API_ConfirmSubscription.html."""
    authenticated = str(self._get_param("AuthenticateOnUnsubscribe", "false")).lower() == "true"
    return ActionResult(
        {"SubscriptionArn": confirm(self._get_param("TopicArn"), self._get_param("Token"), authenticated=authenticated)}
    )


def confirm(topic_arn: str, token: str, *, authenticated: bool = False) -> str:
    """Confirm the subscription that the token was made for; returns its ARN. Raises AwsError."""
    for subscription in topics.subscriptions(topics.find(topic_arn)):
        if token and secrets.compare_digest(str(subscription.__dict__.get("token", "")).encode(), token.encode()):
            subscription.attributes |= {"PendingConfirmation": False, "ConfirmationWasAuthenticated": authenticated}
            return str(subscription.arn)
    raise AwsError("InvalidParameter", "Invalid parameter: Token")


def _answer_list(self: Any) -> ActionResult:
    """ListSubscriptions."""
    found, token = self.backend.list_subscriptions(next_token=self._get_param("NextToken"))
    return ActionResult({"Subscriptions": [_shown(one) for one in found], "NextToken": token})


def _answer_list_by_topic(self: Any) -> ActionResult:
    """ListSubscriptionsByTopic: those of other accounts, too."""
    found = topics.subscriptions(topics.find(self._get_param("TopicArn")))
    start = int(self._get_param("NextToken") or 0)
    page = found[start : start + 100]
    token = str(start + 100) if len(found) > start + 100 else None
    return ActionResult({"Subscriptions": [_shown(one) for one in page], "NextToken": token})


def _shown(subscription: Any) -> dict[str, Any]:
    return {
        "SubscriptionArn": subscription.arn if topics.is_confirmed(subscription) else "PendingConfirmation",
        "Owner": subscription.owner,
        "Protocol": subscription.protocol,
        "Endpoint": subscription.endpoint,
        "TopicArn": subscription.topic.arn,
    }


def _visited(call: Call) -> Response:
    """Addresses in mails and envelopes: whoever has the link may use it, as on AWS."""
    page = call.path.removeprefix(notices.PATH)
    if page == "certificate.pem":
        return Response(notices.certificate(), content_type="application/x-pem-file")
    if page == "confirm":
        arn = confirm(call.query.get("TopicArn", ""), call.query.get("Token", ""))
        return Response(f"Subscription confirmed!\nYour subscription's id is: {arn}\n", content_type="text/plain")
    if page == "unsubscribe":
        arn = call.query.get("SubscriptionArn", "")
        for regions in list(sns_backends.values()):
            for backend in list(regions.values()):
                backend.subscriptions.pop(arn, None)
        return Response("Subscription removed!\n", content_type="text/plain")
    raise AwsError("NotFound", f"there is no {call.path}", 404)
