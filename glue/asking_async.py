"""Asks an asynchronous endpoint: the request goes to S3, and so does the answer, some time later."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from glue.asking import Asked, Asker
from glue.core.golden import BODY_LIMIT, GoldenRequest, GoldenResult, printable
from glue.errors import SlipwayError

if TYPE_CHECKING:
    from glue.aws.session import Session

# An endpoint that was scaled to nothing first starts an instance.
ANSWER_S = 600.0
LOOK_S = 1.0
# https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html: answers may be much larger than golden ones are
ANSWER_LIMIT = 2 * BODY_LIMIT


class AsyncAsker(Asker):
    """Asks an asynchronous endpoint (its full name). Requests lie below `<folder>golden/`, by their content.

    How long an answer takes says little here, as it waits in a queue: `latency_ms` is not judged. The answer in S3
    does not say which release gave it, and variants cannot be named.
    """

    def __init__(self, session: Session, endpoint: str, *, folder: str, **options: Any) -> None:
        super().__init__(session, endpoint, **options)
        self._folder = folder

    def judged(self, request: GoldenRequest, *, release: str, variant: str | None) -> GoldenResult:
        """Ask, and return how it went, whenever the answer came within its time."""
        return super().judged(replace(request, latency_ms=None), release=release, variant=variant)

    def ask(self, request: GoldenRequest, variant: str | None) -> Asked:
        """Hand one request in and wait for its answer. An error is an answer, too."""
        del variant
        began = self._clock()
        try:
            return self._ask(request, began)
        except SlipwayError as error:
            return Asked(self._since(began), error=error.message)

    def _ask(self, request: GoldenRequest, began: float) -> Asked:
        bucket = self._session.artifacts()
        key = f"{self._folder}golden/{hashlib.sha256(request.body).hexdigest()}"
        bucket.put_once(key, request.body, content_type=request.content_type)
        submitted = self._session.runtime.submit(
            self._endpoint, bucket.uri(key), content_type=request.content_type, accept=request.accept
        )
        while self._clock() - began < ANSWER_S and not self.late:
            if (answer := self._read(submitted.output)) is not None:
                return Asked(self._since(began), body=answer)
            if submitted.failure and (said := self._read(submitted.failure)) is not None:
                return Asked(
                    self._since(began), error=f"the model failed: {printable(said[:500].decode(errors='replace'))}"
                )
            self._sleep(LOOK_S)
        return Asked(self._since(began), error=f"no answer came within {self._clock() - began:.0f} s")

    def _read(self, uri: str) -> bytes | None:
        bucket = self._session.artifacts()
        prefix = bucket.uri("")
        if not uri.startswith(prefix):
            raise SlipwayError(f"the answer lies in {uri}, and not in {bucket.name}")
        found = bucket.get_small(uri.removeprefix(prefix), limit=ANSWER_LIMIT)
        return None if found is None else found[0]
