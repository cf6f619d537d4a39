"""One use of a training job's instances: data and checkpoints down, programs, model and checkpoints up.

Folders: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.runtime import entry, job_access, job_data, job_programs, programs, roles
from sandbox.runtime import training_folder as folders
from sandbox.runtime.context import Context
from sandbox.runtime.job_access import Access
from sandbox.runtime.job_data import Mirror
from sandbox.runtime.meter import Meter
from sandbox.runtime.training_folder import Layout
from sandbox.runtime.training_job import JobError, TrainingJob

log = logging.getLogger(__name__)
LOG_GROUP = "/aws/sagemaker/TrainingJobs"
SYNC = 1.0  # wall seconds between two looks at checkpoints
LIMIT = 86400.0  # MaxRuntimeInSeconds by default


@dataclass
class Watch:
    """Why a job's programs are to be ended, and what is done meanwhile."""

    job: TrainingJob
    mirror: Mirror | None
    ends: float  # moments of time.monotonic
    waits_until: float
    reclaimed: float

    def __post_init__(self) -> None:
        self._sync_at = time.monotonic() + SYNC

    def why(self) -> str | None:
        """Return the secondary status that the programs are ended with, or None: they go on."""
        now = time.monotonic()
        if self.mirror is not None and now >= self._sync_at:
            self._sync(self.mirror)
        if self.job.stop.is_set():
            return "Stopped"
        if now >= self.reclaimed:
            return "Interrupted"
        if now >= self.ends:
            return "MaxRuntimeExceeded"
        return "MaxWaitTimeExceeded" if now >= self.waits_until else None

    def _sync(self, mirror: Mirror) -> None:
        try:
            mirror.sync(settled=True)
        except JobError as error:  # tried again; the last time counts
            log.warning("training job %s: %s", self.job.name, error)
        self._sync_at = time.monotonic() + SYNC


def run(context: Context, job: TrainingJob, interruption: float | None, *, left: float) -> str:
    """Run the job's programs and return the secondary status that they came to. Raises JobError.

    `interruption`: after how many seconds of training the spot instances are reclaimed; `left`: how many seconds a spot
    job has until MaxWaitTimeInSeconds.
    """
    home = context.home / "training"
    home.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{job.name[:40]}-", dir=home))
    try:
        job.enter("Downloading")
        access = job_access.of(context, job.request["RoleArn"], job.region)
        image, argv = _program(context, job)
        hosts = tuple(job.hosts)
        layouts = [Layout(folder / host / "ml", host, hosts) for host in hosts]
        mirror = _prepare(access, job, layouts)
        job.enter("Training")
        watch = _watch(job, mirror, interruption, left)
        outcome = _train(context, job, layouts, argv=argv, image=image, access=access, why=watch.why)
        if mirror is not None:
            mirror.sync()
        if outcome != "Interrupted":
            job.enter("Uploading")
            _upload(access.s3, job, layouts, folder)
        return "Stopped" if job.stop.is_set() else outcome
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _program(context: Context, job: TrainingJob) -> tuple[programs.Image, list[str]]:
    specification = job.request["AlgorithmSpecification"]
    uri = specification.get("TrainingImage")
    if not uri:
        raise JobError("ClientError: The sandbox trains with images only, not with algorithms of the marketplace.")
    try:
        image = programs.pull(context, account_id=job.account_id, region=job.region, uri=uri)
        roles.check_pull(job.request["RoleArn"], uri)
        words, arguments = specification.get("ContainerEntrypoint"), specification.get("ContainerArguments")
        return image, entry.command(context, image, entrypoint=words, arguments=arguments, default="train")
    except (roles.RoleError, programs.ImageError) as error:
        raise JobError(f"ClientError: {error}") from error


def _prepare(access: Access, job: TrainingJob, layouts: Sequence[Layout]) -> Mirror | None:
    """Write the settings, download channels and checkpoints. Return what keeps the checkpoints in S3, if asked for."""
    for layout in layouts:
        folders.prepare(layout, job.request)
    for channel in job.request.get("InputDataConfig") or []:
        job_data.channel(
            access.s3,
            channel,
            [layout.data / channel["ChannelName"] for layout in layouts],
            mode=job.request["AlgorithmSpecification"].get("TrainingInputMode") or "File",
            role=job.request["RoleArn"],
            region=job.region,
        )
    config = job.request.get("CheckpointConfig")
    if not config:
        return None
    path = config.get("LocalPath") or folders.CHECKPOINTS
    if not path.startswith(f"{entry.ML}/"):
        raise JobError(f"ClientError: The sandbox keeps checkpoints below {entry.ML}/ only, not in {path}.")
    places = [Path(entry.mapped(path.rstrip("/"), layout.root)) for layout in layouts]
    mirror = Mirror(access.s3, config["S3Uri"], places, what="Checkpoint")
    mirror.fetch()
    return mirror


def _watch(job: TrainingJob, mirror: Mirror | None, interruption: float | None, left: float) -> Watch:
    now = time.monotonic()
    return Watch(
        job,
        mirror,
        ends=now + job.condition("MaxRuntimeInSeconds", LIMIT) - job.ran_s,
        waits_until=now + (left if job.spot else float("inf")),
        reclaimed=now + (interruption if interruption is not None else float("inf")),
    )


def _train(
    context: Context,
    job: TrainingJob,
    layouts: Sequence[Layout],
    *,
    argv: list[str],
    image: programs.Image,
    access: Access,
    why: Callable[[], str | None],
) -> str:
    """Run the programs to their end. Return the secondary status; raises JobError when one of them failed."""
    crew = job_programs.Crew(context)
    meter = Meter(job, len(layouts))
    try:
        for layout in layouts:
            env = programs.environment(
                image,
                home=layout.root,
                role=access.role,
                container=entry.mapped_values(job.request.get("Environment"), layout.root),
                own=folders.variables(layout, job.request, job.arn),
            )
            crew.start(
                layout.host,
                [entry.mapped(word, layout.root) for word in argv],
                name=f"training {job.name}",
                env=env,
                cwd=layout.root,
                log=job_programs.stream(job.account_id, job.region, LOG_GROUP, f"{job.name}/{layout.host}"),
                listen=meter.read,
            )
    except OSError as error:
        crew.end(grace_s=1.0)
        raise JobError(f"ClientError: The training program cannot be started: {error}") from error
    ended_by = crew.wait(why)
    meter.finish()
    if ended_by is None and crew.failed is not None:
        host, code = crew.failed
        layout = next(one for one in layouts if one.host == host)
        text = folders.failure_text(layout) or "The training program left no reason."
        raise JobError(f"AlgorithmError: {text}, exit code: {code}")
    return ended_by or "Completed"


def _upload(s3: Any, job: TrainingJob, layouts: Sequence[Layout], folder: Path) -> None:
    """Pack what the programs left, with today's time stamps as SageMaker does: no two archives have the same bytes."""
    output = job.request["OutputDataConfig"]
    bucket, prefix = job_data.parts(str(output["S3OutputPath"]))
    base = "/".join(part for part in (prefix.rstrip("/"), job.name, "output") if part)
    extra = job_data.encrypted(output.get("KmsKeyId"))
    outputs, models = [one.output for one in layouts], [one.model for one in layouts]
    with job_data.said("Artifact upload"):
        for sources, name in ((outputs, "output.tar.gz"), (models, "model.tar.gz")):
            if folders.pack(sources, folder / name):
                job_data.put(s3, folder / name, bucket, f"{base}/{name}", extra)
                if name == "model.tar.gz":
                    job.artifacts = f"s3://{bucket}/{base}/{name}"
