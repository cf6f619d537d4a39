"""The table as the queue uses it: items with plain values, and writes that say what must still be true.

A condition is a mapping from attribute to the value that it must have, None for "absent". DynamoDB compares and writes
in one step, so that of two who want the same item one wins
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Value = str | int | float
Row = dict[str, Any]  # attribute to Value; absent is not there
KEY = "JobId"


@dataclass(frozen=True)
class Written:
    """How a conditional write ended: the new item, or the one that did not fulfil the condition (empty: no item)."""

    done: bool
    row: Row


@dataclass(frozen=True)
class Page:
    """One page of a query. `following` continues it, None at the end; a page may be empty and not the last."""

    rows: list[Row]
    following: Row | None


class Table(Protocol):
    """What the store needs of a table. Nothing here retries a condition that failed."""

    def get(self, job_id: str) -> Row | None:
        """Return an item as it is now (a strongly consistent read), None when there is none."""

    def put(self, row: Mapping[str, Value], when: Mapping[str, Value | None]) -> Written:
        """Write a whole item."""

    def update(self, job_id: str, changes: Mapping[str, Value | None], when: Mapping[str, Value | None]) -> Written:
        """Change attributes, None removes one."""

    def query(
        self, index: str, key: tuple[str, str], *, until: tuple[str, int] | None, start: Row | None, limit: int
    ) -> Page:
        """Return a page of an index (eventually consistent): items whose key has a value, in order of the sort key.

        `until` leaves out the items with a greater value of an attribute. The limit counts them, too.
        """


class DynamoTable:
    """A DynamoDB table."""

    def __init__(self, client: DynamoDBClient, name: str) -> None:
        self._client = client
        self._name = name

    def get(self, job_id: str) -> Row | None:
        """Return an item as it is now, None when there is none."""
        answer = self._client.get_item(TableName=self._name, Key={KEY: {"S": job_id}}, ConsistentRead=True)
        return plain(answer["Item"]) if "Item" in answer else None

    def put(self, row: Mapping[str, Value], when: Mapping[str, Value | None]) -> Written:
        """Write a whole item when the condition holds."""
        said = _Expressions()
        request: dict[str, Any] = {"Item": encoded(row), **said.condition(when), **said.names_and_values()}
        way = self._in_the_way(self._client.put_item, request)
        return Written(way is None, dict(row) if way is None else way)

    def update(self, job_id: str, changes: Mapping[str, Value | None], when: Mapping[str, Value | None]) -> Written:
        """Change attributes when the condition holds. The answer is the whole new item: nobody has to read it again."""
        said = _Expressions()
        request: dict[str, Any] = {"Key": {KEY: {"S": job_id}}, "UpdateExpression": said.changes(changes)}
        request |= said.condition(when)
        new: Row = {}

        def call(**more: Any) -> None:
            new.update(plain(self._client.update_item(ReturnValues="ALL_NEW", **more)["Attributes"]))

        way = self._in_the_way(call, request | said.names_and_values())
        return Written(way is None, new if way is None else way)

    def _in_the_way(self, operation: Any, request: dict[str, Any]) -> Row | None:
        try:
            operation(TableName=self._name, ReturnValuesOnConditionCheckFailure="ALL_OLD", **request)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            found: Any = error.response.get("Item", {})
            return plain(found)
        return None

    def query(
        self, index: str, key: tuple[str, str], *, until: tuple[str, int] | None, start: Row | None, limit: int
    ) -> Page:
        """Return a page of an index."""
        said = _Expressions()
        request: dict[str, Any] = {"KeyConditionExpression": f"{said.name(key[0])} = {said.value(key[1])}"}
        if until is not None:
            request["FilterExpression"] = f"{said.name(until[0])} <= {said.value(until[1])}"
        if start is not None:
            request["ExclusiveStartKey"] = encoded(start)
        request |= said.names_and_values()
        answer = self._client.query(TableName=self._name, IndexName=index, Limit=limit, **request)
        last = answer.get("LastEvaluatedKey")
        return Page([plain(row) for row in answer["Items"]], plain(last) if last else None)


def encoded(row: Mapping[str, Value]) -> dict[str, Any]:
    """Return an item as DynamoDB's own JSON."""
    return {name: _encoded(value) for name, value in row.items()}


def plain(row: Mapping[str, Any]) -> Row:
    """Return an item of a stream or of an answer with plain values. Raises ValueError on types that we never write."""
    return {name: _plain(name, value) for name, value in row.items()}


def _encoded(value: Value) -> dict[str, str]:
    return {"S": value} if isinstance(value, str) else {"N": repr(value)}


def _plain(name: str, value: Mapping[str, Any]) -> Value:
    ((kind, text),) = value.items()
    if kind == "S":
        return str(text)
    if kind != "N":
        raise ValueError(f"the attribute {name} has type {kind}; the queue writes only S and N")
    try:
        return int(text)
    except ValueError:
        return float(text)


class _Expressions:
    """Placeholders of one request: words like `owner` and `status` are reserved in expressions."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[str, Any] = {}

    def name(self, attribute: str) -> str:
        """Return an attribute's placeholder."""
        placeholder = f"#{attribute}"
        self._names[placeholder] = attribute
        return placeholder

    def value(self, value: Value) -> str:
        """Return a value's placeholder."""
        placeholder = f":v{len(self._values)}"
        self._values[placeholder] = _encoded(value)
        return placeholder

    def condition(self, when: Mapping[str, Value | None]) -> dict[str, str]:
        """Return the request's condition, nothing when there is none."""
        parts = [
            f"attribute_not_exists({self.name(name)})" if value is None else f"{self.name(name)} = {self.value(value)}"
            for name, value in when.items()
        ]
        return {"ConditionExpression": " AND ".join(parts)} if parts else {}

    def changes(self, changes: Mapping[str, Value | None]) -> str:
        """Return the update expression."""
        put = [f"{self.name(name)} = {self.value(value)}" for name, value in changes.items() if value is not None]
        away = [self.name(name) for name, value in changes.items() if value is None]
        return " ".join(f"{word} {', '.join(parts)}" for word, parts in (("SET", put), ("REMOVE", away)) if parts)

    def names_and_values(self) -> dict[str, Any]:
        """Return what the placeholders stand for."""
        found: dict[str, Any] = {"ExpressionAttributeNames": self._names} if self._names else {}
        return found | ({"ExpressionAttributeValues": self._values} if self._values else {})
