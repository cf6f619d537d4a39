"""How a topic's message looks to a queue, a function, a mail and an HTTP endpoint, and how it gets there.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from sandbox.errors import AwsError
from sandbox.events import access, mail, outlets, queues
from sandbox.runtime import context, function_calls

if TYPE_CHECKING:
    from sandbox.events.topics import Notice

PATH = "/_sandbox/sns/"
USUAL_SUBJECT = "AWS Notification Message"
HTTP_LIMIT = 15.0  # seconds: https://docs.aws.amazon.com/sns/latest/dg/sns-http-https-endpoint-as-subscriber.html


def deliver(subscription: Any, notice: Notice) -> None:
    """Hand a message over. Raises AwsError; status 429 and 5xx may pass."""
    sender = _SENDERS.get(subscription.protocol)
    if sender is not None:
        sender(subscription, notice)


def body(subscription: Any, notice: Notice) -> str:
    """Return the text that a queue gets: the envelope, or the message itself with raw delivery."""
    return notice.message if _is_raw(subscription) else json.dumps(envelope(subscription, notice), indent=2)


def envelope(subscription: Any, notice: Notice) -> dict[str, Any]:
    """Return the notification with its signature (version 1)."""
    topic_arn = subscription.topic.arn
    signed = {"Message": notice.message, "MessageId": notice.message_id}
    signed |= {"Subject": notice.subject} if notice.subject else {}
    signed |= {"Timestamp": notice.timestamp, "TopicArn": topic_arn, "Type": "Notification"}
    text = "".join(f"{name}\n{value}\n" for name, value in signed.items())
    url = context.current().settings.url
    made: dict[str, Any] = {"Type": "Notification", "MessageId": notice.message_id}
    if notice.group_id is not None:
        made["SequenceNumber"] = f"{int.from_bytes(hashlib.sha256(notice.message_id.encode()).digest()[:8]):020d}"
    made["TopicArn"] = topic_arn
    if notice.subject:
        made["Subject"] = notice.subject
    made |= {
        "Message": notice.message,
        "Timestamp": notice.timestamp,
        "SignatureVersion": "1",
        "Signature": _sign(text),
    }
    made["SigningCertURL"] = f"{url}{PATH}certificate.pem"
    made["UnsubscribeURL"] = f"{url}{PATH}unsubscribe?{urlencode({'SubscriptionArn': subscription.arn})}"
    if notice.attributes:
        made["MessageAttributes"] = {
            name: {"Type": one.get("Type"), "Value": str(one.get("Value"))} for name, one in notice.attributes.items()
        }
    return made


def structured(message: str) -> dict[str, str]:
    """Return the texts of a message with structure `json`. Raises AwsError unless it has a default."""
    try:
        texts = json.loads(message)
    except ValueError as error:
        raise AwsError(
            "InvalidParameter", "Invalid parameter: Message Structure - JSON message body failed to parse"
        ) from error
    if not isinstance(texts, dict) or not isinstance(texts.get("default"), str):
        raise AwsError(
            "InvalidParameter", "Invalid parameter: Message Structure - No default entry in JSON message body"
        )
    return {key: value for key, value in texts.items() if isinstance(value, str)}


def certificate() -> bytes:
    """Return the certificate (PEM) with which signatures are verified."""
    return _keys()[1]


def confirmation(subscription: Any, token: str) -> None:
    """Ask whoever is behind a mail address or an HTTP endpoint whether the subscription is wanted."""
    topic_arn = subscription.topic.arn
    query = urlencode({"Action": "ConfirmSubscription", "TopicArn": topic_arn, "Token": token})
    link = f"{context.current().settings.url}{PATH}confirm?{query}"
    said = f"You have chosen to subscribe to the topic {topic_arn}."
    if subscription.protocol in {"http", "https"}:
        document = {"Type": "SubscriptionConfirmation", "Token": token, "TopicArn": topic_arn, "SubscribeURL": link}
        document["Message"] = f"{said}\nTo confirm the subscription, visit the SubscribeURL included in this message."
        _post(subscription, "SubscriptionConfirmation", json.dumps(document))
        return
    text = f"{said}\n\nTo confirm this subscription, open this address:\n{link}\n"
    if subscription.protocol == "email-json":
        text = json.dumps(
            {"Type": "SubscriptionConfirmation", "Token": token, "TopicArn": topic_arn, "SubscribeURL": link}
        )
    _mail(subscription, "AWS Notification - Subscription Confirmation", text)


def _to_queue(subscription: Any, notice: Notice) -> None:
    arn = subscription.endpoint
    topic = subscription.topic
    source = {"source_arn": topic.arn, "source_account": topic.arn.split(":")[4]}
    access.as_service("sns", "sqs:SendMessage", arn, **source)
    queues.use_key(queues.find(arn), "sns.amazonaws.com", None, topic.arn)
    attributes = {name: _raw(one) for name, one in notice.attributes.items()} if _is_raw(subscription) else {}
    outlets.to_queue(
        arn,
        body(subscription, notice),
        attributes=attributes,
        group_id=notice.group_id,
        deduplication_id=notice.deduplication_id,
    )


def _raw(attribute: Mapping[str, Any]) -> dict[str, Any]:
    binary = str(attribute["Type"]).startswith("Binary")
    value = base64.b64decode(attribute["Value"]) if binary else str(attribute["Value"])
    return {"DataType": attribute["Type"], "BinaryValue" if binary else "StringValue": value}


def _to_function(subscription: Any, notice: Notice) -> None:
    topic = subscription.topic
    access.as_service(
        "sns",
        "lambda:InvokeFunction",
        subscription.endpoint,
        source_arn=topic.arn,
        source_account=topic.arn.split(":")[4],
    )
    made = envelope(subscription, notice)
    made["SigningCertUrl"], made["UnsubscribeUrl"] = made.pop("SigningCertURL"), made.pop("UnsubscribeURL")
    made = {"Subject": None, "MessageAttributes": {}, **made}
    record = {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription.arn,
        "Sns": made,
    }
    function_calls.send_event(subscription.endpoint, json.dumps({"Records": [record]}).encode())


def _to_mail(subscription: Any, notice: Notice) -> None:
    if subscription.protocol == "email-json":
        _mail(subscription, notice.subject or USUAL_SUBJECT, json.dumps(envelope(subscription, notice), indent=2))
        return
    link = f"{context.current().settings.url}{PATH}unsubscribe?{urlencode({'SubscriptionArn': subscription.arn})}"
    foot = f"--\nIf you wish to stop receiving notifications from this topic, open this address:\n{link}\n"
    _mail(subscription, notice.subject or USUAL_SUBJECT, f"{notice.message}\n\n{foot}")


def _mail(subscription: Any, subject: str, text: str) -> None:
    topic_arn = subscription.topic.arn
    mail.send(account=topic_arn.split(":")[4], to=subscription.endpoint, subject=subject, body=text, about=topic_arn)


def _to_address(subscription: Any, notice: Notice) -> None:
    _post(subscription, "Notification", body(subscription, notice))


def _post(subscription: Any, kind: str, text: str) -> None:
    headers = {
        "Content-Type": "text/plain; charset=UTF-8",
        "User-Agent": "Amazon Simple Notification Service Agent",
        "x-amz-sns-message-type": kind,
        "x-amz-sns-topic-arn": subscription.topic.arn,
        "x-amz-sns-subscription-arn": subscription.arn,
    }
    if kind == "Notification" and _is_raw(subscription):
        headers["x-amz-sns-rawdelivery"] = "true"
    request = urllib.request.Request(subscription.endpoint, text.encode(), headers, method="POST")  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=HTTP_LIMIT):  # noqa: S310 (the endpoint was checked: http or https)
            return
    except urllib.error.HTTPError as error:
        raise AwsError(
            "EndpointError", f"the endpoint answered {error.code}", 429 if error.code == 429 else 500
        ) from error
    except (OSError, ValueError) as error:
        raise AwsError("EndpointError", str(error), 500) from error


def _is_raw(subscription: Any) -> bool:
    return str(subscription.attributes.get("RawMessageDelivery")).lower() == "true"


def _sign(text: str) -> str:
    key = _keys()[0]
    signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 (signature version 1)
    return base64.b64encode(signature).decode()


@cache
def _keys() -> tuple[rsa.RSAPrivateKey, bytes]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    return key, made.public_bytes(serialization.Encoding.PEM)


_SENDERS: Mapping[str, Callable[[Any, Notice], None]] = {
    "sqs": _to_queue,
    "lambda": _to_function,
    "email": _to_mail,
    "email-json": _to_mail,
    "http": _to_address,
    "https": _to_address,
}
