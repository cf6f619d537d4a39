"""Schedules can call any operation of AWS: `arn:aws:scheduler:::aws-sdk:<service>:<operation>`.

The call is a real request with the role's own credentials, so the front door decides about it as about any other.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
"""

from __future__ import annotations

import json

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError, UnknownServiceError

from sandbox.events import access
from sandbox.events.delivery import Delivery, DeliveryError
from sandbox.runtime import context, roles

_READING = (
    "get",
    "describe",
    "list",
    "poll",
    "receive",
    "search",
    "scan",
    "query",
    "select",
    "read",
    "test",
    "validate",
)
_NAMES = {"sfn": "stepfunctions", "cloudwatchlogs": "logs", "eventbridge": "events"}


def call(delivery: Delivery) -> None:
    """Make the call with the delivery's payload as its input. Raises DeliveryError."""
    service, _, operation = str(delivery.target["Arn"]).removeprefix("arn:aws:scheduler:::aws-sdk:").partition(":")
    if operation.startswith(_READING):
        raise DeliveryError("INVALID_PARAMETER", f"{operation} only reads: schedules do not call it")
    if not delivery.role_arn:
        raise DeliveryError("NO_PERMISSIONS", "a schedule acts as its target's role only")
    access.trust(delivery.role_arn, "scheduler", source_arn=delivery.role_source)
    here = context.current()
    role = roles.credentials(here, role_arn=delivery.role_arn, region=delivery.region, session="scheduler")
    try:
        client = roles.client(here, _NAMES.get(service, service), role, actor="scheduler")
        getattr(client, xform_name(operation))(**json.loads(delivery.payload or "{}"))
    except (UnknownServiceError, AttributeError, ValueError, TypeError) as error:
        raise DeliveryError("INVALID_PARAMETER", f"{service}:{operation}: {error}") from error
    except ClientError as error:
        raise _of(error) from error
    except BotoCoreError as error:
        raise DeliveryError("SDK_CLIENT_ERROR", str(error)) from error


def _of(error: ClientError) -> DeliveryError:
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400))
    code = str(error.response.get("Error", {}).get("Code", ""))
    if "AccessDenied" in code:
        return DeliveryError("NO_PERMISSIONS", str(error))
    throttled = status == 429 or "hrottl" in code or code == "SlowDown"
    return DeliveryError(code or "SDK_CLIENT_ERROR", str(error), retry=throttled or status >= 500)
