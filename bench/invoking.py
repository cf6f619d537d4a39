"""What the sandbox adds to a model's own time: InvokeEndpoint beside the same server asked directly.

A sandbox of its own, with an image of one file and an endpoint on it. boto3 asks the sandbox, http.client asks the
server; STS's GetCallerIdentity, the cheapest call there is, shows what boto3 and the front door cost alone.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from bench import images, serving
from bench.processes import REGION, ROOT, BenchError, environment, run
from bench.stats import median

ACCOUNT, BUCKET, NAME = "222222222222", "bench-artifacts", "bench"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/{NAME}"
BLOCK = 100
SETTLE_S = 60
Say = Callable[[str], None]
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
_MAY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["s3:*", "ecr:*", "logs:*"], "Resource": "*"}],
}


@contextmanager
def sandbox(home: Path, *, iam: str = "enforce") -> Iterator[None]:
    """Run a sandbox in a folder and a port of its own, with its AWS settings in our environment. Raises BenchError."""
    env = environment(SANDBOX_HOME=str(home), SANDBOX_PORT=str(serving.free_port()), SANDBOX_IAM=iam)
    command = [sys.executable, "-m", "sandbox"]
    started = run([*command, "start"], env=env)
    try:
        if started.code:
            raise BenchError(f"the sandbox did not start: {started.said}")
        shown = subprocess.run(
            ["bash", "-c", '. "$1" && env -0', "-", str(home / "env")],
            env=env, check=True, capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        pairs = (entry.partition("=")[::2] for entry in shown.stdout.split("\0") if entry)
        with mock.patch.dict(os.environ, dict(pairs), clear=True):
            yield
    finally:
        run([*command, "stop"], env=env)


class Account:
    """The sandbox's qa account, by its operator."""

    def __init__(self) -> None:
        import boto3  # noqa: PLC0415 - only this benchmark needs it

        self._session: Any = boto3.Session(profile_name="qa", region_name=REGION)

    def client(self, service: str) -> Any:
        """Return a client with AWS's own settings, as every tool has it."""
        return self._session.client(service)

    def furnish(self) -> None:
        """Make a bucket with an archive, a role, an image, and an endpoint on them that is in service."""
        self.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.client("s3").put_object(
            Bucket=BUCKET, Key="model.tar.gz", Body=gzip.compress(images.tar({"model": b"{}"}))
        )
        iam = self.client("iam")
        iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=json.dumps(_TRUST))
        iam.put_role_policy(RoleName=NAME, PolicyName="all", PolicyDocument=json.dumps(_MAY))
        container = {"Image": self._push(), "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"}
        sagemaker = self.client("sagemaker")
        sagemaker.create_model(ModelName=NAME, ExecutionRoleArn=ROLE, PrimaryContainer=container)
        variant = {"VariantName": "main", "ModelName": NAME, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        sagemaker.create_endpoint_config(EndpointConfigName=NAME, ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName=NAME)
        self._settle(sagemaker)

    def _settle(self, sagemaker: Any) -> None:
        deadline = time.monotonic() + SETTLE_S
        status = ""
        while time.monotonic() < deadline and status not in {"InService", "Failed"}:
            time.sleep(0.1)
            status = sagemaker.describe_endpoint(EndpointName=NAME)["EndpointStatus"]
        if status != "InService":
            raise BenchError(f"the sandbox's endpoint is {status}")

    def _push(self) -> str:
        """Push an image whose one file is the server, and return its URI."""
        ecr = self.client("ecr")
        ecr.create_repository(repositoryName=NAME)
        server = (ROOT / "bench" / "programs" / "plain_serve.py").read_bytes()
        digest = images.push(ecr, NAME, {"opt/program/bin/serve": server})
        return f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{NAME}@{digest}"


def measure(*, runs: int, say: Say) -> dict[str, Any]:
    """Ask the endpoint, the same server directly, and STS in turn; return p50, p99 and what is left of the endpoint's.

    `sandbox_adds_ms` is InvokeEndpoint less the model's own time, all of it: boto3, front door, IAM, routing.
    """
    titles = {
        "invoke": "InvokeEndpoint on the sandbox, by boto3",
        "direct": "the same server, asked directly",
        "identity": "GetCallerIdentity on the sandbox, by boto3",
    }
    times: dict[str, list[float]] = {name: [] for name in titles}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        say("sandbox: starting one with an endpoint")
        with sandbox(home / "sandbox"), serving.running(serving.SERVERS[-1], home) as direct:
            account = Account()
            account.furnish()
            runtime, sts = account.client("sagemaker-runtime"), account.client("sts")
            asked: dict[str, Callable[[], float]] = {
                "invoke": lambda: _invoke(runtime),
                "direct": lambda: serving.ask(direct),
                "identity": lambda: _timed(sts.get_caller_identity),
            }
            for ask in asked.values():
                for _ in range(20):
                    ask()
            for number in range(runs):
                say(f"sandbox {number + 1}/{runs}: {BLOCK} requests each")
                for name, ask in asked.items():
                    times[name] += [ask() for _ in range(BLOCK)]
    found = serving.result(titles, times, base="direct")
    return {**found, "sandbox_adds_ms": round(median(times["invoke"]) - median(times["direct"]), 3)}


def _invoke(runtime: Any) -> float:
    def call() -> None:
        answer = runtime.invoke_endpoint(EndpointName=NAME, ContentType="application/json", Body=serving.BODY)
        if answer["Body"].read() != serving.BODY:
            raise BenchError("the sandbox's endpoint answered something else")

    return _timed(call)


def _timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000
