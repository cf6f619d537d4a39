"""Records of runs: who is at work, who was killed, and which lock was left behind. A small program plays terraform."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from glue.console import Console
from glue.core.environment import Environment
from glue.core.plan import PlanSummary
from glue.errors import RefusedError, SlipwayError
from glue.tf.commands import Identity
from glue.tf.messages import StateLockedError
from glue.tf.runner import Runner
from glue.tf.runs import Runs, process_start
from glue.workspace import Stack, Workspace
from tests.unit.bundle_support import bundles_of

pytestmark = pytest.mark.slow

LOCK = "954ae4a7-c1ad-9629-40b3-ac48886f9f55"
STACK = Stack(Environment(name="qa", account_id="222222222222", region="eu-west-1"), "serving", "ranker")
FAKE = f"""#!{sys.executable}
import json, os, pathlib, signal, sys, time
words = sys.argv[1:]
verb = next(word for word in words if not word.startswith("-"))
if verb == "version":
    print('{{"terraform_version": "1.11.4"}}'); sys.exit(0)
here = pathlib.Path(os.environ["FAKE_HOME"])
with (here / "calls").open("a") as calls:
    calls.write(json.dumps([verb, os.environ.get("TF_DATA_DIR"), os.environ.get("AWS_PROFILE"), words]) + "\\n")
if verb == "init":
    (pathlib.Path(os.environ["TF_DATA_DIR"]) / "providers").mkdir(parents=True, exist_ok=True)
if verb == "plan":
    out = next(word for word in words if word.startswith("-out="))[5:]
    (pathlib.Path.cwd() / "terraform/serving" / out).resolve().write_text("a plan")
if verb == "show":
    print(json.dumps({{"resource_changes": [{{"address": "a.b", "type": "a",
        "change": {{"actions": ["update"], "after": {{}}}}}}]}}))
if verb in ("plan", "apply"):
    core = pathlib.Path(os.environ["TF_LOG_PATH"])
    core.write_text("[INFO] backend-s3: Attempting to lock remote state: tf_backend.lock.id={LOCK} x\\n")
script = here / verb
if script.exists():
    exec(script.read_text())
if verb in ("plan", "apply"):
    with core.open("a") as log:
        log.write("[INFO] backend-s3: Unlocked remote state: tf_backend.lock.id={LOCK}\\n")
sys.exit(2 if verb == "plan" else 0)
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    binary = tmp_path / "fake-terraform"
    binary.write_text(FAKE)
    binary.chmod(0o755)
    (tmp_path / "terraform" / "serving").mkdir(parents=True)
    (tmp_path / "terraform" / "serving" / "main.tf").write_text("")
    folder = tmp_path / "environments" / "qa" / "endpoints"
    folder.mkdir(parents=True)
    (tmp_path / "environments" / "qa" / "backend.hcl").write_text('bucket = "b"\n')
    (folder / "ranker.tfvars").write_text("")
    return tmp_path


@pytest.fixture
def story() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def runner(home: Path, story: io.StringIO) -> Runner:
    environ = {"TERRAFORM": str(home / "fake-terraform"), "FAKE_HOME": str(home), "PATH": os.environ["PATH"]}
    workspace = Workspace(root=home, environments=home / "environments", work=home / ".slipway")
    return Runner(
        workspace,
        console=Console(stream=story, environ=environ),
        environ=environ,
        who=lambda _: Identity({"AWS_PROFILE": "qa"}),
        bundles=bundles_of(workspace),
    )


def calls(home: Path) -> list[str]:
    return [json.loads(line)[0] for line in (home / "calls").read_text().splitlines()]


def test_plan_and_apply_run_what_they_print(home: Path, runner: Runner, story: io.StringIO) -> None:
    planned = runner.plan(STACK)
    assert planned.summary.counts == {"update": 1}
    assert runner.apply(STACK).changed
    assert calls(home) == ["init", "plan", "show", "apply"]
    assert (
        "[qa/serving/ranker] $ TF_DATA_DIR=.slipway/terraform/qa/serving/ranker AWS_PROFILE=qa fake-terraform "
        "-chdir=terraform/serving plan -input=false -detailed-exitcode -lock-timeout=20s "
        "-out=../../.slipway/plans/qa/serving/ranker.making/plan.tfplan "
        "-var-file=../../environments/qa/environment.tfvars -var-file=../../environments/qa/endpoints/ranker.tfvars\n"
    ) in story.getvalue()


def test_a_plan_is_applied_once_and_only_when_there_is_one(runner: Runner) -> None:
    with pytest.raises(RefusedError, match="there is no saved plan of qa/serving/ranker") as caught:
        runner.apply(STACK)
    assert "make plan ENV=qa STACK=serving ENDPOINT=ranker" in str(caught.value)
    runner.plan(STACK)
    runner.apply(STACK)
    with pytest.raises(RefusedError):
        runner.apply(STACK)


def test_an_empty_plan_is_nothing_to_do(home: Path, runner: Runner) -> None:
    (home / "plan").write_text("print('No changes.'); sys.exit(0)")
    assert not runner.plan(STACK).changes
    assert not runner.apply(STACK).changed
    assert "apply" not in calls(home)


def test_init_is_run_again_only_when_something_changed(home: Path, runner: Runner) -> None:
    runner.plan(STACK)
    runner.plan(STACK)
    assert calls(home).count("init") == 1
    (home / "environments/qa/backend.hcl").write_text('bucket = "other"\n')
    runner.plan(STACK)
    inits = [json.loads(line) for line in (home / "calls").read_text().splitlines() if line.startswith('["init"')]
    assert "-reconfigure" not in inits[0][3]
    assert "-reconfigure" in inits[1][3]


def test_a_failed_apply_leaves_a_mark_until_one_succeeds(home: Path, runner: Runner) -> None:
    runner.plan(STACK)
    (home / "apply").write_text("print('Error: no'); sys.exit(1)")
    with pytest.raises(SlipwayError, match="terraform apply of qa/serving/ranker failed"):
        runner.apply(STACK)
    assert runner.unclean(STACK)
    (home / "apply").unlink()
    runner.plan(STACK)
    runner.apply(STACK)
    assert not runner.unclean(STACK)


def killed_in_apply(home: Path, runner: Runner) -> None:
    """Leave behind what a SIGKILL of terraform and its caller leaves: a record without an end."""
    runner.plan(STACK)
    (home / "apply").write_text("os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(SlipwayError):
        runner.apply(STACK)
    (home / "apply").unlink()
    record = runner.workspace.run_folder(STACK) / "apply.run.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "exit_code": None}))


def test_a_killed_runs_lock_is_given_back_by_the_next_run(home: Path, runner: Runner, story: io.StringIO) -> None:
    killed_in_apply(home, runner)
    runner.plan(STACK)
    assert f"left its lock {LOCK}; unlocking" in story.getvalue()
    assert f"fake-terraform -chdir=terraform/serving force-unlock -force {LOCK}" in story.getvalue()
    assert calls(home)[-3:] == ["force-unlock", "plan", "show"]
    runner.plan(STACK)
    assert calls(home).count("force-unlock") == 1


def test_a_run_that_a_signal_ended_under_our_eyes_leaves_its_lock_to_the_next_one(
    home: Path, runner: Runner, story: io.StringIO
) -> None:
    """As when the kernel is short of memory: we go on, and nobody else would ever unlock."""
    runner.plan(STACK)
    (home / "apply").write_text("os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(SlipwayError):
        runner.apply(STACK)
    (home / "apply").unlink()
    runner.plan(STACK)
    assert f"left its lock {LOCK}; unlocking" in story.getvalue()
    assert calls(home).count("force-unlock") == 1
    runner.plan(STACK)
    assert calls(home).count("force-unlock") == 1


def test_a_killed_run_of_another_machine_is_left_alone(home: Path, runner: Runner) -> None:
    killed_in_apply(home, runner)
    record = runner.workspace.run_folder(STACK) / "apply.run.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "host": "elsewhere"}))
    runner.plan(STACK)
    assert "force-unlock" not in calls(home)


def test_somebody_elses_lock_is_refused(home: Path, runner: Runner) -> None:
    (home / "plan").write_text(
        "print('Error: Error acquiring the state lock\\n\\nLock Info:\\n  ID:        0-0\\n  Who:       ann@laptop')\n"
        "sys.exit(1)"
    )
    with pytest.raises(StateLockedError, match="locked by ann@laptop"):
        runner.plan(STACK)
    assert "force-unlock" not in calls(home)


def test_a_run_that_outlived_its_caller_is_waited_for(home: Path, runner: Runner, story: io.StringIO) -> None:
    folder = runner.workspace.run_folder(STACK)
    runs = Runs(folder)
    run = runs.begin("apply", began="2026-11-21T00:00:00Z")
    program = "import time; print('x.y: Creating...', flush=True); time.sleep(1.0); print('Apply complete!')"
    with Path(run.log).open("wb") as log:
        child = subprocess.Popen([sys.executable, "-c", program], stdout=log, start_new_session=True)
    runs.started(run, child.pid)
    threading.Thread(target=child.wait, daemon=True).start()
    began = time.monotonic()
    runner.plan(STACK)
    assert time.monotonic() - began >= 0.9
    assert f"still at work (process {child.pid}" in story.getvalue()
    assert "Apply complete!" in story.getvalue()
    assert runs.open() == ()


def test_ctrl_c_reaches_terraform(home: Path, runner: Runner) -> None:
    (home / "plan").write_text(
        "signal.signal(signal.SIGINT, lambda *_: (print('Error: interrupted'), sys.exit(1)))\n"
        "(here / 'ready').touch()\ntime.sleep(20)"
    )

    def interrupt() -> None:
        while not (home / "ready").exists():
            time.sleep(0.02)
        runner.processes.interrupt()

    threading.Thread(target=interrupt).start()
    began = time.monotonic()
    with pytest.raises(SlipwayError, match="Error: interrupted"):
        runner.plan(STACK)
    assert time.monotonic() - began < 10
    with pytest.raises(SlipwayError, match="interrupted before"):
        runner.plan(STACK)


def test_pids_that_repeat_are_told_apart(tmp_path: Path) -> None:
    run = Runs(tmp_path).begin("plan", began="x")
    mine = replace(run, pid=os.getpid(), started=process_start(os.getpid()))
    assert mine.alive
    assert replace(mine, started="1").killed
    assert not replace(mine, host=f"not-{socket.gethostname()}").killed
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    child.send_signal(signal.SIGKILL)
    time.sleep(0.1)
    assert process_start(child.pid) is None  # a zombie is not at work
    child.wait()


def test_records_that_are_not_readable_are_none(tmp_path: Path) -> None:
    (tmp_path / "plan.run.json").write_text("{")
    (tmp_path / "apply.run.json").write_text('{"verb": "apply"}')
    assert Runs(tmp_path).open() == ()


def test_a_summary_in_words() -> None:
    assert PlanSummary().text == "nothing to change"
    assert PlanSummary(outputs_change=True).text == "only outputs change"
