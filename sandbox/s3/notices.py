"""S3's notifications reach a queue, topic or function whose own policy lets S3 in, and no other.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from moto.s3 import notifications

from sandbox.errors import AwsError
from sandbox.iam import enforce

log = logging.getLogger(__name__)
Sender = Callable[[str, Any, str, str], None]


def install() -> None:
    """Ask IAM before moto hands a notification over. Safe to repeat."""
    if getattr(notifications._send_sqs_message, "asks", False):
        return
    notifications._send_sqs_message = _asking(notifications._send_sqs_message, "sqs:SendMessage")
    notifications._send_sns_message = _asking(notifications._send_sns_message, "sns:Publish")
    notifications._invoke_awslambda = _asking(notifications._invoke_awslambda, "lambda:InvokeFunction")


def _asking(send: Sender, action: str) -> Sender:
    def asked(account_id: str, event_body: Any, target: str, region_name: str) -> None:
        arn = target if target.startswith("arn:") else f"arn:aws:sqs:{region_name}:{account_id}:{target}"
        source = {"aws:SourceArn": f"arn:aws:s3:::{_bucket_of(event_body)}", "aws:SourceAccount": account_id}
        try:
            enforce.check("s3.amazonaws.com", action, arn, source)
        except AwsError as error:
            log.warning("no notification: %s", error.message)
            return
        send(account_id, event_body, target, region_name)

    asked.asks = True  # type: ignore[attr-defined]
    return asked


def _bucket_of(event: Any) -> str:
    """An event names its bucket; a test event, which is sent when the settings are made, in another place."""
    return str(event["Bucket"] if "Bucket" in event else event["Records"][0]["s3"]["bucket"]["name"])
