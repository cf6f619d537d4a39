"""Looking at stacks: what terraform is asked, in whose role, and that nothing is kept. Terraform is played."""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from glue.console import Console
from glue.core.environment import Environment
from glue.drifting import Drifts
from glue.errors import RefusedError, SlipwayError
from glue.review.model import Grade, Review
from glue.tf.commands import Identity
from glue.tf.runner import Runner
from glue.workspace import Stack, Workspace
from tests.unit.bundle_support import bundles_of

WHERE = Environment("qa", "222222222222", "eu-west-1")
FAKE = f"""#!{sys.executable}
import json, os, pathlib, sys
words = sys.argv[1:]
chdir = pathlib.Path(words.pop(0).removeprefix("-chdir="))
home = pathlib.Path(os.environ["FAKE_HOME"])
verb = next(word for word in words if not word.startswith("-"))
with (home / "calls").open("a") as calls:
    calls.write(json.dumps([verb, words, os.environ.get("AWS_PROFILE")]) + "\\n")
if verb == "init":
    (pathlib.Path(os.environ["TF_DATA_DIR"]) / "providers").mkdir(parents=True, exist_ok=True)
if verb == "plan":
    if (home / "fail").exists():
        print("Error: no such bucket"); sys.exit(1)
    out = next(word for word in words if word.startswith("-out="))[5:]
    (chdir / out).write_text("a plan")
    sys.exit(2)
if verb == "show":
    print("Warning: something")
    print((home / "plan.json").read_text())
"""


def entry(actions: list[str], before: Any, after: Any) -> dict[str, Any]:
    change = {"actions": actions, "before": before, "after": after, "after_unknown": {}}
    address = "aws_kms_key.state"
    return {"address": address, "mode": "managed", "type": "aws_kms_key", "name": "state",
            "provider_name": "registry.terraform.io/hashicorp/aws", "change": change}  # fmt: skip


PLAN = {
    "format_version": "1.2", "terraform_version": "1.11.4", "planned_values": {"root_module": {"resources": [
        {"address": "aws_kms_key.state", "mode": "managed", "type": "aws_kms_key", "name": "state",
         "values": {"enable_key_rotation": True}, "sensitive_values": {}}]}},
    "resource_drift": [entry(["update"], {"enable_key_rotation": True}, {"enable_key_rotation": False})],
    "resource_changes": [entry(["update"], {"enable_key_rotation": False}, {"enable_key_rotation": True})],
}  # fmt: skip


class World:
    def __init__(self, home: Path) -> None:
        self.home = home
        root = home / "repository"
        for stack in ("bootstrap", "foundation"):
            (root / "terraform" / stack).mkdir(parents=True)
        (root / "environments" / "qa").mkdir(parents=True)
        (root / "environments/qa/backend.hcl").write_text('bucket = "x"\n')
        (root / "environments/qa/environment.tfvars").write_text("")
        (root / "modules").mkdir()
        binary = home / "terraform"
        binary.write_text(FAKE)
        binary.chmod(0o755)
        (home / "plan.json").write_text(json.dumps(PLAN))
        self.workspace = Workspace(root, root / "environments", home / "work")
        environ = {"PATH": os.environ["PATH"], "TERRAFORM": str(binary), "FAKE_HOME": str(home)}
        self.runner = Runner(
            self.workspace,
            console=Console(stream=io.StringIO(), environ=environ),
            environ=environ,
            who=lambda stack: Identity({"AWS_PROFILE": "slipway-qa-plan"}, locks=False),
            bundles=bundles_of(self.workspace),
        )
        self.drifts = Drifts(self.runner, review=_review, truth=lambda stack: None, alone=lambda stack: nullcontext())

    def calls(self) -> list[Any]:
        return [json.loads(line) for line in (self.home / "calls").read_text().splitlines()]


def _review(data: bytes, stack: Stack) -> Review:
    return Review(stack.label, "digest", Grade.MEDIUM)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_stack_is_planned_without_a_lock_by_who_reads_and_nothing_is_kept(world: World) -> None:
    found = world.drifts.look(Stack(WHERE, "bootstrap"))
    assert found.drift == (
        "aws_kms_key.state: changed outside of Terraform: enable_key_rotation true → false; an apply takes it back",
    )
    assert (found.pending, found.grade, found.clean) == ((), "medium", False)
    calls = world.calls()
    assert [verb for verb, _, _ in calls] == ["init", "plan", "show"]
    assert {profile for _, _, profile in calls} == {"slipway-qa-plan"}
    assert "-lock=false" in calls[1][1]
    kept = [path for path in world.workspace.work.rglob("*") if "drift-" in path.name or path.name == "show.log"]
    assert kept == []
    assert not (world.workspace.root / "build").exists()


def test_one_that_cannot_be_looked_at_does_not_hide_the_others(world: World) -> None:
    (world.home / "fail").touch()
    first, second = world.drifts.look_all([Stack(WHERE, "bootstrap"), Stack(WHERE, "foundation")])
    assert [isinstance(outcome.error, SlipwayError) for outcome in (first, second)] == [True, True]
    (world.home / "fail").unlink()

    def busy(stack: Stack) -> Any:
        if stack.name == "bootstrap":
            raise RefusedError("somebody is at work on it")
        return nullcontext()

    drifts = Drifts(world.runner, review=_review, truth=lambda stack: None, alone=busy)
    first, second = drifts.look_all([Stack(WHERE, "bootstrap"), Stack(WHERE, "foundation")])
    assert str(first.error) == "somebody is at work on it"
    assert second.value is not None
    assert second.value.drift
