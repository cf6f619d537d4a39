"""Plans every root of every environment, offline and without credentials, and keeps the plans as JSON below build/.

Nothing exists in these accounts, so every plan only creates, and shows every role, policy and endpoint in full. The one
thing that is read is the foundation's parameter; a small server answers for it. Terraform's JSON holds no secret here.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from glue.tf import hcl
from scripts.terraform_checks import ROOT, run

FOLDER = ROOT / "build" / "policy"
OPTIONAL = ROOT / "policy" / "optional_settings.json"
ROOTS = ("bootstrap", "foundation", "serving")
RELEASE = "ranker-20260131t120000-1a2b3c4"
REVISION = "r1-0badcafe"


@dataclass(frozen=True)
class Setting:
    """An environment to plan: its data, and its endpoint's. `name` is unique, `environment["name"]` need not be."""

    name: str
    environment: dict[str, Any]
    endpoint: dict[str, Any]

    @property
    def prefix(self) -> str:
        """The beginning of all names: project and environment."""
        return f"{self.environment.get('project', 'slipway')}-{self.environment['name']}"

    @property
    def account(self) -> str:
        """The account's id."""
        return str(self.environment["account_id"])

    @property
    def bucket(self) -> str:
        """The artifact store."""
        return f"{self.prefix}-artifacts-{self.account}"

    @property
    def parameter_name(self) -> str:
        """The foundation's parameter."""
        return f"/{self.environment.get('project', 'slipway')}/{self.environment['name']}/foundation"

    def parameter(self) -> dict[str, Any]:
        """Return what the foundation publishes for endpoints."""
        here = f"{self.environment['region']}:{self.account}"
        return {
            "schema": 1,
            "account_id": self.account,
            "region": self.environment["region"],
            "artifact_bucket": self.bucket,
            "notification_topic_arn": f"arn:aws:sns:{here}:{self.prefix}-notifications",
            "workload_boundary_arn": f"arn:aws:iam::{self.account}:policy/{self.prefix}-workload",
            "models": {model: {} for model in self.environment["models"]},
        }

    def revisions(self) -> dict[str, Any]:
        """Return what a first promotion of the ranker writes."""
        registry = f"{self.account}.dkr.ecr.{self.environment['region']}.amazonaws.com"
        variant = {
            "release": RELEASE,
            "image": f"{registry}/slipway/ranker@sha256:{'a' * 64}",
            "model_data_url": f"s3://{self.bucket}/releases/ranker/{RELEASE}/model.tar.gz",
            "execution_role_arn": f"arn:aws:iam::{self.account}:role/{self.prefix}-ranker-execution",
            "instance_type": "ml.m5.large",
            "initial_instance_count": 1,
        }
        return {"live": REVISION, "revisions": {REVISION: {"variants": {"main": variant}}}}


def settings() -> list[Setting]:
    """Return the committed environments, and `<name>+options`: one of them with everything that is off by default."""
    found = []
    for folder in sorted((ROOT / "environments").iterdir()):
        if (folder / "environment.tfvars").is_file():
            environment: Any = hcl.read(folder / "environment.tfvars")["environment"]
            found.append(Setting(folder.name, environment, hcl.read(folder / "endpoints" / "ranker.tfvars")))
    options = json.loads(OPTIONAL.read_text())
    (base,) = (one for one in found if one.name == options["of"])
    environment, endpoint = base.environment | options["environment"], base.endpoint | options["endpoint"]
    return [*found, Setting(f"{base.name}+options", environment, endpoint)]


def plans() -> dict[str, dict[str, Any]]:
    """Return the JSON plans by setting and root. They are made once for each state of the files that they come from."""
    whole = json.loads(plan_file().read_text())
    return {setting.name: {root: _part(whole, _module(setting, root)) for root in ROOTS} for setting in settings()}


def plan_file() -> Path:
    """Return the JSON plan of everything, which is made unless it is there and its inputs did not change."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    made, stamp, wanted = FOLDER / "plan.json", FOLDER / "inputs", _inputs()
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two suites may ask at once
        if not stamp.is_file() or stamp.read_text() != wanted:
            stamp.unlink(missing_ok=True)
            made.write_text(_plan())
            stamp.write_text(wanted)
    return made


def _inputs() -> str:
    """Return a digest of all that the plans come from."""
    digest = hashlib.sha256()
    folders = [ROOT / name for name in ("environments", "modules", "terraform")]
    files = [
        path for folder in folders for path in folder.rglob("*") if path.suffix in {".tf", ".tfvars", ".hcl", ".yaml"}
    ]
    for path in sorted([*files, OPTIONAL, Path(__file__)]):
        if ".terraform" not in path.parts:
            digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _module(setting: Setting, root: str) -> str:
    """Return the name of the module call that is a root in an environment."""
    return f"{setting.name.replace('+', '-')}_{root}"


def _plan() -> str:
    """Return the plan of all roots of all environments.

    Each is a module of one configuration with one provider, because a Terraform process and a configured provider cost
    seconds whatever they plan. So a root plans what it plans alone, but for default tags and the check of the account.
    """
    folder = FOLDER / "staged"
    shutil.rmtree(folder, ignore_errors=True)
    with _parameters() as server:
        calls = {}
        for root in ROOTS:
            _stage(root, folder)
            for setting in settings():
                calls[_module(setting, root)] = {"source": f"./terraform/{root}", **_variables(setting, root, folder)}
                server.answers[setting.parameter_name] = json.dumps(setting.parameter())
        main = {"module": calls, "provider": {"aws": _provider(server.server_port)}}
        (folder / "main.tf.json").write_text(json.dumps(main).replace("${", "$${"))
        _succeed(folder, "init", "-input=false", "-no-color", "-lockfile=readonly")
        _succeed(folder, "plan", "-input=false", "-no-color", f"-out={folder / 'plan'}")
    return _succeed(folder, "show", "-json", str(folder / "plan"))


def _stage(root: str, folder: Path) -> None:
    """Copy a root without its backend and its provider."""
    staged = folder / "terraform" / root
    ignored = shutil.ignore_patterns("backend.tf", "providers.tf", ".terraform", "tests")
    shutil.copytree(ROOT / "terraform" / root, staged, ignore=ignored)
    shutil.copy(staged / ".terraform.lock.hcl", folder)
    modules = folder / "modules"
    if not modules.exists():
        modules.symlink_to(ROOT / "modules", target_is_directory=True)
        (folder / "function.zip").write_bytes(b"a package")


def _provider(port: int) -> dict[str, Any]:
    """Return the settings of a provider that asks AWS nothing, and a server on this machine for the parameter."""
    unasked = ("credentials_validation", "metadata_api_check", "region_validation", "requesting_account_id")
    return {
        "access_key": "offline",
        "secret_key": "offline",
        "region": settings()[0].environment["region"],
        "endpoints": {"ssm": f"http://127.0.0.1:{port}"},
        **{f"skip_{what}": True for what in unasked},
    }


def _variables(setting: Setting, root: str, folder: Path) -> dict[str, Any]:
    if root == "bootstrap":
        return {"environment": setting.environment}
    if root == "foundation":
        templates = ROOT / "environments" / setting.environment["name"] / "training"
        queue = {"training_package": str(folder / "function.zip"), "training_templates": str(templates)}
        return {"environment": setting.environment} | queue
    package = dict.fromkeys(("function_package", "monitor_package"), str(folder / "function.zip"))
    return {"environment": setting.environment} | setting.endpoint | setting.revisions() | package


def _part(whole: dict[str, Any], name: str) -> dict[str, Any]:
    """Return what a module call plans, as if it had been planned alone."""
    address = f"module.{name}."
    changes = [
        one
        | {"address": one["address"].removeprefix(address), "module_address": one["module_address"].partition(".")[2]}
        for one in whole["resource_changes"]
        if one["address"].startswith(address)
    ]
    configuration = whole["configuration"]["root_module"]["module_calls"][name]["module"]
    return {"resource_changes": changes, "configuration": {"root_module": configuration}}


def _succeed(folder: Path, *arguments: str) -> str:
    done = run(folder, *arguments)
    if done.returncode:
        raise SystemExit(f"terraform {arguments[0]} of all roots failed\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


class _Server(ThreadingHTTPServer):
    """Answers for parameters, as SSM's GetParameter does."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, str] = {}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        """Answer GetParameter."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = asked["Name"]
        given = {"Name": name, "Type": "String", "Value": self.server.answers[name], "Version": 1, "DataType": "text"}
        body = json.dumps({"Parameter": given}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def _parameters() -> Iterator[_Server]:
    os.environ["NO_PROXY"] = ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1"]))
    with _Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
