"""Where plans are made: one moto server, one provider process for all runs of an account, one folder for each plan."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from scripts.golden_plans.prior import ACCOUNT, REGION, state
from scripts.moto_server import moto_server
from scripts.terraform_checks import ROOT, TERRAFORM, provider_binary, run, shared_provider

FOLDER = ROOT / "build" / "golden-plans" / str(os.getpid())  # two may run side by side
SOURCES = FOLDER / "sources"  # as they were when the run began: what is before and after must be of one age
LIMIT_S = 300
ROUNDS = 6  # of planning until a state agrees with its configuration
PACKAGE = "function.zip"


class Unplannable(Exception):  # noqa: N818 - a plan that Terraform refused is what went wrong here
    """Terraform refused, or no state agrees with a configuration."""


@dataclass(frozen=True)
class Source:
    """A configuration: folders of the repository copied to places of the workspace, then edited.

    `variables` are written as JSON; `files` are written as they are; `edits` replace text that must occur, by file;
    `parameters` are what SSM holds.
    """

    folders: Mapping[str, str]
    root: str = "."
    variables: Mapping[str, Any] = field(default_factory=dict)
    edits: Sequence[tuple[str, str, str]] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    account: str = ACCOUNT

    @property
    def place(self) -> str:
        """What `terraform init` depends on."""
        found = (sorted(self.folders.items()), self.root, sorted(self.files.items()))
        return hashlib.sha256(repr(found).encode()).hexdigest()[:16]


class Workshop:
    """Plans configurations against states that never were in AWS."""

    def __init__(self, url: str, stack: ExitStack) -> None:
        self.url = url
        self._stack = stack
        self._providers: dict[str, tuple[str, dict[str, str]]] = {}
        self._schemas: dict[str, Any] = {}
        self._states: dict[str, dict[str, Any]] = {}
        self._ready: set[str] = set()

    def state_of(self, source: Source) -> dict[str, Any]:
        """Return a state with which the configuration plans no change.

        Raises: Unplannable, naming what still changes.
        """
        key = repr(source)
        if key not in self._states:
            self._states[key] = self._settled(source)
        return json.loads(json.dumps(self._states[key]))  # type: ignore[no-any-return]

    def _settled(self, source: Source) -> dict[str, Any]:
        found = self.plan(source)
        for number in range(ROUNDS):
            known = state(found, self.schemas(source), serial=number + 1)
            found = self.plan(source, prior=known)
            left = [
                f"{one['address']} {'/'.join(one['change']['actions'])}"
                for one in found.get("resource_changes", [])
                if one["change"]["actions"] not in (["no-op"], ["read"])
            ]
            if not left and all(one["actions"] == ["no-op"] for one in found.get("output_changes", {}).values()):
                return known
        raise Unplannable(f"no state agrees with {source.root}: {'; '.join(left) or 'outputs change'}")

    def plan(
        self, source: Source, *, prior: Mapping[str, Any] | None = None, flags: Sequence[str] = ("-refresh=false",)
    ) -> dict[str, Any]:
        """Return `terraform show -json` of the plan of a configuration. Raises: Unplannable, with Terraform's words."""
        self._stage(source)
        held = FOLDER / "work" / source.root / "terraform.tfstate"
        held.unlink(missing_ok=True)
        if prior is not None:
            held.write_text(json.dumps(prior))
        saved = FOLDER / "saved.tfplan"
        self._terraform(source, "plan", "-input=false", "-no-color", "-lock=false", *flags, f"-out={saved}")
        return json.loads(self._terraform(source, "show", "-json", str(saved)))  # type: ignore[no-any-return]

    def apply(self, source: Source) -> dict[str, Any]:
        """Apply a configuration to moto, and return the state that Terraform wrote. Raises: Unplannable."""
        key = f"applied {source!r}"
        if key not in self._states:
            self._stage(source)
            self._terraform(source, "apply", "-input=false", "-no-color", "-auto-approve")
            self._states[key] = json.loads((FOLDER / "work" / source.root / "terraform.tfstate").read_text())
        return json.loads(json.dumps(self._states[key]))  # type: ignore[no-any-return]

    def schemas(self, source: Source) -> Mapping[str, Any]:
        """Return the schemas of all providers."""
        if not self._schemas:
            everything = FOLDER / "schemas"
            everything.mkdir(parents=True, exist_ok=True)
            (everything / "main.tf").write_text('resource "terraform_data" "x" {}\nresource "aws_sns_topic" "x" {}\n')
            reattach, environment = self._provider(source.account)
            _run(everything, ["init", "-input=false"], environment, reattach)
            self._schemas = json.loads(_run(everything, ["providers", "schema", "-json"], environment, reattach))
        return self._schemas

    def client(self, service: str, account: str = ACCOUNT) -> Any:
        """Return a client of an account of moto."""
        _, found = self._provider(account)
        session = boto3.Session(
            found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"], found["AWS_SESSION_TOKEN"], region_name=REGION
        )
        return session.client(service, endpoint_url=self.url)  # type: ignore[call-overload]

    def _stage(self, source: Source) -> None:
        work = FOLDER / "work"
        shutil.rmtree(work, ignore_errors=True)
        for place, folder in source.folders.items():
            ignored = shutil.ignore_patterns("backend.tf", ".terraform*", "tests", "*.tfstate")
            shutil.copytree(SOURCES / folder, work / place, ignore=ignored, dirs_exist_ok=True)
        for name, old, new in source.edits:
            text = (work / name).read_text()
            if old not in text:
                raise Unplannable(f"{name} has no {old!r} to replace")
            (work / name).write_text(text.replace(old, new))
        for name, text in source.files.items():
            (work / name).write_text(text)
        (work / source.root / PACKAGE).write_bytes(b"package")
        if source.variables:
            (work / source.root / "case.auto.tfvars.json").write_text(json.dumps(source.variables))
        for name, value in source.parameters.items():
            self.client("ssm", source.account).put_parameter(Name=name, Type="String", Value=value, Overwrite=True)
        if source.place not in self._ready:
            self._terraform(source, "init", "-input=false", "-no-color")
            self._ready.add(source.place)

    def _terraform(self, source: Source, *arguments: str) -> str:
        reattach, environment = self._provider(source.account)
        settings = environment | {"TF_DATA_DIR": str(FOLDER / "data" / source.place)}
        return _run(FOLDER / "work" / source.root, list(arguments), settings, reattach)

    def _provider(self, account: str) -> tuple[str, dict[str, str]]:
        """Return the provider process and the credentials of an account."""
        if account not in self._providers:
            somebody = boto3.Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name=REGION)
            role = f"arn:aws:iam::{account}:role/plan"
            sts = somebody.client("sts", endpoint_url=self.url)
            assumed = sts.assume_role(RoleArn=role, RoleSessionName="golden")["Credentials"]
            environment = {
                "AWS_ACCESS_KEY_ID": assumed["AccessKeyId"],
                "AWS_SECRET_ACCESS_KEY": assumed["SecretAccessKey"],
                "AWS_SESSION_TOKEN": assumed["SessionToken"],
                "AWS_ENDPOINT_URL": self.url,
                "AWS_EC2_METADATA_DISABLED": "true",
                "NO_PROXY": "127.0.0.1",
            }
            binary = provider_binary(ROOT / "terraform" / "foundation")
            started = self._stack.enter_context(shared_provider(binary, settings=environment))
            self._providers[account] = (started, environment)
        return self._providers[account]


def _run(folder: Path, arguments: list[str], credentials: Mapping[str, str], reattach: str) -> str:
    settings = Path(os.environ.get("TF_CLI_CONFIG_FILE", ""))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))}
    environment |= {
        "TF_DATA_DIR": str(FOLDER / "data"),
        **credentials,
        "TF_CLI_CONFIG_FILE": str(settings if settings.is_file() else ROOT / ".tools" / "terraform.rc"),
        "TF_REATTACH_PROVIDERS": reattach,
        "TF_IN_AUTOMATION": "1",
        "CHECKPOINT_DISABLE": "1",
    }
    done = subprocess.run(
        [TERRAFORM, f"-chdir={folder}", *arguments],
        env=environment, capture_output=True, text=True, check=False, timeout=LIMIT_S,
    )  # fmt: skip
    if done.returncode:
        raise Unplannable(f"terraform {arguments[0]}: {(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


@contextmanager
def workshop() -> Iterator[Workshop]:
    """Start moto, and give a workshop that ends with the context."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    foundation = ROOT / "terraform" / "foundation"
    done = run(foundation, "init", "-backend=false", "-input=false", "-lockfile=readonly", "-no-color")
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, FOLDER, ignore_errors=True)
        for name in ("modules", "terraform", "tests/review/shapes", "tests/review/fleet"):
            shutil.copytree(ROOT / name, SOURCES / name, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate"))
        yield Workshop(stack.enter_context(moto_server()), stack)
