"""Queries of an index look at the items under its key only: moto sorts the whole table for each.

With 5,000 jobs in a table one query of moto costs 25 to 100 ms of processor, and the training queue asks 40 a minute.
The index is kept up to date by whoever writes; all of it under the lock of `tables`.
"""

from __future__ import annotations

import copy
import inspect
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from moto.dynamodb.models.table import Table

_Key = tuple[Any, Any]  # hash key and range key of an item
_Bucket = tuple[str, str]  # attribute and value
_known: weakref.WeakKeyDictionary[Any, Index] = weakref.WeakKeyDictionary()
_originals: dict[str, Callable[..., Any]] = {}


class Index:
    """The items of one table by the values of the attributes that its indexes begin with."""

    def __init__(self, table: Any, attributes: frozenset[str]) -> None:
        self.attributes = attributes
        self._places: dict[_Key, list[_Bucket]] = {}
        self._buckets: defaultdict[_Bucket, dict[_Key, Any]] = defaultdict(dict)
        for item in everything(table):
            self.keep((item.hash_key, item.range_key), item)

    def keep(self, key: _Key, item: Any | None) -> None:
        """Note what an item is now; None: gone."""
        for place in self._places.pop(key, ()):
            self._buckets[place].pop(key, None)
        if item is None:
            return
        found = [
            (name, str(value.value))
            for name in self.attributes
            if (value := item.attrs.get(name)) is not None and value.type == "S"
        ]
        if found:
            self._places[key] = found
        for place in found:
            self._buckets[place][key] = item

    def under(self, attribute: str, value: str) -> list[Any]:
        """Return the items with this value."""
        return list(self._buckets.get((attribute, value), {}).values())


def install() -> None:
    """Give moto's tables this way to answer queries."""
    for name, function in (("query", _query), ("put_item", _put_item), ("delete_item", _delete_item)):
        original = getattr(Table, name)
        if original is not function:
            _originals[name] = original
            setattr(Table, name, function)


def touched(table: Any, hash_key: Any, range_key: Any) -> None:
    """An item of the table was changed in its place, put back or taken away."""
    index = _known.get(table)
    if index is not None:
        index.keep((hash_key, range_key), table.get_item(hash_key, range_key))


def everything(table: Any) -> Iterator[Any]:
    """Yield the items of a table in no order."""
    for one in list(table.items.values()):
        if table.range_key_attr:
            yield from list(one.values())
        else:
            yield one


def _put_item(self: Any, *args: Any, **more: Any) -> Any:
    item = _originals["put_item"](self, *args, **more)
    index = _known.get(self)
    if index is not None:
        index.keep((item.hash_key, item.range_key), item)
    return item


def _delete_item(self: Any, hash_key: Any, range_key: Any) -> Any:
    item = _originals["delete_item"](self, hash_key, range_key)
    index = _known.get(self)
    if index is not None and item is not None:
        index.keep((item.hash_key, item.range_key), None)
    return item


def _query(self: Any, *args: Any, **more: Any) -> Any:
    """Ask moto about a copy of the table that has the items under the index's key only."""
    original = _originals["query"]
    asked = inspect.signature(original).bind(self, *args, **more).arguments
    wanted = dict(asked.get("hash_key_conditions") or ())
    name = _first_attribute(self, asked.get("index_name"))
    value = wanted.get(name)
    if name is None or value is None or value.type != "S":
        return original(self, *args, **more)
    view = copy.copy(self)
    view.items = _items(self, _index(self).under(name, str(value.value)))
    return original(view, *args, **more)


def _first_attribute(table: Any, index_name: str | None) -> str | None:
    """Return the attribute that an index begins with; None for the table itself or when there is no such index."""
    for index in table.all_indexes() if index_name else ():
        if index.name == index_name:
            return next((str(one["AttributeName"]) for one in index.schema if one["KeyType"] == "HASH"), None)
    return None


def _index(table: Any) -> Index:
    names = {_first_attribute(table, one.name) for one in table.all_indexes()}
    attributes = frozenset(name for name in names if name)
    found = _known.get(table)
    if found is None or found.attributes != attributes:
        found = _known[table] = Index(table, attributes)
    return found


def _items(table: Any, found: list[Any]) -> dict[Any, Any]:
    if not table.range_key_attr:
        return {item.hash_key: item for item in found}
    nested: defaultdict[Any, dict[Any, Any]] = defaultdict(dict)
    for item in found:
        nested[item.hash_key][item.range_key] = item
    return nested
