"""What jobs read from S3 and write to it: channels, checkpoints, archives, folders.

Channels: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.runtime.container import name_below
from sandbox.runtime.training_job import JobError

SMALL = 8 * 1024 * 1024  # bytes that go in one request
Found = tuple[str, str, str]  # bucket, key, name of the file


def parts(uri: str) -> tuple[str, str]:
    """Return bucket and key of an S3 address."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


@contextlib.contextmanager
def said(what: str) -> Iterator[None]:
    """Raise JobError in SageMaker's words when S3 fails: `ClientError: <what> failed:<why>`."""
    try:
        yield
    except (ClientError, BotoCoreError, OSError) as error:
        raise JobError(f"ClientError: {what} failed:{error}") from error


def objects(s3: Any, bucket: str, prefix: str) -> Iterator[Found]:
    """Yield the objects below a prefix, or the one with that very key."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            name = name_below(entry["Key"], prefix)
            if name is not None:
                yield bucket, entry["Key"], name


def fetch(s3: Any, found: Iterable[Found], target: Path) -> int:
    """Download objects into a folder; return how many. Raises JobError for a key that leads out of it."""
    count = 0
    root = target.resolve()
    for bucket, key, name in found:
        file = (root / name).resolve()
        if not file.is_relative_to(root):
            raise JobError(f"ClientError: The key {key} leads out of the folder.")
        file.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(s3.get_object(Bucket=bucket, Key=key)["Body"]) as body, file.open("wb") as out:
            shutil.copyfileobj(body, out, 1024 * 1024)
        count += 1
    return count


def put(s3: Any, file: Path, bucket: str, key: str, extra: Mapping[str, str]) -> None:
    """Upload a file, a small one in one request and without threads. It may grow meanwhile: then its beginning."""
    if file.stat().st_size > SMALL:
        s3.upload_file(str(file), bucket, key, ExtraArgs=dict(extra))
        return
    with file.open("rb") as body:  # read first: a body that grows is longer than its header said
        s3.put_object(Bucket=bucket, Key=key, Body=body.read(2 * SMALL), **extra)


def encrypted(key: str | None) -> dict[str, str]:
    """Return the arguments of an upload under this key; without one the bucket's default counts."""
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}


def channel(
    s3: Any, settings: Mapping[str, Any], targets: Sequence[Path], *, mode: str, role: str, region: str
) -> None:
    """Download a channel for each instance. Raises JobError in SageMaker's words.

    FastFile is File here: the program sees the same files, only all of them are there at once.
    """
    name = settings["ChannelName"]
    source = (settings.get("DataSource") or {}).get("S3DataSource") or {}
    mode = settings.get("InputMode") or mode
    if mode not in {"File", "FastFile"}:
        raise JobError(f"ClientError: The sandbox has no input mode {mode}: channel {name} must be File or FastFile.")
    uri, kind = str(source.get("S3Uri")), source.get("S3DataType")
    if kind not in {"S3Prefix", "ManifestFile"}:
        raise JobError(f"ClientError: The sandbox reads channels of type S3Prefix and ManifestFile, not {kind}.")
    with said("Data download"):
        bucket, key = parts(uri)
        found = list(objects(s3, bucket, key) if kind == "S3Prefix" else _listed(s3, bucket, key))
        shard = source.get("S3DataDistributionType") == "ShardedByS3Key"
        for number, target in enumerate(targets):
            target.mkdir(parents=True, exist_ok=True)
            fetch(s3, found[number :: len(targets)] if shard else found, target)
    if not found:
        raise JobError(
            f'ClientError: Data download failed:No S3 objects found under S3 URL "{uri}" given in input data source. '
            f"Please ensure that the bucket exists in the selected region ({region}), that objects exist under that S3 "
            f'prefix, and that the role "{role}" has "s3:ListBucket" permissions on bucket "{bucket}".'
        )


def _listed(s3: Any, bucket: str, key: str) -> Iterator[Found]:
    """The objects that a manifest names: a first `{"prefix": "s3://…"}`, then names below it."""
    try:
        document = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        first, *names = document
        root, prefix = parts(first["prefix"])
    except (ValueError, KeyError, TypeError) as error:
        raise JobError(f"ClientError: Data download failed:s3://{bucket}/{key} is no manifest: {error}") from error
    for name in names:
        yield root, f"{prefix}{name}", str(name).lstrip("/")


class Mirror:
    """Folders that are copied to an S3 prefix while a program writes into them; what is there comes first.

    Checkpoints: https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html
    """

    def __init__(self, s3: Any, uri: str, folders: Sequence[Path], *, what: str, key: str | None = None) -> None:
        self._s3, self._what, self._extra = s3, what, encrypted(key)
        self._bucket, prefix = parts(uri)
        self._prefix = prefix.rstrip("/") + "/" if prefix.strip("/") else ""
        self._folders = folders
        self._known: dict[Path, tuple[int, int]] = {}
        self._seen: dict[Path, tuple[int, int]] = {}

    def fetch(self) -> int:
        """Download what is there into each folder; return how many files."""
        with said(f"{self._what} download"):
            found = list(objects(self._s3, self._bucket, self._prefix))
            for folder in self._folders:
                folder.mkdir(parents=True, exist_ok=True)
                fetch(self._s3, found, folder)
        self._known = {file: mark for folder in self._folders for file, mark in _files(folder)}
        return len(found)

    def sync(self, *, settled: bool = False) -> int:
        """Upload what is new or has changed since; return how many files. Raises JobError.

        `settled`: only what is as it was at the last look, since somebody may be writing the rest just now.
        """
        count, before, self._seen = 0, self._seen, {}
        with said(f"{self._what} upload"):
            for folder in self._folders:
                for file, mark in _files(folder):
                    self._seen[file] = mark
                    if self._known.get(file) != mark and (before.get(file) == mark or not settled):
                        put(self._s3, file, self._bucket, self._prefix + str(file.relative_to(folder)), self._extra)
                        self._known[file] = mark
                        count += 1
        return count


def _files(folder: Path) -> Iterator[tuple[Path, tuple[int, int]]]:
    """The files of a folder with time and size; one that goes away meanwhile is left out."""
    for file in sorted(folder.rglob("*")):
        with contextlib.suppress(FileNotFoundError):
            if file.is_file() and not file.is_symlink():
                found = file.stat()
                yield file, (found.st_mtime_ns, found.st_size)
