"""One account of a running sandbox: bucket, role, an image pushed through ECR's own API."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from .conftest import SERVE, TRUST, until

ACCOUNT, REGION, BUCKET = "222222222222", "eu-west-1", "tiny-artifacts"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/tiny-execution"
PERMISSIONS = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["s3:*", "ecr:*", "logs:*", "sagemaker:*"], "Resource": "*"}],
}


def tar(files: dict[str, bytes]) -> bytes:
    """Return an uncompressed archive of programs."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o755
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def digest(content: bytes) -> str:
    """Return an OCI digest."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Account:
    """The qa account, by its operator."""

    exports: dict[str, str]

    def client(self, service: str) -> Any:
        """Return a client that works with the sandbox's own AWS settings, as every tool does."""
        session = boto3.Session(profile_name="qa", region_name=REGION)
        return session.client(service)  # type: ignore[call-overload]

    def furnish(self) -> str:
        """Make bucket, role, archive and image; return the image's URI."""
        location = {"LocationConstraint": REGION}
        self.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
        iam = self.client("iam")
        iam.create_role(RoleName="tiny-execution", AssumeRolePolicyDocument=json.dumps(TRUST))
        iam.put_role_policy(RoleName="tiny-execution", PolicyName="all", PolicyDocument=json.dumps(PERMISSIONS))
        for name in ("one", "two"):
            archive = gzip.compress(tar({"model.json": json.dumps({"name": name}).encode()}))
            self.client("s3").put_object(Bucket=BUCKET, Key=f"{name}.tar.gz", Body=archive)
        return self.push({"opt/program/bin/serve": SERVE.strip().encode()})

    def push(self, files: dict[str, bytes]) -> str:
        """Push an image with one layer."""
        ecr = self.client("ecr")
        ecr.create_repository(repositoryName="slipway/tiny")
        plain = tar(files)
        layer = gzip.compress(plain, mtime=0)
        config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {"Env": ["PATH=/opt/program/bin:/usr/bin"]},
                "rootfs": {"type": "layers", "diff_ids": [digest(plain)]},
            }
        ).encode()
        for blob in (config, layer):
            upload = ecr.initiate_layer_upload(repositoryName="slipway/tiny")["uploadId"]
            ecr.upload_layer_part(
                repositoryName="slipway/tiny",
                uploadId=upload,
                partFirstByte=0,
                partLastByte=len(blob) - 1,
                layerPartBlob=blob,
            )
            ecr.complete_layer_upload(repositoryName="slipway/tiny", uploadId=upload, layerDigests=[digest(blob)])
        media = "application/vnd.oci.image"
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{media}.manifest.v1+json",
            "config": {"mediaType": f"{media}.config.v1+json", "size": len(config), "digest": digest(config)},
            "layers": [{"mediaType": f"{media}.layer.v1.tar+gzip", "size": len(layer), "digest": digest(layer)}],
        }
        pushed = ecr.put_image(repositoryName="slipway/tiny", imageManifest=json.dumps(manifest))["image"]
        return f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/slipway/tiny@{pushed['imageId']['imageDigest']}"

    def settled(self, name: str) -> dict[str, Any]:
        """Wait until an endpoint rests."""
        sagemaker = self.client("sagemaker")
        return dict(
            until(
                lambda: sagemaker.describe_endpoint(EndpointName=name),
                lambda one: one["EndpointStatus"] in {"InService", "Failed"},
                within=30,
            )
        )


def records(home: str) -> list[int]:
    """Return the pids of the sandbox's workloads."""
    return [int(file.stem) for file in Path(home, "workloads").glob("*.json")]
