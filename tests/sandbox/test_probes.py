"""Real calls by real roles that must be denied: policy/probes/*.toml, on the estate after the demo."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from scripts.probes import Probes, load
from tests.sandbox import inventory
from tests.sandbox.estate import Estate
from tests.sandbox.probe_callers import ACCOUNTS, Callers
from tests.sandbox.probe_facts import gather
from tests.sandbox.probing import Prober, names

pytestmark = pytest.mark.sandbox
Inventory = dict[str, Any]
PROVIDERS = """
  identity_providers = {
    github = {
      issuer   = "https://token.actions.githubusercontent.com"
      audience = "sts.amazonaws.com"
      subjects = {
        plan           = ["repo:example/slipway:pull_request"]
        deploy-serving = ["repo:example/slipway:environment:qa"]
        promote        = ["repo:example/slipway:environment:qa"]
      }
    }
  }
"""


@pytest.fixture(scope="module")
def probes() -> Probes:
    return load()


@pytest.fixture(scope="module")
def callers(estate: Estate, probes: Probes) -> Iterator[Callers]:
    """Everybody who calls; qa trusts a repository's pipelines, as an administrator's bootstrap makes it.

    The file is as before afterwards: who comes next has pipelines of its own to be trusted.
    """
    file = estate.environments / "qa" / "environment.tfvars"
    before = file.read_text()
    file.write_text(before.replace("\n  models = {", f"{PROVIDERS}\n  models = {{", 1))
    assert "identity_providers" in file.read_text()
    for verb in ("plan", "apply"):
        said = estate.slipway(verb, "--env", "qa", "--stack", "bootstrap")
        assert said.code == 0, said.err
    everybody = Callers(estate, probes)
    everybody.open_sessions(names(probes.all))
    yield everybody
    file.write_text(before)


@pytest.fixture(scope="module")
def prober(callers: Callers, probes: Probes) -> Prober:
    return Prober(callers, gather(callers, probes), probes)


def accounts(callers: Callers) -> Inventory:
    """Return what there is in all three accounts."""
    return {name: inventory.of_account(partial(callers.client, f"{name}/operator")) for name in ACCOUNTS}


@pytest.fixture(scope="module")
def before(prober: Prober, callers: Callers) -> Inventory:
    """The accounts before the first probe, after the facts were gathered."""
    return accounts(callers)


def test_every_call_is_denied_for_its_reason(before: Inventory, prober: Prober, probes: Probes) -> None:
    findings = prober.findings(probes.all)
    assert not findings, f"{len(findings)} of {len(probes.all)} calls:\n" + "\n".join(map(str, findings))


def test_the_denials_are_listed_with_what_other_accounts_are_not_told(prober: Prober, probes: Probes) -> None:
    untold = [probe for probe in probes.all if probe.by == ("untold",)]
    assert len(untold) > 30
    missing = [probe.id for probe in prober.unlisted(untold)]
    assert not missing, f"the sandbox's list of denials lacks {missing}"


def test_the_same_calls_succeed_for_those_who_may(before: Inventory, prober: Prober, probes: Probes) -> None:
    findings = prober.twin_findings(probes.all)
    assert not findings, "\n".join(map(str, findings))


def test_nothing_was_changed(before: Inventory, callers: Callers) -> None:
    changed = inventory.differences(before, accounts(callers))
    assert not changed, "\n".join(changed)


def test_a_call_that_is_not_denied_is_noticed(before: Inventory, prober: Prober, probes: Probes) -> None:
    """The judgement itself: told that its twin's caller must be denied, a probe finds that it was not."""
    harmless = [probe for probe in probes.all if probe.twin and probe.operation.startswith(("Get", "List"))]
    allowed = [prober.judge(prober.swapped(probe)) for probe in harmless if not probe.through]
    assert len(allowed) >= 25
    assert all("NOT DENIED" in str(found) for (found,) in allowed)


def test_the_probes_are_many_and_of_every_kind(probes: Probes) -> None:
    every = probes.all
    assert len(every) >= 500
    assert sum(probe.twin is not None for probe in every) >= 150
    calls = Counter((probe.who, probe.service, probe.operation, str(probe.given), probe.through) for probe in every)
    assert set(calls.values()) == {1}, "no call is counted twice"
    assert {probe.who.partition("/")[2] for probe in every} >= {
        "plan", "deploy-foundation", "deploy-serving", "promote", "execution", "invoker", "caller", "operator",
    }  # fmt: skip
    assert {probe.who for probe in every} >= {"application", "outsider", "person", "anonymous"}
