"""A promotion to several environments: in waves, with an account of what was not touched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import ENDPOINT, ENVIRONMENT, Said

Call = Callable[..., Said]


@pytest.fixture
def production(data: Path) -> Path:
    """A second environment that promotes from dev; its account has no foundation. Its file is returned."""
    folder = data / "environments" / "production" / "endpoints"
    folder.mkdir(parents=True)
    source = '{ name = "dev", account_id = "111111111111", region = "eu-west-1" }\n  wave = 2'
    path = folder.parent / "environment.tfvars"
    path.write_text(ENVIRONMENT.format(name="production", account="333333333333", source=source))
    (folder / "ranker.tfvars").write_text(ENDPOINT)
    return path


def promote(slipway: Call, release: str, *words: str) -> Said:
    return slipway("promote", release, *words, "--image-timeout", "0", "--dry-run")


def test_the_next_wave_begins_only_after_the_first_succeeded(slipway: Call, release: str, production: Path) -> None:
    said = promote(slipway, release, "--to", "production", "--to", "qa", "--format", "json")
    assert said.code == 1
    document = json.loads(said.out)
    assert [(e["to"], e["wave"], e["outcome"]) for e in document["targets"]] == [
        ("qa", 1, "done"), ("production", 2, "failed"),
    ]  # fmt: skip
    assert document["targets"][0]["result"]["steps"]
    assert document["targets"][1]["error"]["message"]


def test_what_was_not_touched_is_named_with_the_next_command(slipway: Call, release: str, production: Path) -> None:
    production.write_text(production.read_text().replace("wave = 2", "wave = 1"))
    qa = production.parent.parent / "qa" / "environment.tfvars"
    qa.write_text(qa.read_text().replace("  models", "  wave = 3\n  models"))
    said = promote(slipway, release, "--after", "dev")
    assert said.code == 1
    assert "production did not succeed: qa not touched" in said.err
    assert f"Afterwards: slipway promote {release} --to qa" in said.out
    rows = [line.split() for line in said.out.splitlines()[:3]]
    assert rows == [["ENVIRONMENT", "WAVE", "OUTCOME"], ["production", "1", "failed"], ["qa", "-", "not", "touched"]]


def test_one_environment_says_what_it_always_said(slipway: Call, release: str) -> None:
    document = json.loads(promote(slipway, release, "--to", "qa", "--to", "qa", "--format", "json").out)
    assert document["to"] == "qa"


@pytest.mark.parametrize("words", [(), ("--to", "qa", "--after", "dev")])
def test_it_is_said_once_where_it_goes(slipway: Call, release: str, words: tuple[str, ...]) -> None:
    said = promote(slipway, release, *words)
    assert said.code == 2
    assert "give either --to, once or several times, or --after" in said.err


def test_nothing_is_behind_the_last_environment(slipway: Call, release: str) -> None:
    said = promote(slipway, release, "--after", "qa")
    assert said.code == 2
    assert "no environment promotes from qa" in said.err


def test_an_environment_and_the_one_before_it_are_not_promoted_to_at_once(slipway: Call, release: str) -> None:
    said = promote(slipway, release, "--to", "dev", "--to", "qa")
    assert said.code == 2
    assert "Promote to dev first" in said.err
