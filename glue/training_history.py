"""All jobs of a time, for reports: from the table, and for those that it has let go from the artifact store."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from glue.core.training import keys
from glue.core.training_facts import BILLING, Fact, fact_of
from glue.errors import AwsError
from glue.training_jobs import INDEX, ORDER, PARTITION, record_of
from glue.training_queue import KEY

if TYPE_CHECKING:
    from glue.aws.dynamodb import Item
    from glue.aws.s3 import Bucket
    from glue.training_queue import Queue

_READERS = 16
_LARGEST = 256 * 1024
_DAY_MS = 86_400_000


@dataclass(frozen=True)
class Gathered:
    """Jobs by id: their items, and their bills where they are settled; how many records are none."""

    items: Mapping[str, Item]
    bills: Mapping[str, Mapping[str, object]]
    unreadable: int = 0

    def facts(self) -> tuple[list[Fact], int]:
        """Return the facts, and how many records are none."""
        found, unreadable = [], self.unreadable
        for job, item in self.items.items():
            try:
                found.append(fact_of(item, self.bills.get(job)))
            except ValueError:
                unreadable += 1
        return found, unreadable


def gather(queue: Queue, *, since: int, until: int, now: int) -> Gathered:
    """Return the jobs submitted from `since` to before `until` (epoch ms)."""
    weeks = keys.weeks_between(since, max(since, until - 1))
    with ThreadPoolExecutor(max_workers=_READERS) as pool:
        pages = pool.map(lambda shard: _shard(queue, shard, since, until), _shards(weeks))
        items = {str(item[KEY]): item for page in pages for item in page}
        bucket = queue.session.artifacts()
        old = [week for week in weeks if _let_go(week, now, queue.settings.history_days)]
        missing = [key for week in old for key in bucket.keys(f"{keys.HISTORY}{week}/") if _job(key) not in items]
        unreadable = 0
        for key, found in zip(missing, pool.map(lambda key: _read(bucket, key), missing), strict=True):
            if found is None:
                unreadable += 1
            else:
                items[_job(key)] = found
        bills = [key for week in weeks for key in bucket.keys(f"{BILLING}{week}/") if _job(key) in items]
        settled = zip(bills, pool.map(lambda key: _read(bucket, key), bills), strict=True)
        return Gathered(items, {_job(key): bill for key, bill in settled if bill is not None}, unreadable)


def _shards(weeks: Iterable[str]) -> list[str]:
    return [shard for week in weeks for shard in keys.week_shards(week)]


def _shard(queue: Queue, shard: str, since: int, until: int) -> list[Item]:
    return list(queue.table.query(INDEX, (PARTITION, shard), order=ORDER, since=since, until=until - 1))


def _let_go(week: str, now: int, days: int) -> bool:
    """Tell whether the table may have let go of jobs of a week: so many days after their end, and not before."""
    year, number = week.split("-W")
    begin = datetime.fromisocalendar(int(year), int(number), 1).replace(tzinfo=UTC)
    return begin.timestamp() * 1000 + days * _DAY_MS <= now


def _job(key: str) -> str:
    return key.rpartition("/")[2].removesuffix(".json")


def _read(bucket: Bucket, key: str) -> Item | None:
    try:
        return record_of(bucket.get_small(key, limit=_LARGEST), bucket.uri(key))
    except AwsError as error:
        if "is not the record" in error.message or "at most" in error.message:
            return None
        raise


def encode(document: Mapping[str, object]) -> bytes:
    """Return the bytes of a document in the store."""
    return (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()
