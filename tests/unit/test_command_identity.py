"""Whose credentials a printed command works with: a role's profile, and no secret in what is printed."""

from __future__ import annotations

from pathlib import Path

from glue.core.environment import Environment
from glue.tf.commands import Command, Commands, Identity, Place
from glue.workspace import Stack, Workspace

QA = Environment("qa", "222222222222", "eu-west-1")
STACK = Stack(QA, "foundation")
ROLE = Identity(
    {"AWS_CONFIG_FILE": "/work/aws/config", "AWS_PROFILE": "slipway-qa-deploy-foundation"},
    {"SLIPWAY_CALLER_AWS_ACCESS_KEY_ID": "AWS_ACCESS_KEY_ID"},
    ("AWS_ACCESS_KEY_ID",),
)


def test_a_callers_key_is_passed_on_but_not_printed() -> None:
    command = Command(("terraform", "plan"), {"AWS_PROFILE": "p"}, ROLE.passed, ROLE.without)
    assert str(command) == (
        'env -u AWS_ACCESS_KEY_ID AWS_PROFILE=p SLIPWAY_CALLER_AWS_ACCESS_KEY_ID="$AWS_ACCESS_KEY_ID" terraform plan'
    )
    assert command.environment({"AWS_ACCESS_KEY_ID": "AKIA1", "HOME": "/h"}) == {
        "AWS_PROFILE": "p",
        "SLIPWAY_CALLER_AWS_ACCESS_KEY_ID": "AKIA1",
        "HOME": "/h",
    }


def commands(root: Path) -> tuple[Commands, Place]:
    terraform = root / "terraform-binary"
    terraform.write_text("#!/bin/sh\n")
    terraform.chmod(0o755)
    workspace = Workspace(root=root, environments=root / "environments", work=root / ".slipway")
    place = Place(STACK, workspace.root_folder(STACK), workspace.data_dir(STACK))
    return Commands(workspace, environ={"TERRAFORM": str(terraform)}), place


def test_a_role_is_a_profile_of_the_generated_file(tmp_path: Path) -> None:
    made, place = commands(tmp_path)
    words = str(made.plan(place, who=ROLE, out=tmp_path / "plan"))
    assert " AWS_CONFIG_FILE=/work/aws/config AWS_PROFILE=slipway-qa-deploy-foundation " in words
    assert "-lock-timeout=20s" in words


def test_who_only_reads_takes_no_lock(tmp_path: Path) -> None:
    made, place = commands(tmp_path)
    arguments = made.plan(place, who=Identity(locks=False), out=tmp_path / "plan").arguments
    assert "-lock=false" in arguments
    assert not [word for word in arguments if word.startswith("-lock-timeout")]
