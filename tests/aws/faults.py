"""Faults and counters below the facades: botocore's own events, so that the real retry stack is on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.awsrequest import AWSResponse

from glue.aws.s3 import Bucket


def answer(status: int, code: str, message: str = "injected") -> AWSResponse:
    """Return an error answer of S3."""
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
    response = AWSResponse("http://injected", status, {}, None)
    response._content = body
    return response


class Killed(BaseException):
    """What a killed process looks like from within: nothing catches it, nothing is tidied up."""


@contextmanager
def hooked(bucket: Bucket, event: str, handler: Callable[..., Any]) -> Iterator[None]:
    """Register a handler of the bucket's client for a while."""
    events = bucket._client.meta.events
    events.register(event, handler)
    try:
        yield
    finally:
        events.unregister(event, handler)


@contextmanager
def failing(bucket: Bucket, operation: str, *answers: AWSResponse | None) -> Iterator[list[int]]:
    """Answer the first calls of an operation with `answers` (None: let it through), then let all through.

    Yields a list with one number, of the calls seen.
    """
    seen = [0]
    lock = threading.Lock()

    def handler(**_: Any) -> AWSResponse | None:
        with lock:
            seen[0] += 1
            return answers[seen[0] - 1] if seen[0] <= len(answers) else None

    with hooked(bucket, f"before-send.s3.{operation}", handler):
        yield seen


@contextmanager
def always(bucket: Bucket, operation: str, response: AWSResponse) -> Iterator[None]:
    """Answer every call of an operation alike."""
    with hooked(bucket, f"before-send.s3.{operation}", lambda **_: response):
        yield
