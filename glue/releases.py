"""Releases as they lie in an environment's artifact bucket: listing, loading, checking, promoting."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from glue.aws.copier import THREADS, Copier, Item, Moved, Progress, RemoteOrigin
from glue.aws.s3 import Bucket, Head, Source
from glue.core import names
from glue.core.checksum import of_bytes
from glue.core.copying import CopyPlan, check_sources
from glue.core.golden import FILE_LIMIT, GoldenRequest, parse_golden
from glue.core.release import GOLDEN, MANIFEST, MANIFEST_LIMIT, Release, ReleaseFile, parse, release_file
from glue.errors import AccessDeniedError, NotFoundError, RefusedError


@dataclass(frozen=True)
class ReleaseSummary:
    """A release in a bucket. `created` is RFC 3339 (from its id); without a manifest it is not `complete`."""

    release: str
    model: str
    created: str
    complete: bool


@dataclass(frozen=True)
class LoadedRelease:
    """A release whose files were compared with its manifest, as it lies in one bucket.

    `manifest` holds the bytes of release.json; `heads` describe every file, the manifest among them.
    """

    release: Release
    manifest: bytes = field(repr=False)
    bucket: Bucket
    heads: Mapping[str, Head]

    @property
    def files(self) -> tuple[ReleaseFile, ...]:
        """All files, the manifest last."""
        return (*self.release.files.values(), release_file(MANIFEST, of_bytes(self.manifest)))

    @property
    def bytes(self) -> int:
        """The size of everything."""
        return sum(file.bytes for file in self.files)


def list_releases(bucket: Bucket, model: str | None = None) -> tuple[ReleaseSummary, ...]:
    """Return the releases in a bucket, of one model or all, newest first. Raises NotFoundError without the bucket."""
    models = [model] if model else bucket.folders("releases/")
    found: list[ReleaseSummary] = []
    for name in models:
        prefix = f"releases/{name}/"
        complete: dict[str, bool] = {}
        for key in bucket.keys(prefix):
            release, _, file = key.removeprefix(prefix).partition("/")
            complete[release] = complete.get(release, False) or file == MANIFEST
        found += [_summary(release, name, done) for release, done in complete.items() if _is_release(release, name)]
    return tuple(sorted(found, key=lambda summary: (summary.created, summary.release), reverse=True))


def _is_release(release: str, model: str) -> bool:
    match = names.RELEASE_ID.match(release)
    return match is not None and match["model"] == model


def _summary(release: str, model: str, complete: bool) -> ReleaseSummary:
    match = names.RELEASE_ID.match(release)
    date, time = (match["date"], match["time"]) if match else ("00000000", "000000")
    created = f"{date[:4]}-{date[4:6]}-{date[6:]}T{time[:2]}:{time[2:4]}:{time[4:]}Z"
    return ReleaseSummary(release, model, created, complete)


def load_release(bucket: Bucket, release: str) -> LoadedRelease:
    """Return a release after its manifest was read strictly and every file's size and checksum compared with it.

    Raises UsageError when it is not a release id, NotFoundError when there is no such release or it was never finished,
    ManifestError when the manifest is not usable, RefusedError when a file differs, AccessDeniedError when denied.
    """
    model = names.model_of_release(release)
    prefix = names.release_prefix(model, release)
    # Listed first: without permission to list everything, S3 answers a GET of an absent key with 403, not 404.
    keys = {key.removeprefix(prefix) for key in bucket.keys(prefix)}
    found = bucket.get_small(prefix + MANIFEST, limit=MANIFEST_LIMIT) if MANIFEST in keys else None
    if found is None:
        raise _no_release(bucket, release, unfinished=bool(keys))
    data, manifest_head = found
    manifest = parse(data, where=bucket.uri(prefix + MANIFEST))
    if manifest.release != release:
        raise RefusedError(
            f"{bucket.uri(prefix + MANIFEST)} is the manifest of {manifest.release}",
            remedy="It was copied there by hand. Releases are made by `slipway release create` only.",
        )
    wanted = [name for name in manifest.files if name in keys]
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        heads = dict(zip(wanted, pool.map(lambda name: bucket.head(prefix + name), wanted), strict=True))
    every: dict[str, Head | None] = {**heads, MANIFEST: manifest_head}
    loaded = LoadedRelease(
        release=manifest,
        manifest=data,
        bucket=bucket,
        heads={name: head for name, head in every.items() if head is not None},
    )
    stored = {name: head.stored for name, head in loaded.heads.items()}
    check_sources(loaded.files, stored, where=bucket.uri(prefix))
    return loaded


def _no_release(bucket: Bucket, release: str, *, unfinished: bool) -> NotFoundError:
    if unfinished:
        return NotFoundError(
            f"release {release} in {bucket.name} was never finished: it has files but no manifest",
            remedy="Run the same `slipway release create` (or `promote`) again: it goes on where it stopped.",
        )
    return NotFoundError(
        f"release {release} is not in {bucket.name}", remedy="`slipway release list` shows the releases there are."
    )


def load_golden(loaded: LoadedRelease) -> tuple[GoldenRequest, ...]:
    """Return a release's golden requests, none when it has no such file.

    Raises RefusedError when the file's bytes are not those of the manifest, UsageError when it is not usable.
    """
    file = loaded.release.files.get(GOLDEN)
    if file is None:
        return ()
    key = loaded.release.key(GOLDEN)
    found = loaded.bucket.get_small(key, limit=FILE_LIMIT)
    if found is None or of_bytes(found[0]).composite != file.sha256:
        raise RefusedError(f"{loaded.bucket.uri(key)} is not the file of its manifest")
    return parse_golden(found[0], where=loaded.bucket.uri(key))


def plan_copy_of(loaded: LoadedRelease, target: Bucket) -> CopyPlan:
    """Return what a promotion would copy; reads only. Raises RefusedError when the target has something else."""
    return Copier(target, loaded.release.prefix).plan(loaded.files)


def copy_release(
    loaded: LoadedRelease,
    target: Bucket,
    *,
    threads: int = THREADS,
    progress: Progress = lambda _done, _total: None,
    clock: Callable[[], float] | None = None,
) -> Moved:
    """Copy a release into another environment's bucket, server-side, and return what was done.

    Run again, it changes nothing; killed, it goes on from the parts that are there. See `Copier.bring` for errors, and
    `load_release` for those of a source that changed meanwhile.
    """
    extra = {"clock": clock} if clock else {}
    copier = Copier(target, loaded.release.prefix, threads=threads, progress=progress, **extra)
    plan = copier.plan(loaded.files)
    try:
        return copier.bring(items_of(loaded, done=plan.done), plan=plan)
    except (AccessDeniedError, NotFoundError):
        # S3 calls a file that was deleted meanwhile denied, unless we may list everything: look what is really wrong.
        load_release(loaded.bucket, loaded.release.release)
        raise


def items_of(loaded: LoadedRelease, *, done: Collection[str]) -> list[Item]:
    """Return every file as the target should have it. Tags are read only of files that are not `done`."""

    def item(file: ReleaseFile) -> Item:
        head = loaded.heads[file.name]
        key, version = head.stored.key, head.stored.version_id
        source = Source(loaded.bucket.name, loaded.bucket.owner, key, head.stored.etag, version)
        tags = loaded.bucket.tags(key, version_id=version) if file.name not in done else {}
        return Item(file, RemoteOrigin(source), head.content_type, dict(head.metadata), tags)

    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        return list(pool.map(item, loaded.files))
