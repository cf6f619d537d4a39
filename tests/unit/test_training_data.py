"""The member `training_queue` of an environment: typed, with defaults, and each mistake is one error with its key."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from glue.core.environment import Environment, TrainingQueue, TrainingSchedule
from glue.core.training.settings import InstanceType
from glue.errors import UsageError
from glue.tf import environment_file
from glue.tf.commands import Commands, Identity, Place
from glue.workspace import Stack, Workspace

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = """environment = {
  name       = "qa"
  account_id = "222222222222"
  region     = "eu-west-1"
  owner      = "o"
  repository = "r"
  models     = { ranker = { training = {} } }
  %s
}
"""
QUEUE = """training_queue = {
    instance_types = {
      "ml.m5.large"  = { budget = 20, spot_budget = 4, usd_per_hour = 0.128 }
      "ml.c5.xlarge" = { budget = 1 }
    }
    submitters     = ["arn:aws:iam::222222222222:role/scientists"]
    schedules      = { nightly = { expression = "rate(1 day)", template = "ranker.yaml", enabled = false } }
    history_days   = 30
    package        = { type = "zip" }
  }"""


def load(tmp_path: Path, queue: str) -> TrainingQueue | None:
    path = tmp_path / "environment.tfvars"
    path.write_text(ENVIRONMENT % queue)
    return environment_file.load(path, "qa").training_queue


def test_a_queue_is_read(tmp_path: Path) -> None:
    assert load(tmp_path, QUEUE) == TrainingQueue(
        instance_types={"ml.m5.large": InstanceType(20, 4, 0.128), "ml.c5.xlarge": InstanceType(1)},
        submitters=("arn:aws:iam::222222222222:role/scientists",),
        schedules={"nightly": TrainingSchedule("rate(1 day)", "ranker.yaml", enabled=False)},
        launches_per_second=5,
        history_days=30,
    )


@pytest.mark.parametrize("none", ["", "training_queue = null"])
def test_without_one_there_is_none(tmp_path: Path, none: str) -> None:
    assert load(tmp_path, none) is None


def test_only_the_first_environment_trains() -> None:
    found = {
        path.parent.name: environment_file.load(path, path.parent.name)
        for path in ROOT.glob("environments/*/environment.tfvars")
    }
    assert [name for name, here in found.items() if here.training_queue] == ["dev"]
    queue = found["dev"].training_queue
    assert queue is not None
    assert set(queue.instance_types) == {"ml.c5.xlarge", "ml.m5.large", "ml.m5.xlarge"}
    for schedule in queue.schedules.values():
        assert (ROOT / "environments" / "dev" / "training" / schedule.template).is_file()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("budget = 20", "budgets = 20", "training_queue.instance_types.ml.m5.large.budget: it is missing"),
        ("spot_budget = 4", "spot_budget = -4", "budget and spot_budget are 0 or more instances"),
        ("budget = 1 }", "budget = 0 }", "one of them at least 1"),
        ("budget = 20", "budget = 1.5", "budget: it is a number; give a whole number"),
        ("0.128", "0", "usd_per_hour: give what an hour costs, or leave it out"),
        ('"ml.m5.large"', '"m5.large"', "'m5.large' is no instance type of SageMaker"),
        ("role/scientists", "role/*", "submitters: 'arn:aws:iam::222222222222:role/*' is not the exact ARN"),
        ("ranker.yaml", "../ranker.yaml", "'../ranker.yaml' is no file name of training/"),
        ("history_days   = 30", "history_days   = 0", "history_days: give 1 day or more"),
        ("history_days   = 30", "launches_per_second = 0", "nothing would ever be launched"),
        ("history_days ", "history_day ", "training_queue.history_day: this key is unknown; did you mean history_days"),
    ],
)
def test_mistakes_are_one_error_each(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert QUEUE.count(old) == 1
    with pytest.raises(UsageError, match=re.escape(said)):
        load(tmp_path, QUEUE.replace(old, new))


def test_a_queue_without_instance_types_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="name one instance type at least"):
        load(tmp_path, "training_queue = { instance_types = {} }")


def planned(root: Path, environments: Path, stack: str, queue: TrainingQueue | None) -> list[str]:
    """The words of `terraform plan` that say where templates lie."""
    here = Environment("qa", "222222222222", "eu-west-1", training_queue=queue)
    place = Place(Stack(here, stack), root / "terraform" / stack, root / "data")
    workspace = Workspace(root=root, environments=environments, work=root / ".slipway")
    commands = Commands(workspace, environ={"TERRAFORM": sys.executable})
    words = commands.plan(place, who=Identity(), out=root / "plan").arguments
    return [word for word in words if word.startswith("-var=")]


def test_terraform_is_told_where_templates_of_other_environments_lie(tmp_path: Path) -> None:
    one = TrainingQueue({}, schedules={"nightly": TrainingSchedule("rate(1 day)", "ranker.yaml")})
    copy = tmp_path / ".sandbox" / "environments"
    assert planned(tmp_path, copy, "foundation", one) == [
        "-var=training_templates=../../.sandbox/environments/qa/training"
    ]
    assert planned(tmp_path, tmp_path / "environments", "foundation", one) == [], "there it looks by itself"
    assert planned(tmp_path, copy, "bootstrap", one) == []
    assert planned(tmp_path, copy, "foundation", TrainingQueue({})) == []
    assert planned(tmp_path, copy, "foundation", None) == []
