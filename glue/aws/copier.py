"""Brings the files of a release into a bucket: from another bucket by server-side copies, or from this machine.

Copies are UploadPartCopy only: no byte of an artifact passes through the client, files of any size take the same path,
and S3 answers with each part's SHA-256, which is compared with the manifest's before the object exists
(https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html). A killed run's parts are found again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from glue.aws.s3 import Bucket, PreconditionError, Source, UploadGoneError
from glue.core.checksum import sha256_base64
from glue.core.copying import CopyPlan, FilePlan, StoredObject, StoredPart, WantedPart, plan_copy
from glue.core.release import ReleaseFile
from glue.errors import AwsError, RefusedError, SlipwayError

# S3 copies parts side by side: what bounds a copy is how many are in flight. As many as a file of 10 GiB has parts.
THREADS = 160
UPLOAD_THREADS = 4  # each holds one part of 64 MiB in memory
_ROUNDS = 4  # how often a file may lose a race with somebody who then gives up

Progress = Callable[[int, int], None]
"""Called after each part with the bytes done and the bytes of everything."""


class Origin(Protocol):
    """Where the parts of a file come from."""

    def move(self, bucket: Bucket, key: str, upload_id: str, part: WantedPart, *, whole: bool) -> StoredPart:
        """Bring one part into an upload and return what S3 says that it got."""


@dataclass(frozen=True)
class RemoteOrigin:
    """One version of an object in S3, of this account or another."""

    source: Source

    def move(self, bucket: Bucket, key: str, upload_id: str, part: WantedPart, *, whole: bool) -> StoredPart:
        """Copy the part on the server's side; an empty file has no range to copy, so its empty part is sent."""
        if part.range.length == 0:
            return bucket.upload_part(key, upload_id, number=1, body=b"", sha256=part.sha256)
        try:
            return bucket.copy_part(key, upload_id, source=self.source, part=part.range, whole=whole)
        except PreconditionError as error:
            raise RefusedError(
                f"s3://{self.source.bucket}/{self.source.key} changed while it was copied: {error.message}",
                remedy="Run it again: it then compares the source with the manifest anew.",
            ) from error


@dataclass(frozen=True)
class LocalOrigin:
    """A file on this machine."""

    path: Path

    def move(self, bucket: Bucket, key: str, upload_id: str, part: WantedPart, *, whole: bool) -> StoredPart:  # noqa: ARG002
        """Read and upload the part, unless the file changed since it was hashed."""
        with self.path.open("rb") as stream:
            stream.seek(part.range.start)
            body = stream.read(part.range.length)
        if sha256_base64(body) != part.sha256:
            raise RefusedError(
                f"{self.path} changed while it was read", remedy="Run it again when nothing writes to it."
            )
        return bucket.upload_part(key, upload_id, number=part.range.number, body=body, sha256=part.sha256)


@dataclass(frozen=True)
class BytesOrigin:
    """A small file in memory, of one part."""

    data: bytes = field(repr=False)

    def move(self, bucket: Bucket, key: str, upload_id: str, part: WantedPart, *, whole: bool) -> StoredPart:  # noqa: ARG002
        """Upload the bytes."""
        number = part.range.number
        return bucket.upload_part(key, upload_id, number=number, body=self.data, sha256=part.sha256)


@dataclass(frozen=True)
class Item:
    """One file to bring: what it is, where from, and what the object carries."""

    file: ReleaseFile
    origin: Origin
    content_type: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Moved:
    """What was done: file names, parts and bytes. `reused` parts were there from an earlier, unfinished run."""

    copied: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    parts: int = 0
    reused: int = 0
    bytes: int = 0
    seconds: float = 0.0


class Copier:
    """Brings files below one key prefix of one bucket."""

    def __init__(
        self,
        target: Bucket,
        prefix: str,
        *,
        threads: int = THREADS,
        progress: Progress = lambda _done, _total: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._target = target
        self._prefix = prefix
        self._threads = threads
        self._progress = progress
        self._clock = clock

    def plan(self, files: Sequence[ReleaseFile]) -> CopyPlan:
        """Read what the target has and return what is missing; unfinished uploads are looked for only if something is.

        Raises RefusedError when the target has something else at one of the keys.
        """
        with ThreadPoolExecutor(max_workers=self._threads) as pool:
            heads = dict(zip([f.name for f in files], pool.map(self._stored, files), strict=True))
        uploads = {} if all(heads.values()) else self._target.uploads(self._prefix)
        return plan_copy(
            files,
            targets=heads,
            uploads={key.removeprefix(self._prefix): found for key, found in uploads.items()},
            where=self._target.uri(self._prefix),
        )

    def bring(self, items: Iterable[Item], *, plan: CopyPlan | None = None) -> Moved:
        """Bring all files, the manifest last, and return what was done. What is there and equal is left alone.

        `plan` saves looking again when the caller has just looked.

        Raises RefusedError when the target has something else at a key or a source changed, AwsError naming the part
        that failed. Nothing is taken back then: the next run goes on from the parts that are there.
        """
        began = self._clock()
        wanted = {item.file.name: item for item in items}
        plan = plan or self.plan([item.file for item in wanted.values()])
        work = _Work(sum(f.missing_bytes for f in _file_plans(plan)), self._progress)
        moved = self._bring_files(wanted, replace(plan, manifest=None), work)
        if plan.manifest is not None:
            last = self._bring_files(wanted, CopyPlan(files=(plan.manifest,), manifest=None, done=()), work)
            moved = replace(moved, copied=moved.copied + last.copied, skipped=moved.skipped + last.skipped)
        return replace(moved, parts=work.parts, reused=work.reused, bytes=work.bytes, seconds=self._clock() - began)

    def _stored(self, file: ReleaseFile) -> StoredObject | None:
        head = self._target.head(self._prefix + file.name)
        return head.stored if head else None

    def _bring_files(self, wanted: Mapping[str, Item], plan: CopyPlan, work: _Work) -> Moved:
        copied: list[str] = []
        skipped = list(plan.done)
        for _ in range(_ROUNDS):
            lost = self._round(wanted, plan.files, work)
            copied += [f.file.name for f in plan.files if f.file.name not in lost]
            if not lost:
                return Moved(copied=tuple(copied), skipped=tuple(skipped))
            # Somebody else completed or dropped these uploads: look again, and take theirs if it is equal.
            plan = self.plan([wanted[name].file for name in lost])
            if plan.manifest is not None:
                plan = replace(plan, files=(*plan.files, plan.manifest), manifest=None)
            skipped += plan.done
        raise AwsError(
            f"{', '.join(f.file.name for f in plan.files)} in {self._target.uri(self._prefix)} "
            f"could not be completed in {_ROUNDS} rounds: somebody else keeps writing there",
            remedy="Wait until the other one is through, then run it again.",
        )

    def _round(self, wanted: Mapping[str, Item], files: Sequence[FilePlan], work: _Work) -> list[str]:
        """Move the missing parts of all files at once, complete each, and return the names that lost a race."""
        lost: set[str] = set()
        pool = ThreadPoolExecutor(max_workers=self._threads, thread_name_prefix="slipway-copy")
        try:
            ids = pool.map(lambda plan: self._upload_id(wanted[plan.file.name], plan), files)
            begun = [_Begun(plan, upload_id, list(plan.reused)) for plan, upload_id in zip(files, ids, strict=True)]
            futures = {
                pool.submit(self._move, wanted[b.plan.file.name], b.upload_id, part, b.plan.whole): (b, part)
                for b in begun
                for part in b.plan.missing
            }
            for future in as_completed(futures):
                b, part = futures[future]
                stored = _result(future, b.plan, part, work)
                if stored is None:
                    lost.add(b.plan.file.name)
                else:
                    b.parts.append(stored)
            work.reused += sum(len(b.plan.reused) for b in begun)
            whole = [b for b in begun if b.plan.file.name not in lost]
            made = pool.map(lambda b: self._complete(b.plan, b.upload_id, b.parts), whole)
            lost |= {b.plan.file.name for b, is_mine in zip(whole, made, strict=True) if not is_mine}
        finally:
            # Also when it is interrupted: what has begun ends, what has not is dropped.
            pool.shutdown(wait=True, cancel_futures=True)
        return sorted(lost)

    def _upload_id(self, item: Item, plan: FilePlan) -> str:
        if plan.upload_id is not None:
            return plan.upload_id
        return self._target.create_upload(
            self._prefix + item.file.name,
            content_type=item.content_type,
            metadata=item.metadata,
            tags=item.tags,
        )

    def _move(self, item: Item, upload_id: str, part: WantedPart, whole: bool) -> StoredPart:
        key = self._prefix + item.file.name
        stored = item.origin.move(self._target, key, upload_id, part, whole=whole)
        if stored.sha256 != part.sha256:
            raise SlipwayError(
                f"part {part.range.number} of {self._target.uri(key)} has SHA-256 {stored.sha256 or '(none)'}, "
                f"the manifest says {part.sha256}",
                remedy="The bytes are not those of the release. Nothing was made of them: run it again, and if it "
                "stays so, create the release anew.",
            )
        return stored

    def _complete(self, plan: FilePlan, upload_id: str, parts: Sequence[StoredPart]) -> bool:
        """Make the object of its parts; False when somebody else was faster, be it in the same upload."""
        key = self._prefix + plan.file.name
        ordered = sorted(parts, key=lambda part: part.number)
        try:
            checksum = self._target.complete(key, upload_id, ordered, size=plan.file.bytes)
        except UploadGoneError:
            return False
        except PreconditionError:
            self._target.abort(key, upload_id)
            return False
        # An upload that somebody else completed answers as it did to them: if with other bytes, the next look refuses.
        return checksum == plan.file.sha256


@dataclass(frozen=True)
class _Begun:
    """A file whose upload exists, with the parts that it has so far."""

    plan: FilePlan
    upload_id: str
    parts: list[StoredPart]


class _Work:
    """Counts what was done; only the thread that gathers the results touches it."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._total = total
        self._progress = progress
        self.parts = 0
        self.bytes = 0
        self.reused = 0

    def done(self, length: int) -> None:
        self.parts += 1
        self.bytes += length
        self._progress(self.bytes, max(self._total, self.bytes))


def _result(future: Future[StoredPart], plan: FilePlan, part: WantedPart, work: _Work) -> StoredPart | None:
    """Return a moved part, None when its upload is gone. Raises with the part's name when it failed."""
    try:
        stored = future.result()
    except UploadGoneError:
        return None
    except SlipwayError as error:
        resume = f"{work.parts} parts were done before; the next run goes on from there."
        raise type(error)(
            f"part {part.range.number} of {len(plan.file.parts)} of {plan.file.name} failed: {error.message}",
            remedy=f"{error.remedy} {resume}" if error.remedy else resume,
        ) from error
    work.done(part.range.length)
    return stored


def _file_plans(plan: CopyPlan) -> list[FilePlan]:
    return [*plan.files, *([plan.manifest] if plan.manifest else [])]
