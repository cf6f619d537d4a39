"""Training jobs: the image's own `train` program on the data of the channels; its model goes to S3.

Statuses: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html
"""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.core.utils import utcnow

from sandbox import faults, workloads
from sandbox.cloudwatch.metrics import record
from sandbox.events import sagemaker as events
from sandbox.runtime import container, programs, roles
from sandbox.runtime import training_folder as folders
from sandbox.runtime.clock import Steps
from sandbox.runtime.context import Context
from sandbox.runtime.logs import LogStream
from sandbox.runtime.training_folder import Layout

log = logging.getLogger(__name__)
LAUNCH = 60.0  # AWS seconds until the instances run
STOP_GRACE = 120.0  # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopTrainingJob.html
ENDED = frozenset({"Completed", "Failed", "Stopped"})
LOG_GROUP = "/aws/sagemaker/TrainingJobs"
SAID = {
    "Starting": "Starting the training job",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Stopping": "Stopping the training job",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
}


class JobError(Exception):
    """The job fails. The message is its FailureReason."""


@dataclass
class TrainingJob:
    """One job, as DescribeTrainingJob shows it. Lives in moto's own dictionary."""

    name: str
    arn: str
    account_id: str
    region: str
    request: dict[str, Any]
    tags: list[dict[str, str]]
    status: str = "InProgress"
    secondary_status: str = ""
    failure_reason: str | None = None
    transitions: list[dict[str, Any]] = field(default_factory=list)
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    artifacts: str | None = None
    creation_time: datetime = field(default_factory=utcnow)
    last_modified_time: datetime = field(default_factory=utcnow)
    start_time: datetime | None = None
    end_time: datetime | None = None
    stop: threading.Event = field(default_factory=threading.Event, repr=False)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def enter(self, secondary: str, status: str | None = None) -> None:
        """Go to a secondary status, and with it perhaps to another status."""
        with self.lock:
            now = utcnow()
            if self.transitions:
                self.transitions[-1]["EndTime"] = now
            self.transitions.append({"Status": secondary, "StartTime": now, "StatusMessage": SAID[secondary]})
            self.secondary_status, self.last_modified_time = secondary, now
            self.status = status or self.status
            if self.status in ENDED:
                self.transitions[-1]["EndTime"] = now
                self.end_time = now
        log.info("training job %s of %s: %s", self.name, self.account_id, secondary)
        events.training_job(self)


def run(context: Context, job: TrainingJob) -> Steps:
    """Work through one job."""
    folder = Path(tempfile.mkdtemp(prefix=f"{job.name[:40]}-", dir=_made(context.home / "training")))
    try:
        job.enter("Starting")
        yield LAUNCH
        _require_capacity(job)
        _work(context, job, Layout(folder / "ml"))
    except (JobError, container.StartError) as error:
        job.failure_reason = str(error)
        job.enter("Failed", "Failed")
    except Exception as error:
        log.exception("training job %s", job.name)
        job.failure_reason = f"InternalServerError: {error!r}"
        job.enter("Failed", "Failed")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _require_capacity(job: TrainingJob) -> None:
    """Raise JobError when no instances are to be had: a job that was accepted fails then.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html (FailureReason)
    """
    kind = str((job.request.get("ResourceConfig") or {}).get("InstanceType", ""))
    fault = faults.asks("training-capacity-error", account=job.account_id, resource=job.name, instance_type=kind)
    if fault is not None:
        reason = "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different "
        raise JobError(fault.text("message") or f"{reason}ML instance type or after some time.")


def _work(context: Context, job: TrainingJob, layout: Layout) -> None:
    if job.stop.is_set():
        job.enter("Stopped", "Stopped")
        return
    job.start_time = utcnow()
    role = roles.credentials(context, role_arn=job.request["RoleArn"], region=job.region, session="SageMaker")
    s3 = roles.client(context, "s3", role, actor="sagemaker")
    try:
        job.enter("Downloading")
        image, argv = _program(context, job)
        folders.prepare(layout, job.request)
        for channel in job.request.get("InputDataConfig") or []:
            _download(s3, job, channel, layout)
        job.enter("Training")
        outcome = _train(context, job, layout, image=image, argv=argv, role=role)
        job.enter("Uploading")
        _upload(s3, job, layout)
    finally:
        s3.close()
    if job.stop.is_set():
        outcome = "Stopped"
    job.enter(outcome, "Completed" if outcome == "Completed" else "Stopped")


def _program(context: Context, job: TrainingJob) -> tuple[programs.Image, list[str]]:
    specification = job.request["AlgorithmSpecification"]
    uri = specification.get("TrainingImage")
    if not uri:
        raise JobError("ClientError: The sandbox trains with images only, not with algorithms of the marketplace.")
    try:
        image = programs.pull(context, account_id=job.account_id, region=job.region, uri=uri)
        roles.check_pull(job.request["RoleArn"], uri)
        return image, programs.command(context, image, "train")
    except (roles.RoleError, programs.ImageError) as error:
        raise JobError(f"ClientError: {error}") from error


def _download(s3: Any, job: TrainingJob, channel: Mapping[str, Any], layout: Layout) -> None:
    source = (channel.get("DataSource") or {}).get("S3DataSource") or {}
    uri = str(source.get("S3Uri"))
    if source.get("S3DataType") != "S3Prefix":
        raise JobError(f"ClientError: The sandbox reads channels of type S3Prefix, not {source.get('S3DataType')}.")
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    target = _made(layout.data / channel["ChannelName"])
    try:
        count = container.download_prefix(s3, bucket, prefix, target)
    except (ClientError, BotoCoreError) as error:
        raise JobError(f"ClientError: Data download failed:{error}") from error
    if not count:
        raise JobError(
            f'ClientError: Data download failed:No S3 objects found under S3 URL "{uri}" given in input data source. '
            f"Please ensure that the bucket exists in the selected region ({job.region}), that objects exist under "
            f'that S3 prefix, and that the role "{job.request["RoleArn"]}" has "s3:ListBucket" permissions on bucket '
            f'"{bucket}".'
        )


def _train(
    context: Context,
    job: TrainingJob,
    layout: Layout,
    *,
    image: programs.Image,
    argv: list[str],
    role: Mapping[str, str],
) -> str:
    """Run the program to its end. Return the secondary status that it came to; raises JobError when it failed."""
    env = programs.environment(
        image,
        home=layout.root,
        role=role,
        container=job.request.get("Environment") or {},
        own=folders.variables(layout, job.request, job.arn),
    )
    stream = LogStream(job.account_id, job.region, LOG_GROUP, f"{job.name}/{folders.HOST}-{int(time.time())}")
    meter = Meter(job)
    process = programs.start(
        context, argv, name=f"training {job.name}", env=env, cwd=layout.root, log=stream, listen=meter.read
    )
    limit = float((job.request.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds") or 86400)
    ended_by = _wait(context, job, process, limit)
    meter.finish()
    if ended_by is None and process.returncode:
        text = folders.failure_text(layout) or "The training program left no reason."
        raise JobError(f"AlgorithmError: {text}, exit code: {process.returncode}")
    return ended_by or "Completed"


def _wait(context: Context, job: TrainingJob, process: subprocess.Popen[bytes], limit: float) -> str | None:
    """Wait for the end of the program; end it when it is to stop. Time limits of real work are real seconds."""
    deadline = time.monotonic() + limit
    while process.poll() is None:
        if context.clock.stopped:
            workloads.stop(process, grace_s=1.0)
            return "Stopped"
        if job.stop.is_set() or time.monotonic() > deadline:
            workloads.stop(process, grace_s=max(STOP_GRACE / context.clock.speed, context.limits.stop))
            return "Stopped" if job.stop.is_set() else "MaxRuntimeExceeded"
        job.stop.wait(0.05)
    workloads.forget(process)
    return None


def _upload(s3: Any, job: TrainingJob, layout: Layout) -> None:
    output = job.request["OutputDataConfig"]
    bucket, _, prefix = str(output["S3OutputPath"]).removeprefix("s3://").partition("/")
    extra = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": output["KmsKeyId"]} if output.get("KmsKeyId") else {}
    base = "/".join(part for part in (prefix.rstrip("/"), job.name, "output") if part)
    try:
        for source, name in ((layout.output, "output.tar.gz"), (layout.model, "model.tar.gz")):
            if folders.pack(source, layout.root / name):
                s3.upload_file(str(layout.root / name), bucket, f"{base}/{name}", ExtraArgs=extra)
                if name == "model.tar.gz":
                    job.artifacts = f"s3://{bucket}/{base}/{name}"
    except (ClientError, BotoCoreError, OSError) as error:
        raise JobError(f"ClientError: Artifact upload failed:{error}") from error


class Meter:
    """Finds the metrics of MetricDefinitions in what the program prints.

    https://docs.aws.amazon.com/sagemaker/latest/dg/define-train-metrics.html
    """

    def __init__(self, job: TrainingJob) -> None:
        self._job = job
        self._ended = threading.Event()
        definitions = job.request["AlgorithmSpecification"].get("MetricDefinitions") or []
        self._patterns = [(one["Name"], re.compile(one["Regex"])) for one in definitions]

    def read(self, line: str | None) -> None:
        """Take one line; None is the end."""
        if line is None:
            self._ended.set()
            return
        for name, pattern in self._patterns:
            found = pattern.search(line)
            if found and found.groups():
                self._note(name, found.group(1))

    def finish(self) -> None:
        """Wait until everything that the program printed was read."""
        self._ended.wait(5.0)

    def _note(self, name: str, text: str) -> None:
        try:
            value = float(text)
        except ValueError:
            return
        job, now = self._job, utcnow()
        job.metrics[name] = {"MetricName": name, "Value": value, "Timestamp": now}
        dimensions = {"TrainingJobName": job.name}
        record(LOG_GROUP, name, dimensions, value, account_id=job.account_id, region=job.region)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
