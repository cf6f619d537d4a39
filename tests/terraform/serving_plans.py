"""Real plans of the serving root: the real provider, an SSM parameter in moto, and nothing else of AWS."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from scripts.terraform_checks import ROOT, TERRAFORM

REGION = "eu-west-1"
RELEASE = "ranker-20261121t100000-1a2b3c4"
ACCOUNTS = {"dev": "111111111111", "qa": "222222222222", "production": "333333333333"}


def revisions(environment: str) -> dict[str, Any]:
    """The tfvars that a first promotion to an environment writes."""
    account = ACCOUNTS[environment]
    variant = {
        "release": RELEASE,
        "image": f"{account}.dkr.ecr.{REGION}.amazonaws.com/slipway/ranker@sha256:{'a' * 64}",
        "model_data_url": f"s3://slipway-{environment}-artifacts-{account}/releases/ranker/{RELEASE}/model.tar.gz",
        "execution_role_arn": f"arn:aws:iam::{account}:role/slipway-{environment}-ranker-execution",
        "instance_type": "ml.m5.large",
        "initial_instance_count": 1,
    }
    return {"live": "r1-0badcafe", "revisions": {"r1-0badcafe": {"variants": {"main": variant}}}}


@dataclass
class Plans:
    """A copy of the root with local state, initialised once."""

    url: str
    folder: Path
    package: Path

    @property
    def root(self) -> Path:
        """The copied root."""
        return self.folder / "terraform" / "serving"

    def prepare(self) -> None:
        """Copy and initialise."""
        for part in ("terraform/serving", "modules"):
            shutil.copytree(ROOT / part, self.folder / part)
        (self.root / "backend.tf").unlink()
        self.package.write_bytes(b"package")
        done = self.terraform("init", "-input=false", "-no-color", "-lockfile=readonly", credentials={})
        assert done.returncode == 0, done.stdout + done.stderr

    def credentials(self, environment: str) -> dict[str, str]:
        """Return credentials of an environment's account, and publish its foundation's parameter."""
        account = ACCOUNTS[environment]
        somebody = boto3.Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name=REGION)
        assumed = somebody.client("sts", endpoint_url=self.url).assume_role(
            RoleArn=f"arn:aws:iam::{account}:role/plan", RoleSessionName="tests"
        )["Credentials"]
        found = {
            "AWS_ACCESS_KEY_ID": assumed["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": assumed["SecretAccessKey"],
            "AWS_SESSION_TOKEN": assumed["SessionToken"],
        }
        session = boto3.Session(*found.values(), region_name=REGION)
        foundation = {
            "schema": 1,
            "account_id": account,
            "region": REGION,
            "artifact_bucket": f"slipway-{environment}-artifacts-{account}",
            "notification_topic_arn": f"arn:aws:sns:{REGION}:{account}:slipway-{environment}-notifications",
            "workload_boundary_arn": f"arn:aws:iam::{account}:policy/slipway-{environment}-workload",
            "models": {"ranker": {}},
        }
        session.client("ssm", endpoint_url=self.url).put_parameter(
            Name=f"/slipway/{environment}/foundation", Type="String", Value=json.dumps(foundation), Overwrite=True
        )
        return found

    def plan(self, environment: str, settings: dict[str, Any], *, of: str | None = None) -> Any:
        """Return the JSON plan of an environment's ranker, or what Terraform complained of as text.

        `of`: the environment whose account's credentials are used; its own by default.
        """
        data = ROOT / "environments" / environment
        given = self.folder / f"{environment}.tfvars.json"
        given.write_text(
            json.dumps(dict.fromkeys(("function_package", "monitor_package"), str(self.package)) | settings)
        )
        files = [data / "environment.tfvars", data / "endpoints" / "ranker.tfvars", given]
        saved = str(self.folder / f"{environment}.tfplan")
        credentials = self.credentials(of or environment)
        inputs = [f"-var-file={file}" for file in files]
        done = self.terraform("plan", "-input=false", "-no-color", *inputs, f"-out={saved}", credentials=credentials)
        if done.returncode:
            return " ".join((done.stdout + done.stderr).replace("│", " ").split())
        return json.loads(self.terraform("show", "-json", saved, credentials={}).stdout)

    def terraform(self, *arguments: str, credentials: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """Run Terraform in the copy."""
        settings = Path(os.environ.get("TF_CLI_CONFIG_FILE", ""))
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))}
        environment |= credentials | {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
            "TF_CLI_CONFIG_FILE": str(settings if settings.is_file() else ROOT / ".tools" / "terraform.rc"),
            "TF_DATA_DIR": str(self.folder / "data"),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
        }
        return subprocess.run(
            [TERRAFORM, f"-chdir={self.root}", *arguments],
            env=environment, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
