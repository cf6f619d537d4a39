"""The review of data files alone: what two states of the environments' files differ in, where no plan can be made.

It is less sure than the review of a plan: what modules make of the data, what AWS has by now, and who gains which right
are not in the files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from glue.review import exceptions
from glue.review.data_diff_endpoint import EndpointDiff, Files
from glue.review.data_diff_environment import environment
from glue.review.data_diff_served import mapping
from glue.review.endpoints_saying import Said, safe
from glue.review.model import AccessChange, EndpointChange, Finding, Grade, Review, Right, Settings

UNSURE = (
    "only data files were compared, no plan: what modules make of them, what AWS has by now, and drift are not seen",
    "whether policies widen is not seen: what roles may do is written in modules, not in the data",
    "how many instances run is not known: scale-in is judged by the files' numbers",
)
_COUNTS = ("create", "update", "replace", "delete", "forget", "import", "move", "read")
_SHOWN = 10


@dataclass(frozen=True)
class Data:
    """The data files at one ref: what each file sets `environment` to, and the endpoints' by environment and name."""

    environments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    endpoints: Mapping[tuple[str, str], Files] = field(default_factory=dict)


@dataclass(frozen=True)
class Compared:
    """What is compared: names of both refs, the folder of environments, and changed files that are not looked into."""

    since: str
    until: str
    folder: str
    others: tuple[str, ...] = ()


def review(before: Data, after: Data, compared: Compared, *, settings: Settings) -> Review:
    """Return the review of what differs. Raises UsageError when a file holds something of the wrong type."""
    diffs = list(_endpoints(before, after, compared.folder, settings))
    found: list[Finding] = [finding for diff in diffs for finding in diff.findings()]
    found += _environments(before, after, compared.folder, settings)
    found += _unseen(compared.others, settings)
    findings = exceptions.apply(found, settings.waivers, rules=settings.rules, today=settings.today)
    rights: list[Right] = [right for diff in diffs for right in diff.rights]
    lines: list[EndpointChange] = [diff.change for diff in diffs]
    return Review(
        name=f"data files {compared.since}..{compared.until}",
        digest=_digest(before, after),
        grade=max((finding.grade for finding in findings), default=Grade.NONE),
        findings=tuple(sorted(findings, key=lambda one: (-one.grade, one.rule, one.resource))),
        endpoints=tuple(sorted(lines, key=lambda line: line.endpoint)),
        access=AccessChange(gained=tuple(rights)),
        counts=dict.fromkeys(_COUNTS, 0),
        folded=tuple(_folded(before, after)),
        sure=False,
        notes=UNSURE,
    )


def _endpoints(before: Data, after: Data, folder: str, settings: Settings) -> Iterator[EndpointDiff]:
    for key in sorted({*before.endpoints, *after.endpoints}):
        old, new = before.endpoints.get(key, Files()), after.endpoints.get(key, Files())
        if old == new:
            continue
        name, endpoint = key
        place = after.environments.get(name) or before.environments.get(name) or {}
        region = place.get("region")
        yield EndpointDiff(
            environment=name,
            endpoint=endpoint,
            name=f"{safe(place.get('project') or 'slipway')}-{safe(name)}-{safe(endpoint)}",
            region=region if isinstance(region, str) else settings.region,
            path=f"{folder}/{name}/endpoints/{endpoint}.tfvars",
            before=old,
            after=new,
            settings=settings,
        )


def _environments(before: Data, after: Data, folder: str, settings: Settings) -> Iterator[Finding]:
    for name in sorted({*before.environments, *after.environments}):
        path = f"{folder}/{name}/environment.tfvars"
        old, new = before.environments.get(name), after.environments.get(name)
        for said in _environment(old, new, path):
            yield settings.rules.finding(
                said.rule, resource=path, message=f"environment {safe(name)}: {said.message}", details=said.details
            )


def _environment(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, path: str) -> Iterable[Said]:
    if old is None:
        return [Said("environment-created", "it is new")]
    if new is None:
        return [Said("environment-removed", "its file goes")]
    return environment(old, new, where=path)


def _unseen(others: tuple[str, ...], settings: Settings) -> Iterator[Finding]:
    if others:
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        names = tuple(safe(name) for name in others)
        yield settings.rules.finding(
            "data-unseen",
            message=f"{len(others)} other files changed: {', '.join(names[:_SHOWN])}{more}",
            details=names[:100],
        )


def _folded(before: Data, after: Data) -> Iterator[str]:
    """Yield a line for each endpoint whose retained revisions come and go."""
    for key in sorted({*before.endpoints, *after.endpoints}):
        old, new = (set(_revisions(data.endpoints.get(key))) for data in (before, after))
        parts = [
            f"{len(names)} {word} ({', '.join(map(safe, sorted(names)[:_SHOWN]))})"
            for word, names in (("added", new - old), ("pruned", old - new))
            if names
        ]
        if parts:
            yield f"revisions of {safe('/'.join(key))}: {', '.join(parts)}"


def _revisions(files: Files | None) -> Iterable[str]:
    return mapping((files.revisions if files else None) or {}, "revisions", where="revisions")


def _digest(before: Data, after: Data) -> str:
    """Return the SHA-256 of both sides, whatever the order of keys."""
    sides = [
        [data.environments, {"/".join(key): [f.settings, f.revisions] for key, f in data.endpoints.items()}]
        for data in (before, after)
    ]
    text = json.dumps(sides, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
