"""Reads everything that a new release will hold, once, and says what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from glue.aws.copier import BytesOrigin, Item, LocalOrigin, RemoteOrigin
from glue.aws.ecr import image_reference
from glue.aws.resuming import ResumingStream
from glue.aws.s3 import Bucket, Source
from glue.aws.session import Session
from glue.core import drift, names
from glue.core.archive import Inspection, Limits, inspect
from glue.core.checksum import of_bytes, part_size_for
from glue.core.copying import StoredObject
from glue.core.golden import FILE_LIMIT, parse_golden
from glue.core.release import (
    BASELINE,
    BASELINE_LIMIT,
    GOLDEN,
    MODEL_ARCHIVE,
    SOURCE_ARCHIVE,
    check_environment,
    check_metrics,
    release_file,
)
from glue.core.request import ReleaseRequest
from glue.core.strictjson import loads
from glue.errors import NotFoundError, UsageError

METRICS = "metrics.json"
_METRICS_LIMIT = 256 * 1024
_GZIP = "application/gzip"
_JSON = "application/json"


@dataclass(frozen=True)
class Gathered:
    """What a release will hold. `items` have no tags yet; `notes` are worth telling the user."""

    items: tuple[Item, ...]
    image_repository: str
    image_digest: str
    metrics: Mapping[str, float]
    notes: tuple[str, ...]


def gather(request: ReleaseRequest, *, session: Session, limits: Limits) -> Gathered:
    """Check a request and read its files. Cheap checks come first, large archives last; nothing is written.

    Raises UsageError with the reason for whatever cannot be in a release, NotFoundError for what is not there.
    """
    check_environment(request.environment)
    _check_training(request.training)
    golden = _read_golden(request.golden) if request.golden else None
    metrics = _read_metrics(request.metrics) if request.metrics else None
    baseline = _read(request.baseline, BASELINE_LIMIT) if request.baseline else None
    session.parameters.foundation(session.environment).model(request.model)
    repository = names.repository_name(session.environment.project, request.model)
    digest = session.registry.resolve(repository, _reference(request.image, session, repository))
    item, archive = _archive(MODEL_ARCHIVE, request.archive, session, limits)
    items = [item]
    if request.source_archive:
        items.append(_archive(SOURCE_ARCHIVE, request.source_archive, session, limits)[0])
    notes = [f"{len(archive.members)} files, {archive.expanded_bytes} bytes unpacked"]
    golden = golden or archive.extracted.get(GOLDEN)
    if golden is not None:
        count = len(parse_golden(golden, where=str(request.golden or f"{GOLDEN} in {request.archive}")))
        items.append(Item(release_file(GOLDEN, of_bytes(golden)), BytesOrigin(golden), _JSON))
        notes.append(f"{count} golden requests")
    elif not request.without_golden:
        raise UsageError(
            f"{request.archive} holds no {GOLDEN}, so nobody could verify this release later",
            remedy="Let training write golden requests, or give --golden FILE, or say --without-golden.",
        )
    baseline = baseline or archive.extracted.get(BASELINE)
    if baseline is not None:
        _check_baseline(baseline, request.model, str(request.baseline or f"{BASELINE} in {request.archive}"))
        items.append(Item(release_file(BASELINE, of_bytes(baseline)), BytesOrigin(baseline), _JSON))
        notes.append("a baseline for the monitor")
    if metrics is None and METRICS in archive.extracted:
        metrics = _parse_metrics(archive.extracted[METRICS], f"{METRICS} in {request.archive}")
    return Gathered(tuple(items), repository, digest, metrics or {}, tuple(notes))


def _archive(name: str, place: str, session: Session, limits: Limits) -> tuple[Item, Inspection]:
    wanted = {GOLDEN: FILE_LIMIT, METRICS: _METRICS_LIMIT, BASELINE: BASELINE_LIMIT}
    extract = wanted if name == MODEL_ARCHIVE else {}
    if place.startswith("s3://"):
        return _remote_archive(name, place, session, limits, extract)
    path = Path(place)
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            inspection = inspect(stream, name=place, part_size=part_size_for(size), limits=limits, extract=extract)
    except OSError as error:
        raise UsageError(f"{place} cannot be read: {error.strerror or error}") from error
    file = release_file(name, inspection.checksums, unpacked=inspection.unpacked)
    return Item(file, LocalOrigin(path), _GZIP), inspection


def _remote_archive(
    name: str, uri: str, session: Session, limits: Limits, extract: Mapping[str, int]
) -> tuple[Item, Inspection]:
    bucket_name, _, key = uri.removeprefix("s3://").partition("/")
    if not bucket_name or not key or key.endswith("/"):
        raise UsageError(
            f"{uri!r} is not the place of an object", remedy="It looks like s3://bucket/path/model.tar.gz."
        )
    bucket = session.bucket(bucket_name, owner=session.environment.account_id)
    head = bucket.head(key)
    if head is None:
        raise NotFoundError(
            f"{uri} does not exist", remedy="Has the training job completed? Its output is named in it."
        )
    stored = head.stored
    source, inspection = look_into(bucket, stored, limits=limits, extract=extract)
    file = release_file(name, inspection.checksums, unpacked=inspection.unpacked)
    return Item(file, RemoteOrigin(source), _GZIP), inspection


def look_into(
    bucket: Bucket, stored: StoredObject, *, limits: Limits, extract: Mapping[str, int] | None = None
) -> tuple[Source, Inspection]:
    """Read an archive in S3 as a stream, once, and return the version that was read and what is in it."""
    source = Source(bucket.name, bucket.owner, stored.key, stored.etag, stored.version_id)
    stream = ResumingStream(bucket, source, stored.bytes)
    try:
        part_size = part_size_for(stored.bytes)
        name = bucket.uri(stored.key)
        return source, inspect(stream, name=name, part_size=part_size, limits=limits, extract=extract)
    finally:
        stream.close()


def _reference(image: str, session: Session, repository: str) -> str:
    """Return the tag or digest of what the user named. Raises UsageError for another registry or repository."""
    place, reference = image_reference(image)
    account, region = session.environment.account_id, session.environment.region
    own = f"{account}.dkr.ecr.{region}.amazonaws.com/{repository}"
    if place is not None and place not in {own, repository}:
        raise UsageError(
            f"image {image} is not in {own}", remedy="A release's image lies in its model's repository: push it there."
        )
    return reference


def _read_golden(path: Path) -> bytes:
    data = _read(path, FILE_LIMIT)
    parse_golden(data, where=str(path))
    return data


def _read_metrics(path: Path) -> dict[str, float]:
    return _parse_metrics(_read(path, _METRICS_LIMIT), str(path))


def _parse_metrics(data: bytes, where: str) -> dict[str, float]:
    try:
        document = loads(data, limit=_METRICS_LIMIT)
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from error
    return check_metrics(document, where=where)


def _check_baseline(data: bytes, model: str, where: str) -> None:
    try:
        found = drift.parse(loads(data, limit=BASELINE_LIMIT))
    except ValueError as error:
        raise UsageError(
            f"{where} is not a baseline: {error}", remedy="docs/deployments/monitors.md shows one."
        ) from error
    if found.model != model:
        raise UsageError(f"{where} is the baseline of model {found.model}, and this is a release of {model}")


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    if len(data) > limit:
        raise UsageError(f"{path} is larger than {limit} bytes")
    return data


def _check_training(training: Mapping[str, object]) -> None:
    try:
        text = json.dumps(training, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UsageError(f"training information is not JSON: {error}") from error
    if len(text) > 64 * 1024:
        raise UsageError(f"training information has {len(text)} characters; at most 65536 are kept")
