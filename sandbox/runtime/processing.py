"""Processing jobs: an image's program on inputs from S3, whose outputs go there.

https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from moto.core.utils import utcnow

from sandbox.events import sagemaker as events
from sandbox.runtime import entry, job_access, job_data, job_programs, programs, roles
from sandbox.runtime.context import Context
from sandbox.runtime.job_access import Access
from sandbox.runtime.job_data import Mirror
from sandbox.runtime.jobs import Room, Steps
from sandbox.runtime.training_job import ENDED, JobError, instances

log = logging.getLogger(__name__)
LAUNCH = 60.0  # AWS seconds until the instances run
LIMIT = 86400.0  # MaxRuntimeInSeconds by default
LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
SYNC = 1.0  # wall seconds between two looks at outputs that are uploaded continuously


@dataclass
class ProcessingJob:
    """One job, as DescribeProcessingJob shows it. Lives in moto's own dictionary."""

    name: str
    arn: str
    account_id: str
    region: str
    request: dict[str, Any]
    tags: list[dict[str, str]]
    status: str = "InProgress"
    failure_reason: str | None = None
    exit_message: str | None = None
    creation_time: datetime = field(default_factory=utcnow)
    last_modified_time: datetime = field(default_factory=utcnow)
    start_time: datetime | None = None
    end_time: datetime | None = None
    stop: threading.Event = field(default_factory=threading.Event, repr=False)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    changed: list[Callable[[], object]] = field(default_factory=list, repr=False)  # told of its end

    @property
    def cluster(self) -> dict[str, Any]:
        """Return number and type of its instances."""
        return dict(self.request["ProcessingResources"]["ClusterConfig"])

    def enter(self, status: str) -> None:
        """Go to a status."""
        with self.lock:
            self.status, self.last_modified_time = status, utcnow()
            if status in ENDED:
                self.end_time = self.last_modified_time
                for tell in self.changed:
                    tell()
        log.info("processing job %s of %s: %s", self.name, self.account_id, status)
        events.processing_job(self)


def run(context: Context, job: ProcessingJob) -> Steps:
    """Work through one job."""
    try:
        job.enter("InProgress")
        yield LAUNCH
        if not job.stop.is_set():
            yield Room(instances(job.cluster))
        job.enter("Stopped" if job.stop.is_set() else _work(context, job))
    except JobError as error:
        _fail(job, str(error))
    except Exception as error:
        log.exception("processing job %s", job.name)
        _fail(job, f"InternalServerError: {error!r}")


def _fail(job: ProcessingJob, reason: str) -> None:
    job.failure_reason = reason
    job.enter("Failed")


def _work(context: Context, job: ProcessingJob) -> str:
    job.start_time = utcnow()
    home = context.home / "processing"
    home.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{job.name[:40]}-", dir=home))
    try:
        access = job_access.of(context, job.request["RoleArn"], job.region)
        image, argv = _program(context, job)
        hosts = [f"algo-{number + 1}" for number in range(instances(job.cluster))]
        roots = {host: folder / host / "ml" for host in hosts}
        _settings(job, roots)
        _inputs(access, job, list(roots.values()))
        outputs = _outputs(access, job, list(roots.values()))
        outcome = _process(context, job, roots, image=image, argv=argv, access=access, outputs=outputs)
        for _, mirror in outputs:
            mirror.sync()
        return outcome
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _program(context: Context, job: ProcessingJob) -> tuple[programs.Image, list[str]]:
    specification = job.request["AppSpecification"]
    uri = specification["ImageUri"]
    try:
        image = programs.pull(context, account_id=job.account_id, region=job.region, uri=uri)
        roles.check_pull(job.request["RoleArn"], uri)
        words, arguments = specification.get("ContainerEntrypoint"), specification.get("ContainerArguments")
        return image, entry.command(context, image, entrypoint=words, arguments=arguments, default=None)
    except (roles.RoleError, programs.ImageError) as error:
        raise JobError(f"ClientError: {error}") from error


def _settings(job: ProcessingJob, roots: Mapping[str, Path]) -> None:
    for host, root in roots.items():
        (root / "config").mkdir(parents=True)
        (root / "output").mkdir()
        files = {
            "processingjobconfig.json": {"ProcessingJobArn": job.arn, **job.request},
            "resourceconfig.json": {"current_host": host, "hosts": list(roots)},
        }
        for name, content in files.items():
            (root / "config" / name).write_text(json.dumps(content))


def _local(path: str, root: Path) -> Path:
    if not path.startswith(f"{entry.ML}/"):
        raise JobError(f"ClientError: LocalPath must be below {entry.ML}/processing, not {path}.")
    return Path(entry.mapped(path.rstrip("/"), root))


def _inputs(access: Access, job: ProcessingJob, roots: Sequence[Path]) -> None:
    for one in job.request.get("ProcessingInputs") or []:
        source = one.get("S3Input")
        if not source:
            raise JobError(f"ClientError: The sandbox reads inputs from S3 only: {one['InputName']} has no S3Input.")
        job_data.channel(
            access.s3,
            {"ChannelName": one["InputName"], "DataSource": {"S3DataSource": source}},
            [_local(source["LocalPath"], root) for root in roots],
            mode=source.get("S3InputMode") or "File",
            role=job.request["RoleArn"],
            region=job.region,
        )


def _outputs(access: Access, job: ProcessingJob, roots: Sequence[Path]) -> list[tuple[bool, Mirror]]:
    """Return what uploads each output, and whether it does so all the time."""
    config = job.request.get("ProcessingOutputConfig") or {}
    found = []
    for one in config.get("Outputs") or []:
        target = one.get("S3Output")
        if not target:
            raise JobError(f"ClientError: The sandbox writes outputs to S3 only: {one['OutputName']} has no S3Output.")
        folders = [_local(target["LocalPath"], root) for root in roots]
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        mirror = Mirror(access.s3, target["S3Uri"], folders, what="Output", key=config.get("KmsKeyId"))
        found.append((target.get("S3UploadMode") == "Continuous", mirror))
    return found


def _process(
    context: Context,
    job: ProcessingJob,
    roots: Mapping[str, Path],
    *,
    image: programs.Image,
    argv: Sequence[str],
    access: Access,
    outputs: Sequence[tuple[bool, Mirror]],
) -> str:
    """Run the programs to their end. Return the job's status; raises JobError when one of them failed."""
    crew = job_programs.Crew(context)
    own = {"PROCESSING_JOB_NAME": job.name, "PROCESSING_JOB_ARN": job.arn}
    try:
        for host, root in roots.items():
            values = entry.mapped_values(job.request.get("Environment"), root)
            env = programs.environment(image, home=root, role=access.role, container=values, own=own)
            words = [entry.mapped(word, root) for word in argv]
            stream = job_programs.stream(job.account_id, job.region, LOG_GROUP, f"{job.name}/{host}")
            crew.start(host, words, name=f"processing {job.name}", env=env, cwd=root, log=stream)
    except OSError as error:
        crew.end(grace_s=1.0)
        raise JobError(f"ClientError: The processing program cannot be started: {error}") from error
    limit = float((job.request.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds") or LIMIT)
    ended_by = crew.wait(_watch(job, [mirror for all_the_time, mirror in outputs if all_the_time], limit))
    job.exit_message = _message(list(roots.values()))
    if ended_by is None and crew.failed is not None:
        raise JobError(f"AlgorithmError: See job logs for more information, exit code: {crew.failed[1]}")
    return "Completed" if ended_by is None else "Stopped"


def _watch(job: ProcessingJob, mirrors: Sequence[Mirror], limit: float) -> Callable[[], str | None]:
    """Return what looks after the programs: uploads meanwhile, and says when they are to be ended."""
    ends = time.monotonic() + limit
    next_sync = time.monotonic() + SYNC

    def why() -> str | None:
        nonlocal next_sync
        now = time.monotonic()
        if mirrors and now >= next_sync:
            for mirror in mirrors:
                mirror.sync(settled=True)
            next_sync = time.monotonic() + SYNC
        if job.stop.is_set():
            return "Stopped"
        return "MaxRuntimeExceeded" if now >= ends else None

    return why


def _message(roots: Sequence[Path]) -> str | None:
    """Return what a program left in /opt/ml/output/message, up to 1 KB."""
    for root in roots:
        try:
            return (root / "output" / "message").read_text("utf-8", "replace")[:1024]
        except OSError:
            continue
    return None
