"""What the SageMaker extensions share: records that echo their create request, tags, names, pages."""

from __future__ import annotations

import copy
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moto.core.utils import utcnow
from moto.sagemaker.exceptions import AWSValidationException, ResourceInUseException
from moto.sagemaker.models import sagemaker_backends

LOCK = threading.RLock()  # creation and deletion of named things: a name is given out once
NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
PAGE = 10
PAGE_LIMIT = 100


@dataclass
class Record:
    """A resource whose description is what was asked for at its creation; lives in moto's own dictionaries."""

    name: str
    arn: str
    request: dict[str, Any]
    tags: list[dict[str, str]] = field(default_factory=list)
    creation_time: datetime = field(default_factory=utcnow)
    last_modified_time: datetime = field(default_factory=utcnow)


def patch(target: Any, *functions: Callable[..., Any]) -> None:
    """Give moto's class these methods in place of its own."""
    for function in functions:
        setattr(target, function.__name__, function)


def params(response: Any) -> dict[str, Any]:
    """Return the parsed request."""
    return copy.deepcopy(dict(response.params))


def backend(response: Any) -> Any:
    """Return moto's SageMaker backend of the caller's account and region."""
    return sagemaker_backends[response.current_account][response.region]


def arn(response: Any, kind: str, name: str) -> str:
    """Return the ARN of a resource of the caller's account; SageMaker lower-cases the name in it."""
    return f"arn:aws:sagemaker:{response.region}:{response.current_account}:{kind}/{name.lower()}"


def invalid(message: str) -> AWSValidationException:
    """Return SageMaker's ValidationException."""
    return AWSValidationException(message)


def new_record(response: Any, kind: str, name: str, existing: Mapping[str, Any]) -> Record:
    """Return a record for a create request. Raises ValidationException when the name is malformed or taken.

    Wording as AWS: `Cannot create already existing endpoint "arn:...".`
    """
    identifier = arn(response, kind, name)
    if not NAME.fullmatch(name):
        raise invalid(
            f"1 validation error detected: Value '{name}' at '{kind.replace('-', '')}Name' failed to satisfy "
            r"constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
        )
    if name in existing:
        word = {"endpoint-config": "endpoint configuration"}.get(kind, kind)
        raise invalid(f'Cannot create already existing {word} "{identifier}".')
    request = params(response)
    return Record(name, identifier, request, tags_of(request))


def tags_of(request: dict[str, Any]) -> list[dict[str, str]]:
    """Take the tags out of a create request."""
    return list(request.pop("Tags", None) or [])


def in_use(message: str) -> ResourceInUseException:
    """Return SageMaker's ResourceInUse."""
    return ResourceInUseException(message=message)


def listed(
    items: Iterable[Any],
    request: Mapping[str, Any],
    *,
    sort_keys: Mapping[str, Callable[[Any], Any]],
    default_sort: str = "CreationTime",
    default_order: str = "Descending",
) -> tuple[list[Any], str | None]:
    """Return one page of items and the token of the next: sorted, then cut at MaxResults (10 by default, at most 100).

    Filters are the caller's: SageMaker applies StatusEquals after MaxResults in ListTrainingJobs, before it elsewhere.
    """
    key = sort_keys.get(request.get("SortBy") or default_sort)
    if key is None:
        raise invalid(f"SortBy must be one of {', '.join(sort_keys)}.")
    # the sort is stable; equal creation times keep the order of creation, whichever direction
    ordered = sorted(items, key=key)
    if (request.get("SortOrder") or default_order) == "Descending":
        ordered.reverse()
    size = int(request.get("MaxResults") or PAGE)
    if not 1 <= size <= PAGE_LIMIT:
        raise invalid(f"MaxResults must be from 1 to {PAGE_LIMIT}.")
    token = str(request.get("NextToken") or "0")
    if not token.isdecimal():
        raise invalid("Invalid pagination token.")
    start = int(token)
    end = start + size
    return ordered[start:end], str(end) if end < len(ordered) else None


def matches(item: Any, request: Mapping[str, Any]) -> bool:
    """Return whether an item passes the filters that all List operations have: name and times."""
    wanted = str(request.get("NameContains") or "")
    created, modified = item.creation_time, item.last_modified_time
    return (
        wanted.lower() in item.name.lower()
        and _between(created, request.get("CreationTimeAfter"), request.get("CreationTimeBefore"))
        and _between(modified, request.get("LastModifiedTimeAfter"), request.get("LastModifiedTimeBefore"))
    )


def without_none(value: Any) -> Any:
    """Return the value without members that are None, at any depth: AWS leaves out what is not there."""
    if isinstance(value, dict):
        return {key: without_none(member) for key, member in value.items() if member is not None}
    if isinstance(value, list):
        return [without_none(member) for member in value]
    return value


def _between(moment: datetime, after: datetime | None, before: datetime | None) -> bool:
    naive = moment.replace(tzinfo=None)
    return (after is None or naive >= after.replace(tzinfo=None)) and (
        before is None or naive <= before.replace(tzinfo=None)
    )
