"""The estate that `make demo` leaves behind, for the tests that look at it and the tests that hurt it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3

from sandbox.demo.meter import FUNCTION

REPOSITORY = Path(__file__).resolve().parents[2]
SLIPWAY = str(Path(sys.executable).with_name("slipway"))


@dataclass(frozen=True)
class Said:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Estate:
    """Three accounts after the demo, and how to work on them."""

    environ: dict[str, str]
    report: dict[str, Any]
    output: Path

    @property
    def environments(self) -> Path:
        return Path(self.environ["SLIPWAY_ENVIRONMENTS"])

    def release(self, which: str) -> str:
        return str(self.report["releases"][which]["release"])

    def revisions_file(self, environment: str) -> Path:
        return self.environments / environment / "endpoints" / "ranker.revisions.tfvars"

    def slipway(self, *arguments: str, **extra: str) -> Said:
        done = subprocess.run(
            [SLIPWAY, *arguments],
            cwd=REPOSITORY,
            env={**self.environ, "NO_COLOR": "1", **extra},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command in a process group of its own, so that all of it can be killed at once.

        A shell's background job ignores SIGINT, and so would all that it starts.
        """
        return subprocess.Popen(
            ["env", "--default-signal=INT", SLIPWAY, *arguments],
            cwd=REPOSITORY,
            env={**self.environ, "NO_COLOR": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def terraform_processes(self) -> list[int]:
        """Terraform processes that work on this estate, providers included."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    command = (entry / "cmdline").read_bytes()
                    environment = (entry / "environ").read_bytes()
                except OSError:
                    continue
                if b"terraform" in command and self.environ["SLIPWAY_WORK"].encode() in environment + command:
                    found.append(int(entry.name))
        return found

    def client(self, environment: str, service: str) -> Any:
        """A client as the operator. What assumes the role takes its endpoint from the environment variables only."""
        names = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS")
        with patch.dict(os.environ, {name: self.environ[name] for name in names}):
            session = boto3.Session(profile_name=environment, region_name="eu-west-1")
            keys = session.get_credentials().get_frozen_credentials()
            return boto3.client(
                service,
                region_name="eu-west-1",
                endpoint_url=self.environ["AWS_ENDPOINT_URL"],
                aws_access_key_id=keys.access_key,
                aws_secret_access_key=keys.secret_key,
                aws_session_token=keys.token,
            )

    def mark(self) -> int:
        """The end of the access log, for `requests`: in bytes, after the last whole line."""
        log = (Path(self.environ["SANDBOX_HOME"]) / "requests.jsonl").read_bytes()
        return log.rfind(b"\n") + 1

    def requests(self, since: int = 0) -> list[dict[str, Any]]:
        """The access log from a mark on, but what functions ask for on their schedules. Half a last line is left."""
        with (Path(self.environ["SANDBOX_HOME"]) / "requests.jsonl").open("rb") as log:
            log.seek(since)
            added = log.read()
        lines = [json.loads(line) for line in added[: added.rfind(b"\n") + 1].splitlines()]
        return [line for line in lines if FUNCTION not in str(line.get("client"))]

    def saw(self, operation: str, since: int, *, on: str = "") -> bool:
        """Whether an operation was answered after a mark, on a resource with this in its name."""
        lines = (line for line in self.requests(since) if line["operation"] == operation)
        return any(on in str(line.get("resource")) for line in lines)

    def live_release(self, environment: str) -> str:
        """What an endpoint serves, according to AWS."""
        sagemaker = self.client(environment, "sagemaker")
        config = sagemaker.describe_endpoint(EndpointName=f"slipway-{environment}-ranker")["EndpointConfigName"]
        model = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"][0]["ModelName"]
        return str(sagemaker.describe_model(ModelName=model)["PrimaryContainer"]["ModelDataUrl"].split("/")[-2])
