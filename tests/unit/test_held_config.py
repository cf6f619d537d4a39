"""Which endpoint config the state holds: an import checks the postcondition against that, not against AWS."""

from __future__ import annotations

from pathlib import Path

from glue.core.environment import Environment
from glue.core.plan import PlanSummary, summarize
from glue.tf.adopting import _held
from glue.tf.commands import Commands, Identity, Place
from glue.workspace import Stack, Workspace

QA = Environment("qa", "222222222222", "eu-west-1")
SERVING = Stack(QA, "serving", "ranker")
OLD, NEW = "slipway-qa-ranker-r1-0badcafe-11111111", "slipway-qa-ranker-r2-1a2b3c4d-22222222"


def endpoint(before: str | None, after: str) -> dict[str, object]:
    return {
        "address": "module.endpoint[0].aws_sagemaker_endpoint.this",
        "type": "aws_sagemaker_endpoint",
        "change": {
            "actions": ["update"],
            "before": before and {"endpoint_config_name": before},
            "after": {"endpoint_config_name": after},
        },
    }


def test_drift_shows_the_state_as_it_lies_in_the_bucket() -> None:
    """Terraform was killed after UpdateEndpoint: AWS serves the new config, the state still holds the old one."""
    plan = summarize({"resource_drift": [endpoint(OLD, NEW)], "resource_changes": [endpoint(NEW, NEW)]})
    assert plan.held_config == OLD


def test_without_drift_the_state_is_what_the_change_starts_from() -> None:
    assert summarize({"resource_changes": [endpoint(OLD, NEW)]}).held_config == OLD


def test_an_endpoint_that_is_not_there_yet_is_held_by_nobody() -> None:
    assert summarize({"resource_changes": [endpoint(None, NEW)]}).held_config is None
    assert summarize({}).held_config is None


def test_only_a_revision_of_this_endpoint_stands_in_for_live() -> None:
    assert _held(SERVING, PlanSummary(held_config=OLD)) == "r1-0badcafe"
    assert _held(SERVING, PlanSummary(held_config="made-by-hand")) is None
    assert _held(SERVING, PlanSummary()) is None
    assert _held(Stack(QA, "foundation"), PlanSummary(held_config=OLD)) is None


def test_the_import_says_which_revision_stands_in(tmp_path: Path) -> None:
    binary = tmp_path / "terraform"
    binary.touch(mode=0o755)
    files = Workspace(root=tmp_path, environments=tmp_path / "environments", work=tmp_path / "work")
    commands = Commands(files, environ={"TERRAFORM": str(binary), "PATH": str(tmp_path)})
    place = Place(SERVING, files.root_folder(SERVING), files.data_dir(SERVING))
    words = commands.adopt(place, who=Identity(), address="a.b", identity="c", live="r1-0badcafe").arguments
    assert words[-3:] == ("-var=live=r1-0badcafe", "a.b", "c")
    assert "-var=live" not in " ".join(commands.adopt(place, who=Identity(), address="a.b", identity="c").arguments)
