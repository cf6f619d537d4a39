"""AWS's own model of a request: what botocore knows about members, types, enums, patterns and lengths.

botocore itself checks types, required members, and least lengths before it sends a request
(https://botocore.amazonaws.com/v1/documentation/api/latest/reference/config.html, parameter_validation); the rest of
the model it leaves to the service, which answers minutes later, when the queue launches the job.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import botocore.session

if TYPE_CHECKING:
    from botocore.model import ListShape, MapShape, ServiceModel, Shape, StringShape, StructureShape

MOST = 40
_TYPES: Mapping[str, tuple[type | tuple[type, ...], str]] = {
    "structure": (Mapping, "an object"),
    "map": (Mapping, "an object"),
    "list": ((list, tuple), "a list"),
    "string": (str, "a string; put it in quotes"),
    "integer": (int, "a whole number"),
    "long": (int, "a whole number"),
    "float": ((int, float), "a number"),
    "double": ((int, float), "a number"),
    "boolean": (bool, "true or false"),
}


def validator(service: str = "sagemaker") -> Callable[[str, Mapping[str, object]], Sequence[str]]:
    """Return a function that gives a sentence for each thing that AWS's model has against an operation's parameters."""

    def validate(operation: str, params: Mapping[str, object]) -> Sequence[str]:
        shape = _model(service).operation_model(operation).input_shape
        if shape is None:
            return []
        found = []
        for problem in _problems(shape, params, ""):
            found.append(problem)
            if len(found) == MOST:
                break
        return found

    return validate


@lru_cache(maxsize=4)
def _model(service: str) -> ServiceModel:
    """Read once for each process: 0.1 s."""
    return botocore.session.get_session().get_service_model(service)


def _problems(shape: Shape, value: object, path: str) -> Iterator[str]:
    wanted = _TYPES.get(shape.type_name)
    if wanted is None:
        return
    kinds, words = wanted
    if not isinstance(value, kinds) or (isinstance(value, bool) and shape.type_name != "boolean"):
        yield f"{path or 'the parameters'}: is {_shown(value)}; give {words}"
        return
    checks: dict[str, Callable[[Any, Any, str], Iterator[str]]] = {
        "structure": _structure,
        "map": _map,
        "list": _list,
        "string": _string,
    }
    yield from checks.get(shape.type_name, _number)(shape, value, path)


def _structure(shape: StructureShape, value: Mapping[str, object], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"{_join(path, name)}: is missing"
    for name, inner in value.items():
        if name not in shape.members:
            close = difflib.get_close_matches(str(name), list(shape.members), n=1, cutoff=0.6)
            hint = f"; did you mean {close[0]}?" if close else f"; it takes {', '.join(shape.members)}"
            yield f"{_join(path, str(name))}: AWS knows no such member{hint}"
        elif inner is None:
            if name not in shape.required_members:
                yield f"{_join(path, name)}: is null; leave it out"
        else:
            yield from _problems(shape.members[name], inner, _join(path, name))


def _map(shape: MapShape, value: Mapping[str, object], path: str) -> Iterator[str]:
    yield from _length(shape, len(value), path, "entries")
    for name, inner in value.items():
        yield from _problems(shape.key, name, f"{path} (the key {_shown(name)})")
        yield from _problems(shape.value, inner, _join(path, str(name)))


def _list(shape: ListShape, value: Sequence[object], path: str) -> Iterator[str]:
    yield from _length(shape, len(value), path, "entries")
    for at, inner in enumerate(value):
        yield from _problems(shape.member, inner, f"{path}[{at}]")


def _string(shape: StringShape, value: str, path: str) -> Iterator[str]:
    if shape.enum:
        if value not in shape.enum:
            close = difflib.get_close_matches(value, shape.enum, n=1, cutoff=0.6)
            few = f"give one of {', '.join(shape.enum)}" if len(shape.enum) <= 12 else "AWS knows no such value"
            yield f"{path}: is {_shown(value)}; {f'did you mean {close[0]}?' if close else few}"
        return
    yield from _length(shape, len(value), path, "characters")
    pattern = _pattern(str(shape.metadata.get("pattern", "")))
    if pattern is not None and not pattern.fullmatch(value):
        yield f"{path}: is {_shown(value)}; AWS takes what matches {shape.metadata['pattern']}"


def _number(shape: Shape, value: float, path: str) -> Iterator[str]:
    if isinstance(value, bool):
        return
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and value < least:
        yield f"{path}: is {value}; give {least} or more"
    if most is not None and value > most:
        yield f"{path}: is {value}; give {most} or less"


def _length(shape: Shape, length: int, path: str, what: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and length < least:
        yield f"{path}: has {length} {what}; AWS wants {least} or more"
    if most is not None and length > most:
        yield f"{path}: has {length} {what}; AWS takes {most}"


@lru_cache(maxsize=512)
def _pattern(pattern: str) -> re.Pattern[str] | None:
    """AWS writes Java's regular expressions. One that Python does not read is left to AWS."""
    if not pattern or "\\p{" in pattern:
        return None
    try:
        return re.compile(pattern)
    except re.error:
        return None


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
