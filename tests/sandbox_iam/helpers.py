"""What a denial looks like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError


@dataclass(frozen=True)
class Refusal:
    """The error that a call met."""

    code: str
    status: int
    message: str


def refused(call: Any, /, *arguments: Any, **named: Any) -> Refusal:
    """Return how a call was refused; fails when it was not."""
    with pytest.raises(ClientError) as caught:
        call(*arguments, **named)
    response = caught.value.response
    status = response["ResponseMetadata"]["HTTPStatusCode"]
    return Refusal(response["Error"]["Code"], status, response["Error"].get("Message", ""))


DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "403"}


def denied(call: Any, /, *arguments: Any, **named: Any) -> Refusal:
    """Return how IAM refused a call."""
    found = refused(call, *arguments, **named)
    assert found.code in DENIED, found
    return found


def passes_iam(call: Any, /, *arguments: Any, **named: Any) -> None:
    """Fail when IAM refuses a call; the service may still find it wrong."""
    try:
        call(*arguments, **named)
    except ClientError as error:
        assert error.response["Error"]["Code"] not in DENIED, error  # noqa: PT017 (other errors are welcome)
