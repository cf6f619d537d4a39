"""Names and keys that the queue derives: index partitions, weeks, remote names, the history's place in S3."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta

from glue.core.training.words import Kind

SHARDS = 4
LAUNCHER = "_launcher"  # the control item: job ids never start with an underscore
HISTORY = "training-history/"
# TrainingJobName, ProcessingJobName and HyperParameterTuningJobName of
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Operations_Amazon_SageMaker_Service.html
NAME_LIMITS = {Kind.TRAINING: 63, Kind.PROCESSING: 63, Kind.TUNING: 32}
MOST_ATTEMPTS = 999  # three digits in the remote name


def id_limit(kind: Kind) -> int:
    """Return the most characters that a job id may have: its remote names end with a hyphen and up to three digits."""
    return NAME_LIMITS[kind] - 4


def remote_name(job: str, attempt: int) -> str:
    """Return SageMaker's name of one attempt. It is unique for ever, so a second launch is refused by SageMaker."""
    return f"{job}-{attempt}"


def attempt_of(name: str) -> tuple[str, int] | None:
    """Return the job and the attempt that a remote name stands for, or None when it is no remote name of a queue."""
    job, _, digits = name.rpartition("-")
    if not job or not digits.isascii() or not digits.isdigit() or len(digits) > 3 or digits.startswith("0"):
        return None
    return job, int(digits)


def shard(job: str) -> int:
    """Return the shard of a job in each index."""
    return zlib.crc32(job.encode()) % SHARDS


def due_key(priority: int, due_at: int) -> str:
    """Return the sort key of the index `due`: the highest priority first, then the longest due."""
    return f"{9 - priority}#{due_at:013d}"


def week(at: int) -> str:
    """Return the ISO week of a time, `2026-W47`. The ISO year of the first and last days may be another one."""
    year, number, _ = datetime.fromtimestamp(at / 1000, UTC).isocalendar()
    return f"{year}-W{number:02d}"


def week_shards(week_name: str) -> list[str]:
    """Return the partition keys of the index `history` for one week."""
    return [f"{week_name}#{number}" for number in range(SHARDS)]


def weeks_between(first: int, last: int) -> list[str]:
    """Return the weeks that touch a span of time, oldest first."""
    day = datetime.fromtimestamp(first / 1000, UTC).date()
    day -= timedelta(days=day.weekday())
    end = datetime.fromtimestamp(last / 1000, UTC).date()
    found = []
    while day <= end:
        year, number, _ = day.isocalendar()
        found.append(f"{year}-W{number:02d}")
        day += timedelta(days=7)
    return found


def history_key(job: str, submitted_at: int) -> str:
    """Return where a job's history record lies in the artifact store."""
    return f"{HISTORY}{week(submitted_at)}/{job}.json"
