"""DynamoDB: safe under threads, quick and whole transactions, streams with every change once, items that expire.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""

from __future__ import annotations

import base64
import json
from typing import Any

from moto.core.utils import get_service_model
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import StreamShard
from moto.dynamodb.responses import DynamoHandler
from werkzeug.wrappers import Response

from sandbox.calls import Call
from sandbox.door import on_service
from sandbox.errors import AwsError
from sandbox.events import exports, indexes, queues, streams, tables, work
from sandbox.iam import world
from sandbox.runtime.clock import Timer
from sandbox.settings import Settings

_EXPORTS = frozenset({"ExportTableToPointInTime", "DescribeExport", "ListExports"})
_OF_ITEMS = frozenset({"BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem"})
TOKEN_LIFE = 600.0  # AWS seconds
_originals: dict[str, Any] = {}
_tokens: dict[tuple[str, str], tuple[queues.Moment, str]] = {}
_timers: list[Timer] = []


def install(settings: Settings) -> None:
    """Put a lock around moto's tables, and our streams and transactions behind them."""
    del settings
    shutdown()
    _tokens.clear()
    exports.forget()
    on_service("dynamodb", _exported)
    for owner, name, function in (
        (DynamoHandler, "call_action", _call_action),
        (DynamoHandler, "transact_write_items", _transact_write_items),
        (DynamoHandler, "serialized", _serialized),
        (DynamoDBBackend, "update_item", _update_item),
    ):
        original = getattr(owner, name)
        if original is not function:
            _originals[name] = original
            setattr(owner, name, function)
    indexes.install()
    DynamoDBBackend.transact_write_items = _transact
    StreamShard.add = streams.add
    StreamShard.get = streams.get
    _timers.append(work.every(tables.EXPIRY_EVERY, "items that expire", tables.expire))


def _exported(call: Call) -> Response | None:
    request = json.loads(call.body() or b"{}") if call.operation in _EXPORTS else {}
    if call.operation == "ExportTableToPointInTime" and call.principal is not None:
        found: Any = {"ExportDescription": exports.start(world.principal_of(call.principal), request)}
    elif call.operation == "DescribeExport":
        found = {"ExportDescription": exports.described(str(request.get("ExportArn")))}
    elif call.operation == "ListExports":
        found = {"ExportSummaries": exports.listed(request.get("TableArn"))}
    else:
        return None
    return Response(json.dumps(found), content_type="application/x-amz-json-1.0")


def shutdown() -> None:
    """Let nothing expire any more."""
    while _timers:
        _timers.pop().cancel()


def _call_action(self: Any) -> Any:
    with tables.LOCK:
        return _originals["call_action"](self)


def _serialized(self: Any, answer: Any) -> Any:
    """Items are JSON already: moto's serializer looks for each of their members, 2 ms for each item."""
    if self._get_action() not in _OF_ITEMS or not isinstance(answer.result, dict):
        return _originals["serialized"](self, answer)
    shape = get_service_model("dynamodb").operation_model(self._get_action()).output_shape
    shown = {name: value for name, value in answer.result.items() if name in shape.members and value is not None}
    headers = {"Content-Type": "application/x-amz-json-1.0", **self.response_headers}
    return 200, headers, json.dumps(shown, default=_binary)


def _binary(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} is nothing that an item holds")


def _transact(self: Any, transact_items: list[dict[str, Any]]) -> None:
    tables.distinct(transact_items, self)
    tables.transact(self, transact_items)


def _update_item(self: Any, table_name: str, key: dict[str, Any], **more: Any) -> Any:
    return tables.update(_originals["update_item"], self, table_name, key, **more)


def _transact_write_items(self: Any) -> Any:
    """With a ClientRequestToken, the same request within ten minutes does nothing more.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-apis-txwriteitems
    """
    token = self.body.get("ClientRequestToken")
    if not token:
        return _originals["transact_write_items"](self)
    for key in [key for key, (until, _) in _tokens.items() if until.left() <= 0]:
        del _tokens[key]
    request = json.dumps(self.body["TransactItems"], sort_keys=True, default=repr)
    known = _tokens.get((self.current_account, token))
    if known is not None and known[1] != request:
        raise AwsError(
            "IdempotentParameterMismatchException",
            "The request uses the same client token as a previous, other request.",
        )
    if known is not None:
        self.body = {**self.body, "TransactItems": []}
    answer = _originals["transact_write_items"](self)
    _tokens.setdefault((self.current_account, token), (queues.after(TOKEN_LIFE), request))
    return answer
