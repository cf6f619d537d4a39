"""Streams of tables: one shard for each, records in order, kept for a day.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
"""

from __future__ import annotations

import contextlib
import copy
import threading
import weakref
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import StreamRecord

from sandbox.errors import AwsError
from sandbox.events import work

KEPT = 86400.0  # AWS seconds
_grown: weakref.WeakKeyDictionary[Any, threading.Condition] = weakref.WeakKeyDictionary()
_lock = threading.Lock()
_this = threading.local()


def shard_of(stream_arn: str) -> Any:
    """Return moto's shard of a stream. Raises AwsError ResourceNotFoundException when the stream is gone."""
    _, _, _, region, account, resource = stream_arn.split(":", 5)
    table_name, _, label = resource.removeprefix("table/").partition("/stream/")
    table = dynamodb_backends[account][region].tables.get(table_name)
    if table is None or table.stream_shard is None or table.latest_stream_label != label:
        raise AwsError("ResourceNotFoundException", f"Requested resource not found: Stream: {stream_arn} not found")
    return table.stream_shard


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Write nothing to streams in this thread: whoever works writes one record for all of it."""
    before, _this.quiet = getattr(_this, "quiet", False), True
    try:
        yield
    finally:
        _this.quiet = before


def add(shard: Any, old: Any, new: Any, *, identity: Mapping[str, str] | None = None) -> None:
    """Append what happened to one item. A write that changes nothing leaves no record.

    `identity`: who did it when it was a service, as for items that have expired.
    """
    if getattr(_this, "quiet", False):
        return
    table = shard.table
    if not table.stream_specification or not table.stream_specification.get("StreamEnabled"):
        return
    if old is not None and new is not None and old.to_json() == new.to_json():
        return
    name = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
    condition = _condition(shard)
    with condition:
        number = shard.starting_sequence_number + len(shard.items)
        record = StreamRecord(table, table.stream_specification["StreamViewType"], name, old, new, number)
        made = record.record = copy.deepcopy(record.record)
        made["awsRegion"], made["eventVersion"] = table.region_name, "1.1"
        made["dynamodb"]["ApproximateCreationDateTime"] = work.now().replace(microsecond=0)
        if identity is not None:
            made["userIdentity"] = {"PrincipalId": identity["principalId"], "Type": identity["type"]}
        shard.items.append(record)
        condition.notify_all()


def end(shard: Any) -> int:
    """Return the position after the last record."""
    return len(shard.items)


def wait(shard: Any, position: int, seconds: float) -> bool:
    """Wait up to so many wall seconds for a record at or after the position; return whether there is one."""
    condition = _condition(shard)
    with condition:
        return condition.wait_for(lambda: len(shard.items) > position, timeout=seconds)


def read(shard: Any, position: int, count: int) -> list[dict[str, Any]]:
    """Return up to `count` records from a position on, as functions see them; those over a day old are gone."""
    start = _first(shard, position)
    arn = f"{shard.table.table_arn}/stream/{shard.table.latest_stream_label}"
    return [_seen(one.record, arn) for one in shard.items[start : start + count]]


def following(shard: Any, position: int, count: int) -> int:
    """Return the position after `count` records that were read from a position on."""
    return _first(shard, position) + count


def created(record: Mapping[str, Any]) -> float:
    """Return when a record was made, in seconds since the epoch, of AWS's time."""
    moment = record["dynamodb"]["ApproximateCreationDateTime"]
    return float(moment.timestamp() if isinstance(moment, datetime) else moment)


def get(shard: Any, start: int, quantity: int) -> list[dict[str, Any]]:
    """Return records from a sequence number on, for GetRecords."""
    position = _first(shard, max(start - shard.starting_sequence_number, 0))
    return [one.record for one in shard.items[position : position + quantity]]


def _first(shard: Any, position: int) -> int:
    oldest = work.now().timestamp() - KEPT
    while position < len(shard.items) and created(shard.items[position].record) < oldest:
        position += 1
    return position


def _seen(record: Mapping[str, Any], arn: str) -> dict[str, Any]:
    inner = {**record["dynamodb"], "ApproximateCreationDateTime": int(created(record))}
    seen = {**record, "dynamodb": inner, "eventSourceARN": arn}
    if "userIdentity" in record:  # the API writes these names with capitals, functions get them without
        who = record["userIdentity"]
        seen["userIdentity"] = {"type": who["Type"], "principalId": who["PrincipalId"]}
    return seen


def _condition(shard: Any) -> threading.Condition:
    with _lock:
        found = _grown.get(shard)
        if found is None:
            found = _grown[shard] = threading.Condition()
        return found
