"""DynamoDB tables under many threads: one writer at a time, transactions all or nothing, items that expire.

moto copies whole tables for a transaction (three a second), and swaps them under the feet of other threads.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from moto.dynamodb.comparisons import get_filter_expression
from moto.dynamodb.exceptions import (
    MockValidationException,
    MultipleTransactionsException,
    TooManyTransactionsException,
    TransactionCanceledException,
    TransactWriteSingleOpException,
)
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType

from sandbox.events import indexes, streams, work

LOCK = threading.RLock()  # of all tables: moto's work is done by one processor anyway
MOST_ITEMS = 100
EXPIRY_EVERY = 60.0  # AWS seconds; AWS promises a few days
SERVICE = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
Reason = tuple[str | None, str | None, dict[str, Any] | None]


class Undo:
    """What items were before, so that they can be so again."""

    def __init__(self) -> None:
        self._before: list[tuple[Any, DynamoType, DynamoType | None, Any]] = []

    def note(self, table: Any, key: tuple[DynamoType, DynamoType | None]) -> None:
        """Remember one item, also that there is none."""
        self._before.append((table, *key, copy.deepcopy(table.get_item(*key))))

    def back(self) -> None:
        """Put everything back."""
        with streams.quiet():
            for table, hash_key, range_key, item in reversed(self._before):
                if item is None:
                    table.delete_item(hash_key, range_key)
                elif range_key is not None:
                    table.items[hash_key][range_key] = item
                else:
                    table.items[hash_key] = item
                indexes.touched(table, hash_key, range_key)

    def tell(self) -> None:
        """Write what came of the items into their tables' streams."""
        for table, hash_key, range_key, old in self._before:
            new = table.get_item(hash_key, range_key)
            indexes.touched(table, hash_key, range_key)
            if table.stream_shard is not None and (old is not None or new is not None):
                streams.add(table.stream_shard, old, new)


def transact(backend: Any, items: Sequence[Mapping[str, Any]]) -> None:
    """TransactWriteItems: every condition is looked at before anything is written.

    Raises moto's errors: TransactionCanceledException has a reason for each item.
    """
    if len(items) > MOST_ITEMS:
        raise TooManyTransactionsException
    with LOCK:
        operations = [_operation(backend, item) for item in items]
        reasons = [_reason(backend, kind, operation, key) for kind, operation, _, key in operations]
        if any(code is not None for code, _, _ in reasons):
            raise TransactionCanceledException(reasons)
        undo = Undo()
        for _, _, table, key in operations:
            undo.note(table, key)
        for number, (kind, operation, _, _) in enumerate(operations):
            try:
                with streams.quiet():
                    _apply(backend, kind, operation)
            except MockValidationException as error:
                undo.back()
                reasons[number] = ("ValidationError", str(error.message), None)
                raise TransactionCanceledException(reasons) from error
            except BaseException:
                undo.back()
                raise
        undo.tell()


_Operation = tuple[str, Mapping[str, Any], Any, tuple[DynamoType, DynamoType | None]]


def _operation(backend: Any, item: Mapping[str, Any]) -> _Operation:
    if len(item) != 1:
        raise TransactWriteSingleOpException
    kind, operation = next(iter(item.items()))
    table = backend.get_table(operation["TableName"])
    if kind == "Put":
        names = [name for name in (table.hash_key_attr, table.range_key_attr) if name]
        missing = [name for name in names if name not in operation["Item"]]
        if missing:
            raise MockValidationException(
                f"One or more parameter values were invalid: Missing the key {missing[0]} in the item"
            )
        keys = {name: operation["Item"][name] for name in names}
    else:
        keys = operation["Key"]
    return kind, operation, table, backend.get_keys_value(table, keys)


def _reason(backend: Any, kind: str, operation: Mapping[str, Any], key: tuple[DynamoType, DynamoType | None]) -> Reason:
    del kind
    table = backend.get_table(operation["TableName"])
    condition = operation.get("ConditionExpression")
    if condition is None:
        return None, None, None
    current = table.get_item(*key)
    wanted = get_filter_expression(
        condition, operation.get("ExpressionAttributeNames"), operation.get("ExpressionAttributeValues")
    )
    if wanted.expr(current):
        return None, None, None
    asked = operation.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and current is not None
    shown = current.to_json()["Attributes"] if asked else None
    return "ConditionalCheckFailed", "The conditional request failed", shown


def _apply(backend: Any, kind: str, operation: Mapping[str, Any]) -> None:
    """Conditions were looked at before; names and values that only they use must not disturb."""
    name = operation["TableName"]
    if kind == "Put":
        backend.put_item(name, operation["Item"])
    elif kind == "Delete":
        backend.delete_item(name, operation["Key"])
    elif kind == "Update":
        backend.update_item(
            name,
            operation["Key"],
            update_expression=operation["UpdateExpression"],
            expression_attribute_names=operation.get("ExpressionAttributeNames") or {},
            expression_attribute_values=operation.get("ExpressionAttributeValues") or {},
        )


def distinct(items: Sequence[Mapping[str, Any]], backend: Any) -> None:
    """Raise moto's MultipleTransactionsException when two operations are about one item."""
    seen: set[tuple[str, str]] = set()
    for item in items:
        _, _, table, key = _operation(backend, item)
        mark = (table.table_arn, repr([one.to_json() if one is not None else None for one in key]))
        if mark in seen:
            raise MultipleTransactionsException
        seen.add(mark)


def update(original: Callable[..., Any], backend: Any, table_name: str, key: Mapping[str, Any], **more: Any) -> Any:
    """UpdateItem: all or nothing, and one record in the stream, also for an item that is new."""
    with LOCK:
        undo = Undo()
        table = backend.get_table(table_name)
        undo.note(table, backend.get_keys_value(table, key))
        try:
            with streams.quiet():
                item = original(backend, table_name, key, **more)
        except BaseException:
            undo.back()
            raise
        undo.tell()
        return item


def expire() -> int:
    """Delete the items whose time to live is over; returns how many. Their stream records name the service.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
    """
    now = work.now().timestamp()
    backends = [backend for regions in list(dynamodb_backends.values()) for backend in list(regions.values())]
    return sum(_expire(table, now) for backend in backends for table in list(backend.tables.values()))


def _expire(table: Any, now: float) -> int:
    if table.ttl.get("TimeToLiveStatus") != "ENABLED":
        return 0
    name, gone = table.ttl["AttributeName"], 0
    with LOCK:
        for item in list(indexes.everything(table)):
            value = item.attrs.get(name)
            # five years back nothing expires: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html
            if value is None or value.type != "N" or not now - 5 * 365 * 86400 < float(value.value) <= now:
                continue
            with streams.quiet():
                table.delete_item(item.hash_key, item.range_key if table.has_range_key else None)
            if table.stream_shard is not None:
                streams.add(table.stream_shard, item, None, identity=SERVICE)
            gone += 1
    return gone
