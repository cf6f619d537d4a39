"""Function URLs: signed HTTPS requests to a function of ours.

https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html; the signature is for the service `lambda`.
"""

# ruff: noqa: PLC0415 - botocore costs 0.2 s to import: only commands that talk to AWS pay for it
from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from glue.aws.errors import Where, translated
from glue.errors import AccessDeniedError, AwsError

if TYPE_CHECKING:
    from botocore.httpsession import URLLib3Session

_TRIES = 6
_LONGEST_WAIT_S = 20.0
_AGAIN = {429, 500, 502, 503, 504}
_AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


@dataclass(frozen=True)
class Answer:
    """What a function answered: HTTP status, and the JSON object of its body."""

    status: int
    document: Mapping[str, Any]


class FunctionUrl:
    """One function's URL. What it answers is decoded; throttling and failures are sent again, with growing waits.

    So a request must be one that may arrive twice. `endpoint` is where the account's Lambda is reached: an endpoint
    that is not AWS's own (AWS_ENDPOINT_URL) gets the request, with the URL's name as Host.
    """

    def __init__(
        self,
        url: str,
        *,
        endpoint: str,
        credentials: Callable[[], Any],
        http: URLLib3Session,
        where: Where,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._host = urlsplit(url).netloc
        self._url = address(url, endpoint)
        self._credentials = credentials
        self._http = http
        self._where = where
        self._sleep = sleep
        self._lock = threading.Lock()  # refreshing credentials is one thread's work

    def post(self, document: Mapping[str, object]) -> Answer:
        """Send a JSON document and return the answer: a 200, or a 400 with the function's reason.

        Raises AccessDeniedError for a 403, AwsError when the function cannot be reached or keeps failing.
        """
        body = _encoded(document)
        last = ""
        for attempt in range(_TRIES):
            if attempt:
                self._sleep(random.uniform(0.5, 1) * min(_LONGEST_WAIT_S, 0.5 * 2**attempt))  # noqa: S311 - jitter
            try:
                with translated(self._where, self._url):
                    status, said = self._send(body)
            except AwsError as error:
                if "did not answer" not in error.message:
                    raise
                last = error.message
                continue
            if status not in _AGAIN:
                return self._answer(status, said)
            last = f"HTTP {status}: {said[:200].decode('utf-8', 'replace')}"
        raise AwsError(
            f"the function behind {self._host} keeps failing ({self._where}): {last}",
            remedy="Its log says why: /aws/lambda/<queue>-submit. What was sent may be sent again.",
        )

    def _send(self, body: bytes) -> tuple[int, bytes]:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        headers = {"Host": self._host, "Content-Type": "application/json"}
        request = AWSRequest(method="POST", url=self._url, data=body, headers=headers)
        with self._lock:
            credentials = self._credentials()
        SigV4Auth(credentials, "lambda", self._where.region).add_auth(request)
        answer = self._http.send(request.prepare())
        return int(answer.status_code), bytes(answer.content)

    def _answer(self, status: int, said: bytes) -> Answer:
        if status == 403:
            raise AccessDeniedError(
                f"AWS denied lambda:InvokeFunctionUrl on {self._host} to {self._where.caller} ({self._where})",
                remedy="It takes lambda:InvokeFunctionUrl and lambda:InvokeFunction on the function, which the role "
                "train has; submitters in environment.tfvars says who else. A clock that is off is refused, too.",
            )
        try:
            document = json.loads(said)
        except ValueError:
            document = None
        if status not in {200, 400} or not isinstance(document, dict):
            text = said[:200].decode("utf-8", "replace")
            raise AwsError(f"{self._host} answered HTTP {status}: {text} ({self._where})")
        return Answer(status, document)


def _encoded(document: Mapping[str, object]) -> bytes:
    try:
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # half a character, which only an escape can hold
        return json.dumps(document, separators=(",", ":")).encode()


def address(url: str, endpoint: str) -> str:
    """Return where a function URL is to be reached: at itself, unless Lambda's endpoint is not one of AWS's.

    Function URLs are on the public Internet only, also for who reaches Lambda by a private endpoint:
    https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html
    """
    host = urlsplit(endpoint).hostname or ""
    if host.endswith(_AWS):
        return url
    place, named = urlsplit(endpoint), urlsplit(url)
    return f"{place.scheme}://{place.netloc}{named.path or '/'}"
