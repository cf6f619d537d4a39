"""The environments are data that people edit: what must fit together between files is checked here."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import hcl2
import pytest

from glue.core import freeze, names, waves
from glue.errors import UsageError
from glue.tf import hcl
from glue.tf.tfvars import Estate

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(Path(__file__).parent))

import type_constraints  # noqa: E402

FOLDERS = sorted(path.parent for path in ROOT.glob("environments/*/environment.tfvars"))
ROOTS = sorted(path.parent for path in ROOT.glob("terraform/*/backend.tf"))
CODE = sorted([*ROOT.glob("terraform/*/*.tf"), *ROOT.glob("modules/*/*.tf")])

Environment = dict[str, Any]


def environment(folder: Path) -> Environment:
    found = hcl.read(folder / "environment.tfvars")
    assert list(found) == ["environment"], f"{folder.name}: environment.tfvars sets exactly the variable environment"
    assert isinstance(found["environment"], dict)
    return found["environment"]


ENVIRONMENTS: dict[str, Environment] = {folder.name: environment(folder) for folder in FOLDERS}


def declared(root: Path) -> type_constraints.Type:
    """The type that a root declares for the variable environment."""
    for path in sorted(root.glob("*.tf")):
        for block in hcl2.loads(path.read_text()).get("variable", []):
            if '"environment"' in block:
                return type_constraints.parse(str(block['"environment"']["type"]).removeprefix("${").removesuffix("}"))
    raise AssertionError(f"{root.name} declares no variable environment")


def downstream(name: str) -> set[str]:
    """Every environment that releases reach from here, over any number of promotions."""
    direct = set(ENVIRONMENTS[name].get("promotes_to") or {})
    return direct.union(*(downstream(other) for other in direct))


def test_there_are_environments_and_roots() -> None:
    assert set(ENVIRONMENTS) >= {"dev", "qa", "production"}
    assert {root.name for root in ROOTS} == {"bootstrap", "foundation", "serving"}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_folder_is_named_as_the_environment(name: str) -> None:
    assert ENVIRONMENTS[name]["name"] == name


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_no_setting_is_misspelt(name: str) -> None:
    known = declared(ROOT / "terraform" / "foundation")
    assert list(type_constraints.complaints(ENVIRONMENTS[name], known, "environment")) == []


def test_a_misspelt_setting_would_be_found() -> None:
    known = declared(ROOT / "terraform" / "foundation")
    wrong = ENVIRONMENTS["dev"] | {"promote_to": {}, "models": {"ranker": {"trainings": {}}}}
    del wrong["owner"]
    assert sorted(type_constraints.complaints(wrong, known, "environment")) == [
        "environment.models[ranker].trainings is unknown",
        "environment.owner is missing",
        "environment.promote_to is unknown",
    ]


def test_roots_declare_the_environment_alike() -> None:
    full = declared(ROOT / "terraform" / "foundation")
    assert declared(ROOT / "terraform" / "bootstrap") == full
    serving = declared(ROOT / "terraform" / "serving")  # it leaves out what it does not read
    shared = {key: kind for key, kind in serving.attributes.items() if key != "models"}
    assert {key: full.attributes.get(key) for key in shared} == shared


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_backend_belongs_to_the_environment(folder: Path) -> None:
    here, backend = ENVIRONMENTS[folder.name], hcl.read(folder / "backend.hcl")
    bucket = names.state_bucket(here["project"], here["name"], here["account_id"])
    assert backend == {
        "bucket": bucket,
        "region": here["region"],
        "use_lockfile": True,
        "encrypt": True,
        "kms_key_id": f"arn:aws:kms:{here['region']}:{here['account_id']}:alias/{bucket.rpartition('-')[0]}",
        "allowed_account_ids": [here["account_id"]],
    }


def test_no_two_environments_share_account_and_region() -> None:
    """Two regions of one account are two environments; one region has one registry, and one set of repositories."""
    places = [(here["account_id"], here["region"]) for here in ENVIRONMENTS.values()]
    assert all(re.fullmatch(r"\d{12}", account) for account, _ in places)
    assert len(set(places)) == len(places)


def alike(environments: dict[str, Environment]) -> list[tuple[str, str]]:
    """Environments of one account of which one's names begin like all of the other's: `production`, `production-us`."""
    return [
        (one, other)
        for one, here in environments.items()
        for other, there in environments.items()
        if here["account_id"] == there["account_id"]
        and f"{there['project']}-{other}-".startswith(f"{here['project']}-{one}-")
        and one != other
    ]


def test_names_of_one_account_do_not_begin_alike() -> None:
    """IAM knows no regions: a role may use what begins with its environment's name, and must not reach another's."""
    assert alike(ENVIRONMENTS) == []
    here = ENVIRONMENTS["production"]
    two = {name: here | {"name": name} for name in ("production", "production-us", "production2")}
    assert alike(two) == [("production", "production-us")]
    assert alike({name: here | {"name": name} for name in ("production-eu", "production-us")}) == []


def test_the_environments_are_a_tree() -> None:
    estate = Estate(ROOT / "environments")
    found = {name: estate.environment(name) for name in estate.environments()}
    assert set(found) == set(ENVIRONMENTS)
    assert waves.problems(found) == []


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_neighbours_are_what_they_say_themselves(name: str) -> None:
    here = ENVIRONMENTS[name]
    source = here.get("promotes_from")
    said = [(source["name"], source)] if source else []
    for key in ("promotes_to", "replicates_images_to", "replicates_images_from"):
        said += list((here.get(key) or {}).items())
    for other, neighbour in said:
        assert {key: ENVIRONMENTS[other][key] for key in neighbour} == neighbour, f"{name} is wrong about {other}"


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_promotion_is_agreed_on_by_both_sides(name: str) -> None:
    sources = {other for other, there in ENVIRONMENTS.items() if name in (there.get("promotes_to") or {})}
    source = ENVIRONMENTS[name].get("promotes_from")
    assert sources == ({source["name"]} if source else set())


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_first_registry_replicates_to_all_downstream(name: str) -> None:
    here = ENVIRONMENTS[name]
    first = here.get("promotes_from") is None
    assert set(here.get("replicates_images_to") or {}) == (downstream(name) if first else set())


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_replication_is_agreed_on_by_both_sides(name: str) -> None:
    senders = {other for other, there in ENVIRONMENTS.items() if name in (there.get("replicates_images_to") or {})}
    assert set(ENVIRONMENTS[name].get("replicates_images_from") or {}) == senders


def test_models_of_an_environment_are_known_upstream() -> None:
    for name, here in ENVIRONMENTS.items():
        source = here.get("promotes_from")
        if source:
            assert set(here["models"]) <= set(ENVIRONMENTS[source["name"]]["models"]), name


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_code_names_no_environment(path: Path) -> None:
    """Environments are data: nothing under terraform/ or modules/ branches on one, or even contains its name."""
    text = re.sub(r"^\s*#.*$|\s#\s.*$", "", path.read_text(), flags=re.MULTILINE)
    found = [name for name in ENVIRONMENTS if re.search(rf"\b{re.escape(name)}\b", text)]
    accounts = [here["account_id"] for here in ENVIRONMENTS.values() if here["account_id"] in text]
    samples = re.findall(r'(?:error_message|description) *= *".*"', text)
    accounts = [account for account in accounts if not any(account in sample for sample in samples)]
    assert (found, accounts) == ([], [])


@pytest.mark.parametrize("root", ["bootstrap", "foundation"])
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("2026-12-20T18:00", "once"),
        ("fri 16:00", "weekly"),
        ("2026-12-20", ""),
        ("2026-12-20T18:00Z", ""),
        ("1999-12-20T18:00", ""),
        ("friday 16:00", ""),
        ("fri 24:00", ""),
        ("fri 9:00", ""),
    ],
)
def test_terraform_takes_the_times_that_the_glue_takes(root: str, text: str, kind: str) -> None:
    """A freeze that one of the two does not understand would be found only when it is too late."""
    code = (ROOT / "terraform" / root / "variables.tf").read_text()
    block = code[code.index("values(var.environment.freezes)") :]
    once, weekly = (re.search(rf'regex\("({start}[^"]+)"', block) for start in (r"\^20", r"\^\(mon"))
    assert once and weekly  # noqa: PT018
    found = {"once": re.fullmatch(once[1].strip("^$"), text), "weekly": re.fullmatch(weekly[1].strip("^$"), text)}
    assert [name for name, match in found.items() if match] == ([kind] if kind else [])
    times = {
        "once": {"starts": text, "ends": "2099-01-01T00:00"},
        "weekly": {"weekly_from": text, "weekly_until": "mon 00:00"},
    }
    for name, settings in times.items():
        try:
            freeze.parse_windows({"f": {"reason": "x", **settings}}, where="file")
            taken = True
        except UsageError:
            taken = False
        assert taken is (kind == name)
