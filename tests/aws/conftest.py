"""Three accounts in this process, with what a foundation makes; and archives to fill them with."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import socket
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from glue import releases
from glue.aws.accounts import Accounts
from glue.aws.s3 import Bucket
from glue.aws.session import Session
from glue.core.environment import Environment, Neighbour
from glue.core.request import ReleaseRequest
from sandbox.server import Server, running_in

from .world import COMMIT, FILES, a_release

MIB = 1024 * 1024
REGION = "eu-west-1"
DEV, QA = "111111111111", "222222222222"
GOLDEN = [{"name": "one", "body": {"q": 1}, "expect": {"score": 0.5}}]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = running_in(Path(tmp_path_factory.mktemp("sandbox")), _free_port()).start()
    settings = running.application.settings
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("AWS_"):
                patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", str(settings.aws_config))
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(settings.aws_credentials))
        patch.setenv("AWS_ENDPOINT_URL", settings.url)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield running
    running.close()


@dataclass
class Estate:
    """Two environments whose foundations exist, and administrators' clients to set things up with."""

    dev: Environment
    qa: Environment
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)

    def client(self, service: str, environment: str = "dev") -> Any:
        key = (service, environment)
        if key not in self._clients:
            make: Any = boto3.Session(profile_name=environment).client
            self._clients[key] = make(service, region_name=REGION)
        return self._clients[key]

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


@pytest.fixture(scope="package")
def estate(server: Server) -> Iterator[Estate]:
    dev = Environment("dev", DEV, REGION, models=("ranker",))
    qa = Environment("qa", QA, REGION, promotes_from=Neighbour("dev", DEV, REGION), models=("ranker",))
    made = Estate(dev, qa)
    for environment in (dev, qa):
        found(made, environment)
    yield made
    made.close()


def found(estate: Estate, environment: Environment) -> None:
    """Make what terraform/bootstrap and terraform/foundation would."""
    name, account = environment.name, environment.account_id
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
        ],
    }
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam = estate.client("iam", name)
    role = environment.promote_role_arn.rpartition("/")[2]
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(RoleName=role, PolicyName="all", PolicyDocument=json.dumps(everything))
    key = estate.client("kms", name).create_key(Policy=key_policy(account))["KeyMetadata"]["Arn"]
    s3 = estate.client("s3", name)
    where = {"LocationConstraint": REGION}
    s3.create_bucket(Bucket=environment.artifact_bucket, CreateBucketConfiguration=where)
    s3.put_bucket_versioning(Bucket=environment.artifact_bucket, VersioningConfiguration={"Status": "Enabled"})
    if name == "dev":  # its neighbour reads releases
        reader = f"arn:aws:iam::{QA}:root"
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": reader},
            "Action": ["s3:GetObject*", "s3:ListBucket"],
            "Resource": [
                f"arn:aws:s3:::{environment.artifact_bucket}",
                f"arn:aws:s3:::{environment.artifact_bucket}/*",
            ],
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        s3.put_bucket_policy(Bucket=environment.artifact_bucket, Policy=json.dumps(policy))
    estate.client("ecr", name).create_repository(repositoryName="slipway/ranker", imageTagMutability="IMMUTABLE")
    estate.client("ssm", name).put_parameter(
        Name=environment.foundation_parameter, Type="String", Value=json.dumps(foundation(environment, key))
    )


def key_policy(account: str) -> str:
    """Return a key's policy: the account's own IAM decides, and qa may decrypt what it reads."""
    own = {"AWS": f"arn:aws:iam::{account}:root"}
    neighbour = {"AWS": f"arn:aws:iam::{QA}:root"}
    statements = [
        {"Effect": "Allow", "Principal": own, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Allow", "Principal": neighbour, "Action": "kms:Decrypt", "Resource": "*"},
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def foundation(environment: Environment, key_arn: str) -> dict[str, object]:
    """Return what terraform/foundation publishes."""
    account, name = environment.account_id, environment.name
    return {
        "schema": 1,
        "project": environment.project,
        "environment": name,
        "account_id": account,
        "region": environment.region,
        "artifact_bucket": environment.artifact_bucket,
        "artifact_key_arn": key_arn,
        "notification_topic_arn": f"arn:aws:sns:{REGION}:{account}:slipway-{name}-notifications",
        "models": {
            "ranker": {
                "execution_role_arn": f"arn:aws:iam::{account}:role/slipway-{name}-ranker-execution",
                "repository_url": f"{account}.dkr.ecr.{REGION}.amazonaws.com/slipway/ranker",
                "model_package_group": f"slipway-{name}-ranker",
            }
        },
    }


@pytest.fixture(scope="package")
def accounts(estate: Estate) -> Iterator[Accounts]:
    with Accounts() as made:
        yield made


@pytest.fixture(scope="package")
def dev(accounts: Accounts, estate: Estate) -> Session:
    return accounts.session(estate.dev)


@pytest.fixture(scope="package")
def qa(accounts: Accounts, estate: Estate) -> Session:
    return accounts.session(estate.qa)


def archive(members: dict[str, bytes] | None = None) -> bytes:
    """Return a model archive; the same members make the same bytes."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for name, data in (members or model_members()).items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return gzip.compress(raw.getvalue(), mtime=0, compresslevel=1)


def model_members(**more: bytes) -> dict[str, bytes]:
    return {
        "model.txt": b"weights",
        "golden/requests.json": json.dumps(GOLDEN).encode(),
        "metrics.json": b'{"ndcg": 0.75}',
        **more,
    }


@pytest.fixture
def write_archive(tmp_path: Path) -> Callable[..., Path]:
    def write(**more: bytes) -> Path:
        path = tmp_path / "model.tar.gz"
        path.write_bytes(archive(model_members(**more)))
        return path

    return write


def push_image(session: Session, tag: str, *, content: bytes = b"{}", repository: str = "slipway/ranker") -> str:
    """Push a small image through the registry facade and return its digest."""
    digests = []
    for blob in (content, b"layer of " + content):
        digests.append(f"sha256:{hashlib.sha256(blob).hexdigest()}")
        if session.registry.missing_layers(repository, digests[-1:]):
            session.registry.upload_layer(repository, digests[-1], [blob])
    config, layer = digests
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": len(content)},
        "layers": [
            {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": len(content) + 9},
        ],
    }
    return session.registry.put_image(repository, json.dumps(manifest).encode(), tag=tag)


@pytest.fixture(scope="package")
def shared(dev: Session, qa: Session, estate: Estate, tmp_path_factory: pytest.TempPathFactory) -> str:
    return a_release(dev.artifacts(), FILES, tmp_path_factory.mktemp("files"))


@pytest.fixture
def source(shared: str, qa: Session, estate: Estate) -> releases.LoadedRelease:
    """A release in dev, loaded with qa's eyes, of which qa has nothing."""
    loaded = releases.load_release(qa.artifacts(estate.dev), shared)
    s3, bucket = estate.client("s3", "qa"), estate.qa.artifact_bucket
    versions = s3.list_object_versions(Bucket=bucket, Prefix=loaded.release.prefix).get("Versions", [])
    for version in versions:
        s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    for upload in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
        s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    return loaded


@pytest.fixture
def fresh(dev: Session, qa: Session, estate: Estate, tmp_path: Path) -> releases.LoadedRelease:
    """A release of its own, for tests that harm the source."""
    return releases.load_release(qa.artifacts(estate.dev), a_release(dev.artifacts(), FILES, tmp_path))


@pytest.fixture
def target(qa: Session) -> Bucket:
    return qa.artifacts()


@pytest.fixture(scope="package")
def image(dev: Session) -> str:
    return push_image(dev, "1a2b3c4")


@pytest.fixture
def ask(image: str, write_archive: Callable[..., Path]) -> Callable[..., ReleaseRequest]:
    """A request for content that no other test has, unless it says which."""

    def request(**changes: Any) -> ReleaseRequest:
        if "archive" not in changes:
            changes["archive"] = str(write_archive(unique=os.urandom(16)))
        return replace(ReleaseRequest(model="ranker", archive="", image="1a2b3c4", commit=COMMIT), **changes)

    return request
