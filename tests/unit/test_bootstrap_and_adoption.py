"""Bootstrap's state moves into the bucket that it makes, wherever it is cut off; what a kill left behind is adopted."""

from __future__ import annotations

import io
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from glue.console import Console
from glue.core.environment import Environment
from glue.core.plan import Change, PlanSummary, summarize
from glue.errors import RefusedError, SlipwayError
from glue.tf.adopting import Adopter
from glue.tf.bootstrap import Bootstrap
from glue.tf.commands import Identity
from glue.tf.runner import Runner
from glue.workspace import Stack, Workspace
from tests.unit.bundle_support import bundles_of

pytestmark = pytest.mark.slow

WHERE = Environment("qa", "222222222222", "eu-west-1", settings={"repository": "https://x/y"})
STACK = Stack(WHERE, "bootstrap")
# Plays terraform: the "bucket" is a file, and each apply makes the bucket and a local state.
FAKE = f"""#!{sys.executable}
import json, os, pathlib, shutil, sys
words = sys.argv[1:]
if words[0] == "version":
    print('{{"terraform_version": "1.11.4"}}'); sys.exit(0)
chdir = pathlib.Path(words.pop(0).removeprefix("-chdir="))
home = pathlib.Path(os.environ["FAKE_HOME"])
verb = next(word for word in words if not word.startswith("-"))
if verb == "state":
    verb = "state " + words[1]
with (home / "calls").open("a") as calls:
    calls.write(json.dumps([verb, str(chdir), words]) + "\\n")
if (home / ("fail " + verb)).exists():
    print("Error: cut off"); sys.exit(1)
local, bucket = chdir / "terraform.tfstate", home / "bucket"
if verb == "init":
    (pathlib.Path(os.environ["TF_DATA_DIR"]) / "providers").mkdir(parents=True, exist_ok=True)
if verb == "plan":
    out = pathlib.Path(next(word for word in words if word.startswith("-out="))[5:])
    (out if out.is_absolute() else chdir / out).write_text("a plan")
    done = json.loads(bucket.read_text())["serial"] if bucket.exists() and bucket.stat().st_size else 0
    sys.exit(0 if done or local.exists() else 2)
if verb == "show":
    print(json.dumps({{"resource_changes": [{{"address": "a.b", "type": "a",
        "change": {{"actions": ["create"], "after": {{}}}}}}]}}))
if verb == "apply":
    bucket.touch()
    local.write_text(json.dumps({{"lineage": "mine", "serial": 3}}))
if verb == "state push":
    shutil.copyfile(chdir / words[-1], bucket)
if verb == "state pull":
    print(bucket.read_text())
"""


@dataclass
class World:
    home: Path
    runner: Runner
    bootstrap: Bootstrap
    story: io.StringIO

    def run(self) -> None:
        self.bootstrap.plan(STACK)
        self.bootstrap.apply(STACK)

    def calls(self) -> list[str]:
        lines = (self.home / "calls").read_text().splitlines()
        return [json.loads(line)[0] for line in lines]

    @property
    def local(self) -> Path:
        return self.home / ".slipway/staging/qa/terraform/bootstrap/terraform.tfstate"


@pytest.fixture
def world(tmp_path: Path) -> World:
    binary = tmp_path / "fake-terraform"
    binary.write_text(FAKE)
    binary.chmod(0o755)
    for folder in ("terraform/bootstrap", "modules/state-store", "environments/qa"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "terraform/bootstrap/main.tf").write_text("# main")
    (tmp_path / "terraform/bootstrap/backend.tf").write_text('terraform {\n  backend "s3" {}\n}\n')
    (tmp_path / "terraform/bootstrap/.terraform.lock.hcl").write_text("# lock")
    (tmp_path / "environments/qa/backend.hcl").write_text('bucket = "b"\n')
    environ = {"TERRAFORM": str(binary), "FAKE_HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    story = io.StringIO()
    console = Console(stream=story, environ=environ)
    workspace = Workspace(root=tmp_path, environments=tmp_path / "environments", work=tmp_path / ".slipway")
    runner = Runner(
        workspace, console=console, environ=environ, who=lambda _: Identity(), bundles=bundles_of(workspace)
    )

    def has_state(_: Stack) -> bool | None:
        bucket = tmp_path / "bucket"
        return bucket.stat().st_size > 0 if bucket.exists() else None

    return World(tmp_path, runner, Bootstrap(runner, has_state=has_state, console=console), story)


def test_the_first_run_ends_with_the_state_in_the_bucket(world: World) -> None:
    world.run()
    assert world.calls() == ["init", "plan", "show", "apply", "init", "state push"]
    assert json.loads((world.home / "bucket").read_text())["lineage"] == "mine"
    assert not world.local.exists()
    staged = world.local.parent
    assert sorted(path.name for path in staged.iterdir()) == [".terraform.lock.hcl", "main.tf", "terraform.handed-over"]
    assert (staged / "../../modules/state-store").is_dir()
    assert not world.bootstrap.plan(STACK).changes
    assert world.bootstrap.place(STACK).remote


@pytest.mark.parametrize("verb", ["apply", "state push"])
def test_a_run_that_was_cut_off_is_finished_by_the_next(world: World, verb: str) -> None:
    (world.home / f"fail {verb}").touch()
    world.bootstrap.plan(STACK)
    with pytest.raises(SlipwayError, match="cut off"):
        world.bootstrap.apply(STACK)
    (world.home / f"fail {verb}").unlink()
    world.run()
    assert json.loads((world.home / "bucket").read_text())["serial"] == 3
    assert not world.local.exists()


def test_a_state_that_was_pushed_but_not_set_aside_is_set_aside(world: World) -> None:
    world.run()
    world.local.write_text(json.dumps({"lineage": "mine", "serial": 3}))
    world.run()
    assert not world.local.exists()
    world.local.write_text(json.dumps({"lineage": "mine", "serial": 9}))
    world.run()
    assert json.loads((world.home / "bucket").read_text())["serial"] == 9


def test_a_bucket_without_a_state_is_no_reason_to_use_it(world: World) -> None:
    (world.home / "bucket").touch()
    assert not world.bootstrap.place(STACK).remote
    assert world.runner.unclean(STACK)  # so that the plan looks for what exists
    world.run()
    assert json.loads((world.home / "bucket").read_text())["lineage"] == "mine"
    assert not world.runner.unclean(STACK)


def test_two_different_states_are_refused(world: World) -> None:
    world.run()
    world.local.write_text(json.dumps({"lineage": "another", "serial": 1}))
    with pytest.raises(RefusedError, match="has a state in its bucket and another one"):
        world.bootstrap.plan(STACK)
    assert world.local.exists()


def test_a_file_that_left_the_root_leaves_the_copy(world: World) -> None:
    world.bootstrap.plan(STACK)
    (world.home / "terraform/bootstrap/main.tf").rename(world.home / "terraform/bootstrap/other.tf")
    world.bootstrap.plan(STACK)
    assert sorted(path.name for path in world.local.parent.glob("*.tf")) == ["other.tf"]


@dataclass(frozen=True)
class Thing:
    identity: str
    tags: dict[str, Any] = field(default_factory=dict)


OURS = {"environment": "qa", "repository": "https://x/y", "root": "terraform/bootstrap", "owner": "anybody"}


@dataclass
class Existing:
    """An account in which some names are taken."""

    things: dict[str, Thing]

    def find(self, kind: str, values: Any) -> Thing | None:
        return self.things.get(f"{kind} {values.get('name')}")

    def key_of_alias(self, alias: str) -> Thing | None:
        return self.things.get(f"key {alias}")


def plan(*changes: tuple[str, str, str, str]) -> PlanSummary:
    return PlanSummary(tuple(Change(address, kind, what, {"name": name}) for address, kind, what, name in changes))


def adopt(world: World, things: dict[str, Thing], summary: PlanSummary) -> int:
    adopter = Adopter(
        world.runner, existing=lambda _: Existing(things), console=Console(stream=world.story, environ={})
    )
    place = world.bootstrap.place(STACK)
    return adopter.adopt(place, summary)


def test_what_exists_and_is_ours_is_imported(world: World) -> None:
    things = {"aws_iam_role r": Thing("r", OURS), "aws_iam_role other": Thing("other", OURS)}
    summary = plan(
        ('module.x["a"].aws_iam_role.this', "aws_iam_role", "create", "r"),
        ("aws_iam_role.new", "aws_iam_role", "create", "absent"),
        ("aws_iam_role.kept", "aws_iam_role", "update", "other"),
    )
    assert adopt(world, things, summary) == 1
    last = json.loads((world.home / "calls").read_text().splitlines()[-1])
    assert last[0] == "import"
    assert last[2][-2:] == ['module.x["a"].aws_iam_role.this', "r"]


@pytest.mark.parametrize("tag", ["environment", "repository", "root"])
def test_what_exists_and_is_not_ours_is_refused_before_anything_is_imported(world: World, tag: str) -> None:
    things = {"aws_iam_role r": Thing("r", OURS), "aws_iam_role s": Thing("s", {**OURS, tag: "else"})}
    summary = plan(("aws_iam_role.r", "aws_iam_role", "create", "r"), ("aws_iam_role.s", "aws_iam_role", "create", "s"))
    with pytest.raises(RefusedError, match=r"aws_iam_role\.s of qa/bootstrap exists already"):
        adopt(world, things, summary)
    assert not (world.home / "calls").exists()


def test_a_key_is_found_by_the_alias_beside_it(world: World) -> None:
    things = {"key alias/mine": Thing("key-1", OURS)}
    summary = plan(
        ("module.a.aws_kms_key.this", "aws_kms_key", "create", ""),
        ("module.a.aws_kms_alias.this", "aws_kms_alias", "create", "alias/mine"),
        ("module.b.aws_kms_key.this", "aws_kms_key", "create", ""),
        ("module.b.aws_kms_alias.this", "aws_kms_alias", "create", "alias/other"),
    )
    assert adopt(world, things, summary) == 1
    assert json.loads((world.home / "calls").read_text().splitlines()[-1])[2][-2:] == [
        "module.a.aws_kms_key.this",
        "key-1",
    ]


def test_a_plans_json_is_summed_up() -> None:
    def entry(address: str, *actions: str, **more: Any) -> dict[str, Any]:
        return {"address": address, "type": "t", "mode": "managed", "change": {"actions": list(actions), **more}}

    document = {
        "resource_changes": [
            entry("a", "no-op"),
            entry("b", "create", after={"name": "x"}),
            entry("c", "delete", "create"),
            entry("d", "create", "delete"),
            entry("e", "update"),
            entry("f", "delete"),
            entry("g", "no-op", importing={"id": "g"}),
            {**entry("h", "read"), "mode": "data"},
        ],
        "output_changes": {"o": {"actions": ["no-op"]}},
    }
    found = summarize(document)
    assert found.text == "1 to import, 1 to create, 1 to update in place, 2 to replace, 1 to destroy"
    assert found.as_json() == {
        "import": ["g"],
        "create": ["b"],
        "update": ["e"],
        "replace": ["c", "d"],
        "delete": ["f"],
    }
    assert found.changes[0].values == {"name": "x"}
    assert summarize({}).text == "nothing to change"
    assert summarize({"output_changes": {"o": {"actions": ["update"]}}}).outputs_change
