"""The environments as data: what is unknown, misspelt or of the wrong type is one error with file and key."""

import re
import threading
import time
from pathlib import Path

import pytest

from glue import locks
from glue.core.environment import Freeze, Gates
from glue.errors import RefusedError, SlipwayError, UsageError
from glue.fanout import exit_code, side_by_side
from glue.stacks import select
from glue.tf import environment_file
from glue.tf.tfvars import Estate
from glue.workspace import Workspace

ROOT = Path(__file__).resolve().parent.parent.parent
ENVIRONMENT = """environment = {
  name       = "qa"
  account_id = "222222222222"
  region     = "eu-west-1"
  owner      = "o"
  repository = "r"
  models     = { ranker = {} }
}
"""
SAME = '["arn:aws:iam::222222222222:role/a"]'
ENDPOINT = """endpoint = "ranker"
serving = {
  variants = {
    main = { model = "ranker", instance_type = "ml.m5.large", instance_count = 1 }
  }
}
autoscaling = { main = { min = 1, max = 3, invocations_per_instance = 20 } }
callers = {}
"""


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    folder = tmp_path / "qa" / "endpoints"
    folder.mkdir(parents=True)
    (tmp_path / "qa" / "environment.tfvars").write_text(ENVIRONMENT)
    (folder / "ranker.tfvars").write_text(ENDPOINT)
    return Estate(tmp_path)


def test_the_repositorys_own_data_is_read_in_the_chains_order() -> None:
    estate = Estate(ROOT / "environments")
    assert estate.environments() == ("dev", "qa", "production")
    for name in estate.environments():
        for endpoint in estate.endpoints(name):
            assert estate.endpoint(name, endpoint).models == ("ranker",)


def test_every_key_of_terraforms_variable_is_known() -> None:
    texts = [path.read_text() for path in (ROOT / "terraform" / "bootstrap").glob("*.tf")]
    text = next(text for text in texts if 'variable "environment"' in text)
    block = text[text.index('variable "environment"') :]
    block = block[block.index("type = object({") : block.index("\n  })\n")]
    declared = set(re.findall(r"^    ([a-z_]+)\s+=", block, re.MULTILINE))
    read = {
        "name",
        "account_id",
        "region",
        "project",
        "promotes_from",
        "models",
        "operators",
        "approvers",
        "break_glass",
    }
    read |= {"gates", "freezes", "wave", "retention", "training_queue"}
    assert declared == read | set(environment_file.OF_TERRAFORM)


def test_an_endpoint_is_read(estate: Estate) -> None:
    found = estate.endpoint("qa", "ranker")
    assert found.variants["main"].instance_count == 1
    assert (found.autoscaling["main"].minimum, found.autoscaling["main"].maximum) == (1, 3)
    assert estate.revisions("qa", "ranker").live is None


@pytest.mark.parametrize(
    ("call", "said", "hint"),
    [
        (lambda e: e.environment("quality"), "there is no environment 'quality'", "Known: qa."),
        (lambda e: e.environment("../qa"), "there is no environment '../qa'", "Known: qa."),
        (lambda e: e.endpoint("qa", "rankr"), "there is no endpoint 'rankr'", "Did you mean ranker? Known: ranker."),
        (lambda e: e.endpoint("qa", "ranker.revisions"), "there is no endpoint 'ranker.revisions'", "Known: ranker."),
        (lambda e: e.endpoints("nope"), "there is no environment 'nope'", "Known: qa."),
    ],
)
def test_unknown_names_list_the_known_ones(estate: Estate, call, said: str, hint: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError, match=re.escape(said)) as caught:
        call(estate)
    assert hint in (caught.value.remedy or "")


def test_gates_and_people_are_read(estate: Estate) -> None:
    path = estate.folder / "qa" / "environment.tfvars"
    more = """
  promotes_from = { name = "dev", account_id = "111111111111", region = "eu-west-1" }
  gates         = { evidence = true, evidence_max_age_hours = 24, approval = true, soak_minutes = 0.5 }
  freezes       = { week = { weekly_from = "fri 18:00", weekly_until = "mon 08:00", reason = "nobody is here" } }
  wave          = 2
  retention     = { capture_days = 30, revisions = 3 }
  approvers     = ["arn:aws:iam::222222222222:role/owners"]
  break_glass   = ["arn:aws:iam::222222222222:role/oncall"]
  models     = {"""
    path.write_text(ENVIRONMENT.replace("  models     = {", more))
    found = estate.environment("qa")
    assert found.gates == Gates(evidence=True, evidence_max_age_hours=24, approval=True, soak_minutes=0.5)
    assert found.freezes == {"week": Freeze("nobody is here", weekly_from="fri 18:00", weekly_until="mon 08:00")}
    assert (found.wave, found.kept_revisions) == (2, 3)
    assert (found.approvers, found.break_glass) == (
        ("arn:aws:iam::222222222222:role/owners",),
        ("arn:aws:iam::222222222222:role/oncall",),
    )
    path.write_text(ENVIRONMENT)
    assert estate.environment("qa").gates == Gates()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"222222222222"', "222222222222", "environment.account_id: it is a whole number; give a string"),
        ('"222222222222"', '"22222222222"', "environment.account_id: '22222222222' is not an account id"),
        ('name       = "qa"', 'name       = "prod"', "environment.name: it is 'prod', and the folder is 'qa'"),
        ("region ", "regon ", "environment.region: it is missing"),
        ("models ", "modles ", "environment.modles: this key is unknown; did you mean models?"),
        ("environment = {", "environment = [", "cannot be parsed"),
        ("models     = {", "promotes_from = { name = 1 }\nmodels = {", "environment.promotes_from.name: it is a whole"),
        (
            "models     = {",
            'promotes_to = { p = { account_id = "1" } }\nmodels = {',
            "environment.promotes_to.p.account_id",
        ),
        (
            "models     = {",
            "promotes_to = 3\nmodels = {",
            "environment.promotes_to: it is a whole number; give an object",
        ),
        ("models     = {", "gates = { approval = true }\nmodels = {", "gates.approval: nobody may approve"),
        ("models     = {", "gates = { plan_approval = true }\nmodels = {", "gates.plan_approval: nobody may approve"),
        ("models     = {", "gates = { evidence = true }\nmodels = {", "environment.gates: the first environment"),
        ("models     = {", 'gates = { evidence = "yes" }\nmodels = {', "gates.evidence: it is a string; give a bool"),
        ("models     = {", "gates = { soak_minutes = -1 }\nmodels = {", "gates.soak_minutes: give 0 or more minutes"),
        (
            "models     = {",
            "gates = { evidnce = true }\nmodels = {",
            "evidnce: this key is unknown; did you mean evidence?",
        ),
        ("models     = {", "gates = { evidence_max_age_hours = 0 }\nmodels = {", "evidence would never be valid"),
        ("models     = {", 'break_glass = ["*"]\nmodels = {', "break_glass: '*' is not the exact ARN"),
        (
            "models     = {",
            f"approvers = {SAME}\noperators = {SAME}\nmodels = {{",
            "environment.approvers: arn:aws:iam::222222222222:role/a would approve what it promotes",
        ),
        ("models     = {", 'freezes = { f = { reason = "r" } }\nmodels = {', "has either starts and ends, or weekly"),
        (
            "models     = {",
            'freezes = { f = { starts = "s", ends = "e" } }\nmodels = {',
            "freezes.f.reason: it is missing",
        ),
        ("models     = {", "wave = 0\nmodels = {", "environment.wave: it is 0; give a whole number from 1"),
        ("models     = {", "retention = { revisions = 0.5 }\nmodels = {", "retention.revisions: it is a number"),
    ],
)
def test_an_environment_that_is_not_right(estate: Estate, old: str, new: str, said: str) -> None:
    path = estate.folder / "qa" / "environment.tfvars"
    path.write_text(ENVIRONMENT.replace(old, new))
    with pytest.raises(UsageError) as caught:
        estate.environment("qa")
    assert caught.value.message.startswith(str(path))
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('endpoint = "ranker"', 'endpoint = "other"', "endpoint: it is 'other', and the file is named 'ranker'"),
        ("instance_count = 1", 'instance_count = "1"', "serving.variants.main.instance_count: it is a string"),
        ("instance_count = 1", "instance_count = 1.5", "serving.variants.main.instance_count: it is a number"),
        (", instance_count = 1", "", "give either serverless, or both instance_type and instance_count"),
        ("instance_count", "instance_cuont", "serving.variants.main.instance_cuont: this key is unknown; did you mean"),
        ('model = "ranker"', 'model = "Ran ker"', "serving.variants.main.model: 'Ran ker' is not a model's name"),
        ("autoscaling = { main", "autoscaling = { mian", "autoscaling.mian: there is no such variant; known are main"),
        ("min = 1, max = 3", "min = 3, max = 1", "autoscaling.main.max: min 3 and max 1 leave no room"),
        ("_per_instance = 20", "_per_intsance = 20", "autoscaling.main.invocations_per_intsance: this key is unknown"),
        (
            "max = 3,",
            "max = 3, schedules = { day = { min = 4 } },",
            "autoscaling.main.max: min 4 and max 3 leave no room",
        ),
        (
            "max = 3,",
            "max = 3, schedules = { day = { mni = 2 } },",
            "autoscaling.main.schedules.day.mni: this key is unknown",
        ),
        ("callers = {}", 'deployment = { strategy = "canary" }', "deployment: it is an object; give a string"),
        ("callers = {}", "calers = {}", "calers: this key is unknown; did you mean callers?"),
        ("callers = {}", "callers = true", "callers: it is a bool; give an object"),
        ("variants = {\n", "variants = {}\n x = {\n", "serving.x: this key is unknown"),
    ],
)
def test_an_endpoint_that_is_not_right(estate: Estate, old: str, new: str, said: str) -> None:
    path = estate.endpoint_file("qa", "ranker")
    path.write_text(ENDPOINT.replace(old, new))
    with pytest.raises(UsageError) as caught:
        estate.endpoint("qa", "ranker")
    assert caught.value.message.startswith(str(path))
    assert said in caught.value.message


def test_a_schedule_may_go_beyond_the_bounds(estate: Estate) -> None:
    schedules = (
        'schedules = { day = { schedule = "rate(1 day)", max = 9 }, night = { schedule = "rate(1 day)", min = 0 } }'
    )
    text = ENDPOINT.replace("max = 3,", f"max = 3, {schedules},").replace("callers", 'deployment = "quick"\ncallers')
    text = text.replace("serving = {", "serving = {\n  asynchronous = {}\n")
    estate.endpoint_file("qa", "ranker").write_text(text)
    found = estate.endpoint("qa", "ranker").autoscaling["main"]
    assert (found.minimum, found.maximum) == (0, 9)


def test_no_folder_at_all(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder of environments"):
        Estate(tmp_path / "none").environments()


def test_which_stacks_a_user_means(estate: Estate) -> None:
    def labels(stack: str, endpoint: str | None) -> list[str]:
        return [found.label for found in select(estate, environment="qa", stack=stack, endpoint=endpoint)]

    (estate.folder / "qa" / "endpoints" / "second.tfvars").write_text(ENDPOINT)
    assert labels("serving", None) == ["qa/serving/ranker", "qa/serving/second"]
    assert labels("serving", "second") == ["qa/serving/second"]
    assert labels("foundation", None) == ["qa/foundation"]
    for stack, endpoint in (("foundation", "ranker"), ("serving", "x"), ("storage", None)):
        with pytest.raises(UsageError):
            labels(stack, endpoint)


def test_folders_come_from_the_environment(tmp_path: Path) -> None:
    found = Workspace.find({"SLIPWAY_ENVIRONMENTS": str(tmp_path / "e"), "SLIPWAY_WORK": str(tmp_path / "w")})
    assert (found.environments, found.work) == (tmp_path / "e", tmp_path / "w")
    assert Workspace.find({}).environments == ROOT / "environments"
    assert Workspace.find({}).work == ROOT / ".slipway"


def test_a_lock_names_its_holder_and_is_free_again(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "qa-ranker.lock"
    with locks.held(path, what="qa/ranker"):
        with (
            pytest.raises(RefusedError, match=r"qa/ranker: process \d+ \(since 20") as caught,
            locks.held(path, what="qa/ranker"),
        ):
            pytest.fail("it was held twice")
        assert caught.value.exit_code == 3
    with locks.held(path, what="qa/ranker"):
        assert path.exists()


def test_nothing_is_hidden_side_by_side() -> None:
    def work(item: int) -> int:
        time.sleep(0.01 * (3 - item))
        if item == 1:
            raise RefusedError("no")
        if item == 2:
            raise SlipwayError("broken")
        return item

    outcomes = side_by_side([0, 1, 2], work)
    assert [outcome.value for outcome in outcomes] == [0, None, None]
    assert [str(outcome.error) for outcome in outcomes] == ["None", "no", "broken"]
    assert exit_code(outcomes) == 1
    assert exit_code(outcomes[:2]) == 3
    assert exit_code(outcomes[:1]) == 0


def test_a_bug_side_by_side_is_raised_after_the_others_ended() -> None:
    ended = threading.Event()

    def work(item: int) -> None:
        if item == 0:
            raise ZeroDivisionError
        time.sleep(0.05)
        ended.set()

    with pytest.raises(ZeroDivisionError):
        side_by_side([0, 1], work)
    assert ended.is_set()
