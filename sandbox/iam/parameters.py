"""What a request says, as one document in botocore's names, whatever protocol it came in.

Only what the table can ask for is read: the payloads of objects, functions and endpoints stay where they are.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.etree.ElementTree import Element

from botocore.parsers import RpcV2CBORParser
from moto.core.utils import get_service_model

from sandbox.calls import Call
from sandbox.errors import AwsError
from sandbox.s3 import wire

Document = dict[str, Any]
_MOST = 64 * 1024 * 1024  # bytes
_LOCATED = frozenset({"uri", "querystring", "header", "headers"})


def read(call: Call) -> Document:
    """Return the parameters of a request. Raises AwsError when its body is not what the protocol demands."""
    if call.protocol in {"query", "ec2"}:
        found = nested({**call.query, **call.form})
        if (
            call.service == "sqs" and call.path.count("/") > 1
        ):  # the address of the queue was the address of the request
            found.setdefault("QueueUrl", call.path)
        return found
    if call.protocol == "cbor":
        return _cbor(_body(call))
    if call.protocol == "json":
        return document(call)
    located, has_body = _members(call.service, call.operation)
    found = _located(call, located)
    if has_body and call.service != "s3":
        found |= document(call)
    return found if call.service != "s3" else _of_s3(call, found)


def document(call: Call) -> Document:
    """Return the JSON body. Raises AwsError SerializationException when it is none."""
    body = _body(call)
    if not body:
        return {}
    try:
        value = json.loads(body)
    except ValueError as error:
        raise AwsError("SerializationException", "The request's body is not JSON.") from error
    if not isinstance(value, dict):
        raise AwsError("SerializationException", "Start of structure or map found where not expected.")
    return value


def _body(call: Call) -> bytes:
    """Return the body, unpacked: SDKs may compress long ones."""
    body = call.body()
    if call.headers.get("content-encoding", "").lower() != "gzip":
        return body
    unpack = zlib.decompressobj(wbits=31)
    try:
        plain = unpack.decompress(body, _MOST)
    except zlib.error as error:
        raise AwsError("SerializationException", "The request's body is not gzip.") from error
    if unpack.unconsumed_tail:
        raise AwsError("RequestEntityTooLargeException", f"A request may have at most {_MOST} bytes.", 413)
    return plain


def nested(flat: Mapping[str, str]) -> Document:
    """Return the query protocol's `Tags.member.1.Key=a` as structures and lists."""
    root: Document = {}
    for path, value in flat.items():
        node = root
        *parents, last = [part for part in path.split(".") if part not in {"member", "entry"}]
        for part in parents:
            child = node.setdefault(part, {})
            if not isinstance(child, dict):
                raise AwsError("MalformedInput", f"{path} contradicts another parameter")
            node = child
        if isinstance(node.get(last), dict):
            raise AwsError("MalformedInput", f"{path} contradicts another parameter")
        node[last] = value
    return {name: _listed(value) for name, value in root.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(name.isdecimal() for name in value):
        return [_listed(value[name]) for name in sorted(value, key=int)]
    return {name: _listed(inner) for name, inner in value.items()}


@cache
def _members(service: str, operation: str) -> tuple[tuple[tuple[str, str, str], ...], bool]:
    """Return (member, location, name there) of what is not in the body, and whether the body holds parameters."""
    try:
        shape = get_service_model(service).operation_model(operation).input_shape
    except Exception:  # noqa: BLE001 (botocore has several for what it does not know; the table does not have it either)
        return (), False
    if shape is None:
        return (), False
    located = []
    for name, member in shape.members.items():
        place = member.serialization.get("location")
        if place in _LOCATED:
            located.append((name, place, member.serialization.get("name", name)))
    payload = shape.serialization.get("payload")
    is_blob = payload is not None and shape.members[payload].type_name in {"blob", "string"}
    return tuple(located), not is_blob and len(located) < len(shape.members)


def _located(call: Call, members: tuple[tuple[str, str, str], ...]) -> Document:
    found: Document = {}
    for name, place, spelled in members:
        if place == "uri":
            value = call.parameters.get(spelled, call.parameters.get(name))
        elif place == "querystring":
            value = call.query.get(spelled)
        else:
            value = call.headers.get(spelled.lower())
        if value is not None:
            found[name] = value
    return found


def _of_s3(call: Call, found: Document) -> Document:
    if "CopySource" in found:
        found["source"] = copy_source(found["CopySource"])
    if call.operation == "DeleteObjects":
        found["objects"] = [_members_of(one) for one in wire.parse(call.body()) if _name(one) == "Object"]
    elif call.operation == "PutObjectTagging":
        sets = [one for one in wire.parse(call.body()) if _name(one) == "TagSet"]
        found["tags"] = [_members_of(tag) for one in sets for tag in one]
    elif call.operation == "PutBucketReplication":
        found["replication"] = _members_of(wire.parse(call.body()))
    return found


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _members_of(element: Element) -> Document:
    return {_name(one): one.text or "" for one in element}


def copy_source(text: str) -> Document:
    """Return bucket, key and version that x-amz-copy-source names."""
    path, _, query = text.partition("?")
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    source: Document = {"Bucket": bucket, "Key": key}
    version = parse_qs(query).get("versionId")
    return {**source, "VersionId": version[0]} if version else source


def _cbor(body: bytes) -> Document:
    if not body:
        return {}
    parser = RpcV2CBORParser()
    value = parser.parse_data_item(parser.get_peekable_stream_from_bytes(body))
    return value if isinstance(value, dict) else {}
