"""A table's stream as the source of a function: in order, again and again until it works or is given up.

https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sandbox.errors import AwsError
from sandbox.events import mappings, outlets, queues, streams, work
from sandbox.runtime import clock as clocks
from sandbox.runtime import function_calls
from sandbox.runtime.functions import Outcome

log = logging.getLogger(__name__)
READ = (
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:DescribeStream",
)
POLL = 0.5  # wall seconds of one look at a quiet stream
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # AWS seconds between attempts at one batch (assumption: AWS says "backs off")
DENIED_PAUSE = 10.0
Record = Mapping[str, Any]


class StreamPoller(mappings.Poller):
    """Reads the one shard of a table's stream. A mapping remembers where it is, also while it is disabled."""

    def run(self) -> None:
        """Read until the mapping is gone."""
        while self.wanted and not clocks.shared().stopped:
            try:
                shard = streams.shard_of(self.mapping.event_source_arn)
            except AwsError as error:
                self.mapping.last_result = f"PROBLEM: {error.message}"
                self.ended.wait(POLL)
                continue
            if not self.allowed(READ, self.mapping.event_source_arn):
                clocks.shared().sleep(DENIED_PAUSE)
                continue
            self._read(shard)

    def _read(self, shard: Any) -> None:
        if "position" not in self.mapping.__dict__:
            start = streams.end(shard) if self.mapping.starting_position == "LATEST" else 0
            self.mapping.position = start
        size, window = int(self.mapping.batch_size), float(self.mapping.max_batch_window or 0)
        if not streams.wait(shard, self.mapping.position, POLL):
            self.mapping.last_result = "No records processed"
            return
        ends = queues.after(window)
        while len(streams.read(shard, self.mapping.position, size)) < size and ends.left() > 0 and self.wanted:
            self.ended.wait(min(ends.left(), POLL))
        batch = streams.read(shard, self.mapping.position, size)
        following = streams.following(shard, self.mapping.position, len(batch))
        kept = [one for one in batch if self.filtered(one)]
        if self._process(kept):
            self.mapping.position = following

    def _process(self, batch: Sequence[Record], attempts: int = 0) -> bool:
        """Work on a batch until it is done or given up; False when the mapping was stopped meanwhile."""
        first_try = attempts
        while batch:
            batch = self._young(batch, attempts)
            if not batch:
                return True
            outcome, failed = self._call(batch)
            attempts += 1
            if failed is None:
                return True
            if failed > 0:  # what came before the first failure is done
                batch, attempts = batch[failed:], 0
                continue
            most = self.mapping.max_retry_attempts
            if most is not None and int(most) >= 0 and attempts > int(most):
                self._give_up(batch, outcome, attempts, "RetryAttemptsExhausted")
                return True
            if self.mapping.bisect_on_error and len(batch) > 1:
                half = len(batch) // 2
                return self._process(batch[:half], first_try) and self._process(batch[half:], first_try)
            if not self._pause(attempts):
                return False
        return True

    def _pause(self, attempts: int) -> bool:
        running = clocks.shared().sleep(min(FIRST_WAIT * 2 ** (attempts - 1), LONGEST_WAIT))
        return running and self.wanted

    def _young(self, batch: Sequence[Record], attempts: int) -> Sequence[Record]:
        """Give up the records that are too old."""
        limit = self.mapping.max_record_age
        if limit is None or int(limit) < 0:
            return batch
        now = work.now().timestamp()
        old = [one for one in batch if now - streams.created(one) > int(limit)]
        if old:
            self._give_up(old, None, attempts, "RecordAgeExceeded")
        return [one for one in batch if one not in old]

    def _call(self, batch: Sequence[Record]) -> tuple[Outcome | None, int | None]:
        """Call the function; return the index of the first record that failed, None when there is none."""
        event = {"Records": [dict(one) for one in batch]}
        try:
            outcome = function_calls.invoke(self.mapping.function_arn, json.dumps(event, default=_plain).encode())
        except AwsError as error:
            self.mapping.last_result = f"PROBLEM: {error.message}"
            return None, 0
        if outcome.error is not None:
            self.mapping.last_result = "PROBLEM: Function call failed"
            return outcome, 0
        self.mapping.last_result = "OK"
        if "ReportBatchItemFailures" not in (self.mapping.function_response_types or []):
            return outcome, None
        failed = mappings.failures(outcome.payload)
        if failed == []:
            return outcome, None
        numbers = [one["dynamodb"]["SequenceNumber"] for one in batch]
        if failed is None or not set(failed) <= set(numbers):
            return outcome, 0
        return outcome, min(numbers.index(one) for one in failed)

    def _give_up(self, batch: Sequence[Record], outcome: Outcome | None, attempts: int, condition: str) -> None:
        target = ((self.mapping.destination_config or {}).get("OnFailure") or {}).get("Destination")
        log.warning("%s: %d records were given up: %s", self.mapping.event_source_arn, len(batch), condition)
        if not target:
            return
        try:
            outlets.as_role(self.role(), target, json.dumps(self._left(batch, outcome, attempts, condition)))
        except AwsError as error:
            log.warning("what is left of them did not reach %s: %s", target, error)

    def _left(self, batch: Sequence[Record], outcome: Outcome | None, attempts: int, condition: str) -> dict[str, Any]:
        """https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html: where they are, not what."""
        times = [datetime.fromtimestamp(streams.created(one), UTC) for one in batch]
        made: dict[str, Any] = {
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "functionArn": self.mapping.function_arn,
                "condition": condition,
                "approximateInvokeCount": attempts,
            },
            "version": "1.0",
            "timestamp": f"{work.now():%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z",
            "DDBStreamBatchInfo": {
                "shardId": streams.shard_of(self.mapping.event_source_arn).id,
                "startSequenceNumber": batch[0]["dynamodb"]["SequenceNumber"],
                "endSequenceNumber": batch[-1]["dynamodb"]["SequenceNumber"],
                "approximateArrivalOfFirstRecord": work.stamp(min(times)),
                "approximateArrivalOfLastRecord": work.stamp(max(times)),
                "batchSize": len(batch),
                "streamArn": self.mapping.event_source_arn,
            },
        }
        if outcome is not None:
            made["responseContext"] = {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                "functionError": outcome.error,
            }
        return made


def _plain(value: Any) -> Any:
    return value.timestamp() if isinstance(value, datetime) else str(value)
