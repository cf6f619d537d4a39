"""The whole way, on a running sandbox with nothing but AWS's own settings: image, archive, endpoint, function."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import TRUST, until
from .server_world import ACCOUNT, BUCKET, REGION, ROLE, Account, records

pytestmark = [pytest.mark.sandbox]
ROOT = Path(__file__).resolve().parents[2]
TERRAFORM = os.environ.get("TERRAFORM") or str(ROOT / ".tools" / "terraform")
ASK = """
import boto3, json
client = boto3.client("sagemaker-runtime")
def handle(event, context):
    answer = client.invoke_endpoint(EndpointName=event["endpoint"], ContentType="application/json", Body="{}")
    return {"model": json.loads(answer["Body"].read())["model"], "as": boto3.client("sts").get_caller_identity()["Arn"]}
"""


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A sandbox of its own, as `. .sandbox/env` shows it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    home = tmp_path_factory.mktemp("sandbox")
    env = {**os.environ, "SANDBOX_HOME": str(home), "SANDBOX_PORT": port}
    command = [sys.executable, "-m", "sandbox"]
    subprocess.run([*command, "start"], cwd=ROOT, env=env, check=True, timeout=90)
    try:
        shell = ["bash", "-c", '. "$1" && env -0', "-", str(home / "env")]
        text = subprocess.run(shell, env=env, check=True, capture_output=True, text=True).stdout
        yield dict(entry.partition("=")[::2] for entry in text.split("\0") if entry)
    finally:
        subprocess.run([*command, "stop"], cwd=ROOT, env=env, check=True, timeout=90)


@pytest.fixture(scope="module")
def account(exports: dict[str, str]) -> Iterator[Account]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in exports.items():
            if name.startswith("AWS_"):
                patch.setenv(name, value)
        yield Account(exports)


@pytest.fixture(scope="module")
def image(account: Account) -> str:
    return account.furnish()


@pytest.fixture(scope="module")
def endpoint(account: Account, image: str) -> str:
    sagemaker = account.client("sagemaker")
    container = {"Image": image, "ModelDataUrl": f"s3://{BUCKET}/one.tar.gz"}
    sagemaker.create_model(ModelName="tiny", ExecutionRoleArn=ROLE, PrimaryContainer=container)
    variant = {"VariantName": "main", "ModelName": "tiny", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="tiny", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="tiny", EndpointConfigName="tiny")
    seen = account.settled("tiny")
    assert seen["EndpointStatus"] == "InService", seen
    return "tiny"


def test_the_code_of_the_image_answers_on_the_archive_from_s3(account: Account, endpoint: str) -> None:
    answer = account.client("sagemaker-runtime").invoke_endpoint(EndpointName=endpoint, Body=b"{}")
    assert json.loads(answer["Body"].read())["model"] == "one"


def test_what_the_execution_role_may_not_read_fails_the_endpoint(account: Account, endpoint: str, image: str) -> None:
    # https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html#sagemaker-roles-createmodel-perms
    iam, sagemaker = account.client("iam"), account.client("sagemaker")
    pulls = {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [pulls]})
    role = iam.create_role(RoleName="no-data", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName="no-data", PolicyName="pull", PolicyDocument=policy)
    container = {"Image": image, "ModelDataUrl": f"s3://{BUCKET}/one.tar.gz"}
    sagemaker.create_model(ModelName="blind", ExecutionRoleArn=role, PrimaryContainer=container)
    variant = {"VariantName": "main", "ModelName": "blind", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="blind", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="blind", EndpointConfigName="blind")
    seen = account.settled("blind")
    assert seen["EndpointStatus"] == "Failed"
    assert "the role passed to CreateModel has permissions to download the model" in seen["FailureReason"]


def test_invoking_costs_little(account: Account, endpoint: str) -> None:
    """What the sandbox adds to the model's own time; both ends and the client share this machine's processors."""
    client = account.client("sagemaker-runtime")
    times = []
    for _ in range(200):
        began = time.perf_counter()
        client.invoke_endpoint(EndpointName=endpoint, Body=b"{}")["Body"].read()
        times.append((time.perf_counter() - began) * 1000)
    print(f"InvokeEndpoint: median {statistics.median(times):.2f} ms, p95 {sorted(times)[190]:.2f} ms")
    assert statistics.median(times) < 50


def test_a_function_asks_the_endpoint_as_its_role(account: Account, endpoint: str) -> None:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("ask.py", ASK)
    functions = account.client("lambda")
    functions.create_function(
        FunctionName="ask",
        Runtime="python3.11",
        Handler="ask.handle",
        Role=ROLE,
        Timeout=30,
        Code={"ZipFile": package.getvalue()},
    )
    answer = functions.invoke(FunctionName="ask", Payload=json.dumps({"endpoint": endpoint}))
    seen = json.loads(answer["Payload"].read())
    by_arn = functions.invoke(FunctionName=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:ask:$LATEST", Payload=b"{}")
    assert by_arn["FunctionError"] == "Unhandled"  # a KeyError: found, and run
    assert seen == {"model": "one", "as": f"arn:aws:sts::{ACCOUNT}:assumed-role/tiny-execution/ask"}


def terraform(work: Path, *arguments: str, code: int = 0) -> str:
    """Run Terraform on the resources of this folder; state and data folder lie in `work`."""
    folder = ROOT / "tests" / "sandbox_runtime" / "resources"
    env = {**os.environ, "TF_DATA_DIR": str(work / "data"), "AWS_PROFILE": "qa", "TF_IN_AUTOMATION": "1"}
    if not Path(env.get("TF_CLI_CONFIG_FILE", "")).is_file():
        env["TF_CLI_CONFIG_FILE"] = str(ROOT / ".tools" / "terraform.rc")
    command = [TERRAFORM, f"-chdir={folder}", *arguments]
    done = subprocess.run(command, check=False, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.mark.long
@pytest.mark.terraform
def test_terraform_sees_nothing_to_do_after_it_applied(account: Account, image: str, tmp_path: Path) -> None:
    package = tmp_path / "ask.zip"
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("ask.py", "def handle(event, context): return event")
    given: dict[str, Any] = {"image": image, "role": ROLE, "bucket": BUCKET, "package": str(package)}
    variables = [f"-var={key}={value}" for key, value in given.items()]
    state = f"-state={tmp_path / 'state'}"
    terraform(tmp_path, "init", "-backend=false", "-lockfile=readonly")
    terraform(tmp_path, "apply", "-auto-approve", state, *variables)
    terraform(tmp_path, "apply", "-auto-approve", state, *variables, "-var=archive=two", "-var=timeout=9")
    seen = account.settled("listed")
    assert "two" in seen["EndpointConfigName"]
    answer = account.client("lambda").get_alias(FunctionName="listed", Name="live")
    assert answer["FunctionVersion"] == "2"
    changed = (*variables, "-var=archive=two", "-var=timeout=9")
    terraform(tmp_path, "plan", "-detailed-exitcode", state, *changed)  # 0: no changes, of what was made or updated
    terraform(tmp_path, "destroy", "-auto-approve", state, *variables)
    sagemaker = account.client("sagemaker")
    until(lambda: sagemaker.list_endpoints(NameContains="listed")["Endpoints"], lambda found: not found)


def test_no_model_server_outlives_a_killed_sandbox(image: str, endpoint: str, exports: dict[str, str]) -> None:
    assert image
    assert endpoint
    home = exports["SANDBOX_HOME"]
    pids = records(home)
    assert pids
    server = json.loads(Path(home, "server.json").read_text())["pid"]
    os.kill(server, signal.SIGKILL)
    until(lambda: [pid for pid in pids if Path(f"/proc/{pid}/stat").exists()], lambda left: not left)
    assert REGION
