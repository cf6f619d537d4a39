"""One JSON object a line on stderr: CloudWatch Logs keeps it as one event and can filter on its fields."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime

TEXT_LIMIT = 8000  # a CloudWatch event holds 256 kB, but nobody reads more of one error


def line(level: str, event: str, **fields: object) -> str:
    """Return one log line: time (RFC 3339, UTC), level, event and `fields`; long texts are cut at 8000 characters."""
    record: dict[str, object] = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "level": level}
    record["event"] = event
    for key, value in fields.items():
        if value is not None:
            record[key] = value[:TEXT_LIMIT] if isinstance(value, str) else value
    return json.dumps(record, default=str)


def write(level: str, event: str, **fields: object) -> None:
    """Write one log line to stderr in a single call, so that lines of several workers do not mix."""
    sys.stderr.write(line(level, event, **fields) + "\n")
    sys.stderr.flush()


def describe(error: BaseException) -> str:
    """Return `Type: message` on one line, at most 500 characters: fit for a caller and for a failure file."""
    message = " ".join(str(error).split())
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    return text if len(text) <= 500 else text[:499] + "…"


def trace(error: BaseException) -> str:
    """Return the traceback as text: for the log only, never for the caller."""
    return "".join(traceback.format_exception(error))


class JsonFormatter(logging.Formatter):
    """Makes gunicorn's own messages look like ours."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one JSON line for a record of the standard logging module."""
        fields: dict[str, object] = {"message": record.getMessage(), "pid": record.process}
        if record.exc_info and record.exc_info[1] is not None:
            fields["traceback"] = trace(record.exc_info[1])
        return line(record.levelname.lower(), "server", **fields)
