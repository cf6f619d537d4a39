"""Making a release: look at everything first, then reserve its id, bring its files, and write its manifest last.

The same content makes the same release again, whoever asks and however often it was interrupted: an entry
`release-index/<model>/<content>.json` is written before the files, once, and names the release id. An archive that
was packed again is the same content in other bytes (docs/decisions/0019): the release keeps the bytes that it has.
"""

from __future__ import annotations

import functools
import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from glue.aws.copier import THREADS, UPLOAD_THREADS, BytesOrigin, Copier, Item, LocalOrigin, Progress
from glue.aws.s3 import Bucket
from glue.aws.session import Session
from glue.core import names
from glue.core.archive import Limits
from glue.core.checksum import of_bytes
from glue.core.release import (
    MANIFEST,
    MANIFEST_LIMIT,
    Release,
    by_bytes,
    encode,
    parse,
    release_file,
    with_content,
)
from glue.core.request import CreatedRelease, ReleaseRequest
from glue.core.strictjson import StrictObject, loads
from glue.errors import NotFoundError, RefusedError, UsageError
from glue.gathering import Gathered, gather
from glue.same_content import settled

_INDEX_LIMIT = 64 * 1024
_INDEX_SCHEMA = 1
_ID_TRIES = 120


@dataclass(frozen=True)
class ReleasePlan:
    """What will be made. `release` has its id and content hash but no version ids yet; `exists` says it is there."""

    release: Release
    gathered: Gathered
    indexed: bool
    exists: bool


def git_state(folder: Path) -> tuple[str, bool]:
    """Return the commit of a git working tree, and whether it has changes that the commit does not hold.

    Raises UsageError when the folder is not in a git repository with a commit, or git is missing.
    """

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout.strip()

    try:
        return git("rev-parse", "HEAD"), bool(git("status", "--porcelain"))
    except (OSError, subprocess.SubprocessError) as error:
        raise UsageError(f"{folder} has no git commit to name the release after", remedy="Give --commit.") from error


def plan_release(
    request: ReleaseRequest,
    *,
    session: Session,
    clock: Callable[[], datetime],
    limits: Limits | None = None,
) -> ReleasePlan:
    """Look at everything that a release would hold and return what would be made; nothing is written.

    Raises UsageError for anything that cannot be a release (with the reason), NotFoundError for an unknown image or
    archive, AwsError as the facades do.
    """
    created = clock().astimezone(UTC).replace(microsecond=0)
    release_id = names.release_id(model=request.model, created=created, commit=request.commit)
    gathered = gather(request, session=session, limits=limits or Limits())
    release = with_content(
        Release(
            release=release_id,
            model=request.model,
            created=_rfc3339(created),
            commit=request.commit,
            dirty=request.dirty,
            image_repository=gathered.image_repository,
            image_digest=gathered.image_digest,
            files={item.file.name: item.file for item in gathered.items},
            environment=dict(sorted(request.environment.items())),
            metrics=gathered.metrics,
            training=request.training,
        )
    )
    bucket = session.artifacts()
    # an older version reserved the id for the archives' bytes
    indexed = _indexed(bucket, release) or _indexed(bucket, by_bytes(release))
    planned = indexed or release
    return ReleasePlan(
        release=planned,
        gathered=gathered,
        indexed=indexed is not None,
        exists=indexed is not None and _complete(bucket, planned),
    )


def create_release(
    plan: ReleasePlan,
    *,
    session: Session,
    threads: int = THREADS,
    progress: Progress = lambda _done, _total: None,
) -> CreatedRelease:
    """Make a planned release and return it as its manifest says. Run again after a crash, it goes on.

    A file that was deleted since is brought again: the same content has the same id and manifest.

    Raises RefusedError when something else lies at one of its keys, AwsError as the facades do.
    """
    bucket = session.artifacts()
    if plan.exists:
        return CreatedRelease(_existing(bucket, plan.release), created=False, notes=plan.gathered.notes)
    # before the manifest says that there is a release: no life-cycle rule expires a pinned image
    session.registry.pin(plan.gathered.image_repository, plan.gathered.image_digest)
    release = plan.release if plan.indexed else _reserve(bucket, plan.release)
    tags = {"model": release.model, "release": release.release}
    items = [replace(item, tags=tags) for item in plan.gathered.items]
    bring = functools.partial(_bring, bucket, threads=threads, progress=progress)
    try:
        release, missing = settled(bucket, release, items)
        copied, uploaded = bring(release, missing)
    except RefusedError:
        # Perhaps another run packed the same content in other bytes, and was first since we looked.
        release, missing = settled(bucket, release, items)
        copied, uploaded = bring(release, missing)
    final = _with_versions(bucket, release)
    created = _write_manifest(bucket, final, tags)
    if not created:
        final = _existing(bucket, final)
    return CreatedRelease(final, created, uploaded, copied, plan.gathered.notes)


def _bring(
    bucket: Bucket, release: Release, items: Sequence[Item], *, threads: int, progress: Progress
) -> tuple[int, int]:
    """Bring a release's files and return the bytes that were copied inside S3, and uploaded from here."""
    moved = []
    for local in (False, True):
        chosen = [item for item in items if isinstance(item.origin, LocalOrigin | BytesOrigin) is local]
        copier = Copier(
            bucket, release.prefix, threads=min(threads, UPLOAD_THREADS) if local else threads, progress=progress
        )
        moved.append(copier.bring(chosen).bytes)
    return moved[0], moved[1]


def _complete(bucket: Bucket, release: Release) -> bool:
    there = set(bucket.keys(release.prefix))
    return all(release.key(name) in there for name in (*release.files, MANIFEST))


def _indexed(bucket: Bucket, release: Release) -> Release | None:
    """Return the release under the id that was reserved for its content, None when there is none."""
    key = names.release_index_key(release.model, release.content)
    entry = _index_entry(bucket, key)
    if entry is None:
        return None
    return replace(
        release,
        release=entry.text("release", names.RELEASE_ID),
        created=entry.text("created"),
        commit=entry.text("commit"),
        dirty=entry.flag("dirty"),
    )


def _index_entry(bucket: Bucket, key: str) -> StrictObject | None:
    found = bucket.get_small(key, limit=_INDEX_LIMIT)
    if found is None:
        return None
    try:
        document = loads(found[0], limit=_INDEX_LIMIT)
        if not isinstance(document, Mapping) or document.get("schema") != _INDEX_SCHEMA:
            raise ValueError(f"it is not an object of schema {_INDEX_SCHEMA}")
        entry = StrictObject(document, key)
        entry.text("release", names.RELEASE_ID)
    except ValueError as error:
        raise RefusedError(
            f"{bucket.uri(key)} is not a usable index entry: {error}",
            remedy="It is written by `slipway release create` only: delete it, then run that again.",
        ) from error
    return entry


def _reserve(bucket: Bucket, release: Release) -> Release:
    """Reserve an id that no other content has, then the content for that id; return the release under the id it got.

    Two runs of one content end with one id, two contents in one second with two.
    """
    created = datetime.fromisoformat(release.created)
    for second in range(_ID_TRIES):
        moment = created + timedelta(seconds=second)
        own = names.release_id(model=release.model, created=moment, commit=release.commit)
        mine = replace(release, release=own, created=_rfc3339(moment))
        if bucket.put_once(names.release_index_key(release.model, own), _entry(mine), content_type="application/json"):
            break
    else:
        raise RefusedError(f"{_ID_TRIES} releases of {release.model} from one commit within as many seconds")
    key = names.release_index_key(release.model, release.content)
    if bucket.put_once(key, _entry(mine), content_type="application/json"):
        return mine
    taken = _indexed(bucket, release)
    if taken is None:
        raise RefusedError(f"{bucket.uri(key)} came and went", remedy="Run it again.")
    return taken


def _entry(release: Release) -> bytes:
    document = {
        "schema": _INDEX_SCHEMA,
        "release": release.release,
        "content": release.content,
        "created": release.created,
        "commit": release.commit,
        "dirty": release.dirty,
    }
    return json.dumps(document, sort_keys=True, indent=2).encode() + b"\n"


def _with_versions(bucket: Bucket, release: Release) -> Release:
    files = {}
    for name, file in release.files.items():
        head = bucket.head(release.key(name))
        if head is None:
            raise NotFoundError(f"{bucket.uri(release.key(name))} was deleted right after it was written")
        files[name] = replace(file, version_id=head.stored.version_id)
    return replace(release, files=files)


def _write_manifest(bucket: Bucket, release: Release, tags: Mapping[str, str]) -> bool:
    """Write the manifest unless it is there; tell whether it was written."""
    if bucket.head(release.key(MANIFEST)) is not None:
        return False
    data = encode(release)
    item = Item(
        release_file(MANIFEST, of_bytes(data)), BytesOrigin(data), content_type="application/json", tags=dict(tags)
    )
    try:
        return MANIFEST in Copier(bucket, release.prefix, threads=1).bring([item]).copied
    except RefusedError:
        # Another run of the same release wrote its manifest in this moment; its metrics may be told in other words.
        if bucket.head(release.key(MANIFEST)) is None:
            raise
        return False


def _existing(bucket: Bucket, release: Release) -> Release:
    key = release.key(MANIFEST)
    found = bucket.get_small(key, limit=MANIFEST_LIMIT)
    if found is None:
        raise NotFoundError(f"{bucket.uri(key)} does not exist any more")
    existing = parse(found[0], where=bucket.uri(key))
    if existing.content != release.content:
        raise RefusedError(
            f"{bucket.uri(key)} describes other content than {names.release_index_key(release.model, release.content)}",
            remedy="One of them was changed by hand. Compare them, and delete the index entry if it is the wrong one.",
        )
    return existing


def _rfc3339(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
