"""Builds a data set from captured requests and labels, and puts it where training reads it."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from glue.aws.copier import UPLOAD_THREADS, Copier, Item, LocalOrigin, Moved
from glue.aws.s3 import Bucket
from glue.aws.session import Session as Account
from glue.core import capture, dataset, feedback, names, records
from glue.core.capture import Captured
from glue.core.checksum import of_stream, part_size_for
from glue.core.dataset import MANIFEST, TRAIN, VALIDATION, ClickModel, Group, Session
from glue.core.feedback import Label
from glue.core.records import Layout
from glue.core.release import release_file
from glue.errors import NotFoundError, RefusedError, UsageError
from glue.spool import Joined, Spool

Groups = Iterable[tuple[str, str, bool, Group]]


@dataclass(frozen=True)
class Wanted:
    """What a data set is to be made of: requests of [since, until), labels of any time from `since` on.

    `without` are variants whose answers nobody saw: shadows.
    """

    endpoint: str
    model: str
    since: datetime
    until: datetime
    layout: Layout
    clicks: ClickModel
    holdout: float = 0.2
    without: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Built:
    """A data set on this machine. `id` follows from its content."""

    id: str
    folder: Path
    manifest: Mapping[str, object]
    counts: Mapping[str, int]
    rows: Mapping[str, int]

    @property
    def files(self) -> tuple[str, ...]:
        """Its files, the manifest last."""
        return TRAIN, VALIDATION, MANIFEST


def model_settings(root: Path, model: str) -> tuple[Layout, ClickModel]:
    """Return how a model's requests hold rows, and its click model. Raises UsageError unless model.toml says both."""
    path = root / "models" / model / "model.toml"
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        layout = records.layout(raw.get("records"), raw.get("features"))
        clicks = ClickModel(float(raw["clicks"]["examination_decay"]), float(raw["clicks"]["noise"]))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"model {model} does not say how its requests become training data: {path}: {error}",
            remedy="It needs features, [records] and [clicks], as models/ranker/model.toml has.",
        ) from error
    return layout, clicks


def build(wanted: Wanted, *, account: Account, folder: Path) -> Built:
    """Build a data set in a folder: the same input gives the same bytes.

    Raises RefusedError, with counts, when there is nothing to train on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    spool_file = folder / "spool.sqlite"
    spool_file.unlink(missing_ok=True)
    spool = Spool(spool_file)
    try:
        sources = _read(wanted, account, spool)

        def judge(captured: Captured, label: Label) -> Session:
            return dataset.session_of(captured, label, wanted.layout)

        joined = spool.join(judge)
        graded = spool.graded()
        rows = _write(wanted, folder, lambda: spool.groups(judge), graded=graded)
    finally:
        spool.close()
        spool_file.unlink(missing_ok=True)
    _require(joined, rows, wanted)
    manifest = _manifest(wanted, account, joined, sources, graded=graded)
    manifest["files"] = {name: {"rows": rows[name], **_digest(folder / name)} for name in (TRAIN, VALIDATION)}
    (folder / MANIFEST).write_bytes(dataset.encode(manifest))
    return Built(dataset.identity(manifest), folder, manifest, dict(sorted(joined.counts.items())), rows)


def store(built: Built, *, account: Account, model: str) -> Moved:
    """Put a data set into an environment's store, the manifest last. What is there already stays."""
    copier = Copier(account.artifacts(), dataset.prefix(model, built.id), threads=UPLOAD_THREADS)
    moved = [copier.bring([_item(built, name) for name in chosen]) for chosen in (built.files[:-1], built.files[-1:])]
    return Moved(moved[0].copied + moved[1].copied, moved[0].skipped + moved[1].skipped)


def channels(built: Built, bucket: str, model: str) -> dict[str, str]:
    """Return what a training job names as its channels."""
    prefix = f"s3://{bucket}/{dataset.prefix(model, built.id)}"
    return {"train": f"{prefix}train/", "validation": f"{prefix}validation/"}


def _read(wanted: Wanted, account: Account, spool: Spool) -> dict[str, dict[str, object]]:
    own = account.environment
    bucket = account.artifacts()
    labels, requests = _Files(bucket), _Files(bucket)
    for key in _label_keys(bucket, wanted):
        for line in labels.lines(key, feedback.LINE_LIMIT):
            spool.add_label(line, until=wanted.until)
    full = names.endpoint_name(own.project, own.name, wanted.endpoint)
    where = capture.prefix(wanted.endpoint, full)
    for key in captured_keys(bucket, where, wanted.since, wanted.until, without=wanted.without):
        for line in requests.lines(key, capture.LINE_LIMIT):
            spool.add_captured(line, since=wanted.since, until=wanted.until)
    return {"capture": requests.summary(), "feedback": labels.summary()}


def captured_keys(
    bucket: Bucket, prefix: str, since: datetime, until: datetime, *, without: frozenset[str] = frozenset()
) -> Iterator[str]:
    """Yield the keys of captured files that may hold exchanges of a window, by variant and hour."""
    for variant in sorted(set(bucket.folders(prefix)) - without):
        for day in capture.days(since, until):
            for key in bucket.keys(f"{prefix}{variant}/{day}"):
                found = capture.place(key)
                if found is not None and capture.may_hold(found[1], since, until):
                    yield key


def _label_keys(bucket: Bucket, wanted: Wanted) -> Iterator[str]:
    """Files lie at their latest label's hour, and a label follows its request: older folders hold none that matter."""
    earliest = f"{feedback.prefix(wanted.endpoint)}{wanted.since:%Y/%m/%d/%H}"
    for key in bucket.keys(feedback.prefix(wanted.endpoint)):
        if key >= earliest:
            yield key


class _Files:
    """Reads files line by line and remembers what they were."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._digests: dict[str, str] = {}
        self._bytes = 0

    def lines(self, key: str, limit: int) -> Iterator[bytes | None]:
        head = self._bucket.head(key)
        if head is None:
            raise NotFoundError(
                f"{self._bucket.uri(key)} was deleted while the data set was built", remedy="Run it again."
            )
        stream = self._bucket.open(key, etag=head.stored.etag, version_id=head.stored.version_id)
        hasher = hashlib.sha256()
        try:
            yield from capture.lines(_Hashed(stream, hasher), limit=limit)
        finally:
            stream.close()
        self._digests[key] = hasher.hexdigest()
        self._bytes += head.stored.bytes

    def summary(self) -> dict[str, object]:
        whole = hashlib.sha256("".join(f"{key} {self._digests[key]}\n" for key in sorted(self._digests)).encode())
        return {"files": len(self._digests), "bytes": self._bytes, "sha256": whole.hexdigest()}


class _Hashed:
    def __init__(self, stream: capture.Stream, hasher: hashlib._Hash) -> None:
        self._stream = stream
        self._hasher = hasher

    def read(self, amount: int, /) -> bytes:
        data = self._stream.read(amount)
        self._hasher.update(data)
        return data


def _write(wanted: Wanted, folder: Path, groups: Callable[[], Groups], *, graded: bool) -> dict[str, int]:
    """Write both channels and return their rows. A query is in one of them only."""

    def chosen(*, validation: bool) -> Iterator[tuple[str, Group]]:
        for name, split, has_grades, group in groups():
            out = has_grades if graded else dataset.held_out(split, wanted.holdout)
            if out is validation and (group.grades or not (graded and validation)):
                yield name, group

    train = dataset.clicks_csv(chosen(validation=False), wanted.layout, wanted.clicks)
    validation = dataset.judgements_csv(chosen(validation=True), wanted.layout, wanted.clicks)
    return {name: _lines(folder / name, lines) for name, lines in ((TRAIN, train), (VALIDATION, validation))}


def _lines(path: Path, lines: Iterable[str]) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = -1  # the header is no row
    with path.open("w", encoding="utf-8", newline="") as stream:
        for line in lines:
            stream.write(line)
            rows += 1
    return rows


def _require(joined: Joined, rows: Mapping[str, int], wanted: Wanted) -> None:
    counts = joined.counts
    empty = [name for name in (TRAIN, VALIDATION) if not rows[name]]
    if not empty and counts["clicks"]:
        return
    told = ", ".join(f"{name.replace('_', ' ')} {counts[name]}" for name in sorted(counts) if counts[name])
    reasons = "; ".join(f"{reason}: {count}" for reason, count in sorted(joined.unusable.items()))
    raise RefusedError(
        f"there is nothing to train on for {wanted.endpoint} from {wanted.since:%Y-%m-%dT%H:%MZ} to "
        f"{wanted.until:%Y-%m-%dT%H:%MZ}: {f'no rows for {empty[0]}' if empty else 'not one click'} "
        f"({told or 'no captured requests, no labels'}{'; ' + reasons if reasons else ''})",
        remedy="Is data_capture on in the endpoint's file, and were labels put (slipway feedback put)?",
    )


def _manifest(
    wanted: Wanted, account: Account, joined: Joined, sources: Mapping[str, object], *, graded: bool
) -> dict[str, object]:
    def text(moment: datetime | None) -> str | None:
        return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"

    return {
        "schema": dataset.SCHEMA,
        "model": wanted.model,
        "environment": account.environment.name,
        "endpoint": wanted.endpoint,
        "window": {"since": text(wanted.since), "until": text(wanted.until)},
        "requests": {"first": text(joined.first), "last": text(joined.last)},
        "sources": dict(sources),
        "counts": dict(sorted((name, count) for name, count in joined.counts.items() if count)),
        "unusable": dict(sorted(joined.unusable.items())),
        "validation": "grades" if graded else f"clicks of {wanted.holdout:g} of the queries",
        "click_model": asdict(wanted.clicks),
        "features": list(wanted.layout.names),
    }


def _digest(path: Path) -> dict[str, object]:
    hasher = hashlib.sha256()
    with path.open("rb") as stream:
        while data := stream.read(1024 * 1024):
            hasher.update(data)
    return {"bytes": path.stat().st_size, "sha256": hasher.hexdigest()}


def _item(built: Built, name: str) -> Item:
    path = built.folder / name
    with path.open("rb") as stream:
        sums = of_stream(stream, part_size=part_size_for(path.stat().st_size))
    return Item(release_file(name, sums), LocalOrigin(path), "application/json" if name == MANIFEST else "text/csv")
