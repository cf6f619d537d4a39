"""Life-cycle policies: images that are too many or too old expire, by rules of falling priority.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
"""

from __future__ import annotations

import fnmatch
import json
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from moto.ecr.models import ecr_backends

from sandbox.events import images, work
from sandbox.registry import store
from sandbox.registry.store import LOCK, StoredImage

log = logging.getLogger(__name__)
EVERY = 3600.0  # AWS seconds; AWS says within 24 hours
_seen: dict[tuple[str, str], datetime] = {}  # repository and digest -> since when, by the sandbox's clock


def look() -> int:
    """Let images of all repositories expire; returns how many went."""
    backends = [backend for regions in list(ecr_backends.values()) for backend in list(regions.values())]
    return sum(_look(repo) for backend in backends for repo in list(backend.repositories.values()))


def forget() -> None:
    """Forget since when images have been there: a new server begins."""
    _seen.clear()


def _look(repo: Any) -> int:
    with LOCK:
        found = list(store.images(repo))
        for image in found:
            _seen.setdefault((repo.arn, image.digest), work.now())
        if not repo.lifecycle_policy:
            return 0
        gone = expired(json.loads(repo.lifecycle_policy), found, {one.digest: _age_of(repo, one) for one in found})
        for image in gone:
            repo.images.remove(image)
    for image in gone:
        log.info("%s@%s expired", repo.name, image.digest)
        images.action(repo, image.digest, "DELETE", image.tags[0] if image.tags else None)
    return len(gone)


def _age_of(repo: Any, image: StoredImage) -> float:
    """Days since the push."""
    return (work.now() - _seen[repo.arn, image.digest]).total_seconds() / 86400


def expired(
    policy: Mapping[str, Any], images_found: Sequence[StoredImage], ages: Mapping[str, float]
) -> list[StoredImage]:
    """Return the images that the policy expires; `ages` are days since the push, by digest.

    An image that a rule of higher priority looks at is not touched by lower ones; one that an index names stays.
    """
    named = {digest for image in images_found for digest in image.layers}
    taken: set[str] = set()
    gone: list[StoredImage] = []
    for rule in sorted(policy.get("rules", []), key=lambda one: int(one["rulePriority"])):
        selection = rule["selection"]
        chosen = [one for one in images_found if one.digest not in taken and _selected(selection, one)]
        chosen.sort(key=lambda one: one.pushed, reverse=True)  # newest first
        count = int(selection["countNumber"])
        if selection["countType"] == "imageCountMoreThan":
            over = chosen[count:]
        else:
            over = [one for one in chosen if ages[one.digest] > count]
        taken |= {one.digest for one in chosen}
        gone += [one for one in over if one.digest not in named]
    return gone


def _selected(selection: Mapping[str, Any], image: StoredImage) -> bool:
    status = selection["tagStatus"]
    if status == "any":
        return True
    if status == "untagged" or not image.tags:
        return status == "untagged" and not image.tags
    prefixes, patterns = selection.get("tagPrefixList") or [], selection.get("tagPatternList") or []
    if patterns:  # every pattern must find a tag
        return all(any(fnmatch.fnmatchcase(tag, one) for tag in image.tags) for one in patterns)
    return all(any(tag.startswith(one) for tag in image.tags) for one in prefixes)
