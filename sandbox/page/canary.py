"""`python -m sandbox.page.canary OUT.png`: a real canary on the running sandbox, and a picture of the page in its bake.

Three small endpoints are made by AWS calls alone, one in each account; production's gets a new revision that takes a
tenth of the traffic, while somebody calls it. The models are real servers that answer with their name.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import hashlib
import io
import json
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.page.screenshot import take
from sandbox.settings import ENVIRONMENT_ACCOUNTS, REGION

BAKE_S = 900  # AWS seconds
_READY_S = 60.0
_SERVE = b'''#!/usr/bin/env python3
"""Answers with the name of its model."""
import json, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

name = json.load(open(os.path.join(os.environ["SM_MODEL_DIR"], "model.json")))["name"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(b"")

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(json.dumps({"model": name}).encode())


ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
'''


def _tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _policy(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


class Estate:
    """One account with an endpoint of its own."""

    def __init__(self, environment: str) -> None:
        self.environment = environment
        self.account = ENVIRONMENT_ACCOUNTS[environment]
        self.endpoint = f"slipway-{environment}-ranker"
        self.bucket = f"slipway-{environment}-artifacts-{self.account}"
        self._role = f"arn:aws:iam::{self.account}:role/slipway-{environment}-ranker-execution"
        self._session = boto3.Session(profile_name=environment, region_name=REGION)
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """Return a client of the account's operator."""
        if service not in self._clients:
            self._clients[service] = self._session.client(service)  # type: ignore[call-overload]
        return self._clients[service]

    def close(self) -> None:
        """Close the clients."""
        for one in self._clients.values():
            one.close()

    def furnish(self) -> None:
        """Make bucket, role, image and notifications."""
        self.client("s3").create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        iam, name = self.client("iam"), self._role.rpartition("/")[2]
        trust = _policy(Principal={"Service": "sagemaker.amazonaws.com"}, Action="sts:AssumeRole")
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
        rights = _policy(Action=["s3:GetObject", "s3:ListBucket", "ecr:*", "logs:*", "cloudwatch:*"], Resource="*")
        iam.put_role_policy(RoleName=name, PolicyName="serve", PolicyDocument=rights)
        self._image = self._push()
        topic = self.client("sns").create_topic(Name=f"slipway-{self.environment}-notifications")["TopicArn"]
        self.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="on-call@example.com")
        self._alarm(topic)

    def _alarm(self, topic: str) -> None:
        self.client("cloudwatch").put_metric_alarm(
            AlarmName=f"{self.endpoint}-5xx",
            Namespace="AWS/SageMaker",
            MetricName="Invocation5XXErrors",
            Dimensions=[
                {"Name": "EndpointName", "Value": self.endpoint},
                {"Name": "VariantName", "Value": "primary"},
            ],
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="notBreaching",
            AlarmActions=[topic],
            OKActions=[topic],
        )

    def _push(self) -> str:
        ecr, repository = self.client("ecr"), "slipway/ranker"
        ecr.create_repository(repositoryName=repository)
        plain = _tar({"opt/program/bin/serve": _SERVE})
        layer = gzip.compress(plain, mtime=0)
        image = {"architecture": "amd64", "os": "linux", "config": {"Env": ["PATH=/opt/program/bin:/usr/bin"]}}
        config = json.dumps({**image, "rootfs": {"type": "layers", "diff_ids": [_digest(plain)]}}).encode()
        for blob in (config, layer):
            where = {"repositoryName": repository}
            upload = ecr.initiate_layer_upload(**where)["uploadId"]
            ends = {"partFirstByte": 0, "partLastByte": len(blob) - 1}
            ecr.upload_layer_part(**where, uploadId=upload, layerPartBlob=blob, **ends)
            ecr.complete_layer_upload(**where, uploadId=upload, layerDigests=[_digest(blob)])
        kind = "application/vnd.oci.image"
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{kind}.manifest.v1+json",
            "config": {"mediaType": f"{kind}.config.v1+json", "size": len(config), "digest": _digest(config)},
            "layers": [{"mediaType": f"{kind}.layer.v1.tar+gzip", "size": len(layer), "digest": _digest(layer)}],
        }
        pushed = ecr.put_image(repositoryName=repository, imageManifest=json.dumps(manifest))["image"]["imageId"]
        return f"{self.account}.dkr.ecr.{REGION}.amazonaws.com/{repository}@{pushed['imageDigest']}"

    def revision(self, number: int) -> str:
        """Make the model and config of a revision and return the config's name."""
        key = f"releases/ranker/{number}/model.tar.gz"
        archive = gzip.compress(_tar({"model.json": json.dumps({"name": f"r{number}"}).encode()}), mtime=0)
        name = f"{self.endpoint}-r{number}-{hashlib.sha256(archive).hexdigest()[:8]}"
        self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=archive)
        container = {"Image": self._image, "ModelDataUrl": f"s3://{self.bucket}/{key}"}
        self.client("sagemaker").create_model(ModelName=name, ExecutionRoleArn=self._role, PrimaryContainer=container)
        variant = {"VariantName": "primary", "ModelName": name, "InitialVariantWeight": 1}
        size = {"InstanceType": "ml.c7g.large", "InitialInstanceCount": 10}  # a tenth of them is one
        self.client("sagemaker").create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=[{**variant, **size}]
        )
        return name

    def create(self, config: str) -> None:
        """Create the endpoint; returns at once."""
        self.client("sagemaker").create_endpoint(EndpointName=self.endpoint, EndpointConfigName=config)

    def update(self, config: str) -> None:
        """Send a tenth of the traffic to another config first; returns at once."""
        canary = {
            "Type": "CANARY",
            "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10},
            "WaitIntervalInSeconds": BAKE_S,
        }
        self.client("sagemaker").update_endpoint(
            EndpointName=self.endpoint,
            EndpointConfigName=config,
            DeploymentConfig={
                "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": canary, "TerminationWaitInSeconds": 120},
                "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": f"{self.endpoint}-5xx"}]},
            },
        )

    def settle(self) -> dict[str, Any]:
        """Wait until the endpoint rests, and return its description. Raises TimeoutError."""
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline:
            found: dict[str, Any] = self.client("sagemaker").describe_endpoint(EndpointName=self.endpoint)
            if found["EndpointStatus"] in {"InService", "Failed"}:
                return found
            time.sleep(0.2)
        raise TimeoutError(f"{self.endpoint} is still {found['EndpointStatus']} after {_READY_S:.0f} s")


@contextmanager
def called(estate: Estate, rate: float) -> Iterator[None]:
    """Let somebody call the endpoint so many times a second."""
    over = threading.Event()
    client = boto3.Session(profile_name=estate.environment, region_name=REGION).client(
        "sagemaker-runtime", config=Config(retries={"total_max_attempts": 1})
    )

    def call() -> None:
        while not over.wait(1 / rate):
            with contextlib.suppress(ClientError):
                client.invoke_endpoint(EndpointName=estate.endpoint, Body=b"{}")["Body"].read()

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        client.close()


def be_refused(estate: Estate) -> None:
    """Let the application ask for what it may not have, so that there is a denial to see."""
    client = boto3.Session(profile_name="application", region_name=REGION).client("s3")
    with contextlib.suppress(ClientError):
        client.get_object(Bucket=estate.bucket, Key="releases/ranker/7/model.tar.gz")
    client.close()


def main(arguments: list[str]) -> int:
    """Rehearse it and write the picture."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.page.canary", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--url", default=boto3.Session().client("sts", region_name=REGION).meta.endpoint_url)
    options = parser.parse_args(arguments)
    estates = [Estate(name) for name in ENVIRONMENT_ACCOUNTS]
    production = estates[-1]
    for one in estates:
        one.furnish()
        one.create(one.revision(6 if one is production else 7))
    for one in estates:
        one.settle()
    be_refused(production)
    with called(estates[1], 5), called(production, 20):
        time.sleep(4)
        production.update(production.revision(7))
        options.out.write_bytes(take(options.url, shows="10 %"))
        found = production.settle()
    sys.stdout.write(f"{production.endpoint}: {found['EndpointStatus']}, live {found['EndpointConfigName']}\n")
    for one in estates:
        one.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
