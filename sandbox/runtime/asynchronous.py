"""Asynchronous endpoints: a queue of requests whose bodies lie in S3, answered to S3, told to SNS.

https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html
"""

from __future__ import annotations

import json
import logging
import threading
import uuid
from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.cloudwatch.metrics import record
from sandbox.runtime import clock, roles
from sandbox.runtime.context import Context
from sandbox.runtime.endpoint import Endpoint
from sandbox.runtime.fleet import Variant
from sandbox.runtime.servers import Answer, NoAnswerError, NotReadyError

log = logging.getLogger(__name__)
CONCURRENT = 4  # requests of one instance at once, when the config names no number; AWS chooses one then
MOST_THREADS = 16
TTL = (
    6 * 3600.0
)  # AWS seconds; https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointAsync.html
WAIT = 10.0  # AWS seconds until a server that is not there is asked again
NAMESPACE = "AWS/SageMaker"
_queues: dict[tuple[str, str, str], Queue] = {}
_making = threading.Lock()


def stamp() -> str:
    """Return AWS's time as notifications have it."""
    return f"{clock.shared().now():%Y-%m-%dT%H:%M:%S.000Z}"


class JobError(Exception):
    """A request failed; the message is what the notification says."""


@dataclass(frozen=True)
class Job:
    """One request. Moments are AWS seconds of the clock; `received` is a time stamp for the notification."""

    inference_id: str
    input_location: str
    output_location: str
    failure_location: str | None
    headers: Mapping[str, str]
    ttl: float = TTL
    begun: float = field(default_factory=lambda: clock.shared().elapsed())
    received: str = field(default_factory=stamp)


class Queue:
    """The backlog of one endpoint; worked on by as many threads as its instances may have requests at once."""

    def __init__(self, context: Context, endpoint: Endpoint) -> None:
        self._context, self.endpoint = context, endpoint
        self._jobs: deque[Job] = deque()
        self._at_work = 0
        self._lock = threading.Lock()
        self._workers = ThreadPoolExecutor(max_workers=MOST_THREADS, thread_name_prefix=f"async {endpoint.name}")

    def put(self, job: Job) -> None:
        """Take a request."""
        with self._lock:
            self._jobs.append(job)
        self.pump()

    def backlog(self) -> int:
        """Return how many requests wait or are worked on."""
        return len(self._jobs) + self._at_work

    def oldest(self) -> float:
        """Return the age of the oldest request that waits, in AWS seconds."""
        with self._lock:
            return clock.shared().elapsed() - self._jobs[0].begun if self._jobs else 0.0

    def pump(self) -> None:
        """Begin what can be begun now."""
        while (job := self._take()) is not None:
            self._workers.submit(self._work, job)

    def _take(self) -> Job | None:
        config = self.endpoint.fleet.asynchronous or {}
        each = int((config.get("ClientConfig") or {}).get("MaxConcurrentInvocationsPerInstance") or CONCURRENT)
        variant = self.endpoint.fleet.choose()
        with self._lock:
            room = min((variant.count or 0) * each if variant is not None else 0, MOST_THREADS)
            if not self._jobs or self._at_work >= room or not self.endpoint.serving or clock.shared().stopped:
                return None
            self._at_work += 1
            return self._jobs.popleft()

    def _work(self, job: Job) -> None:
        try:
            self._answer(job)
        except Exception:
            log.exception("asynchronous request %s of %s", job.inference_id, self.endpoint.name)
        finally:
            with self._lock:
                self._at_work -= 1
            self.pump()

    def _answer(self, job: Job) -> None:
        endpoint = self.endpoint
        variant = endpoint.fleet.choose()
        if variant is None:
            return
        began = clock.shared().elapsed()
        role = roles.credentials(
            self._context,
            role_arn=variant.server.container.role_arn,
            region=endpoint.region,
            session="SageMaker",
        )
        s3 = roles.client(self._context, "s3", role, actor="sagemaker")
        self._count("TimeInBacklog", began - job.begun, "Milliseconds", 1000)
        try:
            answer = self._invoke(s3, variant, job)
            _upload(s3, endpoint, job.output_location, answer)
        except JobError as error:
            self._fail(s3, role, job, str(error))
        except (ClientError, BotoCoreError) as error:
            self._fail(s3, role, job, f"ClientError: {error}")
        else:
            self._count("InvocationsProcessed", 1.0, "None")
            self._count("TotalProcessingTime", clock.shared().elapsed() - job.begun, "Milliseconds", 1000)
            self._tell(role, job, "Completed", answer=answer)
        finally:
            s3.close()

    def _invoke(self, s3: Any, variant: Variant, job: Job) -> Answer:
        if clock.shared().elapsed() > job.begun + job.ttl:
            raise JobError("The request expired in the queue.")
        bucket, key = _place(job.input_location)
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        while True:
            try:
                answer = variant.server.invoke(body, job.headers).answer
                break
            except NotReadyError as error:
                if not clock.shared().sleep(WAIT) or clock.shared().elapsed() > job.begun + job.ttl:
                    raise JobError("No instance was ready before the request expired.") from error
            except NoAnswerError as error:
                raise JobError(f"ModelError: {error}") from error
        if not 200 <= answer.status < 300:
            text = answer.body.decode("utf-8", "replace")
            raise JobError(
                f"ClientError: Received {'client' if answer.status < 500 else 'server'} error ({answer.status}) from "
                f'primary with message "{text}".'
            )
        return answer

    def _fail(self, s3: Any, role: Mapping[str, str], job: Job, reason: str) -> None:
        self._count("InvocationFailures", 1.0, "None")
        if job.failure_location:
            try:
                bucket, key = _place(job.failure_location)
                s3.put_object(Bucket=bucket, Key=key, Body=reason.encode())
            except (ClientError, BotoCoreError) as error:
                log.warning("failure of %s was not written: %s", job.inference_id, error)
        self._tell(role, job, "Failed", reason=reason)

    def _tell(
        self, role: Mapping[str, str], job: Job, status: str, *, answer: Answer | None = None, reason: str = ""
    ) -> None:
        """Publish with the execution role's own permission.

        https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-check-predictions.html
        """
        output = (self.endpoint.fleet.asynchronous or {}).get("OutputConfig") or {}
        topics = output.get("NotificationConfig") or {}
        topic = topics.get("SuccessTopic" if answer is not None else "ErrorTopic")
        if not topic:
            return
        sns = roles.client(self._context, "sns", role, actor="sagemaker")
        try:
            sns.publish(TopicArn=topic, Message=json.dumps(self._notice(job, status, answer, reason)))
        except (ClientError, BotoCoreError) as error:
            log.warning("notification of %s was not sent: %s", job.inference_id, error)
        finally:
            sns.close()

    def _notice(self, job: Job, status: str, answer: Answer | None, reason: str) -> dict[str, Any]:
        asked = {
            "accept": job.headers.get("accept"),
            "contentType": job.headers.get("content-type"),
            "customAttributes": job.headers.get("x-amzn-sagemaker-custom-attributes"),
            "endpointName": self.endpoint.name,
            "inputLocation": job.input_location,
        }
        notice: dict[str, Any] = {
            "awsRegion": self.endpoint.region,
            "eventTime": stamp(),
            "receivedTime": job.received,
            "invocationStatus": status,
            "requestParameters": {name: value for name, value in asked.items() if value is not None},
            "inferenceId": job.inference_id,
            "eventVersion": "1.0",
            "eventSource": "aws:sagemaker",
            "eventName": "InferenceResult",
        }
        if answer is None:
            return {**notice, "failureReason": reason}
        kind = answer.headers.get("content-type", "application/octet-stream")
        return {**notice, "responseParameters": {"contentType": kind, "outputLocation": job.output_location}}

    def _count(self, name: str, value: float, unit: str, factor: float = 1.0) -> None:
        endpoint = self.endpoint
        where = {"EndpointName": endpoint.name}
        record(NAMESPACE, name, where, value * factor, unit, account_id=endpoint.account_id, region=endpoint.region)


def queue_of(context: Context, endpoint: Endpoint) -> Queue:
    """Return the backlog of an endpoint."""
    with _making:
        found = _queues.get(_key(endpoint))
        if found is None or found.endpoint is not endpoint:  # an endpoint of the same name was there before
            found = _queues[_key(endpoint)] = Queue(context, endpoint)
        return found


def forget() -> None:
    """Forget all backlogs: the sandbox ends."""
    with _making:
        _queues.clear()


def measure(endpoint: Endpoint) -> None:
    """Report the backlog, as AWS does each minute, and go on with it.

    https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-monitor.html
    """
    queue = _queues.get(_key(endpoint))
    if queue is not None and queue.endpoint is not endpoint:
        queue = None
    size = queue.backlog() if queue is not None else 0
    instances = sum(variant.count or 0 for variant in endpoint.fleet.variants.values())
    values = {
        "ApproximateBacklogSize": float(size),
        "HasBacklogWithoutCapacity": float(size > 0 and not instances),
        "ApproximateAgeOfOldestRequest": queue.oldest() if queue is not None else 0.0,
    }
    if instances:
        values["ApproximateBacklogSizePerInstance"] = size / instances
    where = {"EndpointName": endpoint.name}
    for name, value in values.items():
        unit = "Seconds" if "Age" in name else "Count"
        record(NAMESPACE, name, where, value, unit, account_id=endpoint.account_id, region=endpoint.region)
    if queue is not None:
        queue.pump()


def locations(config: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return where the answer, and where the reason of a failure will lie. Raises ValueError without an output path."""
    output = config.get("OutputConfig") or {}
    if not output.get("S3OutputPath"):
        raise ValueError("the endpoint config names no S3OutputPath")
    name = str(uuid.uuid4())
    success = f"{output['S3OutputPath'].rstrip('/')}/{name}.out"
    failure = output.get("S3FailurePath")
    return success, f"{failure.rstrip('/')}/{name}-error.out" if failure else None


def _key(endpoint: Endpoint) -> tuple[str, str, str]:
    return endpoint.account_id, endpoint.region, endpoint.name


def _upload(s3: Any, endpoint: Endpoint, location: str, answer: Answer) -> None:
    bucket, key = _place(location)
    kms = ((endpoint.fleet.asynchronous or {}).get("OutputConfig") or {}).get("KmsKeyId")
    extra = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms} if kms else {}
    kind = answer.headers.get("content-type", "application/octet-stream")
    s3.put_object(Bucket=bucket, Key=key, Body=answer.body, ContentType=kind, **extra)


def _place(location: str) -> tuple[str, str]:
    parts = urlsplit(location)
    return parts.netloc, parts.path.lstrip("/")
