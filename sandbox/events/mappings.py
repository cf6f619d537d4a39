"""Event source mappings: pollers that read a queue or a table's stream and call a function with what they found.

They run beside the requests, one for each mapping, and as the function's role.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html
"""

from __future__ import annotations

import abc
import json
import logging
import threading
from collections.abc import Mapping
from typing import Any

from moto.awslambda.models import lambda_backends

from sandbox.errors import AwsError
from sandbox.events import access, outlets, patterns, work
from sandbox.runtime import function_calls
from sandbox.runtime.clock import Timer

log = logging.getLogger(__name__)
LOOK_EVERY = 10.0  # AWS seconds until a new mapping is found; nothing else waits for this
_lock = threading.Lock()
_pollers: dict[str, Poller] = {}
_timers: list[Timer] = []


class Poller(abc.ABC):
    """Reads one source for one mapping. Subclasses know the kind of source."""

    def __init__(self, mapping: Any) -> None:
        self.mapping = mapping
        self.ended = threading.Event()

    @property
    def wanted(self) -> bool:
        """Whether the mapping is still there and enabled."""
        backend = lambda_backends[self.mapping.account_id][self.mapping.region]
        there = backend._event_source_mappings.get(self.mapping.uuid) is self.mapping
        return there and self.mapping.enabled and not self.ended.is_set()

    @abc.abstractmethod
    def run(self) -> None:
        """Read until the mapping is gone or disabled."""

    def role(self) -> str:
        """Return the role of the function. Raises AwsError when the function is gone."""
        return str(function_calls.find(self.mapping.function_arn).role)

    def allowed(self, actions: tuple[str, ...], resource: str) -> bool:
        """Whether the function's role may read the source; what is wrong is shown as LastProcessingResult."""
        try:
            role = self.role()
            access.trust(role, "lambda")
            for action in actions:
                access.check(role, action, resource, {})
        except AwsError as error:
            self.mapping.last_result = f"PROBLEM: {error.message}"
            return False
        return True

    def filtered(self, record: Mapping[str, Any], *, texts: tuple[str, ...] = ()) -> bool:
        """Whether a record passes the mapping's filters; `texts` are members that may hold JSON as text.

        https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
        """
        filters = (self.mapping.filter_criteria or {}).get("Filters") or []
        if not filters:
            return True
        return any(_passes(json.loads(one["Pattern"]), record, texts) for one in filters)


def _passes(pattern: Mapping[str, Any], record: Mapping[str, Any], texts: tuple[str, ...]) -> bool:
    """A pattern of an object needs JSON in the text, a pattern of texts needs plain text."""
    seen = dict(record)
    for name in texts:
        if name not in pattern:
            continue
        document = outlets.parsed(str(record.get(name, "")).encode())
        if isinstance(pattern[name], Mapping) != isinstance(document, dict):
            return False
        if isinstance(document, dict):
            seen[name] = document
    return patterns.matches(pattern, seen, loose=True)


def begin() -> None:
    """Poll for every mapping from now on."""
    end()
    _timers.append(work.every(LOOK_EVERY, "event source mappings", look))


def end() -> None:
    """Stop all pollers."""
    while _timers:
        _timers.pop().cancel()
    with _lock:
        for poller in _pollers.values():
            poller.ended.set()
        _pollers.clear()


def look() -> None:
    """Start pollers for new mappings; forget those that have ended."""
    from sandbox.events import source_queue, source_stream  # noqa: PLC0415 (they are pollers)

    with _lock:
        for uuid in [uuid for uuid, poller in _pollers.items() if not poller.wanted]:
            _pollers.pop(uuid).ended.set()
        for mapping in every():
            if mapping.uuid in _pollers or not mapping.enabled:
                continue
            kind = source_queue.QueuePoller if ":sqs:" in mapping.event_source_arn else source_stream.StreamPoller
            poller = _pollers[mapping.uuid] = kind(mapping)
            threading.Thread(target=_run, args=(poller,), name=f"poll {mapping.uuid}", daemon=True).start()


def every() -> list[Any]:
    """Return the mappings of all accounts."""
    backends = [backend for regions in list(lambda_backends.values()) for backend in list(regions.values())]
    return [mapping for backend in backends for mapping in list(backend._event_source_mappings.values())]


def _run(poller: Poller) -> None:
    try:
        poller.run()
    except Exception:
        log.exception("the poller of %s", poller.mapping.uuid)
    finally:
        poller.ended.set()


def failures(payload: bytes, key: str = "itemIdentifier") -> list[str] | None:
    """Return the identifiers of a partial failure, [] when all is well, None when the answer makes no sense.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
    """
    try:
        answer = json.loads(payload or b"null")
    except ValueError:
        return None
    if answer is None or answer == {}:
        return []
    listed = answer.get("batchItemFailures", []) if isinstance(answer, dict) else None
    if listed is None and isinstance(answer, dict):
        return []
    if not isinstance(listed, list):
        return None
    found = [one.get(key) if isinstance(one, dict) else None for one in listed]
    return [str(one) for one in found] if all(found) else None
