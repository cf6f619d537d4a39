"""What is wrong with a job document, as far as it can be told before the queue looks at it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from glue.core import names
from glue.core.training import job
from glue.core.training.settings import Settings
from glue.errors import NotFoundError
from glue.training_submit import nonce

if TYPE_CHECKING:
    from glue.training_queue import Queue


@dataclass(frozen=True)
class Checker:
    """Checks documents with the queue's own rules and AWS's own service model. `principal` is the caller's ARN."""

    settings: Settings
    principal: str

    @cached_property
    def _validate(self) -> job.Validate:
        from glue.aws.service_model import validator  # noqa: PLC0415 - reads AWS's service model: 0.1 s

        return validator()

    def __call__(self, document: Mapping[str, object]) -> Sequence[str]:
        """Return a sentence for each thing that is wrong."""
        try:
            job.parse(
                document,
                settings=self.settings,
                caller=self.principal.rpartition("/")[2],
                now=int(time.time() * 1000),
                nonce=nonce(),
                validate=self._validate,
            )
        except job.JobError as error:
            return error.problems
        return ()


class Images:
    """Finds images by commit or digest in the registry, each one once, also those that are not there."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._found: dict[tuple[str, str], str | ValueError] = {}

    def __call__(self, model: str, reference: str) -> str:
        """Return `<registry>/<repository>@sha256:…`. Raises ValueError when the model or its image is not there."""
        known = (model, reference)
        if known not in self._found:
            self._found[known] = self._look(model, reference)
        found = self._found[known]
        if isinstance(found, ValueError):
            raise found
        return found

    def _look(self, model: str, reference: str) -> str | ValueError:
        settings = self._queue.settings
        if model not in self._queue.environment.models:
            return ValueError(f"--image: there is no model {model!r} in {settings.environment}")
        try:
            digest = self._queue.session.registry.resolve(names.repository_name(settings.project, model), reference)
        except NotFoundError as error:
            return ValueError(f"--image: {error.message}. Build and push it first: make image MODEL={model}")
        return f"{settings.repository(model)}@{digest}"
