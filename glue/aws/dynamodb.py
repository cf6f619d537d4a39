"""DynamoDB: one table, read only. The queue's functions are the only ones that write it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from glue.aws.errors import Where, translated
from glue.errors import AwsError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, object]

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
_BATCH = 100
_ROUNDS = 8


class Table:
    """One table. Items are flat: texts, whole numbers and fractions, booleans, lists and maps of them."""

    def __init__(self, client: DynamoDBClient, *, name: str, where: Where, sleep: Callable[[float], None]) -> None:
        self._client = client
        self._where = where
        self._sleep = sleep
        self.name = name

    def get(self, key: str, value: str) -> Item | None:
        """Return the item with this key as it was last written, None when there is none."""
        with translated(self._where, f"{self.name}: {value}"):
            answer: Mapping[str, Any] = self._client.get_item(
                TableName=self.name, Key={key: {"S": value}}, ConsistentRead=True
            )
        return item_of(answer["Item"]) if "Item" in answer else None

    def get_all(self, key: str, values: Sequence[str], *, fields: Sequence[str]) -> dict[str, Item]:
        """Return the named fields of the items with these keys, by key; absent items are left out.

        Keys that AWS did not get to are asked for again. Raises AwsError when it never gets to them.
        """
        found: dict[str, Item] = {}
        names = {f"#f{place}": name for place, name in enumerate(dict.fromkeys((key, *fields)))}
        for start in range(0, len(values), _BATCH):
            waiting: list[Any] = [{key: {"S": value}} for value in dict.fromkeys(values[start : start + _BATCH])]
            for attempt in range(_ROUNDS):
                request: Any = {
                    "Keys": waiting,
                    "ConsistentRead": True,
                    "ProjectionExpression": ", ".join(names),
                    "ExpressionAttributeNames": names,
                }
                with translated(self._where, self.name):
                    answer: Mapping[str, Any] = self._client.batch_get_item(RequestItems={self.name: request})
                for item in answer["Responses"].get(self.name, []):
                    found[item[key]["S"]] = item_of(item)
                waiting = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
                if not waiting:
                    break
                self._sleep(min(5.0, 0.1 * 2**attempt))
            else:
                raise AwsError(
                    f"{self.name} did not hand out {len(waiting)} items, also after retries ({self._where})",
                    remedy="Wait, then run it again.",
                )
        return found

    def query(
        self,
        index: str,
        partition: tuple[str, str],
        *,
        order: str,
        since: int | None = None,
        until: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[Item]:
        """Yield the items of an index's partition (attribute, value) in the order of the number `order`, page by page.

        `since` and `until` bound that number, both included. An empty page is not the end:
        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html
        """
        lowest, highest = -(10**15) if since is None else since, 10**15 if until is None else until
        request: dict[str, Any] = {
            "TableName": self.name,
            "IndexName": index,
            "KeyConditionExpression": "#p = :p AND #o BETWEEN :low AND :high",
            "ExpressionAttributeNames": {"#p": partition[0], "#o": order},
            "ExpressionAttributeValues": {
                ":p": {"S": partition[1]},
                ":low": {"N": str(lowest)},
                ":high": {"N": str(highest)},
            },
            "ScanIndexForward": not newest_first,
        }
        while True:
            with translated(self._where, f"{self.name}, index {index}, {partition[1]}"):
                answer: Mapping[str, Any] = self._client.query(**request)
            yield from map(item_of, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def item_of(item: Mapping[str, Any]) -> Item:
    """Return DynamoDB's typed item as plain values: numbers without a fraction are int, others float."""
    return {name: _value(value) for name, value in item.items()}


def _value(typed: Mapping[str, Any]) -> object:
    ((kind, value),) = typed.items()
    if kind == "N":
        return int(value) if value.lstrip("-").isdigit() else float(value)
    if kind == "M":
        return item_of(value)
    if kind == "L":
        return [_value(inner) for inner in value]
    return None if kind == "NULL" else value
