"""What `slipway prune` may remove: revisions beyond live and N, then releases and images that nobody needs any more.

The rule is one-sided: what cannot be shown to be unneeded stays. A release is removed only when it was superseded, that
is when it left a revisions file; what was never live anywhere may still be waiting for its pull request.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from glue.core.plan import PlanSummary
from glue.core.revision import Revision, Revisions, Variant, number_of

_IN_URL = re.compile(r"/releases/[^/\s]+/([a-z0-9-]+)/")
_DIGEST = re.compile(r"@(sha256:[0-9a-f]{64})$")


@dataclass(frozen=True)
class Held:
    """An endpoint: its file, and the revision that AWS serves (None: none, or not one of ours)."""

    endpoint: str
    revisions: Revisions
    served: str | None = None


@dataclass(frozen=True)
class Pruned:
    """What becomes of an endpoint's revisions. `removed` has the reason for each, by revision id."""

    endpoint: str
    before: Revisions
    after: Revisions
    removed: Mapping[str, str]

    @property
    def kept(self) -> tuple[str, ...]:
        """The revisions that stay, the newest first."""
        return tuple(sorted(self.after.revisions, key=number_of, reverse=True))


def prune(held: Held, *, keep: int) -> Pruned:
    """Return an endpoint's revisions without those beyond the live one and `keep` others.

    Always kept: live in the file, served by AWS, what failed since live (without its mark it would be tried again by
    accident), and, among the others first, what a rollback goes back to. Of the rest failed revisions go first, and
    then the oldest. Numbers are never given again.
    """
    revisions = held.revisions
    fixed = {name for name in (revisions.live, held.served, _last_failure(revisions)) if name in revisions.revisions}
    target = revisions.live_revision.replaces if revisions.live_revision else None

    def worth(name: str) -> tuple[bool, bool, int]:
        good = revisions.revisions[name].failed is None
        return (good, good and name == target, number_of(name))

    others = sorted((name for name in revisions.revisions if name not in fixed), key=worth, reverse=True)
    removed = {name: _why(revisions.revisions[name], keep) for name in others[keep:]}
    left = {name: revision for name, revision in revisions.revisions.items() if name not in removed}
    newest = max([revisions.newest, *(number_of(name) for name in revisions.revisions)])
    return Pruned(held.endpoint, revisions, replace(revisions, revisions=left, newest=newest), removed)


def _last_failure(revisions: Revisions) -> str | None:
    """Return the newest revision that failed after the live one was made, None when there is none."""
    least = number_of(revisions.live) if revisions.live else 0
    failed = [name for name, one in revisions.revisions.items() if one.failed is not None and number_of(name) > least]
    return max(failed, key=number_of, default=None)


def _why(revision: Revision, keep: int) -> str:
    return "failed" if revision.failed is not None else f"older than the {keep} that are kept beside live"


@dataclass(frozen=True)
class Stored:
    """A release in the environment's store. `image` is repository and digest, None when its manifest says nothing.

    `stored` is when its newest file came, `evidence` when its newest evidence did.
    """

    release: str
    model: str
    bytes: int
    files: int
    stored: datetime
    evidence: datetime | None = None
    image: tuple[str, str] | None = None


@dataclass(frozen=True)
class StoredImage:
    """An image in the environment's registry."""

    repository: str
    digest: str
    bytes: int
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kept:
    """A release that stays, and why."""

    release: str
    why: str


@dataclass(frozen=True)
class Freed:
    """Releases and images that go, and the releases that stay."""

    releases: tuple[Stored, ...]
    images: tuple[StoredImage, ...]
    kept: tuple[Kept, ...]

    @property
    def bytes(self) -> int:
        """What it frees: files as listed, images as the registry counts them, layers that they share among them."""
        return sum(entry.bytes for entry in self.releases) + sum(image.bytes for image in self.images)


def releases_of(revision: Revision) -> set[str]:
    """Return every release that a revision names: as its variants' release, and in what its containers load."""
    found: set[str] = set()
    for variant in revision.all_variants.values():
        texts = [variant.model_data_url, *variant.environment.values()]
        found |= {variant.release, *(match for text in texts for match in _IN_URL.findall(text))}
    return found


def digests_of(revision: Revision) -> set[str]:
    """Return the digests of the images that a revision names."""
    return {digest for variant in revision.all_variants.values() if (digest := _digest(variant))}


def _digest(variant: Variant) -> str | None:
    match = _DIGEST.search(variant.image)
    return match[1] if match else None


def needed(groups: Iterable[tuple[str, Iterable[Revision]]]) -> tuple[dict[str, str], set[str]]:
    """Return the releases that revisions need, with who needs them, and the digests of images. Groups have a name."""
    releases: dict[str, str] = {}
    digests: set[str] = set()
    for who, revisions in groups:
        for revision in revisions:
            digests |= digests_of(revision)
            for release in releases_of(revision):
                releases.setdefault(release, who)
    return releases, digests


def free(
    stored: Iterable[Stored],
    images: Iterable[StoredImage],
    *,
    needs: Mapping[str, str],
    digests: Collection[str],
    superseded: Collection[str],
    fresh: timedelta | None,
    now: datetime,
) -> Freed:
    """Return which releases and images go.

    `needs` are the releases that somebody needs, by release who; `digests` the images that revisions or running
    endpoints need; `superseded` the releases that left a revisions file; `fresh` how old the evidence may be that an
    environment behind this one takes (None: there is none). An image goes with its last release only, and no image of
    a repository goes as long as one of its releases does not say which image it needs.
    """
    gone, kept = [], []
    for entry in sorted(stored, key=lambda one: one.release):
        why = _keeps(entry, needs=needs, superseded=superseded, fresh=fresh, now=now)
        if why is None:
            gone.append(entry)
        else:
            kept.append((entry, why))
    spoken_for = set(digests) | {entry.image[1] for entry, _ in kept if entry.image}
    unknown = {entry.model for entry, _ in kept if entry.image is None}
    wanted = {
        entry.image for entry in gone if entry.image and entry.image[1] not in spoken_for and entry.model not in unknown
    }
    leaving = sorted(
        (image for image in images if (image.repository, image.digest) in wanted),
        key=lambda image: (image.repository, image.digest),
    )
    return Freed(tuple(gone), tuple(leaving), tuple(Kept(entry.release, why) for entry, why in kept))


def _keeps(
    entry: Stored,
    *,
    needs: Mapping[str, str],
    superseded: Collection[str],
    fresh: timedelta | None,
    now: datetime,
) -> str | None:
    """Return why a release stays, None when it goes."""
    if entry.release in needs:
        return f"needed by {needs[entry.release]}"
    if entry.release not in superseded:
        return "never left a revisions file: it may still be promoted"
    newest = max(entry.stored, entry.evidence or entry.stored)
    if fresh is not None and now - newest < fresh:
        return f"may still be promoted from here until {newest + fresh:%Y-%m-%d}"
    return None


_CONFIG, _MODEL = "aws_sagemaker_endpoint_configuration", "aws_sagemaker_model"
_KEY = re.compile(r'\["([^"]+)"\]$')


def check_plan(
    plan: PlanSummary, *, kept: Collection[str], live_config: str | None, live_models: Collection[str]
) -> str | None:
    """Return why a plan is no pruning, None when it only destroys configs and models that are neither kept nor live.

    `kept` are the revisions that stay, by which configs are keyed; the others are names as AWS says them.
    """
    for change in plan.changes:
        if change.kind not in {_CONFIG, _MODEL} or change.what != "delete":
            return f"its plan also wants to {change.what} {change.address}, which has nothing to do with it"
        match = _KEY.search(change.address)
        name = change.values.get("name")
        if change.kind == _CONFIG and (match is None or match[1] in kept or name == live_config):
            return f"its plan would destroy {change.address}, which is live or kept"
        if change.kind == _MODEL and name in live_models:
            return f"its plan would destroy {change.address} ({name}), which is live"
    return None
