"""The programs that copy: each brings the same keys from one bucket to another, in a process of its own.

`python -m bench.contenders NAME TASK`: TASK is a JSON document with url, source, target, prefix, release and keys.
"""

# ruff: noqa: PLC0415 - each contender pays for its own imports only
from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.processes import REGION, ROOT

PART = 64 * 1024**2
TUNED_THREADS = 50
SOURCE_ACCOUNT, TARGET_ACCOUNT = "111111111111", "222222222222"
AWS = ROOT / ".tools" / "bench" / "bin" / "aws"


@dataclass(frozen=True)
class Task:
    """What to copy: `keys` are all keys below `prefix` that a peer copies; the engine copies the whole release."""

    url: str
    source: str
    target: str
    prefix: str
    release: str
    keys: tuple[str, ...]

    def encode(self) -> str:
        """Return the task as JSON."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Contender:
    """Somebody who copies."""

    name: str
    title: str

    def command(self, task: Task) -> Sequence[str | Path]:
        """Return the command that does the task."""
        if self.name != "aws":
            return [sys.executable, "-m", "bench.contenders", self.name, task.encode()]
        common: list[str | Path] = [AWS, "s3", "cp", "--only-show-errors", "--endpoint-url", task.url]
        if len(task.keys) == 1:
            (key,) = task.keys
            return [*common, f"s3://{task.source}/{key}", f"s3://{task.target}/{key}"]
        return [*common, "--recursive", f"s3://{task.source}/{task.prefix}", f"s3://{task.target}/{task.prefix}"]


CONTENDERS = (
    Contender("slipway", "Slipway"),
    Contender("boto3", "boto3 copy(), defaults"),
    Contender("tuned", f"boto3 tuned, {TUNED_THREADS} threads"),
    Contender("aws", "aws s3 cp, defaults"),
)


def slipway(task: Task) -> None:
    """Promote the release's files as `slipway promote` does: load it, compare it with its manifest, copy it."""
    import boto3

    from glue import releases
    from glue.aws.accounts import THREADS
    from glue.aws.clients import CallCounter, client_config
    from glue.aws.session import Session
    from glue.core.environment import Environment

    environment = Environment("target", TARGET_ACCOUNT, REGION)
    session = Session(
        boto3.Session(region_name=REGION),
        environment=environment,
        caller=environment.promote_role_arn,
        config=client_config(threads=THREADS),
        calls=CallCounter(),
    )
    source = session.bucket(task.source, owner=SOURCE_ACCOUNT)
    target = session.bucket(task.target, owner=TARGET_ACCOUNT)
    releases.copy_release(releases.load_release(source, task.release), target)
    session.close()


def plain_boto3(task: Task) -> None:
    """Call `copy()` for one key after the other, as most scripts do."""
    import boto3

    client = boto3.client("s3", region_name=REGION)
    for key in task.keys:
        client.copy({"Bucket": task.source, "Key": key}, task.target, key)


def tuned_boto3(task: Task) -> None:
    """Hand all keys to one transfer manager with large parts, many threads and as many connections."""
    import boto3
    from botocore.config import Config
    from s3transfer.manager import TransferConfig, TransferManager

    client = boto3.client("s3", region_name=REGION, config=Config(max_pool_connections=TUNED_THREADS))
    config = TransferConfig(
        multipart_threshold=PART,
        multipart_chunksize=PART,
        max_request_concurrency=TUNED_THREADS,
        max_submission_concurrency=TUNED_THREADS,
    )
    with TransferManager(client, config) as manager:
        futures = [manager.copy({"Bucket": task.source, "Key": key}, task.target, key) for key in task.keys]
        for future in futures:
            future.result()


PROGRAMS: Mapping[str, Callable[[Task], None]] = {"slipway": slipway, "boto3": plain_boto3, "tuned": tuned_boto3}


def main(arguments: Sequence[str]) -> int:
    """Run one contender. Returns 1 with the reason on standard error when it refuses or fails."""
    name, text = arguments
    given: dict[str, Any] = json.loads(text)
    try:
        PROGRAMS[name](Task(**{**given, "keys": tuple(given["keys"])}))
    except Exception as error:  # noqa: BLE001 - whatever a contender says, the benchmark reports it
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
