"""What an environment holds and who needs it, as `glue.pruning` has to know it before anything goes. Only reads."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from glue import auditing
from glue import live as reading
from glue.console import Console
from glue.core import names
from glue.core.audit import Record
from glue.core.release import MANIFEST, parse
from glue.core.retention import Held, Stored, StoredImage
from glue.core.revision import Revision
from glue.core.truth import UNDER_WAY, Live, revision_in
from glue.errors import RefusedError, SlipwayError
from glue.tf.tfvars import Estate

if TYPE_CHECKING:
    from glue.aws.session import Session

_MANIFEST_LIMIT = 1024 * 1024
_READERS = 8


@dataclass
class World:
    """What was read for a plan: endpoints, what AWS says of all that run, and the records of earlier prunes."""

    held: list[Held]
    lives: dict[str, Live]
    records: list[Record] = field(default_factory=list)


class Holdings:
    """Reads one environment in its role for pruning, and the files of the environments behind it."""

    def __init__(self, *, estate: Estate, session: Session, console: Console) -> None:
        self._estate = estate
        self._session = session
        self._console = console
        self._where = session.environment

    def read(self, chosen: Collection[str]) -> World:
        """Return what there is. Raises RefusedError while a deployment is under way, or when AWS serves another
        revision of one of the chosen endpoints than its file says.
        """
        own = {self._where.endpoint_name(name): name for name in self._estate.endpoints(self._where.name)}
        running = self._session.sagemaker.endpoint_names(f"{self._where.prefix}-")
        lives = {full: reading.read(self._session.sagemaker, full) for full in sorted({*own, *running})}
        held = []
        for full, name in own.items():
            revisions = self._estate.revisions(self._where.name, name)
            served = self._served(full, lives[full])
            if lives[full].endpoint is not None and name in chosen:
                self._check_served(full, name, lives[full], revisions.live)
            held.append(Held(name, revisions, served))
        found = auditing.records(self._session, limit=auditing.MOST)
        prunes = [entry for entry, _ in found if isinstance(entry, Record) and entry.action == "prune"]
        return World(held, lives, prunes)

    def _served(self, full: str, live: Live) -> str | None:
        """Return the revision that AWS serves. Raises RefusedError while that is being changed."""
        state = live.endpoint
        if state is not None and state.status in UNDER_WAY:
            raise RefusedError(
                f"endpoint {full} is {state.status}: nothing is pruned while a deployment is under way",
                remedy=f"Wait for its end (slipway status --env {self._where.name}), then prune.",
            )
        return revision_in(state.config, full) if state else None

    def _check_served(self, full: str, name: str, live: Live, wanted: str | None) -> None:
        served = self._served(full, live)
        if served != wanted:
            config = live.endpoint.config if live.endpoint else "nothing"
            raise RefusedError(
                f"endpoint {full} serves {served or config}, and its file says {wanted}: nothing is pruned",
                remedy="Its newest revision waits for its apply, or went back: "
                f"slipway verify --env {self._where.name} --endpoint {name}",
            )

    def behind(self) -> Iterator[tuple[str, list[Revision]]]:
        """Yield what environments that promote from here, over any number of steps, have in their files."""
        for name in behind(self._estate, self._where.name):
            for endpoint in self._estate.endpoints(name):
                yield f"{name}'s endpoint {endpoint}", list(self._estate.revisions(name, endpoint).revisions.values())

    def fresh(self) -> timedelta | None:
        """Return how old evidence may be that an environment behind this one takes, None when there is none."""
        direct = [self._estate.environment(name) for name in self._estate.environments()]
        ages = [
            there.gates.evidence_max_age_hours
            for there in direct
            if there.promotes_from is not None and there.promotes_from.name == self._where.name
        ]
        return timedelta(hours=max(ages)) if ages else None

    def stored(self) -> list[Stored]:
        """Return the releases in the store, without their images. What does not look like one is not touched."""
        bucket = self._session.artifacts()
        evidence: dict[str, datetime] = {}
        for entry in bucket.objects("evidence/"):
            release = entry.key.split("/")[2] if entry.key.count("/") >= 3 else ""
            evidence[release] = max(entry.stored, evidence.get(release, entry.stored))
        found: dict[str, Stored] = {}
        for entry in bucket.objects("releases/"):
            parts = entry.key.split("/", 3)
            if len(parts) < 4 or not names.RELEASE_ID.match(parts[2]) or names.model_of_release(parts[2]) != parts[1]:
                continue
            known = found.get(parts[2]) or Stored(parts[2], parts[1], 0, 0, entry.stored, evidence.get(parts[2]))
            newest = max(known.stored, entry.stored)
            found[parts[2]] = replace(known, bytes=known.bytes + entry.bytes, files=known.files + 1, stored=newest)
        return list(found.values())

    def with_images(self, stored: Sequence[Stored], models: Collection[str]) -> list[Stored]:
        """Return the releases with their images, as far as they are of these models and their manifests say."""
        with ThreadPoolExecutor(max_workers=_READERS) as pool:
            images = pool.map(lambda entry: self._image_of(entry) if entry.model in models else None, stored)
            return [replace(entry, image=image) for entry, image in zip(stored, images, strict=True)]

    def _image_of(self, entry: Stored) -> tuple[str, str] | None:
        bucket = self._session.artifacts()
        key = names.release_prefix(entry.model, entry.release) + MANIFEST
        try:
            found = bucket.get_small(key, limit=_MANIFEST_LIMIT)
            release = parse(found[0], where=bucket.uri(key)) if found else None
        except SlipwayError as error:
            self._console.detail(f"{entry.release} does not say which image it needs: {error.message}")
            return None
        return (release.image_repository, release.image_digest) if release else None

    def images(self, model: str) -> list[StoredImage]:
        """Return the images of a model's repository."""
        repository = names.repository_name(self._where.project, model)
        return [
            StoredImage(repository, image.digest, image.bytes, image.tags)
            for image in self._session.registry.images(repository)
        ]


def behind(estate: Estate, name: str) -> list[str]:
    """Return the environments that promote from one, over any number of steps."""
    sources = {other: there.promotes_from for other in estate.environments() if (there := estate.environment(other))}
    found: list[str] = []
    front = [name]
    while front:
        here = front.pop()
        more = [other for other, source in sources.items() if source and source.name == here and other not in found]
        found += more
        front += more
    return [other for other in found if other != name]
