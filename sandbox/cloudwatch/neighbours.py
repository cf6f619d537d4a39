"""The one place where alarms reach other parts of the sandbox: permissions, SNS, EventBridge, scaling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from moto.sns.models import sns_backends

from sandbox.events import bus
from sandbox.iam import enforce
from sandbox.scaling import policies

PRINCIPAL = "cloudwatch.amazonaws.com"


def emit(account_id: str, region: str, detail_type: str, detail: Mapping[str, Any], resources: Sequence[str]) -> None:
    """Send an event of CloudWatch to the account's default bus."""
    bus.emit(account_id, region, "aws.cloudwatch", detail_type, detail, list(resources))


def act(arn: str, *, account_id: str, alarm_arn: str, alarm_name: str, subject: str, message: str) -> str:
    """Carry out one action of an alarm and return what was done. Raises ValueError, or AwsError when it is denied."""
    kind = arn.split(":")[2] if arn.count(":") >= 5 else ""
    if kind == "sns":
        return _publish(arn, account_id=account_id, alarm_arn=alarm_arn, subject=subject, message=message)
    if kind == "autoscaling":
        policies.triggered(arn, alarm_name)
        return f"Successfully executed action {arn}"
    raise ValueError(f"actions of the kind {kind or arn} are not offered here")


def is_scaling(arn: str) -> bool:
    """Whether the action is a scaling policy's: it is repeated while the alarm stays in its state.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html
    """
    return arn.startswith("arn:aws:autoscaling:")


def _publish(arn: str, *, account_id: str, alarm_arn: str, subject: str, message: str) -> str:
    """Publish as CloudWatch: the topic's policy decides, and the key's when it is encrypted with one of the account's.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
    """
    _, _, _, region, owner, _ = arn.split(":", 5)
    sns: Any = sns_backends[owner][region]
    topic = sns.get_topic(arn)  # moto raises for a topic that is not there
    # SourceOwner is what the policy that SNS gives to a new topic asks for
    context = {"aws:SourceArn": alarm_arn, "aws:SourceAccount": account_id, "aws:SourceOwner": account_id}
    enforce.check(PRINCIPAL, "sns:Publish", arn, context)
    key = str(getattr(topic, "kms_master_key_id", "") or "")
    if key.startswith("arn:aws:kms:") and ":alias/" not in key:
        for action in ("kms:GenerateDataKey", "kms:Decrypt"):
            enforce.check(PRINCIPAL, action, key, context)
    sns.publish(message, arn=arn, subject=subject[:100])
    return f"Successfully executed action {arn}"
