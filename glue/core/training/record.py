"""A job as the table holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, cast

from glue.core.training import keys
from glue.core.training.words import Kind, Pool, Purchase, Status
from glue.errors import SlipwayError

if TYPE_CHECKING:
    from glue.core.training.spec import Job

Value = str | int | float
Item = dict[str, Value]

# Attributes with another name than the field's; the first three are published names.
_NAMES = {"job": "JobId", "status": "JobStatus", "arguments": "JobArgs"}
_WORDS = {"status": Status, "kind": Kind, "purchase": Purchase}
_NUMBERS = {"cost_usd"}
# What only the indexes need: present exactly while the item belongs into the index.
DUE_SHARD, DUE_KEY, OPEN_SHARD, WEEK = "due_shard", "due_key", "open_shard", "week"


class RecordError(SlipwayError, ValueError):
    """An item of the table that is no job's (exit 1)."""


@dataclass(frozen=True)
class Record:
    """One item. Optional attributes are None when absent. Times are epoch milliseconds."""

    job: str
    status: Status
    arguments: str  # JobArgs: the canonical JSON of the document
    digest: str
    kind: Kind
    model: str
    owner: str
    submitted_by: str
    priority: int
    submitted_at: int
    due_at: int
    instance_type: str  # New: the type that the next attempt asks for; else that of the last attempt
    instance_count: int
    purchase: Purchase
    fallbacks: str | None = None  # all instance types that it may use, separated by commas; absent: only one
    attempt: int = 0  # claims so far
    spot_attempts: int = 0
    transient: int = 0
    algorithm: int = 0
    remote_name: str | None = None
    first_launched_at: int | None = None  # when its first attempt was made
    tried_at: int | None = None  # when the first attempt that came to nothing began: giving up counts from here
    launched_at: int | None = None
    started_at: int | None = None
    ended_at: int | None = None
    reason: str | None = None
    cost_usd: float | None = None  # of all attempts; absent: unknown
    training_seconds: int | None = None  # of all attempts
    billable_seconds: int | None = None  # of all attempts; absent: unknown
    stop_requested_at: int | None = None
    stop_requested_by: str | None = None
    best: str | None = None  # JSON of the best result of a tuning
    waits_for: str | None = None
    expires_at: int | None = None  # epoch seconds: DynamoDB's TTL

    @property
    def pool(self) -> Pool:
        """The pool that its instances come from."""
        return Pool(self.instance_type, self.purchase)

    @property
    def remote_kind(self) -> Kind:
        """What SageMaker runs for it: processing on spot is a training."""
        return remote_kind(self.kind, self.purchase)


def remote_kind(kind: Kind, purchase: Purchase) -> Kind:
    """Return what SageMaker runs: SageMaker Processing knows no spot, so such a job is a managed spot training."""
    return Kind.TRAINING if kind is Kind.PROCESSING and purchase is Purchase.SPOT else kind


def attribute(field: str) -> str:
    """Return the attribute that holds a field of Record."""
    return _NAMES.get(field, field)


def to_item(record: Record) -> Item:
    """Return the whole item, with what the indexes need."""
    found: Item = {
        attribute(field.name): _plain(value)
        for field in fields(record)
        if (value := getattr(record, field.name)) is not None
    }
    found |= {name: value for name, value in index_values(record).items() if value is not None}
    return found


def index_values(record: Record) -> dict[str, str | None]:
    """Return the attributes that place a job into the indexes; None where it does not belong."""
    number = keys.shard(record.job)
    return {
        DUE_SHARD: str(number) if record.status is Status.NEW else None,
        DUE_KEY: keys.due_key(record.priority, record.due_at) if record.status is Status.NEW else None,
        OPEN_SHARD: str(number) if record.status is Status.LAUNCHED else None,
        WEEK: f"{keys.week(record.submitted_at)}#{number}",
    }


def from_item(found: Mapping[str, object]) -> Record:
    """Return the record that an item holds; other attributes are left aside. Raises RecordError saying why not."""
    values: dict[str, object] = {}
    for field in fields(Record):
        name = attribute(field.name)
        if name not in found:
            continue
        values[field.name] = _read(found, name, field.name, str(field.type))
    try:
        return Record(**values)  # type: ignore[arg-type]
    except TypeError as error:
        raise RecordError(f"the item of {found.get('JobId')!r} is no job: attributes are missing ({error})") from error


def new(job: Job, *, submitted_by: str, now: int) -> Record:
    """Return the record of a job that was never tried. `submitted_by` is the caller's ARN."""
    return Record(
        job=job.id,
        status=Status.NEW,
        arguments=job.text,
        digest=job.digest,
        kind=job.kind,
        model=job.model,
        owner=job.owner,
        submitted_by=submitted_by,
        priority=job.priority,
        submitted_at=now,
        due_at=now,
        instance_type=job.instance_type,
        instance_count=job.instance_count,
        purchase=Purchase.SPOT if job.spot is not None else Purchase.ON_DEMAND,
        fallbacks=job.fallbacks,
        waits_for=job.hyperparameters_from,
    )


def history(record: Record) -> Item:
    """Return what is kept of a job for ever: its item without what only the table's indexes need."""
    places = index_values(record)
    return {name: value for name, value in to_item(record).items() if name not in places}


def _read(found: Mapping[str, object], name: str, field: str, annotation: str) -> object:
    """Numbers may come as int, float or Decimal: whatever the client makes of DynamoDB's N."""
    value = found[name]
    try:
        if field in _WORDS:
            return _WORDS[field](cast("str", value))
        if annotation.startswith("str"):
            if not isinstance(value, str):
                raise ValueError("it is no string")
            return value
        number = float(cast("float", value)) if not isinstance(value, str | bool) else None
        if number is None:
            raise ValueError("it is no number")
        return number if field in _NUMBERS else int(number)
    except (ValueError, TypeError, OverflowError) as error:
        raise RecordError(f"the item of {found.get('JobId')!r} is no job: {name} is {value!r}") from error


def _plain(value: object) -> Value:
    return str(value) if isinstance(value, str) else cast("Value", value)
