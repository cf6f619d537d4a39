"""`slipway drift` as a scheduled pipeline calls it; what it finds in each stack is played."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from glue.cli.app import App
from glue.core.environment import Environment
from glue.drifting import Looked
from glue.errors import AccessDeniedError, SlipwayError
from glue.fanout import Outcome
from glue.workspace import Stack
from tests.cli.conftest import Said

Call = Callable[..., Said]
WHERE = Environment("qa", "222222222222", "eu-west-1")


class Played:
    """Plays Drifts: stacks by label, and what was asked."""

    def __init__(self) -> None:
        self.found: dict[str, Looked | SlipwayError] = {}
        self.states: dict[str, bytes] = {}
        self.asked: list[str] = []

    def look_all(self, stacks: list[Stack]) -> list[Outcome[Stack, Looked]]:
        self.asked = [stack.label for stack in stacks]
        outcomes = []
        for stack in stacks:
            found = self.found.get(stack.label, Looked(stack))
            value, error = (None, found) if isinstance(found, SlipwayError) else (found, None)
            outcomes.append(Outcome(stack, value, error))
        return outcomes

    def keys(self, prefix: str) -> list[str]:
        return [key for key in self.states if key.startswith(prefix)]


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Played:
    found = Played()
    monkeypatch.setattr(App, "drifts", found)
    monkeypatch.setattr(App, "state_bucket", lambda self, where: found)
    monkeypatch.setattr(App, "state_in", lambda self, bucket, key: found.states[key])
    return found


def test_nothing_is_exit_code_0_with_counts(slipway: Call, played: Played) -> None:
    said = slipway("drift")
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[-1].endswith("0 drifted, 0 with pending changes, 0 could not be looked at.")
    envs = list(dict.fromkeys(label.split("/")[0] for label in played.asked))
    assert envs[0] == "dev"  # environments as they promote to each other
    assert [label for label in played.asked if label.startswith("qa/")] == [
        "qa/bootstrap", "qa/foundation", "qa/serving/ranker",
    ]  # fmt: skip


def test_drift_and_pending_changes_are_exit_code_3(slipway: Call, played: Played) -> None:
    played.found["qa/serving/ranker"] = Looked(
        Stack(WHERE, "serving", "ranker"), drift=("x: max 3 → 9",), pending=("ranker: ask @everyone",), grade="high"
    )
    said = slipway("drift", "--env", "qa", "--format", "json")
    document = json.loads(said.out)
    assert (said.code, document["drifted"], document["pending"], document["failed"]) == (3, 1, 1, 0)
    ranker = document["stacks"][-1]
    assert (ranker["drift"], ranker["pending"], ranker["grade"]) == (
        ["x: max 3 → 9"],
        ["ranker: ask @everyone"],
        "high",
    )
    assert (ranker["env"], ranker["stack"], ranker["endpoint"], ranker["truth"]) == ("qa", "serving", "ranker", None)
    text = slipway("drift", "--env", "qa", "--format", "markdown").out
    assert text.startswith("**3 stacks: 1 drifted, 1 with pending changes, 0 could not be looked at.**\n\n")
    assert "\n`qa/serving/ranker`, grade high\n- " in text
    assert "- not applied: ranker: ask `@everyone`\n" in text


def test_one_that_cannot_be_looked_at_is_exit_code_1_and_the_others_are_told(slipway: Call, played: Played) -> None:
    played.found["qa/bootstrap"] = AccessDeniedError("may not assume slipway-qa-plan")
    played.found["qa/serving/ranker"] = Looked(Stack(WHERE, "serving", "ranker"), drift=("x",))
    said = slipway("drift", "--env", "qa", "--format", "json")
    document = json.loads(said.out)
    assert (said.code, document["failed"], document["drifted"]) == (1, 1, 1)
    assert document["stacks"][0]["error"]["message"] == "may not assume slipway-qa-plan"
    text = slipway("drift", "--env", "qa", "--format", "markdown").out
    assert "`qa/bootstrap`, could not be looked at\n- may not assume" in text


def test_an_endpoint_whose_data_is_gone_is_told(slipway: Call, played: Played) -> None:
    played.states = {
        "serving/ranker.tfstate": b'{"resources": [{"mode": "managed"}]}',
        "serving/ads.tfstate": b'{"resources": [{"mode": "managed"}, {"mode": "managed"}]}',
    }
    said = slipway("drift", "--env", "qa", "--format", "json")
    gone = json.loads(said.out)["stacks"][-1]
    assert (said.code, gone["endpoint"]) == (3, "ads")
    assert gone["drift"][0].startswith("its data is gone, and Terraform still holds 2 resources")
    assert slipway("drift", "--env", "qa", "--stack", "foundation").code == 0


def test_states_that_cannot_be_listed_are_a_failure(
    slipway: Call, played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(self: App, where: Any) -> Any:
        raise AccessDeniedError("may not list")

    monkeypatch.setattr(App, "state_bucket", denied)
    said = slipway("drift", "--env", "qa", "--format", "json")
    assert (said.code, json.loads(said.out)["unlisted"]) == (1, {"qa": "may not list"})


@pytest.mark.parametrize(
    ("words", "labels"),
    [
        (("--env", "qa", "--stack", "foundation"), ["qa/foundation"]),
        (("--env", "qa", "--endpoint", "ranker"), ["qa/serving/ranker"]),
        (("--env", "qa", "--stack", "serving", "--stack", "bootstrap"), ["qa/bootstrap", "qa/serving/ranker"]),
    ],
)
def test_what_is_looked_at_can_be_chosen(
    words: tuple[str, ...], labels: list[str], slipway: Call, played: Played
) -> None:
    assert slipway("drift", *words).code == 0
    assert played.asked == labels


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--env", "nowhere"), "there is no environment 'nowhere'"),
        (("--env", "qa", "--endpoint", "rnker"), "Did you mean ranker?"),
        (("--stack", "foundation", "--endpoint", "ranker"), "stack foundation has no endpoints"),
    ],
)
def test_wrong_words(words: tuple[str, ...], said: str, slipway: Call, played: Played) -> None:
    found = slipway("drift", *words)
    assert (found.code, said in found.err) == (2, True)
