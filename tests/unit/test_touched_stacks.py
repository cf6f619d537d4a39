"""Which stacks changed files touch: the rules, on trees that are written down here."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from glue.core.changed import Change
from glue.core.reaching import Picture, is_read, reach
from glue.core.touched import Touched, all_stacks, estate_of, matrix, touched

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = "environments/{}/environment.tfvars"
TEXTS = {
    "terraform/bootstrap/main.tf": 'module "s" {\n  source = "../../modules/state-store"\n}\n',
    "terraform/foundation/main.tf": """module "a" {
  source = "../../modules/artifact-store"
}
locals { zip = "${path.root}/../../build/functions/queue.zip" }
""",
    "terraform/serving/main.tf": """module "e" { source = "../../modules/model-endpoint" }
locals {
  zip    = "${path.root}/../../build/functions/invoker.zip"
  policy = file("${path.module}/../../policy/served.json")
}
""",
    "modules/state-store/main.tf": 'module "b" {\n  source = "../encrypted-bucket"\n}\n',
    "modules/artifact-store/main.tf": 'module "b" {\n  source = "../encrypted-bucket"\n}\n',
    "modules/encrypted-bucket/main.tf": 'resource "aws_s3_bucket" "x" { force_destroy = false }\n',
    "modules/model-endpoint/main.tf": 'terraform { required_providers { aws = { source = "hashicorp/aws" } } }\n',
    "modules/model-endpoint/examples/minimal/main.tf": 'module "x" { source = "../../" }\n',
    "modules/unused/main.tf": "",
    "modules/queue/package.txt": "glue/core/records.py\nglue/__init__.py\n",
}
OTHERS = (
    "modules/queue/src/queue.py", "modules/invoker/src/invoker.py", "policy/served.json", "policy/access.toml",
    "glue/core/records.py", "glue/cli/main.py", "terraform/serving/.terraform.lock.hcl",
    "terraform/serving/tests/unit.tftest.hcl", "modules/model-endpoint/README.md", "README.md", "Makefile",
    "environments/README.md", "environments/qa/backend.hcl", "environments/dev/training/ranker.yaml",
    "environments/qa/endpoints/ranker.tfvars", "environments/qa/endpoints/ranker.revisions.tfvars",
    "environments/qa/endpoints/ads.tfvars", "environments/dev/endpoints/ranker.tfvars",
    *(ENVIRONMENT.format(env) for env in ("dev", "qa")),
)  # fmt: skip
ALL = [
    "dev/bootstrap", "dev/foundation", "dev/serving/ranker",
    "qa/bootstrap", "qa/foundation", "qa/serving/ads", "qa/serving/ranker",
]  # fmt: skip


def picture(
    *, without: tuple[str, ...] = (), texts: dict[str, str] | None = None, more: tuple[str, ...] = ()
) -> Picture:
    said = {path: text for path, text in {**TEXTS, **(texts or {})}.items() if path not in without}
    return Picture(frozenset({*said, *OTHERS, *more} - set(without)), texts=said)


def of(*changes: Change | str, now: Picture | None = None, before: Picture | None = None) -> Touched:
    """What changes touch; `before` had the same files unless told otherwise."""
    told = [change if isinstance(change, Change) else Change("modified", change) for change in changes]
    now = now or picture()
    return touched(told, now=now, before=(before or now,), folder="environments", order=("dev", "qa"))


def labels(found: Touched) -> list[str]:
    return [it.which.label for it in found.stacks]


@pytest.mark.parametrize(
    ("path", "stacks"),
    [
        (ENVIRONMENT.format("qa"), ["qa/bootstrap", "qa/foundation", "qa/serving/ads", "qa/serving/ranker"]),
        ("environments/qa/backend.hcl", ["qa/bootstrap", "qa/foundation", "qa/serving/ads", "qa/serving/ranker"]),
        ("environments/qa/odd.json", ["qa/bootstrap", "qa/foundation", "qa/serving/ads", "qa/serving/ranker"]),
        ("environments/qa/endpoints/ranker.tfvars", ["qa/serving/ranker"]),
        ("environments/qa/endpoints/ranker.revisions.tfvars", ["qa/serving/ranker"]),
        ("environments/dev/training/ranker.yaml", ["dev/foundation"]),
        ("environments/README.md", []),
        ("terraform/serving/main.tf", ["dev/serving/ranker", "qa/serving/ads", "qa/serving/ranker"]),
        ("terraform/serving/.terraform.lock.hcl", ["dev/serving/ranker", "qa/serving/ads", "qa/serving/ranker"]),
        ("terraform/serving/tests/unit.tftest.hcl", []),
        ("modules/model-endpoint/main.tf", ["dev/serving/ranker", "qa/serving/ads", "qa/serving/ranker"]),
        ("modules/model-endpoint/new.json", ["dev/serving/ranker", "qa/serving/ads", "qa/serving/ranker"]),
        ("modules/model-endpoint/README.md", []),
        ("modules/model-endpoint/examples/minimal/main.tf", []),
        ("modules/encrypted-bucket/main.tf", ["dev/bootstrap", "dev/foundation", "qa/bootstrap", "qa/foundation"]),
        ("modules/unused/main.tf", []),
        ("modules/invoker/src/invoker.py", ["dev/serving/ranker", "qa/serving/ads", "qa/serving/ranker"]),
        ("modules/queue/src/queue.py", ["dev/foundation", "qa/foundation"]),
        ("modules/queue/package.txt", ["dev/foundation", "qa/foundation"]),
        ("glue/core/records.py", ["dev/foundation", "qa/foundation"]),
        ("glue/cli/main.py", []),
        ("policy/served.json", ["dev/serving/ranker", "qa/serving/ads", "qa/serving/ranker"]),
        ("policy/access.toml", []),
        ("scripts/build_function.py", [label for label in ALL if "bootstrap" not in label]),
        ("docs/review/touched.md", []),
        ("tests/unit/test_x.py", []),
        ("sandbox/web.py", []),
        ("bench/report.py", []),
        ("models/ranker/train.py", []),
        (".github/workflows/check.yml", []),
        ("README.md", []),
        (".tool-versions", ALL),
        ("Makefile", ALL),
        ("policy/review-exceptions.toml", ALL),
        ("terraform/network/main.tf", ALL),
        ("environments/shared.tfvars", ALL),
        ("surprise.bin", ALL),
        ("glued/on.py", ALL),
    ],
)
def test_what_a_file_touches(path: str, stacks: list[str]) -> None:
    found = of(path)
    assert labels(found) == stacks
    assert bool(found.everything) == (stacks == ALL)
    assert all(path in why for it in found.stacks for why in it.why)


def test_the_reason_names_the_calls_that_lead_to_it() -> None:
    why = of("modules/encrypted-bucket/main.tf").stacks[1].why
    calls = "terraform/foundation calls modules/artifact-store calls modules/encrypted-bucket"
    assert why == (f"modules/encrypted-bucket/main.tf modified: {calls}",)
    first = of("Makefile", "terraform/serving/main.tf", "environments/qa/endpoints/ads.tfvars").stacks
    ads = next(it for it in first if it.which.label == "qa/serving/ads")
    assert [why.split(" ")[0] for why in ads.why] == [
        "environments/qa/endpoints/ads.tfvars", "terraform/serving/main.tf", "Makefile",
    ]  # fmt: skip


def test_deleted_data_leaves_a_stack_that_is_gone() -> None:
    path = "environments/qa/endpoints/ads.tfvars"
    found = of(Change("deleted", path), now=picture(without=(path,)), before=picture())
    assert [(it.which.label, it.gone) for it in found.stacks] == [("qa/serving/ads", True)]
    assert matrix(found.stacks) == []


def test_a_deleted_environment_is_gone_with_all_its_stacks() -> None:
    gone = tuple(path for path in OTHERS if path.startswith("environments/qa/"))
    found = of(*(Change("deleted", path) for path in gone), now=picture(without=gone), before=picture())
    assert [(it.which.label, it.gone) for it in found.stacks] == [(label, True) for label in ALL[3:]]


def test_a_renamed_endpoint_is_gone_under_the_old_name_and_new_under_the_other() -> None:
    old, new = "environments/qa/endpoints/ads.tfvars", "environments/qa/endpoints/banners.tfvars"
    change = Change("renamed", new, source=old)
    found = of(change, now=picture(without=(old,), more=(new,)), before=picture())
    assert [(it.which.label, it.gone, it.why) for it in found.stacks] == [
        ("qa/serving/ads", True, (f"{old} renamed to {new}: its settings",)),
        ("qa/serving/banners", False, (f"{new} renamed: its settings",)),
    ]


def test_what_was_called_before_counts_too() -> None:
    home = "modules/encrypted-bucket/main.tf"
    now = picture(without=(home,), texts={"modules/artifact-store/main.tf": "", "modules/state-store/main.tf": ""})
    found = of(Change("deleted", home), now=now, before=picture())
    assert labels(found) == ["dev/bootstrap", "dev/foundation", "qa/bootstrap", "qa/foundation"]


def test_a_call_that_leads_nowhere_makes_every_module_matter() -> None:
    lost = picture(texts={"terraform/serving/main.tf": 'module "e" { source = "../../modules/linked" }'})
    found = of("modules/unused/main.tf", now=lost)
    assert labels(found) == ["dev/serving/ranker", "qa/serving/ads", "qa/serving/ranker"]
    assert "calls modules/linked, which is not here" in found.stacks[0].why[0]


def test_calls_in_json_and_in_a_circle_are_followed() -> None:
    texts = {
        "terraform/serving/main.tf": "",
        "terraform/serving/more.tf.json": '{"module": {"e": {"source": "../../modules/model-endpoint"}}}',
        "modules/model-endpoint/main.tf": 'module "u" {\n  source = "../unused"\n}',
        "modules/unused/main.tf": 'module "back" { source = "../model-endpoint" }',
    }
    found = reach(picture(texts=texts), "serving")
    assert set(found.folders) == {"terraform/serving", "modules/model-endpoint", "modules/unused"}
    assert found.lost == ()


def test_a_submodule_stands_for_its_folder() -> None:
    now = Picture(
        picture(without=("modules/model-endpoint/main.tf",)).files, frozenset({"modules/model-endpoint"}), TEXTS
    )
    found = of(Change("modified", "modules/model-endpoint", submodule=True), now=now)
    assert labels(found) == ["dev/serving/ranker", "qa/serving/ads", "qa/serving/ranker"]


def test_names_that_would_be_commands_are_no_stacks() -> None:
    bad = "environments/qa/endpoints/$(id).tfvars"
    now = picture(more=(bad, ENVIRONMENT.format("q;a")))
    assert estate_of(now, "environments") == {"dev": ("ranker",), "qa": ("ads", "ranker")}
    found = of(Change("added", bad), now=now, before=picture())
    assert labels(found) == ALL[3:]


def test_order_is_the_chain_and_a_matrix_beyond_githubs_limit_is_by_root() -> None:
    estate = {"a": ("x", "y"), "b": ("z",)}
    assert [which.label for which in all_stacks(estate, ("b", "a"))] == [
        "b/bootstrap", "b/foundation", "b/serving/z", "a/bootstrap", "a/foundation", "a/serving/x", "a/serving/y",
    ]  # fmt: skip
    found = of("Makefile").stacks
    assert matrix(found)[2] == {"env": "dev", "stack": "serving", "endpoint": "ranker"}
    assert [(it["env"], it["stack"], it["endpoint"]) for it in matrix(found, most=6)] == [
        (env, stack, None) for env in ("dev", "qa") for stack in ("bootstrap", "foundation", "serving")
    ]


@pytest.fixture(scope="module")
def repository() -> Picture:
    """This repository as it lies here."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True, check=True, text=True,
    ).stdout.split("\0")[:-1]  # fmt: skip
    files = [path for path in listed if (ROOT / path).is_file()]
    return Picture(frozenset(files), texts={path: (ROOT / path).read_text() for path in files if is_read(path)})


def test_every_file_of_this_repository_has_its_place(repository: Picture) -> None:
    changes = [Change("modified", path) for path in sorted(repository.files)]
    found = touched(changes, now=repository, before=[repository], folder="environments")
    lost = {why for it in found.stacks for why in it.why if "nobody can say" in why}
    assert not lost, "say in glue/core/touched.py where these belong"


@pytest.mark.parametrize(
    ("path", "roots"),
    [
        ("modules/encrypted-bucket/bucket.tf", {"bootstrap", "foundation"}),
        ("modules/notification-topic/topic.tf", {"foundation"}),
        ("modules/deploy-role/plan.tf", {"bootstrap"}),
        ("modules/model-endpoint/endpoint.tf", {"serving"}),
        ("modules/drift-monitor/src/monitor.py", {"serving"}),
        ("modules/endpoint-invoker/src/invoker.py", {"serving"}),
        ("glue/core/records.py", {"foundation", "serving"}),
        ("glue/core/training/cost.py", {"foundation"}),
        ("glue/review/cost.py", set()),
    ],
)
def test_the_graph_of_this_repository(path: str, roots: set[str], repository: Picture) -> None:
    found = touched([Change("modified", path)], now=repository, before=[repository], folder="environments")
    assert {it.which.stack for it in found.stacks} == roots
