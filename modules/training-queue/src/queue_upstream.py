"""Jobs that wait for a tuning: they go on with its best hyperparameters, or end with it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from queue_settle import Desk

from glue.core.training.record import Record, RecordError
from glue.core.training.words import Kind, Status

WAIT, READY, NEVER = "wait", "ready", "never"


class Upstream:
    """The tunings that jobs of one run wait for, each read once."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._known: dict[str, Record | str | None] = {}

    def best(self, tuning: str) -> tuple[str, Mapping[str, str]]:
        """Return READY with the best hyperparameters, or WAIT, or NEVER."""
        found = self._read(tuning)
        if isinstance(found, Record) and not found.status.terminal:
            return WAIT, {}
        best = hyperparameters(found) if isinstance(found, Record) else None
        return (NEVER, {}) if best is None else (READY, best)

    def end(self, job: str, tuning: str) -> None:
        """End a job whose tuning gives nothing. Raises RecordError when its item is broken."""
        record = self._desk.services.store.get(job)
        if record is not None and record.status is Status.NEW:
            self._desk.refuse(record, f"the tuning {tuning} {self._why(tuning)}")

    def _read(self, tuning: str) -> Record | str | None:
        if tuning not in self._known:
            try:
                self._known[tuning] = self._desk.services.store.get(tuning)
            except RecordError as error:
                self._known[tuning] = str(error)
        return self._known[tuning]

    def _why(self, tuning: str) -> str:
        found = self._read(tuning)
        if not isinstance(found, Record):
            return found or "is not in the table"
        if found.kind is not Kind.TUNING:
            return f"is no tuning: its kind is {found.kind}"
        if found.status is Status.COMPLETED:
            return "completed without a best training job"
        return f"ended {found.status}: {found.reason}"


def hyperparameters(tuning: Record) -> Mapping[str, str] | None:
    """Return the best hyperparameters of a completed tuning, None when there are none."""
    if tuning.status is not Status.COMPLETED or tuning.best is None:
        return None
    try:
        found = json.loads(tuning.best)["hyperparameters"]
    except (ValueError, KeyError, TypeError):
        return None
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else None
