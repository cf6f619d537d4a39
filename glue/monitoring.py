"""The drift monitor's reports: the last one, or one made now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glue.aws.s3 import Bucket
from glue.aws.session import Session
from glue.core import names
from glue.core.strictjson import loads
from glue.errors import AwsError, NotFoundError

REPORT_LIMIT = 64 * 1024**2


@dataclass(frozen=True)
class Report:
    """A report and where it lies."""

    uri: str
    document: Mapping[str, Any]

    @property
    def summary(self) -> Mapping[str, Any]:
        """What alarms look at."""
        found: Mapping[str, Any] = self.document["summary"]
        return found


def latest(session: Session, endpoint: str) -> Report:
    """Return the last report of an endpoint. Raises NotFoundError when there is none."""
    bucket = session.artifacts()
    prefix = f"monitoring/{endpoint}/"
    for _ in ("year", "month", "day"):
        folders = bucket.folders(prefix)
        if not folders:
            raise _none(session, endpoint)
        prefix += f"{max(folders)}/"
    key = max(bucket.keys(prefix))
    found = bucket.get_small(key, limit=REPORT_LIMIT)
    if found is None:
        raise _none(session, endpoint)
    return _report(bucket, key, found[0])


def run(session: Session, endpoint: str) -> Report:
    """Have the monitor judge the window up to now, and return its report. Raises as `Functions.call` does."""
    own = session.environment
    name = f"{names.endpoint_name(own.project, own.name, endpoint)}-monitor"
    try:
        said = session.functions.call(name, {})
    except NotFoundError as error:
        raise NotFoundError(error.message, remedy=_REMEDY) from error
    if not isinstance(said.get("summary"), dict):
        raise AwsError(f"function {name} answered without a summary")
    return Report(str(said["report"]), said)


_REMEDY = "Set monitor = {} and data_capture in the endpoint's file, and apply. It runs every hour then."


def _none(session: Session, endpoint: str) -> NotFoundError:
    return NotFoundError(
        f"endpoint {endpoint} of {session.environment.name} has no report of a monitor yet", remedy=_REMEDY
    )


def _report(bucket: Bucket, key: str, data: bytes) -> Report:
    try:
        document = loads(data, limit=REPORT_LIMIT)
    except ValueError as error:
        raise AwsError(f"{bucket.uri(key)} is not a report: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("summary"), dict):
        raise AwsError(f"{bucket.uri(key)} is not a report: it has no summary")
    return Report(bucket.uri(key), document)
