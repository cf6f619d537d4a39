"""dynamodb:LeadingKeys: the partition keys of the items that a request reads or writes.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from moto.dynamodb.models import dynamodb_backends

from sandbox.iam import templates
from sandbox.iam.context import Context

_EQUALS = re.compile(r"([#\w.-]+)\s*=\s*(:\w+)")
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"  # a key that could not be found is nobody's


def keys_of(place: str, scope: templates.Scope) -> Context:
    """Return the leading keys; `place` is Key, Item, Query or RequestItems."""
    name = scope.item if place == "RequestItems" else scope.parameters.get("TableName")
    arn = templates.text("{Name|table}", templates.Scope(scope.account, scope.region, {"Name": name}, {})) or ""
    if arn.count(":") != 5:
        return {}
    table: Any = dynamodb_backends[arn.split(":")[4]][scope.region].tables.get(arn.rpartition("/")[2])
    if table is None:
        return {}
    attribute = _hash_key(table, scope.parameters.get("IndexName"))
    found = tuple(dict.fromkeys(_values(place, attribute, scope)))
    return {"dynamodb:LeadingKeys": found} if found else {}


def _hash_key(table: Any, index: str | None) -> str:
    for one in (*table.indexes, *table.global_indexes) if index else ():
        if one.name == index:
            return next(str(key["AttributeName"]) for key in one.schema if key["KeyType"] == "HASH")
    return str(table.hash_key_attr)


def _values(place: str, attribute: str, scope: templates.Scope) -> Iterator[str]:
    parameters = scope.parameters
    if place in {"Key", "Item"}:
        yield _plain((parameters.get(place) or {}).get(attribute))
    elif place == "Query":
        yield _queried(attribute, parameters)
    else:
        request = (parameters.get("RequestItems") or {}).get(scope.item)
        for key in request.get("Keys", []) if isinstance(request, Mapping) else []:
            yield _plain(key.get(attribute))
        for write in request if isinstance(request, list) else []:
            item = (write.get("PutRequest") or {}).get("Item") or (write.get("DeleteRequest") or {}).get("Key") or {}
            yield _plain(item.get(attribute))


def _queried(attribute: str, parameters: Mapping[str, Any]) -> str:
    names = parameters.get("ExpressionAttributeNames") or {}
    values = parameters.get("ExpressionAttributeValues") or {}
    for name, value in _EQUALS.findall(str(parameters.get("KeyConditionExpression") or "")):
        if names.get(name, name) == attribute:
            return _plain(values.get(value))
    old = (parameters.get("KeyConditions") or {}).get(attribute) or {}
    return _plain(next(iter(old.get("AttributeValueList") or []), None))


def _plain(value: Any) -> str:
    """Return the text of {"S": "a"} and its like."""
    if isinstance(value, Mapping) and len(value) == 1:
        return str(next(iter(value.values())))
    return _UNKNOWN
