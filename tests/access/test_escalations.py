"""No planned role can widen itself: each known way of privilege escalation, in every context."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from scripts.access.declared import OWN, says
from scripts.access.judge import Judge, relation
from scripts.terraform_checks import ROOT

PATHS = tomllib.loads((ROOT / "policy" / "escalations.toml").read_text())["paths"]


def pairs(judge: Judge, path: dict[str, Any]) -> list[tuple[str, str]]:
    """The actions of a path with the kinds of resources that AWS knows for them, or with none."""
    known = judge.declared
    found = [(action, "*") for action in path["do"] if not known.actions[action]]
    return found + [
        (action, kind) for action in path["do"] for kind in path["on"] if known.kinds[kind][0] in known.actions[action]
    ]


@pytest.mark.parametrize("path", PATHS, ids=[path["name"] for path in PATHS])
def test_no_planned_role_can(committed: Judge, optional: Judge, path: dict[str, Any]) -> None:
    tried = pairs(committed, path)
    assert {action for action, _ in tried} == set(path["do"]), (
        "an action without a resource to try it on proves nothing"
    )
    harmless = {
        key: tuple(value) if isinstance(value, list) else (value,) for key, value in path.get("unless", {}).items()
    }
    found, asked_about = [], 0
    for judge in (committed, optional):
        for subject in (one for one in judge.planned() if one.who not in path.get("except", [])):
            for setting in judge.settings:
                if relation(subject.home, setting) != path.get("of", OWN):
                    continue
                if "only" in path and path["only"] not in judge.traits[setting.name]:
                    continue
                for action, kind in tried:
                    for asked in judge.vary(subject, setting, relation(subject.home, setting), action, kind):
                        if "unless" in path and says(asked.context, harmless):
                            continue
                        asked_about += 1
                        if asked.allowed:
                            found.append(f"{subject.who} may {action} on {kind} ({setting.name}) when {asked.said}")
    assert asked_about
    assert found == []


def test_names_are_distinct() -> None:
    assert len({path["name"] for path in PATHS}) == len(PATHS) >= 20
