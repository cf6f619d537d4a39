"""An account that is ready to serve, made in a second by AWS calls, and the serving root applied to it.

What foundation would make takes Terraform a minute, and is tested elsewhere. Here: bucket, repository, role, parameter,
and releases so small that they show what matters, which of them answers.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from scripts.build_function import package

REPOSITORY = Path(__file__).resolve().parents[2]
ACCOUNT, REGION = "222222222222", "eu-west-1"
BUCKET = f"slipway-qa-artifacts-{ACCOUNT}"
STATES = f"slipway-qa-tfstate-{ACCOUNT}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/slipway-qa-ranker-execution"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:slipway-qa-notifications"
ENDPOINT = "slipway-qa-ranker"
TERRAFORM = os.environ.get("TERRAFORM") or str(REPOSITORY / ".tools" / "terraform")
SERVE = b'''#!/usr/bin/env python3
"""Answers with the text of its archive."""
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

answer = open(os.path.join(os.environ["SM_MODEL_DIR"], "answer.json"), "rb").read()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


HTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
'''


def tar(files: dict[str, bytes]) -> bytes:
    """Return an uncompressed archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def digest(content: bytes) -> str:
    """Return the OCI digest."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass
class Account:
    """The qa account, by its operator."""

    environment: dict[str, str]
    session: boto3.Session = field(init=False)

    def __post_init__(self) -> None:
        self.session = boto3.Session(profile_name="qa", region_name=REGION)

    def client(self, service: str) -> Any:
        """Return a client of the account's operator."""
        return self.session.client(service)  # type: ignore[call-overload]

    def make_ready(self) -> str:
        """Make what the serving root needs and return the URI of the image."""
        for bucket in (BUCKET, STATES):
            self.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
        rights = {"Effect": "Allow", "Action": ["s3:GetObject", "ecr:*", "logs:*", "s3:ListBucket"], "Resource": "*"}
        iam = self.client("iam")
        iam.create_role(RoleName=ROLE.rsplit("/", maxsplit=1)[-1], AssumeRolePolicyDocument=policy(trust))
        iam.put_role_policy(
            RoleName=ROLE.rsplit("/", maxsplit=1)[-1], PolicyName="serve", PolicyDocument=policy(rights)
        )
        self.client("sns").create_topic(Name=TOPIC.rsplit(":", maxsplit=1)[-1])
        repository = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/slipway/ranker"
        foundation = {
            "schema": 1,
            "project": "slipway",
            "environment": "qa",
            "account_id": ACCOUNT,
            "region": REGION,
            "artifact_bucket": BUCKET,
            "artifact_key_arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/none",
            "notification_topic_arn": TOPIC,
            "models": {"ranker": {"execution_role_arn": ROLE, "repository_url": repository}},
        }
        self.client("ssm").put_parameter(
            Name="/slipway/qa/foundation", Type="String", Value=json.dumps(foundation), Overwrite=True
        )
        return f"{repository}@{self.push_image()}"

    def push_image(self) -> str:
        """Push an image of one layer with one program, and return its digest."""
        ecr = self.client("ecr")
        ecr.create_repository(repositoryName="slipway/ranker")
        layer = tar({"opt/program/bin/serve": SERVE})
        packed = gzip.compress(layer, mtime=0)
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Env": ["PATH=/opt/program/bin:/usr/local/bin:/usr/bin:/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(layer)]},
        }
        described = json.dumps(config).encode()
        for blob in (packed, described):
            upload = ecr.initiate_layer_upload(repositoryName="slipway/ranker")["uploadId"]
            ecr.upload_layer_part(
                repositoryName="slipway/ranker",
                uploadId=upload,
                partFirstByte=0,
                partLastByte=len(blob) - 1,
                layerPartBlob=blob,
            )
            ecr.complete_layer_upload(repositoryName="slipway/ranker", uploadId=upload, layerDigests=[digest(blob)])
        prefix = "application/vnd.docker"
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{prefix}.distribution.manifest.v2+json",
            "config": {
                "mediaType": f"{prefix}.container.image.v1+json",
                "digest": digest(described),
                "size": len(described),
            },
            "layers": [
                {
                    "mediaType": f"{prefix}.image.rootfs.diff.tar.gzip",
                    "digest": digest(packed),
                    "size": len(packed),
                }
            ],
        }
        pushed = ecr.put_image(repositoryName="slipway/ranker", imageManifest=json.dumps(manifest), imageTag="1")
        return str(pushed["image"]["imageId"]["imageDigest"])

    def release(self, number: int, image: str, *, instance_type: str = "ml.m5.large") -> dict[str, Any]:
        """Upload the archive of a release that answers with its number, and return the variant that serves it."""
        name = f"ranker-2026112{number}t100000-{number:07x}"
        key = f"releases/ranker/{name}/model.tar.gz"
        archive = gzip.compress(tar({"answer.json": str(number).encode()}), mtime=0)
        self.client("s3").put_object(Bucket=BUCKET, Key=key, Body=archive)
        return {
            "release": name,
            "image": image,
            "model_data_url": f"s3://{BUCKET}/{key}",
            "execution_role_arn": ROLE,
            "instance_type": instance_type,
            "initial_instance_count": 1,
        }

    def answer(self) -> str:
        """Return what the endpoint answers now."""
        return ask(self.client("sagemaker-runtime"))

    def answer_of_function(self, key: str | None = None) -> dict[str, Any]:
        """Return what the invoker's alias answers now, to a customer if there is a key."""
        event = {"body": {}} | ({"sticky_key": key} if key else {})
        done = self.client("lambda").invoke(
            FunctionName=f"{ENDPOINT}-invoker", Qualifier="live", Payload=json.dumps(event)
        )
        answer = json.loads(done["Payload"].read())
        variant = answer.get("headers", {}).get("x-amzn-invoked-production-variant")
        return {"statusCode": answer.get("statusCode"), "body": answer.get("body"), "variant": variant}

    def answer_to_caller(self, role: str) -> str:
        """Return what the application gets from its own account, through its caller role."""
        application = boto3.Session(profile_name="application", region_name=REGION)
        assumed = application.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}", RoleSessionName="search"
        )["Credentials"]
        caller = boto3.Session(assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"], REGION)
        return ask(caller.client("sagemaker-runtime"))

    def live_config(self) -> str:
        """Return the config that AWS says is live."""
        return str(self.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)["EndpointConfigName"])


def ask(runtime: Any) -> str:
    """Return the endpoint's answer to a client of the SageMaker runtime."""
    response = runtime.invoke_endpoint(EndpointName=ENDPOINT, Body=b"{}", ContentType="application/json")
    return str(response["Body"].read().decode())


def policy(statement: dict[str, Any]) -> str:
    """Return a policy document of one statement."""
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@dataclass
class Serving:
    """The serving root, planned and applied as an operator does: a saved plan, then exactly that plan."""

    environment: dict[str, str]
    folder: Path

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run Terraform in the root."""
        settings = Path(os.environ.get("TF_CLI_CONFIG_FILE", ""))
        environment = self.environment | {
            "AWS_PROFILE": "qa",
            "TF_CLI_CONFIG_FILE": str(settings if settings.is_file() else REPOSITORY / ".tools" / "terraform.rc"),
            "TF_DATA_DIR": str(self.folder / "data"),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
        }
        done = subprocess.run(
            [TERRAFORM, f"-chdir={REPOSITORY / 'terraform' / 'serving'}", *arguments],
            env=environment, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert not check or done.returncode in (0, 2), f"terraform {arguments[0]}\n{done.stdout}\n{done.stderr}"
        return done

    def init(self) -> None:
        """Initialise the root with the account's state bucket."""
        settings = {"bucket": STATES, "region": REGION, "use_lockfile": "true", "key": "serving/ranker.tfstate"}
        backend = [f"-backend-config={name}={value}" for name, value in settings.items()]
        self.run("init", "-input=false", "-no-color", "-lockfile=readonly", *backend)

    def plan(self, settings: dict[str, Any]) -> dict[str, list[str]]:
        """Save a plan and return the addresses that it changes, by action: create, update, delete, replace."""
        files = self.folder / "endpoint.tfvars.json"
        files.write_text(json.dumps(settings))
        environment = REPOSITORY / "environments" / "qa" / "environment.tfvars"
        function = self.folder / "endpoint-invoker.zip"
        package(REPOSITORY / "modules" / "endpoint-invoker" / "src", function)
        inputs = [f"-var-file={environment}", f"-var-file={files}", f"-var=function_package={function}"]
        story = self.run("plan", "-json", "-input=false", *inputs, f"-out={self.folder / 'plan'}").stdout
        changes: dict[str, list[str]] = {}
        for line in map(json.loads, story.splitlines()):
            if line["type"] == "planned_change":
                changes.setdefault(line["change"]["action"], []).append(line["change"]["resource"]["addr"])
        return {action: sorted(addresses) for action, addresses in changes.items()}

    def differing(self, address: str) -> list[str]:
        """Return the attributes of a resource that the saved plan changes."""
        plan = json.loads(self.run("show", "-json", str(self.folder / "plan")).stdout)
        [change] = [one["change"] for one in plan["resource_changes"] if one["address"] == address]
        return sorted(name for name in change["after"] if change["before"].get(name) != change["after"][name])

    def apply(self, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Apply the saved plan."""
        return self.run("apply", "-input=false", "-no-color", str(self.folder / "plan"), check=check)

    def truth(self) -> dict[str, Any]:
        """Return the output `truth`: what Terraform wants."""
        return dict(json.loads(self.run("output", "-json", "truth").stdout))
