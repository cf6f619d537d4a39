"""Moves the tag that follows an environment to the image of a commit: that is how an image is promoted.

The image does not move, and neither does its commit's tag (docs/decisions/0003-moving-tags-are-removed-and-put.md).
Endpoints do not follow: they run what a revision names by digest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from glue.errors import NotFoundError, RefusedError, UsageError
from glue.oci.source import COMMIT

LATEST = "latest"


class TaggedImage(Protocol):
    """What a registry says about an image that it holds."""

    @property
    def digest(self) -> str:
        """`sha256:<hex>` of the manifest."""

    @property
    def tags(self) -> tuple[str, ...]:
        """Every tag that names it."""


class TagRegistry(Protocol):
    """The part of `glue.aws.ecr.Registry` that a promotion needs; every call raises our errors."""

    def describe(self, repository: str, reference: str) -> TaggedImage | None:
        """Return the image that a tag or digest names, or None."""

    def images(self, repository: str) -> Iterable[TaggedImage]:
        """Return all images."""

    def pin(self, repository: str, digest: str) -> bool:
        """Keep an image out of life-cycle rules."""

    def move_tag(self, repository: str, digest: str, tag: str) -> bool:
        """Point a tag at an image."""


@dataclass(frozen=True)
class Move:
    """One tag, the digest that it names now (None: none), and the one that it shall name."""

    tag: str
    before: str | None
    digest: str

    @property
    def needed(self) -> bool:
        """Whether the tag is elsewhere, or nowhere: a run that was killed has left it so."""
        return self.before != self.digest


@dataclass(frozen=True)
class TagPlan:
    """What a promotion does: `commit_tag` of the repository names `digest`, and the moves follow it."""

    repository: str
    commit_tag: str
    digest: str
    moves: tuple[Move, ...]


def plan_tags(registry: TagRegistry, *, repository: str, commit: str, tags: Iterable[str]) -> TagPlan:
    """Return what it takes to point `tags` at the image of a commit (7 to 64 hex digits); reads only.

    Raises UsageError when the commit is no commit id, or several images' tags begin with it; NotFoundError when the
    registry has no image of that commit.
    """
    if not COMMIT.match(commit):
        raise UsageError(f"commit {commit!r} is not a git commit id", remedy="Give at least 7 hex digits.")
    commit_tag, digest = _image_of(registry, repository, commit)
    moves = []
    for tag in dict.fromkeys(tags):
        holder = registry.describe(repository, tag)
        moves.append(Move(tag, holder.digest if holder else None, digest))
    return TagPlan(repository, commit_tag, digest, tuple(moves))


def move_tags(registry: TagRegistry, plan: TagPlan) -> bool:
    """Do what a plan says and tell whether anything changed. Killed at any moment, the next call ends the work."""
    changed = registry.pin(plan.repository, plan.digest)
    for move in plan.moves:
        changed = registry.move_tag(plan.repository, plan.digest, move.tag) or changed
    return changed


def _image_of(registry: TagRegistry, repository: str, commit: str) -> tuple[str, str]:
    exact = registry.describe(repository, commit)  # tells, too, when there is no such repository
    found = {commit: exact.digest} if exact else {}
    if exact is None or len(commit) < 40:
        found |= {
            tag: image.digest for image in registry.images(repository) for tag in image.tags if _same(tag, commit)
        }
    digests = set(found.values())
    if len(digests) > 1:
        raise UsageError(
            f"commit {commit} is ambiguous in {repository}: {', '.join(sorted(found))}", remedy="Give more digits."
        )
    if not found:
        raise NotFoundError(
            f"{repository} has no image of commit {commit}",
            remedy="Push it to the first environment (make image MODEL=… PUSH=1 ENV=…); elsewhere it arrives by "
            "replication, in minutes.",
        )
    return max(found, key=len), digests.pop()


def _same(tag: str, commit: str) -> bool:
    """Tell whether a tag and a commit are abbreviations of each other."""
    return bool(COMMIT.match(tag)) and (tag.startswith(commit) or commit.startswith(tag))


def environment_tags(environment: str, *, latest: bool) -> tuple[str, ...]:
    """Return the tags that follow an environment. Raises RefusedError when its name could be a commit's."""
    if COMMIT.match(environment):
        raise RefusedError(f"the tag {environment} could be a commit's: it cannot follow an environment")
    return (environment, LATEST) if latest else (environment,)
