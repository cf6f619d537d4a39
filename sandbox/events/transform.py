"""What a target gets of an event: all of it, a constant, a part, or a text made from parts.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_MISSING = object()
_STEP = re.compile(r"\.([\w-]+)|\[(\d+|\*)\]|\['([^']+)'\]|\[\"([^\"]+)\"\]")
_NAME = re.compile(r"<([A-Za-z0-9_.-]+)>")


def payload(event: Mapping[str, Any], target: Mapping[str, Any], *, rule_name: str, rule_arn: str) -> str:
    """Return the text that the target gets. Raises ValueError for a path that is none."""
    if target.get("Input") is not None:
        return str(target["Input"])
    if target.get("InputPath"):
        found = select(event, target["InputPath"])
        return _json({} if found is _MISSING else found)
    transformer = target.get("InputTransformer")
    if transformer:
        known = {name: select(event, path) for name, path in (transformer.get("InputPathsMap") or {}).items()}
        own = {
            "aws.events.rule-arn": rule_arn,
            "aws.events.rule-name": rule_name,
            "aws.events.event.ingestion-time": event["time"],
            "aws.events.event": {key: value for key, value in event.items() if key != "detail"},
            "aws.events.event.json": event,
        }
        return render(transformer["InputTemplate"], {**known, **own})
    return _json(event)


def select(document: Any, path: str) -> Any:
    """Return what a JSON path (`$.detail.name`, `$.resources[0]`) leads to, or a mark of its own: nowhere."""
    if not path.startswith("$") or not re.fullmatch(rf"(?:{_STEP.pattern})*", path[1:]):
        raise ValueError(f"{path!r} is not a JSON path")
    here = [document]
    many = False
    for step in _STEP.finditer(path[1:]):
        name, index = step[1] or step[3] or step[4], step[2]
        many = many or index == "*"
        here = [found for one in here for found in _follow(one, name, index)]
    if many:
        return here
    return here[0] if here else _MISSING


def _follow(value: Any, name: str | None, index: str | None) -> list[Any]:
    if name is not None:
        return [value[name]] if isinstance(value, Mapping) and name in value else []
    if not isinstance(value, list):
        return []
    if index == "*":
        return list(value)
    number = int(index or 0)
    return [value[number]] if number < len(value) else []


def render(template: str, values: Mapping[str, Any]) -> str:
    """Fill a template in: inside quotes as text, elsewhere as JSON. A value that is not there leaves nothing."""
    parts: list[str] = []
    position, quoted = 0, False
    for found in _NAME.finditer(template):
        between = template[position : found.start()]
        quoted ^= bool(len(re.findall(r'(?<!\\)"', between)) % 2)
        parts.append(between)
        value = values.get(found[1], found[0])  # what is no variable stays as it is written
        parts.append(_text(value) if quoted else _bare(value))
        position = found.end()
    return "".join([*parts, template[position:]])


def _text(value: Any) -> str:
    if value is _MISSING:
        return ""
    return _json(value)[1:-1] if isinstance(value, str) else _json(_json(value))[1:-1]


def _bare(value: Any) -> str:
    return '""' if value is _MISSING else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
