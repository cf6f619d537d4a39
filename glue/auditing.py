"""Writes and reads audit records. A record that cannot be written fails no deployment: it is told, and exit code 1."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from heapq import nlargest
from typing import TYPE_CHECKING

from glue.console import Console
from glue.core import audit
from glue.core.audit import Kept, Record, Unreadable
from glue.errors import AwsError, CredentialsError, SlipwayError

if TYPE_CHECKING:
    from glue.aws.s3 import Bucket, Listed
    from glue.aws.session import Session

PAGE = 100  # records that are read at once, when nobody says how many
MOST = 1000  # records that are read to find out since when a revision is live
_ENDINGS = (".started.json", ".json")
_TRIES = 5


def now() -> datetime:
    """Return the time, with its zone."""
    return datetime.now(UTC)


def record(
    session: Session,
    *,
    action: str,
    endpoint: str,
    source: str | None = None,
    to: str | None = None,
    releases: Sequence[str] = (),
    why: str = "",
    outcome: str = audit.DONE,
    reason: str | None = None,
    returned_to: str | None = None,
    plan: str | None = None,
    started: datetime | None = None,
    details: Mapping[str, str] | None = None,
) -> Record:
    """Write one record of something that is over, and return it. Raises AwsError when it cannot be written.

    `endpoint` is its short name; `_releases` and the like for what concerns none. `started` None means now.
    """
    when = now()
    made = _made(session, action=action, scope=endpoint, when=started or when, source=source, to=to, releases=releases)
    made = replace(made, why=audit.clean(why), plan=plan, details=dict(details or {}))
    return _write(session, made.ends(when, outcome=outcome, reason=reason, returned_to=returned_to))


def _made(
    session: Session,
    *,
    action: str,
    scope: str,
    when: datetime,
    source: str | None,
    to: str | None,
    releases: Sequence[str],
) -> Record:
    return Record(
        id=audit.new_id(when, action=action, subject=to),
        environment=session.environment.name,
        scope=scope,
        action=action,
        by=session.principal,
        role=session.caller if session.caller != session.principal else None,
        started=audit.rfc3339(when),
        source=source,
        to=to,
        releases=tuple(releases),
    )


def _write(session: Session, made: Record) -> Record:
    """Write a record where no other is. A key that is taken, by another call in this very microsecond, moves it on."""
    bucket = session.artifacts()
    when = datetime.strptime(made.id[:22], "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)
    for _ in range(_TRIES):
        if bucket.put_once(made.key, audit.encode(made), content_type="application/json"):
            return made
        when += timedelta(microseconds=1)
        made = replace(made, id=audit.new_id(when, action=made.action, subject=made.to))
    raise AwsError(f"{bucket.uri(made.key)} and the keys after it are taken")


class Trail:
    """Records what one call does in an environment. What could not be written is told, and kept in `unrecorded`."""

    def __init__(self, session: Session, *, console: Console, clock: Callable[[], datetime] = now) -> None:
        self.session = session
        self._console = console
        self._clock = clock
        self.unrecorded: list[str] = []

    def begin(
        self,
        *,
        action: str,
        endpoint: str,
        source: str | None = None,
        to: str | None = None,
        releases: Sequence[str] = (),
        why: str = "",
        plan: str | None = None,
        details: Mapping[str, str] | None = None,
    ) -> Record:
        """Write the intent, before anything is changed, and return it for `end`, which keeps its details."""
        when = self._clock()
        made = _made(self.session, action=action, scope=endpoint, when=when, source=source, to=to, releases=releases)
        made = replace(made, why=audit.clean(why), plan=plan, outcome=audit.STARTED, details=dict(details or {}))
        return self._kept(made, lambda: _write(self.session, made))

    def end(
        self,
        begun: Record,
        *,
        outcome: str = audit.DONE,
        reason: str | None = None,
        returned_to: str | None = None,
        details: Mapping[str, str] | None = None,
    ) -> Record:
        """Write how it ended, beside its intent."""
        made = begun.ends(self._clock(), outcome=outcome, reason=reason, returned_to=returned_to)
        made = replace(made, details={**made.details, **(details or {})})
        return self._kept(made, lambda: self._end(made))

    def note(
        self,
        *,
        action: str,
        endpoint: str,
        source: str | None = None,
        to: str | None = None,
        why: str = "",
        plan: str | None = None,
        details: Mapping[str, str] | None = None,
    ) -> Record:
        """Write one record of something that is over."""
        when = self._clock()
        made = _made(self.session, action=action, scope=endpoint, when=when, source=source, to=to, releases=())
        made = replace(made, why=audit.clean(why), plan=plan, details=dict(details or {}))
        made = made.ends(when, outcome=audit.DONE, reason=None, returned_to=None)
        return self._kept(made, lambda: _write(self.session, made))

    def _end(self, made: Record) -> Record:
        bucket = self.session.artifacts()
        if bucket.put_once(made.key, audit.encode(made), content_type="application/json"):
            return made
        # another call took this one for dead and wrote its end
        another = audit.new_id(self._clock(), action=made.action, subject=made.to)
        return _write(self.session, replace(made, id=another, details={**made.details, "of": made.id}))

    @contextmanager
    def around(
        self,
        *,
        action: str,
        endpoint: str,
        source: str | None = None,
        to: str | None = None,
        releases: Sequence[str] = (),
        why: str = "",
        plan: str | None = None,
    ) -> Iterator[Record]:
        """Record what the block does: done, or failed with the error that leaves it."""
        begun = self.begin(
            action=action, endpoint=endpoint, source=source, to=to, releases=releases, why=why, plan=plan
        )
        try:
            yield begun
        except SlipwayError as error:
            self.end(begun, outcome=audit.FAILED, reason=error.message)
            raise
        self.end(begun)

    def reconcile(self, endpoint: str, *, served: str | None) -> list[Record]:
        """Write the end of what killed calls began at an endpoint, and return these ends.

        `served` is the revision that AWS serves now that nothing is under way: the one wanted, and the call did what it
        was asked for; another, and it was interrupted. Nobody else may be at work there: the caller holds the lock.
        """
        try:
            return [self._close(begun, served) for begun in unfinished(self.session, endpoint)]
        except SlipwayError as error:
            self._failed(f"what earlier calls began at {endpoint} could not be looked up: {error.message}")
            return []

    def _close(self, begun: Record, served: str | None) -> Record:
        arrived = served is not None and served == begun.to
        text = "the call ended without a word"
        if not begun.scope.startswith("_"):
            text += f"; later {served or 'nothing'} was live"
        self._console.warn(f"{begun.action} of {begun.started} by {begun.by}: {text}", of=begun.scope)
        return self.end(
            begun,
            outcome=audit.DONE if arrived else audit.INTERRUPTED,
            reason=text,
            returned_to=None if arrived else served,
            details={"ended_by": self.session.principal},
        )

    def _kept(self, made: Record, write: Callable[[], Record]) -> Record:
        try:
            return write()
        except SlipwayError as error:
            self._failed(f"{made.action} of {made.scope} ({made.outcome}) is not in the audit trail: {error.message}")
            return made

    def _failed(self, text: str) -> None:
        self.unrecorded.append(text)
        self._console.warn(f"{text}\nThe work itself goes on; this command ends with exit code 1.")


# reading


def records(session: Session, endpoint: str | None = None, *, limit: int = PAGE) -> list[Kept]:
    """Return the newest actions, the newest first, by the time at which S3 stored them; `endpoint` None means all.

    At most `limit` objects are read, of at most 64 KiB each; one that is not a record is returned as unreadable.
    """
    bucket = session.artifacts()
    newest = nlargest(limit, _ends(bucket, endpoint), key=_when)
    return audit.merged([(_read(bucket, entry, session.environment.name), entry.stored) for entry in newest])


def live_since(session: Session, endpoint: str, revision: str) -> datetime | None:
    """Return since when an endpoint's revision is live without a break, None when the records do not say that it is."""
    return audit.live_since(records(session, endpoint, limit=MOST), revision)


def unfinished(session: Session, endpoint: str) -> list[Record]:
    """Return what was begun at an endpoint and has no end, the oldest first."""
    bucket = session.artifacts()
    found = (_read(bucket, entry, session.environment.name) for entry in _ends(bucket, endpoint) if _begun(entry.key))
    return sorted((entry for entry in found if isinstance(entry, Record)), key=lambda entry: entry.id)


def _ends(bucket: Bucket, endpoint: str | None) -> Iterator[Listed]:
    """Yield the objects that tell how something ended, and the intents that have no end."""
    listed = list(bucket.objects(f"{audit.PREFIX}{endpoint}/" if endpoint else audit.PREFIX))
    keys = {entry.key for entry in listed}
    for entry in listed:
        if not (_begun(entry.key) and entry.key.removesuffix(_ENDINGS[0]) + _ENDINGS[1] in keys):
            yield entry


def _begun(key: str) -> bool:
    return key.endswith(_ENDINGS[0])


def _when(entry: Listed) -> tuple[datetime, str]:
    return entry.stored, entry.key


def _read(bucket: Bucket, entry: Listed, environment: str) -> Record | Unreadable:
    """Return an object's record. A single object that cannot be read is no reason to show nothing."""
    if entry.bytes > audit.LIMIT:
        return Unreadable(audit.clean(entry.key), f"it has {entry.bytes} bytes; at most {audit.LIMIT} are read")
    try:
        found = bucket.get_small(entry.key, limit=audit.LIMIT)
    except CredentialsError:
        raise
    except AwsError as error:
        return Unreadable(audit.clean(entry.key), audit.clean(error.message))
    if found is None:
        return Unreadable(audit.clean(entry.key), "it is gone")
    return audit.decode(found[0], key=entry.key, environment=environment)
