"""SageMaker and Lambda of the sandbox on moto in this very process, with small images made of two files."""

from __future__ import annotations

import io
import json
import tarfile
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from sandbox import workloads
from sandbox.ext import (
    applicationautoscaling,
    cloudwatch_alarms,
    cloudwatch_metrics,
    lambda_concurrency,
    lambda_configuration,
    lambda_invoke,
    lambda_policy,
    lambda_url,
    sagemaker_async,
    sagemaker_board,
    sagemaker_configs,
    sagemaker_endpoints,
    sagemaker_models,
    sagemaker_processing,
    sagemaker_registry,
    sagemaker_runtime,
    sagemaker_scaling,
    sagemaker_tags,
    sagemaker_training,
    sagemaker_tuning,
)
from sandbox.runtime import context
from sandbox.runtime.clock import Clock
from sandbox.settings import Settings

ACCOUNT = "123456789012"
REGION = "eu-west-1"
BUCKET = "artifacts"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/execution"
LOGS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]}
PULL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}]}
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/slipway/tiny@sha256:" + "1" * 64
EXTENSIONS = (
    applicationautoscaling,
    cloudwatch_alarms,
    cloudwatch_metrics,
    sagemaker_board,
    sagemaker_async,
    sagemaker_models,
    sagemaker_configs,
    sagemaker_endpoints,
    sagemaker_registry,
    sagemaker_runtime,
    sagemaker_scaling,
    sagemaker_tags,
    sagemaker_training,
    sagemaker_processing,
    sagemaker_tuning,
    lambda_concurrency,
    lambda_configuration,
    lambda_invoke,
    lambda_policy,
    lambda_url,
)
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": ["sagemaker.amazonaws.com", "lambda.amazonaws.com"]},
            "Action": "sts:AssumeRole",
        }
    ],
}
SERVE = '''
#!/usr/bin/env python3
"""Answers with what is in the archive; the body says how to misbehave."""
import json, os, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

model = json.load(open(os.path.join(os.environ["SM_MODEL_DIR"], "model.json")))
if model.get("exit"):
    sys.exit(3)
print("serving", model["name"], flush=True)

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def answer(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        custom = self.headers.get("X-Amzn-SageMaker-Custom-Attributes")
        if custom:
            self.send_header("X-Amzn-SageMaker-Custom-Attributes", "seen " + custom)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(500 if model.get("sick") else 200, b"")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Type") == "application/octet-stream":
            return self.answer(200, body, "application/octet-stream")
        asked = json.loads(body or b"{}")
        if asked.get("crash"):
            os._exit(9)
        time.sleep(asked.get("sleep", 0))
        if asked.get("status"):
            return self.answer(asked["status"], b"model exploded", "text/plain")
        names = asked.get("env", [])
        seen = {"model": model["name"], "pid": os.getpid(), "accept": self.headers.get("Accept")}
        seen["env"] = {name: os.environ.get(name) for name in names}
        self.answer(200, json.dumps(seen).encode())

ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
'''


@cache
def session() -> Any:
    """One session for all tests: reading the service models is most of what a client costs."""
    return boto3.session.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)


@cache
def client(service: str) -> Any:
    return session().client(service)


@dataclass
class World:
    """One AWS account with a bucket, a role and an image."""

    home: Path
    context: context.Context
    images: dict[str, Path] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        return client(service)

    def archive(self, key: str, **model: Any) -> str:
        """Upload a model archive and return its URL."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            content = json.dumps({"name": key, **model}).encode()
            info = tarfile.TarInfo("model.json")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        self.client("s3").put_object(Bucket=BUCKET, Key=f"{key}.tar.gz", Body=buffer.getvalue())
        return f"s3://{BUCKET}/{key}.tar.gz"

    def model(self, name: str, *, image: str = IMAGE, url: str | None = None, **model: Any) -> None:
        """Create a model with an archive of its own."""
        self.client("sagemaker").create_model(
            ModelName=name,
            ExecutionRoleArn=ROLE,
            PrimaryContainer={
                "Image": image,
                "ModelDataUrl": url or self.archive(name, **model),
                "Environment": {"COLOUR": "green"},
            },
        )

    def config(self, name: str, *models: str, **more: Any) -> None:
        """Create an endpoint config with a variant for each model; the variants are called v0, v1, …"""
        variant = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1, "InitialVariantWeight": 1.0}
        self.client("sagemaker").create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[
                {**variant, "VariantName": f"v{number}", "ModelName": model} for number, model in enumerate(models)
            ],
            **more,
        )

    def endpoint(self, name: str = "shop", *, config: str | None = None, **more: Any) -> None:
        """Create an endpoint (and, without a config, a model `one` behind it) and wait until it is InService."""
        if config is None:
            self.model("one")
            self.config("c1", "one")
        self.client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=config or "c1", **more)
        self.settle(name)

    def settle(self, name: str = "shop", *, within: float = 20.0) -> dict[str, Any]:
        """Wait until the endpoint rests and return its description."""
        client = self.client("sagemaker")
        return until(  # type: ignore[no-any-return]
            lambda: client.describe_endpoint(EndpointName=name),
            lambda one: one["EndpointStatus"] in {"InService", "Failed"},
            within=within,
        )

    def invoke(self, body: Any = None, name: str = "shop", **more: Any) -> dict[str, Any]:
        """Invoke the endpoint with a JSON body and return what the container said."""
        answer = self.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=name, ContentType="application/json", Body=json.dumps(body or {}), **more
        )
        return dict(json.loads(answer["Body"].read()))


def until(read: Callable[[], Any], done: Callable[[Any], bool], *, within: float = 10.0) -> Any:
    """Read until it is done; the last thing read is the message of the failure."""
    deadline = time.monotonic() + within
    while True:
        seen = read()
        if done(seen):
            return seen
        assert time.monotonic() < deadline, seen
        time.sleep(0.01)


def make_image(folder: Path, **programs: str) -> Path:
    """Write an image's root with these programs in /opt/program/bin."""
    binaries = folder / "opt" / "program" / "bin"
    binaries.mkdir(parents=True)
    for name, text in programs.items():
        (binaries / name).write_text(textwrap.dedent(text).strip() + "\n")
        (binaries / name).chmod(0o755)
    return folder


@pytest.fixture
def extensions() -> Iterator[tuple[Any, ...]]:
    """Which classes of moto are patched here: they are given back as they were."""
    from moto.awslambda.models import LambdaBackend, LambdaFunction  # noqa: PLC0415
    from moto.awslambda.responses import LambdaResponse  # noqa: PLC0415
    from moto.sagemaker.models import SageMakerModelBackend  # noqa: PLC0415
    from moto.sagemaker.responses import SageMakerResponse  # noqa: PLC0415
    from moto.sagemakerruntime.responses import SageMakerRuntimeResponse  # noqa: PLC0415

    classes = (
        SageMakerResponse,
        SageMakerRuntimeResponse,
        SageMakerModelBackend,
        LambdaResponse,
        LambdaFunction,
        LambdaBackend,
    )
    before = [dict(vars(one)) for one in classes]
    yield EXTENSIONS
    for one, members in zip(classes, before, strict=True):
        for name in set(vars(one)) - set(members):
            delattr(one, name)
        for name, member in members.items():
            if vars(one)[name] is not member:
                setattr(one, name, member)


@pytest.fixture
def world(tmp_path: Path, extensions: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """An account; the clock runs 600 times as fast as AWS's."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    settings = Settings(home=tmp_path, repository=Path(__file__).parents[2], port=4729, run_id=tmp_path.name)
    images: dict[str, Path] = {}
    made = World(tmp_path, _context(settings, images), images)
    images[IMAGE] = make_image(tmp_path / "image", serve=SERVE)
    context.use(made.context)
    with mock_aws():
        for extension in extensions:
            extension.install(settings)
        made.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        iam = made.client("iam")
        iam.create_role(RoleName="execution", AssumeRolePolicyDocument=json.dumps(TRUST))
        iam.put_role_policy(RoleName="execution", PolicyName="pull", PolicyDocument=json.dumps(PULL))
        iam.put_role_policy(RoleName="execution", PolicyName="logs", PolicyDocument=json.dumps(LOGS))
        yield made
        lambda_invoke.shutdown()
        sagemaker_endpoints.shutdown()
        workloads.stop_all(settings)


def _context(settings: Settings, images: dict[str, Path]) -> context.Context:
    def rootfs(account_id: str, region: str, uri: str) -> Path:
        return images[uri]  # KeyError is a LookupError

    def config(account_id: str, region: str, uri: str) -> dict[str, Any]:
        return {"config": {"Env": ["PATH=/opt/program/bin:/usr/bin:/bin", "FLAVOUR=plain"]}}

    limits = context.Limits(invocation=2.0, startup=5.0, stop=2.0)
    return context.Context(settings, None, Clock(600), rootfs, config, limits)
